// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/driver/Visits.h"
#include "compiler/driver/HostTensor.h"
#include "dialects/NamedAffine.h"
#include "dialects/route/Route.h"
#include "passes/route/BlockRanges.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace attn;
using namespace attn::driver;

static reference::Symbols symbolsOf(KernelOp kernel, const Extents &extents,
                                    const llvm::StringMap<reference::Scalar> &scalars) {
  reference::Symbols::Extents free;
  for (StringRef rank : reference::freeRanks(kernel))
    if (std::optional<int64_t> extent = extents.get(rank))
      free[rank] = *extent;
  DenseMap<unsigned, reference::Scalar> numbered;
  for (unsigned i = 0; i < kernel.getArgumentTypes().size(); ++i)
    if (auto at = scalars.find(kernel.getArgName(i)); at != scalars.end())
      numbered[i] = at->second;
  return reference::Symbols(kernel, std::move(free), std::move(numbered));
}

RankExtents attn::driver::rankExtents(KernelOp kernel, const Extents &extents,
                                      const llvm::StringMap<reference::Scalar> &scalars) {
  reference::Symbols symbols = symbolsOf(kernel, extents, scalars);
  RankExtents all;
  for (RankAttr rank : kernel.getRanks().getAsRange<RankAttr>()) {
    StringRef name = rank.getName().getValue();
    if (llvm::Expected<int64_t> extent = symbols.extent(name))
      all[name.str()] = *extent;
    else
      llvm::consumeError(extent.takeError());
  }
  return all;
}

static SmallVector<route::AffineOp> membersOf(Value set) {
  if (auto affine = set.getDefiningOp<route::AffineOp>())
    return {affine};
  SmallVector<route::AffineOp> members;
  if (auto sets = set.getDefiningOp<route::UnionOp>())
    for (Value member : sets.getMembers())
      llvm::append_range(members, membersOf(member));
  return members;
}

/// The addends of an expression.
static void flatten(AffineExpr expr, SmallVectorImpl<AffineExpr> &addends) {
  if (expr.getKind() != AffineExprKind::Add)
    return addends.push_back(expr);
  auto sum = cast<AffineBinaryOpExpr>(expr);
  flatten(sum.getLHS(), addends);
  flatten(sum.getRHS(), addends);
}

static std::string textOf(AffineExpr expr, const AffineNames &names) {
  std::string text;
  llvm::raw_string_ostream out(text);
  printNamedAffine(out, expr, names);
  return text;
}

/// `expr` >= 0 as a comparison: what is subtracted and mentions a rank stands on the left.
static std::string comparison(AffineExpr expr, unsigned numDims, const AffineNames &names) {
  SmallVector<AffineExpr> addends;
  flatten(expr, addends);
  AffineExpr zero = getAffineConstantExpr(0, expr.getContext()), left = zero, right = zero;
  int64_t constant = 0;
  for (AffineExpr each : addends) {
    auto product = dyn_cast<AffineBinaryOpExpr>(each);
    auto factor =
        product && each.getKind() == AffineExprKind::Mul ? dyn_cast<AffineConstantExpr>(product.getRHS()) : nullptr;
    bool hasDim = llvm::any_of(llvm::seq(numDims), [&](unsigned d) { return each.isFunctionOfDim(d); });
    if (auto number = dyn_cast<AffineConstantExpr>(each))
      constant += number.getValue();
    else if (hasDim && factor && factor.getValue() < 0)
      left = left - each;
    else
      right = right + each;
  }
  bool isStrict = constant == -1;
  return textOf(left, names) + (isStrict ? " < " : " <= ") + textOf(isStrict ? right : right + constant, names);
}

/// The expression says no more than that the rank `dim` has an extent: M - 1 - m.
static bool isExtent(AffineExpr expr, unsigned dim, StringRef rank, KernelOp kernel, const AffineNames &names) {
  MLIRContext *context = expr.getContext();
  AffineExpr rest =
      simplifyAffineExpr(expr + getAffineDimExpr(dim, context) + 1, names.dims.size(), names.symbols.size());
  if (auto symbol = dyn_cast<AffineSymbolExpr>(rest))
    return names.symbols[symbol.getPosition()] == extentName(rank);
  auto number = dyn_cast<AffineConstantExpr>(rest);
  return number && kernel.findRank(rank).getConstantExtent() == number.getValue();
}

static std::string conditionOf(route::AffineOp set, KernelOp kernel) {
  std::string text;
  AffineNames names = set.getNames();
  for (AffineExpr expr : set.getConstraints().getResults()) {
    bool saysMore = llvm::none_of(llvm::enumerate(names.dims),
                                  [&](auto dim) { return isExtent(expr, dim.index(), dim.value(), kernel, names); });
    if (saysMore)
      text += (text.empty() ? "" : " and ") + comparison(expr, set.getNumDims(), names);
  }
  return text.empty() ? "all" : text;
}

static std::string conditionOf(ArrayRef<route::AffineOp> members, KernelOp kernel) {
  if (members.size() == 1)
    return conditionOf(members.front(), kernel);
  std::string all;
  for (route::AffineOp member : members)
    all += (all.empty() ? "(" : " or (") + conditionOf(member, kernel) + ")";
  return all;
}

/// What is known of a box of several members of a union, which are disjoint.
static char cellOf(ArrayRef<route::PointSet> members, ArrayRef<route::Interval<int64_t>> box) {
  char cell = '.';
  for (const route::PointSet &member : members)
    switch (route::classify(member, box)) {
    case route::BlockState::Empty:
      break;
    case route::BlockState::Partial:
      cell = '+';
      break;
    case route::BlockState::Full:
      return '#';
    }
  return cell;
}

/// Over the last leading rank and the last streamed one that have more than one block, else over the last ones.
static std::optional<BlockMap> blockMap(const Visits &visits, ArrayRef<route::PointSet> members,
                                        ArrayRef<int64_t> extents, unsigned numLeading) {
  constexpr int64_t kMostCells = 64;
  if (numLeading == 0 || llvm::is_contained(extents, 0))
    return std::nullopt;
  unsigned row = numLeading - 1, column = extents.size() - 1;
  for (unsigned i = 0; i < extents.size(); ++i)
    if (extents[i] > visits.block[i])
      (i < numLeading ? row : column) = i;
  auto pointsOf = [&](unsigned i) -> int64_t {
    int64_t blocks = llvm::divideCeil(extents[i], visits.block[i]);
    return visits.block[i] * int64_t(llvm::divideCeil(blocks, kMostCells));
  };
  BlockMap map{visits.ranks[row], visits.ranks[column], pointsOf(row), pointsOf(column), {}};
  SmallVector<route::Interval<int64_t>> box;
  for (auto [extent, size] : llvm::zip(extents, visits.block))
    box.push_back({0, std::min(extent, size) - 1});
  for (int64_t p = 0; p < extents[row]; p += map.rowPoints) {
    std::string &cells = map.cells.emplace_back();
    box[row] = {p, std::min(p + map.rowPoints, extents[row]) - 1};
    for (int64_t m = 0; m < extents[column]; m += map.columnPoints) {
      box[column] = {m, std::min(m + map.columnPoints, extents[column]) - 1};
      cells += cellOf(members, box);
    }
  }
  return map;
}

/// What a table holds is not known here; with a number larger than any extent a length leaves all blocks.
static constexpr int64_t kUnknownElement = int64_t(1) << 31;

static void count(Visits &visits, Value set, reference::Symbols &symbols, unsigned numLeading) {
  SmallVector<int64_t> extents;
  auto miss = [&](const std::string &name) {
    if (!llvm::is_contained(visits.missing, name))
      visits.missing.push_back(name);
  };
  for (const std::string &rank : visits.ranks) {
    llvm::Expected<int64_t> extent = symbols.extent(rank);
    extents.push_back(extent ? *extent : 0);
    if (extent)
      continue;
    llvm::consumeError(extent.takeError());
    miss(extentName(rank));
  }
  auto valueOf = [&](Value value, const std::string &name) -> int64_t {
    if (value.getDefiningOp<route::ElementOp>())
      return kUnknownElement;
    llvm::Expected<reference::Scalar> scalar = symbols.captured(value);
    if (scalar)
      return scalar->integer;
    llvm::consumeError(scalar.takeError());
    miss(name);
    return 0;
  };
  SmallVector<route::PointSet> points;
  for (route::AffineOp member : membersOf(set)) {
    SmallVector<int64_t> values;
    AffineNames names = member.getNames();
    for (auto [value, name] : llvm::zip_equal(member.getSymbols(), names.symbols))
      values.push_back(valueOf(value, name.str()));
    points.push_back(route::PointSet::of(member).bind(values));
  }
  if (!visits.missing.empty()) // counting with a wrong one could take forever
    return;
  FailureOr<route::BlockCounts> counts = route::countBlocks(points, extents, visits.block, numLeading);
  if (failed(counts))
    return;
  visits.total = counts->total;
  visits.visited = counts->visited;
  visits.full = counts->full;
  visits.partial = counts->partial;
  visits.points = counts->points;
  visits.isCounted = multiplyExtents(extents, visits.allPoints);
  visits.map = blockMap(visits, points, extents, numLeading);
}

std::vector<Visits> attn::driver::visitsOf(KernelOp kernel, const Extents *extents,
                                           const llvm::StringMap<reference::Scalar> &scalars) {
  std::vector<Visits> all;
  kernel.walk([&](StreamOp stream) {
    Value set = stream.getRoute();
    SmallVector<route::AffineOp> members = set ? membersOf(set) : SmallVector<route::AffineOp>();
    if (members.empty())
      return;
    Visits visits;
    for (StringRef rank : stream.getOver().getAsValueRange<StringAttr>())
      visits.over.push_back(rank.str());
    auto group = stream->getParentOfType<GroupOp>();
    for (StringRef rank : members.front().getDimNames()) {
      auto size = group && group.getTilingAttr() ? group.getTilingAttr().getAs<IntegerAttr>(rank) : nullptr;
      visits.ranks.push_back(rank.str());
      visits.block.push_back(size ? size.getInt() : 1);
    }
    visits.condition = conditionOf(members, kernel);
    auto readsTable = [](Value symbol) { return bool(symbol.getDefiningOp<route::ElementOp>()); };
    visits.isExact = llvm::none_of(members, [&](route::AffineOp member) {
      return member.getInexact() || llvm::any_of(member.getSymbols(), readsTable);
    });
    if (extents) {
      reference::Symbols symbols = symbolsOf(kernel, *extents, scalars);
      count(visits, set, symbols, visits.ranks.size() - visits.over.size());
    }
    all.push_back(std::move(visits));
  });
  return all;
}

const Visits *attn::driver::mainVisits(ArrayRef<Visits> visits) {
  const Visits *main = nullptr;
  for (const Visits &each : visits)
    if (!main || each.allPoints > main->allPoints)
      main = &each;
  return main;
}

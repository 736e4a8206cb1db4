// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What counts as work: the contractions as the spec has them (a sum of products of at least two operands), so that a kernel
// that computes something twice gets no credit for it. Of an Einsum whose points a condition removes only those that are left
// count, which the route of its stream tells.
#include "compiler/driver/Work.h"
#include "compiler/driver/HostTensor.h"
#include "dialects/NamedAffine.h"
#include "dialects/route/Route.h"
#include "passes/route/BlockRanges.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace attn;
using namespace attn::driver;

//===-- formulas -----------------------------------------------------------------------------------------------------===//

/// The map multiplies elements of different operands.
static bool isContraction(EinsumOp op) {
  if (!op.getReducerAttr() || op.getReducerAttr().getName() != "sum")
    return false;
  unsigned numRead = llvm::count_if(op.getMapBody().getArguments().take_front(op.getInputs().size()),
                              [](Value element) { return !element.use_empty(); });
  return numRead >= 2 && llvm::any_of(op.getMapBody(), [](Operation &each) {
           return isa<arith::MulFOp, arith::MulIOp>(each);
         });
}

static std::vector<std::string> rankList(RankedTensorType type) {
  std::vector<std::string> ranks;
  for (StringAttr dimension : rankNames(type))
    for (StringRef rank : factorsOf(dimension.getValue()))
      ranks.push_back(rank.str());
  return ranks;
}

static void addTensor(Type type, std::vector<Monomial> &bytes) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (!tensor)
    return;
  Monomial term{reference::byteWidth(tensor.getElementType()), rankList(tensor), false};
  auto same = llvm::find_if(bytes, [&](const Monomial &other) { return other.ranks == term.ranks; });
  if (same == bytes.end())
    bytes.push_back(std::move(term));
  else
    same->factor += term.factor;
}

Work attn::driver::workOf(KernelOp kernel) {
  Work work;
  llvm::DenseSet<Value> masked; // tensors some of whose points are absent
  kernel.walk([&](EinsumOp op) {
    bool isMasked = op.hasWhere() || llvm::any_of(op.getInputs(), [&](Value input) { return masked.contains(input); });
    if (isMasked && !op.getOtherwiseAttr())
      masked.insert(op.getResult());
    if (!isContraction(op))
      return;
    Monomial term{2, {}, isMasked};
    for (StringRef rank : op.getIteratorNames())
      term.ranks.push_back(rank.str());
    work.flops.push_back(std::move(term));
  });
  for (Type type : kernel.getArgumentTypes())
    addTensor(type, work.bytes);
  for (Type type : kernel.getResultTypes())
    addTensor(type, work.bytes);
  return work;
}

std::string attn::driver::print(ArrayRef<Monomial> sum, ArrayRef<std::string> visibleRanks) {
  std::string text;
  for (const Monomial &term : sum) {
    bool isVisible = term.isMasked && !visibleRanks.empty() &&
                     llvm::all_of(visibleRanks, [&](const std::string &rank) { return llvm::is_contained(term.ranks, rank); });
    text += (text.empty() ? "" : " + ") + std::to_string(term.factor);
    for (const std::string &rank : term.ranks)
      if (!isVisible || !llvm::is_contained(visibleRanks, rank))
        text += "*" + extentName(rank);
    if (isVisible)
      text += "*visible";
  }
  return text.empty() ? "0" : text;
}

std::optional<double> attn::driver::evaluate(ArrayRef<Monomial> sum, const RankExtents &extents, const Visits *visits) {
  double total = 0;
  for (const Monomial &term : sum) {
    double value = static_cast<double>(term.factor);
    for (const std::string &rank : term.ranks) {
      auto at = extents.find(rank);
      if (at == extents.end())
        return std::nullopt;
      value *= static_cast<double>(at->second);
    }
    if (term.isMasked && visits && visits->isCounted && visits->allPoints &&
        llvm::all_of(visits->ranks, [&](const std::string &rank) { return llvm::is_contained(term.ranks, rank); }))
      value *= static_cast<double>(visits->points) / static_cast<double>(visits->allPoints);
    total += value;
  }
  return total;
}

//===-- routes -------------------------------------------------------------------------------------------------------===//

static reference::Symbols symbolsOf(KernelOp kernel, const Extents &extents, const llvm::StringMap<reference::Scalar> &scalars) {
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

RankExtents attn::driver::rankExtents(KernelOp kernel, const Extents &extents, const llvm::StringMap<reference::Scalar> &scalars) {
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

/// `expr` >= 0 as a comparison: negative addends stand on the left.
static std::string comparison(AffineExpr expr, const AffineNames &names) {
  SmallVector<AffineExpr> addends;
  flatten(expr, addends);
  AffineExpr zero = getAffineConstantExpr(0, expr.getContext()), left = zero, right = zero;
  int64_t constant = 0;
  for (AffineExpr each : addends) {
    auto product = dyn_cast<AffineBinaryOpExpr>(each);
    auto factor = product && each.getKind() == AffineExprKind::Mul
                      ? dyn_cast<AffineConstantExpr>(product.getRHS())
                      : nullptr;
    if (auto number = dyn_cast<AffineConstantExpr>(each))
      constant += number.getValue();
    else if (factor && factor.getValue() < 0)
      left = left - each;
    else
      right = right + each;
  }
  StringRef relation = constant == -1 ? " < " : " <= ";
  if (constant < -1)
    left = left - constant;
  else if (constant > 0)
    right = right + constant;
  return textOf(left, names) + relation.str() + textOf(right, names);
}

/// The expression says no more than that a rank has an extent: E - 1 - d, with a symbol or a number for E.
static bool isExtent(AffineExpr expr, unsigned numDims) {
  SmallVector<AffineExpr> addends;
  flatten(expr, addends);
  unsigned numWithDim = 0;
  for (AffineExpr each : addends) {
    if (llvm::any_of(llvm::seq(numDims), [&](unsigned d) { return each == -getAffineDimExpr(d, expr.getContext()); }))
      ++numWithDim;
    else if (!isa<AffineConstantExpr, AffineSymbolExpr>(each))
      return false;
  }
  return numWithDim == 1 && addends.size() <= 3;
}

static std::string conditionOf(ArrayRef<route::AffineOp> members) {
  std::string all;
  for (route::AffineOp member : members) {
    std::string text;
    for (AffineExpr expr : member.getConstraints().getResults())
      if (!isExtent(expr, member.getNumDims()))
        text += (text.empty() ? "" : " and ") + comparison(expr, member.getNames());
    all += (all.empty() ? "" : " or ") + (text.empty() ? "all" : text);
  }
  return all;
}

static void count(Visits &visits, Value set, reference::Symbols &symbols, unsigned numLeading) {
  SmallVector<int64_t> extents;
  bool isKnown = true;
  for (const std::string &rank : visits.ranks) {
    llvm::Expected<int64_t> extent = symbols.extent(rank);
    isKnown &= bool(extent);
    extents.push_back(extent ? *extent : 0);
    if (!extent)
      llvm::consumeError(extent.takeError());
  }
  auto valueOf = [&](Value value) -> int64_t {
    llvm::Expected<reference::Scalar> scalar = symbols.captured(value);
    if (scalar)
      return scalar->integer;
    llvm::consumeError(scalar.takeError());
    isKnown = false;
    return 0;
  };
  // The symbols first: counting with a wrong one could take forever.
  for (route::AffineOp member : membersOf(set))
    for (Value symbol : member.getSymbols())
      valueOf(symbol);
  if (!isKnown)
    return;
  FailureOr<route::BlockCounts> counts = route::countBlocks(set, extents, visits.block, numLeading, valueOf);
  if (failed(counts))
    return;
  visits.total = counts->total;
  visits.visited = counts->visited;
  visits.full = counts->full;
  visits.partial = counts->partial;
  visits.points = counts->points;
  visits.isCounted = multiplyExtents(extents, visits.allPoints);
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
    visits.condition = conditionOf(members);
    visits.isExact = llvm::none_of(members, [](route::AffineOp member) { return member.getInexact(); });
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

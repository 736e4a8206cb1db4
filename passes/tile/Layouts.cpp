// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/tile/Layouts.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "llvm/Support/MathExtras.h"
#include <numeric>

using namespace mlir;
using namespace attn;
using namespace attn::tile;

static LayoutAttr scratchLayout(MLIRContext *context, unsigned numDims, ArrayRef<AffineExpr> places,
                                ArrayRef<int64_t> extents) {
  return LayoutAttr::get(context, AffineMap::get(numDims, 0, places, context), StringAttr::get(context, "scratch"),
                         extents);
}

LayoutAttr tile::rowsLayout(MLIRContext *context, ArrayRef<int64_t> shape) {
  SmallVector<AffineExpr> places;
  for (unsigned d = 0; d < shape.size(); ++d)
    places.push_back(getAffineDimExpr(d, context));
  return scratchLayout(context, shape.size(), places, shape);
}

LayoutAttr tile::panelsLayout(MLIRContext *context, ArrayRef<int64_t> shape, unsigned dim, ArrayRef<unsigned> outer,
                              int64_t width) {
  SmallVector<AffineExpr> places;
  SmallVector<int64_t> extents;
  auto add = [&](AffineExpr place, int64_t extent) {
    places.push_back(place);
    extents.push_back(extent);
  };
  for (unsigned d : outer)
    add(getAffineDimExpr(d, context), shape[d]);
  add(getAffineDimExpr(dim, context).floorDiv(width), llvm::divideCeil(shape[dim], width));
  for (unsigned d = 0; d < shape.size(); ++d)
    if (d != dim && !llvm::is_contained(outer, d))
      add(getAffineDimExpr(d, context), shape[d]);
  add(getAffineDimExpr(dim, context) % width, width);
  return scratchLayout(context, shape.size(), places, extents);
}

Type tile::storedType(Type element) {
  if (element.isInteger(1))
    return IntegerType::get(element.getContext(), 8);
  return element.isF16() || element.isBF16() ? IntegerType::get(element.getContext(), 16) : element;
}

int64_t tile::numPlaces(FragType type) { return ShapedType::getNumElements(type.getLayout().getExtents()); }

int64_t tile::bytesOf(FragType type) {
  return numPlaces(type) * llvm::divideCeil(storedType(type.getElementType()).getIntOrFloatBitWidth(), 8);
}

AffineExpr tile::linearPlace(FragType type) {
  LayoutAttr layout = type.getLayout();
  AffineExpr sum = getAffineConstantExpr(0, type.getContext());
  for (auto [place, extent] : llvm::zip(layout.getMap().getResults(), layout.getExtents()))
    sum = sum * extent + place;
  return sum;
}

std::optional<Run> tile::runOf(FragType type) {
  LayoutAttr layout = type.getLayout();
  for (unsigned i = layout.getExtents().size(); i-- > 0;) {
    if (layout.getExtents()[i] == 1)
      continue;
    AffineExpr place = layout.getMap().getResult(i);
    if (auto dim = dyn_cast<AffineDimExpr>(place))
      return Run{dim.getPosition(), layout.getExtents()[i]};
    auto mod = dyn_cast<AffineBinaryOpExpr>(place);
    if (!mod || mod.getKind() != AffineExprKind::Mod || !isa<AffineDimExpr>(mod.getLHS()))
      return std::nullopt;
    return Run{cast<AffineDimExpr>(mod.getLHS()).getPosition(), layout.getExtents()[i]};
  }
  return std::nullopt;
}

bool tile::isView(Value frag) {
  auto load = frag.getDefiningOp<LoadOp>();
  return load && load.getView();
}

bool tile::mayBeView(Value frag) {
  auto branch = frag.getDefiningOp<scf::IfOp>();
  if (!branch)
    return isView(frag);
  unsigned number = cast<OpResult>(frag).getResultNumber();
  return llvm::any_of(branch->getRegions(), [&](Region &region) {
    return !region.empty() && mayBeView(region.front().getTerminator()->getOperand(number));
  });
}

DotRoles tile::rolesOf(DotOp dot) {
  SmallVector<int64_t> space = dot.getSpace();
  auto has = [&](unsigned operand, unsigned dim) { return dot.getOperandMap(operand).isFunctionOfDim(dim); };
  DotRoles roles;
  for (AffineExpr expr : dot.getOperandMap(2).getResults()) {
    unsigned dim = cast<AffineDimExpr>(expr).getPosition();
    if (space[dim] > 1)
      roles.lanes = dim;
  }
  if (roles.lanes && has(0, *roles.lanes) && has(1, *roles.lanes))
    roles.lanes.reset();
  if (roles.lanes)
    roles.vectors = has(1, *roles.lanes) ? 1 : 0;
  for (unsigned dim = 0; dim < space.size(); ++dim) {
    if (roles.lanes == dim)
      continue;
    if (!has(2, dim))
      roles.contracted.push_back(dim);
    else if (has(0, dim) && has(1, dim))
      roles.batch.push_back(dim);
    else
      (has(roles.vectors, dim) ? roles.columns : roles.rows).push_back(dim);
  }
  return roles;
}

MicroTile tile::microTile(const TargetRow &row, int64_t maxVectors) {
  // Few rows and wide tiles: of the tiles that fit, the widest has the fewest loads for each multiply-add.
  constexpr int64_t minRows = 4;
  int64_t chains = row.fmaLatency * row.fmaPipes, vectors = 1;
  auto rowsFor = [&](int64_t v) { return std::max<int64_t>(minRows, llvm::divideCeil(chains, v)); };
  auto fits = [&](int64_t v) { return rowsFor(v) * v + v + 1 <= row.vectorRegisters; };
  while (2 * vectors <= maxVectors && fits(2 * vectors))
    vectors *= 2;
  return {rowsFor(vectors), vectors};
}

int64_t tile::commonRows(const TargetRow &row) {
  int64_t common = 1;
  for (int64_t vectors = 1; vectors <= int64_t(row.vectorRegisters); vectors *= 2)
    common = std::lcm(common, microTile(row, vectors).rows);
  return common;
}

int64_t tile::lanesOf(const TargetRow &row, Type element) {
  int64_t bits = std::max<int64_t>(32, element.isIndex() ? 64 : element.getIntOrFloatBitWidth());
  return std::max<int64_t>(1, row.lanes * 32 / bits);
}

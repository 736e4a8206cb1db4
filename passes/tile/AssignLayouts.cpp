// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// tile-assign-layouts. Needs: fragments without layouts (those that have one keep it). Gives each one. Rows serve
// everything; the one exception is the factor of a contraction that is read in vectors: it lies in panels, so that a
// micro-kernel walks through memory in order (unpacked, a panel of a wide matrix falls into few sets of the first
// cache). A load, or elementwise ops on one, makes the panels itself where nobody else looks; else a tile.convert does.
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "passes/Passes.h"
#include "passes/tile/Layouts.h"

namespace attn {
#define GEN_PASS_DEF_TILEASSIGNLAYOUTS
#include "passes/Passes.h.inc"
} // namespace attn

using namespace mlir;
using namespace attn;
using namespace attn::tile;

/// The type a factor is multiplied in, if that is not its own.
static Type widened(Type factor, Type result) { return factor == result ? Type() : result; }

/// dot(a: f16, b) = dot(map {extf} a, b): extension is exact.
static void widenFactor(DotOp dot, OpOperand &factor) {
  auto type = cast<FragType>(factor.get().getType());
  Type wide = widened(type.getElementType(), dot.getType().getElementType());
  if (!wide)
    return;
  OpBuilder b(dot);
  AffineMap identity = b.getMultiDimIdentityMap(type.getRank());
  auto map = MapOp::create(b, dot.getLoc(), TypeRange(FragType::get(type.getShape(), wide)), ValueRange(factor.get()),
                           ValueRange(), b.getAffineMapArrayAttr({identity}), AffineMapAttr());
  Block *body = b.createBlock(&map.getBody(), {}, type.getElementType(), dot.getLoc());
  Value x = body->getArgument(0);
  Value y = isa<FloatType>(wide) ? arith::ExtFOp::create(b, dot.getLoc(), wide, x).getResult()
                                 : arith::ExtSIOp::create(b, dot.getLoc(), wide, x).getResult();
  YieldOp::create(b, dot.getLoc(), y);
  factor.set(map.getResult(0));
}

/// Positions of the dimensions `dims` of the space in an operand.
static SmallVector<unsigned> positionsIn(AffineMap map, ArrayRef<unsigned> dims) {
  SmallVector<unsigned> positions;
  for (auto [i, expr] : llvm::enumerate(map.getResults()))
    if (llvm::is_contained(dims, cast<AffineDimExpr>(expr).getPosition()))
      positions.push_back(i);
  return positions;
}

/// The layout `dot` wants of the factor it reads in vectors; none where packing would cost more than it saves.
static LayoutAttr wantedLayout(DotOp dot, const TargetRow &row) {
  DotRoles roles = rolesOf(dot);
  if (!roles.lanes)
    return {};
  SmallVector<int64_t> space = dot.getSpace();
  int64_t numRows = 1;
  for (unsigned dim : roles.rows)
    numRows *= space[dim];
  if (numRows < 2)
    return {}; // each element is used once
  AffineMap map = dot.getOperandMap(roles.vectors);
  auto type = cast<FragType>(dot->getOperand(roles.vectors).getType());
  int64_t lanes = lanesOf(row, type.getElementType()), extent = space[*roles.lanes];
  int64_t vectors = microTile(row, llvm::PowerOf2Ceil(llvm::divideCeil(extent, lanes))).vectors;
  SmallVector<unsigned> outer(roles.batch);
  outer.append(roles.columns);
  return panelsLayout(dot.getContext(), type.getShape(), positionsIn(map, *roles.lanes).front(),
                      positionsIn(map, outer), vectors * lanes);
}

namespace {
struct AssignLayouts : attn::impl::TileAssignLayoutsBase<AssignLayouts> {
  using Base::Base;
  DenseMap<Value, LayoutAttr> chosen;

  void runOnOperation() override {
    const TargetRow *row = findTarget(target);
    if (!row) {
      getOperation().emitError() << "unknown target '" << target << "'";
      return signalPassFailure();
    }
    SmallVector<std::pair<OpOperand *, LayoutAttr>> wanted;
    getOperation().walk([&](DotOp dot) {
      widenFactor(dot, dot.getLhsMutable());
      widenFactor(dot, dot.getRhsMutable());
      LayoutAttr layout = wantedLayout(dot, *row);
      if (layout)
        wanted.emplace_back(&dot->getOpOperand(rolesOf(dot).vectors), layout);
    });
    for (auto [operand, layout] : wanted)
      if (canBeMadeIn(operand->get()))
        choose(operand->get(), layout);
    setTypes();
    for (auto [operand, layout] : wanted)
      convert(*operand, layout);
  }

  /// Whether `value` may take any layout: a load, or elementwise ops on loads, read once.
  static bool canBeMadeIn(Value value) {
    Operation *op = value.getDefiningOp();
    if (!op || op->getNumResults() != 1 || cast<FragType>(value.getType()).getLayout() || !value.hasOneUse())
      return false;
    if (isa<LoadOp>(op))
      return true;
    if (auto mask = dyn_cast<MaskOp>(op))
      return !mask.getCondition() && canBeMadeIn(mask.getInput());
    auto map = dyn_cast<MapOp>(op);
    return map && llvm::all_of(llvm::seq<unsigned>(0, map.getInputs().size()), [&](unsigned i) {
             return map.getOperandMap(i).isIdentity() && canBeMadeIn(map.getInputs()[i]);
           });
  }

  void choose(Value value, LayoutAttr layout) {
    chosen[value] = layout;
    for (Value operand : value.getDefiningOp()->getOperands())
      if (isa<MaskOp, MapOp>(value.getDefiningOp()) && isa<FragType>(operand.getType()))
        choose(operand, layout);
  }

  void setType(Value value) {
    auto type = dyn_cast<FragType>(value.getType());
    if (!type || type.getLayout())
      return;
    LayoutAttr layout = chosen.lookup(value);
    value.setType(type.withLayout(layout ? layout : rowsLayout(&getContext(), type.getShape())));
  }

  void setTypes() {
    getOperation().walk([&](Operation *op) {
      for (Value result : op->getResults())
        setType(result);
      for (Region &region : op->getRegions())
        for (Block &block : region)
          for (Value argument : block.getArguments())
            setType(argument);
    });
  }

  static void convert(OpOperand &operand, LayoutAttr layout) {
    auto type = cast<FragType>(operand.get().getType());
    if (type.getLayout() == layout)
      return;
    OpBuilder b(operand.getOwner());
    operand.set(ConvertOp::create(b, operand.getOwner()->getLoc(), type.withLayout(layout), operand.get()));
  }
};
} // namespace

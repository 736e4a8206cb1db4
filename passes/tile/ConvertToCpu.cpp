// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// tile-convert-to-cpu. Needs: tile.offset on whatever makes fragments, and launches with the ABI's signature. Fragments
// become views of the worker's scratch, tile ops loops over them (passes/tile/cpu); loops and branches lose their
// carried fragments, which have the place of what is yielded for them.
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "passes/Passes.h"
#include "passes/tile/CallAbi.h"
#include "passes/tile/cpu/Sweeps.h"

namespace attn {
#define GEN_PASS_DEF_TILECONVERTTOCPU
#include "passes/Passes.h.inc"
} // namespace attn

using namespace mlir;
using namespace attn;
using namespace attn::tile;

static bool isFrag(Value value) { return isa<FragType>(value.getType()); }

/// A view that a branch yields must be known before it, as its indices are.
static void makeView(LoadOp load, cpu::Emit &b) {
  auto branch = dyn_cast<scf::IfOp>(load->getParentOp());
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(branch ? branch.getOperation() : load.getOperation());
  b.buffers[load.getResult()] = cpu::viewOf(load, b);
}

/// What a branch makes lies in scratch, or is a view that one of its regions yields.
static void chooseView(scf::IfOp branch, cpu::Emit &b) {
  for (OpResult frag : llvm::make_filter_range(branch->getResults(), mayBeView)) {
    auto place = [&](Region &region) {
      Value yielded = region.front().getTerminator()->getOperand(frag.getResultNumber());
      return b.buffers.lookup(mayBeView(yielded) ? yielded : Value(frag));
    };
    Value whenTrue = place(branch.getThenRegion()), whenFalse = place(branch.getElseRegion());
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPoint(branch);
    auto any = [&](Value place) {
      auto type = cast<MemRefType>(place.getType());
      auto strided = StridedLayoutAttr::get(b.getContext(), ShapedType::kDynamic, {1});
      return memref::CastOp::create(b, MemRefType::get(type.getShape(), type.getElementType(), strided), place);
    };
    b.buffers[frag] = arith::SelectOp::create(b, branch.getCondition(), any(whenTrue), any(whenFalse));
  }
}

/// Gives every fragment its view of scratch; those with one offset and type share it.
static LogicalResult makeBuffers(func::FuncOp function, cpu::Emit &b) {
  Value scratch = CallAbi(b, function.getArgument(0)).scratch(function.getArgument(2));
  DenseMap<std::pair<int64_t, Type>, Value> views;
  WalkResult result = function.walk([&](Operation *op) {
    auto offsets = op->getAttrOfType<DenseI64ArrayAttr>("tile.offset");
    for (OpResult frag : llvm::make_filter_range(op->getResults(), isFrag)) {
      if (isView(frag))
        continue;
      auto type = cast<FragType>(frag.getType());
      if (!offsets || size_t(offsets.size()) != op->getNumResults() || !type.getLayout()) {
        op->emitError() << "fragment without a layout or 'tile.offset'";
        return WalkResult::interrupt();
      }
      auto memory = MemRefType::get({numPlaces(type)}, storedType(type.getElementType()));
      int64_t offset = offsets[frag.getResultNumber()];
      Value &view = views[{offset, memory}];
      if (!view)
        view = memref::ViewOp::create(b, memory, scratch, b.index(offset), ValueRange());
      b.buffers[frag] = view;
      if (auto loop = dyn_cast<scf::ForOp>(op))
        b.buffers[loop.getRegionIterArgs()[frag.getResultNumber()]] = view;
    }
    return WalkResult::advance();
  });
  return failure(result.wasInterrupted());
}

/// Fails unless each fragment that enters or is yielded has the place of what it becomes.
static LogicalResult checkPlaces(Operation *op, ValueRange values, ValueRange targets, const cpu::Emit &b) {
  for (auto [value, target] : llvm::zip(values, targets))
    if (isFrag(target) && !mayBeView(value) && b.buffers.lookup(value) != b.buffers.lookup(target))
      return op->emitError() << "carried fragment is not at the 'tile.offset' of what it becomes";
  return success();
}

static void lower(Operation *op, cpu::Emit &b) {
  b.setInsertionPoint(op);
  b.setLoc(op->getLoc());
  llvm::TypeSwitch<Operation *>(op)
      .Case([&](LoadOp load) { cpu::lowerLoad(load, b); })
      .Case([&](StoreOp store) { cpu::lowerStore(store, b); })
      .Case([&](ConvertOp convert) { cpu::lowerConvert(convert, b); })
      .Case([&](MapOp map) { cpu::lowerMap(map, b); })
      .Case([&](MaskOp mask) { cpu::lowerMask(mask, b); })
      .Case([&](ReduceOp reduce) { cpu::lowerReduce(reduce, b); })
      .Case([&](DotOp dot) { cpu::lowerDot(dot, b); });
}

/// Without the values that go with fragments among `results`. Uses of fragments may be gone already.
static SmallVector<Value> others(ValueRange values, ResultRange results) {
  SmallVector<Value> kept;
  for (auto [value, result] : llvm::zip(values, results))
    if (!isFrag(result))
      kept.push_back(value);
  return kept;
}

static void replace(Operation *op, Operation *slim) {
  for (Region &region : slim->getRegions())
    if (!region.empty()) {
      Operation *terminator = region.front().getTerminator();
      terminator->setOperands(others(terminator->getOperands(), op->getResults()));
    }
  for (auto [result, next] : llvm::zip(others(op->getResults(), op->getResults()), slim->getResults()))
    result.replaceAllUsesWith(next);
  op->dropAllUses();
  op->erase();
}

static void dropCarried(scf::ForOp loop, OpBuilder &b) {
  b.setInsertionPoint(loop);
  auto slim = scf::ForOp::create(b, loop.getLoc(), loop.getLowerBound(), loop.getUpperBound(), loop.getStep(),
                                 others(loop.getInitArgs(), loop.getResults()));
  slim.getRegion().takeBody(loop.getRegion());
  for (BlockArgument argument : slim.getBody()->getArguments())
    if (isFrag(argument))
      argument.dropAllUses();
  slim.getBody()->eraseArguments([](BlockArgument argument) { return isFrag(argument); });
  replace(loop, slim);
}

static void dropResults(scf::IfOp branch, OpBuilder &b) {
  b.setInsertionPoint(branch);
  SmallVector<Type> types;
  llvm::copy_if(branch.getResultTypes(), std::back_inserter(types), [](Type type) { return !isa<FragType>(type); });
  auto slim = scf::IfOp::create(b, branch.getLoc(), types, branch.getCondition(), /*withElseRegion=*/false);
  slim.getThenRegion().takeBody(branch.getThenRegion());
  slim.getElseRegion().takeBody(branch.getElseRegion());
  replace(branch, slim);
}

namespace {
struct ConvertToCpu : attn::impl::TileConvertToCpuBase<ConvertToCpu> {
  using Base::Base;

  void runOnOperation() override {
    func::FuncOp function = getOperation();
    const TargetRow *row = findTarget(target);
    if (!row || row->lowering != Lowering::Cpu) {
      function.emitError() << "no CPU target '" << target << "'";
      return signalPassFailure();
    }
    if (function->hasAttr("tile.scratch_bytes") && failed(convert(function, *row)))
      signalPassFailure();
  }

  static LogicalResult convert(func::FuncOp function, const TargetRow &row) {
    SmallVector<Operation *> ops, structures;
    function.walk([&](Operation *op) {
      if (isa<TileDialect>(op->getDialect()) && !isa<YieldOp>(op))
        ops.push_back(op);
      else if (isa<scf::ForOp, scf::IfOp>(op) && llvm::any_of(op->getResults(), isFrag))
        structures.push_back(op);
    });
    cpu::Emit b(row, function.getLoc(), function.getContext());
    b.setInsertionPointToStart(&function.front());
    if (failed(makeBuffers(function, b)) || failed(checkStructures(structures, b)))
      return failure();
    function.walk([&](Operation *op) {
      if (auto load = dyn_cast<LoadOp>(op); load && load.getView())
        makeView(load, b);
      else if (auto branch = dyn_cast<scf::IfOp>(op))
        chooseView(branch, b);
    });
    cpu::findSweeps(ops, b);
    for (Operation *op : ops)
      if (!b.joined.count(op))
        lower(op, b);
    for (Operation *op : ops)
      op->dropAllUses();
    for (Operation *op : structures)
      if (auto loop = dyn_cast<scf::ForOp>(op))
        dropCarried(loop, b);
      else
        dropResults(cast<scf::IfOp>(op), b);
    for (Operation *op : llvm::reverse(ops))
      op->erase();
    return success();
  }

  static LogicalResult checkStructures(ArrayRef<Operation *> structures, const cpu::Emit &b) {
    for (Operation *op : structures) {
      auto loop = dyn_cast<scf::ForOp>(op);
      if (loop && failed(checkPlaces(op, loop.getInitArgs(), loop.getRegionIterArgs(), b)))
        return failure();
      for (Region &region : op->getRegions())
        if (failed(checkPlaces(op, region.front().getTerminator()->getOperands(), op->getResults(), b)))
          return failure();
    }
    return success();
  }
};
} // namespace

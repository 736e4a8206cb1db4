// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// tile-schedule. Needs: layouts. Expands the loops over visited blocks into a loop over full blocks and loops over partial ones,
// so that masks of full blocks fold, and moves what does not change in a loop out of it.
#include "passes/Passes.h"
#include "dialects/tile/Tile.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Interfaces/LoopLikeInterface.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/LoopInvariantCodeMotionUtils.h"
#include "mlir/Transforms/Passes.h"

namespace attn {
#define GEN_PASS_DEF_TILESCHEDULE
#include "passes/Passes.h.inc"
} // namespace attn

using namespace mlir;
using namespace attn;
using namespace attn::tile;

/// A load may run earlier and once if the loop writes nothing that it could read. Loads read only inside extents, so running one
/// that the loop would not have run is safe.
static bool isInvariantLoad(Operation *op, LoopLikeOpInterface loop) {
  if (!isa<LoadOp>(op))
    return false;
  return !loop->walk([](StoreOp) { return WalkResult::interrupt(); }).wasInterrupted();
}

static void hoistInvariants(LoopLikeOpInterface loop) {
  moveLoopInvariantCode(
      loop.getLoopRegions(), [&](Value value, Region *) { return loop.isDefinedOutsideOfLoop(value); },
      [&](Operation *op, Region *) { return (isMemoryEffectFree(op) && isSpeculatable(op)) || isInvariantLoad(op, loop); },
      [&](Operation *op, Region *) { loop.moveOutOfLoop(op); });
}

namespace {
struct Schedule : attn::impl::TileScheduleBase<Schedule> {
  using Base::Base;

  void runOnOperation() override {
    OpPassManager cleanup(func::FuncOp::getOperationName());
    cleanup.addPass(createCanonicalizerPass());
    cleanup.addPass(createCSEPass());
    if (failed(runPipeline(cleanup, getOperation())))
      return signalPassFailure();
    // Launches are loops too, but what is outside of them runs once a call, in one thread.
    getOperation().walk([](LoopLikeOpInterface loop) {
      if (!isa<scf::ForallOp>(loop))
        hoistInvariants(loop);
    });
  }
};
} // namespace

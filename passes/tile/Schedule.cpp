// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// tile-schedule. Needs: layouts. Expands the loops over visited blocks into a loop over full blocks and loops over
// partial ones, so that masks of full blocks fold, and moves what does not change in a loop out of it, or, where many
// tasks would do it, into a launch of its own.
#include "dialects/route/Route.h"
#include "dialects/tile/Tile.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Dominance.h"
#include "mlir/Interfaces/LoopLikeInterface.h"
#include "mlir/Transforms/CSE.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "mlir/Transforms/LoopInvariantCodeMotionUtils.h"
#include "passes/Passes.h"
#include "passes/route/BlockRanges.h"
#include "passes/tile/HoistPacks.h"

namespace attn {
#define GEN_PASS_DEF_TILESCHEDULE
#include "passes/Passes.h.inc"
} // namespace attn

using namespace mlir;
using namespace attn;
using namespace attn::tile;

/// A load may run earlier and once if the loop writes nothing that it could read. Loads read only inside extents, so
/// running one that the loop would not have run is safe.
static bool isInvariantLoad(Operation *op, LoopLikeOpInterface loop) {
  if (!isa<LoadOp>(op))
    return false;
  return !loop->walk([](StoreOp) { return WalkResult::interrupt(); }).wasInterrupted();
}

static void hoistInvariants(LoopLikeOpInterface loop) {
  moveLoopInvariantCode(
      loop.getLoopRegions(), [&](Value value, Region *) { return loop.isDefinedOutsideOfLoop(value); },
      [&](Operation *op, Region *) {
        return (isMemoryEffectFree(op) && isSpeculatable(op)) || isInvariantLoad(op, loop);
      },
      [&](Operation *op, Region *) { loop.moveOutOfLoop(op); });
}

/// Elementwise ops go right before their first reader, whose loops may then make them.
static void sinkToReader(Operation *op) {
  Operation *first = nullptr;
  for (Operation *user : op->getUsers()) {
    Operation *here = op->getBlock()->findAncestorOpInBlock(*user);
    if (!here)
      return;
    if (!first || here->isBeforeInBlock(first))
      first = here;
  }
  if (first)
    op->moveBefore(first);
}

namespace {
struct Schedule : attn::impl::TileScheduleBase<Schedule> {
  using Base::Base;

  /// Canonicalises what is inside of launches. A launch itself would be folded away where it has one task.
  LogicalResult simplify() {
    RewritePatternSet patterns(&getContext());
    for (Dialect *dialect : getContext().getLoadedDialects())
      dialect->getCanonicalizationPatterns(patterns);
    for (RegisteredOperationName name : getContext().getRegisteredOperations())
      name.getCanonicalizationPatterns(patterns, &getContext());
    FrozenRewritePatternSet frozen(std::move(patterns));
    DominanceInfo dominance(getOperation());
    IRRewriter rewriter(&getContext());
    eliminateCommonSubExpressions(rewriter, dominance, getOperation());
    for (auto launch : getOperation().getOps<scf::ForallOp>())
      if (failed(applyPatternsGreedily(launch.getRegion(), frozen)))
        return launch.emitError() << "simplification does not come to an end";
    return success();
  }

  void hoistAllPacks() {
    SmallVector<std::pair<scf::ForallOp, route::ForOp>> loops;
    for (auto launch : getOperation().getOps<scf::ForallOp>())
      launch.walk([&](route::ForOp loop) { loops.emplace_back(launch, loop); });
    IRRewriter rewriter(&getContext());
    for (auto [launch, loop] : loops)
      for (route::ForOp member : route::splitUnion(rewriter, loop))
        hoistPacks(launch, member, workspaceLimit);
  }

  /// Innermost first: expansion copies bodies.
  LogicalResult expandRoutes() {
    SmallVector<route::ForOp> loops;
    getOperation().walk([&](route::ForOp loop) { loops.push_back(loop); });
    IRRewriter rewriter(&getContext());
    for (route::ForOp loop : loops)
      if (failed(route::expandRouteFor(rewriter, loop, route::RouteExpansion::Peel)))
        return failure();
    return success();
  }

  void runOnOperation() override {
    // Before bodies are copied. Launches are loops too, but what is outside of them runs once a call, in one thread.
    getOperation().walk([](LoopLikeOpInterface loop) {
      if (!isa<scf::ForallOp>(loop))
        hoistInvariants(loop);
    });
    if (failed(simplify()))
      return signalPassFailure();
    hoistAllPacks();
    if (failed(expandRoutes()) || failed(simplify()))
      return signalPassFailure();
    SmallVector<Operation *> elementwise;
    getOperation().walk([&](Operation *op) {
      if (isa<MapOp, MaskOp>(op))
        elementwise.push_back(op);
    });
    for (Operation *op : llvm::reverse(elementwise))
      sinkToReader(op);
  }
};
} // namespace

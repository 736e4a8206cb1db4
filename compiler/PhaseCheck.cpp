// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What may be left when a phase ends: a list of dialects for each, and the ops that must have become something else.
#include "compiler/PhaseCheck.h"
#include "dialects/attn/Attn.h"
#include "dialects/route/Route.h"
#include "dialects/tile/Tile.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Pass/Pass.h"

using namespace mlir;
using namespace attn;

static ArrayRef<StringRef> legalDialects(Phase phase) {
  static const StringRef attnOnly[] = {"attn", "arith", "math", "builtin"};
  static const StringRef withRoutes[] = {"attn", "route", "arith", "math", "builtin"};
  static const StringRef tiles[] = {"tile", "scf", "affine", "arith", "math", "memref", "func", "cf", "builtin"};
  static const StringRef upstream[] = {"vector", "llvm", "scf", "affine", "arith",  "math",
                                       "memref", "func", "cf",  "ub",     "builtin"};
  switch (phase) {
  case Phase::Spec:
  case Phase::Cascade:
    return attnOnly;
  case Phase::Route:
    return withRoutes;
  case Phase::Tile:
    return tiles;
  case Phase::Target:
    return upstream;
  }
  return {};
}

/// What else must hold for an op; null if it does.
static const char *brokenContract(Phase phase, Operation *op) {
  bool isCascadeDone = phase == Phase::Cascade || phase == Phase::Route;
  if (isCascadeDone && isa<EinsumOp, StreamOp>(op) && isa<KernelOp>(op->getParentOp()))
    return "stands outside a group";
  if (auto stream = dyn_cast<StreamOp>(op); stream && phase == Phase::Route && !stream.getRoute())
    return "has no route";
  if (phase == Phase::Tile)
    for (Type type : op->getResultTypes())
      if (auto frag = dyn_cast<tile::FragType>(type); frag && !frag.getLayout())
        return "makes a fragment without a layout";
  return nullptr;
}

namespace {

struct PhaseCheck : PassWrapper<PhaseCheck, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(PhaseCheck)
  Phase phase;
  explicit PhaseCheck(Phase phase) : phase(phase) {}
  StringRef getName() const override { return "phase-check"; }

  void runOnOperation() override {
    if (failed(verify(getOperation())))
      return signalPassFailure();
    ArrayRef<StringRef> legal = legalDialects(phase);
    WalkResult result = getOperation().walk<WalkOrder::PreOrder>([&](Operation *op) { // an op before its terminator
      if (!llvm::is_contained(legal, op->getName().getDialectNamespace())) {
        op->emitError() << "'" << op->getName() << "' is left at the end of phase '" << phaseName(phase) << '\'';
        return WalkResult::interrupt();
      }
      if (const char *what = brokenContract(phase, op)) {
        op->emitError() << "'" << op->getName() << "' " << what << " at the end of phase '" << phaseName(phase) << '\'';
        return WalkResult::interrupt();
      }
      return WalkResult::advance();
    });
    if (result.wasInterrupted())
      signalPassFailure();
  }
};

struct NotLoweredYet : PassWrapper<NotLoweredYet, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(NotLoweredYet)
  const TargetRow *target;
  explicit NotLoweredYet(const TargetRow *target) : target(target) {}
  StringRef getName() const override { return "not-lowered-yet"; }

  void runOnOperation() override {
    for (auto function : getOperation().getOps<func::FuncOp>())
      function.emitError() << "kernel '" << function.getName() << "' is not lowered yet for " << target->name
                           << ": stops after attn-tile";
    signalPassFailure();
  }
};

} // namespace

std::unique_ptr<Pass> attn::createPhaseCheck(Phase phase) { return std::make_unique<PhaseCheck>(phase); }
std::unique_ptr<Pass> attn::createNotLoweredYet(const TargetRow &target) {
  return std::make_unique<NotLoweredYet>(&target);
}

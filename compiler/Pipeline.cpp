// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The whole compiler in one list. Reasons for the order, and what holds from where on, stand between the lines.
#include "compiler/Pipeline.h"
#include "compiler/PhaseCheck.h"
#include "compiler/codegen/Codegen.h"
#include "dialects/attn/Attn.h"
#include "dialects/route/Route.h"
#include "dialects/tile/Tile.h"
#include "mlir/Conversion/AffineToStandard/AffineToStandard.h"
#include "mlir/Conversion/ArithToLLVM/ArithToLLVM.h"
#include "mlir/Conversion/ControlFlowToLLVM/ControlFlowToLLVM.h"
#include "mlir/Conversion/ConvertToLLVM/ToLLVMPass.h"
#include "mlir/Conversion/FuncToLLVM/ConvertFuncToLLVM.h"
#include "mlir/Conversion/IndexToLLVM/IndexToLLVM.h"
#include "mlir/Conversion/MathToLLVM/MathToLLVM.h"
#include "mlir/Conversion/MemRefToLLVM/MemRefToLLVM.h"
#include "mlir/Conversion/ReconcileUnrealizedCasts/ReconcileUnrealizedCasts.h"
#include "mlir/Conversion/SCFToControlFlow/SCFToControlFlow.h"
#include "mlir/Conversion/UBToLLVM/UBToLLVM.h"
#include "mlir/Conversion/VectorToLLVM/ConvertVectorToLLVMPass.h"
#include "mlir/Conversion/VectorToSCF/VectorToSCF.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/MemRef/Transforms/Passes.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/UB/IR/UBOps.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"
#include "passes/Passes.h"

using namespace mlir;
using namespace attn;

StringRef attn::phaseName(Phase phase) {
  static constexpr StringRef names[] = {"spec", "cascade", "route", "tile", "target"};
  return names[unsigned(phase)];
}

void attn::registerDialects(DialectRegistry &registry) {
  registry.insert<AttnDialect, route::RouteDialect, tile::TileDialect, affine::AffineDialect, arith::ArithDialect,
                  cf::ControlFlowDialect, func::FuncDialect, LLVM::LLVMDialect, math::MathDialect,
                  memref::MemRefDialect, scf::SCFDialect, ub::UBDialect, vector::VectorDialect>();
  registerConvertFuncToLLVMInterface(registry);
  registerConvertMemRefToLLVMInterface(registry);
  cf::registerConvertControlFlowToLLVMInterface(registry);
  arith::registerConvertArithToLLVMInterface(registry);
  index::registerConvertIndexToLLVMInterface(registry);
  registerConvertMathToLLVMInterface(registry);
  ub::registerConvertUBToLLVMInterface(registry);
  codegen::registerTranslations(registry);
}

namespace {

struct Step {
  StringRef flag; ///< empty for upstream passes, at which nobody stops
  Phase phase;    ///< that it belongs to
  bool endsPhase;
  void (*add)(OpPassManager &pm, const CompileOptions &options, const TargetRow &target);
};

template <std::unique_ptr<Pass> (*create)()>
void addToKernels(OpPassManager &pm, const CompileOptions &, const TargetRow &) {
  pm.addNestedPass<KernelOp>(create());
}

void addUpstream(OpPassManager &pm, const CompileOptions &, const TargetRow &) {
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
  pm.addPass(createConvertVectorToSCFPass());
  pm.addPass(createLowerAffinePass());
  pm.addPass(arith::createArithExpandOpsPass());   // floor and ceiling divisions
  pm.addPass(createLoopInvariantCodeMotionPass()); // parts of addresses: LLVM's middle end does not run
  pm.addPass(createSCFToControlFlowPass());
  pm.addPass(memref::createExpandStridedMetadataPass());
  pm.addPass(createLowerAffinePass()); // what the pass before makes
  {
    ConvertVectorToLLVMPassOptions o;
    o.vectorContractLowering = vector::VectorContractLowering::OuterProduct; // the default is a chain of scalar adds
    pm.addPass(createConvertVectorToLLVMPass(o));
  }
  pm.addPass(createConvertToLLVMPass()); // all other dialects at once: a pass each takes seven times as long
  pm.addPass(createReconcileUnrealizedCastsPass());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
}

const Step steps[] = {
    {"attn-normalize", Phase::Cascade, false, addToKernels<createAttnNormalize>},
    // Before passes are counted: another order of contraction may need fewer.
    {"attn-reassociate", Phase::Cascade, false, addToKernels<createAttnReassociate>},
    // Before fusion: fusing a cascade of two passes pins the wrong rank.
    {"attn-one-pass", Phase::Cascade, false, addToKernels<createAttnOnePass>},
    {"attn-fuse", Phase::Cascade, true, addToKernels<createAttnFuse>},
    // From here on each group is one launch, and no tensor over a streamed rank crosses groups.
    {"route-infer", Phase::Route, false, addToKernels<createRouteInfer>},
    {"route-simplify", Phase::Route, false, addToKernels<createRouteSimplify>},
    {"route-materialize", Phase::Route, true, addToKernels<createRouteMaterialize>},
    // The only pass above the layouts that reads the target's row.
    {"attn-select-tiling", Phase::Tile, false,
     [](OpPassManager &pm, const CompileOptions &options, const TargetRow &target) {
       AttnSelectTilingOptions o;
       o.target = target.name.str();
       o.tile = options.tile;
       pm.addNestedPass<KernelOp>(createAttnSelectTiling(o));
     }},
    {"attn-tile", Phase::Tile, false,
     [](OpPassManager &pm, const CompileOptions &, const TargetRow &) {
       pm.addPass(createAttnTile());
       pm.addPass(createCSEPass()); // equal loads; no canonicalisation, which would fold a launch of one task away
     }},
    // From here on no attn op is left, and every fragment has a static shape.
    {"tile-assign-layouts", Phase::Tile, false,
     [](OpPassManager &pm, const CompileOptions &, const TargetRow &target) {
       TileAssignLayoutsOptions o;
       o.target = target.name.str();
       pm.addNestedPass<func::FuncOp>(createTileAssignLayouts(o));
     }},
    {"tile-schedule", Phase::Tile, false,
     [](OpPassManager &pm, const CompileOptions &, const TargetRow &) {
       pm.addNestedPass<func::FuncOp>(createTileSchedule());
     }},
    // After hoisting: what a loop carries lives longer.
    {"tile-allocate-scratch", Phase::Tile, true,
     [](OpPassManager &pm, const CompileOptions &, const TargetRow &) {
       pm.addNestedPass<func::FuncOp>(createTileAllocateScratch());
     }},
    {"tile-outline-launches", Phase::Target, false,
     [](OpPassManager &pm, const CompileOptions &, const TargetRow &) { pm.addPass(createTileOutlineLaunches()); }},
    {"tile-convert-to-cpu", Phase::Target, false,
     [](OpPassManager &pm, const CompileOptions &, const TargetRow &target) {
       TileConvertToCpuOptions o;
       o.target = target.name.str();
       pm.addNestedPass<func::FuncOp>(createTileConvertToCpu(o));
     }},
    // After vectors exist: polynomials of vectors, not calls of scalars.
    {"target-expand-approximations", Phase::Target, true,
     [](OpPassManager &pm, const CompileOptions &, const TargetRow &) {
       pm.addPass(createTargetExpandApproximations());
     }},
    // From here on upstream dialects only.
    {"", Phase::Target, false, addUpstream},
};

} // namespace

void attn::forEachStop(function_ref<void(StringRef)> each) {
  each(phaseName(Phase::Spec));
  for (const Step &step : steps) {
    if (!step.flag.empty())
      each(step.flag);
    if (step.endsPhase)
      each(phaseName(step.phase));
  }
}

bool attn::buildPipeline(OpPassManager &pm, const CompileOptions &options, const TargetRow &target) {
  StringRef until = options.until;
  if (until == phaseName(Phase::Spec))
    return true;
  for (const Step &step : steps) {
    step.add(pm, options, target);
    if (step.endsPhase)
      pm.addPass(createPhaseCheck(step.phase));
    if (!until.empty() && (step.flag == until || (step.endsPhase && phaseName(step.phase) == until)))
      return true;
    if (step.flag == "attn-tile" && target.lowering != Lowering::Cpu)
      pm.addPass(createNotLoweredYet(target));
  }
  return until.empty();
}

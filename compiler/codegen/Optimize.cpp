// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// LLVM's own IR pipeline, for comparison and for IR that is not ours.
#include "compiler/codegen/Machine.h"
#include "llvm/IR/Module.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Target/TargetMachine.h"

using namespace llvm;
using namespace attn::codegen;

Error attn::codegen::optimize(Module &module, const TargetMachineRow &target, unsigned level) {
  static const OptimizationLevel levels[] = {OptimizationLevel::O1, OptimizationLevel::O2, OptimizationLevel::O3};
  if (level < 1 || level > 3)
    return createStringError(inconvertibleErrorCode(), "optimization level " + Twine(level) + " is not in 1..3");
  Expected<std::unique_ptr<TargetMachine>> machine = createMachine(target);
  if (!machine)
    return machine.takeError();
  LoopAnalysisManager loops;
  FunctionAnalysisManager functions;
  CGSCCAnalysisManager components;
  ModuleAnalysisManager modules;
  PassBuilder builder(machine->get());
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(components);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, components, modules);
  builder.buildPerModuleDefaultPipeline(levels[level - 1]).run(module, modules);
  return Error::success();
}

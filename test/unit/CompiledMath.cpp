// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "test/unit/CompiledMath.h"
#include "mlir/Conversion/ArithToLLVM/ArithToLLVM.h"
#include "mlir/Conversion/ControlFlowToLLVM/ControlFlowToLLVM.h"
#include "mlir/Conversion/FuncToLLVM/ConvertFuncToLLVMPass.h"
#include "mlir/Conversion/MathToLLVM/MathToLLVM.h"
#include "mlir/Conversion/MemRefToLLVM/MemRefToLLVM.h"
#include "mlir/Conversion/ReconcileUnrealizedCasts/ReconcileUnrealizedCasts.h"
#include "mlir/Conversion/SCFToControlFlow/SCFToControlFlow.h"
#include "mlir/Conversion/VectorToLLVM/ConvertVectorToLLVMPass.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "passes/Passes.h"
#include "llvm/ExecutionEngine/Orc/CompileUtils.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/TargetParser/Host.h"

using namespace llvm;

namespace attn::test {

bool hostRunsIt() {
  StringMap<bool> features = sys::getHostCPUFeatures();
  return features.lookup("avx2") && features.lookup("fma") && features.lookup("f16c");
}

static void addPasses(mlir::PassManager &passes) {
  passes.addPass(createTargetExpandApproximations());
  passes.addPass(mlir::createSCFToControlFlowPass());
  passes.addPass(mlir::createConvertVectorToLLVMPass());
  passes.addPass(mlir::createConvertMathToLLVMPass());
  passes.addPass(mlir::createFinalizeMemRefToLLVMConversionPass());
  mlir::ConvertFuncToLLVMPassOptions bare;
  bare.useBarePtrCallConv = true;
  passes.addPass(mlir::createConvertFuncToLLVMPass(bare));
  passes.addPass(mlir::createArithToLLVMConversionPass());
  passes.addPass(mlir::createConvertControlFlowToLLVMPass());
  passes.addPass(mlir::createReconcileUnrealizedCastsPass());
}

static Expected<std::unique_ptr<Module>> translate(StringRef text, LLVMContext &context) {
  mlir::DialectRegistry registry;
  registry
      .insert<mlir::arith::ArithDialect, mlir::func::FuncDialect, mlir::math::MathDialect, mlir::memref::MemRefDialect,
              mlir::scf::SCFDialect, mlir::vector::VectorDialect, mlir::LLVM::LLVMDialect>();
  mlir::registerBuiltinDialectTranslation(registry);
  mlir::registerLLVMDialectTranslation(registry);
  mlir::MLIRContext mlirContext(registry, mlir::MLIRContext::Threading::DISABLED);
  mlir::OwningOpRef<mlir::ModuleOp> module = mlir::parseSourceString<mlir::ModuleOp>(text, &mlirContext);
  if (!module)
    return createStringError("the text does not parse");
  mlir::PassManager passes(&mlirContext);
  addPasses(passes);
  if (failed(passes.run(*module)))
    return createStringError("a pass failed");
  std::unique_ptr<Module> result = mlir::translateModuleToLLVMIR(*module, context);
  if (!result)
    return createStringError("no translation to LLVM IR");
  return result;
}

static orc::JITTargetMachineBuilder machineBuilder() {
  InitializeNativeTarget();
  InitializeNativeTargetAsmPrinter();
  orc::JITTargetMachineBuilder builder(Triple("x86_64-unknown-linux-gnu"));
  builder.setCPU("x86-64-v3");
  builder.setCodeGenOptLevel(CodeGenOptLevel::Aggressive);
  return builder;
}

Expected<std::unique_ptr<orc::LLJIT>> compile(StringRef mlir) {
  auto context = std::make_unique<LLVMContext>();
  Expected<std::unique_ptr<Module>> module = translate(mlir, *context);
  if (!module)
    return module.takeError();
  auto jit = orc::LLJITBuilder()
                 .setJITTargetMachineBuilder(machineBuilder())
                 .setLinkProcessSymbolsByDefault(false)
                 .setPlatformSetUp(orc::setUpInactivePlatform)
                 .create();
  if (!jit)
    return jit.takeError();
  (*module)->setDataLayout((*jit)->getDataLayout());
  if (Error error = (*jit)->addIRModule(orc::ThreadSafeModule(std::move(*module), std::move(context))))
    return error;
  return jit;
}

Expected<std::unique_ptr<MemoryBuffer>> compileToObject(StringRef mlir) {
  LLVMContext context;
  Expected<std::unique_ptr<Module>> module = translate(mlir, context);
  if (!module)
    return module.takeError();
  Expected<std::unique_ptr<TargetMachine>> machine = machineBuilder().createTargetMachine();
  if (!machine)
    return machine.takeError();
  (*module)->setDataLayout((*machine)->createDataLayout());
  return orc::SimpleCompiler(**machine)(**module);
}

} // namespace attn::test

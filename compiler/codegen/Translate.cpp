// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// From the llvm dialect to LLVM IR that says what it is compiled for and what it contains.
#include "compiler/codegen/Descriptor.h"
#include "compiler/codegen/Machine.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/IR/DerivedTypes.h"
#include "llvm/IR/Module.h"
#include "llvm/Target/TargetMachine.h"

using namespace llvm;
using namespace attn::codegen;

static Error error(const Twine &text) { return createStringError(inconvertibleErrorCode(), text); }

void attn::codegen::registerTranslations(mlir::DialectRegistry &registry) {
  mlir::registerBuiltinDialectTranslation(registry);
  mlir::registerLLVMDialectTranslation(registry);
}

static Error checkFunction(Module &module, const KernelInterface &kernel, StringRef name, FunctionType *expected) {
  Function *function = module.getFunction(name);
  if (!function || function->isDeclaration())
    return error("kernel '" + kernel.name + "' has no function '" + name + "'");
  if (function->getFunctionType() == expected)
    return Error::success();
  std::string text;
  raw_string_ostream(text) << "function '" << name << "' has type " << *function->getFunctionType() << ", expected "
                           << *expected;
  return error(text);
}

static Error checkFunctions(Module &module, const KernelInterface &kernel) {
  LLVMContext &context = module.getContext();
  Type *pointer = PointerType::getUnqual(context), *i32 = Type::getInt32Ty(context), *i64 = Type::getInt64Ty(context);
  auto *prepare = FunctionType::get(i32, {pointer}, /*isVarArg=*/false);
  auto *launch = FunctionType::get(Type::getVoidTy(context), {pointer, i64, i32}, /*isVarArg=*/false);
  if (Error e = checkFunction(module, kernel, prepareName(kernel), prepare))
    return e;
  for (int32_t k = 0; k < kernel.numLaunches; ++k)
    if (Error e = checkFunction(module, kernel, launchName(kernel, k), launch))
      return e;
  return Error::success();
}

/// The limits of the ABI.
static Error checkInterface(const KernelInterface &kernel) {
  size_t scalars = 0;
  for (const KernelArgument &arg : kernel.args) {
    scalars += arg.kind == ATTNC_ARG_SCALAR;
    if (arg.dims.size() > ATTNC_MAX_DIMS)
      return error("argument '" + arg.name + "' has " + Twine(arg.dims.size()) + " dimensions, at most " +
                   Twine(ATTNC_MAX_DIMS) + " are supported");
  }
  if (scalars > 64)
    return error("kernel '" + kernel.name + "' has " + Twine(scalars) + " scalars, at most 64 are supported");
  return Error::success();
}

static Error checkStem(StringRef stem) {
  if (all_of(stem, [](char c) { return isAlnum(c) || c == '_'; }))
    return Error::success();
  return error("'" + stem + "' cannot be part of a C identifier");
}

/// Internal, so that artifacts linked into one program do not meet; compiled for the target.
static void setAttributes(Module &module, const TargetMachineRow &target) {
  for (Function &function : module) {
    if (function.isDeclaration())
      continue;
    function.setLinkage(GlobalValue::InternalLinkage);
    function.addFnAttr("target-cpu", target.cpu);
    function.addFnAttr("target-features", target.features); // no min-legal-vector-width: zmm stays allowed
  }
  for (GlobalVariable &global : module.globals())
    if (!global.isDeclaration())
      global.setLinkage(GlobalValue::InternalLinkage);
}

Expected<std::unique_ptr<Module>> attn::codegen::translate(mlir::ModuleOp op, ArrayRef<KernelInterface> kernels,
                                                           const TargetMachineRow &target, LLVMContext &context,
                                                           StringRef stem) {
  if (Error e = checkStem(stem))
    return std::move(e);
  std::unique_ptr<Module> module = mlir::translateModuleToLLVMIR(op, context, "attnc");
  if (!module)
    return error("translation to LLVM IR failed");
  Expected<std::unique_ptr<TargetMachine>> machine = createMachine(target);
  if (!machine)
    return machine.takeError();
  module->setTargetTriple((*machine)->getTargetTriple());
  module->setDataLayout((*machine)->createDataLayout());
  for (const KernelInterface &kernel : kernels) {
    if (Error e = checkInterface(kernel))
      return std::move(e);
    if (Error e = checkFunctions(*module, kernel))
      return std::move(e);
  }
  setAttributes(*module, target);
  addDescriptor(*module, kernels, target, stem);
  return module;
}

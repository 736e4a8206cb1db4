// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// LLVM IR to machine code.
#include "compiler/codegen/Machine.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/TargetParser/Triple.h"
#include "llvm/Transforms/Utils/Cloning.h"
#include <mutex>

using namespace llvm;
using namespace attn::codegen;

static Error error(const Twine &text) { return createStringError(inconvertibleErrorCode(), text); }

Expected<std::unique_ptr<TargetMachine>> attn::codegen::createMachine(const TargetMachineRow &row) {
  static std::once_flag once; // LLVM's registry is global
  std::call_once(once, [] {
    LLVMInitializeX86TargetInfo();
    LLVMInitializeX86Target();
    LLVMInitializeX86TargetMC();
    LLVMInitializeX86AsmPrinter();
  });
  Triple triple("x86_64-unknown-linux-gnu");
  std::string text;
  const Target *target = TargetRegistry::lookupTarget(triple, text);
  if (!target)
    return error(text);
  std::unique_ptr<TargetMachine> machine(target->createTargetMachine(
      triple, row.cpu, row.features, TargetOptions(), Reloc::PIC_, std::nullopt, CodeGenOptLevel::Aggressive));
  if (!machine)
    return error("LLVM has no code generator for '" + row.cpu + "'");
  return machine;
}

static Expected<SmallVector<char, 0>> emit(const Module &module, const TargetMachineRow &target, CodeGenFileType type) {
  Expected<std::unique_ptr<TargetMachine>> machine = createMachine(target);
  if (!machine)
    return machine.takeError();
  SmallVector<char, 0> bytes;
  raw_svector_ostream out(bytes);
  legacy::PassManager passes;
  if ((*machine)->addPassesToEmitFile(passes, out, nullptr, type))
    return error("the target cannot emit this kind of file");
  passes.run(*CloneModule(module)); // the code generator rewrites what it is given
  return bytes;
}

Expected<SmallVector<char, 0>> attn::codegen::emitObject(const Module &module, const TargetMachineRow &target) {
  return emit(module, target, CodeGenFileType::ObjectFile);
}

Expected<std::string> attn::codegen::emitAssembly(const Module &module, const TargetMachineRow &target) {
  Expected<SmallVector<char, 0>> text = emit(module, target, CodeGenFileType::AssemblyFile);
  if (!text)
    return text.takeError();
  return std::string(text->begin(), text->end());
}

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// From a module in the llvm dialect to an artifact (runtime/attnc_abi.h). The only part of attnc that uses LLVM's back
// ends.
#pragma once
#include "runtime/attnc_abi.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <memory>
#include <string>
#include <vector>

namespace llvm {
class LLVMContext;
class Module;
class raw_ostream;
} // namespace llvm
namespace mlir {
class DialectRegistry;
class ModuleOp;
} // namespace mlir

namespace attn::codegen {

/// Extent = factor * product of the symbols, which are indices into KernelInterface::symbols.
struct KernelDim {
  std::string name; ///< as the spec writes it: "m", "h*e"
  int64_t factor = 1;
  llvm::SmallVector<int32_t, 2> symbols;
};

struct KernelArgument {
  std::string name;
  attnc_arg_kind kind = ATTNC_ARG_TENSOR;
  attnc_element element = ATTNC_F32;
  attnc_direction direction = ATTNC_IN; ///< ATTNC_IN for scalars
  bool optional = false;
  std::vector<KernelDim> dims; ///< none for scalars; of sets also that of the members' places
  unsigned components = 0;     ///< of a member, where elements are sets; more than one have a dimension behind `dims`
};

struct KernelSymbol {
  std::string name;
  int64_t extent = -1; ///< bound at compile time, or -1
  bool declared = false;
};

struct KernelCheck {
  std::string text, file;
  int32_t line = 0;
};

/// What an artifact says about a kernel; mirrors attnc_kernel_descriptor. The code is found by name: `<name>.prepare`
/// of type (ptr) -> i32, and for each k < numLaunches `<name>.launch<k>` of type (ptr, i64, i32) -> ().
struct KernelInterface {
  std::string name;
  std::vector<KernelArgument> args; ///< inputs and scalars as declared, then results
  std::vector<KernelSymbol> symbols;
  std::vector<KernelCheck> checks;
  int32_t numLaunches = 0;
};

/// What LLVM and the runtime need to know of a CPU.
struct TargetMachineRow {
  std::string cpu;       ///< LLVM's name: "x86-64-v3"
  std::string features;  ///< LLVM's additions to it: "+avx512bf16", or none
  uint32_t required = 0; ///< ATTNC_CPU_* bits
};

/// Adds what mlir::translateModuleToLLVMIR needs. Before the first module is parsed or built.
void registerTranslations(mlir::DialectRegistry &registry);

/// The module in LLVM IR with the descriptor: for loading, `attnc_artifact` and the ELF note; for linking statically,
/// if `stem` is given, `attnc_artifact_<stem>` without a note. Everything else becomes internal. Errors: a function is
/// missing or of another type, the stem is not a C identifier, an interface has too many dims or scalars.
llvm::Expected<std::unique_ptr<llvm::Module>> translate(mlir::ModuleOp module, llvm::ArrayRef<KernelInterface> kernels,
                                                        const TargetMachineRow &target, llvm::LLVMContext &context,
                                                        llvm::StringRef stem = "");

/// Runs LLVM's IR pipeline of that level, 1 to 3. Not needed for speed: the kernels' structure comes from the passes
/// above, and LLVM's code generator is at its highest level anyway.
llvm::Error optimize(llvm::Module &module, const TargetMachineRow &target, unsigned level);

/// Object code of the translated module. `emitAssembly` gives the same as text.
llvm::Expected<llvm::SmallVector<char, 0>> emitObject(const llvm::Module &module, const TargetMachineRow &target);
llvm::Expected<std::string> emitAssembly(const llvm::Module &module, const TargetMachineRow &target);

/// Refuses objects that need a symbol other than memcpy, memmove and memset, naming all of them.
llvm::Error checkObject(llvm::ArrayRef<char> object);

/// Links a checked object in process and completes the note: the bytes of the artifact.
llvm::Expected<std::string> linkArtifact(llvm::ArrayRef<char> object);

/// For static linking: the C header that declares `attnc_artifact_<stem>` of an object.
std::string headerText(llvm::ArrayRef<KernelInterface> kernels, llvm::StringRef stem);

} // namespace attn::codegen

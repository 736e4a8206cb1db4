// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A spec's text becomes an artifact: parse, analyse, run the passes, generate code.
#pragma once
#include "compiler/Message.h"
#include "compiler/Options.h"
#include "compiler/codegen/Codegen.h"
#include "compiler/targets/Targets.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"
#include <memory>
#include <string>
#include <vector>

namespace attn {

/// What one compilation owns.
struct Compilation {
  CompileOptions options;
  const TargetRow *target = nullptr;
  std::unique_ptr<mlir::MLIRContext> context;
  mlir::OwningOpRef<mlir::ModuleOp> module; ///< attn.kernel ops after parseSpec, then what the passes make of them
  std::vector<codegen::KernelInterface> interfaces; ///< of the kernels, as parsed
  std::vector<std::string> remarks;                 ///< what passes said about their choices, in order
};

/// Parses, analyses and emits attn IR: the phase `spec`. Errors and warnings go to `errors`; null if there is an error.
/// `path` is used in messages only.
std::unique_ptr<Compilation> parseSpec(llvm::StringRef path, llvm::StringRef text, const CompileOptions &options,
                                       MessageSink errors);

/// Runs the passes up to options.until. False after an error, which went to `errors`.
bool runPasses(Compilation &compilation, MessageSink errors);

/// Code of a module that went through all passes. `stem`: for linking statically.
llvm::Expected<std::unique_ptr<llvm::Module>> translate(Compilation &compilation, llvm::LLVMContext &context,
                                                        llvm::StringRef stem = "");
llvm::Expected<llvm::SmallVector<char, 0>> compileObject(Compilation &compilation, llvm::StringRef stem = "");

/// What the artifact says about a kernel, read off the IR as parsed.
codegen::KernelInterface kernelInterface(mlir::Operation *kernel);

} // namespace attn

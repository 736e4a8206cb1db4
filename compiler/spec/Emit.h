// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From the model to attn IR.
#pragma once
#include "compiler/spec/Analyze.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include <map>

namespace attn::spec {

/// What is chosen at compile time.
struct EmitOptions {
  std::string kernel;                       ///< only this one; empty: all of the file
  std::map<std::string, std::string> types; ///< element types of type parameters: T -> f16; f32 when not given
  std::map<std::string, int64_t> bound;     ///< extents (E -> 128) and const scalars (block -> 64)
};

/// One attn.kernel a kernel; null after reporting what has no IR yet. The analysis must have found no errors.
mlir::OwningOpRef<mlir::ModuleOp> emitProgram(Program &program, const EmitOptions &options, mlir::MLIRContext &context,
                                              Diagnostics &diagnostics);

/// Parses, analyses and emits a spec; null if there is an error among what was reported.
mlir::OwningOpRef<mlir::ModuleOp> emitFile(llvm::StringRef path, llvm::StringRef text, const EmitOptions &options,
                                           mlir::MLIRContext &context, Diagnostics &diagnostics);
/// The same; everything reported is printed to `errors`.
mlir::OwningOpRef<mlir::ModuleOp> emitFile(llvm::StringRef path, llvm::StringRef text, const EmitOptions &options,
                                           mlir::MLIRContext &context, llvm::raw_ostream &errors);

} // namespace attn::spec

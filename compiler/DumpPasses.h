// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once
#include "llvm/ADT/StringRef.h"
#include <memory>

namespace mlir {
class PassInstrumentation;
} // namespace mlir

namespace attn {
/// Writes the module after each pass into `directory`, one file a pass, numbered in order: 03-attn-one-pass.mlir. A
/// file says "unchanged" where the pass left everything as it was. What cannot be written is reported once, on stderr.
std::unique_ptr<mlir::PassInstrumentation> createDumpPasses(llvm::StringRef directory);
} // namespace attn

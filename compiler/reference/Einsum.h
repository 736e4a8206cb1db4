// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Executing one Einsum.
#pragma once
#include "compiler/reference/Symbols.h"
#include "llvm/ADT/STLFunctionalExtras.h"

namespace attn::reference {

struct Interval {
  int64_t begin = 0, end = 0;
  int64_t size() const { return end - begin; }
};

struct EinsumContext {
  Symbols &symbols;
  /// Indices that an iterator of the rank takes: all, or those of a stream's chunk.
  llvm::function_ref<llvm::Expected<Interval>(llvm::StringRef rank)> range;
  /// The operand's value.
  llvm::function_ref<llvm::Expected<const Tensor *>(mlir::Value)> tensor;
  /// No factor of a contraction is rounded to the other factor's type (R16).
  bool exactFactors = false;
};

llvm::Expected<Tensor> evaluateEinsum(EinsumOp op, const EinsumContext &context);

} // namespace attn::reference

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Executing a selection (R20), and judging one that a kernel made (R21).
#pragma once
#include "compiler/reference/Symbols.h"
#include "llvm/ADT/STLFunctionalExtras.h"

namespace attn::reference {

/// One point that a selection may pick.
struct Candidate {
  llvm::SmallVector<int64_t, 2> index; ///< over the selected ranks; of `set`: the member itself
  Scalar score;
};

/// What one selection picks from: the candidates in the order of their indices, without NaN.
struct SelectionRow {
  llvm::StringRef kind;
  bool isFloat; ///< whether scores are floats
  Scalar by;    ///< number of members or bound
  bool isBoundFloat = false;
  llvm::SmallVector<Candidate> candidates;
};

/// Numbers of the picked candidates, best first.
llvm::SmallVector<unsigned> pick(const SelectionRow &row);

/// Whether `picked`, members as a kernel lists them, is what `pick` gives but for scores that are closer than their
/// errors (R21); else what is wrong with it.
std::optional<std::string> judge(const SelectionRow &row, llvm::ArrayRef<int64_t> picked);

struct SelectContext {
  Symbols &symbols;
  /// The operand's value.
  llvm::function_ref<llvm::Expected<const Tensor *>(mlir::Value)> tensor;
};

/// If a kernel's own selection is given it becomes the result, and `faults` gets what is wrong with it.
llvm::Expected<Tensor> evaluateSelect(SelectOp op, const SelectContext &context, const Tensor *given = nullptr,
                                      std::vector<std::string> *faults = nullptr);

} // namespace attn::reference

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef ATTNC_PASSES_ATTN_PASSANALYSIS_H
#define ATTNC_PASSES_ATTN_PASSANALYSIS_H
#include "dialects/attn/Attn.h"
#include "passes/attn/algebra/Program.h"
#include <vector>

namespace attn {

/// One step of a derivation, with its place in the spec.
struct AnalysedStep {
  std::string rule, text;
  mlir::Location location;
};

/// The passes over the ranks of one fibre of a kernel, as written and after the derivation.
struct FibrePasses {
  /// Outer first; more than one where they are streamed together.
  llvm::SmallVector<std::string> ranks;
  algebra::Passes written, derived;
  struct Summary {
    std::string formula;
    algebra::Passes completed;
    mlir::Location location;
  };
  /// Reductions over the fibre as written, in the order of the passes that complete them.
  llvm::SmallVector<Summary> summaries;
  /// The rule that removed or kept each pass.
  llvm::SmallVector<AnalysedStep> steps, remarks;
};

/// For `explain`: every streamed fibre of a kernel before attn-one-pass. Counted Einsum by Einsum, as the text stands.
/// Fails (with a diagnostic) where a scalar is not known to the algebra.
llvm::FailureOr<std::vector<FibrePasses>> analysePasses(KernelOp kernel);

} // namespace attn
#endif

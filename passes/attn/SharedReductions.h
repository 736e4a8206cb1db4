// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef ATTNC_PASSES_ATTN_SHAREDREDUCTIONS_H
#define ATTNC_PASSES_ATTN_SHAREDREDUCTIONS_H
#include "passes/attn/KernelTerms.h"

namespace attn {

/// The reduction that an Einsum computes, as it stands in terms that inline it; null if that is not one reduction.
algebra::TermRef reductionOf(KernelTerms &terms, EinsumOp op);

/// Marks as `attn.stored` what several traversals need and is cheaper to read than to compute again, and says for every
/// such reduction what was chosen and why. `traversals`: for each Einsum of the kernel, in order, how many need it.
void storeShared(KernelOp kernel, llvm::ArrayRef<unsigned> traversals);

} // namespace attn
#endif

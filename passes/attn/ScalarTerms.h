// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef ATTNC_PASSES_ATTN_SCALARTERMS_H
#define ATTNC_PASSES_ATTN_SCALARTERMS_H
#include "passes/attn/KernelTerms.h"

namespace attn {

/// The term of one scalar operation on terms; nullopt for an operation that has none.
std::optional<algebra::TermRef> scalarTerm(algebra::TermContext &context, mlir::Operation *op,
                                           llvm::ArrayRef<algebra::TermRef> operands);

} // namespace attn
#endif

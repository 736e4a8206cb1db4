// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef ATTNC_PASSES_ATTN_STREAMEMISSION_H
#define ATTNC_PASSES_ATTN_STREAMEMISSION_H
#include "passes/attn/EinsumEmission.h"

namespace attn {

/// A tensor that a stream yields: a term over its accumulators.
struct StreamResult {
  algebra::TermRef term = nullptr;
  llvm::SmallVector<algebra::TermRef> dims, conditions;
  mlir::Type element;
};

/// Writes one stream of a derived program at the emitter's insertion point: states with their identities, a step for
/// any chunk, a merge of two states, a finalisation. Null after an error (EinsumEmitter::error).
StreamOp emitStream(KernelTerms &terms, EinsumEmitter &einsums, mlir::OpBuilder &builder, const algebra::Fibre &fibre,
                    llvm::ArrayRef<algebra::TermRef> accumulators, llvm::ArrayRef<StreamResult> results,
                    mlir::Location loc);

} // namespace attn
#endif

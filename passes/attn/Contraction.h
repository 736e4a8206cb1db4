// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef ATTNC_PASSES_ATTN_CONTRACTION_H
#define ATTNC_PASSES_ATTN_CONTRACTION_H
#include "dialects/attn/Attn.h"
#include "passes/attn/algebra/ContractionOrder.h"

namespace attn {

/// reduce[r] factor * .. * factor * scalar * ..: a product that distributes over its reducer, so that it may be formed
/// and reduced in any order:
///   (sum, *), (max, +), (min, +), (any, and)
/// Exact but for rounding; where an infinity or NaN meets the absorbing element (0 * inf, inf - inf) the orders differ.
struct Contraction {
  struct Factor {
    mlir::Value tensor;
    llvm::SmallVector<mlir::AffineExpr> position; ///< over `iterators` and `symbols`
    RankSet ranks = 0;
  };
  llvm::SmallVector<llvm::StringRef> iterators; ///< of the result, then the reduced ones
  unsigned numParallel = 0;
  llvm::SmallVector<mlir::Value> symbols;
  llvm::SmallVector<Factor> factors;
  llvm::SmallVector<mlir::Value> scalars; ///< captured, or constants
  llvm::StringRef product;                ///< the operation's name
  RankSet conditioned = 0;                ///< ranks that conditions mention: kept to the last step

  /// Of an Einsum whose map is such a product and whose conditions read no tensor.
  static std::optional<Contraction> of(EinsumOp op);
  /// With a factor that is itself a contraction of the same kind, without conditions, in its place.
  std::optional<Contraction> inlined(unsigned factor) const;
  RankSet kept() const { return (RankSet(1) << numParallel) - 1; }
  /// Every iterator is one of some factor's: none only repeats the product or the result.
  bool isCovered() const;
};

/// Writes the contraction in that order in front of `op`, whose conditions the last step keeps; the Einsums of the
/// steps.
llvm::SmallVector<EinsumOp> writeInOrder(const Contraction &contraction, const ContractionOrder &order, EinsumOp op);

} // namespace attn
#endif

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef ATTNC_PASSES_ATTN_ALGEBRA_CONTRACTIONORDER_H
#define ATTNC_PASSES_ATTN_ALGEBRA_CONTRACTIONORDER_H
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include <cstdint>
#include <optional>

namespace attn {

/// A set of ranks, one bit each.
using RankSet = uint64_t;

/// One step of an order: tensors `left` and `right` (or `left` alone) become a tensor over `result`, reduced over
/// `reduced`. Tensors are numbered: the factors, then the results of the steps.
struct ContractionStep {
  unsigned left;
  std::optional<unsigned> right;
  RankSet result, reduced;
};

struct ContractionOrder {
  double cost = 0; ///< points of all steps
  llvm::SmallVector<ContractionStep> steps;
};

/// The cheapest order in which `factors` are multiplied pairwise and reduced over everything that is not in `kept`: a
/// rank is reduced in the step after which no other factor has it. Right for every product that distributes over the
/// reducer. Exhaustive; none for more than five factors or fewer than two.
std::optional<ContractionOrder> cheapestOrder(llvm::ArrayRef<RankSet> factors, RankSet kept,
                                              llvm::ArrayRef<double> sizes);

/// Points of a space.
double points(RankSet ranks, llvm::ArrayRef<double> sizes);

} // namespace attn
#endif

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/attn/algebra/ContractionOrder.h"

using namespace attn;

double attn::points(RankSet ranks, llvm::ArrayRef<double> sizes) {
  double p = 1;
  for (unsigned i = 0; i < sizes.size(); ++i)
    if (ranks >> i & 1)
      p *= sizes[i];
  return p;
}

namespace {
struct Search {
  RankSet kept;
  llvm::ArrayRef<double> sizes;
  std::optional<ContractionOrder> best;

  struct Tensor {
    unsigned number;
    RankSet ranks;
  };

  static RankSet ranksOfOthers(llvm::ArrayRef<Tensor> tensors, size_t i, size_t j) {
    RankSet ranks = 0;
    for (size_t k = 0; k < tensors.size(); ++k)
      if (k != i && k != j)
        ranks |= tensors[k].ranks;
    return ranks;
  }

  void extend(llvm::SmallVector<Tensor> tensors, const ContractionOrder &order, unsigned next) {
    if (best && order.cost >= best->cost)
      return;
    if (tensors.size() == 1) {
      best = order;
      return;
    }
    for (size_t i = 0; i < tensors.size(); ++i)
      for (size_t j = i + 1; j < tensors.size(); ++j) {
        RankSet both = tensors[i].ranks | tensors[j].ranks;
        step(tensors, i, j, both, both & (kept | ranksOfOthers(tensors, i, j)), order, next);
      }
    // What one tensor alone has is reduced before it meets another.
    for (size_t i = 0; i < tensors.size(); ++i) {
      RankSet ranks = tensors[i].ranks, left = ranks & (kept | ranksOfOthers(tensors, i, i));
      if (left != ranks)
        step(tensors, i, i, ranks, left, order, next);
    }
  }

  void step(const llvm::SmallVector<Tensor> &tensors, size_t i, size_t j, RankSet space, RankSet result,
            const ContractionOrder &order, unsigned next) {
    ContractionOrder longer = order;
    longer.cost += points(space, sizes);
    longer.steps.push_back(
        {tensors[i].number, i == j ? std::nullopt : std::optional(tensors[j].number), result, space & ~result});
    llvm::SmallVector<Tensor> left;
    for (size_t k = 0; k < tensors.size(); ++k)
      if (k != i && k != j)
        left.push_back(tensors[k]);
    left.push_back({next, result});
    extend(left, longer, next + 1);
  }
};
} // namespace

std::optional<ContractionOrder> attn::cheapestOrder(llvm::ArrayRef<RankSet> factors, RankSet kept,
                                                    llvm::ArrayRef<double> sizes) {
  constexpr unsigned kMostFactors = 5;
  if (factors.size() < 2 || factors.size() > kMostFactors)
    return std::nullopt;
  Search search{kept, sizes, std::nullopt};
  llvm::SmallVector<Search::Tensor> tensors;
  for (RankSet ranks : factors)
    tensors.push_back({unsigned(tensors.size()), ranks});
  search.extend(tensors, {}, factors.size());
  return search.best;
}

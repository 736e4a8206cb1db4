// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// How much a kernel has to do, as formulas in its extents, read off the IR as it was parsed.
#pragma once
#include "compiler/driver/Visits.h"

namespace attn::driver {

/// factor * extents, times the visible share of the points if it is masked.
struct Monomial {
  int64_t factor = 1;
  std::vector<std::string> ranks;
  bool isMasked = false;
};

struct Work {
  std::vector<Monomial> flops;     ///< two for each multiply-add of the contractions
  std::vector<Monomial> bytes;     ///< of all tensors, each once
  std::vector<Monomial> functions; ///< calls of exp, log, tanh and the like
};

/// Adds to a term over the same ranks, if there is one.
void addTo(std::vector<Monomial> &sum, Monomial term);
Work workOf(KernelOp kernel);
/// "2*B*H*E*visible + ..."; `visible` stands for `visibleRanks`.
std::string print(llvm::ArrayRef<Monomial> sum, llvm::ArrayRef<std::string> visibleRanks);
/// Its value; of masked points the share that exists. Nothing if an extent is unknown, or that share.
std::optional<double> evaluate(llvm::ArrayRef<Monomial> sum, const RankExtents &extents, const Visits *visits);

} // namespace attn::driver

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef ATTNC_PASSES_ATTN_RANKSIZES_H
#define ATTNC_PASSES_ATTN_RANKSIZES_H
#include "dialects/attn/Attn.h"

namespace attn {

/// The extents at which cost formulas are compared: bound ones; 128 for a rank that is the last dimension of at least
/// as many tensors of the kernel as not (features lie innermost), and 2048 for any other.
class RankSizes {
public:
  explicit RankSizes(KernelOp kernel);
  double of(llvm::StringRef rank) const;
  bool isFeature(llvm::StringRef rank) const;
  bool isBound(llvm::StringRef rank) const;
  double product(llvm::ArrayRef<llvm::StringRef> ranks) const;
  /// Whether a launch over the ranks of both has many more points than one over each (norms of queries and norms of
  /// keys): then the two have nothing to share.
  bool areStrangers(llvm::ArrayRef<llvm::StringRef> first, llvm::ArrayRef<llvm::StringRef> second) const;
  /// How many blocks a launch is likely to cut the rank into.
  double blocks(llvm::StringRef rank) const;
  static constexpr double kRows = 64; ///< points of a row rank in a block

private:
  static llvm::StringRef base(llvm::StringRef rank) { return rank.split('.').first; } // m.1 has m's extent
  mutable KernelOp kernel;                                                            // a handle
  llvm::StringMap<int> innermost;                                                     ///< times last less times not
};

} // namespace attn
#endif

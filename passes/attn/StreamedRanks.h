// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef ATTNC_PASSES_ATTN_STREAMEDRANKS_H
#define ATTNC_PASSES_ATTN_STREAMEDRANKS_H
#include "passes/attn/KernelTerms.h"

namespace attn {

/// Decides which ranks of a kernel are streamed: the rule is in the description of attn-one-pass.
class StreamedRanks {
public:
  /// `first`: what was decided for the kernel as written; half-derived values stream over no further ranks.
  StreamedRanks(KernelTerms &terms, llvm::ArrayRef<algebra::TermRef> values, const StreamedRanks *first = nullptr);

  /// Ranks that are streamed together, outer first; in the order in which they can be: the first waits for none of the
  /// others.
  llvm::ArrayRef<algebra::Fibre> getFibres() const { return fibres; }
  /// A closed reduction over one of these ranks, whose value is no larger than what the kernel reads, stores or writes.
  bool isStreamed(algebra::TermRef t) const;
  /// `t` reads such a reduction, below itself.
  bool waits(algebra::TermRef t, const algebra::Fibre &except) const;

private:
  bool isCandidate(llvm::StringRef rank, llvm::ArrayRef<algebra::TermRef> values);
  void visit(algebra::TermRef t, bool outermost);
  bool isLinear(algebra::TermRef reduction) const;
  bool isPlain(algebra::TermRef reduction) const;
  void group(llvm::ArrayRef<llvm::StringRef> ranks);
  algebra::Fibre ordered(llvm::SmallVector<llvm::StringRef> ranks) const;
  bool isInnerOf(llvm::StringRef inner, llvm::StringRef outer) const;

  KernelTerms &terms;
  llvm::SmallVector<algebra::TermRef> reductions;
  llvm::SetVector<llvm::StringRef> outermostRanks;
  llvm::DenseSet<algebra::TermRef> seen;
  llvm::SmallVector<algebra::Fibre> fibres;
  llvm::DenseSet<std::pair<llvm::StringRef, llvm::StringRef>> together;
};

} // namespace attn
#endif

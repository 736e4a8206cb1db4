// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef ATTNC_PASSES_ATTN_ALGEBRA_PASSCOUNT_H
#define ATTNC_PASSES_ATTN_ALGEBRA_PASSCOUNT_H
#include "passes/attn/algebra/TermContext.h"

namespace attn::algebra {

/// What passes are counted over: lists of ranks, each outer first (`m`; `j,i`; `u,v`), one after the other where
/// several sources share a summary.
class Fibre {
public:
  Fibre() = default;
  explicit Fibre(llvm::StringRef rank) { lists.push_back({rank}); }
  static Fibre of(llvm::ArrayRef<llvm::SmallVector<llvm::StringRef>> lists) {
    Fibre f;
    f.lists.assign(lists.begin(), lists.end());
    return f;
  }
  bool contains(llvm::StringRef rank) const;
  bool contains(TermRef index) const { return contains(index->getName()); }
  /// The term has a free index of the fibre.
  bool isCarriedBy(TermRef t) const;
  /// The reduction binds an index of the fibre.
  bool isReducedBy(TermRef t) const;
  /// The indices cover one list.
  bool isFull(llvm::ArrayRef<TermRef> indices) const;
  /// The indices are exactly a proper prefix of a list (or none).
  bool isPrefix(llvm::ArrayRef<TermRef> indices) const;
  llvm::ArrayRef<llvm::SmallVector<llvm::StringRef>> getLists() const { return lists; }
  std::string str() const;

private:
  llvm::SmallVector<llvm::SmallVector<llvm::StringRef>> lists;
};

/// A number of passes in halves: 5 is "2, and one over the block values".
struct Passes {
  unsigned halves = 0;
  unsigned whole() const { return halves / 2; }
  bool hasBlockPass() const { return halves % 2; }
  bool operator==(const Passes &o) const { return halves == o.halves; }
  std::string str() const;
};

/// Where and when a value is there: the fibre indices that it carries, and the pass that makes it.
struct Availability {
  llvm::SmallVector<TermRef, 2> carried;
  unsigned halves = 0;
};

/// The rules of pass counting (FuseMax, section 3, extended to blocks): a map that carries the whole fibre runs in the
/// pass after the summaries it reads; one that carries a part of it waits for the end of the traversal and costs half a
/// pass.
class PassRules {
public:
  explicit PassRules(const Fibre &fibre) : fibre(fibre) {}
  Availability index(TermRef index) const;
  /// A map of these operands.
  Availability map(llvm::ArrayRef<Availability> operands) const;
  /// Its reduction over `bound`.
  Availability reduce(const Availability &body, llvm::ArrayRef<Binder> bound) const;
  /// A tensor over `own` indices read at computed positions.
  Availability gather(const Availability &tensor, llvm::ArrayRef<Binder> own, const Availability &positions) const;

private:
  const Fibre &fibre;
};

struct PassCount {
  /// A reduction over the fibre, and the pass that completes it.
  struct Summary {
    TermRef reduction;
    Passes completed;
  };
  Passes passes;
  llvm::SmallVector<Summary> summaries; // in the order of their passes
};

/// The passes over `fibre` of a cascade as it stands.
PassCount countPasses(TermContext &context, llvm::ArrayRef<TermRef> values, const Fibre &fibre);

} // namespace attn::algebra
#endif

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Terms of the cascade algebra as a reader of the spec would write them.
#pragma once
#include "passes/attn/KernelTerms.h"
#include "passes/attn/algebra/Program.h"
#include "llvm/ADT/StringSet.h"

namespace attn::driver {

/// Terms are inlined down to the kernel's arguments; here tensors that have a name get it back.
class Formulas {
public:
  explicit Formulas(KernelTerms &terms, KernelTerms::Inline inlining = KernelTerms::Inline::Everything);

  /// From now on this term is called so, and no longer as before.
  void name(algebra::TermRef term, llvm::StringRef name);
  /// No term is called so any more.
  void forget(llvm::StringRef name);
  std::string print(algebra::TermRef term) const { return abbreviate(term->str()); }
  /// The name of the only Einsum that was written where the reduction comes from, else its formula.
  std::string nameOfReduction(algebra::TermRef reduction) const;
  /// A text of the algebra that holds formulas.
  std::string abbreviate(std::string text) const;
  /// "line 4", "prelude 1", or "" where a term was first made.
  std::string placeOf(algebra::TermRef term) const;

private:
  KernelTerms &terms;
  std::vector<std::pair<std::string, std::string>> names; ///< text -> name, longest text first
};

/// The accumulators of one stream under short names: the spec's own in lower case, else s, t, ...
class StateFormulas {
public:
  StateFormulas(KernelTerms &terms, const Formulas &formulas, llvm::ArrayRef<algebra::TermRef> accumulators);

  std::string nameOf(unsigned i) const { return nameOf(accumulators[i]); }
  /// The spec has a name for what it holds, however the state calls it.
  bool isNamedInSpec(unsigned i) const;
  /// "x = max[m](S)"
  std::string definition(unsigned i) const;
  /// "x' = max(x1, x2)"
  std::string merge(unsigned i) const;
  /// For each, the ranks of its elements in one row.
  std::vector<std::vector<std::string>> ranksInRow() const;

private:
  std::string nameOf(algebra::TermRef accumulator) const { return names.lookup(accumulator); }
  std::string side(unsigned i, llvm::StringRef suffix) const;
  std::string freshName(llvm::StringRef like, llvm::StringSet<> &used) const;

  algebra::TermContext &context;
  const Formulas &formulas;
  llvm::SmallVector<algebra::TermRef> accumulators;
  llvm::DenseMap<algebra::TermRef, std::string> names;
};

} // namespace attn::driver

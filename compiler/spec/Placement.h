// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Where implicit sums stand (R7) and what the conjuncts of a condition filter (R8).
#pragma once
#include "compiler/spec/Terms.h"

namespace attn::spec {

class Placement {
public:
  Placement(TermBuilder &build, Diagnostics &diagnostics) : build(build), diagnostics(diagnostics) {}

  /// Binds every index of `term` that is not in `scope`, and moves conditions to the reductions they filter. Null when
  /// an index stays unbound, after reporting it.
  Term *run(Term *term, const IndexSet &scope);

  /// Moves the conjuncts that mention indices outside `scope` to the reductions below that bind them.
  Term *placeConditions(Term *term, const IndexSet &scope);

  /// Free indices of an equation's right side, less those of trailing conditions that a reduction in it binds.
  static IndexSet valueIndices(const Term *term);

private:
  Term *place(Term *term, llvm::StringRef index, const Term *call);
  Term *placeInSum(Term *term, llvm::StringRef index, const Term *call);
  Term *placeInProduct(Term *term, llvm::StringRef index, const Term *call);
  Term *placeInQuotient(Term *term, llvm::StringRef index, const Term *call);
  Term *placeInCall(Term *term, llvm::StringRef index, const Term *call);
  Term *placeInReduction(Term *term, llvm::StringRef index, const Term *call);
  Term *placeInConditional(Term *term, llvm::StringRef index, const Term *call);
  Term *placeInEach(Term *term, llvm::StringRef index, const Term *call);
  Term *wrap(Term *term, llvm::StringRef index, const Term *call);
  /// A product or quotient that several parts mention: sums around it, or inside the calls.
  Term *wrapOrEnter(Term *term, llvm::StringRef index, const Term *call);
  bool checkReducerOfOtherTerm(llvm::ArrayRef<Term *> terms, llvm::StringRef index);
  Term *unbound(const Term *where, llvm::StringRef index, const Term *help);
  std::string textOf(const Term *term) const;
  unsigned attach(Term *term, Term *conjunct, IndexSet scope);

  TermBuilder &build;
  Diagnostics &diagnostics;
};

} // namespace attn::spec

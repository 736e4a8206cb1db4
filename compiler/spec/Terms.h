// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Making terms and asking about them.
#pragma once
#include "compiler/spec/Model.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/SetVector.h"

namespace attn::spec {

using IndexSet = llvm::SmallSetVector<llvm::StringRef, 8>;

/// Makes terms in a program's arena, at the place and in the def instance that are current.
class TermBuilder {
public:
  explicit TermBuilder(Program &program) : program(program) {}

  Term *make(TermKind kind, Loc loc, llvm::ArrayRef<Term *> args = {});
  Term *map(MapOp op, Loc loc, llvm::ArrayRef<Term *> args);
  Term *index(llvm::StringRef name, Loc loc);
  Term *extent(llvm::StringRef rank, Loc loc);
  Term *integer(int64_t value, Loc loc);
  Term *read(Tensor &tensor, llvm::ArrayRef<Term *> subscripts, Loc loc);
  /// The tensor at its own rank names (R18).
  Term *readWhole(Tensor &tensor, Loc loc);
  Term *conjunction(llvm::ArrayRef<Term *> conjuncts);
  /// Sums `body` over `indices`, as R7 places it.
  Term *implicitSum(Term *body, llvm::ArrayRef<BoundIndex> indices);
  /// A copy in which indices are replaced; the term binds none of them.
  Term *substitute(Term *term, llvm::function_ref<Term *(llvm::StringRef)> replacement);
  llvm::ArrayRef<BoundIndex> bind(llvm::ArrayRef<BoundIndex> binders) { return binders.copy(program.arena); }
  llvm::StringRef save(const llvm::Twine &text) { return program.strings.save(text); }

  const CallSite *site = nullptr;
  Program &program;
};

/// Calls `visit` on the term and on everything below it, binders' extents included.
void walk(Term *term, llvm::function_ref<void(Term *)> visit);

/// Indices that the term mentions and does not bind, in order of appearance.
IndexSet freeIndices(const Term *term);
void collectFreeIndices(const Term *term, IndexSet &indices);
bool mentions(const Term *term, llvm::StringRef index);
/// The first mention of a free index, for its location; null if there is none.
const Term *findMention(const Term *term, llvm::StringRef index);

/// Whether the value is a set: a selection, a tensor of sets, or a choice between sets.
bool isSetTerm(const Term *term);

/// The conjuncts of a condition, from left to right.
llvm::SmallVector<Term *> conjunctsOf(Term *condition);

/// As the language would write it.
std::string print(const Term *term);
std::string print(const Equation &equation);
std::string print(const Kernel &kernel);

/// `M` for the rank `m`.
std::string extentName(llvm::StringRef rank);

} // namespace attn::spec

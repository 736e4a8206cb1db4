// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef ATTNC_PASSES_ATTN_ALGEBRA_SEPARATION_H
#define ATTNC_PASSES_ATTN_ALGEBRA_SEPARATION_H
#include "passes/attn/algebra/PassCount.h"
#include <vector>

namespace attn::algebra {

/// coefficient * streamed * late, summed over the indices of opened sums, present where the conditions hold.
struct Monomial {
  Number coefficient = 1;
  TermRef streamed, late;
  llvm::SmallVector<Binder> opened;            ///< indices of sums that were opened
  llvm::SmallVector<TermRef> openedConditions; ///< of those sums, without streamed indices
  llvm::SmallVector<TermRef> conditions;       ///< with streamed indices
  bool cutsExponent = false;                   ///< `streamed` holds an exponential that was cut: it wants a reference
  llvm::SmallVector<TermRef> affine;           ///< factors of `streamed` that were cut from an affine term: likewise
};

using MonomialList = std::vector<Monomial>;

/// Why a rule does not apply, and to what.
struct Refusal {
  std::string reason;
  TermRef term = nullptr;
};

/// The rule *split*: a term as a sum of monomials u(x) * w(s), by the properties in Properties.h.
class Separator {
public:
  using Predicate = llvm::function_ref<bool(TermRef)>;
  /// `isStreamed`: mentions x; `isLate`: mentions s.
  Separator(TermContext &context, const Fibre &fibre, Predicate isStreamed, Predicate isLate)
      : context(context), fibre(fibre), isStreamed(isStreamed), isLate(isLate) {}
  std::optional<MonomialList> separate(TermRef t);
  Refusal refusal;

private:
  using Monomials = std::optional<MonomialList>;
  std::nullopt_t refuse(const llvm::Twine &reason, TermRef t);
  std::optional<Monomial> pure(TermRef t);
  Monomial make(TermRef streamed, TermRef late);
  Monomial times(const Monomial &a, Monomial b);
  Monomials product(llvm::ArrayRef<MonomialList> factors, TermRef whole);
  Monomials power(TermRef base, const Number &n);
  Monomials separateMul(TermRef t);
  Monomials separateAdd(TermRef t);
  Monomials separateExp(TermRef t);
  Monomials separateSelect(TermRef t);
  Monomials separateApply(TermRef t);
  Monomials separateHomomorphism(TermRef t);
  Monomials separateScale(TermRef t);
  Monomials separateReduce(TermRef t);

  TermContext &context;
  const Fibre &fibre;
  Predicate isStreamed, isLate;
};

} // namespace attn::algebra
#endif

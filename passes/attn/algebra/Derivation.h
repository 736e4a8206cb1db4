// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef ATTNC_PASSES_ATTN_ALGEBRA_DERIVATION_H
#define ATTNC_PASSES_ATTN_ALGEBRA_DERIVATION_H
#include "passes/attn/algebra/Separation.h"
#include <functional>

namespace attn::algebra {

struct DerivationOptions {
  /// The index of an opened sum may become a rank of the state.
  bool enlarge = true;
  /// A sum over another rank may move out past the streamed one.
  bool reassociate = true;
  /// Extents at which the two orders of contraction are compared; without it the one with the smaller state wins.
  std::function<double(llvm::StringRef)> sizeOf;
  /// Summaries of another fibre that are not there yet: treated as late, so that no accumulator waits for them.
  std::function<bool(TermRef)> isForeign;
};

/// One step of the proof: the rule and what it did, in the spec's names.
struct Step {
  llvm::StringRef rule;
  std::string text;
  unsigned location = 0;
};

/// Rewrites terms bottom-up until each reduction over the fibre either reads no summary of its own pass or is a
/// Relative accumulator: the rules flatten, split, defer, refer, enlarge, order, reassociate, cut (see Derivation.cpp).
class Derivation {
public:
  Derivation(TermContext &context, Fibre fibre, DerivationOptions options = {})
      : context(context), fibre(std::move(fibre)), options(options) {}

  TermRef rewrite(TermRef t);

  /// The closed reductions over the fibre that `t` reads: what a stream accumulates, or would have to.
  bool isLeaf(TermRef t) const;
  llvm::ArrayRef<TermRef> leaves(TermRef t);
  /// The pass that completes a leaf, from 1.
  unsigned stage(TermRef leaf);

  const Fibre &getFibre() const { return fibre; }
  llvm::ArrayRef<Step> getLog() const { return log; }
  /// The cuts: a reduction that waits, the operation that broke streaming, and what was tried.
  llvm::ArrayRef<Step> getRemarks() const { return remarks; }
  void note(llvm::StringRef rule, const std::string &text, TermRef at = nullptr);

private:
  using Binders = llvm::SmallVector<Binder>;
  using Terms = llvm::SmallVector<TermRef>;
  /// A reduction with its inside open.
  struct Reduction {
    Reducer op;
    Binders binders;
    Terms conditions;
    TermRef body;
    ValueType type;
    unsigned location;
  };
  struct Accumulated {
    Terms parts;
    Binders binders;
    Terms conditions;
  };

  TermRef rewriteUncached(TermRef t);
  TermRef rewriteReduce(TermRef t);
  TermRef rewriteGather(TermRef t);
  TermRef splitOtherRanks(Reduction &r);
  bool flatten(Reduction &r);
  TermRef local(const Reduction &r);
  TermRef close(const Reduction &r);
  TermRef reduction(const Reduction &r);
  std::optional<TermRef> tryRules(const Reduction &r, unsigned pass);
  TermRef cut(const Reduction &r, const Refusal &why);

  // Sums.
  TermRef base(const Reduction &r);
  std::optional<TermRef> reassociated(const Reduction &r, TermRef parallel);
  bool isCheaper(const Reduction &r, llvm::ArrayRef<Monomial> monomials);
  void noteSplit(const Reduction &r, llvm::ArrayRef<Monomial> monomials);
  std::optional<TermRef> splitSum(const Reduction &r, unsigned pass);
  Accumulated accumulate(const Reduction &r, const Monomial &m, llvm::ArrayRef<TermRef> affine, const Binders &own,
                         const Terms &ownConditions);
  llvm::SmallVector<Reference> chooseReferences(const Monomial &m, llvm::ArrayRef<TermRef> affine, TermRef &rest);
  Terms binomialParts(const Accumulated &a, llvm::ArrayRef<Reference> references, TermRef rest);
  using Accumulate = llvm::function_ref<Accumulated(const Monomial &, const Binders &, const Terms &)>;
  TermRef collect(llvm::ArrayRef<Monomial> monomials, Accumulate accumulate, bool quiet);
  TermRef expand(TermRef t);
  bool mayBeInfinite(TermRef t);
  TermRef whereEmpty(TermRef r, const Binders &binders, const Terms &conditions, TermRef value);

  // Ordered and boolean reducers.
  friend class OrderRule;
  std::optional<TermRef> splitOrdered(const Reduction &r, unsigned pass);
  std::optional<TermRef> splitConnective(const Reduction &r, unsigned pass);

  bool isLate(TermRef t, unsigned pass);
  bool readsForeign(TermRef t);
  std::nullopt_t refuse(const llvm::Twine &reason, TermRef t);

  TermContext &context;
  Fibre fibre;
  DerivationOptions options;
  llvm::DenseMap<TermRef, TermRef> memo;
  llvm::DenseMap<TermRef, llvm::ArrayRef<TermRef>> leavesOf;
  llvm::DenseMap<TermRef, unsigned> stages;
  llvm::DenseMap<TermRef, bool> foreign;
  llvm::BumpPtrAllocator allocator;
  llvm::SmallVector<Step> log, remarks;
  Refusal refusal;
};

} // namespace attn::algebra
#endif

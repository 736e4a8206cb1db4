// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef ATTNC_PASSES_ATTN_ALGEBRA_TERMCONTEXT_H
#define ATTNC_PASSES_ATTN_ALGEBRA_TERMCONTEXT_H
#include "passes/attn/algebra/Term.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/Support/Allocator.h"
#include "llvm/Support/StringSaver.h"

namespace attn::algebra {

struct Summand {
  Number weight;
  TermRef term;
};
struct Factor {
  TermRef base;
  Number power = 1;
};
using Substitution = llvm::SmallDenseMap<TermRef, TermRef, 4>;

/// A binder's inside with free names for what it binds.
struct Opened {
  llvm::SmallVector<Binder> binders;
  llvm::SmallVector<TermRef> conditions;
  llvm::SmallVector<Reference> references; // Relative
  TermRef body = nullptr;
};

/// Owns terms and builds them in normal form.
class TermContext {
public:
  TermContext();

  // Leaves.
  TermRef number(Number value);
  TermRef index(llvm::StringRef rank) { return index(rank, 0, nullptr); }
  TermRef parameter(llvm::StringRef name, ValueType type);
  TermRef extent(llvm::StringRef rank);
  TermRef read(llvm::StringRef tensor, llvm::ArrayRef<TermRef> positions, ValueType type);
  TermRef zero() const { return zeroTerm; }
  TermRef one() const { return oneTerm; }

  // Normal form.
  TermRef add(llvm::ArrayRef<Summand> summands, Number constant = 0);
  TermRef add(TermRef a, TermRef b) { return add({{1, a}, {1, b}}); }
  TermRef sub(TermRef a, TermRef b) { return add({{1, a}, {-1, b}}); }
  TermRef scaled(Number weight, TermRef t) { return add({{weight, t}}); }
  TermRef mul(llvm::ArrayRef<Factor> factors, Number coefficient = 1);
  TermRef mul(TermRef a, TermRef b) { return mul({{a, 1}, {b, 1}}); }
  TermRef div(TermRef a, TermRef b) { return mul({{a, 1}, {b, -1}}); }
  TermRef power(TermRef base, Number exponent) { return mul({{base, exponent}}); }
  TermRef exp(TermRef t);
  TermRef select(TermRef condition, TermRef a, TermRef b);
  TermRef apply(Function f, llvm::ArrayRef<TermRef> arguments);
  TermRef negation(TermRef condition);
  /// All of the conditions; `true` where there are none.
  TermRef conjunction(llvm::ArrayRef<TermRef> conditions);

  // Binders. `binders` name free indices of the body and the conditions.
  TermRef reduce(Reducer op, llvm::ArrayRef<Binder> binders, llvm::ArrayRef<TermRef> conditions, TermRef body,
                 ValueType type = ValueType::Float);
  /// The largest value that a reduction that selects an index compares: NaN is no candidate (R20), so this is not
  /// always the maximum over the same points.
  TermRef bestValue(TermRef selection);
  TermRef relative(Reducer op, llvm::ArrayRef<Reference> references, llvm::ArrayRef<Binder> binders,
                   llvm::ArrayRef<TermRef> conditions, TermRef rest);
  /// The tensor `body` over `dims` read at `positions`: substituted where that keeps every reduction one value.
  TermRef gather(llvm::ArrayRef<TermRef> dims, TermRef body, llvm::ArrayRef<TermRef> positions);
  /// As `gather`, never substituted.
  TermRef table(llvm::ArrayRef<Binder> dims, TermRef body, llvm::ArrayRef<TermRef> positions);
  /// Free names for what `t` binds; the same names each time, none of them free in `t`.
  Opened open(TermRef t);
  /// As `open`, with names that occur nowhere else: for an inside that is put beside other terms (no capture).
  Opened openFresh(TermRef t);
  TermRef freshIndex(TermRef like);
  /// The references of a Relative as reductions of their own.
  llvm::SmallVector<TermRef> references(TermRef relative);
  /// The accumulator of `relative` with other powers: what a change of its references reads.
  TermRef withPowers(TermRef relative, llvm::ArrayRef<unsigned> powers);

  /// Without capture.
  TermRef substitute(TermRef t, const Substitution &map);
  /// `t` with its free indices named after their ranks, whatever binds them outside; a second index of a rank m is m.1.
  TermRef plain(TermRef t);
  /// `t` with some reductions replaced. The map is from and to plain terms; what `t` calls their indices is put back.
  TermRef replace(TermRef t, const llvm::DenseMap<TermRef, TermRef> &map);
  /// `t`, which binds nothing, with `f` applied to its children.
  TermRef rebuild(TermRef t, llvm::function_ref<TermRef(TermRef)> f);

  // Questions.
  bool isNonNegative(TermRef t);
  /// Proved: a positive number plus what is not negative. (An exponential may underflow.)
  bool isPositive(TermRef t);
  bool containsReduction(TermRef t);
  /// t as coefficient and factors, or as constant and summands.
  std::pair<Number, llvm::SmallVector<Factor>> factors(TermRef t);
  std::pair<Number, llvm::SmallVector<Summand>> summands(TermRef t);

  /// While one is alive, b/b is taken for 1 and b is recorded; otherwise it stays, as nonzero(b) (R13).
  class AssumeNonZero {
  public:
    explicit AssumeNonZero(TermContext &context);
    ~AssumeNonZero() { context.assumed = outer; }
    llvm::SmallSetVector<TermRef, 8> terms;

  private:
    TermContext &context;
    llvm::SmallSetVector<TermRef, 8> *outer;
  };
  bool assumesNonZero() const { return assumed; }
  /// Records the assumption that b is not 0; only while AssumeNonZero is alive.
  void assumeNonZero(TermRef b) { assumed->insert(b); }

  /// Terms made while one is alive lead back to this location.
  class At {
  public:
    At(TermContext &context, unsigned location) : context(context), outer(context.location) {
      if (location)
        context.location = location;
    }
    ~At() { context.location = outer; }

  private:
    TermContext &context;
    unsigned outer;
  };

private:
  TermRef index(llvm::StringRef rank, int tag, TermRef extent);
  TermRef nonZero(TermRef b);
  TermRef unique(Term &key);
  TermRef makeMul(llvm::ArrayRef<Factor> factors, Number coefficient);
  TermRef commutative(Function f, llvm::ArrayRef<TermRef> arguments);
  struct Closed;
  Closed close(llvm::ArrayRef<Binder> binders, llvm::ArrayRef<TermRef> terms);
  Opened openAs(TermRef t, llvm::function_ref<TermRef(TermRef)> name);
  TermRef substituteIn(TermRef t, const Substitution &map, llvm::DenseMap<TermRef, TermRef> &memo);
  TermRef substituteBinder(TermRef t, const Substitution &map);
  Substitution plainNames(TermRef t);
  TermRef replaceIn(TermRef t, const llvm::DenseMap<TermRef, TermRef> &map, llvm::DenseMap<TermRef, TermRef> &memo);
  bool computeNonNegative(TermRef t);
  friend class ProductBuilder;

  llvm::BumpPtrAllocator allocator;
  llvm::UniqueStringSaver strings;
  llvm::FoldingSet<Term> terms;
  unsigned nextId = 0, location = 0;
  int nextFresh = 0;
  TermRef zeroTerm = nullptr, oneTerm = nullptr;
  llvm::SmallSetVector<TermRef, 8> *assumed = nullptr;
  llvm::DenseMap<TermRef, bool> nonNegative, reducing;
};

/// The binders' indices and those of a set of terms.
bool mentionsAny(TermRef t, llvm::ArrayRef<Binder> binders);

} // namespace attn::algebra
#endif

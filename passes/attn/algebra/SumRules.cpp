// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Sums over the fibre: defer, refer, enlarge, and the order of contraction.
//
// A monomial u = exp(A0) A0^n0 A1^n1 .. rest is accumulated as R_n = sum e^(A0 - M0) (A0 - M0)^n0 (A1 - mu1)^n1 ..
// rest, relative to the running max of A0 and the running mean of A1. What the text asks for is the binomial
// combination of the R_k, k <= n, with the powers of the references: closed under a change of reference, and bounded
// (exponentials <= 1).
#include "passes/attn/algebra/Derivation.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallVectorExtras.h"
#include "llvm/ADT/Twine.h"
#include <limits>
#include <tuple>

using namespace attn::algebra;

static bool mentionedByAny(TermRef index, llvm::ArrayRef<TermRef> terms) {
  return llvm::any_of(terms, [&](TermRef t) { return t->mentions(index); });
}

static int64_t binomial(int64_t n, int64_t k) {
  int64_t r = 1;
  for (int64_t i = 0; i < k; ++i)
    r = r * (n - i) / (i + 1);
  return r;
}

/// Calls `f` with every vector of powers below `limits` (inclusive), the lowest first.
static void forEachPowers(llvm::ArrayRef<Reference> limits, llvm::function_ref<void(llvm::ArrayRef<unsigned>)> f) {
  llvm::SmallVector<unsigned> powers(limits.size(), 0);
  while (true) {
    f(powers);
    size_t i = 0;
    while (i < powers.size() && powers[i] == limits[i].power)
      powers[i++] = 0;
    if (i == powers.size())
      return;
    ++powers[i];
  }
}

/// A product distributed over its sums of finished summaries; never over streamed data: the S of exp(S - X) * S is
/// whole. Nor over a sum without a summary (1 - w): nothing cancels there, and each addend would be an accumulator.
TermRef Derivation::expand(TermRef t) {
  constexpr unsigned kMaxSummands = 8;
  Number coefficient;
  llvm::SmallVector<Factor> factors;
  std::tie(coefficient, factors) = context.factors(t);
  for (size_t k = 0; k < factors.size(); ++k) {
    const Factor &f = factors[k];
    if (!f.power.isOne() || !f.base->is(TermKind::Add) || f.base->getChildren().size() > kMaxSummands ||
        fibre.isCarriedBy(f.base) || leaves(f.base).empty())
      continue;
    llvm::SmallVector<Factor> rest(factors);
    rest.erase(rest.begin() + k);
    llvm::SmallVector<Summand> sum;
    auto put = [&](Number weight, TermRef x) {
      llvm::SmallVector<Factor> product(rest);
      product.push_back({x, 1});
      sum.push_back({weight, expand(context.mul(product, coefficient))});
    };
    for (const Summand &s : context.summands(f.base).second)
      put(s.weight, s.term);
    if (!f.base->getNumber().isZero())
      put(f.base->getNumber(), context.one());
    return context.add(sum);
  }
  return t;
}

// ---- rows without points

/// May be infinite where the stream had no point, where 0 * t is not 0: a max, a min, a log, an rsqrt, an exponential
/// that none of them bounds.
bool Derivation::mayBeInfinite(TermRef t) {
  auto endless = [&](TermRef q) {
    return llvm::any_of(leaves(q), [&](TermRef l) { return getRow(l->getReducer()).infiniteIdentity; });
  };
  if (t->is(TermKind::Number))
    return t->getNumber().isInfinite();
  if (isLeaf(t))
    return endless(t);
  if ((t->isFunction(Function::Log) || t->isFunction(Function::Rsqrt)) && !leaves(t).empty())
    return true;
  if (t->is(TermKind::Exp)) {
    bool up = false, down = false;
    for (const Summand &s : context.summands(t->getChild(0)).second)
      if (endless(s.term))
        (s.weight.isNegative() ? down : up) = true;
    bool minimum = llvm::any_of(leaves(t), [&](TermRef l) { return getRow(l->getReducer()).identity > 1; });
    return (down && !up) || minimum;
  }
  return !leaves(t).empty() && llvm::any_of(t->getChildren(), [&](TermRef c) { return mayBeInfinite(c); });
}

/// `r`, derived for a stream with points; `value` is what the text gives over none.
TermRef Derivation::whereEmpty(TermRef r, const Binders &binders, const Terms &conditions, TermRef value) {
  TermRef points = context.reduce(Reducer::Sum, binders, conditions, context.one());
  if (context.assumesNonZero()) {
    context.assumeNonZero(points);
    return r;
  }
  return context.select(context.apply(Function::Equal, {points, context.zero()}), value, r);
}

// ---- no summary inside: the order of contraction

TermRef Derivation::base(const Reduction &r) {
  if (getRow(r.op).affine && options.reassociate && mentionsAny(r.body, r.binders))
    for (TermRef parallel : r.body->getFreeIndices()) {
      bool own = llvm::any_of(r.binders, [&](const Binder &b) { return b.index == parallel; });
      if (own || parallel->getTag() != 0 || mentionedByAny(parallel, r.conditions))
        continue;
      if (auto done = reassociated(r, parallel))
        return *done;
    }
  return close(r);
}

/// Points of the two contractions, as written (the inner sum for each streamed point, then the outer) and the other way
/// round (the streamed parts first, then the late ones).
bool Derivation::isCheaper(const Reduction &r, llvm::ArrayRef<Monomial> monomials) {
  if (!options.sizeOf)
    return true;
  auto points = [&](std::initializer_list<TermRef> terms, const Binders &a, const Binders &b) {
    llvm::SmallSetVector<TermRef, 8> indices;
    for (TermRef t : terms)
      indices.insert_range(t->getFreeIndices());
    for (const Binder &x : a)
      indices.insert(x.index);
    for (const Binder &x : b)
      indices.insert(x.index);
    double product = 1;
    for (TermRef i : indices)
      product *= options.sizeOf(i->getName());
    return product;
  };
  double before = points({r.body}, r.binders, {}), after = 0;
  for (const Monomial &m : monomials) {
    Binders opened(m.opened);
    before = std::max(before, points({m.streamed, m.late}, r.binders, opened));
    TermRef state = context.reduce(Reducer::Sum, r.binders, {}, m.streamed);
    after += points({m.streamed}, r.binders, {}) + points({state, m.late}, opened, {});
  }
  return after < before;
}

/// The split of the body into what mentions `parallel` and what is streamed: the state loses that rank and gains those
/// of the opened sums. Not where an exponent or a difference would be cut, a condition links the two, or a sign is
/// lost.
std::optional<TermRef> Derivation::reassociated(const Reduction &r, TermRef parallel) {
  auto isStreamed = [&](TermRef t) { return mentionsAny(t, r.binders); };
  auto isLate = [&](TermRef t) { return t->mentions(parallel); };
  Separator separator(context, fibre, isStreamed, isLate);
  auto monomials = separator.separate(r.body);
  if (!monomials || llvm::none_of(*monomials, [](const Monomial &m) { return !m.opened.empty(); }))
    return std::nullopt;
  if (!isCheaper(r, *monomials))
    return std::nullopt;
  bool signedBody = !context.isNonNegative(r.body);
  for (const Monomial &m : *monomials) {
    if (m.cutsExponent || !m.affine.empty() || mentionedByAny(parallel, m.conditions) ||
        mentionedByAny(parallel, m.openedConditions))
      return std::nullopt;
    if (!signedBody && !(context.isNonNegative(m.streamed) && context.isNonNegative(m.late)))
      return std::nullopt;
  }
  TermRef result = collect(
      *monomials,
      [&](const Monomial &m, const Binders &more, const Terms &moreConditions) {
        Accumulated a{{}, r.binders, r.conditions};
        llvm::append_range(a.binders, more);
        llvm::append_range(a.conditions, m.conditions);
        llvm::append_range(a.conditions, moreConditions);
        a.parts.push_back(context.reduce(Reducer::Sum, a.binders, a.conditions, m.streamed));
        return a;
      },
      /*quiet=*/true);
  note("reassociate", "the state of " + close(r)->str() + " loses rank " + parallel->getName().str(), r.body);
  return result;
}

// ---- split, defer, refer, enlarge

/// The sum of the monomials with their streamed parts accumulated: indices of opened sums that only the streamed part
/// carries are bound by the accumulator, those that only the late part carries by a sum outside, the others enlarge the
/// state.
TermRef Derivation::collect(llvm::ArrayRef<Monomial> monomials, Accumulate accumulate, bool quiet) {
  llvm::SmallVector<Summand> result;
  for (const Monomial &m : monomials) {
    TermRef late = m.late;
    Binders own, shared;
    Terms ownConditions;
    auto conditionsOf = [&](TermRef index) {
      Terms cs;
      llvm::copy_if(m.openedConditions, std::back_inserter(cs), [&](TermRef c) { return c->mentions(index); });
      return cs;
    };
    for (const Binder &b : m.opened) {
      if (!late->mentions(b.index)) {
        own.push_back(b);
        llvm::append_range(ownConditions, conditionsOf(b.index));
      } else if (!m.streamed->mentions(b.index) && !mentionedByAny(b.index, m.conditions)) {
        late = context.reduce(Reducer::Sum, {b}, conditionsOf(b.index), late);
      } else {
        shared.push_back(b);
      }
    }
    Accumulated a = accumulate(m, own, ownConditions);
    for (TermRef part : a.parts) {
      TermRef r = context.mul({{late, 1}, {part, 1}}, m.coefficient);
      if (shared.empty())
        r = expand(r);
      if (mayBeInfinite(r))
        r = whereEmpty(r, a.binders, a.conditions, context.zero());
      for (const Binder &b : shared)
        r = context.reduce(Reducer::Sum, {b}, conditionsOf(b.index), r);
      result.push_back({1, r});
    }
    if (!shared.empty() && !quiet)
      note("enlarge",
           "the state of " + m.streamed->str() + " carries rank " + shared[0].index->getName().str() +
               " too: " + late->str() + " does",
           m.streamed);
  }
  return context.add(result);
}

/// Takes A^n, n as large as possible, out of a product; A may be a product itself.
static unsigned takePowers(TermContext &context, TermRef a, llvm::SmallVectorImpl<Factor> &product,
                           Number &coefficient) {
  auto [scale, wanted] = context.factors(a);
  int64_t n = wanted.empty() ? 0 : std::numeric_limits<int64_t>::max();
  auto find = [&](const Factor &w) {
    return llvm::find_if(product, [&](const Factor &f) { return f.base == w.base; });
  };
  for (const Factor &w : wanted) {
    auto f = find(w);
    if (f == product.end() || !w.power.isInteger() || !w.power.isPositive() || !f->power.isInteger())
      return 0;
    n = std::min(n, f->power.getInteger() / w.power.getInteger());
  }
  if (n <= 0)
    return 0;
  for (const Factor &w : wanted) {
    auto f = find(w);
    f->power = f->power - w.power * Number(n);
    if (f->power.isZero())
      product.erase(f);
  }
  coefficient = coefficient * scale.power(Number(n)).reciprocal();
  return n;
}

/// u = exp(A0) A0^n0 A1^n1 .. rest: the references of the factors, and the rest.
llvm::SmallVector<Reference> Derivation::chooseReferences(const Monomial &m, llvm::ArrayRef<TermRef> affine,
                                                          TermRef &rest) {
  auto [coefficient, factors] = context.factors(m.streamed);
  TermRef exponent = nullptr;
  if (m.cutsExponent)
    for (const Factor &f : factors)
      if (f.base->is(TermKind::Exp))
        exponent = f.base->getChild(0);
  llvm::SmallVector<Reference> references;
  if (exponent) {
    llvm::erase_if(factors, [](const Factor &f) { return f.base->is(TermKind::Exp); });
    references.push_back({ReferenceKind::Max, exponent, takePowers(context, exponent, factors, coefficient)});
  }
  for (TermRef a : affine)
    if (unsigned n = a == exponent ? 0 : takePowers(context, a, factors, coefficient))
      references.push_back({ReferenceKind::Mean, a, n});
  rest = context.mul(factors, coefficient);
  return references;
}

Derivation::Accumulated Derivation::accumulate(const Reduction &r, const Monomial &m, llvm::ArrayRef<TermRef> affine,
                                               const Binders &own, const Terms &ownConditions) {
  TermRef rest;
  llvm::SmallVector<Reference> references = chooseReferences(m, affine, rest);
  // Indices that the references mention are bound with the stream, the others inside the rest.
  Terms outer(m.conditions);
  for (const Reference &ref : references)
    outer.push_back(ref.term);
  if (references.empty())
    outer.push_back(rest);
  Accumulated a{{}, r.binders, r.conditions};
  Binders inner;
  for (const Binder &b : own)
    (mentionedByAny(b.index, outer) ? a.binders : inner).push_back(b);
  Terms innerConditions;
  for (TermRef c : ownConditions) {
    if (mentionsAny(c, inner))
      innerConditions.push_back(c);
    if (mentionsAny(c, a.binders))
      a.conditions.push_back(c);
  }
  llvm::append_range(a.conditions, m.conditions);
  if (!inner.empty())
    rest = context.reduce(Reducer::Sum, inner, innerConditions, rest);
  if (references.empty()) {
    Reduction plain{Reducer::Sum, a.binders, a.conditions, rest, r.type, r.location};
    a.parts.push_back(base(plain));
  } else {
    a.parts = binomialParts(a, references, rest);
  }
  return a;
}

/// What the text asks for, as a combination of relative accumulators of all powers up to the wanted ones.
Derivation::Terms Derivation::binomialParts(const Accumulated &a, llvm::ArrayRef<Reference> references, TermRef rest) {
  Terms values; // of the references
  for (const Reference &r : references) {
    bool max = r.kind == ReferenceKind::Max;
    note("refer",
         (max ? "exp of " : "powers of ") + r.term->str() + " relative to its own running " +
             (max ? "max, corrected by exp(max - max')" : "mean, corrected by powers of mean - mean'"),
         r.term);
    values.push_back(context.reduce(max ? Reducer::Max : Reducer::Mean, a.binders, a.conditions, r.term));
  }
  Terms parts;
  forEachPowers(references, [&](llvm::ArrayRef<unsigned> powers) {
    llvm::SmallVector<Reference> lower(references);
    llvm::SmallVector<Factor> product;
    Number coefficient = 1;
    for (auto [i, r] : llvm::enumerate(references)) {
      lower[i].power = powers[i];
      coefficient = coefficient * Number(binomial(r.power, powers[i]));
      bool max = r.kind == ReferenceKind::Max;
      if (max)
        product.push_back({context.exp(values[i]), 1});
      // No point seen: the maximum is -inf and every accumulator 0, so its powers must be finite.
      TermRef value = context.assumesNonZero() || !max ? values[i] : context.apply(Function::Finite, {values[i]});
      if (r.power > powers[i])
        product.push_back({value, r.power - powers[i]});
    }
    product.push_back({context.relative(Reducer::Sum, lower, a.binders, a.conditions, rest), 1});
    parts.push_back(context.mul(product, coefficient));
  });
  return parts;
}

/// The exponential of a product; null if it has none.
static TermRef exponentialIn(TermContext &context, TermRef product) {
  auto factors = context.factors(product).second;
  auto found = llvm::find_if(factors, [](const Factor &f) { return f.base->is(TermKind::Exp) && f.power.isOne(); });
  return found == factors.end() ? nullptr : found->base;
}

/// A sum without the parentheses in which it prints.
static std::string bare(TermRef term) {
  std::string text = term->str();
  return term->is(TermKind::Add) ? text.substr(1, text.size() - 2) : text;
}

/// The equation by which streamed data and summaries are told apart, where that is more than sorting factors.
void Derivation::noteSplit(const Reduction &r, llvm::ArrayRef<Monomial> monomials) {
  if (monomials.size() > 1) {
    llvm::SmallVector<Summand> products;
    for (const Monomial &m : monomials)
      products.push_back({m.coefficient, context.mul(m.streamed, m.late)});
    note("split", r.body->str() + " is multiplied out: " + bare(context.add(products)), r.body);
  }
  for (const Monomial &m : monomials) {
    TermRef streamed = exponentialIn(context, m.streamed), late = exponentialIn(context, m.late);
    if (m.cutsExponent && streamed && late)
      note("split",
           "exp turns the sum of " + streamed->getChild(0)->str() + " and " + late->getChild(0)->str() +
               " into the product " + streamed->str() + " * " + late->str(),
           r.body);
  }
}

std::optional<TermRef> Derivation::splitSum(const Reduction &r, unsigned pass) {
  auto isStreamed = [&](TermRef t) { return mentionsAny(t, r.binders); };
  auto late = [&](TermRef t) { return isLate(t, pass); };
  Separator separator(context, fibre, isStreamed, late);
  auto monomials = separator.separate(r.body);
  if (!monomials) {
    refusal = separator.refusal;
    return std::nullopt;
  }
  Terms affine;
  for (const Monomial &m : *monomials) {
    llvm::append_range(affine, m.affine);
    if (!options.enlarge && llvm::any_of(m.opened, [&](const Binder &b) { return m.late->mentions(b.index); }))
      return refuse("the factor carries a summed rank and the state is not to be enlarged", r.body);
  }
  noteSplit(r, *monomials);
  for (const Monomial &m : *monomials) {
    if (m.late->isNumber(1))
      continue;
    std::string rank = r.binders[0].index->getName().str();
    bool isEnlarged = llvm::any_of(m.opened, [&](const Binder &o) { return m.late->mentions(o.index); });
    note("defer",
         m.late->str() + " leaves " + getRow(r.op).name.str() + "[" + rank + "]" +
             (isEnlarged ? ", the state is enlarged" : ": it does not carry " + rank),
         m.late);
  }
  return collect(
      *monomials,
      [&](const Monomial &m, const Binders &own, const Terms &ownConditions) {
        return accumulate(r, m, affine, own, ownConditions);
      },
      /*quiet=*/false);
}

std::optional<TermRef> Derivation::tryRules(const Reduction &r, unsigned pass) {
  const ReducerRow &row = getRow(r.op);
  if (row.affine)
    return splitSum(r, pass);
  if (row.ordered)
    return splitOrdered(r, pass);
  if (row.distributes)
    return splitConnective(r, pass);
  return refuse("no rule for " + row.name, r.body);
}

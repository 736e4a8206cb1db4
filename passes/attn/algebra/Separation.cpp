// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Splitting a body into streamed and late factors: body = sum_i u_i(x) * w_i(s).
//
// A product splits factor by factor; the streamed addends of an affine term stay together as one A; exp(A + B) is
// exp(A) exp(B); small whole powers expand; a condition goes to its term; a sum over another rank is opened, under
// fresh names (two opened sums must not capture each other's index).
#include "passes/attn/algebra/Separation.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallVectorExtras.h"
#include "llvm/ADT/Twine.h"

using namespace attn::algebra;

constexpr unsigned kMaxMonomials = 40, kMaxExpandedPower = 4;

std::nullopt_t Separator::refuse(const llvm::Twine &reason, TermRef t) {
  refusal = {reason.str(), t};
  return std::nullopt;
}

Monomial Separator::make(TermRef streamed, TermRef late) {
  Monomial m;
  m.streamed = streamed;
  m.late = late;
  return m;
}

std::optional<Monomial> Separator::pure(TermRef t) {
  if (!isLate(t))
    return make(t, context.one());
  if (!isStreamed(t))
    return make(context.one(), t);
  return std::nullopt;
}

Monomial Separator::times(const Monomial &a, Monomial b) {
  Monomial r = a;
  r.coefficient = a.coefficient * b.coefficient;
  r.streamed = context.mul(a.streamed, b.streamed);
  r.late = context.mul(a.late, b.late);
  r.cutsExponent |= b.cutsExponent;
  llvm::append_range(r.opened, b.opened);
  llvm::append_range(r.openedConditions, b.openedConditions);
  llvm::append_range(r.conditions, b.conditions);
  for (TermRef t : b.affine)
    if (!llvm::is_contained(r.affine, t))
      r.affine.push_back(t);
  return r;
}

/// `m` with other names for its opened indices: the same sum taken twice is two sums.
static Monomial renamed(TermContext &context, Monomial m) {
  Substitution map;
  for (Binder &b : m.opened)
    b.index = map[b.index] = context.freshIndex(b.index);
  auto rename = [&](TermRef &t) { t = context.substitute(t, map); };
  rename(m.streamed);
  rename(m.late);
  llvm::for_each(m.openedConditions, rename);
  llvm::for_each(m.conditions, rename);
  llvm::for_each(m.affine, rename);
  return m;
}

Separator::Monomials Separator::product(llvm::ArrayRef<MonomialList> lists, TermRef whole) {
  MonomialList result = {make(context.one(), context.one())};
  for (const auto &list : lists) {
    MonomialList next;
    for (const Monomial &a : result)
      for (const Monomial &b : list) {
        bool clash = llvm::any_of(b.opened, [&](const Binder &x) { return llvm::is_contained(a.opened, x); });
        next.push_back(times(a, clash ? renamed(context, b) : b));
      }
    if (next.size() > kMaxMonomials)
      return refuse("more than " + llvm::Twine(kMaxMonomials) + " terms", whole);
    result = std::move(next);
  }
  return result;
}

Separator::Monomials Separator::power(TermRef base, const Number &n) {
  if (auto p = pure(base)) {
    p->streamed = context.power(p->streamed, n);
    p->late = context.power(p->late, n);
    return MonomialList{*p};
  }
  Monomials parts = separate(base);
  if (!parts || n.isOne())
    return parts;
  if (parts->size() == 1 && (*parts)[0].opened.empty()) {
    Monomial m = (*parts)[0];
    if (n.isInteger() ||
        (m.coefficient.isPositive() && context.isNonNegative(m.streamed) && context.isNonNegative(m.late))) {
      m.coefficient = m.coefficient.power(n);
      m.streamed = context.power(m.streamed, n);
      m.late = context.power(m.late, n);
      m.affine.clear();
      return MonomialList{m};
    }
  }
  if (n.isInteger() && n.getInteger() >= 2 && n.getInteger() <= kMaxExpandedPower)
    return product(std::vector<MonomialList>(n.getInteger(), *parts), base);
  return refuse("a power of a sum that mixes both", base);
}

Separator::Monomials Separator::separate(TermRef t) {
  if (auto p = pure(t))
    return MonomialList{*p};
  switch (t->getKind()) {
  case TermKind::Mul:
    return separateMul(t);
  case TermKind::Add:
    return separateAdd(t);
  case TermKind::Exp:
    return separateExp(t);
  case TermKind::Select:
    return separateSelect(t);
  case TermKind::Apply:
    return separateApply(t);
  case TermKind::Reduce:
    return separateReduce(t);
  case TermKind::Read:
  case TermKind::Gather:
    return refuse("data reached through the summary", t);
  default:
    return refuse("no rule for this term", t);
  }
}

Separator::Monomials Separator::separateMul(TermRef t) {
  std::vector<MonomialList> lists;
  for (const Factor &f : context.factors(t).second) {
    Monomials part = power(f.base, f.power);
    if (!part)
      return std::nullopt;
    lists.push_back(*part);
  }
  Monomials result = product(lists, t);
  if (result)
    for (Monomial &m : *result)
      m.coefficient = m.coefficient * t->getNumber();
  return result;
}

Separator::Monomials Separator::separateAdd(TermRef t) {
  llvm::SmallVector<Summand> known, mixed;
  MonomialList result;
  for (const Summand &s : context.summands(t).second) {
    if (!isLate(s.term)) {
      known.push_back(s);
    } else if (isStreamed(s.term)) {
      mixed.push_back(s);
    } else {
      result.push_back(make(context.one(), s.term));
      result.back().coefficient = s.weight;
    }
  }
  TermRef together = context.add(known, t->getNumber());
  if (!together->isNumber(0)) {
    Monomial m = make(context.one(), context.one());
    (isStreamed(together) ? m.streamed : m.late) = together;
    if (isStreamed(together) && !result.empty())
      m.affine.push_back(together);
    result.push_back(m);
  }
  for (const Summand &s : mixed) {
    Monomials parts = separate(s.term);
    if (!parts)
      return std::nullopt;
    for (Monomial &m : *parts) {
      m.coefficient = m.coefficient * s.weight;
      result.push_back(m);
    }
  }
  return result;
}

Separator::Monomials Separator::separateExp(TermRef t) {
  Monomials parts = separate(t->getChild(0));
  if (!parts)
    return std::nullopt;
  llvm::SmallVector<Summand> streamed, late;
  for (const Monomial &m : *parts) {
    if (!m.opened.empty() || !m.conditions.empty() || (isStreamed(m.streamed) && isLate(m.late)))
      return refuse("an exponent that multiplies streamed data by a summary", t);
    (isLate(m.late) ? late : streamed).push_back({m.coefficient, context.mul(m.streamed, m.late)});
  }
  Monomial m = make(context.exp(context.add(streamed)), context.exp(context.add(late)));
  m.cutsExponent = true;
  return MonomialList{m};
}

Separator::Monomials Separator::separateSelect(TermRef t) {
  TermRef condition = t->getChild(0);
  if (isLate(condition))
    return refuse("a condition reads the summary", t);
  MonomialList result;
  for (unsigned branch : {1, 2}) {
    Monomials parts = separate(t->getChild(branch));
    if (!parts)
      return std::nullopt;
    for (Monomial &m : *parts)
      if (!m.streamed->isNumber(0)) {
        m.conditions.push_back(branch == 1 ? condition : context.negation(condition));
        result.push_back(m);
      }
  }
  return result;
}

/// f(u op w) = f(u) op' f(w)
Separator::Monomials Separator::separateHomomorphism(TermRef t) {
  const FunctionRow &row = getRow(t->getFunction());
  auto others = t->getChildren().drop_front();
  if (row.from != Operation::Multiply || llvm::any_of(others, [&](TermRef c) { return isStreamed(c) || isLate(c); }))
    return std::nullopt;
  Monomials parts = separate(t->getChild(0));
  if (!parts || parts->size() != 1)
    return std::nullopt;
  Monomial m = (*parts)[0];
  bool signs = row.oddOrEven ||
               (m.coefficient.isPositive() && context.isNonNegative(m.streamed) && context.isNonNegative(m.late));
  if (!m.opened.empty() || !m.conditions.empty() || !signs)
    return std::nullopt;
  auto f = [&](TermRef x) {
    llvm::SmallVector<TermRef> arguments = {x};
    llvm::append_range(arguments, others);
    return context.apply(t->getFunction(), arguments);
  };
  TermRef u = f(context.scaled(m.coefficient, m.streamed)), w = f(m.late);
  if (row.to == Operation::Add)
    return MonomialList{make(u, context.one()), make(context.one(), w)};
  Monomial r = make(u, w);
  r.cutsExponent = m.cutsExponent;
  return MonomialList{r};
}

/// f(w x, w y) = w f(x, y) for w >= 0
Separator::Monomials Separator::separateScale(TermRef t) {
  if (!getRow(t->getFunction()).scales)
    return std::nullopt;
  TermRef late = nullptr;
  llvm::SmallVector<TermRef> inside;
  for (TermRef c : t->getChildren()) {
    Monomials parts = separate(c);
    if (!parts || parts->size() != 1)
      return std::nullopt;
    const Monomial &m = (*parts)[0];
    if (!m.opened.empty() || !m.conditions.empty() || m.cutsExponent || (late && late != m.late))
      return std::nullopt;
    late = m.late;
    inside.push_back(context.scaled(m.coefficient, m.streamed));
  }
  if (!context.isNonNegative(late))
    return std::nullopt;
  return MonomialList{make(context.apply(t->getFunction(), inside), late)};
}

Separator::Monomials Separator::separateApply(TermRef t) {
  if (Monomials m = separateHomomorphism(t))
    return m;
  if (Monomials m = separateScale(t))
    return m;
  return refuse(getRow(t->getFunction()).name + " of streamed data and a summary", t);
}

Separator::Monomials Separator::separateReduce(TermRef t) {
  const ReducerRow &row = getRow(t->getReducer());
  if (!row.affine || fibre.isReducedBy(t))
    return refuse(row.name + " over another rank", t);
  Opened o = context.openFresh(t);
  if (llvm::any_of(o.conditions, isLate))
    return refuse("a condition reads the summary", t);
  Monomials parts = separate(o.body);
  if (!parts)
    return std::nullopt;
  for (Monomial &m : *parts) {
    llvm::append_range(m.opened, o.binders);
    for (TermRef c : o.conditions)
      (isStreamed(c) ? m.conditions : m.openedConditions).push_back(c);
  }
  return parts;
}

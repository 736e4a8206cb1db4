// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Ordered reducers (max, min, argmax) pass through what is increasing in the streamed part: + w, * w with w >= 0
// proved, a negative number with the dual reducer, increasing functions (argmax: strictly, and it drops them). Boolean
// reducers pass through the connective that distributes over them.
#include "passes/attn/algebra/Derivation.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Twine.h"
#include <functional>

using namespace attn::algebra;

namespace attn::algebra {
/// Peels the late part off the body of one ordered reduction.
class OrderRule {
public:
  OrderRule(Derivation &d, const Derivation::Reduction &r, unsigned pass)
      : d(d), context(d.context), r(r), row(getRow(r.op)), pass(pass), op(r.op), body(r.body) {}
  std::optional<TermRef> apply();

private:
  bool isStreamed(TermRef t) const { return mentionsAny(t, r.binders); }
  bool isLate(TermRef t) const { return d.isLate(t, pass); }
  bool peel();
  bool peelAdd();
  bool peelMul();
  bool peelFunction();
  std::optional<TermRef> distribute();
  TermRef none() const { return context.number(Number::real(row.identity)); }

  Derivation &d;
  TermContext &context;
  const Derivation::Reduction &r;
  const ReducerRow &row;
  unsigned pass;
  Reducer op;
  TermRef body;
  bool changesIdentity = false; // what was peeled need not keep it: max of nothing is -inf, not f(-inf) or -inf + inf
  llvm::SmallVector<std::function<TermRef(TermRef)>> outside;
};
} // namespace attn::algebra

bool OrderRule::peelAdd() {
  llvm::SmallVector<Summand> known, late, mixed;
  for (const Summand &s : context.summands(body).second)
    (!isLate(s.term) ? known : !isStreamed(s.term) ? late : mixed).push_back(s);
  Number constant = body->getNumber();
  if (mixed.size() > 1 ||
      (!mixed.empty() && llvm::any_of(known, [&](const Summand &s) { return isStreamed(s.term); }))) {
    d.refuse("two streamed addends, one of them mixed with a summary", body);
    return false;
  }
  if (mixed.empty()) {
    body = context.add(known, constant);
    constant = 0;
  } else {
    llvm::append_range(late, known);
    body = context.scaled(mixed[0].weight, mixed[0].term);
  }
  // Over no points the text has the identity, and the shift may be an infinity of the other sign. -inf - -inf is -inf
  // where both are maxima (R13).
  for (const Summand &s : late) {
    bool bothAreMaxima = op == Reducer::Max && s.weight.isNegative() && s.term->isReduction(Reducer::Max);
    changesIdentity |= !bothAreMaxima && d.mayBeInfinite(s.term);
  }
  TermContext &c = context;
  outside.push_back([&c, late, constant](TermRef x) {
    llvm::SmallVector<Summand> sum(late);
    sum.push_back({1, x});
    return c.add(sum, constant);
  });
  return true;
}

bool OrderRule::peelMul() {
  llvm::SmallVector<Factor> streamed, mixed, late;
  for (const Factor &f : context.factors(body).second)
    (!isStreamed(f.base) ? late : isLate(f.base) ? mixed : streamed).push_back(f);
  TermRef weight = context.mul(late);
  Number coefficient = body->getNumber();
  bool oneMixed = mixed.size() == 1 && streamed.empty() && mixed[0].power.isOne();
  if (!context.isNonNegative(weight) || (!mixed.empty() && !oneMixed)) {
    d.refuse(row.name + " does not distribute over this product", body);
    return false;
  }
  if (coefficient.isNegative()) {
    std::optional<Reducer> dual = getRow(op).dual;
    if (!dual) {
      d.refuse(row.name + " of a negative multiple", body);
      return false;
    }
    op = *dual;
  }
  body = mixed.empty() ? context.mul(streamed) : mixed[0].base;
  TermContext &c = context;
  outside.push_back([&c, weight, coefficient](TermRef x) { return c.mul({{weight, 1}, {x, 1}}, coefficient); });
  changesIdentity = true;
  return true;
}

bool OrderRule::peelFunction() {
  TermContext &c = context;
  TermRef f = body;
  if (f->is(TermKind::Exp)) {
    outside.push_back([&c](TermRef x) { return c.exp(x); });
  } else {
    const FunctionRow *row = f->is(TermKind::Apply) ? &getRow(f->getFunction()) : nullptr;
    bool others = !f->getChildren().empty() &&
                  llvm::any_of(f->getChildren().drop_front(), [&](TermRef x) { return isStreamed(x); });
    if (!row || !row->increasing || others || (this->row.selectsIndex && !row->strict)) {
      d.refuse(this->row.name + " of a term that is not increasing in one streamed part", body);
      return false;
    }
    outside.push_back([&c, f](TermRef x) {
      llvm::SmallVector<TermRef> arguments = {x};
      llvm::append_range(arguments, f->getChildren().drop_front());
      return c.apply(f->getFunction(), arguments);
    });
  }
  body = f->getChild(0);
  changesIdentity = true;
  return true;
}

bool OrderRule::peel() {
  if (body->is(TermKind::Add))
    return peelAdd();
  if (body->is(TermKind::Mul))
    return peelMul();
  return peelFunction();
}

/// max of w * exp(A) * rest, w >= 0, rest of any sign: w leaves, the exponential gets its own running max.
std::optional<TermRef> OrderRule::distribute() {
  auto streamed = [&](TermRef t) { return isStreamed(t); };
  auto late = [&](TermRef t) { return isLate(t); };
  Separator separator(context, d.fibre, streamed, late);
  auto parts = separator.separate(body);
  if (!parts)
    return d.refuse(separator.refusal.reason, separator.refusal.term);
  const Monomial *m = parts->size() == 1 ? &(*parts)[0] : nullptr;
  if (!m || !m->opened.empty() || !context.isNonNegative(m->late))
    return d.refuse(row.name + " distributes over a factor that is not negative only", body);
  d.note("defer", m->late->str() + " leaves " + row.name.str() + ": it is not negative", m->late);
  auto [coefficient, factors] = context.factors(context.scaled(m->coefficient, m->streamed));
  Derivation::Terms conditions(r.conditions);
  llvm::append_range(conditions, m->conditions);
  auto e = llvm::find_if(factors, [](const Factor &f) { return f.base->is(TermKind::Exp); });
  if (!m->cutsExponent || e == factors.end()) {
    TermRef inside = context.reduce(op, r.binders, conditions, context.mul(factors, coefficient), r.type);
    return d.whereEmpty(context.mul(m->late, inside), r.binders, r.conditions, none());
  }
  TermRef exponent = e->base->getChild(0);
  factors.erase(e);
  d.note("refer", "exp of " + exponent->str() + " relative to its own running max", exponent);
  TermRef reference = context.reduce(Reducer::Max, r.binders, conditions, exponent);
  TermRef inside = context.relative(op, {{ReferenceKind::Max, exponent, 0}}, r.binders, conditions,
                                    context.mul(factors, coefficient));
  return d.whereEmpty(context.mul({{m->late, 1}, {context.exp(reference), 1}, {inside, 1}}), r.binders, r.conditions,
                      none());
}

std::optional<TermRef> OrderRule::apply() {
  auto severalParts = [&] {
    unsigned streamed = 0, mixed = 0;
    for (const Factor &f : context.factors(body).second)
      if (isStreamed(f.base))
        ++(isLate(f.base) ? mixed : streamed);
    return mixed > 0 && (streamed > 0 || mixed > 1);
  };
  while (isLate(body)) {
    if (body->is(TermKind::Mul) && outside.empty() && !row.selectsIndex && severalParts())
      return distribute();
    if (!peel())
      return std::nullopt;
  }
  d.note("order",
         row.name.str() + " of " + r.body->str() + " is " + getRow(op).name.str() + " of " + body->str() +
             (row.selectsIndex ? "" : ", the rest leaves"),
         r.body);
  TermRef result = context.reduce(op, r.binders, r.conditions, body, r.type);
  if (row.selectsIndex)
    return result;
  for (auto &f : llvm::reverse(outside))
    result = f(result);
  return changesIdentity ? d.whereEmpty(result, r.binders, r.conditions, none()) : result;
}

std::optional<TermRef> Derivation::splitOrdered(const Reduction &r, unsigned pass) {
  return OrderRule(*this, r, pass).apply();
}

std::optional<TermRef> Derivation::splitConnective(const Reduction &r, unsigned pass) {
  const ReducerRow &row = getRow(r.op);
  if (!r.body->isFunction(*row.distributes))
    return refuse(row.name + " of streamed data and a summary", r.body);
  Terms known, late;
  for (TermRef c : r.body->getChildren())
    (isLate(c, pass) ? late : known).push_back(c);
  if (llvm::any_of(late, [&](TermRef c) { return mentionsAny(c, r.binders); }) || known.empty())
    return refuse(row.name + " of streamed data and a summary", r.body);
  note("defer", late[0]->str() + " leaves " + row.name.str(), late[0]);
  Reduction rest = r;
  rest.body = context.apply(*row.distributes, known);
  late.push_back(close(rest));
  return context.apply(*row.distributes, late);
}

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The normal form: affine sums, products of powers with at most one exponential, functions by their table row. Operands
// are ordered by creation, so that equal terms are one object whatever order they were written in.
// Inverse pairs cancel: exp(n log y + r) = y^n exp(r), log(y exp(r)) = log y + r.
#include "passes/attn/algebra/TermContext.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/STLExtras.h"

using namespace attn::algebra;

TermContext::TermContext() : strings(allocator) {
  zeroTerm = number(0);
  oneTerm = number(1);
}

TermContext::AssumeNonZero::AssumeNonZero(TermContext &context) : context(context), outer(context.assumed) {
  context.assumed = &terms;
}

// ---- uniquing

TermRef TermContext::unique(Term &key) {
  llvm::FoldingSetNodeID id;
  key.Profile(id);
  void *place;
  if (Term *found = terms.FindNodeOrInsertPos(id, place))
    return found;
  auto *t = new (allocator) Term(key);
  t->children = key.children.copy(allocator);
  t->weights = key.weights.copy(allocator);
  t->binders = key.binders.copy(allocator);
  t->kinds = key.kinds.copy(allocator);
  t->powers = key.powers.copy(allocator);
  t->id = nextId++;
  t->location = location;

  llvm::SmallVector<TermRef> free;
  auto addFree = [&](TermRef c) {
    for (TermRef i : c->getFreeIndices())
      if (llvm::none_of(t->binders, [&](const Binder &b) { return b.index == i; }))
        free.push_back(i);
    t->height = std::max(t->height, c->getHeight());
  };
  if (t->is(TermKind::Index))
    free.push_back(t);
  // The positions of a Gather are outside its binders, but bound names never occur free (they are named by height).
  for (TermRef c : t->children)
    addFree(c);
  for (const Binder &b : t->binders) {
    t->height = std::max(t->height, b.index->getHeight());
    if (b.extent)
      addFree(b.extent);
  }
  llvm::sort(free, [](TermRef a, TermRef b) { return a->getId() < b->getId(); });
  free.erase(llvm::unique(free), free.end());
  t->freeIndices = llvm::ArrayRef<TermRef>(free).copy(allocator);
  terms.InsertNode(t, place);
  return t;
}

// ---- leaves

TermRef TermContext::number(Number value) {
  Term key;
  key.kind = TermKind::Number;
  key.type = value.isInteger() ? ValueType::Integer : ValueType::Float;
  key.number = value;
  return unique(key);
}

TermRef TermContext::index(llvm::StringRef rank, int tag, TermRef extent) {
  Term key;
  key.kind = TermKind::Index;
  key.type = ValueType::Integer;
  key.name = strings.save(rank);
  key.tag = tag;
  key.indexExtent = extent;
  key.height = std::max(tag, 0);
  return unique(key);
}

TermRef TermContext::parameter(llvm::StringRef name, ValueType type) {
  Term key;
  key.kind = TermKind::Parameter;
  key.type = type;
  key.name = strings.save(name);
  return unique(key);
}

TermRef TermContext::extent(llvm::StringRef rank) {
  Term key;
  key.kind = TermKind::Extent;
  key.type = ValueType::Integer;
  key.name = strings.save(rank);
  return unique(key);
}

TermRef TermContext::read(llvm::StringRef tensor, llvm::ArrayRef<TermRef> positions, ValueType type) {
  Term key;
  key.kind = TermKind::Read;
  key.type = type;
  key.name = strings.save(tensor);
  key.children = positions;
  return unique(key);
}

// ---- sums

std::pair<Number, llvm::SmallVector<Summand>> TermContext::summands(TermRef t) {
  if (t->is(TermKind::Number))
    return {t->getNumber(), {}};
  llvm::SmallVector<Summand> result;
  if (t->is(TermKind::Add)) {
    for (auto [w, c] : llvm::zip_equal(t->getWeights(), t->getChildren()))
      result.push_back({w, c});
    return {t->getNumber(), result};
  }
  if (t->is(TermKind::Mul) && !t->getNumber().isOne())
    return {0, {{t->getNumber(), makeMul(factors(t).second, 1)}}};
  return {0, {{1, t}}};
}

TermRef TermContext::add(llvm::ArrayRef<Summand> input, Number constant) {
  llvm::MapVector<TermRef, Number> sum;
  for (const Summand &s : input) {
    auto [c, parts] = summands(s.term);
    constant = constant + s.weight * c;
    for (const Summand &p : parts) {
      Number &w = sum[p.term];
      w = w + s.weight * p.weight;
    }
  }
  llvm::SmallVector<Summand> rest;
  for (auto &[t, w] : sum)
    if (!w.isZero())
      rest.push_back({w, t});
  llvm::sort(rest, [](const Summand &a, const Summand &b) { return a.term->getId() < b.term->getId(); });
  if (rest.empty())
    return number(constant);
  if (rest.size() == 1 && constant.isZero())
    return rest[0].weight.isOne() ? rest[0].term : mul({{rest[0].term, 1}}, rest[0].weight);

  Term key;
  key.kind = TermKind::Add;
  key.number = constant;
  bool integer = constant.isInteger();
  llvm::SmallVector<TermRef> children;
  llvm::SmallVector<Number> weights;
  for (const Summand &s : rest) {
    children.push_back(s.term);
    weights.push_back(s.weight);
    integer &= s.weight.isInteger() && s.term->isInteger();
  }
  key.type = integer ? ValueType::Integer : ValueType::Float;
  key.children = children;
  key.weights = weights;
  return unique(key);
}

// ---- products

std::pair<Number, llvm::SmallVector<Factor>> TermContext::factors(TermRef t) {
  if (t->is(TermKind::Number))
    return {t->getNumber(), {}};
  llvm::SmallVector<Factor> result;
  if (!t->is(TermKind::Mul))
    return {1, {{t, 1}}};
  for (auto [w, c] : llvm::zip_equal(t->getWeights(), t->getChildren()))
    result.push_back({c, w});
  return {t->getNumber(), result};
}

TermRef TermContext::makeMul(llvm::ArrayRef<Factor> factors, Number coefficient) {
  if (factors.empty())
    return number(coefficient);
  if (factors.size() == 1 && coefficient.isOne() && factors[0].power.isOne())
    return factors[0].base;
  Term key;
  key.kind = TermKind::Mul;
  key.number = coefficient;
  bool integer = coefficient.isInteger();
  llvm::SmallVector<TermRef> children;
  llvm::SmallVector<Number> weights;
  for (const Factor &f : factors) {
    children.push_back(f.base);
    weights.push_back(f.power);
    integer &= f.base->isInteger() && f.power.isInteger() && f.power.isPositive();
  }
  key.type = integer ? ValueType::Integer : ValueType::Float;
  key.children = children;
  key.weights = weights;
  return unique(key);
}

namespace attn::algebra {
/// Collects the factors of one product.
class ProductBuilder {
public:
  ProductBuilder(TermContext &context, Number coefficient) : context(context), coefficient(coefficient) {}
  void put(TermRef t, Number n);
  TermRef build();

private:
  bool distributesPower(TermRef t, const Number &n);
  void settleNonZero();

  TermContext &context;
  Number coefficient;
  llvm::MapVector<TermRef, Number> powers;
  llvm::SmallVector<Summand> exponents;
};
} // namespace attn::algebra

/// (a b)^n = a^n b^n: for whole n, or where no factor is negative.
bool ProductBuilder::distributesPower(TermRef t, const Number &n) {
  if (n.isInteger())
    return true;
  return t->getNumber().isPositive() && llvm::all_of(context.factors(t).second, [&](const Factor &f) {
           return context.isNonNegative(f.base) || f.power.isEven();
         });
}

void ProductBuilder::put(TermRef t, Number n) {
  if (t->is(TermKind::Number)) {
    const Number &v = t->getNumber();
    if (v.isPositive() || (n.isInteger() && (!v.isZero() || n.isPositive()))) {
      coefficient = coefficient * v.power(n);
      return;
    }
  }
  if (t->is(TermKind::Exp)) {
    exponents.push_back({n, t->getChild(0)});
  } else if (t->is(TermKind::Mul) && distributesPower(t, n)) {
    coefficient = coefficient * t->getNumber().power(n);
    for (const Factor &f : context.factors(t).second) {
      Number power = f.power * n;
      bool even = f.power.isEven() && !power.isEven() && !context.isNonNegative(f.base); // the root of x^2 is |x|
      put(even ? context.apply(Function::Abs, {f.base}) : f.base, power);
    }
  } else {
    powers[t] = powers[t] + n;
  }
}

/// b/b is 1 where b is not 0, and 0 elsewhere (R13); b * nonzero(b) = b.
void ProductBuilder::settleNonZero() {
  llvm::SmallVector<TermRef> cancelled;
  for (auto &[t, n] : powers)
    if (n.isZero() && !t->is(TermKind::Exp))
      cancelled.push_back(t);
  for (TermRef t : cancelled) {
    TermRef z = context.nonZero(t);
    if (z != context.one())
      powers[z] = 1;
  }
  llvm::SmallVector<TermRef> indicators;
  for (auto &[t, n] : powers)
    if (t->isFunction(Function::NonZero))
      indicators.push_back(t);
  for (TermRef t : indicators) {
    auto base = powers.find(t->getChild(0));
    powers[t] = base != powers.end() && !base->second.isZero() ? 0 : 1;
  }
}

TermRef ProductBuilder::build() {
  if (coefficient.isZero())
    return context.zero();
  while (!exponents.empty()) {
    TermRef e = context.exp(context.add(exponents));
    exponents.clear();
    if (e->is(TermKind::Exp))
      powers[e] = 1;
    else
      put(e, 1); // a logarithm in the exponent came out as a base, perhaps with an exponential beside it
  }
  settleNonZero();
  llvm::SmallVector<Factor> factors;
  for (auto &[t, n] : powers)
    if (!n.isZero())
      factors.push_back({t, n});
  llvm::sort(factors, [](const Factor &a, const Factor &b) { return a.base->getId() < b.base->getId(); });
  if (factors.size() == 1 && factors[0].power.isOne() && factors[0].base->is(TermKind::Add) && !coefficient.isOne())
    return context.add({{coefficient, factors[0].base}}); // a number goes into a sum
  return context.makeMul(factors, coefficient);
}

TermRef TermContext::nonZero(TermRef b) {
  if (assumed) {
    assumed->insert(b);
    return oneTerm;
  }
  return apply(Function::NonZero, {b});
}

TermRef TermContext::mul(llvm::ArrayRef<Factor> factors, Number coefficient) {
  ProductBuilder product(*this, coefficient);
  for (const Factor &f : factors)
    product.put(f.base, f.power);
  return product.build();
}

// ---- functions

TermRef TermContext::exp(TermRef t) {
  if (t->isNumber(0))
    return oneTerm;
  auto [constant, parts] = summands(t);
  llvm::SmallVector<Factor> outside;
  llvm::SmallVector<Summand> rest;
  for (const Summand &s : parts)
    if (s.term->isFunction(Function::Log) && s.weight.isInteger())
      outside.push_back({s.term->getChild(0), s.weight});
    else
      rest.push_back(s);
  if (!outside.empty()) {
    outside.push_back({exp(add(rest, constant)), 1});
    return mul(outside);
  }
  Term key;
  key.kind = TermKind::Exp;
  TermRef child[] = {t};
  key.children = child;
  return unique(key);
}

TermRef TermContext::select(TermRef condition, TermRef a, TermRef b) {
  if (a == b || condition->isFunction(Function::True))
    return a;
  Term key;
  key.kind = TermKind::Select;
  TermRef children[] = {condition, a, b};
  key.children = children;
  key.type = a->getType() == b->getType() ? a->getType() : ValueType::Float;
  return unique(key);
}

TermRef TermContext::commutative(Function f, llvm::ArrayRef<TermRef> arguments) {
  llvm::SmallVector<TermRef> flat;
  for (TermRef a : arguments)
    if (a->isFunction(f))
      llvm::append_range(flat, a->getChildren());
    else if (!(f == Function::And && a->isFunction(Function::True)))
      flat.push_back(a);
  llvm::sort(flat, [](TermRef a, TermRef b) { return a->getId() < b->getId(); });
  flat.erase(llvm::unique(flat), flat.end());
  if (flat.size() == 1)
    return flat[0];
  Term key;
  key.kind = TermKind::Apply;
  key.function = flat.empty() ? Function::True : f;
  key.type = flat.empty() ? ValueType::Bool : getRow(f).result;
  if (getRow(f).followsArguments && llvm::all_of(flat, [](TermRef a) { return a->isInteger(); }))
    key.type = ValueType::Integer;
  key.children = flat;
  return unique(key);
}

TermRef TermContext::apply(Function f, llvm::ArrayRef<TermRef> arguments) {
  const FunctionRow &row = getRow(f);
  if (row.commutative)
    return commutative(f, arguments);
  if (f == Function::NonZero && assumed)
    return nonZero(arguments[0]);
  if (f == Function::Log) {
    if (arguments[0]->isNumber(1))
      return zeroTerm;
    auto [c, fs] = factors(arguments[0]);
    auto e = llvm::find_if(fs, [](const Factor &x) { return x.base->is(TermKind::Exp); });
    if (e != fs.end()) {
      TermRef exponent = e->base->getChild(0);
      fs.erase(e);
      return add(exponent, apply(Function::Log, {mul(fs, c)}));
    }
  }
  if (f == Function::Power && arguments[1]->is(TermKind::Number))
    return arguments[1]->isNumber(0) ? oneTerm : power(arguments[0], arguments[1]->getNumber());
  // pow(exp(a)*x, n) = exp(n*a)*pow(x, n): a product has one exponential, whose exponents cancel before it is formed.
  if (f == Function::Power && arguments[0]->is(TermKind::Exp))
    return exp(mul(arguments[0]->getChild(0), arguments[1]));
  if (f == Function::Power && arguments[0]->is(TermKind::Mul)) {
    auto [c, fs] = factors(arguments[0]);
    auto e = llvm::find_if(fs, [](const Factor &x) { return x.base->is(TermKind::Exp); });
    if (e != fs.end()) {
      TermRef exponent = e->base->getChild(0);
      fs.erase(e);
      return mul(exp(mul(exponent, arguments[1])), apply(f, {mul(fs, c), arguments[1]}));
    }
  }
  Term key;
  key.kind = TermKind::Apply;
  key.function = f;
  key.type = row.result;
  if (row.followsArguments && llvm::all_of(arguments, [](TermRef a) { return a->isInteger(); }))
    key.type = ValueType::Integer;
  key.children = arguments;
  return unique(key);
}

TermRef TermContext::negation(TermRef condition) {
  return condition->isFunction(Function::Not) ? condition->getChild(0) : apply(Function::Not, {condition});
}

TermRef TermContext::conjunction(llvm::ArrayRef<TermRef> conditions) { return commutative(Function::And, conditions); }

// ---- questions

bool TermContext::containsReduction(TermRef t) {
  auto it = reducing.find(t);
  if (it != reducing.end())
    return it->second;
  bool result =
      t->is(TermKind::Reduce) || llvm::any_of(t->getChildren(), [&](TermRef c) { return containsReduction(c); });
  return reducing[t] = result;
}

bool TermContext::isNonNegative(TermRef t) {
  auto it = nonNegative.find(t);
  if (it != nonNegative.end())
    return it->second;
  bool result = computeNonNegative(t);
  return nonNegative[t] = result;
}

bool TermContext::isPositive(TermRef t) {
  if (t->is(TermKind::Number))
    return t->getNumber().isPositive();
  return t->is(TermKind::Add) && t->getNumber().isPositive() && isNonNegative(t);
}

bool TermContext::computeNonNegative(TermRef t) {
  auto all = [&](llvm::ArrayRef<TermRef> ts) { return llvm::all_of(ts, [&](TermRef c) { return isNonNegative(c); }); };
  switch (t->getKind()) {
  case TermKind::Number:
    return !t->getNumber().isNegative();
  case TermKind::Exp:
  case TermKind::Extent:
  case TermKind::Index:
    return true;
  case TermKind::Apply:
    if (t->isFunction(Function::Max))
      return llvm::any_of(t->getChildren(), [&](TermRef c) { return isNonNegative(c); });
    if (t->isFunction(Function::Min))
      return all(t->getChildren());
    return getRow(t->getFunction()).nonNegative || (t->isFunction(Function::Power) && isNonNegative(t->getChild(0)));
  case TermKind::Mul:
    return !t->getNumber().isNegative() && llvm::all_of(factors(t).second, [&](const Factor &f) {
      return isNonNegative(f.base) || !f.power.isInteger() || f.power.isEven();
    });
  case TermKind::Add:
    return !t->getNumber().isNegative() && llvm::all_of(summands(t).second, [&](const Summand &s) {
      return !s.weight.isNegative() && isNonNegative(s.term);
    });
  case TermKind::Select:
    return isNonNegative(t->getChild(1)) && isNonNegative(t->getChild(2));
  case TermKind::Reduce: {
    const ReducerRow &row = getRow(t->getReducer());
    return row.identity >= 0 && !row.infiniteIdentity && !row.selectsIndex && isNonNegative(t->getBody());
  }
  case TermKind::Relative:
    for (unsigned i = 0; i < t->getNumReferences(); ++i)
      if (t->getReference(i).power % 2)
        return false;
    return getRow(t->getReducer()).identity >= 0 && isNonNegative(t->getBody());
  case TermKind::Parameter:
  case TermKind::Read:
  case TermKind::Gather:
    return false;
  }
  llvm_unreachable("term kind");
}

bool attn::algebra::mentionsAny(TermRef t, llvm::ArrayRef<Binder> binders) {
  return llvm::any_of(binders, [&](const Binder &b) { return t->mentions(b.index); });
}

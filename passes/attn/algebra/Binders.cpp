// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Reductions, accumulators and gathers: binding, opening and substitution without capture.
//
// A bound index is named by its height above the leaves of what it binds, so that two reductions that differ only in
// the names of their indices are one term: sum[m] S[m] and sum[n] S[n] over one rank cannot be told apart.
#include "passes/attn/algebra/TermContext.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Sequence.h"
#include "llvm/ADT/SmallVectorExtras.h"
#include "llvm/ADT/Twine.h"

using namespace attn::algebra;

struct TermContext::Closed {
  llvm::SmallVector<Binder> binders;
  llvm::SmallVector<TermRef> terms;
};

/// The terms with `binders` renamed to their canonical names.
TermContext::Closed TermContext::close(llvm::ArrayRef<Binder> binders, llvm::ArrayRef<TermRef> terms) {
  int height = 0;
  for (TermRef t : terms)
    height = std::max<int>(height, t->getHeight());
  llvm::SmallVector<Binder> sorted(binders);
  llvm::sort(sorted, [](const Binder &a, const Binder &b) {
    if (int order = a.index->getName().compare(b.index->getName()))
      return order < 0;
    return a.index->getTag() < b.index->getTag();
  });
  Closed closed;
  Substitution map;
  for (const Binder &b : sorted) {
    TermRef bound = index(b.index->getName(), ++height, b.extent);
    map[b.index] = bound;
    closed.binders.push_back({bound, b.extent});
  }
  for (TermRef t : terms)
    closed.terms.push_back(substitute(t, map));
  return closed;
}

static void sortUnique(llvm::SmallVectorImpl<TermRef> &terms) {
  llvm::sort(terms, [](TermRef a, TermRef b) { return a->getId() < b->getId(); });
  terms.erase(llvm::unique(terms), terms.end());
}

TermRef TermContext::reduce(Reducer op, llvm::ArrayRef<Binder> binders, llvm::ArrayRef<TermRef> conditions,
                            TermRef body, ValueType type) {
  llvm::SmallVector<TermRef> all;
  for (TermRef c : conditions)
    if (!c->isFunction(Function::True))
      all.push_back(c);
  sortUnique(all);
  all.push_back(body);
  Closed closed = close(binders, all);
  TermRef boundBody = closed.terms.pop_back_val();
  sortUnique(closed.terms);
  Term key;
  key.kind = TermKind::Reduce;
  key.reducer = op;
  key.type = op == Reducer::ArgMax                      ? ValueType::Integer
             : op == Reducer::Any || op == Reducer::All ? ValueType::Bool
                                                        : type;
  key.conditions = closed.terms.size();
  closed.terms.push_back(boundBody);
  key.children = closed.terms;
  key.binders = closed.binders;
  return unique(key);
}

TermRef TermContext::bestValue(TermRef selection) {
  Opened o = open(selection);
  llvm::SmallVector<TermRef> conditions(o.conditions);
  if (o.body->getType() == ValueType::Float)
    conditions.push_back(apply(Function::Equal, {o.body, o.body}));
  return reduce(Reducer::Max, o.binders, conditions, o.body, o.body->getType());
}

TermRef TermContext::relative(Reducer op, llvm::ArrayRef<Reference> input, llvm::ArrayRef<Binder> binders,
                              llvm::ArrayRef<TermRef> conditions, TermRef rest) {
  llvm::SmallVector<Reference> refs;
  for (const Reference &r : input)
    if (r.kind == ReferenceKind::Max || r.power)
      refs.push_back(r);
  if (refs.empty())
    return reduce(op, binders, conditions, rest);

  llvm::SmallVector<TermRef> all(conditions);
  sortUnique(all);
  unsigned count = all.size();
  for (const Reference &r : refs)
    all.push_back(r.term);
  all.push_back(rest);
  Closed closed = close(binders, all);
  llvm::SmallVector<TermRef> children(llvm::ArrayRef<TermRef>(closed.terms).take_front(count));
  sortUnique(children);
  for (auto [i, r] : llvm::enumerate(refs))
    r.term = closed.terms[count + i];
  llvm::sort(refs, [](const Reference &a, const Reference &b) {
    return a.kind != b.kind ? a.kind < b.kind : a.term->getId() < b.term->getId();
  });

  Term key;
  key.kind = TermKind::Relative;
  key.reducer = op;
  key.conditions = children.size();
  llvm::SmallVector<ReferenceKind> kinds;
  llvm::SmallVector<unsigned> powers;
  for (const Reference &r : refs) {
    children.push_back(r.term);
    kinds.push_back(r.kind);
    powers.push_back(r.power);
  }
  children.push_back(closed.terms.back());
  key.children = children;
  key.kinds = kinds;
  key.powers = powers;
  key.binders = closed.binders;
  return unique(key);
}

TermRef TermContext::table(llvm::ArrayRef<Binder> dims, TermRef body, llvm::ArrayRef<TermRef> positions) {
  // Positions follow the canonical order of the binders.
  llvm::SmallVector<unsigned> order(llvm::to_vector(llvm::seq<unsigned>(0, dims.size())));
  llvm::sort(order, [&](unsigned a, unsigned b) {
    TermRef x = dims[a].index, y = dims[b].index;
    if (int c = x->getName().compare(y->getName()))
      return c < 0;
    return x->getTag() < y->getTag();
  });
  Closed closed = close(dims, {body});
  llvm::SmallVector<TermRef> children = {closed.terms[0]};
  for (unsigned i : order)
    children.push_back(positions[i]);
  Term key;
  key.kind = TermKind::Gather;
  key.type = body->getType();
  key.children = children;
  key.binders = closed.binders;
  return unique(key);
}

TermRef TermContext::gather(llvm::ArrayRef<TermRef> dims, TermRef body, llvm::ArrayRef<TermRef> positions) {
  llvm::SmallVector<TermRef> distinct(positions);
  sortUnique(distinct);
  bool renaming =
      distinct.size() == positions.size() && llvm::all_of(positions, [](TermRef p) { return p->is(TermKind::Index); });
  if (renaming || !containsReduction(body)) {
    Substitution map;
    for (auto [d, p] : llvm::zip_equal(dims, positions))
      map[d] = p;
    return substitute(body, map);
  }
  // A dimension read at an index of its own is that index: the table is over the others.
  Substitution map;
  llvm::SmallVector<Binder> binders;
  llvm::SmallVector<TermRef> computed;
  for (auto [d, p] : llvm::zip_equal(dims, positions)) {
    auto mentionsIt = [index = p](TermRef q) { return q->mentions(index); };
    if (p->is(TermKind::Index) && llvm::count_if(positions, mentionsIt) == 1) {
      map[d] = p;
      continue;
    }
    binders.push_back({map[d] = freshIndex(d), nullptr});
    computed.push_back(p);
  }
  return table(binders, substitute(body, map), computed);
}

// ---- opening

TermRef TermContext::freshIndex(TermRef like) {
  constexpr int kFresh = -(1 << 24); // below the names that `open` gives
  return index(like->getName(), kFresh - nextFresh++, like->getIndexExtent());
}

Opened TermContext::openAs(TermRef t, llvm::function_ref<TermRef(TermRef)> name) {
  Substitution map;
  Opened opened;
  for (const Binder &b : t->getBinders()) {
    TermRef free = map[b.index] = name(b.index);
    opened.binders.push_back({free, b.extent});
  }
  llvm::DenseMap<TermRef, TermRef> memo;
  auto inside = [&](TermRef c) { return substituteIn(c, map, memo); };
  for (TermRef c : t->getConditions())
    opened.conditions.push_back(inside(c));
  for (unsigned i = 0; i < t->getNumReferences(); ++i) {
    Reference r = t->getReference(i);
    opened.references.push_back({r.kind, inside(r.term), r.power});
  }
  opened.body = inside(t->getBody());
  return opened;
}

Opened TermContext::open(TermRef t) {
  return openAs(t, [&](TermRef bound) {
    for (int step = 0;; ++step) {
      TermRef free = index(bound->getName(), -(bound->getTag() * 64 + step), bound->getIndexExtent());
      if (!t->mentions(free))
        return free;
    }
  });
}

Opened TermContext::openFresh(TermRef t) {
  return openAs(t, [&](TermRef bound) { return freshIndex(bound); });
}

llvm::SmallVector<TermRef> TermContext::references(TermRef t) {
  Opened o = open(t);
  llvm::SmallVector<TermRef> result;
  for (const Reference &r : o.references)
    result.push_back(
        reduce(r.kind == ReferenceKind::Max ? Reducer::Max : Reducer::Mean, o.binders, o.conditions, r.term));
  return result;
}

TermRef TermContext::withPowers(TermRef t, llvm::ArrayRef<unsigned> powers) {
  Opened o = open(t);
  for (auto [r, p] : llvm::zip_equal(o.references, powers))
    r.power = p;
  return relative(t->getReducer(), o.references, o.binders, o.conditions, o.body);
}

// ---- substitution

TermRef TermContext::substitute(TermRef t, const Substitution &map) {
  if (map.empty())
    return t;
  llvm::DenseMap<TermRef, TermRef> memo;
  return substituteIn(t, map, memo);
}

TermRef TermContext::substituteIn(TermRef t, const Substitution &map, llvm::DenseMap<TermRef, TermRef> &memo) {
  if (llvm::none_of(t->getFreeIndices(), [&](TermRef i) { return map.contains(i); }))
    return t;
  if (auto it = memo.find(t); it != memo.end())
    return it->second;
  At at(*this, t->getLocation());
  TermRef result;
  if (t->is(TermKind::Index))
    result = map.lookup(t);
  else if (t->isBinder())
    result = substituteBinder(t, map);
  else
    result = rebuild(t, [&](TermRef c) { return substituteIn(c, map, memo); });
  return memo[t] = result;
}

TermRef TermContext::substituteBinder(TermRef t, const Substitution &map) {
  // The opened names must differ from everything the substitution brings in.
  Opened o = openFresh(t);
  auto inside = [&](TermRef c) { return substitute(c, map); };
  for (Binder &b : o.binders)
    if (b.extent)
      b.extent = inside(b.extent);
  for (TermRef &c : o.conditions)
    c = inside(c);
  for (Reference &r : o.references)
    r.term = inside(r.term);
  o.body = inside(o.body);
  switch (t->getKind()) {
  case TermKind::Reduce:
    return reduce(t->getReducer(), o.binders, o.conditions, o.body, t->getType());
  case TermKind::Relative:
    return relative(t->getReducer(), o.references, o.binders, o.conditions, o.body);
  default:
    return table(o.binders, o.body, llvm::map_to_vector(t->getPositions(), inside));
  }
}

Substitution TermContext::plainNames(TermRef t) {
  Substitution map;
  llvm::SmallVector<TermRef> taken;
  for (TermRef i : t->getFreeIndices())
    if (i->getTag() == 0)
      taken.push_back(i);
  for (TermRef i : t->getFreeIndices()) {
    if (i->getTag() == 0)
      continue;
    TermRef name = index(i->getName());
    for (unsigned k = 1; llvm::is_contained(taken, name); ++k)
      name = index((i->getName() + "." + llvm::Twine(k)).str());
    taken.push_back(map[i] = name);
  }
  return map;
}

TermRef TermContext::plain(TermRef t) { return substitute(t, plainNames(t)); }

TermRef TermContext::replace(TermRef t, const llvm::DenseMap<TermRef, TermRef> &map) {
  llvm::DenseMap<TermRef, TermRef> memo;
  return replaceIn(t, map, memo);
}

TermRef TermContext::replaceIn(TermRef t, const llvm::DenseMap<TermRef, TermRef> &map,
                               llvm::DenseMap<TermRef, TermRef> &memo) {
  if (t->is(TermKind::Reduce) || t->is(TermKind::Relative))
    if (TermRef r = map.lookup(plain(t))) {
      Substitution back;
      for (auto [mine, named] : plainNames(t))
        back[named] = mine;
      return substitute(r, back);
    }
  if (t->getChildren().empty())
    return t;
  if (TermRef r = memo.lookup(t))
    return r;
  At at(*this, t->getLocation());
  auto inside = [&](TermRef c) { return replaceIn(c, map, memo); };
  if (!t->isBinder())
    return memo[t] = rebuild(t, inside);
  Opened o = open(t);
  for (TermRef &c : o.conditions)
    c = inside(c);
  for (Reference &r : o.references)
    r.term = inside(r.term);
  o.body = inside(o.body);
  TermRef r = t->is(TermKind::Reduce)     ? reduce(t->getReducer(), o.binders, o.conditions, o.body, t->getType())
              : t->is(TermKind::Relative) ? relative(t->getReducer(), o.references, o.binders, o.conditions, o.body)
                                          : table(o.binders, o.body, llvm::map_to_vector(t->getPositions(), inside));
  return memo[t] = r;
}

TermRef TermContext::rebuild(TermRef t, llvm::function_ref<TermRef(TermRef)> f) {
  auto [c, n] = std::pair(t->getNumber(), t->getChildren().size());
  switch (t->getKind()) {
  case TermKind::Number:
  case TermKind::Index:
  case TermKind::Parameter:
  case TermKind::Extent:
    return t;
  case TermKind::Read:
    return read(t->getName(), llvm::map_to_vector(t->getChildren(), f), t->getType());
  case TermKind::Add: {
    llvm::SmallVector<Summand> parts;
    for (unsigned i = 0; i < n; ++i)
      parts.push_back({t->getWeights()[i], f(t->getChild(i))});
    return add(parts, c);
  }
  case TermKind::Mul: {
    llvm::SmallVector<Factor> parts;
    for (unsigned i = 0; i < n; ++i)
      parts.push_back({f(t->getChild(i)), t->getWeights()[i]});
    return mul(parts, c);
  }
  case TermKind::Exp:
    return exp(f(t->getChild(0)));
  case TermKind::Apply:
    return apply(t->getFunction(), llvm::map_to_vector(t->getChildren(), f));
  case TermKind::Select: {
    TermRef condition = f(t->getChild(0)), a = f(t->getChild(1));
    return select(condition, a, f(t->getChild(2)));
  }
  case TermKind::Reduce:
  case TermKind::Relative:
  case TermKind::Gather:
    break;
  }
  llvm_unreachable("a binder is opened first");
}

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// From many passes to few. For a reduction over the fibre whose body reads summaries s of the same pass:
//
//   flatten  a sum (max) over part of the fibre inside a sum (max) over the rest is one reduction
//   split    body = sum_i u_i(x) * w_i(s)                                           (Separation.cpp)
//   defer    w_i leaves the reduction                                              (SumRules.cpp)
//   refer    where split cut an exponent or an affine term, u_i is accumulated relative to its own running max or mean
//   enlarge  an index of an opened sum that w_i carries becomes a rank of the state
//   order    max, min and argmax pass through what is increasing in the streamed part (OrderRules.cpp)
//   cut      nothing applies: the summaries are finished first, the reduction moves to the next pass
//
// Example: sum[m] exp(S - X) * V with X = max[m] S is exp(M - X) * sum[m] exp(S - M) V with M the accumulator's own
// running max; M and X are the same reduction, hence the same term, and cancel. Sources: Milakov and Gimelshein
// (2018), Dao et al. (2022), Nayak et al. (FuseMax, 2024); the generalisation is derived from the algebra alone.
#include "passes/attn/algebra/Derivation.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallVectorExtras.h"
#include "llvm/ADT/Twine.h"

using namespace attn::algebra;

static std::string rankList(llvm::ArrayRef<Binder> binders) {
  std::string s;
  llvm::raw_string_ostream os(s);
  llvm::interleave(binders, os, [&](const Binder &b) { os << b.index->getName(); }, ",");
  return s;
}

void Derivation::note(llvm::StringRef rule, const std::string &text, TermRef at) {
  if (llvm::none_of(log, [&](const Step &s) { return s.rule == rule && s.text == text; }))
    log.push_back({rule, text, at ? at->getLocation() : 0});
}

std::nullopt_t Derivation::refuse(const llvm::Twine &reason, TermRef t) {
  refusal = {reason.str(), t};
  return std::nullopt;
}

// ---- leaves

bool Derivation::isLeaf(TermRef t) const { return fibre.isReducedBy(t) && !fibre.isCarriedBy(t); }

llvm::ArrayRef<TermRef> Derivation::leaves(TermRef t) {
  if (auto it = leavesOf.find(t); it != leavesOf.end())
    return it->second;
  llvm::SmallVector<TermRef> found;
  if (isLeaf(t))
    found.push_back(t);
  else
    for (TermRef c : t->getChildren())
      llvm::append_range(found, leaves(c));
  llvm::sort(found, [](TermRef a, TermRef b) { return a->getId() < b->getId(); });
  found.erase(llvm::unique(found), found.end());
  return leavesOf[t] = llvm::ArrayRef<TermRef>(found).copy(allocator);
}

unsigned Derivation::stage(TermRef leaf) {
  if (auto it = stages.find(leaf); it != stages.end())
    return it->second;
  unsigned inside = 0;
  for (TermRef c : leaf->getChildren())
    for (TermRef l : leaves(c))
      inside = std::max(inside, stage(l));
  return stages[leaf] = inside + 1;
}

/// Not known before pass + 1.
bool Derivation::isLate(TermRef t, unsigned pass) {
  return llvm::any_of(leaves(t), [&](TermRef l) { return stage(l) >= pass; }) || readsForeign(t);
}

bool Derivation::readsForeign(TermRef t) {
  if (!options.isForeign)
    return false;
  if (auto it = foreign.find(t); it != foreign.end())
    return it->second;
  bool reads = options.isForeign(t) || llvm::any_of(t->getChildren(), [&](TermRef c) { return readsForeign(c); });
  return foreign[t] = reads;
}

// ---- bottom-up

TermRef Derivation::rewrite(TermRef t) {
  if (auto it = memo.find(t); it != memo.end())
    return it->second;
  TermContext::At at(context, t->getLocation());
  TermRef r = rewriteUncached(t);
  return memo[t] = r;
}

TermRef Derivation::rewriteUncached(TermRef t) {
  if (t->is(TermKind::Reduce))
    return rewriteReduce(t);
  if (t->is(TermKind::Gather))
    return rewriteGather(t);
  if (t->getChildren().empty() || t->is(TermKind::Relative))
    return t;
  TermRef r = context.rebuild(t, [&](TermRef c) { return rewrite(c); });
  return t->is(TermKind::Mul) && !leaves(t).empty() ? expand(r) : r;
}

TermRef Derivation::close(const Reduction &r) { return context.reduce(r.op, r.binders, r.conditions, r.body, r.type); }

TermRef Derivation::rewriteReduce(TermRef t) {
  Opened o = context.open(t);
  Reduction r{t->getReducer(), o.binders, {}, rewrite(o.body), t->getType(), t->getLocation()};
  for (TermRef c : o.conditions)
    r.conditions.push_back(rewrite(c));
  if (!fibre.isReducedBy(t))
    return close(r);
  if (getRow(r.op).ratio && !llvm::all_of(r.binders, [&](const Binder &b) { return fibre.contains(b.index); }))
    return splitOtherRanks(r);
  // sum[m,r] = sum[m] sum[r]
  Binders other;
  llvm::erase_if(r.binders, [&](const Binder &b) {
    if (fibre.contains(b.index))
      return false;
    other.push_back(b);
    return true;
  });
  if (!other.empty()) {
    Terms inside, outside;
    for (TermRef c : r.conditions)
      (mentionsAny(c, other) ? inside : outside).push_back(c);
    r.body = context.reduce(r.op, other, inside, r.body, r.type);
    r.conditions = outside;
  }
  while (flatten(r))
    ;
  auto leftOpen = [&](TermRef c) {
    return llvm::any_of(c->getFreeIndices(), [&](TermRef i) {
      return fibre.contains(i) && llvm::none_of(r.binders, [&](const Binder &b) { return b.index == i; });
    });
  };
  if (leftOpen(r.body) || llvm::any_of(r.conditions, leftOpen))
    return local(r);
  return reduction(r);
}

/// A mean over streamed and other ranks: a mean of means is not the mean.
TermRef Derivation::splitOtherRanks(Reduction &r) {
  TermRef sum = context.reduce(Reducer::Sum, r.binders, r.conditions, r.body);
  TermRef count = context.reduce(Reducer::Sum, r.binders, r.conditions, context.one());
  return rewrite(context.div(sum, count));
}

/// A reduction over part of the fibre stays inside a tile; factors that do not carry what it reduces leave it.
TermRef Derivation::local(const Reduction &r) {
  if (!getRow(r.op).affine)
    return close(r);
  auto [coefficient, factors] = context.factors(r.body);
  llvm::SmallVector<Factor> outside, inside;
  for (const Factor &f : factors)
    (mentionsAny(f.base, r.binders) ? inside : outside).push_back(f);
  Reduction rest = r;
  rest.body = context.mul(inside);
  outside.push_back({close(rest), 1});
  return context.mul(outside, coefficient);
}

TermRef Derivation::rewriteGather(TermRef t) {
  Opened o = context.open(t);
  TermRef body = rewrite(o.body);
  Terms positions = llvm::map_to_vector(t->getPositions(), [&](TermRef p) { return rewrite(p); });
  bool streams = false;
  for (size_t i = 0; i < positions.size(); ++i)
    streams |= fibre.isCarriedBy(positions[i]) &&
               llvm::any_of(leaves(body), [&](TermRef l) { return l->mentions(o.binders[i].index); });
  if (streams) // a summary read at a streamed position stays a table
    return context.table(o.binders, body, positions);
  Substitution map;
  for (auto [b, p] : llvm::zip_equal(o.binders, positions))
    map[b.index] = p;
  return rewrite(context.substitute(body, map));
}

/// One step of the rule flatten; false where it does not apply.
bool Derivation::flatten(Reduction &r) {
  bool ordered = getRow(r.op).dual.has_value(), affine = getRow(r.op).affine;
  if (!ordered && !affine)
    return false;
  auto nests = [&](TermRef t) { return t->isReduction(r.op) && fibre.isReducedBy(t) && fibre.isCarriedBy(t); };
  Number constant;
  llvm::SmallVector<Factor> parts; // factors of a sum's body; addends with weights of a maximum's
  if (affine) {
    std::tie(constant, parts) = context.factors(r.body);
  } else {
    auto [c, addends] = context.summands(r.body);
    constant = c;
    for (const Summand &s : addends)
      parts.push_back({s.term, s.weight});
  }
  auto hits = [&](const Factor &f) { return f.power.isOne() && nests(f.base); };
  if (llvm::count_if(parts, hits) != 1) // two would square the work
    return false;
  Factor &hit = *llvm::find_if(parts, hits);
  Opened inner = context.openFresh(hit.base);
  note("flatten",
       (getRow(r.op).name + " over " + rankList(inner.binders) + " inside " + getRow(r.op).name + " over " +
        rankList(r.binders))
           .str(),
       hit.base);
  hit.base = inner.body;
  if (affine) {
    r.body = context.mul(parts, constant);
  } else {
    llvm::SmallVector<Summand> sum;
    for (const Factor &f : parts)
      sum.push_back({f.power, f.base});
    r.body = context.add(sum, constant);
  }
  llvm::append_range(r.binders, inner.binders);
  llvm::append_range(r.conditions, inner.conditions);
  return true;
}

// ---- one closed reduction over the fibre

TermRef Derivation::reduction(const Reduction &r) {
  llvm::SmallVector<TermRef> read(leaves(r.body)), conditionReads;
  for (TermRef c : r.conditions)
    llvm::append_range(conditionReads, leaves(c));
  llvm::append_range(read, conditionReads);
  bool waits = readsForeign(r.body) || llvm::any_of(r.conditions, [&](TermRef c) { return readsForeign(c); });
  if (read.empty() && !waits)
    return base(r);
  if (getRow(r.op).ratio && conditionReads.empty()) {
    Reduction sum = r;
    sum.op = Reducer::Sum;
    TermRef count = context.reduce(Reducer::Sum, r.binders, r.conditions, context.one());
    return expand(context.div(reduction(sum), count));
  }
  unsigned top = waits ? 1 : 0;
  for (TermRef l : read)
    top = std::max(top, stage(l));
  std::optional<Refusal> why;
  for (unsigned pass = 1; pass <= top; ++pass) {
    auto late = llvm::find_if(r.conditions, [&](TermRef c) { return isLate(c, pass); });
    if (late != r.conditions.end())
      refuse("a condition waits for a summary", *late);
    else if (auto done = tryRules(r, pass))
      return *done;
    if (!why) // the remark is the first failure at the earliest pass
      why = refusal;
  }
  return cut(r, *why);
}

TermRef Derivation::cut(const Reduction &r, const Refusal &why) {
  TermRef closed = close(r);
  Step step;
  step.rule = "cut";
  step.text = (getRow(r.op).name + "[" + rankList(r.binders) + "] waits for pass " + llvm::Twine(stage(closed)) + ": " +
               why.reason + ": " + why.term->str())
                  .str();
  step.location = why.term->getLocation() ? why.term->getLocation() : r.location;
  if (llvm::none_of(remarks, [&](const Step &s) { return s.text == step.text; }))
    remarks.push_back(step);
  note(step.rule, step.text, why.term);
  return closed;
}

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Counting passes: see PassRules. The number is a lower bound on traversals of the fibre for the cascade as it stands.
#include "passes/attn/algebra/PassCount.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallVectorExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace attn::algebra;

bool Fibre::contains(llvm::StringRef rank) const {
  return llvm::any_of(lists, [&](const auto &list) { return llvm::is_contained(list, rank); });
}

bool Fibre::isCarriedBy(TermRef t) const {
  return llvm::any_of(t->getFreeIndices(), [&](TermRef i) { return contains(i); });
}

bool Fibre::isReducedBy(TermRef t) const {
  return (t->is(TermKind::Reduce) || t->is(TermKind::Relative)) &&
         llvm::any_of(t->getBinders(), [&](const Binder &b) { return contains(b.index); });
}

static bool hasRank(llvm::ArrayRef<TermRef> indices, llvm::StringRef rank) {
  return llvm::any_of(indices, [&](TermRef i) { return i->getName() == rank; });
}

bool Fibre::isFull(llvm::ArrayRef<TermRef> indices) const {
  return llvm::any_of(lists, [&](const auto &list) {
    return llvm::all_of(list, [&](llvm::StringRef rank) { return hasRank(indices, rank); });
  });
}

bool Fibre::isPrefix(llvm::ArrayRef<TermRef> indices) const {
  for (const auto &list : lists)
    for (size_t n = 0; n < list.size(); ++n) {
      auto prefix = llvm::ArrayRef(list).take_front(n);
      if (llvm::all_of(prefix, [&](llvm::StringRef r) { return hasRank(indices, r); }) &&
          llvm::all_of(indices, [&](TermRef i) { return llvm::is_contained(prefix, i->getName()); }))
        return true;
    }
  return false;
}

std::string Fibre::str() const {
  return llvm::join(llvm::map_range(lists, [](const auto &list) { return llvm::join(list, ","); }), " | ");
}

std::string Passes::str() const {
  return std::to_string(whole()) + (hasBlockPass() ? ", and one over the block values" : "");
}

// ---- the rules

Availability PassRules::index(TermRef index) const {
  return fibre.contains(index) ? Availability{{index}, 2} : Availability{};
}

Availability PassRules::map(llvm::ArrayRef<Availability> operands) const {
  Availability r;
  for (const Availability &o : operands)
    for (TermRef i : o.carried)
      if (!llvm::is_contained(r.carried, i))
        r.carried.push_back(i);
  if (r.carried.empty()) {
    for (const Availability &o : operands)
      r.halves = std::max(r.halves, o.halves);
    return r;
  }
  bool full = fibre.isFull(r.carried);
  for (const Availability &o : operands) {
    if (!o.carried.empty())
      r.halves = std::max(r.halves, full ? (o.halves + 1) / 2 * 2 : o.halves);
    else if (o.halves > 0)
      r.halves = std::max(r.halves, o.halves / 2 * 2 + (full ? 2 : 1));
  }
  r.halves = std::max(r.halves, 2u);
  return r;
}

Availability PassRules::reduce(const Availability &body, llvm::ArrayRef<Binder> bound) const {
  Availability r;
  r.halves = body.halves;
  bool reduces = false;
  for (TermRef i : body.carried)
    if (llvm::any_of(bound, [&](const Binder &b) { return b.index == i; }))
      reduces = true;
    else
      r.carried.push_back(i);
  if (reduces && !r.carried.empty() && !fibre.isPrefix(r.carried))
    r.halves = r.halves / 2 * 2 + 1; // leaves an inner rank: waits for the end of the pass
  return r;
}

Availability PassRules::gather(const Availability &tensor, llvm::ArrayRef<Binder> own,
                               const Availability &positions) const {
  Availability r = positions;
  unsigned read = tensor.carried.empty() ? map({tensor, positions}).halves : tensor.halves;
  for (TermRef i : tensor.carried)
    if (llvm::none_of(own, [&](const Binder &b) { return b.index == i; }) && !llvm::is_contained(r.carried, i))
      r.carried.push_back(i);
  r.halves = std::max(r.halves, read);
  return r;
}

// ---- over terms

namespace {
class Counter {
public:
  Counter(TermContext &context, const Fibre &fibre) : context(context), rules(fibre) {}
  Availability visit(TermRef t);
  PassCount take();

private:
  Availability compute(TermRef t);
  Availability gather(TermRef t);
  TermContext &context;
  PassRules rules;
  llvm::DenseMap<TermRef, Availability> memo;
  PassCount result;
};
} // namespace

Availability Counter::visit(TermRef t) {
  if (auto it = memo.find(t); it != memo.end())
    return it->second;
  Availability a = compute(t);
  result.passes.halves = std::max(result.passes.halves, a.halves / 2 * 2);
  return memo[t] = a;
}

Availability Counter::gather(TermRef t) {
  auto positions = llvm::map_to_vector(t->getPositions(), [&](TermRef p) { return visit(p); });
  if (llvm::none_of(positions, [](const Availability &a) { return !a.carried.empty(); })) {
    Substitution map;
    for (auto [b, p] : llvm::zip_equal(t->getBinders(), t->getPositions()))
      map[b.index] = p;
    return visit(context.substitute(t->getBody(), map));
  }
  return rules.gather(visit(t->getBody()), t->getBinders(), rules.map(positions));
}

Availability Counter::compute(TermRef t) {
  if (t->is(TermKind::Index))
    return rules.index(t);
  if (t->is(TermKind::Gather))
    return gather(t);
  Availability a = rules.map(llvm::map_to_vector(t->getChildren(), [&](TermRef c) { return visit(c); }));
  if (!t->isBinder())
    return a;
  Availability r = rules.reduce(a, t->getBinders());
  if (r.carried.size() != a.carried.size())
    result.summaries.push_back({t, {r.halves}});
  return r;
}

PassCount Counter::take() {
  llvm::sort(result.summaries, [](const PassCount::Summary &a, const PassCount::Summary &b) {
    return std::pair(a.completed.halves, a.reduction->getId()) < std::pair(b.completed.halves, b.reduction->getId());
  });
  return std::move(result);
}

PassCount attn::algebra::countPasses(TermContext &context, llvm::ArrayRef<TermRef> values, const Fibre &fibre) {
  Counter counter(context, fibre);
  unsigned halves = 0;
  for (TermRef v : values)
    halves = std::max(halves, counter.visit(v).halves);
  PassCount count = counter.take();
  count.passes.halves = std::max(count.passes.halves, halves);
  return count;
}

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/attn/StreamedRanks.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace attn;
using algebra::Binder, algebra::Factor, algebra::Fibre, algebra::TermKind, algebra::TermRef;

StreamedRanks::StreamedRanks(KernelTerms &terms, ArrayRef<TermRef> values, const StreamedRanks *first) : terms(terms) {
  KernelOp kernel = terms.getKernel();
  auto note = [&](Type type) {
    if (!isa<RankedTensorType>(type))
      return;
    SmallVector<StringRef> names;
    for (StringAttr dimension : rankNames(type))
      llvm::append_range(names, factorsOf(dimension.getValue()));
    for (StringRef a : names)
      for (StringRef b : names)
        together.insert({a, b});
  };
  llvm::for_each(kernel.getArgumentTypes(), note);
  llvm::for_each(kernel.getResultTypes(), note);
  for (EinsumOp op : kernel.getBody().front().getOps<EinsumOp>())
    if (op->hasAttr("attn.stored"))
      note(op.getType());
  for (TermRef v : values)
    visit(v, true);

  SmallVector<StringRef> candidates;
  for (RankAttr attr : kernel.getRanks().getAsRange<RankAttr>()) {
    StringRef rank = attr.getName().getValue();
    bool decided = !first || llvm::any_of(first->fibres, [&](const Fibre &f) { return f.contains(rank); });
    if (decided && isCandidate(rank, values))
      candidates.push_back(rank);
  }
  group(candidates);
}

bool StreamedRanks::isCandidate(StringRef rank, ArrayRef<TermRef> values) {
  bool exists = llvm::any_of(reductions, [&](TermRef r) {
    return isLinear(r) && llvm::any_of(r->getBinders(), [&](const Binder &b) { return b.index->getName() == rank; });
  });
  return exists && (outermostRanks.contains(rank) ||
                    algebra::countPasses(terms.getContext(), values, Fibre(rank)).passes.whole() > 1);
}

void StreamedRanks::visit(TermRef t, bool outermost) {
  bool reduces = t->is(TermKind::Reduce) || t->is(TermKind::Relative);
  if (reduces && outermost && !isPlain(t))
    for (const Binder &b : t->getBinders())
      outermostRanks.insert(b.index->getName());
  if (!seen.insert(t).second)
    return;
  if (reduces)
    reductions.push_back(t);
  for (TermRef c : t->getChildren())
    visit(c, outermost && !reduces);
}

bool StreamedRanks::isLinear(TermRef reduction) const {
  for (TermRef a : reduction->getFreeIndices())
    for (TermRef b : reduction->getFreeIndices())
      if (a != b && !together.contains({a->getName(), b->getName()}))
        return false;
  return true;
}

/// A sum of products of tensors as they are read.
bool StreamedRanks::isPlain(TermRef reduction) const {
  if (!reduction->isReduction(algebra::Reducer::Sum))
    return false;
  return llvm::all_of(terms.getContext().factors(reduction->getBody()).second, [](const Factor &f) {
    return f.power.isOne() &&
           (f.base->is(TermKind::Read) || f.base->is(TermKind::Parameter) || f.base->is(TermKind::Extent));
  });
}

bool StreamedRanks::isInnerOf(StringRef inner, StringRef outer) const {
  auto binds = [](TermRef r, StringRef rank) {
    return llvm::any_of(r->getBinders(), [&](const Binder &b) { return b.index->getName() == rank; });
  };
  return llvm::any_of(reductions, [&](TermRef r) {
    return binds(r, inner) && !binds(r, outer) &&
           llvm::any_of(r->getFreeIndices(), [&](TermRef i) { return i->getName() == outer; });
  });
}

Fibre StreamedRanks::ordered(SmallVector<StringRef> ranks) const {
  SmallVector<StringRef> list;
  while (!ranks.empty()) { // a rank that is inner to none of the rest
    auto outer = llvm::find_if(ranks, [&](StringRef r) {
      return llvm::none_of(ranks, [&](StringRef other) { return other != r && isInnerOf(r, other); });
    });
    if (outer == ranks.end())
      outer = ranks.begin();
    list.push_back(*outer);
    ranks.erase(outer);
  }
  return Fibre::of({list});
}

void StreamedRanks::group(ArrayRef<StringRef> candidates) {
  SmallVector<SmallVector<StringRef>> groups;
  for (StringRef c : candidates)
    groups.push_back({c});
  for (TermRef r : reductions) {
    if (!isLinear(r))
      continue;
    SmallVector<StringRef> merged; // ranks bound together are streamed together
    auto binds = [&](const SmallVector<StringRef> &g) {
      return llvm::any_of(r->getBinders(), [&](const Binder &b) { return llvm::is_contained(g, b.index->getName()); });
    };
    for (const auto &g : groups)
      if (binds(g))
        llvm::append_range(merged, g);
    if (merged.empty())
      continue;
    llvm::erase_if(groups, binds);
    groups.push_back(merged);
  }
  for (const auto &g : groups)
    fibres.push_back(ordered(g));
  // A fibre one of whose reductions waits for no other comes first.
  auto isReady = [&](const Fibre &f) {
    return llvm::any_of(reductions, [&](TermRef r) { return f.isReducedBy(r) && isLinear(r) && !waits(r, f); });
  };
  auto first = llvm::find_if(fibres, isReady);
  if (first != fibres.end())
    std::rotate(fibres.begin(), first, std::next(first));
}

bool StreamedRanks::isStreamed(TermRef t) const {
  return llvm::any_of(fibres, [&](const Fibre &f) { return f.isReducedBy(t) && isLinear(t); });
}

bool StreamedRanks::waits(TermRef t, const Fibre &except) const {
  return llvm::any_of(t->getChildren(), [&](TermRef c) {
    bool other = llvm::any_of(
        fibres, [&](const Fibre &f) { return f.isReducedBy(c) && isLinear(c) && f.str() != except.str(); });
    return other || waits(c, except);
  });
}

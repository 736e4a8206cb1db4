// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Whether a value may be absent (R11, R12). What removes points is followed as conditions over indices, through the
// equations of what is read, because a reduction consumes those that mention its index and no others.
#include "compiler/spec/KernelEmitter.h"

using namespace llvm;

namespace attn::spec {

namespace {

/// Indices that each condition mentions.
using Conditions = SmallVector<IndexSet, 2>;

class AbsenceFinder {
public:
  using Equations = DenseMap<const Tensor *, SmallVector<const Equation *, 1>>;

  AbsenceFinder(const DenseSet<const Tensor *> &partial, const Equations &equations)
      : partial(partial), equations(equations) {}

  void add(const Term *term, Conditions &conditions) {
    switch (term->kind) {
    case TermKind::If:
      for (const Term *conjunct : conjunctsOf(term->args[1]))
        conditions.push_back(freeIndices(conjunct));
      return add(term->args[0], conditions);
    case TermKind::Else:
      return add(term->args[1], conditions);
    case TermKind::In:
      return; // false where an operand is absent
    case TermKind::Read:
      return addRead(term, conditions);
    case TermKind::Reduce:
    case TermKind::Select:
      return addReduction(term, conditions);
    case TermKind::Place:
    case TermKind::Pos:
      conditions.push_back(freeIndices(term));
      break;
    case TermKind::Map:
      if (term->op >= MapOp::Less && term->op <= MapOp::NotEqual)
        return; // as `in`
      break;
    default:
      break;
    }
    for (const Term *arg : term->args)
      add(arg, conditions);
  }

private:
  void addReduction(const Term *term, Conditions &conditions) {
    Conditions inner;
    add(term->args[0], inner);
    for (const Term *conjunct : conjunctsOf(term->condition))
      inner.push_back(freeIndices(conjunct));
    for (IndexSet &condition : inner)
      if (none_of(term->binders, [&](const BoundIndex &binder) { return condition.contains(binder.name); }))
        conditions.push_back(std::move(condition));
    if (term->parameter)
      add(term->parameter, conditions);
  }

  void addRead(const Term *read, Conditions &conditions) {
    for (const Term *subscript : read->args)
      add(subscript, conditions);
    if (!partial.contains(read->tensor))
      return;
    for (ArrayRef<unsigned> dims : conditionsOf(*read->tensor)) {
      IndexSet &condition = conditions.emplace_back();
      for (unsigned dim : dims)
        collectFreeIndices(read->args[dim], condition);
    }
  }

  /// The dimensions that each condition of a tensor mentions: all, where it is not one equation that says.
  ArrayRef<SmallVector<unsigned>> conditionsOf(const Tensor &tensor) {
    auto [entry, isNew] = known.try_emplace(&tensor);
    if (!isNew)
      return entry->second;
    entry->second = {llvm::to_vector(seq(0u, unsigned(tensor.ranks.size())))};
    auto defining = equations.find(&tensor);
    bool isOne = defining != equations.end() && defining->second.size() == 1 && !tensor.isIterative && !tensor.isInout;
    if (!isOne || any_of(defining->second[0]->left, [](const Term *left) { return left->kind != TermKind::Index; }))
      return entry->second;
    Conditions conditions;
    add(defining->second[0]->rhs, conditions);
    std::vector<SmallVector<unsigned>> found;
    for (const IndexSet &condition : conditions) {
      SmallVector<unsigned> &dims = found.emplace_back();
      for (auto [dim, left] : enumerate(defining->second[0]->left))
        if (condition.contains(left->name))
          dims.push_back(dim);
    }
    return known[&tensor] = std::move(found);
  }

  const DenseSet<const Tensor *> &partial;
  const Equations &equations;
  std::map<const Tensor *, std::vector<SmallVector<unsigned>>> known;
};

} // namespace

bool KernelEmitter::isPartial(const Term *term) const {
  Conditions conditions;
  AbsenceFinder(partial, equations).add(term, conditions);
  return !conditions.empty();
}

} // namespace attn::spec

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// R3. `rank m[b] = len[b]` is a predicate, m < len[b], wherever an index of rank m and one of rank b are in scope: on
// the left it removes the point, at a reduction that binds one of the two it filters. It stands before the conditions
// that are written, which may rely on it. Without an index of rank b the rank is what its argument has room for.
#include "compiler/spec/Checks.h"

using namespace llvm;

namespace attn::spec {

namespace {

class RaggedRanks {
public:
  RaggedRanks(Kernel &kernel, TermBuilder &build, Diagnostics &diagnostics)
      : kernel(kernel), build(build), diagnostics(diagnostics) {}

  void run() {
    for (const RankDecl &decl : kernel.ranks)
      if (!decl.over.empty() && decl.extent && hasStorage(decl))
        ragged.push_back(&decl);
    if (ragged.empty())
      return;
    for (Equation &equation : kernel.equations)
      if (equation.rhs)
        apply(equation);
  }

private:
  /// An index in scope; the last one of a name hides the others.
  struct Index {
    StringRef name;
    const Term *extent;
    bool isNew; ///< bound by the equation or reduction at hand
  };

  bool hasStorage(const RankDecl &decl) {
    for (const Tensor *argument : kernel.arguments)
      if (is_contained(argument->ranks, decl.name))
        return true;
    diagnostics.error(decl.loc, "no argument has the ragged rank '" + decl.name + "'").help =
        "its room in memory is that of an argument's dimension";
    return false;
  }

  void apply(Equation &equation) {
    scope.clear();
    for (const BoundIndex &bound : equation.bounds)
      scope.push_back({bound.name, bound.extent, true});
    build.site = equation.site;
    SmallVector<Term *> predicates = findPredicates(equation.loc);
    enter(equation.rhs);
    if (!predicates.empty())
      equation.rhs = build.make(TermKind::If, equation.rhs->loc, {equation.rhs, build.conjunction(predicates)});
    build.site = nullptr;
  }

  void enter(Term *term) {
    size_t outer = scope.size();
    for (Index &index : scope)
      index.isNew = false;
    for (const BoundIndex &binder : term->binders)
      scope.push_back({binder.name, binder.extent, true});
    if (!term->binders.empty())
      if (SmallVector<Term *> predicates = findPredicates(term->loc); !predicates.empty()) {
        if (term->condition)
          predicates.push_back(term->condition);
        term->condition = build.conjunction(predicates);
      }
    for (Term *arg : term->args)
      enter(arg);
    scope.resize(outer);
  }

  bool isVisible(const Index &index) const {
    return &index == &*find_if(reverse(scope), [&](const Index &other) { return other.name == index.name; });
  }

  /// The index that stands for `rank`: the one of its name, else the only one with its extent.
  const Index *indexOf(StringRef rank, Loc loc) {
    const Index *found = nullptr;
    bool isUnique = true;
    for (const Index &index : scope) {
      if (!isVisible(index) || !index.extent || index.extent->kind != TermKind::Extent || index.extent->name != rank)
        continue;
      if (index.name == rank)
        return &index;
      isUnique &= !found;
      found = &index;
    }
    if (!isUnique)
      diagnostics.error(loc, "several indices have rank '" + rank + "': which one bounds a ragged rank is open").help =
          "call one of them '" + rank.str() + "'";
    return isUnique ? found : nullptr;
  }

  /// What the indices bound last make true of ragged ones.
  SmallVector<Term *> findPredicates(Loc loc) {
    SmallVector<Term *> predicates;
    for (const RankDecl *decl : ragged)
      for (const Index &index : scope)
        if (index.extent && index.extent->kind == TermKind::Extent && index.extent->name == decl->name &&
            isVisible(index))
          if (Term *predicate = predicateOf(*decl, index, loc))
            predicates.push_back(predicate);
    return predicates;
  }

  Term *predicateOf(const RankDecl &decl, const Index &index, Loc loc) {
    bool isNew = index.isNew;
    StringMap<StringRef> names;
    for (StringRef rank : decl.over) {
      const Index *over = indexOf(rank, loc);
      if (!over)
        return nullptr;
      isNew |= over->isNew;
      names[rank] = over->name;
    }
    if (!isNew)
      return nullptr;
    Term *extent = build.substitute(decl.extent, [&](StringRef name) -> Term * {
      auto found = names.find(name);
      return found == names.end() ? nullptr : build.index(found->second, decl.loc);
    });
    return build.map(MapOp::Less, decl.loc, {build.index(index.name, decl.loc), extent});
  }

  Kernel &kernel;
  TermBuilder &build;
  Diagnostics &diagnostics;
  SmallVector<const RankDecl *> ragged;
  SmallVector<Index> scope;
};

} // namespace

void applyRaggedRanks(Kernel &kernel, TermBuilder &build, Diagnostics &diagnostics) {
  RaggedRanks(kernel, build, diagnostics).run();
}

} // namespace attn::spec

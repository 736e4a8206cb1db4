// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// R24. Equations of one tensor, X = v1 if c1 and X = v2 if c2, are the one equation X = select(c1, v1, v2) if c1 or c2
// where c1 and c2 never hold both, which is proved here; the passes then see one map. Reading stays lazy: select looks
// at v1 only where c1 holds (R11). What cannot be proved stays apart and is a union for the evaluator to check.
//
// The condition of the whole is kept in conjuncts: for each choice of one condition an equation, that one of the chosen
// holds. A condition that all equations have so stays one of its own, which a reduction over another index leaves on
// the result (R12); a choice that always holds is left out.
#include "compiler/spec/Checks.h"
#include "compiler/spec/Proof.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/MapVector.h"

using namespace llvm;

namespace attn::spec {

/// Beyond this, one condition is made of all choices.
static constexpr size_t maxChoices = 32;

namespace {

struct Part {
  Equation *equation;
  Term *value;
  SmallVector<Term *> conditions;
};

class UnionJoiner {
public:
  UnionJoiner(Kernel &kernel, TermBuilder &build) : kernel(kernel), build(build) {}

  void run() {
    MapVector<Tensor *, SmallVector<Equation *>> written;
    for (Equation &equation : kernel.equations)
      written[equation.tensor].push_back(&equation);
    DenseSet<const Equation *> joined;
    for (auto &[tensor, equations] : written)
      if (equations.size() > 1 && isCandidate(*tensor, equations) && join(*tensor, equations))
        joined.insert(equations.begin() + 1, equations.end());
    size_t next = 0;
    for (size_t i = 0; i < kernel.equations.size(); ++i)
      if (!joined.contains(&kernel.equations[i])) {
        if (next != i)
          kernel.equations[next] = std::move(kernel.equations[i]);
        ++next;
      }
    kernel.equations.erase(kernel.equations.begin() + next, kernel.equations.end());
  }

private:
  static bool isCandidate(const Tensor &tensor, ArrayRef<Equation *> equations) {
    if (tensor.isIterative || tensor.isInout || tensor.isSet || tensor.isBroken)
      return false;
    return all_of(equations, [](const Equation *equation) {
      IndexSet seen;
      return equation->rhs && all_of(equation->left, [&](const Term *left) {
               return left->kind == TermKind::Index && seen.insert(left->name);
             });
    });
  }

  bool join(Tensor &tensor, ArrayRef<Equation *> equations) {
    SmallVector<Part> parts;
    for (Equation *equation : equations)
      parts.push_back(partOf(tensor, *equation, *equations.front()));
    SmallVector<BoundIndex, 2> bounds = parts.front().equation->bounds;
    for (size_t i = 0; i < parts.size(); ++i)
      for (size_t j = 0; j < i; ++j)
        if (!areDisjoint(parts[j], parts[i], bounds))
          return false;
    build.site = equations.front()->site;
    SmallVector<Term *> presence = conditionsOf(parts, bounds);
    Term *value = branch(parts.back());
    for (const Part &part : reverse(ArrayRef<Part>(parts).drop_back())) {
      value = build.map(MapOp::Select, part.equation->loc, {asCondition(part.conditions), branch(part), value});
      value->type = tensor.typeClass;
      value->isImplicit = true;
    }
    equations.front()->rhs = filtered(value, presence);
    build.site = nullptr;
    return true;
  }

  /// The equation in the indices of the first one, which get names that no reduction inside hides where they differ.
  Part partOf(Tensor &tensor, Equation &equation, Equation &first) {
    bool areSame = all_of(zip(equation.left, first.left),
                          [](auto pair) { return std::get<0>(pair)->name == std::get<1>(pair)->name; });
    if (!areSame) {
      rename(tensor, first);
      rename(tensor, equation);
    }
    Part part{&equation, equation.rhs, {}};
    while (part.value->kind == TermKind::If) {
      SmallVector<Term *> outer = conjunctsOf(part.value->args[1]);
      append_range(part.conditions, outer);
      part.value = part.value->args[0];
    }
    return part;
  }

  void rename(const Tensor &tensor, Equation &equation) {
    StringMap<StringRef> names;
    for (auto [dim, left] : enumerate(equation.left))
      names[left->name] = build.save("." + Twine(dim) + "." + tensor.ranks[dim]);
    auto replacement = [&](StringRef name) -> Term * {
      auto found = names.find(name);
      if (found == names.end())
        return nullptr;
      Term *index = build.index(found->second, equation.loc);
      index->type = TypeClass::Int;
      return index;
    };
    for (Term *&left : equation.left)
      left = build.substitute(left, replacement);
    for (BoundIndex &bound : equation.bounds)
      if (auto found = names.find(bound.name); found != names.end())
        bound.name = found->second;
    equation.rhs = substituteFree(equation.rhs, replacement);
  }

  /// Leaves alone what a reduction binds under the same name.
  Term *substituteFree(Term *term, function_ref<Term *(StringRef)> replacement) {
    if (!term)
      return nullptr;
    IndexSet bound;
    walk(term, [&](Term *inner) {
      for (const BoundIndex &binder : inner->binders)
        bound.insert(binder.name);
    });
    bool hides = any_of(bound, [&](StringRef name) { return replacement(name) != nullptr; });
    if (!hides)
      return build.substitute(term, replacement);
    if (term->kind == TermKind::Index)
      return build.substitute(term, replacement);
    auto visible = [&](StringRef name) -> Term * {
      bool isOwn = any_of(term->binders, [&](const BoundIndex &binder) { return binder.name == name; });
      return isOwn ? nullptr : replacement(name);
    };
    SmallVector<Term *> args;
    for (Term *arg : term->args)
      args.push_back(substituteFree(arg, visible));
    Term *copy = build.make(term->kind, term->loc, args);
    MutableArrayRef<Term *> copied = copy->args;
    *copy = *term;
    copy->args = copied;
    copy->condition = substituteFree(term->condition, visible);
    copy->parameter = substituteFree(term->parameter, replacement);
    return copy;
  }

  bool areDisjoint(const Part &a, const Part &b, ArrayRef<BoundIndex> bounds) {
    SmallVector<Literal> both;
    for (const Term *condition : concat<Term *const>(a.conditions, b.conditions))
      both.push_back({condition});
    return isImpossible(both, bounds, kernel);
  }

  /// A value that becomes an Einsum of its own must not look where another equation writes.
  Term *branch(const Part &part) {
    bool isHoisted = false;
    walk(part.value, [&](const Term *term) {
      isHoisted |= is_contained({TermKind::Reduce, TermKind::Select, TermKind::If, TermKind::Else}, term->kind);
    });
    return isHoisted ? filtered(part.value, part.conditions) : part.value;
  }

  Term *filtered(Term *value, ArrayRef<Term *> conditions) {
    if (conditions.empty())
      return value;
    Term *result = build.make(TermKind::If, value->loc, {value, asCondition(conditions)});
    result->type = value->type;
    return result;
  }

  Term *asCondition(ArrayRef<Term *> conjuncts) { return combine(MapOp::And, conjuncts); }

  Term *combine(MapOp op, ArrayRef<Term *> conditions) {
    Term *all = nullptr;
    for (Term *condition : conditions) {
      all = all ? build.map(op, condition->loc, {all, condition}) : condition;
      all->type = TypeClass::Bool;
    }
    return all;
  }

  static bool isIn(ArrayRef<Term *> conditions, const Term *condition) {
    return any_of(conditions, [&](const Term *one) { return print(one) == print(condition); });
  }

  /// Reads what it needs at plain indices only, so that no condition before it guards a read.
  static bool readsAnywhere(Term *condition) {
    bool plain = true;
    walk(condition, [&](Term *term) {
      if (term->kind == TermKind::Read)
        plain &= all_of(term->args, [](const Term *arg) { return arg->kind == TermKind::Index; });
    });
    return plain;
  }

  static bool readsTensor(Term *condition) {
    bool reads = false;
    walk(condition, [&](Term *term) { reads |= term->kind == TermKind::Read; });
    return reads;
  }

  SmallVector<Term *> conditionsOf(ArrayRef<Part> parts, ArrayRef<BoundIndex> bounds) {
    SmallVector<Term *> result;
    for (Term *condition : parts.front().conditions)
      if (all_of(parts, [&](const Part &part) { return isIn(part.conditions, condition); }) && !isIn(result, condition))
        result.push_back(condition);
    SmallVector<SmallVector<Term *>> own;
    size_t choices = 1;
    bool mayChoose = true;
    for (const Part &part : parts) {
      own.emplace_back();
      for (Term *condition : part.conditions)
        if (!isIn(result, condition)) {
          own.back().push_back(condition);
          mayChoose &= readsAnywhere(condition);
        }
      if (own.back().empty()) // a part without a condition of its own: nothing more is removed
        return result;
      choices *= std::min(own.back().size(), maxChoices + 1);
    }
    if (mayChoose && choices <= maxChoices)
      return addChoices(own, bounds, std::move(result));
    SmallVector<Term *> either;
    for (ArrayRef<Term *> conditions : own)
      either.push_back(asCondition(conditions));
    result.push_back(combine(MapOp::Or, either));
    return result;
  }

  SmallVector<Term *> addChoices(ArrayRef<SmallVector<Term *>> own, ArrayRef<BoundIndex> bounds,
                                 SmallVector<Term *> result) {
    SmallVector<size_t> choice(own.size(), 0);
    for (;;) {
      SmallVector<Term *> chosen;
      SmallVector<Literal> none;
      for (auto [conditions, i] : zip(own, choice))
        if (!isIn(chosen, conditions[i])) {
          chosen.push_back(conditions[i]);
          none.push_back({conditions[i], false});
        }
      bool always = none_of(chosen, readsTensor) && isImpossible(none, bounds, kernel);
      if (Term *clause = combine(MapOp::Or, chosen); !always && !isIn(result, clause))
        result.push_back(clause);
      size_t digit = 0;
      while (digit < own.size() && ++choice[digit] == own[digit].size())
        choice[digit++] = 0;
      if (digit == own.size())
        return result;
    }
  }

  Kernel &kernel;
  TermBuilder &build;
};

} // namespace

void joinUnions(Kernel &kernel, TermBuilder &build) { UnionJoiner(kernel, build).run(); }

} // namespace attn::spec

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What can be said about single points without evaluating: reads that must leave their tensor (R14), points that two
// equations must both write (R24), and differences of prefix sums (R13). Each speaks only where no condition and no
// absent operand could remove the point.
#include "compiler/spec/Checks.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/MapVector.h"

using namespace llvm;

namespace attn::spec {

namespace {

class PointChecker {
public:
  PointChecker(Kernel &kernel, Diagnostics &diagnostics) : kernel(kernel), diagnostics(diagnostics) {
    for (const Equation &equation : kernel.equations)
      equations[equation.tensor].push_back(&equation);
    findPartial();
  }

  void run() {
    for (const Equation &equation : kernel.equations) {
      if (!equation.rhs)
        continue;
      walk(equation.rhs, [&](Term *term) {
        if (term->kind == TermKind::Read)
          checkRead(equation, term);
        if (term->kind == TermKind::Map && term->op == MapOp::Sub)
          checkPrefixSums(term);
      });
    }
    for (auto &[tensor, list] : equations)
      checkWrittenTwice(*tensor, list);
  }

private:
  /// Tensors that may have absent points: a least fixed point over the equations.
  void findPartial() {
    for (const auto &tensor : kernel.tensors)
      if (tensor->isOptional || tensor->isIterative || tensor->isInout)
        partial.insert(tensor.get());
    for (bool grew = true; grew;) {
      grew = false;
      for (const Equation &equation : kernel.equations)
        if (!partial.contains(equation.tensor) && mayBeAbsent(equation))
          grew = partial.insert(equation.tensor).second;
    }
  }

  bool mayBeAbsent(const Equation &equation) {
    bool absent =
        !equation.rhs || any_of(equation.left, [](const Term *left) { return !left || left->kind != TermKind::Index; });
    walk(equation.rhs, [&](Term *term) {
      absent |= term->kind == TermKind::If || term->kind == TermKind::Place || term->kind == TermKind::Pos ||
                (term->kind == TermKind::Read && partial.contains(term->tensor));
    });
    for (const BoundIndex &bound : equation.bounds)
      if (const RankDecl *decl = kernel.declaredRank(bound.name))
        absent |= !decl->over.empty();
    return absent;
  }

  static std::optional<std::pair<StringRef, int64_t>> shifted(const Term *term) {
    if (term->kind != TermKind::Map || (term->op != MapOp::Add && term->op != MapOp::Sub))
      return std::nullopt;
    const Term *index = term->args[0], *constant = term->args[1];
    if (term->op == MapOp::Add && index->kind == TermKind::Int)
      std::swap(index, constant);
    if (index->kind != TermKind::Index || constant->kind != TermKind::Int || !constant->integer)
      return std::nullopt;
    return std::pair(index->name, term->op == MapOp::Add ? constant->integer : -constant->integer);
  }

  static std::optional<int64_t> constantOf(const Term *term) {
    if (term->kind == TermKind::Int)
      return term->integer;
    if (term->kind == TermKind::Map && term->op == MapOp::Neg && term->args[0]->kind == TermKind::Int)
      return -term->args[0]->integer;
    return std::nullopt;
  }

  /// A condition on the index, or an operand that may be absent along it, could remove the point of the read.
  bool mayBeGuarded(const Equation &equation, StringRef index) {
    bool guarded = false;
    walk(equation.rhs, [&](Term *term) {
      bool isCondition = term->kind == TermKind::In || (term->type == TypeClass::Bool && term->kind != TermKind::If);
      bool isPartial = term->kind == TermKind::Read && partial.contains(term->tensor);
      guarded |= (isCondition || isPartial) && mentions(term, index);
    });
    return guarded;
  }

  Term *extentOf(const Equation &equation, StringRef index) {
    Term *extent = nullptr;
    for (const BoundIndex &bound : equation.bounds)
      if (bound.name == index)
        extent = bound.extent;
    walk(equation.rhs, [&](Term *term) {
      for (const BoundIndex &binder : term->binders)
        if (binder.name == index)
          extent = binder.extent;
    });
    return extent;
  }

  void checkRead(const Equation &equation, const Term *read) {
    const Tensor &tensor = *read->tensor;
    if (tensor.isIterative || tensor.isInout || tensor.extents.size() != read->args.size())
      return;
    for (auto [dim, position] : enumerate(read->args)) {
      Term *extent = tensor.extents[dim];
      if (!extent)
        continue;
      if (std::optional<int64_t> constant = constantOf(position))
        checkConstant(equation, read, position, *constant, literal(extent));
      else if (auto shift = shifted(position))
        if (Term *own = extentOf(equation, shift->first))
          if (print(own) == print(extent) && !mayBeGuarded(equation, shift->first))
            outside(read, position,
                    "'" + shift->first + "' runs from 0 to " + print(own) + "-1, and so does this dimension");
    }
  }

  /// The literal that a declared rank is equal to, where it is one.
  Term *literal(Term *extent) {
    if (extent->kind == TermKind::Extent)
      if (const RankDecl *decl = kernel.declaredRank(extent->name))
        if (decl->extent && decl->extent->kind == TermKind::Int)
          return decl->extent;
    return extent;
  }

  void checkConstant(const Equation &equation, const Term *read, const Term *position, int64_t constant,
                     const Term *extent) {
    bool isOutside = constant < 0 || (extent->kind == TermKind::Int && constant >= extent->integer);
    bool hasOther = any_of(equations.lookup(read->tensor), [](const Equation *one) {
      return any_of(one->left, [](const Term *left) { return !left || left->kind != TermKind::Index; });
    });
    if (isOutside && !hasOther && !holdsConditions(equation))
      outside(read, position, "the dimension holds 0 to " + print(extent) + "-1");
  }

  static bool holdsConditions(const Equation &equation) {
    bool holds = false;
    walk(equation.rhs, [&](Term *term) { holds |= term->type == TypeClass::Bool; });
    return holds;
  }

  std::string textOf(const Term *term) const {
    if (term->begin == term->end)
      return print(term);
    return diagnostics.source(term->loc.file).getText().slice(term->begin, term->end).str();
  }

  void outside(const Term *read, const Term *position, const Twine &why) {
    diagnostics.error(position->loc, "'" + read->tensor->name + "' is read outside at " + textOf(position) + ": " + why)
        .notes.push_back({read->tensor->loc, "declared here"});
  }

  void checkWrittenTwice(const Tensor &tensor, ArrayRef<const Equation *> list) {
    const Equation *first = nullptr;
    for (const Equation *equation : list) {
      if (mayBeAbsent(*equation) || tensor.isIterative)
        continue;
      if (first) {
        diagnostics.error(equation->loc, "'" + tensor.name + "' is written twice at the same points")
            .notes.push_back({first->loc, "first written here"});
        return;
      }
      first = equation;
    }
  }

  /// Whether a tensor sums up along one of its ranks, by recurrence or by a condition against the summed index.
  bool isPrefixSum(const Tensor &tensor) {
    return any_of(equations.lookup(&tensor), [&](const Equation *equation) {
      const Term *rhs = equation->rhs;
      if (!rhs)
        return false;
      if (rhs->kind == TermKind::Map && rhs->op == MapOp::Add)
        return any_of(rhs->args,
                      [&](const Term *arg) { return arg->kind == TermKind::Read && arg->tensor == &tensor; });
      if (rhs->kind != TermKind::Reduce || rhs->reducer != ReducerKind::Sum)
        return false;
      return any_of(conjunctsOf(rhs->condition), [&](const Term *conjunct) {
        return conjunct->kind == TermKind::Map && conjunct->op >= MapOp::Less && conjunct->op <= MapOp::GreaterEqual &&
               any_of(rhs->binders, [&](const BoundIndex &binder) { return mentions(conjunct, binder.name); }) &&
               all_of(conjunct->args, [](const Term *arg) { return arg->kind == TermKind::Index; });
      });
    });
  }

  void checkPrefixSums(const Term *difference) {
    const Term *a = difference->args[0], *b = difference->args[1];
    if (a->kind == TermKind::Read && b->kind == TermKind::Read && a->tensor == b->tensor && print(a) != print(b) &&
        isPrefixSum(*a->tensor))
      diagnostics
          .warning(difference->loc, "two reads of the prefix sum '" + a->tensor->name +
                                        "' are subtracted: where both are -inf this is NaN")
          .help = "write the sum between them: sum[r if m < r and r <= p] ...";
  }

  Kernel &kernel;
  Diagnostics &diagnostics;
  MapVector<const Tensor *, SmallVector<const Equation *, 2>> equations;
  DenseSet<const Tensor *> partial;
};

} // namespace

void checkPoints(Kernel &kernel, Diagnostics &diagnostics) { PointChecker(kernel, diagnostics).run(); }

} // namespace attn::spec

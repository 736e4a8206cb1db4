// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// R22. A cycle of the dependence graph is a recurrence if one rank orders it: each of its reads shifts that rank by
// nothing or to one side, by a constant or under a condition such as `s < t`. The reads that shift are then taken away;
// what is left must be free of cycles or be ordered by another rank in the same way.
#include "compiler/spec/Checks.h"
#include "compiler/spec/Graph.h"
#include "llvm/ADT/DenseMap.h"

using namespace llvm;

namespace attn::spec {

namespace {

/// A read of a tensor by an equation of another (or the same) tensor.
struct ReadEdge {
  unsigned from, to;
  const Equation *equation;
  const Term *read;
};

class CycleFinder {
public:
  CycleFinder(Kernel &kernel, Diagnostics &diagnostics) : kernel(kernel), diagnostics(diagnostics) {
    for (auto [number, tensor] : enumerate(kernel.tensors))
      numbers[tensor.get()] = number;
    for (const Equation &equation : kernel.equations)
      addEdges(equation);
  }

  void run() {
    for (ArrayRef<unsigned> component : cyclesOf(edges))
      check(component, edges);
  }

private:
  void addEdges(const Equation &equation) {
    auto add = [&](Term *term) {
      if (term->kind == TermKind::Read && !term->isOld)
        edges.push_back({numbers[equation.tensor], numbers[term->tensor], &equation, term});
    };
    walk(equation.rhs, add);
    for (Term *left : equation.left)
      walk(left, add);
  }

  std::vector<SmallVector<unsigned, 4>> cyclesOf(ArrayRef<ReadEdge> among) {
    Dependences dependences(kernel.tensors.size());
    for (const ReadEdge &edge : among)
      dependences[edge.from].push_back(edge.to);
    std::vector<SmallVector<unsigned, 4>> cycles = components(dependences);
    erase_if(cycles, [&](ArrayRef<unsigned> component) { return !isCycle(component, dependences); });
    return cycles;
  }

  void check(ArrayRef<unsigned> component, ArrayRef<ReadEdge> among) {
    std::vector<ReadEdge> inside;
    for (const ReadEdge &edge : among)
      if (is_contained(component, edge.from) && is_contained(component, edge.to))
        inside.push_back(edge);
    if (std::optional<Loop> loop = order(component, inside, 0)) {
      for (unsigned tensor : component)
        kernel.tensors[tensor]->isIterative = true;
      kernel.loops.push_back(std::move(*loop));
      warnNoStart(component, inside);
      return;
    }
    reportCycle(component, inside);
  }

  void reportCycle(ArrayRef<unsigned> component, ArrayRef<ReadEdge> inside) {
    Tensor &first = *kernel.tensors[component.front()];
    for (unsigned tensor : component)
      kernel.tensors[tensor]->isIterative = true; // silences what depends on it
    Diagnostic &error = diagnostics.error(
        inside.front().read->loc, "'" + first.name + "' depends on itself, but no rank is shifted along the cycle");
    error.help = "a recurrence reads earlier steps of one rank: " + first.name.str() + "[t-1]";
    for (unsigned other : component.drop_front().take_front(8))
      error.notes.push_back({kernel.tensors[other]->loc, "through '" + kernel.tensors[other]->name.str() + "'"});
  }

  /// One rank after the other that orders all cycles of these reads.
  std::optional<Loop> order(ArrayRef<unsigned> component, ArrayRef<ReadEdge> inside, unsigned depth) {
    IndexSet candidates;
    for (const ReadEdge &edge : inside)
      for (StringRef rank : kernel.tensors[edge.from]->ranks)
        if (!rank.empty())
          candidates.insert(rank);
    for (StringRef rank : candidates)
      for (int sign : {-1, 1})
        if (std::optional<Loop> loop = orderAlong(rank, sign, component, inside, depth))
          return loop;
    return std::nullopt;
  }

  std::optional<Loop> orderAlong(StringRef rank, int sign, ArrayRef<unsigned> component, ArrayRef<ReadEdge> inside,
                                 unsigned depth) {
    std::vector<ReadEdge> rest;
    for (const ReadEdge &edge : inside) {
      std::optional<int> shift = shiftAlong(*edge.equation, edge.read, rank);
      if (!shift || (*shift && (*shift < 0) != (sign < 0)))
        return std::nullopt;
      if (!*shift)
        rest.push_back(edge);
    }
    if (rest.size() == inside.size())
      return std::nullopt;
    Loop loop{rank, sign > 0, {}, {}};
    for (unsigned tensor : component)
      loop.tensors.push_back(kernel.tensors[tensor].get());
    for (ArrayRef<unsigned> cycle : cyclesOf(rest)) {
      std::vector<ReadEdge> within;
      for (const ReadEdge &edge : rest)
        if (is_contained(cycle, edge.from) && is_contained(cycle, edge.to))
          within.push_back(edge);
      std::optional<Loop> inner = depth > 8 ? std::nullopt : order(cycle, within, depth + 1);
      if (!inner)
        return std::nullopt;
      loop.inner.push_back(std::move(*inner));
    }
    return loop;
  }

  /// R23: without a start the values before the first step are 0, which is rarely meant under a max, min or comparison.
  void warnNoStart(ArrayRef<unsigned> component, ArrayRef<ReadEdge> inside) {
    for (const Equation &equation : kernel.equations)
      if (is_contained(component, numbers[equation.tensor]) &&
          any_of(equation.left, [](const Term *left) { return left && left->kind != TermKind::Index; }))
        return;
    for (const ReadEdge &edge : inside) {
      const Term *through = nullptr;
      bool guarded = false;
      walk(edge.equation->rhs, [&](Term *term) {
        bool reads = false;
        walk(term, [&](Term *inner) { reads |= inner == edge.read; });
        guarded |= reads && (term->kind == TermKind::Else || term->kind == TermKind::If);
        bool isOrder = term->kind == TermKind::Map
                           ? (term->op == MapOp::Max || term->op == MapOp::Min ||
                              (term->op >= MapOp::Less && term->op <= MapOp::NotEqual))
                           : term->kind == TermKind::Reduce &&
                                 (term->reducer == ReducerKind::Max || term->reducer == ReducerKind::Min);
        if (reads && isOrder)
          through = term;
      });
      if (through && !guarded)
        return (
            void)(diagnostics
                      .warning(through->loc, "the recurrence of '" + edge.equation->tensor->name +
                                                 "' goes through this, and starts from 0: no equation gives a start")
                      .help = "write an equation at the step before the first: X[-1] = ...");
    }
  }

  Kernel &kernel;
  Diagnostics &diagnostics;
  DenseMap<const Tensor *, unsigned> numbers;
  std::vector<ReadEdge> edges;
};

} // namespace

std::optional<int64_t> constantShift(const Term *position, StringRef index) {
  if (position->kind == TermKind::Index && position->name == index)
    return 0;
  if (position->kind != TermKind::Map || (position->op != MapOp::Add && position->op != MapOp::Sub))
    return std::nullopt;
  const Term *base = position->args[0], *constant = position->args[1];
  if (position->op == MapOp::Add && base->kind == TermKind::Int)
    std::swap(base, constant);
  std::optional<int64_t> inner = constantShift(base, index);
  if (!inner || constant->kind != TermKind::Int)
    return std::nullopt;
  return position->op == MapOp::Add ? *inner + constant->integer : *inner - constant->integer;
}

/// -1 where some condition of the equation says `position < index`, 1 where it says `position > index`.
static std::optional<int> guardedSide(const Equation &equation, StringRef position, StringRef index) {
  std::optional<int> side;
  walk(equation.rhs, [&](Term *term) {
    if (term->kind != TermKind::Map || (term->op != MapOp::Less && term->op != MapOp::Greater))
      return;
    std::string a = print(term->args[0]), b = print(term->args[1]);
    if (term->op == MapOp::Greater)
      std::swap(a, b);
    if (a == position && b == index)
      side = -1;
    if (a == index && b == position)
      side = 1;
  });
  return side;
}

std::optional<int> shiftAlong(const Equation &equation, const Term *read, StringRef rank) {
  std::optional<unsigned> here = equation.tensor->dimensionOf(rank), there = read->tensor->dimensionOf(rank);
  if (!here || !there || *here >= equation.left.size() || *there >= read->args.size())
    return std::nullopt;
  const Term *left = equation.left[*here], *position = read->args[*there];
  if (!left)
    return std::nullopt;
  if (left->kind != TermKind::Index)
    return 0; // a start equation: it is taken at a fixed step
  if (std::optional<int64_t> constant = constantShift(position, left->name))
    return *constant < 0 ? -1 : *constant > 0 ? 1 : 0;
  return guardedSide(equation, print(position), left->name);
}

void checkCycles(Kernel &kernel, Diagnostics &diagnostics) { CycleFinder(kernel, diagnostics).run(); }

} // namespace attn::spec

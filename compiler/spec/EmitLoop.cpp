// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Recurrences (R22, R23) as attn.iterate. Inside a step a read is of an earlier one where it is shifted along the
// loop's rank, outermost loop first, and of this one where it is not.
#include "compiler/spec/Checks.h"
#include "compiler/spec/Graph.h"
#include "compiler/spec/KernelEmitter.h"
#include "compiler/spec/Proof.h"

using namespace mlir;

namespace attn::spec {

//===-- what reads see -----------------------------------------------------------------------------------------------

bool KernelEmitter::isOpen(StringRef rank) const {
  return llvm::any_of(openLoops, [&](const OpenLoop &open) { return open.rank.getValue() == rank; });
}

Value KernelEmitter::valueOf(const Term *read) const {
  if (read->isOld)
    return olds.lookup(read->tensor);
  for (const OpenLoop &open : openLoops)
    if (auto found = open.earlier.find(read->tensor); found != open.earlier.end()) {
      std::optional<int> shift = shiftAlong(*current, read, open.loop->rank);
      if (!shift || *shift != 0)
        return found->second;
    }
  return tensors.lookup(read->tensor);
}

//===-- margins ------------------------------------------------------------------------------------------------------

namespace {

/// The dimensions of tensors along which loops run.
struct LoopDims {
  DenseMap<const Tensor *, SmallVector<std::pair<unsigned, bool>, 2>> dims; ///< and whether downwards

  void add(const Loop &loop) {
    for (const Tensor *tensor : loop.tensors)
      if (std::optional<unsigned> dim = tensor->dimensionOf(loop.rank))
        dims[tensor].push_back({*dim, loop.isDown});
    for (const Loop &inner : loop.inner)
      add(inner);
  }
};

} // namespace

/// R23: as many points as constants shift reads, or as start equations name, in front of where a loop begins.
void KernelEmitter::findMargins() {
  LoopDims loops;
  for (const Loop &loop : kernel.loops)
    loops.add(loop);
  auto widen = [&](const Tensor &tensor, ArrayRef<Term *> positions) {
    auto found = loops.dims.find(&tensor);
    if (found == loops.dims.end() || positions.size() != tensor.ranks.size())
      return;
    SmallVector<int64_t> &list = margins[&tensor];
    list.resize(2 * tensor.ranks.size(), 0);
    for (auto [dim, isDown] : found->second) {
      std::optional<int64_t> outside;
      for (StringRef index : freeIndices(positions[dim]))
        if (std::optional<int64_t> shift = constantShift(positions[dim], index))
          outside = isDown ? *shift : -*shift;
      std::optional<Offset> offset;
      if (const Term *extent = tensor.extents[dim])
        offset = offsetFrom(positions[dim], extent, kernel);
      if (!outside && offset && offset->fromEnd == isDown)
        outside = isDown ? offset->distance + 1 : -offset->distance;
      if (outside)
        list[2 * dim + isDown] = std::max(list[2 * dim + isDown], *outside);
    }
  };
  for (const Equation &equation : kernel.equations) {
    widen(*equation.tensor, equation.left);
    walk(equation.rhs, [&](Term *term) {
      if (term->kind == TermKind::Read && !term->isOld)
        widen(*term->tensor, term->args);
    });
  }
}

/// A step of an open loop has one point and no margin.
DenseI64ArrayAttr KernelEmitter::marginsOf(const Tensor &tensor) {
  SmallVector<int64_t> list = margins.lookup(&tensor);
  list.resize(2 * tensor.ranks.size(), 0);
  for (auto [dim, rank] : llvm::enumerate(ranksOf(tensor)))
    if (isOpen(rank.getValue()))
      list[2 * dim] = list[2 * dim + 1] = 0;
  return builder.getDenseI64ArrayAttr(list);
}

//===-- loops --------------------------------------------------------------------------------------------------------

/// Taken at a fixed position of the rank.
static bool isStart(const Equation &equation, StringRef rank) {
  return equation.left[*equation.tensor->dimensionOf(rank)]->kind != TermKind::Index;
}

SmallVector<const Equation *> KernelEmitter::stepEquations(const Tensor &tensor) const {
  SmallVector<const Equation *> steps;
  for (const Equation *equation : equations.lookup(&tensor))
    if (llvm::none_of(openLoops, [&](const OpenLoop &open) {
          return open.earlier.count(&tensor) && isStart(*equation, open.loop->rank);
        }))
      steps.push_back(equation);
  return steps;
}

/// The type that a state keeps from step to step: the one that is written, else the compute type.
Type KernelEmitter::stateElement(const Tensor &tensor, const Loop &loop) const {
  if (Type element = tensorElementType(tensor))
    return element;
  for (const OpenLoop &open : openLoops)
    if (Value earlier = open.earlier.lookup(&tensor))
      return cast<RankedTensorType>(earlier.getType()).getElementType();
  if (tensor.typeClass == TypeClass::Bool)
    return IntegerType::get(&context, 1);
  if (tensor.typeClass == TypeClass::Int)
    return IntegerType::get(&context, 64);
  bool isDouble = false;
  for (const Tensor *each : loop.tensors)
    for (const Equation *equation : equations.lookup(each))
      walk(equation->rhs, [&](const Term *term) {
        if (term->kind == TermKind::Scalar || term->kind == TermKind::Convert)
          isDouble |= elementType(term->kind == TermKind::Scalar ? term->scalar->type : term->element).isF64();
        if (term->kind != TermKind::Read)
          return;
        Value value = tensors.lookup(term->tensor);
        Type element = value ? cast<RankedTensorType>(value.getType()).getElementType() : Type();
        isDouble |= (element ? element : elementType(term->tensor->type)).isF64();
      });
  return isDouble ? Type(Float64Type::get(&context)) : Type(Float32Type::get(&context));
}

/// What the equations at fixed positions of the rank write; null if there is none.
Value KernelEmitter::emitStart(const Tensor &tensor, const Loop &loop) {
  SmallVector<const Equation *> starts;
  for (const Equation *equation : stepEquations(tensor))
    if (isStart(*equation, loop.rank))
      starts.push_back(equation);
  return starts.empty() ? Value() : emitParts(tensor, starts, stateElement(tensor, loop));
}

bool KernelEmitter::emitLoop(const Loop &loop) {
  OpenLoop open;
  open.loop = &loop;
  SmallVector<Type> types;
  SmallVector<Attribute> margins, names;
  SmallVector<Value> starts;
  SmallVector<int64_t> started;
  for (const Tensor *tensor : loop.tensors) {
    ArrayRef<StringAttr> ranks = ranksOf(*tensor);
    if (ranks.size() != tensor->ranks.size())
      return false;
    StringAttr rank = ranks[*tensor->dimensionOf(loop.rank)];
    if (open.rank && open.rank != rank)
      return notLowered(tensor->loc, "a recurrence over rank '" + loop.rank + "' of two extents"), false;
    open.rank = rank;
    types.push_back(tensorType(ranks, stateElement(*tensor, loop), rankList()));
  }
  for (auto [number, tensor] : llvm::enumerate(loop.tensors)) {
    unsigned errors = diagnostics.numErrors();
    if (Value start = emitStart(*tensor, loop)) {
      starts.push_back(start);
      started.push_back(number);
    }
    if (diagnostics.numErrors() != errors)
      return false;
    margins.push_back(marginsOf(*tensor));
    names.push_back(string(tensor->name));
  }
  const Equation &first = *equations[loop.tensors.front()].front();
  Location loc = locate(first.loc, first.site);
  auto op = IterateOp::create(builder, loc, types, open.rank, loop.isDown ? builder.getUnitAttr() : UnitAttr(), starts,
                              builder.getDenseI64ArrayAttr(started), builder.getArrayAttr(margins),
                              builder.getArrayAttr(names));
  mlir::Block *body = builder.createBlock(&op.getBody(), {}, types, SmallVector<Location>(types.size(), loc));
  for (auto [tensor, argument] : llvm::zip(loop.tensors, body->getArguments()))
    open.earlier[tensor] = argument;
  openLoops.push_back(std::move(open));
  bool complete = emitStep(loop);
  openLoops.pop_back();
  if (!complete)
    return false;
  SmallVector<Value> yielded;
  for (const Tensor *tensor : loop.tensors)
    yielded.push_back(tensors.lookup(tensor));
  YieldOp::create(builder, loc, yielded);
  builder.setInsertionPointAfter(op);
  for (auto [tensor, result] : llvm::zip(loop.tensors, op.getResults()))
    tensors[tensor] = result;
  return true;
}

/// This step of all tensors, each after those that it reads at the same step.
bool KernelEmitter::emitStep(const Loop &loop) {
  DenseMap<const Tensor *, unsigned> numbers;
  for (auto [number, tensor] : llvm::enumerate(loop.tensors))
    numbers[tensor] = number;
  Dependences dependences(loop.tensors.size());
  for (const Tensor *tensor : loop.tensors)
    for (const Equation *equation : stepEquations(*tensor))
      walk(equation->rhs, [&](Term *term) {
        auto found = term->kind == TermKind::Read ? numbers.find(term->tensor) : numbers.end();
        if (found != numbers.end() && shiftAlong(*equation, term, loop.rank) == 0)
          dependences[numbers[tensor]].push_back(found->second);
      });
  for (const Tensor *tensor : loop.tensors)
    tensors.erase(tensor);
  for (ArrayRef<unsigned> component : components(dependences)) {
    const Tensor *tensor = loop.tensors[component.front()];
    auto inner = llvm::find_if(loop.inner, [&](const Loop &one) { return llvm::is_contained(one.tensors, tensor); });
    if (inner != loop.inner.end()) {
      if (!emitLoop(*inner))
        return false;
      continue;
    }
    SmallVector<const Equation *> steps = stepEquations(*tensor);
    if (steps.empty())
      return notLowered(tensor->loc, "'" + tensor->name + "' without an equation for its steps"), false;
    Value value = emitParts(*tensor, steps, stateElement(*tensor, loop));
    if (!value)
      return false;
    tensors[tensor] = value;
  }
  return true;
}

} // namespace attn::spec

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Tensors that are the union of what several equations write, and equations that write at computed positions.
#include "compiler/spec/KernelEmitter.h"

using namespace mlir;

namespace attn::spec {

bool KernelEmitter::emitTensor(const Tensor &tensor) {
  Value value = emitParts(tensor, equations[&tensor], tensorElementType(tensor));
  if (!value)
    return false;
  tensors[&tensor] = value;
  return true;
}

/// The union of what the equations write, and of what an inout tensor keeps; null after reporting an error.
Value KernelEmitter::emitParts(const Tensor &tensor, ArrayRef<const Equation *> parts, Type element) {
  SmallVector<Value> values;
  for (const Equation *equation : parts) {
    Value value = emitEquation(*equation);
    if (!value)
      return nullptr;
    values.push_back(emitStored(value, element, tensor.name, locate(equation->loc, equation->site)));
  }
  Value otherwise = tensor.isInout ? oldValue(tensor) : Value();
  if (values.size() == 1 && !otherwise)
    return values.front();
  return emitUnion(values, otherwise, tensor.name, locate(parts.front()->loc, parts.front()->site));
}

/// The type that holds the values of all: a float where there is one, the wider one.
static Type commonElement(ArrayRef<Value> values) {
  Type common;
  for (Value value : values) {
    Type element = cast<RankedTensorType>(value.getType()).getElementType();
    if (!element.isIntOrFloat()) // sets
      return element;
    bool isWider = common && isa<FloatType>(element) == isa<FloatType>(common) &&
                   element.getIntOrFloatBitWidth() > common.getIntOrFloatBitWidth();
    if (!common || isWider || (isa<FloatType>(element) && !isa<FloatType>(common)))
      common = element;
  }
  return common;
}

Value KernelEmitter::emitUnion(MutableArrayRef<Value> parts, Value otherwise, StringRef name, Location loc) {
  SmallVector<Value> all(parts.begin(), parts.end());
  if (otherwise)
    all.push_back(otherwise);
  Type element = commonElement(all);
  for (Value &part : all)
    part = emitStored(part, element, name, loc);
  ArrayRef<Value> stored(all);
  if (otherwise)
    stored = stored.drop_back();
  return TensorUnionOp::create(builder, loc, all.front().getType(), stored, otherwise ? all.back() : Value(),
                               string(name));
}

//===-- computed positions -------------------------------------------------------------------------------------------

/// An inout argument on entry, over its ranks.
Value KernelEmitter::oldValue(const Tensor &tensor) {
  if (llvm::all_of(tensor.dims, [](ArrayRef<StringRef> dim) { return dim.size() == 1; }))
    return olds.lookup(&tensor);
  TermBuilder build(program);
  Term *read = build.readWhole(const_cast<Tensor &>(tensor), tensor.loc);
  read->isOld = true;
  EinsumRequest request{read, {}, {}, {}, tensor.name.str()};
  for (StringRef rank : tensor.ranks)
    request.left.push_back({rank, string(rank)});
  return emitStored(emitEinsum(request), elementType(tensor.type), tensor.name, locate(tensor.loc, nullptr));
}

Value KernelEmitter::emitScatter(const Equation &equation) {
  const Tensor &tensor = *equation.tensor;
  Location loc = locate(equation.loc, equation.site);
  ArrayRef<StringAttr> ranks = ranksOf(tensor);
  EinsumRequest values{equation.rhs, {}, {}, {}, (tensor.name + ".written").str()};
  for (const BoundIndex &bound : equation.bounds) {
    auto *dim = llvm::find_if(
        equation.left, [&](const Term *left) { return left->kind == TermKind::Index && left->name == bound.name; });
    StringAttr rank = dim != equation.left.end() ? ranks[dim - equation.left.begin()]
                                                 : rankFor(bound.name, bound.extent, values.left);
    if (!rank)
      return nullptr;
    values.left.push_back({bound.name, rank});
  }
  Value value = emitEinsum(values);
  if (!value)
    return nullptr;
  value = emitStored(value, tensorElementType(tensor), values.name, loc);
  SmallVector<Attribute> at;
  SmallVector<Value> positions;
  for (const Term *left : equation.left) {
    EinsumRequest position{left, {}, {}, {}, (tensor.name + ".at").str()};
    IndexSet mentioned = freeIndices(left);
    for (const Iterator &iterator : values.left)
      if (mentioned.contains(iterator.index))
        position.left.push_back(iterator);
    if (left->kind == TermKind::Index) {
      at.push_back(position.left.front().rank);
      continue;
    }
    // Where the value is removed by what the position depends on, nothing is read for it.
    if (equation.rhs->kind == TermKind::If)
      for (const Term *conjunct : conjunctsOf(equation.rhs->args[1]))
        if (llvm::all_of(freeIndices(conjunct), [&](StringRef index) { return mentioned.contains(index); }))
          position.conjuncts.push_back(conjunct);
    at.push_back(builder.getI64IntegerAttr(positions.size()));
    positions.push_back(emitEinsum(position));
    if (!positions.back())
      return nullptr;
  }
  Type element = cast<RankedTensorType>(value.getType()).getElementType();
  return ScatterOp::create(builder, loc, tensorType(ranks, element, rankList()), value, positions,
                           builder.getArrayAttr(at), tensor.isIterative ? marginsOf(tensor) : DenseI64ArrayAttr(),
                           string(tensor.name));
}

} // namespace attn::spec

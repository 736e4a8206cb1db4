// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Selections (R20): an Einsum for the scores at the points to select from, then attn.select over it.
#include "compiler/spec/KernelEmitter.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;

namespace attn::spec {

bool KernelEmitter::isSelection(const Term *term) {
  return term->kind == TermKind::Select || (term->kind == TermKind::Reduce && term->reducer == ReducerKind::ArgMax);
}

/// The same at all points: made of literals, extents and scalars.
static bool isUniform(const Term *term) {
  bool reads = false;
  walk(const_cast<Term *>(term), [&](Term *each) { reads |= each->kind == TermKind::Read; });
  return !reads && freeIndices(term).empty();
}

/// The bound or the number of members: a scalar, or a tensor over the indices that it mentions.
Value KernelEmitter::emitParameter(const EinsumRequest &request, Type scores) {
  const Term *parameter = request.value->parameter;
  if (!isUniform(parameter)) {
    EinsumRequest part{parameter, {}, {}, {}, request.name + ".by"};
    IndexSet mentioned = freeIndices(parameter);
    for (auto [i, iterator] : llvm::enumerate(request.left)) {
      bool isShadowed = llvm::any_of(ArrayRef(request.left).drop_front(i + 1),
                                     [&index = iterator.index](const Iterator &later) { return later.index == index; });
      if (mentioned.contains(iterator.index) && !isShadowed)
        part.left.push_back(iterator);
    }
    return emitEinsum(part);
  }
  Location loc = locate(parameter);
  auto leaf = [&](OpBuilder &b, const Term *term) { return scalarLeaf(b, term); };
  ScalarEmitter::Context scalarContext = this->scalarContext();
  bool isDouble = scores.isF64();
  if (parameter->kind == TermKind::Float && isDouble)
    return arith::ConstantOp::create(builder, loc, builder.getF64FloatAttr(parameter->number));
  Value value = ScalarEmitter(builder, leaf, scalarContext).emit(parameter);
  if (request.value->selection == SelectionKind::TopK || isa<IntegerType>(scores))
    return value;
  return ScalarEmitter::toFloat(builder, loc, value, isDouble ? builder.getF64Type() : builder.getF32Type());
}

/// `else` a constant, for what no Einsum made.
Value KernelEmitter::emitElse(Value value, TypedAttr otherwise, const EinsumRequest &request) {
  auto type = cast<RankedTensorType>(value.getType());
  auto number = cast<FloatAttr>(otherwise);
  EinsumSpec spec;
  spec.iterators.assign(rankNames(type).begin(), rankNames(type).end());
  spec.result = type;
  spec.inputs.push_back(value);
  spec.maps.push_back(builder.getMultiDimIdentityMap(type.getRank()));
  spec.otherwise = IntegerAttr::get(type.getElementType(), int64_t(number.getValueAsDouble()));
  spec.name = string(request.name);
  return EinsumOp::create(builder, locate(request.value), spec, nullptr,
                          [](OpBuilder &b, Location at, ValueRange args) { YieldOp::create(b, at, args[0]); });
}

Value KernelEmitter::emitSelection(const EinsumRequest &request) {
  const Term *whole = request.value;
  EinsumRequest scores = request;
  scores.otherwise = {};
  SmallVector<Attribute> over;
  for (const BoundIndex &binder : whole->binders) {
    StringAttr rank = rankFor(binder.name, binder.extent, scores.left);
    if (!rank)
      return nullptr;
    scores.left.push_back({binder.name, rank});
    over.push_back(rank);
  }
  llvm::append_range(scores.conjuncts, conjunctsOf(whole->condition));
  const Term *body = whole->args[0];
  bool isTuple = body->kind == TermKind::Tuple;
  SmallVector<Value> values;
  for (const Term *component : isTuple ? ArrayRef<Term *>(body->args) : ArrayRef<Term *>(whole->args[0])) {
    scores.value = component;
    scores.name = request.name + (isTuple ? "." + std::to_string(values.size()) : std::string(".scores"));
    values.push_back(emitEinsum(scores));
    if (!values.back())
      return nullptr;
  }
  bool isArgMax = whole->kind == TermKind::Reduce, isSet = !isArgMax && whole->selection == SelectionKind::Set;
  Value parameter;
  if (whole->parameter) {
    parameter = emitParameter(request, cast<RankedTensorType>(values[0].getType()).getElementType());
    if (!parameter)
      return nullptr;
  }
  Type element = isArgMax ? Type(builder.getI64Type())
                          : IndexSetType::get(&context, isSet ? values.size() : whole->binders.size());
  StringRef kind = isArgMax ? spell(whole->reducer) : spell(whole->selection);
  Value result = SelectOp::create(builder, locate(whole), typeOf(request.left, element), values, parameter,
                                  string(kind), builder.getArrayAttr(over), string(request.name));
  return request.otherwise ? emitElse(result, request.otherwise, request) : result;
}

} // namespace attn::spec

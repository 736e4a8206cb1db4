// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What the algebra does not know, as uninterpreted functions: a tensor is one of its indices, and so is a term that
// reads by a name of its own. A selection, and what is written at computed positions, reduces ranks: the reducer stands
// for any that has to see all points.
#include "passes/attn/KernelTerms.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallVectorExtras.h"

using namespace mlir;
using namespace attn;
using algebra::Binder, algebra::TermContext, algebra::TermRef, algebra::ValueType;

static ValueType elementTypeOf(Value tensor) {
  return valueTypeOf(cast<RankedTensorType>(tensor.getType()).getElementType());
}

bool KernelTerms::appendTerms(ValueRange tensors, SmallVectorImpl<TermRef> &out) {
  for (Value tensor : tensors) {
    auto t = this->tensor(tensor, Inline::Dependences);
    if (!t)
      return false;
    out.push_back(t->term);
    llvm::append_range(out, t->conditions);
  }
  return true;
}

TermRef KernelTerms::summary(ArrayRef<TermRef> over, ArrayRef<TermRef> read, Location loc, std::string phrase) {
  TermContext::At at(context, idOf(loc));
  auto binders = llvm::map_to_vector(over, [](TermRef index) { return Binder{index}; });
  TermRef body = context.read(phrase, read, ValueType::Float);
  TermRef r = context.reduce(algebra::Reducer::ArgMax, binders, {}, body, ValueType::Integer);
  phrases.emplace_back(r, std::move(phrase));
  return r;
}

std::optional<Present> KernelTerms::uninterpreted(SelectOp op) {
  SmallVector<TermRef> scores, read;
  if (!appendTerms(op.getValues(), scores))
    return std::nullopt;
  auto over = llvm::map_to_vector(op.getOver().getAsRange<StringAttr>(),
                                  [&](StringAttr rank) { return context.index(rank.getValue()); });
  read.push_back(summary(over, scores, op.getLoc(), nameOf(op.getResult()).str()));
  if (Value parameter = op.getParameter(); parameter && isa<RankedTensorType>(parameter.getType())) {
    if (!appendTerms(parameter, read))
      return std::nullopt;
  }
  return Present{context.read(op.getKind(), read, elementTypeOf(op.getResult())), {}};
}

/// A step of a walk reads what it computes from; what it reads of earlier steps is there when it begins.
std::optional<Present> KernelTerms::uninterpreted(IterateOp op, Value state) {
  SmallVector<TermRef> read = indicesOf(state);
  Operation *yield = op.getBody().front().getTerminator();
  if (!appendTerms(yield->getOperand(cast<OpResult>(state).getResultNumber()), read))
    return std::nullopt;
  return Present{context.read(nameOf(state), read, elementTypeOf(state)), {}};
}

std::optional<Present> KernelTerms::uninterpreted(ScatterOp op) {
  SmallVector<TermRef> written, own = indicesOf(op.getResult()), over;
  if (!appendTerms(op.getValues(), written) || !appendTerms(op.getPositions(), written))
    return std::nullopt;
  for (TermRef index : indicesOf(op.getValues()))
    if (!llvm::is_contained(own, index))
      over.push_back(index);
  SmallVector<TermRef> read = own;
  if (over.empty())
    llvm::append_range(read, written);
  else
    read.push_back(summary(over, written, op.getLoc(), nameOf(op.getResult()).str() + " written"));
  return Present{context.read(nameOf(op.getResult()), read, elementTypeOf(op.getResult())), {}};
}

std::optional<Present> KernelTerms::uninterpreted(Value value) {
  if (auto it = inlined.find(value); it != inlined.end())
    return it->second;
  std::optional<Present> r = Present{read(value), {}};
  Operation *def = value.getDefiningOp();
  if (auto select = dyn_cast_or_null<SelectOp>(def))
    r = uninterpreted(select);
  else if (auto walk = dyn_cast_or_null<IterateOp>(def))
    r = uninterpreted(walk, value);
  else if (auto scatter = dyn_cast_or_null<ScatterOp>(def))
    r = uninterpreted(scatter);
  else if (isa_and_nonnull<TensorUnionOp>(def)) {
    SmallVector<TermRef> parts = indicesOf(value);
    auto tensors =
        llvm::make_filter_range(def->getOperands(), [](Value v) { return isa<RankedTensorType>(v.getType()); });
    if (!appendTerms(llvm::to_vector(tensors), parts))
      return std::nullopt;
    r = Present{context.read(nameOf(value), parts, elementTypeOf(value)), {}};
  }
  if (r)
    inlined[value] = *r;
  return r;
}

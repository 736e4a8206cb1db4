// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// attn.stream: building and constraints.
#include "dialects/attn/Attn.h"
#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace attn;

void StreamOp::build(OpBuilder &b, OperationState &state, TypeRange results, ArrayRef<StringRef> over, TypeRange types,
                     ArrayRef<Attribute> identities) {
  state.addTypes(results);
  state.addAttribute(getOverAttrName(state.name), b.getStrArrayAttr(over));
  state.addAttribute(getIdentitiesAttrName(state.name), b.getArrayAttr(identities));
  OpBuilder::InsertionGuard guard(b);
  for (unsigned copies : {1, 2, 1}) { // step, merge, final
    Block *block = b.createBlock(state.addRegion());
    for (unsigned i = 0; i < copies; ++i)
      block->addArguments(types, SmallVector<Location>(types.size(), state.location));
  }
}

bool StreamOp::isOver(StringRef rank) {
  return llvm::any_of(getOver().getAsValueRange<StringAttr>(), [&](StringRef each) { return each == rank; });
}

//===-- constraints --------------------------------------------------------------------------------------------------

static LogicalResult verifyRegion(StreamOp stream, StringRef name, Region &region, TypeRange arguments,
                                  TypeRange results) {
  if (region.getArgumentTypes() != arguments) // stream_c2
    return stream.emitOpError() << name << " takes (" << region.getArgumentTypes() << ") != (" << arguments << ')';
  TypeRange yielded = region.front().getTerminator()->getOperandTypes();
  if (yielded != results) // stream_c2, stream_c3
    return stream.emitOpError() << name << " yields (" << yielded << ") != (" << results << ')';
  return success();
}

LogicalResult StreamOp::verifyRegions() {
  TypeRange state = getStateTypes();
  if (state.size() != getNumState()) // stream_c1
    return emitOpError() << getNumState() << " identities != " << state.size() << " states";
  for (auto [i, type, identity] : llvm::enumerate(state, getIdentities())) {
    auto tensor = dyn_cast<RankedTensorType>(type);
    auto value = dyn_cast<TypedAttr>(identity);
    if (!tensor || !value || value.getType() != tensor.getElementType()) // stream_c1
      return emitOpError() << "state " << i << " of type " << type << " has identity " << identity;
    for (StringAttr rank : rankNames(tensor))
      if (isOver(rank)) // stream_c4
        return emitOpError() << "state " << i << " carries the streamed rank '" << rank.getValue() << '\'';
  }
  SmallVector<Type> both(state);
  llvm::append_range(both, state);
  return failure(failed(verifyRegion(*this, "step", getStep(), state, state)) ||
                 failed(verifyRegion(*this, "merge", getMerge(), both, state)) ||
                 failed(verifyRegion(*this, "final", getFinalize(), state, getResultTypes())));
}

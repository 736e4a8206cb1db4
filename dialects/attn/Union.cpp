// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// attn.union and attn.scatter: tensors that several equations write, or one at computed positions.
#include "dialects/attn/Attn.h"

using namespace mlir;
using namespace attn;

void TensorUnionOp::getAsmResultNames(OpAsmSetValueNameFn setName) {
  if (getNameAttr())
    setName(getResult(), getNameAttr());
}

void ScatterOp::getAsmResultNames(OpAsmSetValueNameFn setName) {
  if (getNameAttr())
    setName(getResult(), getNameAttr());
}

LogicalResult ScatterOp::verify() {
  ArrayRef<StringAttr> ranks = rankNames(getValues().getType());
  if (getAt().size() != size_t(getType().getRank())) // scatter_c1
    return emitOpError() << getAt().size() << " positions != " << getType().getRank() << " dimensions";
  llvm::SmallBitVector used(ranks.size());
  for (Value position : getPositions()) {
    auto type = cast<RankedTensorType>(position.getType());
    bool isPosition = isa<IntegerType>(type.getElementType()); // scatter_c3
    for (StringAttr rank : rankNames(type)) {
      auto *found = llvm::find(ranks, rank);
      isPosition &= found != ranks.end();
      if (found != ranks.end())
        used.set(found - ranks.begin());
    }
    if (!isPosition)
      return emitOpError() << "position of type " << type << " is no integer tensor over ranks of the values";
  }
  for (Attribute entry : getAt()) {
    auto *found = llvm::find(ranks, entry);
    auto number = dyn_cast<IntegerAttr>(entry);
    if (found != ranks.end())
      used.set(found - ranks.begin());
    else if (!number || number.getValue().uge(getPositions().size())) // scatter_c1
      return emitOpError() << "position " << entry << " is neither a rank of the values nor one of "
                           << getPositions().size() << " operands";
  }
  if (!used.all()) // scatter_c2
    return emitOpError() << "no position depends on rank '" << ranks[used.find_first_unset()].getValue()
                         << "' of the values";
  if (cast<RankedTensorType>(getValues().getType()).getElementType() != getType().getElementType()) // scatter_c4
    return emitOpError() << "writes " << getValues().getType() << " into " << getType();
  if (std::optional<ArrayRef<int64_t>> margins = getMargins(); // scatter_c5
      margins && (margins->size() != 2 * getAt().size() || llvm::any_of(*margins, [](int64_t m) { return m < 0; })))
    return emitOpError() << "margins " << getMarginsAttr() << " are not two a dimension, none negative";
  return success();
}

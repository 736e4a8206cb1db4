// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// attn.iterate: names and constraints.
#include "dialects/attn/Attn.h"

using namespace mlir;
using namespace attn;

std::pair<int64_t, int64_t> IterateOp::getMargin(unsigned state, unsigned dim) {
  auto margins = cast<DenseI64ArrayAttr>(getMargins()[state]);
  return {margins[2 * dim], margins[2 * dim + 1]};
}

StringRef IterateOp::getStateName(unsigned state) {
  std::optional<ArrayAttr> names = getNames();
  return names && state < names->size() ? cast<StringAttr>((*names)[state]).getValue() : StringRef();
}

void IterateOp::getAsmResultNames(OpAsmSetValueNameFn setName) {
  for (OpResult result : getResults())
    if (StringRef name = getStateName(result.getResultNumber()); !name.empty())
      setName(result, name);
}

LogicalResult IterateOp::verify() {
  auto kernel = (*this)->getParentOfType<KernelOp>();
  if (kernel && !kernel.findRank(getOver())) // iterate_c1
    return emitOpError() << "the kernel has no rank '" << getOver() << '\'';
  llvm::SmallBitVector seen(getNumResults());
  if (getStarts().size() != getStarted().size())
    return emitOpError() << getStarts().size() << " starts != " << getStarted().size() << " states to start";
  for (auto [start, state] : llvm::zip(getStarts(), getStarted())) {
    bool exists = state >= 0 && state < int64_t(getNumResults());
    if (!exists || seen[state] || start.getType() != getResult(state).getType()) // iterate_c3
      return emitOpError() << "start of type " << start.getType() << " for state " << state
                           << (exists && seen[state] ? ", which has one" : "");
    seen.set(state);
  }
  if (getMargins().size() != getNumResults()) // iterate_c4
    return emitOpError() << getMargins().size() << " margins != " << getNumResults() << " states";
  for (auto [margins, type] : llvm::zip(getMargins().getAsRange<DenseI64ArrayAttr>(), getResultTypes()))
    if (margins.size() != 2 * cast<RankedTensorType>(type).getRank() ||
        llvm::any_of(margins.asArrayRef(), [](int64_t m) { return m < 0; })) // iterate_c4
      return emitOpError() << "margins " << margins << " are not two a dimension of " << type << ", none negative";
  return success();
}

LogicalResult IterateOp::verifyRegions() {
  TypeRange yielded = getBody().front().getTerminator()->getOperandTypes();
  if (TypeRange(getBody().getArgumentTypes()) != getResultTypes() || yielded != getResultTypes()) // iterate_c2
    return emitOpError() << "takes (" << getBody().getArgumentTypes() << ") and yields (" << yielded << ") != ("
                         << getResultTypes() << ')';
  for (Type type : getResultTypes())
    if (llvm::none_of(rankNames(type), [&](StringAttr rank) { return rank == getOverAttr(); })) // iterate_c2
      return emitOpError() << "state of type " << type << " has not the rank '" << getOver() << '\'';
  return success();
}

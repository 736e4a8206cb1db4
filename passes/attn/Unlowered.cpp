// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/attn/Unlowered.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace attn;

/// What the language calls it; empty where it is lowered.
static std::string constructOf(Operation *op) {
  return llvm::TypeSwitch<Operation *, std::string>(op)
      .Case(
          [](SelectOp select) { return select.yieldsPosition() ? "" : ("selection '" + select.getKind() + "'").str(); })
      .Case<ContainsOp, MemberOp, attn::PlaceOp, SizeOp>([](auto) { return "a set"; })
      .Case([](OtherwiseOp) { return "a value in place of an absent one, other than 'else' a constant,"; })
      .Case<FromU8Op, ToU8Op>([](auto) { return "element type u8"; })
      .Case([](IterateOp op) {
        return ("the recurrence of '" + op.getStateName(0) + "' over rank '" + op.getOver() + "'").str();
      })
      .Case(
          [](ScatterOp op) { return ("a computed position on the left of '" + op.getName().value_or("") + "'").str(); })
      .Case([](TensorUnionOp op) { // R24: a proof or an error
        return ("the union of equations of '" + op.getName().value_or("") + "' that are not proved disjoint").str();
      })
      .Default([](auto) { return ""; });
}

LogicalResult attn::checkLowered(KernelOp kernel) {
  for (BlockArgument argument : kernel.getBody().getArguments()) {
    unsigned i = argument.getArgNumber();
    Type type = getElementTypeOrSelf(argument.getType());
    const char *kind = isa<IndexSetType>(type) ? "set" : kernel.isOptional(i) ? "optional tensor" : nullptr;
    if (type.isUnsignedInteger())
      kind = "element type u8 of";
    if (kernel.isInout(i))
      kind = "inout argument";
    if (kind)
      return emitError(argument.getLoc()) << kind << " '" << kernel.getArgName(i) << "' is not lowered yet";
  }
  // What starts a recurrence stands before it and is a part of it.
  for (auto iterate : kernel.getBody().getOps<IterateOp>())
    return emitError(iterate.getLoc()) << constructOf(iterate) << " is not lowered yet";
  WalkResult result = kernel.walk([](Operation *op) {
    std::string construct = constructOf(op);
    if (construct.empty())
      return WalkResult::advance();
    emitError(op->getLoc()) << construct << " is not lowered yet";
    return WalkResult::interrupt();
  });
  return failure(result.wasInterrupted());
}

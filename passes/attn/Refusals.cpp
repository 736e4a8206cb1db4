// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/attn/Refusals.h"

using namespace mlir;
using namespace attn;

static LogicalResult refuseUnion(TensorUnionOp op) {
  std::string name = op.getName().value_or("").str();
  if (op.getParts().size() > 1) // R24: proof or an error
    return op.emitError() << "equations of '" << name
                          << "' whose points are not proved disjoint are not lowered yet: make their conditions "
                             "exclude each other";
  return op.emitError() << "'else' with a value that is no constant is not lowered yet";
}

static LogicalResult refuseIterate(IterateOp op) {
  return op.emitError() << "the recurrence of '" << op.getStateName(0) << "' over rank '" << op.getOver()
                        << "' is not lowered yet";
}

static LogicalResult refuse(Operation &op) {
  if (auto scatter = dyn_cast<ScatterOp>(op))
    return scatter.emitError() << "a computed position on the left of '" << scatter.getName().value_or("")
                               << "' is not lowered yet";
  if (auto iterate = dyn_cast<IterateOp>(op))
    return refuseIterate(iterate);
  if (auto tensorUnion = dyn_cast<TensorUnionOp>(op))
    return refuseUnion(tensorUnion);
  return success();
}

LogicalResult attn::refuseUnlowered(KernelOp kernel) {
  // What starts a recurrence or an update is a part of it, so the last op names the construct.
  for (Operation &op : llvm::reverse(kernel.getBody().front()))
    if (isa<IterateOp>(op))
      return refuse(op);
  for (BlockArgument argument : kernel.getBody().getArguments())
    if (kernel.isInout(argument.getArgNumber()))
      return emitError(argument.getLoc())
             << "the inout argument '" << kernel.getArgName(argument.getArgNumber()) << "' is not lowered yet";
  for (Operation &op : kernel.getBody().front())
    if (failed(refuse(op)))
      return failure();
  return success();
}

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// From a scalar op to its instruction, by a table.
#include "compiler/reference/ScalarOps.h"
#include "compiler/reference/Tensor.h"
#include "dialects/attn/Attn.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace attn::reference;

/// Everything that is missing of an operand is missing of the result.
static void passAll(const Instruction &in, Frame &frame) {
  Lanes &first = frame.registers[in.result];
  first.clearMissing();
  for (unsigned operand : in.operands) {
    const Lanes &from = frame.registers[operand];
    if (!from.anyMissing)
      continue;
    first.startMissing();
    for (unsigned l = 0; l < frame.lanes; ++l)
      first.missing[l] |= from.missing[l];
  }
  for (unsigned i = 1; i < in.numResults; ++i) {
    Lanes &other = frame.registers[in.result + i];
    other.clearMissing();
    if (!first.anyMissing)
      continue;
    other.startMissing();
    std::copy_n(first.missing, frame.lanes, other.missing);
  }
}

static const ScalarOp *findOp(Operation *op) {
  auto find = [&](ArrayRef<ScalarOp> rows) -> const ScalarOp * {
    const ScalarOp *row =
        llvm::find_if(rows, [&](const ScalarOp &r) { return r.name == op->getName().getStringRef(); });
    return row == rows.end() ? nullptr : row;
  };
  bool isCondition = isa<arith::SelectOp>(op) || (op->getNumResults() != 0 && op->getResult(0).getType().isInteger(1));
  const ScalarOp *row = isCondition ? find(conditionOps()) : nullptr;
  row = row ? row : find(setOps());
  row = row ? row : find(floatOps());
  return row ? row : find(integerOps());
}

llvm::Expected<Instruction> attn::reference::translate(Operation *op) {
  const ScalarOp *row = findOp(op);
  auto isScalar = [](Type type) { return type.isIntOrIndexOrFloat() || isa<attn::IndexSetType>(type); };
  if (!row || !llvm::all_of(op->getOperandTypes(), isScalar))
    return errorAt(op->getLoc(),
                   "the reference evaluator does not know the scalar op '" + op->getName().getStringRef() + "'");
  Instruction in;
  in.op = op;
  in.run = row->run;
  in.pass = row->pass ? row->pass : passAll;
  in.numResults = op->getNumResults();
  in.roundings = row->roundings;
  in.real1 = row->real1;
  in.real2 = row->real2;
  in.integer1 = row->integer1;
  in.integer2 = row->integer2;
  Type type = op->getResult(0).getType();
  if (auto floatType = dyn_cast<FloatType>(type))
    in.format = FloatFormat::of(floatType);
  in.width = widthOf(type);
  in.operandWidth = widthOf(op->getOperand(0).getType());
  if (auto set = dyn_cast<attn::IndexSetType>(op->getOperand(0).getType()))
    in.arity = set.getArity();
  if (auto member = dyn_cast<attn::MemberOp>(op))
    in.component = member.getComponent();
  if (auto compare = dyn_cast<arith::CmpIOp>(op))
    in.predicate = static_cast<int64_t>(compare.getPredicate());
  else if (auto compare = dyn_cast<arith::CmpFOp>(op))
    in.predicate = static_cast<int64_t>(compare.getPredicate());
  return in;
}

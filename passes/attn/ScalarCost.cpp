// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/attn/ScalarCost.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace attn;

static bool isFunction(Operation &op) {
  bool isInstruction = isa<math::AbsFOp, math::AbsIOp, math::FloorOp, math::CeilOp, math::RoundOp, math::RoundEvenOp,
                           math::TruncOp, math::SqrtOp, math::RsqrtOp, math::FmaOp, math::CopySignOp>(op);
  return isa<RandOp>(op) || (isa_and_nonnull<math::MathDialect>(op.getDialect()) && !isInstruction);
}

unsigned attn::countFunctions(EinsumOp op) { return llvm::count_if(op.getMapBody(), isFunction); }

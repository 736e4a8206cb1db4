// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The ways to lower a contraction.
#pragma once
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "passes/tile/cpu/Emit.h"

namespace attn::tile::cpu {

/// sum + x * y; of vectors of floats in one rounding.
mlir::Value multiplyAdd(Emit &b, mlir::Value x, mlir::Value y, mlir::Value sum);

/// The contracted dimension that both factors lie contiguous along, if there is no vectorDim.
std::optional<unsigned> innerDim(DotOp op);
void lowerInnerDot(DotOp op, unsigned inner, Emit &b);

} // namespace attn::tile::cpu

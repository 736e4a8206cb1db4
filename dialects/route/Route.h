// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The route dialect: which blocks. See README.md in this folder.
#pragma once
#include "dialects/NamedAffine.h"
#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/AffineMap.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "mlir/Interfaces/LoopLikeInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "dialects/route/Dialect.h.inc"
#define GET_TYPEDEF_CLASSES
#include "dialects/route/Types.h.inc"

#define GET_OP_CLASSES
#include "dialects/route/Ops.h.inc"

namespace attn::route {
/// The affine sets that `set` is the disjoint union of, in the order of visits; fails if one is made by anything else.
mlir::FailureOr<llvm::SmallVector<AffineOp>> affineMembers(mlir::Value set);

} // namespace attn::route

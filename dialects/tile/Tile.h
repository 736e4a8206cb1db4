// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The tile dialect: how. See README.md in this folder.
#pragma once
#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/AffineMap.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "dialects/tile/Dialect.h.inc"
#define GET_ATTRDEF_CLASSES
#include "dialects/tile/Attributes.h.inc"
#define GET_TYPEDEF_CLASSES
#include "dialects/tile/Types.h.inc"
#define GET_OP_CLASSES
#include "dialects/tile/Ops.h.inc"

namespace attn::tile {

/// Whether an access of a fragment of this type, which has a layout, by `map` goes to places side by side in the order
/// of that layout: the memory is contiguous, its last dimensions are the layout's, and the others do not depend on the
/// element.
bool keepsLayout(mlir::AffineMap map, mlir::MemRefType memory, FragType type);

} // namespace attn::tile

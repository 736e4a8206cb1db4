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

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The attn dialect: what is computed. See README.md in this folder.
#pragma once
#include "dialects/attn/Reducers.h"
#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/AffineMap.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/IR/TensorEncoding.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/ADT/SmallBitVector.h"

#include "dialects/attn/Dialect.h.inc"
#define GET_ATTRDEF_CLASSES
#include "dialects/attn/Attributes.h.inc"
#define GET_TYPEDEF_CLASSES
#include "dialects/attn/Types.h.inc"

namespace attn {

/// Everything that defines an Einsum but for its regions; what a builder fills in.
struct EinsumSpec {
  mlir::RankedTensorType result;                 ///< with #attn.ranks, see tensorType
  llvm::SmallVector<mlir::StringAttr> iterators; ///< those of the result, then the reduced ones
  ReducerAttr reducer;                           ///< null without reduced iterators
  llvm::SmallVector<mlir::Value> inputs;
  llvm::SmallVector<mlir::AffineMap> maps; ///< one an input: (iterators, gathers)[symbols] -> indices
  llvm::SmallVector<mlir::Value> symbols;  ///< index values
  llvm::SmallVector<int64_t> gathers;      ///< numbers of the inputs whose elements are indices
  llvm::SmallVector<int64_t> points;       ///< iterators whose values the regions take
  mlir::Value acc;
  mlir::TypedAttr otherwise;
  mlir::StringAttr name;
};

/// tensor<.., #attn.ranks<names>>; static where `kernelRanks` binds the extent.
mlir::RankedTensorType tensorType(llvm::ArrayRef<mlir::StringAttr> names, mlir::Type element,
                                  mlir::ArrayAttr kernelRanks);
/// The names in the type's #attn.ranks.
llvm::ArrayRef<mlir::StringAttr> rankNames(mlir::Type tensor);
/// The names of the ranks that a dimension holds: "h*e" -> h, e.
llvm::SmallVector<llvm::StringRef> factorsOf(llvm::StringRef dimension);

} // namespace attn

#define GET_OP_CLASSES
#include "dialects/attn/Ops.h.inc"

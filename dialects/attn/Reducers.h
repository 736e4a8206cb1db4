// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Reducers are data: what IR needs to know of each is one row. Their algebraic properties (what distributes over them,
// and so on) are rows of the cascade algebra, passes/attn/algebra/.
#pragma once
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinAttributes.h"

namespace attn {

struct Reducer {
  llvm::StringRef name;
  bool takesFloats, takesIntegers, takesBools;
  /// Combining a value with itself changes nothing.
  bool isIdempotent;
  /// The value over no points (R12), and what leaves any value unchanged when combined with it.
  mlir::TypedAttr (*identity)(mlir::Type element);
  /// One step of the reduction; null for a reducer that is no monoid on its element type (mean).
  mlir::Value (*combine)(mlir::OpBuilder &builder, mlir::Location loc, mlir::Value a, mlir::Value b);

  bool takes(mlir::Type element) const;
};

llvm::ArrayRef<Reducer> reducers();
/// Null if there is no such reducer.
const Reducer *findReducer(llvm::StringRef name);

} // namespace attn

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Affine expressions written with the names of ranks: `h * G floordiv H` instead of `(d1 * s0) floordiv s1`.
#pragma once
#include "mlir/IR/AffineExpr.h"
#include "mlir/IR/OpImplementation.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"

namespace attn {

/// Names in scope of an affine expression: dims[i] is d<i>, symbols[i] is s<i>.
struct AffineNames {
  llvm::SmallVector<llvm::StringRef> dims, symbols;
};

/// Prints `expr` so that parseNamedAffineList reads back an equal one (sums are reordered: positive terms first).
void printNamedAffine(llvm::raw_ostream &os, mlir::AffineExpr expr, const AffineNames &names);

/// Parses `[expr, expr, ...]` over the names in scope.
mlir::ParseResult parseNamedAffineList(mlir::OpAsmParser &parser, const AffineNames &names,
                                       llvm::SmallVectorImpl<mlir::AffineExpr> &exprs);
/// Prints `[expr, expr, ...]`.
void printNamedAffineList(mlir::OpAsmPrinter &p, llvm::ArrayRef<mlir::AffineExpr> exprs, const AffineNames &names);

} // namespace attn

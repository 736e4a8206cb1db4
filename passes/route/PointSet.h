// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Sets of points of named ranks, away from IR: what route.affine says, and what can be proved about it.
#pragma once
#include "dialects/route/Route.h"
#include "llvm/ADT/SmallBitVector.h"

namespace attn::route {

/// The points with non-negative coordinates where every expression is >= 0. See route.affine for `within` and `exact`.
struct PointSet {
  unsigned numDims = 0, numSymbols = 0;
  llvm::SmallVector<mlir::AffineExpr> constraints, within;
  bool exact = true;

  static PointSet of(AffineOp op);
  /// The same set with numbers for symbols, one a symbol.
  PointSet bind(llvm::ArrayRef<int64_t> symbols) const;
  /// Whether the point is in the set; only for sets without symbols.
  bool contains(llvm::ArrayRef<int64_t> point) const;
};

/// The value of an expression at a point; floor semantics, a divisor below 1 counts as 1.
int64_t evaluate(mlir::AffineExpr expr, llvm::ArrayRef<int64_t> dims, llvm::ArrayRef<int64_t> symbols);

/// Makes a route.affine; symbols that no expression uses are left out.
AffineOp buildAffine(mlir::OpBuilder &b, mlir::Location loc, const PointSet &set, llvm::ArrayRef<llvm::StringRef> dims,
                     llvm::ArrayRef<llvm::StringRef> symbolNames, mlir::ValueRange symbols);

/// Facts about symbols that proofs may use: `natural[i]` says that symbol i is never negative (an extent).
using NaturalSymbols = llvm::SmallBitVector;

/// True only if the set has no point, whatever the symbols; false also where nothing can be proved (semi-affine
/// constraints are left out of the proof, which makes the set larger).
bool isProvablyEmpty(const PointSet &set, const NaturalSymbols &natural);
/// True only if every point of the set has `expr` >= 0.
bool provablyImplies(const PointSet &set, mlir::AffineExpr expr, const NaturalSymbols &natural);
/// `a` without `b`, as disjoint sets, provably empty ones left out. Both have the same dimensions and symbols.
///   a - {b1, b2, ..} = a and not b1;  a and b1 and not b2;  ..
llvm::SmallVector<PointSet> subtract(const PointSet &a, const PointSet &b, const NaturalSymbols &natural);

} // namespace attn::route

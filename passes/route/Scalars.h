// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Reading scalar IR as affine arithmetic: index values become pieces of affine expressions, i1 values become
// disjunctions of affine constraints. What cannot be read makes a formula larger and inexact, never smaller.
#pragma once
#include "dialects/attn/Attn.h"
#include "passes/route/PointSet.h"

namespace attn::route {

/// A conjunction of `expr >= 0`. Inexact: something else has to hold, too.
struct Clause {
  llvm::SmallVector<mlir::AffineExpr> constraints;
  bool exact = true;
};
/// A disjunction; without clauses it is false, with one that has no constraints true (if exact).
using Formula = llvm::SmallVector<Clause>;

Formula truth(bool exact);
/// Larger than the true one and inexact where more than eight clauses would arise.
Formula conjunction(const Formula &a, const Formula &b);
Formula disjunction(const Formula &a, const Formula &b);

/// The scalars that become symbols of a set: extents, integer arguments, integers computed outside the stream.
class Symbols {
public:
  struct Row {
    mlir::Value value;    ///< an integer or index, or a table of integers; null for an extent
    llvm::StringRef rank; ///< of an extent
    std::string name;
    llvm::SmallVector<llvm::StringRef, 2> at; ///< of a table: the ranks at whose point of the launch it is read
  };

  explicit Symbols(KernelOp kernel) : kernel(kernel) {}
  /// A symbol, or a number if the rank is bound.
  mlir::AffineExpr extent(llvm::StringRef rank);
  mlir::AffineExpr scalar(mlir::Value value);
  /// The element of a table at the launch's points of these ranks.
  mlir::AffineExpr element(mlir::Value table, llvm::ArrayRef<llvm::StringRef> at);
  llvm::ArrayRef<Row> rows() const { return table; }
  NaturalSymbols natural() const;
  /// Makes the values of type index, one a row.
  llvm::SmallVector<mlir::Value> materialize(mlir::OpBuilder &b, mlir::Location loc) const;

private:
  KernelOp kernel;
  llvm::SmallVector<Row> table;

  mlir::AffineExpr add(Row row);
  std::string nameOf(mlir::Value value);
};

/// Reads scalars of regions inside `scope` (a stream, an attn.require); what is defined outside becomes a symbol.
class ScalarReader {
public:
  ScalarReader(Symbols &symbols, mlir::Operation *scope) : symbols(symbols), scope(scope) {}

  /// What block arguments stand for; arguments that are not mentioned cannot be read.
  void bind(mlir::Value argument, mlir::AffineExpr expr) { bound[argument] = expr; }
  /// `expr` >= 0 may be assumed of symbols, by proofs that divisors are positive.
  void assume(llvm::ArrayRef<mlir::AffineExpr> constraints) { llvm::append_range(assumptions, constraints); }

  Formula readCondition(mlir::Value condition, bool negated = false);
  /// An index value without maximum or minimum in it.
  std::optional<mlir::AffineExpr> readAffine(mlir::Value value);
  /// Whether each divisor in `expr` is proved positive.
  bool divisorsArePositive(mlir::AffineExpr expr);

private:
  /// The maximum, or the minimum, of affine expressions.
  struct Pieces {
    llvm::SmallVector<mlir::AffineExpr> of;
    bool isMax = true;
  };

  Symbols &symbols;
  mlir::Operation *scope;
  llvm::DenseMap<mlir::Value, mlir::AffineExpr> bound;
  llvm::SmallVector<mlir::AffineExpr> assumptions;

  std::optional<Pieces> read(mlir::Value value);
  std::optional<Pieces> readOp(mlir::Operation *op);
  std::optional<Pieces> readQuotient(mlir::Operation *op, bool remainder);
  std::optional<Pieces> extremum(mlir::Operation *op, bool isMax);
  static std::optional<Pieces> sum(const Pieces &a, const Pieces &b);
  static Pieces scale(Pieces pieces, mlir::AffineExpr factor);
  Formula readComparison(mlir::Operation *op, bool negated);
  Formula atLeastZero(const Pieces &pieces);
  bool isPositive(mlir::AffineExpr divisor);
};

} // namespace attn::route

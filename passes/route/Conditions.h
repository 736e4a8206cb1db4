// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The conditions under which a point of an Einsum is present (dialects/attn/README.md, "Absent points"), as affine
// formulas.
#pragma once
#include "passes/route/Scalars.h"
#include "llvm/ADT/StringSet.h"

namespace attn::route {

/// One condition over the iterators of an Einsum (as dimensions), or over the ranks of a tensor.
struct Condition {
  Formula formula;
  llvm::SmallBitVector mentions; ///< what it depends on, also where it cannot be read
};

/// Reads the conditions of Einsums in (or outside) a stream.
/// The tables of integers that `where` reads at one point of iterators each, as they are: for input `i`, the names of
/// those iterators. Empty for any other operand.
llvm::SmallVector<llvm::StringRef> tableIterators(EinsumOp op, unsigned input);

class ConditionReader {
public:
  /// `scope`: what is defined outside it may become a symbol.
  ConditionReader(Symbols &symbols, mlir::Operation *scope);

  /// Over all iterators: those of the operands that `map` reads in any case, then the conjuncts of `where`.
  llvm::SmallVector<Condition> conditionsOf(EinsumOp op);
  /// Over the ranks of a tensor: those that no reduction consumed. Empty for what has a value everywhere.
  llvm::SmallVector<Condition> presenceOf(mlir::Value tensor);

private:
  Symbols &symbols;
  mlir::Operation *scope;
  llvm::SmallVector<mlir::AffineExpr> assumptions; ///< from attn.require

  llvm::StringSet<> ownRanks; ///< at whose points of the launch tables may be read

  ScalarReader readerFor(EinsumOp op);
  void bindTables(EinsumOp op, ScalarReader &reader);
  Condition renamed(const Condition &condition, EinsumOp op, unsigned input, bool isRead, ScalarReader &reader);
};

} // namespace attn::route

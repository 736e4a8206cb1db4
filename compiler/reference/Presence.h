// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Which conditions an Einsum's points have, and on which iterators each depends (R8, R11, R12).
#pragma once
#include "compiler/reference/Reader.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/SmallBitVector.h"

namespace attn::reference {

/// One condition of an Einsum's points: a conjunct of `where`, or a condition of an operand that a region reads.
struct PointCondition {
  mlir::Value root;            ///< the conjunct, or what is computed from the operand: a conjunct or the mapped value
  std::optional<unsigned> bit; ///< in Lanes::missing, of an operand's condition or of an op whose result may be absent
                               ///< by itself; none for the conjunct itself
  llvm::SmallBitVector
      iterators; ///< on which it depends; where one is reduced it filters, else it removes result points
};

/// The operands that computing `root` may read. With each the iterators on which it depends whether it is read: those
/// of the conditions of `select` and of left sides of `and` and `or`. Sources of gathered indices are included.
llvm::MapVector<unsigned, llvm::SmallBitVector> readsOf(EinsumOp op, mlir::Value root);

/// Ops of the regions whose results may be absent though their operands are not: `attn.member`, `attn.place`.
llvm::SmallVector<mlir::Operation *> partialOps(EinsumOp op);

/// All conditions: for each conjunct from left to right, then for the map, those of the operands and of partial ops,
/// which have the bits of `absentBits`, then the conjunct's own.
llvm::SmallVector<PointCondition> conditionsOf(EinsumOp op, llvm::ArrayRef<std::unique_ptr<OperandReader>> readers,
                                               const llvm::DenseMap<mlir::Operation *, unsigned> &absentBits);

} // namespace attn::reference

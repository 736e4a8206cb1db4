// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// When fragments are live, and which of them may share a place in scratch.
#pragma once
#include "dialects/tile/Tile.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/EquivalenceClasses.h"

namespace attn::tile {

/// Positions in program order, both inclusive. An op at position i defines its results at 2i and reads its operands
/// until 2i + 1, so an operand that dies there is live together with the results.
struct LiveRange {
  int64_t begin, end;
};

/// Values that share one place.
struct ScratchClass {
  llvm::SmallVector<mlir::Value> values;
  llvm::SmallVector<LiveRange> ranges;
  int64_t bytes = 0, offset = 0;

  bool isLiveWith(const ScratchClass &other) const;
};

/// The classes of the fragments of one function, at first one each.
class ScratchClasses {
public:
  explicit ScratchClasses(mlir::func::FuncOp function);

  /// Merges, where they are never live together, carried values with their initial and yielded values, and values
  /// yielded from a branch with its results. A loop's result is always its carried value.
  void mergeControlFlow();
  /// Merges results with operands that die in an op that can work in place.
  void mergeInPlace();

  bool areMerged(mlir::Value a, mlir::Value b) const { return classes.isEquivalent(key(a), key(b)); }
  llvm::SmallVector<ScratchClass> list() const;

private:
  mlir::func::FuncOp function;
  llvm::DenseMap<mlir::Value, llvm::SmallVector<LiveRange>> ranges;
  llvm::SmallVector<mlir::Value> order; ///< all fragments, in program order
  llvm::EquivalenceClasses<const void *> classes;

  static const void *key(mlir::Value value) { return value.getAsOpaquePointer(); }
  void number(mlir::Operation *op, int64_t &position);
  void define(mlir::Value value, int64_t begin);
  llvm::SmallVector<LiveRange> rangesOf(mlir::Value value, int64_t begin) const;
  bool tryMerge(mlir::Value a, mlir::Value b);
  bool conflict(mlir::Value a, mlir::Value b) const;
  bool diesInPlace(mlir::Value operand, mlir::Value result) const;
  llvm::DenseMap<mlir::Operation *, LiveRange> spans; ///< positions of an op and of what is nested in it
  llvm::DenseMap<mlir::Region *, int64_t> entries;    ///< where regions begin
};

} // namespace attn::tile

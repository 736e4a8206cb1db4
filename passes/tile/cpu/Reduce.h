// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Combining vectors lane by lane, and their lanes in the end.
#pragma once
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "passes/tile/cpu/Emit.h"

namespace attn::tile::cpu {

/// Vectors of `width` lanes that are combined as `reduce` says.
class LaneCombiner {
public:
  LaneCombiner(ReduceOp reduce, Emit &b, int64_t width) : reduce(reduce), b(b), width(width) {}

  int64_t getWidth() const { return width; }
  mlir::Value identity() { return identity(width); }
  mlir::Value identity(int64_t width) { return b.constant(mlir::cast<mlir::TypedAttr>(reduce.getIdentity()), width); }
  mlir::Value combine(mlir::Value x, mlir::Value y);

  /// maximumf and minimumf take five instructions, a comparison and a choice one, which loses a NaN. Where this holds,
  /// `combineFast` is the latter, and who uses it looks for NaNs with `unordered`.
  bool dropsNan();
  mlir::Value combineFast(mlir::Value x, mlir::Value y);
  mlir::Type wordType();
  /// A vector of words, all ones where x or y is a NaN.
  mlir::Value unordered(mlir::Value x, mlir::Value y);

  /// Fills a shorter vector up with the identity.
  mlir::Value widened(mlir::Value elements);
  /// One element: a tree, halves are combined until one is left.
  mlir::Value acrossLanes(mlir::Value elements);

private:
  ReduceOp reduce;
  Emit &b;
  int64_t width;
};

/// Whether a reduction goes in vectors along its last dimension, one result at a time.
bool combinesAlongLast(ReduceOp op);

} // namespace attn::tile::cpu

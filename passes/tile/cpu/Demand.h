// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Which part of a contraction matters where a mask says that points are absent.
//
// A result that a mask replaces outside of its set need not be computed there. A factor that is zero outside of a
// mask's set (what the mask puts there is mapped to zero: exp2(-inf - y) for any y but -inf) contributes nothing there.
#pragma once
#include "passes/tile/cpu/Emit.h"

namespace attn::tile::cpu {

/// The mask that alone sees `dot`'s result, perhaps through elementwise ops, if what it depends on is known before
/// `dot`.
MaskOp maskOfResult(DotOp dot);

/// A mask outside of whose set `factor` is zero, made in the block of its reader.
MaskOp maskOfZeros(mlir::Value factor, mlir::Operation *reader);

/// A mask beyond whose set, in the last dimension, `reduce` need not go: what is there are identities. None unless all
/// that it reads and makes on the way is read by others no further.
MaskOp boundOf(ReduceOp reduce, Emit &b);

/// Whether all readers of the masked elements stop at endOfRow.
bool isReadToEnd(MaskOp mask, Emit &b);

/// Where the readers of the row through `coordinates` stop: the same for all rows that a tile of a contraction may have
/// in common, and a multiple of what loops over elements take at once.
mlir::Value endOfRow(Emit &b, MaskOp mask, llvm::ArrayRef<mlir::OpFoldResult> coordinates);

/// Points `first` to `first + count - 1` in each dimension of a mask's set.
struct Box {
  Coordinates first;
  llvm::SmallVector<int64_t> count;
};

/// An i1: the box may meet the set of `mask`. Null if that is known.
mlir::Value mayMeet(Emit &b, MaskOp mask, const Box &box);

/// The least end, at most the box's and a multiple of `step` away from its beginning or the box's end, so that the box
/// meets the set only before it along `dim`.
mlir::Value endAlong(Emit &b, MaskOp mask, const Box &box, unsigned dim, int64_t step);

} // namespace attn::tile::cpu

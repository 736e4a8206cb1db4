// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Sweeps: runs of ops over one iteration space that share the loops of one of them, their root.
//
//   map, reduce       the elements of the map, or of a mask, are combined as they are made
//   map, dot acc      the map is the start of each tile of accumulators
//   load, dot         a factor whose elements are used once each is read from memory, where it can be
//   dot, reduce       each tile is combined, lane by lane, as it leaves the registers; lanes last
//
// A map stands right before its root, so joining it moves nothing past another op; what it writes may lie where it
// reads (in place, element by element), but what the root writes must not lie where the map still reads.
#pragma once
#include "passes/tile/cpu/Emit.h"

namespace attn::tile::cpu {

/// Fills `b.joined`. All buffers are known.
void findSweeps(llvm::ArrayRef<mlir::Operation *> ops, Emit &b);

/// The map or mask whose elements `reduce` combines as it makes them; null if none.
mlir::Operation *joinedElements(ReduceOp reduce, const Emit &b);
/// The map that makes the accumulators of `dot`.
MapOp joinedStart(DotOp dot, const Emit &b);
/// The load of a factor.
LoadOp joinedLoad(DotOp dot, const Emit &b);
/// The reduction of the result of `dot` along its lanes.
ReduceOp joinedReduction(DotOp dot, const Emit &b);

} // namespace attn::tile::cpu

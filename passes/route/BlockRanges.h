// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Which blocks of a set are empty, partial or full: decided for numbers, and as code.
#pragma once
#include "mlir/IR/PatternMatch.h"
#include "passes/route/Ranges.h"

namespace attn::route {

/// Numbers for Intervals<>. Coordinates and symbols are small enough that no product overflows.
struct IntegerMath {
  using Number = int64_t;
  Number constant(int64_t x) { return x; }
  Number add(Number a, Number b) { return a + b; }
  Number sub(Number a, Number b) { return a - b; }
  Number mul(Number a, Number b) { return a * b; }
  Number min(Number a, Number b) { return std::min(a, b); }
  Number max(Number a, Number b) { return std::max(a, b); }
  Number positive(Number d) { return std::max<Number>(d, 1); }
  Number floorDiv(Number a, Number d);
  Number ifNatural(Number x, Number a, Number b) { return x >= 0 ? a : b; }
};

enum class BlockState { Empty, Partial, Full };

/// A block of a set without symbols. Empty: no point of the block is in the set. Full: all points of the block that are
/// within `within` are in it, and the set is exact. Never wrong; Partial also where intervals cannot tell (see
/// Intervals.h).
BlockState classify(const PointSet &set, llvm::ArrayRef<Interval<int64_t>> box);

/// What the loops over a route do, summed over all blocks of the leading dimensions.
struct BlockCounts {
  int64_t total = 0;   ///< blocks in the whole box of extents
  int64_t visited = 0; ///< full + partial; a block that two members of a union visit counts twice
  int64_t full = 0;
  int64_t partial = 0;
  int64_t points = 0; ///< points of the set; an upper bound of what is allowed if it is inexact
};

/// Counts for the disjoint union of `members`, sets without symbols over dimensions of these extents and block sizes;
/// the first `numLeading` dimensions are those of the launch. Fails if nothing bounds a dimension looped over. Time:
/// rows of the leading dimensions, and visited blocks.
mlir::FailureOr<BlockCounts> countBlocks(llvm::ArrayRef<PointSet> members, llvm::ArrayRef<int64_t> extents,
                                         llvm::ArrayRef<int64_t> block, unsigned numLeading);

/// The same for the set that a route op makes; `valueOf` gives the number that a symbol operand is. Fails also if the
/// set is made by anything but route.affine and route.union.
mlir::FailureOr<BlockCounts> countBlocks(mlir::Value set, llvm::ArrayRef<int64_t> extents,
                                         llvm::ArrayRef<int64_t> block, unsigned numLeading,
                                         llvm::function_ref<int64_t(mlir::Value)> valueOf);

/// How a loop over blocks becomes scf loops.
enum class RouteExpansion {
  Peel, ///< partial, full, partial blocks in three loops, `full` a constant in each
  Flag, ///< one loop, `full` computed
};

/// Half-open range of the blocks of a set's last dimension that any point of the leading ones visits, as code before
/// the insertion point. Leading dimensions are natural and confined by `within`. None if there is no closed form.
std::optional<std::pair<mlir::Value, mlir::Value>> visitedBlocks(mlir::OpBuilder &b, mlir::Location loc, AffineOp set,
                                                                 int64_t block);

/// Replaces a route.for by successive ones, a member of its union each, which hand on the carried values; returns them.
/// The body is copied for all but the last. Nothing happens to a loop over an affine set.
llvm::SmallVector<ForOp> splitUnion(mlir::RewriterBase &rewriter, ForOp loop);

/// Replaces a route.for by scf loops in the same order and returns the values that replaced its results. Peel holds
/// where it is possible: one dimension looped over, an exact set, constraints in closed form; elsewhere, and with Flag,
/// the body is not copied (a union is split first). Constraints without closed form are tested block by block: the body
/// is skipped where they exclude the block. A set that is left without users is erased. Fails, with an error at the
/// loop, if nothing bounds a dimension looped over from above.
mlir::FailureOr<llvm::SmallVector<mlir::Value>> expandRouteFor(mlir::RewriterBase &rewriter, ForOp loop,
                                                               RouteExpansion strategy);

} // namespace attn::route

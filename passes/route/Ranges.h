// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Visit and full ranges of blocks in one dimension, in closed form, over any kind of number (see Intervals.h).
//   visit  [floor(min L / B), ceil((max U + 1) / B))       full  [ceil(max L / B), floor((min U + 1) / B))
// with L <= x <= U what the constraints say about the dimension and min, max over the box of the outer ones.
#pragma once
#include "passes/route/Intervals.h"
#include "passes/route/PointSet.h"

namespace attn::route {

/// Half-open ranges of block numbers; visitBegin <= fullBegin <= fullEnd <= visitEnd.
template <typename Number> struct VisitRange {
  Number visitBegin, visitEnd, fullBegin, fullEnd;
  /// Constraints at this dimension that have no closed form: to be tested block by block.
  llvm::SmallVector<mlir::AffineExpr> residual;
};

/// The dimension at whose loop `expr` is decided: the last one it mentions, but no earlier than the first looped over.
inline unsigned levelOf(mlir::AffineExpr expr, unsigned numDims, unsigned numLeading) {
  for (unsigned d = numDims; d > numLeading + 1; --d)
    if (expr.isFunctionOfDim(d - 1))
      return d - 1;
  return numLeading;
}

/// The box of leading dimension `dim` from its first point, cut to what `within` says.
template <typename Math>
Interval<typename Math::Number> leadingBox(Math &math, Intervals<Math> &intervals, const PointSet &set, unsigned dim,
                                           typename Math::Number first, int64_t block) {
  Limits<typename Math::Number> limits;
  for (mlir::AffineExpr expr : set.within)
    if (expr.isFunctionOfDim(dim))
      intervals.solve(expr, dim, limits);
  Interval<typename Math::Number> box{first, math.add(first, math.constant(block - 1))};
  if (limits.lower)
    box.lo = math.max(box.lo, limits.lower->lo);
  if (limits.upper)
    box.hi = math.min(box.hi, limits.upper->hi);
  return box;
}

/// The blocks of `dim` to visit, given the boxes of all earlier dimensions. Fails if nothing bounds `dim` from above.
template <typename Math>
mlir::FailureOr<VisitRange<typename Math::Number>> visitRange(Math &math, Intervals<Math> &intervals,
                                                              const PointSet &set, unsigned dim, unsigned numLeading,
                                                              int64_t block) {
  using Number = typename Math::Number;
  VisitRange<Number> range;
  Number zero = math.constant(0), size = math.constant(block);
  Limits<Number> limits;
  limits.lower = Interval<Number>{zero, zero};
  llvm::SmallVector<Interval<Number>> gates; // what mentions only outer dimensions
  for (mlir::AffineExpr expr : set.constraints) {
    if (levelOf(expr, set.numDims, numLeading) != dim || intervals.solve(expr, dim, limits))
      continue;
    if (expr.isFunctionOfDim(dim))
      range.residual.push_back(expr);
    else
      gates.push_back(intervals.bound(expr));
  }
  if (!limits.upper)
    return mlir::failure();
  auto roundUp = [&](Number x) { return math.floorDiv(math.add(x, math.constant(block - 1)), size); };
  Number past = math.constant(1);
  range.visitBegin = math.floorDiv(limits.lower->lo, size);
  range.visitEnd = math.max(range.visitBegin, roundUp(math.add(limits.upper->hi, past)));
  for (auto &gate : gates)
    range.visitEnd = math.ifNatural(gate.hi, range.visitEnd, range.visitBegin);
  range.fullBegin = range.fullEnd = range.visitBegin;
  if (!set.exact)
    return range;
  Number begin = roundUp(limits.lower->hi);
  if (begin != range.visitBegin) // where it is the same number, no block before the full ones is partial
    range.fullBegin = math.min(math.max(begin, range.visitBegin), range.visitEnd);
  Number end = math.floorDiv(math.add(limits.upper->lo, past), size);
  range.fullEnd = math.max(math.min(end, range.visitEnd), range.fullBegin);
  for (auto &gate : gates)
    range.fullEnd = math.ifNatural(gate.lo, range.fullEnd, range.fullBegin);
  return range;
}

} // namespace attn::route

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The side of BlockRanges.h that works on numbers: what `explain` prints and tests compare with brute force.
#include "passes/route/BlockRanges.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace attn::route;

int64_t IntegerMath::floorDiv(int64_t a, int64_t d) { return llvm::divideFloorSigned(a, positive(d)); }

//===-- linear forms -------------------------------------------------------------------------------------------------

/// Adds factor * expr to `form`.
static void addScaled(AffineExpr expr, AffineExpr factor, LinearForm &form) {
  if (expr.isSymbolicOrConstant()) {
    form.rest = form.rest + expr * factor;
    return;
  }
  auto binary = dyn_cast<AffineBinaryOpExpr>(expr);
  if (binary && expr.getKind() == AffineExprKind::Add) {
    addScaled(binary.getLHS(), factor, form);
    return addScaled(binary.getRHS(), factor, form);
  }
  if (binary && expr.getKind() == AffineExprKind::Mul) {
    bool left = binary.getLHS().isSymbolicOrConstant();
    AffineExpr scale = left ? binary.getLHS() : binary.getRHS();
    assert(scale.isSymbolicOrConstant() && "no product of two dimensions");
    return addScaled(left ? binary.getRHS() : binary.getLHS(), factor * scale, form);
  }
  if (binary && expr.getKind() == AffineExprKind::CeilDiv) // ceil(x / d) = -floor(-x / d)
    return addScaled((-binary.getLHS()).floorDiv(binary.getRHS()), -factor, form);
  auto *same = llvm::find_if(form.terms, [&](auto &term) { return term.first == expr; });
  if (same == form.terms.end())
    form.terms.emplace_back(expr, factor);
  else
    same->second = same->second + factor;
}

LinearForm attn::route::linearForm(AffineExpr expr) {
  MLIRContext *context = expr.getContext();
  LinearForm form;
  form.rest = getAffineConstantExpr(0, context);
  addScaled(expr, getAffineConstantExpr(1, context), form);
  unsigned numSymbols = 0;
  expr.walk([&](AffineExpr each) {
    if (auto symbol = dyn_cast<AffineSymbolExpr>(each))
      numSymbols = std::max(numSymbols, symbol.getPosition() + 1);
  });
  form.rest = simplifyAffineExpr(form.rest, 0, numSymbols);
  for (auto &term : form.terms)
    term.second = simplifyAffineExpr(term.second, 0, numSymbols);
  llvm::erase_if(form.terms, [](auto &term) { return term.second == 0; });
  return form;
}

AffineExpr attn::route::normalized(AffineExpr expr) {
  LinearForm form = linearForm(expr);
  SmallVector<AffineExpr> dims, others;
  for (auto [atom, coefficient] : form.terms) {
    auto dim = dyn_cast<AffineDimExpr>(atom);
    if (dim && dims.size() <= dim.getPosition())
      dims.resize(dim.getPosition() + 1);
    (dim ? dims[dim.getPosition()] : others.emplace_back()) = atom * coefficient;
  }
  AffineExpr sum = getAffineConstantExpr(0, expr.getContext());
  for (ArrayRef<AffineExpr> list : {ArrayRef(dims), ArrayRef(others)})
    for (AffineExpr term : list)
      sum = term ? sum + term : sum;
  return sum + form.rest;
}

//===-- blocks -------------------------------------------------------------------------------------------------------

BlockState attn::route::classify(const PointSet &set, ArrayRef<Interval<int64_t>> box) {
  IntegerMath math;
  Intervals<IntegerMath> intervals(math, set.numDims, {});
  for (auto [d, range] : llvm::enumerate(box)) {
    Interval<int64_t> cut = leadingBox(math, intervals, set, d, range.lo, range.hi - range.lo + 1);
    if (cut.lo > cut.hi)
      return BlockState::Empty;
    intervals.setBox(d, cut);
  }
  bool full = set.exact;
  for (AffineExpr expr : set.constraints) {
    Interval<int64_t> range = intervals.bound(expr);
    if (range.hi < 0)
      return BlockState::Empty;
    full &= range.lo >= 0;
  }
  return full ? BlockState::Full : BlockState::Partial;
}

namespace {

/// Walks the blocks of one set as the loops do.
struct Counter {
  const PointSet &set;
  ArrayRef<int64_t> extents, block;
  unsigned numLeading;
  BlockCounts counts;
  IntegerMath math;
  Intervals<IntegerMath> intervals{math, set.numDims, {}};

  LogicalResult leadingBlocks(unsigned dim) {
    if (dim == numLeading)
      return streamedBlocks(dim, /*full=*/true);
    for (int64_t first = 0; first < extents[dim]; first += block[dim]) {
      intervals.setBox(dim, leadingBox(math, intervals, set, dim, first, std::min(block[dim], extents[dim] - first)));
      if (intervals.getBox(dim).lo <= intervals.getBox(dim).hi && failed(leadingBlocks(dim + 1)))
        return failure();
    }
    return success();
  }

  LogicalResult streamedBlocks(unsigned dim, bool full) {
    if (dim == set.numDims) {
      ++(full ? counts.full : counts.partial);
      ++counts.visited;
      return success();
    }
    FailureOr<VisitRange<int64_t>> range = visitRange(math, intervals, set, dim, numLeading, block[dim]);
    if (failed(range))
      return failure();
    for (int64_t i = range->visitBegin; i < range->visitEnd; ++i) {
      intervals.setBox(dim, {i * block[dim], (i + 1) * block[dim] - 1});
      bool empty = false, here = full && i >= range->fullBegin && i < range->fullEnd;
      for (AffineExpr expr : range->residual) {
        Interval<int64_t> bounds = intervals.bound(expr);
        empty |= bounds.hi < 0;
        here &= bounds.lo >= 0;
      }
      if (!empty && failed(streamedBlocks(dim + 1, here)))
        return failure();
    }
    return success();
  }

  /// Points with the coordinates fixed so far: the last dimension in closed form where there is one.
  LogicalResult points(SmallVectorImpl<int64_t> &point) {
    unsigned dim = point.size();
    if (dim < numLeading) {
      for (point.push_back(0); point[dim] < extents[dim]; ++point[dim]) {
        intervals.setBox(dim, leadingBox(math, intervals, set, dim, point[dim], 1));
        if (intervals.getBox(dim).lo == point[dim] && intervals.getBox(dim).hi == point[dim] && failed(points(point)))
          return failure();
      }
      point.pop_back();
      return success();
    }
    FailureOr<VisitRange<int64_t>> range = visitRange(math, intervals, set, dim, numLeading, /*block=*/1);
    if (failed(range))
      return failure();
    bool last = dim + 1 == set.numDims;
    if (last && range->residual.empty()) {
      counts.points += range->visitEnd - range->visitBegin;
      return success();
    }
    point.push_back(0);
    for (int64_t x = range->visitBegin; x < range->visitEnd; ++x) {
      point[dim] = x;
      intervals.setBox(dim, {x, x});
      auto holds = [&](AffineExpr expr) { return intervals.bound(expr).lo >= 0; };
      if (!llvm::all_of(range->residual, holds))
        continue;
      if (last)
        ++counts.points;
      else if (failed(points(point)))
        return failure();
    }
    point.pop_back();
    return success();
  }
};

} // namespace

FailureOr<BlockCounts> attn::route::countBlocks(ArrayRef<PointSet> members, ArrayRef<int64_t> extents,
                                                ArrayRef<int64_t> block, unsigned numLeading) {
  BlockCounts sum;
  sum.total = 1;
  for (auto [extent, size] : llvm::zip(extents, block))
    sum.total *= llvm::divideCeil(extent, size);
  for (const PointSet &member : members) {
    Counter counter{member, extents, block, numLeading, {}, {}};
    SmallVector<int64_t> point;
    if (failed(counter.leadingBlocks(0)) || failed(counter.points(point)))
      return failure();
    sum.visited += counter.counts.visited;
    sum.full += counter.counts.full;
    sum.partial += counter.counts.partial;
    sum.points += counter.counts.points;
  }
  return sum;
}

FailureOr<BlockCounts> attn::route::countBlocks(Value set, ArrayRef<int64_t> extents, ArrayRef<int64_t> block,
                                                unsigned numLeading, function_ref<int64_t(Value)> valueOf) {
  FailureOr<SmallVector<AffineOp>> ops = affineMembers(set);
  if (failed(ops))
    return failure();
  SmallVector<PointSet> members;
  for (AffineOp op : *ops)
    members.push_back(PointSet::of(op).bind(llvm::map_to_vector(op.getSymbols(), valueOf)));
  return countBlocks(members, extents, block, numLeading);
}

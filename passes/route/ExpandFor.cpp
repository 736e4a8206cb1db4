// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The side of BlockRanges.h that writes code: route.for to scf.for. The bounds are the same formulas (Ranges.h), over
// index values that fold while they are constants. The arithmetic is arith, not affine maps: block coordinates are
// carried by scf loops, which the affine dialect accepts neither as dimensions nor as symbols.
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/IRMapping.h"
#include "passes/route/BlockRanges.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace attn::route;

namespace {

/// Index values for Intervals<>; constants are attributes until they meet a value.
struct IndexMath {
  using Number = OpFoldResult;
  OpBuilder &b;
  Location loc;

  Value materialize(Number x) { return getValueOrCreateConstantIndexOp(b, loc, x); }
  Number constant(int64_t x) { return b.getIndexAttr(x); }
  Number add(Number x, Number y) {
    if (isConstantIntValue(x, 0))
      return y;
    return isConstantIntValue(y, 0) ? x : fold<arith::AddIOp>(x, y, [](int64_t a, int64_t c) { return a + c; });
  }
  Number sub(Number x, Number y) {
    return isConstantIntValue(y, 0) ? x : fold<arith::SubIOp>(x, y, [](int64_t a, int64_t c) { return a - c; });
  }
  Number mul(Number x, Number y) {
    if (isConstantIntValue(x, 1))
      return y;
    return isConstantIntValue(y, 1) ? x : fold<arith::MulIOp>(x, y, [](int64_t a, int64_t c) { return a * c; });
  }
  Number min(Number x, Number y) {
    return x == y ? x : fold<arith::MinSIOp>(x, y, [](int64_t a, int64_t c) { return std::min(a, c); });
  }
  Number max(Number x, Number y) {
    return x == y ? x : fold<arith::MaxSIOp>(x, y, [](int64_t a, int64_t c) { return std::max(a, c); });
  }
  /// A symbol is > 0 whenever a point is asked about, but this code may run when none is: it must not trap.
  Number positive(Number d) { return max(d, constant(1)); }
  Number floorDiv(Number x, Number d) {
    d = positive(d);
    return isConstantIntValue(d, 1) ? x : fold<arith::FloorDivSIOp>(x, d, llvm::divideFloorSigned<int64_t, int64_t>);
  }
  Number ifNatural(Number x, Number y, Number z) {
    if (std::optional<int64_t> number = getConstantIntValue(x))
      return *number >= 0 ? y : z;
    if (y == z)
      return y;
    return arith::SelectOp::create(b, loc, isNatural(x), materialize(y), materialize(z)).getResult();
  }
  /// An i1.
  Value isNatural(Number x) { return compare(arith::CmpIPredicate::sge, x, constant(0)); }
  Value compare(arith::CmpIPredicate predicate, Number x, Number y) {
    return arith::CmpIOp::create(b, loc, predicate, materialize(x), materialize(y));
  }
  Value conjunction(Value x, Value y) { return arith::AndIOp::create(b, loc, x, y); }
  Value truth(bool value) { return arith::ConstantIntOp::create(b, loc, value, 1); }

private:
  template <typename Op, typename Fold> Number fold(Number x, Number y, Fold fold) {
    std::optional<int64_t> left = getConstantIntValue(x), right = getConstantIntValue(y);
    if (left && right)
      return constant(fold(*left, *right));
    return Op::create(b, loc, materialize(x), materialize(y)).getResult();
  }
};

/// Expands one loop over an affine set.
struct Expander {
  RewriterBase &rewriter;
  ForOp loop;
  RouteExpansion strategy;
  PointSet set;
  IndexMath math{rewriter, loop.getLoc()};
  Intervals<IndexMath> intervals;
  SmallVector<Value> firsts;     // of the block, in the dimensions whose loops are open
  SmallVector<Value> conditions; // that make the block full

  Expander(RewriterBase &rewriter, ForOp loop, RouteExpansion strategy, AffineOp affine)
      : rewriter(rewriter), loop(loop), strategy(strategy), set(PointSet::of(affine)),
        intervals(math, set.numDims, llvm::to_vector_of<OpFoldResult>(affine.getSymbols())) {
    for (auto [symbol, value] : llvm::enumerate(affine.getSymbols()))
      if (std::optional<int64_t> constant = getConstantIntValue(value))
        substitute(symbol, *constant);
    for (auto [d, at] : llvm::enumerate(loop.getAt()))
      intervals.setBox(d, leadingBox(math, intervals, set, d, getAsOpFoldResult(at), loop.getBlock()[d]));
  }

  void substitute(unsigned symbol, int64_t constant) {
    AffineExpr from = rewriter.getAffineSymbolExpr(symbol), to = rewriter.getAffineConstantExpr(constant);
    for (SmallVectorImpl<AffineExpr> *list : {&set.constraints, &set.within})
      for (AffineExpr &expr : *list)
        expr = expr.replace(from, to);
  }

  /// The body once, with these arguments; `last`: the original instead of a copy.
  SmallVector<Value> body(Value full, ValueRange carried, bool last) {
    SmallVector<Value> arguments(firsts);
    arguments.push_back(full);
    llvm::append_range(arguments, carried);
    Block &block = loop.getBody().front();
    if (last) {
      Operation *yield = block.getTerminator();
      rewriter.inlineBlockBefore(&block, rewriter.getInsertionBlock(), rewriter.getInsertionPoint(), arguments);
      SmallVector<Value> yielded(yield->getOperands());
      rewriter.eraseOp(yield);
      return yielded;
    }
    IRMapping values;
    values.map(block.getArguments(), arguments);
    for (Operation &op : block.without_terminator())
      rewriter.clone(op, values);
    return llvm::map_to_vector(block.getTerminator()->getOperands(),
                               [&](Value v) { return values.lookupOrDefault(v); });
  }

  using Inside = function_ref<SmallVector<Value>(ValueRange carried)>;

  /// A loop over the blocks of `dim` numbered begin to end.
  SmallVector<Value> blocks(unsigned dim, OpFoldResult begin, OpFoldResult end, ValueRange carried, Inside inside) {
    OpFoldResult size = math.constant(loop.getBlock()[dim]);
    Value lower = math.materialize(math.mul(begin, size)), upper = math.materialize(math.mul(end, size));
    auto fill = [&](OpBuilder &, Location loc, Value first, ValueRange arguments) {
      firsts.push_back(first);
      OpFoldResult lastPoint = math.add(first, math.constant(loop.getBlock()[dim] - 1));
      intervals.setBox(dim, {OpFoldResult(first), lastPoint});
      SmallVector<Value> yielded = inside(arguments);
      firsts.pop_back();
      scf::YieldOp::create(rewriter, loc, yielded);
    };
    OpBuilder::InsertionGuard guard(rewriter);
    return scf::ForOp::create(rewriter, loop.getLoc(), lower, upper, math.materialize(size), carried, fill)
        .getResults();
  }

  /// `inside` where no residual constraint excludes the block, which may add conditions for full blocks.
  SmallVector<Value> tested(ArrayRef<AffineExpr> residual, ValueRange carried, Inside inside) {
    Value possible;
    for (AffineExpr expr : residual) {
      Interval<OpFoldResult> range = intervals.bound(expr);
      Value here = math.isNatural(range.hi);
      possible = possible ? math.conjunction(possible, here) : here;
      if (set.exact)
        conditions.push_back(math.isNatural(range.lo));
    }
    if (!possible)
      return inside(carried);
    SmallVector<Value> before(carried);
    auto then = [&](OpBuilder &, Location loc) { scf::YieldOp::create(rewriter, loc, inside(before)); };
    auto otherwise = [&](OpBuilder &, Location loc) { scf::YieldOp::create(rewriter, loc, before); };
    OpBuilder::InsertionGuard guard(rewriter);
    if (carried.empty())
      return scf::IfOp::create(rewriter, loop.getLoc(), possible, then).getResults();
    return scf::IfOp::create(rewriter, loop.getLoc(), possible, then, otherwise).getResults();
  }

  Value conjunctionOf(ArrayRef<Value> values) {
    Value all;
    for (Value each : values)
      all = all ? math.conjunction(all, each) : each;
    return all ? all : math.truth(true);
  }

  SmallVector<Value> level(unsigned dim, ValueRange carried) {
    if (dim == set.numDims)
      return body(set.exact ? conjunctionOf(conditions) : math.truth(false), carried, /*last=*/true);
    auto range = visitRange(math, intervals, set, dim, loop.getNumLeading(), loop.getBlock()[dim]);
    assert(succeeded(range) && "verifyBounded comes first");
    if (strategy == RouteExpansion::Peel && loop.getNumStreamed() == 1 && set.exact && range->residual.empty())
      return peel(dim, *range, carried);
    return blocks(dim, range->visitBegin, range->visitEnd, carried, [&](ValueRange arguments) {
      size_t outer = conditions.size();
      if (set.exact)
        addFullRange(dim, *range);
      SmallVector<Value> yielded = tested(range->residual, arguments, [&](ValueRange v) { return level(dim + 1, v); });
      conditions.truncate(outer);
      return yielded;
    });
  }

  void addFullRange(unsigned dim, const VisitRange<OpFoldResult> &range) {
    OpFoldResult size = math.constant(loop.getBlock()[dim]), first = firsts.back();
    conditions.push_back(math.compare(arith::CmpIPredicate::sge, first, math.mul(range.fullBegin, size)));
    conditions.push_back(math.compare(arith::CmpIPredicate::slt, first, math.mul(range.fullEnd, size)));
  }

  SmallVector<Value> peel(unsigned dim, const VisitRange<OpFoldResult> &range, ValueRange init) {
    struct Part {
      OpFoldResult begin, end;
      bool full;
    };
    SmallVector<Part> parts{{range.visitBegin, range.fullBegin, false},
                            {range.fullBegin, range.fullEnd, true},
                            {range.fullEnd, range.visitEnd, false}};
    llvm::erase_if(parts, [](const Part &part) { return part.begin == part.end; });
    if (parts.empty()) // nothing is visited; one loop, so that the body has a place
      parts.push_back({range.visitBegin, range.visitEnd, false});
    SmallVector<Value> carried(init);
    for (auto [i, part] : llvm::enumerate(parts)) {
      bool full = part.full, last = i + 1 == parts.size();
      carried = blocks(dim, part.begin, part.end, carried,
                       [&](ValueRange arguments) { return body(math.truth(full), arguments, last); });
    }
    return carried;
  }
};

} // namespace

std::optional<std::pair<Value, Value>> attn::route::visitedBlocks(OpBuilder &b, Location loc, AffineOp affine,
                                                                  int64_t block) {
  /// More than any extent, and little enough that no product of two numbers overflows.
  static constexpr int64_t everywhere = int64_t(1) << 31;
  PointSet set = PointSet::of(affine);
  IndexMath math{b, loc};
  Intervals<IndexMath> intervals(math, set.numDims, llvm::to_vector_of<OpFoldResult>(affine.getSymbols()));
  unsigned last = set.numDims - 1;
  for (unsigned d = 0; d < last; ++d)
    intervals.setBox(d, leadingBox(math, intervals, set, d, math.constant(0), everywhere));
  auto range = visitRange(math, intervals, set, last, last, block);
  if (failed(range))
    return std::nullopt;
  return std::pair(math.materialize(range->visitBegin), math.materialize(range->visitEnd));
}

SmallVector<ForOp> attn::route::splitUnion(RewriterBase &rewriter, ForOp loop) {
  SmallVector<AffineOp> members = *affineMembers(loop.getSet());
  if (loop.getSet().getDefiningOp<AffineOp>())
    return {loop};
  OpBuilder::InsertionGuard guard(rewriter);
  SmallVector<ForOp> loops;
  SmallVector<Value> carried(loop.getInitArgs());
  for (AffineOp member : ArrayRef(members).drop_back()) {
    rewriter.setInsertionPoint(loop);
    auto copy = cast<ForOp>(rewriter.clone(*loop));
    copy.getSetMutable().assign(member);
    copy.getInitArgsMutable().assign(carried);
    carried.assign(copy->result_begin(), copy->result_end());
    loops.push_back(copy);
  }
  rewriter.modifyOpInPlace(loop, [&] {
    loop.getSetMutable().assign(members.back());
    loop.getInitArgsMutable().assign(carried);
  });
  loops.push_back(loop);
  return loops;
}

/// Before anything is written: every dimension looped over needs a constraint that bounds it.
static LogicalResult verifyBounded(ForOp loop, AffineOp affine) {
  PointSet set = PointSet::of(affine);
  IntegerMath math;
  Intervals<IntegerMath> intervals(math, set.numDims, SmallVector<int64_t>(set.numSymbols, 1));
  for (unsigned d = 0; d < set.numDims; ++d) {
    if (d >= loop.getNumLeading() && failed(visitRange(math, intervals, set, d, loop.getNumLeading(), 1)))
      return loop.emitOpError() << "nothing bounds '" << affine.getDimNames()[d] << "' from above in closed form";
    intervals.setBox(d, {0, 0});
  }
  return success();
}

/// A set that no loop asks about any more goes, with its members.
static void eraseUnused(RewriterBase &rewriter, Value set) {
  Operation *op = set.getDefiningOp();
  if (!op->use_empty())
    return;
  SmallVector<Value> members;
  if (auto all = dyn_cast<UnionOp>(op))
    llvm::append_range(members, llvm::SetVector<Value>(all.getMembers().begin(), all.getMembers().end()));
  rewriter.eraseOp(op);
  for (Value member : members)
    eraseUnused(rewriter, member);
}

FailureOr<SmallVector<Value>> attn::route::expandRouteFor(RewriterBase &rewriter, ForOp loop, RouteExpansion strategy) {
  SmallVector<AffineOp> members = *affineMembers(loop.getSet());
  for (AffineOp member : members)
    if (failed(verifyBounded(loop, member)))
      return failure();
  Value set = loop.getSet();
  SmallVector<Value> results;
  for (ForOp each : splitUnion(rewriter, loop)) {
    OpBuilder::InsertionGuard guard(rewriter);
    rewriter.setInsertionPoint(each);
    auto member = each.getSet().getDefiningOp<AffineOp>();
    results = Expander(rewriter, each, strategy, member).level(each.getNumLeading(), each.getInitArgs());
    rewriter.replaceOp(each, results);
  }
  eraseUnused(rewriter, set);
  return results;
}

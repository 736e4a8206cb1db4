// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// tile.dot where both factors lie contiguous along the contracted dimension, and neither can be read in vectors along a
// dimension of the result: one query against the keys as they lie in memory. Lanes go along the contracted dimension.
// As many results as a vector has lanes are made at once, each in a vector of partial sums (so many chains hide the
// latency of a multiply-add); a tree of shuffles and additions turns those into one vector of results.
#include "passes/tile/cpu/Dot.h"

using namespace mlir;
using namespace attn::tile;
using namespace attn::tile::cpu;

std::optional<unsigned> cpu::innerDim(DotOp op) {
  DotRoles roles = rolesOf(op);
  if (vectorDim(op) || roles.contracted.size() != 1 || op.getType().getRank() == 0)
    return std::nullopt;
  unsigned dim = roles.contracted.front();
  for (unsigned i : {0, 1}) {
    auto type = cast<FragType>(op->getOperand(i).getType());
    std::optional<Run> run = runOf(type);
    if (!run || run->length != type.getShape()[run->dim] || op.getOperandMap(i).getDimPosition(run->dim) != dim)
      return std::nullopt;
  }
  return dim;
}

namespace {
class InnerProduct {
public:
  InnerProduct(DotOp op, unsigned inner, Emit &b)
      : op(op), b(b), inner(inner), space(op.getSpace()), element(op.getType().getElementType()),
        lanes(lanesOf(b.row, element)) {
    coordinates.assign(space.size(), b.getIndexAttr(0));
    for (AffineExpr expr : op.getOperandMap(2).getResults())
      outer.push_back(cast<AffineDimExpr>(expr).getPosition());
    last = outer.pop_back_val();
  }

  void emit() {
    nest(outer, [&] {
      int64_t extent = space[last], whole = extent / lanes * lanes;
      b.loop(b.getIndexAttr(0), b.getIndexAttr(whole), lanes, [&](OpFoldResult i) { results(i, lanes); });
      if (whole < extent)
        results(b.getIndexAttr(whole), extent - whole);
    });
  }

private:
  DotOp op;
  Emit &b;
  unsigned inner, last; ///< the contracted dimension, and that of the result along which results are made at once
  SmallVector<unsigned> outer;
  SmallVector<int64_t> space;
  Type element;
  int64_t lanes;
  Coordinates coordinates;

  void nest(ArrayRef<unsigned> dims, function_ref<void()> body) { b.nest(coordinates, dims, space, body); }

  Value read(unsigned operand, OpFoldResult first, int64_t result, OpFoldResult at, int64_t width) {
    Coordinates point(coordinates);
    point[last] = b.add(first, b.getIndexAttr(result));
    point[inner] = at;
    Coordinates own;
    for (AffineExpr expr : op.getOperandMap(operand).getResults())
      own.push_back(point[cast<AffineDimExpr>(expr).getPosition()]);
    Value frag = op->getOperand(operand);
    return b.read(b.buffers.lookup(frag), b.placeOf(frag, own), element, width);
  }

  /// Partial sums of `count` results from `first` on.
  SmallVector<Value> step(OpFoldResult first, ArrayRef<Value> sums, OpFoldResult at, int64_t width) {
    SmallVector<Value> shared(2);
    for (unsigned i : {0, 1})
      if (!op.getOperandMap(i).isFunctionOfDim(last))
        shared[i] = read(i, first, 0, at, width);
    SmallVector<Value> next;
    for (auto [r, sum] : llvm::enumerate(sums)) {
      Value x = shared[0] ? shared[0] : read(0, first, r, at, width);
      Value y = shared[1] ? shared[1] : read(1, first, r, at, width);
      next.push_back(multiplyAdd(b, x, y, sum));
    }
    return next;
  }

  void results(OpFoldResult first, int64_t count) {
    int64_t extent = space[inner], whole = extent / lanes * lanes;
    SmallVector<Value> sums(count, b.constant(b.getZeroAttr(element), lanes));
    sums = b.carry(b.getIndexAttr(whole), lanes, sums,
                   [&](OpFoldResult i, ArrayRef<Value> carried) { return step(first, carried, i, lanes); });
    SmallVector<Value> rest;
    if (int64_t width = extent - whole) {
      rest.assign(count, b.constant(b.getZeroAttr(element), width));
      rest = step(first, rest, b.getIndexAttr(whole), width);
    }
    for (auto [i, tail] : llvm::enumerate(rest))
      sums[i] = add(sums[i], widened(tail));
    store(first, total(sums), count);
  }

  Value add(Value x, Value y) {
    return isa<FloatType>(element) ? arith::AddFOp::create(b, x, y).getResult()
                                   : arith::AddIOp::create(b, x, y).getResult();
  }
  Value widened(Value elements) {
    return vector::InsertStridedSliceOp::create(b, elements, b.constant(b.getZeroAttr(element), lanes),
                                                ArrayRef<int64_t>{0}, ArrayRef<int64_t>{1});
  }

  /// Lane r of the result is the sum of the lanes of vector r: in round s, lanes whose numbers differ in bit s are
  /// added, and two vectors become one.
  Value total(SmallVector<Value> vectors) {
    vectors.resize(lanes, vectors.front());
    for (int64_t bit = 1; bit < lanes; bit *= 2) {
      SmallVector<int64_t> low, high;
      for (int64_t c = 0; c < lanes; ++c) {
        low.push_back(c & bit ? lanes + c - bit : c);
        high.push_back(c & bit ? lanes + c : c + bit);
      }
      SmallVector<Value> next;
      for (size_t i = 0; i < vectors.size(); i += 2)
        next.push_back(add(vector::ShuffleOp::create(b, vectors[i], vectors[i + 1], low),
                           vector::ShuffleOp::create(b, vectors[i], vectors[i + 1], high)));
      vectors = next;
    }
    return vectors.front();
  }

  void store(OpFoldResult first, Value values, int64_t count) {
    Coordinates own;
    for (AffineExpr expr : op.getOperandMap(2).getResults())
      own.push_back(coordinates[cast<AffineDimExpr>(expr).getPosition()]);
    auto at = [&](int64_t i) {
      own.back() = b.add(first, b.getIndexAttr(i));
      return b.placeOf(op.getType(), own);
    };
    Value target = b.buffers.lookup(op.getResult());
    Value acc = op.getAcc() ? b.buffers.lookup(op.getAcc()) : Value();
    std::optional<Run> run = runOf(op.getType());
    unsigned lastPosition = op.getType().getRank() - 1;
    if (count == lanes && run && run->dim == lastPosition && run->length == space[last]) {
      OpFoldResult place = at(0);
      return b.write(acc ? add(b.read(acc, place, element, lanes), values) : values, target, place);
    }
    for (int64_t i = 0; i < count; ++i) {
      Value value = vector::ExtractOp::create(b, values, i);
      OpFoldResult place = at(i);
      b.write(acc ? add(b.read(acc, place, element, 0), value) : value, target, place);
    }
  }
};
} // namespace

void cpu::lowerInnerDot(DotOp op, unsigned inner, Emit &b) { InnerProduct(op, inner, b).emit(); }

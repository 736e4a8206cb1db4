// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// tile.dot. A micro-kernel keeps a tile of the result in registers (rows x vectors accumulators, from the facts of the
// target), and for each step along the contracted dimensions reads one block of vectors of one factor and one element a
// row of the other. Blocks of columns are the outer loop and rows the inner one, so that a panel stays in the first
// cache. Remainders are smaller tiles of static size.
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "passes/tile/cpu/Demand.h"

using namespace mlir;
using namespace attn::tile;
using namespace attn::tile::cpu;

namespace {
class Contraction {
public:
  Contraction(DotOp op, Emit &b) : op(op), b(b), roles(rolesOf(op)), space(op.getSpace()) {
    element = op.getType().getElementType();
    masked = maskOfResult(op);
    if (roles.contracted.size() == 1)
      zeros = maskOfZeros(factor(1 - roles.vectors), op);
    coordinates.assign(space.size(), b.getIndexAttr(0));
  }

  void emit() {
    if (!roles.lanes || !isContiguousAlongLanes())
      return emitScalar();
    SmallVector<unsigned> outer(roles.batch);
    outer.append(roles.columns);
    nest(outer, [&] { columnBlocks(); });
  }

private:
  DotOp op;
  Emit &b;
  DotRoles roles;
  SmallVector<int64_t> space;
  Type element;
  Coordinates coordinates;
  MaskOp masked;     ///< outside of its set the result is not looked at
  MaskOp zeros;      ///< outside of its set the factor read by element is zero
  int64_t panel = 0; ///< width of a panel of the factor read in vectors; its extent where it lies in rows

  Value factor(unsigned i) { return i == 0 ? op.getLhs() : op.getRhs(); }

  bool isContiguousAlongLanes() {
    auto type = cast<FragType>(factor(roles.vectors).getType());
    std::optional<Run> run = runOf(type), target = runOf(op.getType());
    AffineMap map = op.getOperandMap(roles.vectors);
    if (!run || !target || map.getDimPosition(run->dim) != *roles.lanes ||
        op.getOperandMap(2).getDimPosition(target->dim) != *roles.lanes)
      return false;
    panel = run->length;
    return true;
  }

  void nest(ArrayRef<unsigned> dims, function_ref<void()> body) {
    if (dims.empty())
      return body();
    b.loop(b.getIndexAttr(0), b.getIndexAttr(space[dims.front()]), 1, [&](OpFoldResult i) {
      coordinates[dims.front()] = i;
      nest(dims.drop_front(), body);
    });
  }

  /// Full tiles of `size`, then one of what is left.
  void tiles(unsigned dim, int64_t size, function_ref<void(int64_t)> body) {
    int64_t extent = space[dim], whole = extent / size * size;
    auto at = [&](OpFoldResult i, int64_t count) {
      coordinates[dim] = i;
      body(count);
    };
    b.loop(b.getIndexAttr(0), b.getIndexAttr(whole), size, [&](OpFoldResult i) { at(i, size); });
    if (whole < extent)
      at(b.getIndexAttr(whole), extent - whole);
  }

  void columnBlocks() {
    int64_t lanes = lanesOf(b.row, element), extent = space[*roles.lanes];
    std::optional<unsigned> rowDim;
    int64_t numRows = 1;
    for (unsigned dim : roles.rows)
      if (numRows *= space[dim]; space[dim] > 1)
        rowDim = dim;
    // With few rows, as many vectors as give the same number of chains.
    MicroTile micro = microTile(b.row, std::max<int64_t>(1, panel / lanes));
    if (panel == extent && numRows < micro.rows)
      micro.vectors = std::max<int64_t>(micro.vectors, micro.rows * micro.vectors / llvm::PowerOf2Ceil(numRows));
    int64_t width = std::min(panel, micro.vectors * lanes);
    SmallVector<unsigned> others;
    for (unsigned dim : roles.rows)
      if (dim != rowDim)
        others.push_back(dim);
    tiles(*roles.lanes, width, [&](int64_t columns) {
      nest(others, [&] {
        if (rowDim)
          tiles(*rowDim, micro.rows, [&](int64_t rows) { kernel(rowDim, rows, columns); });
        else
          kernel(rowDim, 1, columns);
      });
    });
  }

  Coordinates shifted(std::optional<unsigned> dim, int64_t i) {
    Coordinates current(coordinates);
    if (dim && i)
      current[*dim] = b.add(current[*dim], b.getIndexAttr(i));
    return current;
  }
  OpFoldResult placeOf(unsigned operand, ArrayRef<OpFoldResult> at) {
    auto type = cast<FragType>(operand == 2 ? op.getType() : factor(operand).getType());
    Coordinates own;
    for (AffineExpr expr : op.getOperandMap(operand).getResults())
      own.push_back(at[cast<AffineDimExpr>(expr).getPosition()]);
    return b.placeOf(type, own);
  }

  /// The tile's points, in the dimensions of operand `operand`.
  Box boxIn(unsigned operand, std::optional<unsigned> rowDim, int64_t rows, int64_t columns) {
    Box box;
    for (AffineExpr expr : op.getOperandMap(operand).getResults()) {
      unsigned dim = cast<AffineDimExpr>(expr).getPosition();
      bool isContracted = llvm::is_contained(roles.contracted, dim);
      box.first.push_back(isContracted ? OpFoldResult(b.getIndexAttr(0)) : coordinates[dim]);
      box.count.push_back(isContracted ? space[dim] : dim == rowDim ? rows : dim == *roles.lanes ? columns : 1);
    }
    return box;
  }

  void kernel(std::optional<unsigned> rowDim, int64_t rows, int64_t columns) {
    Value needed = masked ? mayMeet(b, masked, boxIn(2, rowDim, rows, columns)) : Value();
    if (!needed)
      return tile(rowDim, rows, columns);
    Coordinates here(coordinates);
    b.branch(needed, [&] { tile(rowDim, rows, columns); });
    coordinates = here;
  }

  /// One tile of the result, from `coordinates` on.
  void tile(std::optional<unsigned> rowDim, int64_t rows, int64_t columns) {
    SmallVector<Value> sums;
    SmallVector<OpFoldResult> places;
    for (int64_t r = 0; r < rows; ++r) {
      places.push_back(placeOf(2, shifted(rowDim, r)));
      sums.push_back(op.getAcc() ? b.read(b.buffers.lookup(op.getAcc()), places.back(), element, columns)
                                 : b.constant(b.getZeroAttr(element), columns));
    }
    auto step = [&](ArrayRef<Value> carried) {
      Value vector =
          b.read(b.buffers.lookup(factor(roles.vectors)), placeOf(roles.vectors, coordinates), element, columns);
      unsigned other = 1 - roles.vectors;
      SmallVector<Value> next;
      for (int64_t r = 0; r < rows; ++r) {
        Value scalar = b.read(b.buffers.lookup(factor(other)), placeOf(other, shifted(rowDim, r)), element, 0);
        next.push_back(multiplyAdd(b.splat(scalar, columns), vector, carried[r]));
      }
      return next;
    };
    sums = zeros ? contractBounded(boxIn(1 - roles.vectors, rowDim, rows, columns), sums, step)
                 : contract(roles.contracted, sums, step);
    for (auto [sum, place] : llvm::zip(sums, places))
      b.write(sum, b.buffers.lookup(op.getResult()), place);
  }

  static constexpr int64_t maxUnrolled = 8;

  using Step = function_ref<SmallVector<Value>(ArrayRef<Value>)>;
  /// Loops over the contracted dimensions, the last unrolled: LLVM does not unroll it.
  SmallVector<Value> contract(ArrayRef<unsigned> dims, ArrayRef<Value> carried, Step step) {
    if (dims.empty())
      return step(carried);
    unsigned dim = dims.front();
    int64_t unrolled = dims.size() == 1 ? maxUnrolled : 1, extent = space[dim], whole = extent / unrolled * unrolled;
    auto at = [&](OpFoldResult i, ArrayRef<Value> values) {
      coordinates[dim] = i;
      return contract(dims.drop_front(), values, step);
    };
    SmallVector<Value> values =
        b.carry(b.getIndexAttr(whole), unrolled, carried, [&](OpFoldResult i, ArrayRef<Value> sums) {
          SmallVector<Value> next(sums);
          for (int64_t u = 0; u < unrolled; ++u)
            next = at(b.add(i, b.getIndexAttr(u)), next);
          return next;
        });
    for (int64_t i = whole; i < extent; ++i)
      values = at(b.getIndexAttr(i), values);
    return values;
  }

  /// The same up to where `zeros` says that only zeros follow.
  SmallVector<Value> contractBounded(const Box &box, ArrayRef<Value> carried, Step step) {
    unsigned dim = roles.contracted.front(), other = 1 - roles.vectors;
    int64_t extent = space[dim], unrolled = extent % maxUnrolled == 0 ? maxUnrolled : 1;
    unsigned position = 0;
    while (op.getOperandMap(other).getDimPosition(position) != dim)
      ++position;
    Value end = endAlong(b, zeros, box, position, unrolled);
    return b.carry(end, unrolled, carried, [&](OpFoldResult i, ArrayRef<Value> sums) {
      SmallVector<Value> next(sums);
      for (int64_t u = 0; u < unrolled; ++u) {
        coordinates[dim] = b.add(i, b.getIndexAttr(u));
        next = step(next);
      }
      return next;
    });
  }

  Value multiplyAdd(Value x, Value y, Value sum) {
    if (isa<FloatType>(element) && isa<VectorType>(sum.getType()))
      return vector::FMAOp::create(b, x, y, sum);
    if (isa<FloatType>(element))
      return arith::AddFOp::create(b, arith::MulFOp::create(b, x, y), sum);
    return arith::AddIOp::create(b, arith::MulIOp::create(b, x, y), sum);
  }

  /// Element by element: no vector of one factor has a vector of the result to go with.
  void emitScalar() {
    SmallVector<unsigned> outer;
    for (AffineExpr expr : op.getOperandMap(2).getResults())
      outer.push_back(cast<AffineDimExpr>(expr).getPosition());
    nest(outer, [&] {
      OpFoldResult place = placeOf(2, coordinates);
      Value sum = op.getAcc() ? b.read(b.buffers.lookup(op.getAcc()), place, element, 0)
                              : b.constant(b.getZeroAttr(element), 0);
      auto step = [&](ArrayRef<Value> carried) {
        Value x = b.read(b.buffers.lookup(op.getLhs()), placeOf(0, coordinates), element, 0);
        Value y = b.read(b.buffers.lookup(op.getRhs()), placeOf(1, coordinates), element, 0);
        return SmallVector<Value>{multiplyAdd(x, y, carried.front())};
      };
      b.write(contract(roles.contracted, sum, step).front(), b.buffers.lookup(op.getResult()), place);
    });
  }
};
} // namespace

void cpu::lowerDot(DotOp op, Emit &b) { Contraction(op, b).emit(); }

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// tile.dot. A micro-kernel keeps a tile of the result in registers (rows x vectors accumulators, from the facts of the
// target), and for each step along the contracted dimensions reads one block of vectors of one factor and one element a
// row of the other. Blocks of columns are the outer loop and rows the inner one, so that a panel stays in the first
// cache. Remainders are smaller tiles of static size. A map that starts the accumulators and a reduction of the result
// along its vectors are done on the way, while the tile is in registers.
#include "passes/tile/cpu/Dot.h"
#include "passes/tile/cpu/Demand.h"
#include "passes/tile/cpu/Reduce.h"
#include "passes/tile/cpu/Sweeps.h"

using namespace mlir;
using namespace attn::tile;
using namespace attn::tile::cpu;

Value cpu::multiplyAdd(Emit &b, Value x, Value y, Value sum) {
  bool isFloat = isa<FloatType>(getElementTypeOrSelf(sum.getType()));
  if (isFloat && isa<VectorType>(sum.getType()))
    return vector::FMAOp::create(b, x, y, sum);
  if (isFloat)
    return arith::AddFOp::create(b, arith::MulFOp::create(b, x, y), sum);
  return arith::AddIOp::create(b, arith::MulIOp::create(b, x, y), sum);
}

std::optional<unsigned> cpu::vectorDim(DotOp op) {
  DotRoles roles = rolesOf(op);
  if (!roles.lanes)
    return std::nullopt;
  auto type = cast<FragType>(op->getOperand(roles.vectors).getType());
  std::optional<Run> run = runOf(type), target = runOf(op.getType());
  bool isContiguous = run && target && op.getOperandMap(roles.vectors).getDimPosition(run->dim) == *roles.lanes &&
                      op.getOperandMap(2).getDimPosition(target->dim) == *roles.lanes;
  return isContiguous ? roles.lanes : std::nullopt;
}

namespace {
/// The reduction of a contraction's result along its vectors: a vector of partial results a row, kept in memory of its
/// own while the tiles are made, whose lanes are combined in the end.
class TileReduction {
public:
  TileReduction(ReduceOp op, Emit &b)
      : op(op), b(b), type(op.getType()), combiner(op, b, lanesOf(b.row, type.getElementType())) {}

  void begin() {
    int64_t width = combiner.getWidth(), places = numPlaces(type);
    partial = b.temporary(places * width, storedType(type.getElementType()));
    b.loop(b.getIndexAttr(0), b.getIndexAttr(places), 1,
           [&](OpFoldResult i) { b.write(combiner.identity(), partial, b.scale(i, width)); });
    if (!combiner.dropsNan())
      return;
    nans = b.temporary(width, combiner.wordType());
    b.write(b.constant(IntegerAttr::get(combiner.wordType(), 0), width), nans, b.getIndexAttr(0));
  }

  /// A row of a tile whose elements belong to the result at `coordinates`. Returns where it has NaNs, if that matters.
  Value add(ArrayRef<OpFoldResult> coordinates, Value row) {
    OpFoldResult place = b.scale(b.placeOf(type, coordinates), combiner.getWidth());
    SmallVector<Value> vectors = split(row);
    Value sum = b.read(partial, place, type.getElementType(), combiner.getWidth());
    for (Value vector : vectors)
      sum = combiner.combineFast(sum, vector);
    b.write(sum, partial, place);
    Value found;
    for (size_t i = 0; combiner.dropsNan() && i < vectors.size(); i += 2) {
      Value here = combiner.unordered(vectors[i], vectors[std::min(i + 1, vectors.size() - 1)]);
      found = found ? arith::OrIOp::create(b, found, here).getResult() : here;
    }
    return found;
  }

  void addNans(Value found) {
    Value before = b.read(nans, b.getIndexAttr(0), combiner.wordType(), combiner.getWidth());
    b.write(arith::OrIOp::create(b, before, found), nans, b.getIndexAttr(0));
  }

  /// With a NaN in the whole block, which is rare, the reduction is done over.
  void end() {
    if (!combiner.dropsNan())
      return combineLanes();
    Value words = b.read(nans, b.getIndexAttr(0), combiner.wordType(), combiner.getWidth());
    Value any = vector::ReductionOp::create(b, vector::CombiningKind::OR, words);
    Value zero = b.constant(IntegerAttr::get(combiner.wordType(), 0), 0);
    Value found = arith::CmpIOp::create(b, arith::CmpIPredicate::ne, any, zero);
    b.branch(found, [&] { lowerReduce(op, b); }, [&] { combineLanes(); });
  }

private:
  ReduceOp op;
  Emit &b;
  FragType type;
  LaneCombiner combiner;
  Value partial, nans;

  /// Vectors of the combiner's width; a last one that is shorter is filled up.
  SmallVector<Value> split(Value row) {
    int64_t width = combiner.getWidth(), count = cast<VectorType>(row.getType()).getNumElements();
    SmallVector<Value> vectors;
    for (int64_t i = 0; i < count; i += width)
      vectors.push_back(combiner.widened(vector::ExtractStridedSliceOp::create(
          b, row, ArrayRef<int64_t>{i}, ArrayRef<int64_t>{std::min(width, count - i)}, ArrayRef<int64_t>{1})));
    return vectors;
  }

  void combineLanes() {
    ElementLoop loop{b, type, /*scalar=*/true};
    auto chunk = [&](ArrayRef<OpFoldResult> coordinates, int64_t) {
      OpFoldResult place = b.placeOf(type, coordinates);
      Value vector = b.read(partial, b.scale(place, combiner.getWidth()), type.getElementType(), combiner.getWidth());
      Value value = combiner.acrossLanes(vector);
      if (op.getAcc())
        value = combiner.combine(b.read(b.buffers.lookup(op.getAcc()), place, type.getElementType(), 0), value);
      b.write(value, b.buffers.lookup(op.getResult()), place);
    };
    loop.chunk = chunk;
    loop.emit();
  }
};

class Contraction {
public:
  Contraction(DotOp op, Emit &b) : op(op), b(b), roles(rolesOf(op)), space(op.getSpace()) {
    element = op.getType().getElementType();
    masked = maskOfResult(op);
    if (roles.contracted.size() == 1)
      zeros = maskOfZeros(factor(1 - roles.vectors), op);
    coordinates.assign(space.size(), b.getIndexAttr(0));
    start = joinedStart(op, b);
    if (ReduceOp reduce = joinedReduction(op, b))
      reduction.emplace(reduce, b);
  }

  void emit() {
    if (std::optional<unsigned> inner = innerDim(op))
      return lowerInnerDot(op, *inner, b);
    if (!vectorDim(op))
      return emitScalar();
    panel = runOf(cast<FragType>(factor(roles.vectors).getType()))->length;
    if (reduction)
      reduction->begin();
    SmallVector<unsigned> outer(roles.batch);
    outer.append(roles.columns);
    nest(outer, [&] { columnBlocks(); });
    if (reduction)
      reduction->end();
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
  MapOp start;       ///< makes what the accumulators begin with
  std::optional<TileReduction> reduction;

  Value factor(unsigned i) { return i == 0 ? op.getLhs() : op.getRhs(); }

  void nest(ArrayRef<unsigned> dims, function_ref<void()> body) { b.nest(coordinates, dims, space, body); }

  /// Full tiles of `size`, then one of what is left.
  void tiles(unsigned dim, int64_t size, function_ref<void(int64_t)> body) {
    int64_t extent = space[dim], whole = extent / size * size;
    auto at = [&](OpFoldResult i, int64_t count) {
      coordinates[dim] = i;
      body(count);
    };
    // Multiples of the size: then the number of a panel needs no division.
    b.loop(b.getIndexAttr(0), b.getIndexAttr(extent / size), 1, [&](OpFoldResult i) { at(b.scale(i, size), size); });
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
  /// A point of the space in the dimensions of an operand.
  Coordinates inOperand(unsigned operand, ArrayRef<OpFoldResult> at) {
    Coordinates own;
    for (AffineExpr expr : op.getOperandMap(operand).getResults())
      own.push_back(at[cast<AffineDimExpr>(expr).getPosition()]);
    return own;
  }
  OpFoldResult placeOf(unsigned operand, ArrayRef<OpFoldResult> at) {
    return b.placeOf(operand == 2 ? op.getResult() : factor(operand), inOperand(operand, at));
  }

  /// What accumulators begin with.
  Value initial(ArrayRef<OpFoldResult> at, OpFoldResult place, int64_t columns) {
    if (start)
      return emitElements(b, start, inOperand(2, at), op.getType().getRank() - 1, columns).front();
    return op.getAcc() ? b.read(b.buffers.lookup(op.getAcc()), place, element, columns)
                       : b.constant(b.getZeroAttr(element), columns);
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
    Coordinates first(coordinates);
    SmallVector<Value> sums;
    SmallVector<OpFoldResult> places;
    for (int64_t r = 0; r < rows; ++r) {
      places.push_back(placeOf(2, shifted(rowDim, r)));
      sums.push_back(initial(shifted(rowDim, r), places.back(), columns));
    }
    auto step = [&](ArrayRef<Value> carried) {
      Value vector =
          b.read(b.buffers.lookup(factor(roles.vectors)), placeOf(roles.vectors, coordinates), element, columns);
      unsigned other = 1 - roles.vectors;
      SmallVector<Value> next;
      for (int64_t r = 0; r < rows; ++r) {
        Value scalar = b.read(b.buffers.lookup(factor(other)), placeOf(other, shifted(rowDim, r)), element, 0);
        next.push_back(multiplyAdd(b, b.splat(scalar, columns), vector, carried[r]));
      }
      return next;
    };
    sums = zeros ? contractBounded(boxIn(1 - roles.vectors, rowDim, rows, columns), sums, step)
                 : contract(roles.contracted, sums, step);
    for (auto [sum, place] : llvm::zip(sums, places))
      b.write(sum, b.buffers.lookup(op.getResult()), place);
    if (reduction)
      reduce(rowDim, first, sums);
  }

  void reduce(std::optional<unsigned> rowDim, ArrayRef<OpFoldResult> first, ArrayRef<Value> rows) {
    coordinates.assign(first.begin(), first.end());
    Value nans;
    for (auto [r, row] : llvm::enumerate(rows)) {
      Value found = reduction->add(ArrayRef(inOperand(2, shifted(rowDim, r))).drop_back(), row);
      nans = nans && found ? arith::OrIOp::create(b, nans, found).getResult() : found;
    }
    if (nans)
      reduction->addNans(nans);
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
        return SmallVector<Value>{multiplyAdd(b, x, y, carried.front())};
      };
      b.write(contract(roles.contracted, sum, step).front(), b.buffers.lookup(op.getResult()), place);
    });
  }
};
} // namespace

/// A factor each of whose elements is used once is read from memory where it lies there as the contraction wants it;
/// else it is moved to scratch first.
void cpu::lowerDot(DotOp op, Emit &b) {
  LoadOp load = joinedLoad(op, b);
  std::optional<InPlace> inPlace = load ? inPlaceOf(load, b) : std::nullopt;
  if (!load)
    return Contraction(op, b).emit();
  auto fromScratch = [&] {
    lowerLoad(load, b);
    Contraction(op, b).emit();
  };
  if (!inPlace)
    return fromScratch();
  auto fromMemory = [&] {
    Value scratch = b.buffers.lookup(load);
    b.buffers[load] = inPlace->memory;
    b.strided[load] = inPlace->places;
    Contraction(op, b).emit();
    b.strided.erase(load);
    b.buffers[load] = scratch;
  };
  b.branch(inPlace->holds, fromMemory, fromScratch);
}

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// tile.reduce. Lanes go along the last combined dimension, with one combination of lanes a result; or, where the
// operands are contiguous along a dimension of the result instead, along that, with none.
#include "passes/tile/cpu/Reduce.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/Utils/VectorUtils.h"
#include "passes/tile/cpu/Demand.h"
#include "passes/tile/cpu/Sweeps.h"

using namespace mlir;
using namespace attn::tile;
using namespace attn::tile::cpu;

//===-- lanes --------------------------------------------------------------------------------------------------------

Value LaneCombiner::combine(Value x, Value y) {
  return vector::makeArithReduction(b, b.getLoc(), reduce.getKind(), x, y);
}

bool LaneCombiner::dropsNan() {
  return reduce.getKind() == vector::CombiningKind::MAXIMUMF || reduce.getKind() == vector::CombiningKind::MINIMUMF;
}

Value LaneCombiner::combineFast(Value x, Value y) {
  if (!dropsNan())
    return combine(x, y);
  bool isMaximum = reduce.getKind() == vector::CombiningKind::MAXIMUMF;
  auto predicate = isMaximum ? arith::CmpFPredicate::OGT : arith::CmpFPredicate::OLT;
  Value better = arith::CmpFOp::create(b, predicate, y, x);
  return arith::SelectOp::create(b, better, y, x);
}

Type LaneCombiner::wordType() { return b.getIntegerType(reduce.getType().getElementType().getIntOrFloatBitWidth()); }

Value LaneCombiner::unordered(Value x, Value y) {
  Value found = arith::CmpFOp::create(b, arith::CmpFPredicate::UNO, x, y);
  return arith::ExtSIOp::create(b, VectorType::get(width, wordType()), found);
}

Value LaneCombiner::widened(Value elements) {
  if (cast<VectorType>(elements.getType()).getNumElements() == width)
    return elements;
  return vector::InsertStridedSliceOp::create(b, elements, identity(), ArrayRef<int64_t>{0}, ArrayRef<int64_t>{1});
}

Value LaneCombiner::acrossLanes(Value elements) {
  for (int64_t count = width; count > 1; count /= 2) {
    auto low = llvm::to_vector(llvm::seq<int64_t>(0, count / 2)),
         high = llvm::to_vector(llvm::seq<int64_t>(count / 2, count));
    elements = combine(vector::ShuffleOp::create(b, elements, elements, low),
                       vector::ShuffleOp::create(b, elements, elements, high));
  }
  return vector::ExtractOp::create(b, elements, 0);
}

//===-- the op -------------------------------------------------------------------------------------------------------

/// How many operands lie contiguous along dimension `dim` of the space.
static unsigned countAlong(ReduceOp op, unsigned dim) {
  return llvm::count_if(llvm::enumerate(op.getInputs()), [&](auto input) {
    std::optional<Run> run = runOf(cast<FragType>(input.value().getType()));
    return run && op.getOperandMap(input.index()).getDimPosition(run->dim) == dim;
  });
}

/// The dimension that vectors go along; none if the reduction is scalar code.
static std::optional<unsigned> lanesAlong(ReduceOp op) {
  std::optional<Run> run = runOf(op.getType());
  unsigned last = op.getSpace().size() - 1;
  bool isAlongLast = countAlong(op, last) != 0;
  if (!hasVectorForm(op.getBody().front()) || (!isAlongLast && (!run || op.getSpace()[last] == 1)))
    return std::nullopt;
  return run && !isAlongLast && countAlong(op, run->dim) ? run->dim : last;
}

bool cpu::combinesAlongLast(ReduceOp op) {
  return op.getSpace().size() > 1 && lanesAlong(op) == op.getSpace().size() - 1;
}

/// A function of the math dialect is a polynomial: about so many instructions.
static constexpr int64_t functionCost = 16;

namespace {
class Reduction {
public:
  Reduction(ReduceOp op, Emit &b)
      : op(op), b(b), space(op.getSpace()), rank(op.getType().getRank()), lanes(lanesAlong(op)),
        combiner(op, b, b.row.lanes), made(joinedElements(op, b)), bound(boundOf(op, b)) {}

  void emit() {
    // One result at a time, its lanes combined in the end; else as many as the chunk has.
    bool one = !lanes || *lanes + 1 == space.size();
    FragType type = op.getType();
    auto chunk = [&](ArrayRef<OpFoldResult> result, int64_t width) {
      Coordinates coordinates(result);
      coordinates.append(space.size() - rank, b.getIndexAttr(0));
      OpFoldResult place = b.placeOf(type, result);
      auto acc = [&](int64_t width) {
        return op.getAcc() ? b.read(b.buffers.lookup(op.getAcc()), place, type.getElementType(), width)
                           : combiner.identity(width);
      };
      Value value;
      if (one && lanes)
        value = combiner.combine(acc(0), alongLanes(coordinates, *lanes));
      else
        value = nest(coordinates, rank, space.size(), {acc(width)}, [&](ArrayRef<Value> carried) {
                  return SmallVector<Value>{combiner.combine(carried[0], element(coordinates, width))};
                }).front();
      b.write(value, b.buffers.lookup(op.getResult()), place);
    };
    ElementLoop loop{b, type, one};
    loop.chunk = chunk;
    loop.emit();
  }

private:
  ReduceOp op;
  Emit &b;
  ArrayRef<int64_t> space;
  unsigned rank;
  std::optional<unsigned> lanes;
  LaneCombiner combiner;
  Operation *made; ///< map or mask whose elements are made here
  MaskOp bound;    ///< beyond whose set there are only identities

  Value element(ArrayRef<OpFoldResult> coordinates, int64_t width) {
    SmallVector<Value> arguments;
    for (unsigned i = 0; i < op.getInputs().size(); ++i)
      if (made && made->getResult(0) == op.getInputs()[i])
        arguments.push_back(madeElement(coordinates, width));
      else
        arguments.push_back(b.readProjected(op.getInputs()[i], op.getOperandMap(i), coordinates, lanes, width));
    arguments.append(emitPoints(b, op.getPoints(), op.getIndices(), coordinates, lanes, width));
    return emitRegion(b, op.getBody().front(), arguments, width).front();
  }

  Value madeElement(ArrayRef<OpFoldResult> coordinates, int64_t width) {
    Value frag = made->getResult(0);
    auto map = dyn_cast<MapOp>(made);
    Value value = map ? emitElements(b, map, coordinates, lanes, width).front()
                      : emitElements(b, cast<MaskOp>(made), coordinates, lanes, width);
    b.write(value, b.buffers.lookup(frag), b.placeOf(cast<FragType>(frag.getType()), coordinates));
    return value;
  }

  using Step = function_ref<SmallVector<Value>(ArrayRef<Value>)>;
  /// Loops over dimensions [dim, end) of the space around `step`.
  SmallVector<Value> nest(Coordinates &coordinates, unsigned dim, unsigned end, ArrayRef<Value> carried, Step step) {
    if (dim == end)
      return step(carried);
    return b.carry(b.getIndexAttr(space[dim]), 1, carried, [&](OpFoldResult i, ArrayRef<Value> values) {
      coordinates[dim] = i;
      return nest(coordinates, dim + 1, end, values, step);
    });
  }

  /// How many combinations must be under way at once: each waits for the one before, while others and what makes the
  /// elements go on.
  int64_t numChains() {
    int64_t cost = 1;
    auto count = [&](Block &body) {
      for (Operation &each : body.without_terminator())
        cost += isa<math::MathDialect>(each.getDialect()) ? functionCost : 1;
    };
    count(op.getBody().front());
    if (auto map = dyn_cast_or_null<MapOp>(made))
      count(map.getBody().front());
    return llvm::divideCeil(b.row.fmaLatency, cost);
  }

  /// Combines everything for one result, in several accumulators.
  Value alongLanes(Coordinates &coordinates, unsigned lanes) {
    int64_t width = combiner.getWidth(), extent = space[lanes], chunks = extent / width;
    int64_t chains = llvm::bit_floor(uint64_t(std::clamp<int64_t>(chunks, 1, numChains())));
    int64_t whole = chunks / chains * chains * width;
    auto at = [&](OpFoldResult position, int64_t width) {
      coordinates[lanes] = position;
      return element(coordinates, width);
    };
    auto step = [&](ArrayRef<Value> carried) {
      OpFoldResult end = bound ? OpFoldResult(endOfRow(b, bound, coordinates)) : b.getIndexAttr(whole);
      SmallVector<Value> next = b.carry(end, chains * width, carried, [&](OpFoldResult i, ArrayRef<Value> values) {
        SmallVector<Value> elements;
        for (int64_t chain = 0; chain < chains; ++chain)
          elements.push_back(at(b.add(i, b.getIndexAttr(chain * width)), width));
        return accumulate(values, elements);
      });
      for (int64_t i = whole; i < extent; i += width) {
        SmallVector<Value> rest(chains, combiner.identity());
        rest.front() = combiner.widened(at(b.getIndexAttr(i), std::min(width, extent - i)));
        next = accumulate(next, rest);
      }
      return next;
    };
    SmallVector<Value> initial(chains, combiner.identity());
    if (combiner.dropsNan())
      initial.push_back(b.constant(IntegerAttr::get(combiner.wordType(), 0), width));
    return combiner.acrossLanes(total(nest(coordinates, rank, lanes, initial, step)));
  }

  /// NaNs are collected beside, for two vectors with one comparison, and put back at the end.
  SmallVector<Value> accumulate(ArrayRef<Value> carried, ArrayRef<Value> elements) {
    SmallVector<Value> next;
    for (auto [value, element] : llvm::zip(carried, elements))
      next.push_back(combiner.combineFast(value, element));
    if (combiner.dropsNan()) {
      Value nans = carried.back();
      for (size_t i = 0; i < elements.size(); i += 2)
        nans = arith::OrIOp::create(b, nans,
                                    combiner.unordered(elements[i], elements[std::min(i + 1, elements.size() - 1)]));
      next.push_back(nans);
    }
    return next;
  }

  Value total(SmallVector<Value> accumulators) {
    Value nans = combiner.dropsNan() ? accumulators.pop_back_val() : Value();
    for (size_t count = accumulators.size(); count > 1; count /= 2)
      for (size_t i = 0; i < count / 2; ++i)
        accumulators[i] = combiner.combine(accumulators[i], accumulators[count / 2 + i]);
    if (!nans)
      return accumulators.front();
    auto type = cast<FloatType>(op.getType().getElementType());
    Value nan = b.constant(FloatAttr::get(type, APFloat::getQNaN(type.getFloatSemantics())), combiner.getWidth());
    Value zero = b.constant(IntegerAttr::get(combiner.wordType(), 0), combiner.getWidth());
    Value found = arith::CmpIOp::create(b, arith::CmpIPredicate::ne, nans, zero);
    return arith::SelectOp::create(b, found, nan, accumulators.front());
  }
};
} // namespace

void cpu::lowerReduce(ReduceOp op, Emit &b) { Reduction(op, b).emit(); }

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// tile.reduce. Lanes go along the last combined dimension, with one combination of lanes a result; or, where the operands are
// contiguous along a dimension of the result instead, along that, with none.
#include "passes/tile/cpu/Emit.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Dialect/Vector/Utils/VectorUtils.h"

using namespace mlir;
using namespace attn::tile;
using namespace attn::tile::cpu;

namespace {
class Reduction {
public:
  Reduction(ReduceOp op, Emit &b) : op(op), b(b), space(op.getSpace()), rank(op.getType().getRank()) {}

  void emit() {
    scalar = !hasVectorForm(op.getBody().front());
    std::optional<Run> run = runOf(op.getType());
    unsigned last = space.size() - 1;
    if (scalar || (!countAlong(last) && (!run || space[last] == 1)))
      return emitResults({}, true);
    if (run && !countAlong(last) && countAlong(run->dim))
      return emitResults(run->dim, false);
    emitResults(last, true);
  }

private:
  ReduceOp op;
  Emit &b;
  ArrayRef<int64_t> space;
  unsigned rank;
  bool scalar = false;

  /// How many operands lie contiguous along dimension `dim` of the space.
  unsigned countAlong(unsigned dim) {
    return llvm::count_if(llvm::enumerate(op.getInputs()), [&](auto input) {
      std::optional<Run> run = runOf(cast<FragType>(input.value().getType()));
      return run && op.getOperandMap(input.index()).getDimPosition(run->dim) == dim;
    });
  }

  Value combine(Value x, Value y) { return vector::makeArithReduction(b, b.getLoc(), op.getKind(), x, y); }
  Value identity(int64_t width) { return b.constant(cast<TypedAttr>(op.getIdentity()), width); }

  Value element(ArrayRef<OpFoldResult> coordinates, std::optional<unsigned> lanes, int64_t width) {
    SmallVector<Value> arguments;
    for (unsigned i = 0; i < op.getInputs().size(); ++i)
      arguments.push_back(b.readProjected(op.getInputs()[i], op.getOperandMap(i), coordinates, lanes, width));
    arguments.append(emitPoints(b, op.getPoints(), op.getIndices(), coordinates, lanes, width));
    return emitRegion(b, op.getBody().front(), arguments, width).front();
  }

  /// `one` result at a time, its lanes combined in the end; else as many as the chunk has.
  void emitResults(std::optional<unsigned> lanes, bool one) {
    FragType type = op.getType();
    auto chunk = [&](ArrayRef<OpFoldResult> result, int64_t width) {
      Coordinates coordinates(result);
      coordinates.append(space.size() - rank, b.getIndexAttr(0));
      OpFoldResult place = b.placeOf(type, result);
      auto acc = [&](int64_t width) {
        return op.getAcc() ? b.read(b.buffers.lookup(op.getAcc()), place, type.getElementType(), width) : identity(width);
      };
      Value value;
      if (one && lanes)
        value = combine(acc(0), alongLanes(coordinates, *lanes));
      else
        value = nest(coordinates, rank, space.size(), {acc(width)}, [&](ArrayRef<Value> carried) {
                  return SmallVector<Value>{combine(carried[0], element(coordinates, lanes, width))};
                }).front();
      b.write(value, b.buffers.lookup(op.getResult()), place);
    };
    ElementLoop loop{b, type, one};
    loop.chunk = chunk;
    loop.emit();
  }

  using Step = function_ref<SmallVector<Value>(ArrayRef<Value>)>;
  /// Loops over dimensions [dim, end) of the space around `step`.
  SmallVector<Value> nest(Coordinates &coordinates, unsigned dim, unsigned end, ArrayRef<Value> carried, Step step) {
    if (dim == end)
      return step(carried);
    return b.carry(space[dim], 1, carried, [&](OpFoldResult i, ArrayRef<Value> values) {
      coordinates[dim] = i;
      return nest(coordinates, dim + 1, end, values, step);
    });
  }

  /// Combines everything for one result. Several accumulators, since each combination waits for the one before.
  Value alongLanes(Coordinates &coordinates, unsigned lanes) {
    int64_t width = b.row.lanes, extent = space[lanes], chunks = extent / width;
    int64_t chains = std::clamp<int64_t>(chunks, 1, b.row.fmaLatency), whole = chunks / chains * chains * width;
    auto at = [&](OpFoldResult position, int64_t width) {
      coordinates[lanes] = position;
      return element(coordinates, lanes, width);
    };
    auto step = [&](ArrayRef<Value> carried) {
      SmallVector<Value> next = b.carry(whole, chains * width, carried, [&](OpFoldResult i, ArrayRef<Value> values) {
        SmallVector<Value> combined;
        for (auto [chain, value] : llvm::enumerate(values))
          combined.push_back(combine(value, at(b.add(i, b.getIndexAttr(chain * width)), width)));
        return combined;
      });
      for (int64_t i = whole; i < extent; i += width)
        next[0] = combine(next[0], widened(at(b.getIndexAttr(i), std::min(width, extent - i)), width));
      return next;
    };
    SmallVector<Value> totals = nest(coordinates, rank, lanes, SmallVector<Value>(chains, identity(width)), step);
    for (size_t count = totals.size(); count > 1; count = (count + 1) / 2)
      for (size_t i = 0; i < count / 2; ++i)
        totals[i] = combine(totals[i], totals[count - 1 - i]);
    return acrossLanes(totals.front());
  }

  /// Fills up with the identity.
  Value widened(Value elements, int64_t width) {
    if (cast<VectorType>(elements.getType()).getNumElements() == width)
      return elements;
    return vector::InsertStridedSliceOp::create(b, elements, identity(width), ArrayRef<int64_t>{0}, ArrayRef<int64_t>{1});
  }

  /// A tree: halves are combined until one element is left.
  Value acrossLanes(Value elements) {
    for (int64_t width = cast<VectorType>(elements.getType()).getNumElements(); width > 1; width /= 2) {
      auto low = llvm::to_vector(llvm::seq<int64_t>(0, width / 2)), high = llvm::to_vector(llvm::seq<int64_t>(width / 2, width));
      elements = combine(vector::ShuffleOp::create(b, elements, elements, low),
                         vector::ShuffleOp::create(b, elements, elements, high));
    }
    return vector::ExtractOp::create(b, elements, 0);
  }
};
} // namespace

void cpu::lowerReduce(ReduceOp op, Emit &b) { Reduction(op, b).emit(); }

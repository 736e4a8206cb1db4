// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// tile.reduce. Lanes go along the last combined dimension, with one combination of lanes a result; or, where the
// operands are contiguous along a dimension of the result instead, along that, with none.
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Dialect/Vector/Utils/VectorUtils.h"
#include "passes/tile/cpu/Emit.h"

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
        return op.getAcc() ? b.read(b.buffers.lookup(op.getAcc()), place, type.getElementType(), width)
                           : identity(width);
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
    return b.carry(b.getIndexAttr(space[dim]), 1, carried, [&](OpFoldResult i, ArrayRef<Value> values) {
      coordinates[dim] = i;
      return nest(coordinates, dim + 1, end, values, step);
    });
  }

  /// Combines everything for one result. Several accumulators, since each combination waits for the one before.
  Value alongLanes(Coordinates &coordinates, unsigned lanes) {
    int64_t width = b.row.lanes, extent = space[lanes], chunks = extent / width;
    int64_t chains = llvm::bit_floor(uint64_t(std::clamp<int64_t>(chunks, 1, b.row.fmaLatency)));
    int64_t whole = chunks / chains * chains * width;
    auto at = [&](OpFoldResult position, int64_t width) {
      coordinates[lanes] = position;
      return element(coordinates, lanes, width);
    };
    auto step = [&](ArrayRef<Value> carried) {
      SmallVector<Value> next =
          b.carry(b.getIndexAttr(whole), chains * width, carried, [&](OpFoldResult i, ArrayRef<Value> values) {
            SmallVector<Value> elements;
            for (int64_t chain = 0; chain < chains; ++chain)
              elements.push_back(at(b.add(i, b.getIndexAttr(chain * width)), width));
            return accumulate(values, elements);
          });
      for (int64_t i = whole; i < extent; i += width) {
        SmallVector<Value> rest(chains, identity(width));
        rest.front() = widened(at(b.getIndexAttr(i), std::min(width, extent - i)), width);
        next = accumulate(next, rest);
      }
      return next;
    };
    SmallVector<Value> initial(chains, identity(width));
    if (dropsNan())
      initial.push_back(b.constant(IntegerAttr::get(wordType(), 0), width));
    return acrossLanes(total(nest(coordinates, rank, lanes, initial, step)));
  }

  //===-- accumulators
  //----------------------------------------------------------------------------------------------===//
  // maximumf and minimumf take five instructions, a comparison and a choice one, which loses a NaN. So NaNs are
  // collected beside, for two vectors with one comparison, and put back at the end.

  bool dropsNan() {
    return op.getKind() == vector::CombiningKind::MAXIMUMF || op.getKind() == vector::CombiningKind::MINIMUMF;
  }
  Type wordType() { return b.getIntegerType(op.getType().getElementType().getIntOrFloatBitWidth()); }

  SmallVector<Value> accumulate(ArrayRef<Value> carried, ArrayRef<Value> elements) {
    SmallVector<Value> next;
    bool isMaximum = op.getKind() == vector::CombiningKind::MAXIMUMF;
    auto predicate = isMaximum ? arith::CmpFPredicate::OGT : arith::CmpFPredicate::OLT;
    for (auto [value, element] : llvm::zip(carried, elements)) {
      if (!dropsNan()) {
        next.push_back(combine(value, element));
        continue;
      }
      Value better = arith::CmpFOp::create(b, predicate, element, value);
      next.push_back(arith::SelectOp::create(b, better, element, value));
    }
    if (dropsNan()) {
      Value nans = carried.back();
      for (size_t i = 0; i < elements.size(); i += 2) {
        Value found = arith::CmpFOp::create(b, arith::CmpFPredicate::UNO, elements[i],
                                            elements[std::min(i + 1, elements.size() - 1)]);
        nans = arith::OrIOp::create(b, nans, arith::ExtSIOp::create(b, nans.getType(), found));
      }
      next.push_back(nans);
    }
    return next;
  }

  Value total(SmallVector<Value> accumulators) {
    Value nans = dropsNan() ? accumulators.pop_back_val() : Value();
    for (size_t count = accumulators.size(); count > 1; count /= 2)
      for (size_t i = 0; i < count / 2; ++i)
        accumulators[i] = combine(accumulators[i], accumulators[count / 2 + i]);
    if (!nans)
      return accumulators.front();
    auto type = cast<FloatType>(op.getType().getElementType());
    Value nan = b.constant(FloatAttr::get(type, APFloat::getQNaN(type.getFloatSemantics())), b.row.lanes);
    Value zero = b.constant(IntegerAttr::get(wordType(), 0), b.row.lanes);
    Value found = arith::CmpIOp::create(b, arith::CmpIPredicate::ne, nans, zero);
    return arith::SelectOp::create(b, found, nan, accumulators.front());
  }

  /// Fills up with the identity.
  Value widened(Value elements, int64_t width) {
    if (cast<VectorType>(elements.getType()).getNumElements() == width)
      return elements;
    return vector::InsertStridedSliceOp::create(b, elements, identity(width), ArrayRef<int64_t>{0},
                                                ArrayRef<int64_t>{1});
  }

  /// A tree: halves are combined until one element is left.
  Value acrossLanes(Value elements) {
    for (int64_t width = cast<VectorType>(elements.getType()).getNumElements(); width > 1; width /= 2) {
      auto low = llvm::to_vector(llvm::seq<int64_t>(0, width / 2)),
           high = llvm::to_vector(llvm::seq<int64_t>(width / 2, width));
      elements = combine(vector::ShuffleOp::create(b, elements, elements, low),
                         vector::ShuffleOp::create(b, elements, elements, high));
    }
    return vector::ExtractOp::create(b, elements, 0);
  }
};
} // namespace

void cpu::lowerReduce(ReduceOp op, Emit &b) { Reduction(op, b).emit(); }

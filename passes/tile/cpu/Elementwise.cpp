// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// tile.map and tile.mask.
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "passes/tile/cpu/Demand.h"

using namespace mlir;
using namespace attn::tile;
using namespace attn::tile::cpu;

//===-- map ----------------------------------------------------------------------------------------------------------

/// Elements meet place by place, so the shape does not matter. Places that only pad are computed too: nothing may trap
/// there.
static bool isPlacewise(MapOp op) {
  auto type = cast<FragType>(op.getResult(0).getType());
  auto sameLayout = [&](Value value) { return cast<FragType>(value.getType()).getLayout() == type.getLayout(); };
  for (unsigned i = 0; i < op.getInputs().size(); ++i)
    if (!op.getOperandMap(i).isIdentity())
      return false;
  bool padded = numPlaces(type) != type.getNumElements();
  return !op.getPoints() && llvm::all_of(op.getInputs(), sameLayout) && llvm::all_of(op.getResults(), sameLayout) &&
         !(padded && llvm::any_of(op.getBody().front(), [](Operation &nested) { return !isSpeculatable(&nested); }));
}

static FragType flattened(FragType type) {
  FragType flat = FragType::get({numPlaces(type)}, type.getElementType());
  return flat.withLayout(rowsLayout(type.getContext(), flat.getShape()));
}

void cpu::lowerMap(MapOp op, Emit &b) {
  bool placewise = isPlacewise(op);
  auto type = cast<FragType>(op.getResult(0).getType());
  Block &body = op.getBody().front();
  SmallVector<AffineMap> maps;
  for (unsigned i = 0; i < op.getInputs().size(); ++i)
    maps.push_back(placewise ? b.getMultiDimIdentityMap(1) : op.getOperandMap(i));
  FragType space = placewise ? flattened(type) : type;
  ElementLoop loop{b, space, !hasVectorForm(body)};
  std::optional<unsigned> lanes = loop.lanes();

  // What does not change along a run is read once for all of it.
  SmallVector<Value> uniform(maps.size());
  auto enter = [&](ArrayRef<OpFoldResult> coordinates) {
    for (auto [i, map] : llvm::enumerate(maps))
      if (lanes && !map.isFunctionOfDim(*lanes))
        uniform[i] = b.readProjected(op.getInputs()[i], map, coordinates, lanes, 0);
  };
  auto chunk = [&](ArrayRef<OpFoldResult> coordinates, int64_t width) {
    SmallVector<Value> arguments;
    for (auto [i, map] : llvm::enumerate(maps)) {
      if (uniform[i])
        arguments.push_back(uniform[i]);
      else if (placewise)
        arguments.push_back(b.read(b.buffers.lookup(op.getInputs()[i]), coordinates.front(),
                                   cast<FragType>(op.getInputs()[i].getType()).getElementType(), width));
      else
        arguments.push_back(b.readProjected(op.getInputs()[i], map, coordinates, lanes, width));
    }
    arguments.append(emitPoints(b, op.getPoints(), op.getIndices(), coordinates, lanes, width));
    for (auto [result, value] : llvm::zip(op.getResults(), emitRegion(b, body, arguments, width))) {
      OpFoldResult place = placewise ? coordinates.front() : b.placeOf(cast<FragType>(result.getType()), coordinates);
      b.write(value, b.buffers.lookup(result), place);
    }
  };
  loop.enter = enter;
  loop.chunk = chunk;
  loop.emit();
}

//===-- mask ---------------------------------------------------------------------------------------------------------

namespace {
/// The part of a set that a run sees. A constraint that is linear along the run confines it to one side of a point,
/// found once a run in scalar code; any other is evaluated at each element.
class SetOnRun {
public:
  SetOnRun(Emit &b, MaskOp op, std::optional<unsigned> lanes) : b(b), op(op), set(op.getSet()), lanes(lanes) {
    parameters.append(op.getIndices().begin(), op.getIndices().end());
  }

  /// Finds the ends for the run through `coordinates`: elements in [lower, upper) satisfy the linear constraints.
  void enter(ArrayRef<OpFoldResult> coordinates) {
    if (!lanes)
      return;
    int64_t extent = op.getType().getShape()[*lanes];
    Coordinates start(coordinates);
    start[*lanes] = b.getIndexAttr(0);
    lower = b.index(0);
    upper = b.index(extent);
    for (unsigned i = 0; i < set.getNumResults(); ++i) {
      std::optional<int64_t> step = stepAlong(set, i, *lanes);
      if (!step)
        continue;
      AffineExpr expr = set.getResult(i);
      if (*step < 0) // start + step * j >= 0: j <= start / -step
        upper = arith::MinSIOp::create(b, upper, b.value(b.apply(expr.floorDiv(-*step) + 1, start, parameters)));
      else if (*step > 0) // j >= -start / step
        lower = arith::MaxSIOp::create(b, lower, b.value(b.apply((-expr).ceilDiv(*step), start, parameters)));
      else
        upper = arith::SelectOp::create(b, holds(expr, start), upper, b.index(0));
    }
    begin = arith::MinSIOp::create(b, lower, b.index(extent));
    end = arith::MaxSIOp::create(b, upper, b.index(0));
    lower = lane(begin);
    upper = lane(end);
  }

  /// Elements [getBegin(), getEnd()) of the run satisfy the linear constraints.
  Value getBegin() const { return begin; }
  Value getEnd() const { return end; }
  bool isLinear() const {
    return llvm::all_of(llvm::seq(0u, set.getNumResults()),
                        [&](unsigned i) { return stepAlong(set, i, *lanes).has_value(); });
  }

  /// Which of the `width` elements from `coordinates` on are in the set.
  Value at(ArrayRef<OpFoldResult> coordinates, int64_t width) {
    Value inside = width ? insideEnds(coordinates[*lanes], width) : Value();
    auto also = [&](Value condition) {
      inside = inside ? arith::AndIOp::create(b, inside, condition).getResult() : condition;
    };
    for (unsigned i = 0; i < set.getNumResults(); ++i)
      if (!width)
        also(holds(set.getResult(i), coordinates));
      else if (!stepAlong(set, i, *lanes))
        also(holdsOnEach(set.getResult(i), coordinates, width));
    return inside ? inside : b.constant(b.getBoolAttr(true), width);
  }

private:
  Emit &b;
  MaskOp op;
  AffineMap set;
  std::optional<unsigned> lanes;
  SmallVector<OpFoldResult> parameters;
  Value begin, end, lower, upper; ///< the latter as 32-bit numbers, to compare lanes with

  Value lane(Value value) { return arith::IndexCastOp::create(b, b.getI32Type(), value); }

  Value holds(AffineExpr expr, ArrayRef<OpFoldResult> coordinates) {
    Value value = b.value(b.apply(expr, coordinates, parameters));
    return arith::CmpIOp::create(b, arith::CmpIPredicate::sge, value, b.index(0));
  }

  Value holdsOnEach(AffineExpr expr, ArrayRef<OpFoldResult> coordinates, int64_t width) {
    SmallVector<Value> conditions;
    for (int64_t i = 0; i < width; ++i) {
      Coordinates element(coordinates);
      element[*lanes] = b.add(element[*lanes], b.getIndexAttr(i));
      conditions.push_back(holds(expr, element));
    }
    return vector::FromElementsOp::create(b, VectorType::get(width, b.getI1Type()), conditions);
  }

  Value insideEnds(OpFoldResult position, int64_t width) {
    auto steps = llvm::to_vector(llvm::seq<int32_t>(0, width));
    Value numbers = arith::ConstantOp::create(b, b.getI32VectorAttr(steps));
    numbers = arith::AddIOp::create(b, numbers, b.splat(lane(b.value(position)), width));
    Value low = arith::CmpIOp::create(b, arith::CmpIPredicate::sge, numbers, b.splat(lower, width));
    Value high = arith::CmpIOp::create(b, arith::CmpIPredicate::slt, numbers, b.splat(upper, width));
    return arith::AndIOp::create(b, low, high);
  }
};
} // namespace

/// The elements where `keep` and the condition hold, as stored.
static Value maskedElements(Emit &b, MaskOp op, Value keep, ArrayRef<OpFoldResult> coordinates,
                            std::optional<unsigned> lanes, int64_t width) {
  if (Value condition = op.getCondition()) {
    AffineMap identity = b.getMultiDimIdentityMap(op.getType().getRank());
    Value bits = b.splat(b.readProjected(condition, identity, coordinates, lanes, width), width);
    keep = keep ? arith::AndIOp::create(b, keep, bits).getResult() : bits;
  }
  Value elements = b.read(b.buffers.lookup(op.getInput()), b.placeOf(op.getType(), coordinates),
                          storedType(op.getType().getElementType()), width);
  if (!keep)
    return elements;
  return arith::SelectOp::create(b, keep, elements, b.stored(cast<TypedAttr>(op.getOtherwise()), width));
}

/// What is the same along a run is left to code motion.
Value cpu::emitElements(Emit &b, MaskOp op, ArrayRef<OpFoldResult> coordinates, std::optional<unsigned> lanes,
                        int64_t width) {
  SetOnRun set(b, op, lanes);
  set.enter(coordinates);
  Value elements = maskedElements(b, op, set.at(coordinates, width), coordinates, lanes, width);
  Type element = op.getType().getElementType();
  return elements.getType() == VectorType::get(width, element) || !isa<FloatType>(element)
             ? elements
             : arith::BitcastOp::create(b, VectorType::get(width, element), elements).getResult();
}

/// In place, where a row is in the set from one point to another: what is outside is overwritten, what is inside is not
/// touched. (A choice between what is in memory and a constant, stored to the same place, ends in a masked store, which
/// takes tens of cycles on some processors.)
static void emitOutside(MaskOp op, SetOnRun &set, Emit &b) {
  unsigned last = op.getType().getRank() - 1;
  int64_t width = b.row.lanes, extent = op.getType().getShape().back();
  bool stopsEarly = isReadToEnd(op, b) && extent % (width * b.row.fmaLatency) == 0;
  auto rounded = [&](Value x, bool up) {
    AffineExpr d = b.getAffineDimExpr(0);
    return b.apply((up ? d.ceilDiv(width) : d.floorDiv(width)) * width, {OpFoldResult(x)});
  };
  auto overwrite = [&](ArrayRef<OpFoldResult> row, OpFoldResult from, OpFoldResult to, bool whole) {
    b.loop(from, to, width, [&](OpFoldResult i) {
      Coordinates at(row);
      at[last] = i;
      Value elements = whole ? b.stored(cast<TypedAttr>(op.getOtherwise()), width)
                             : maskedElements(b, op, set.at(at, width), at, last, width);
      b.write(elements, b.buffers.lookup(op.getResult()), b.placeOf(op.getType(), at));
    });
  };
  ElementLoop rows{b, op.getType()};
  rows.row = [&](ArrayRef<OpFoldResult> row) {
    set.enter(row);
    Value end = stopsEarly ? endOfRow(b, op, row) : b.index(extent);
    auto clipped = [&](OpFoldResult x) { return OpFoldResult(arith::MinSIOp::create(b, b.value(x), end).getResult()); };
    overwrite(row, b.getIndexAttr(0), clipped(rounded(set.getBegin(), false)), true);
    overwrite(row, clipped(rounded(set.getBegin(), false)), clipped(rounded(set.getBegin(), true)), false);
    overwrite(row, clipped(rounded(set.getEnd(), false)), clipped(rounded(set.getEnd(), true)), false);
    overwrite(row, clipped(rounded(set.getEnd(), true)), end, true);
  };
  rows.emit();
}

/// `everywhere`: the set holds, only the condition is looked at.
static void emitMask(MaskOp op, Emit &b, bool everywhere) {
  ElementLoop loop{b, op.getType()};
  std::optional<unsigned> lanes = loop.lanes();
  SetOnRun set(b, op, lanes);
  bool inPlace = b.buffers.lookup(op.getInput()) == b.buffers.lookup(op.getResult());
  if (!everywhere && inPlace && !op.getCondition() && lanes && *lanes + 1 == op.getType().getRank() &&
      runOf(op.getType())->length == op.getType().getShape().back() &&
      op.getType().getShape().back() % b.row.lanes == 0 && set.isLinear())
    return emitOutside(op, set, b);
  auto enter = [&](ArrayRef<OpFoldResult> coordinates) {
    if (!everywhere)
      set.enter(coordinates);
  };
  auto chunk = [&](ArrayRef<OpFoldResult> coordinates, int64_t width) {
    Value keep = everywhere ? Value() : set.at(coordinates, width);
    Value elements = maskedElements(b, op, keep, coordinates, lanes, width);
    b.write(elements, b.buffers.lookup(op.getResult()), b.placeOf(op.getType(), coordinates));
  };
  loop.enter = enter;
  loop.chunk = chunk;
  loop.emit();
}

void cpu::lowerMask(MaskOp op, Emit &b) {
  bool isNothing = b.buffers.lookup(op.getInput()) == b.buffers.lookup(op.getResult()) && !op.getCondition();
  if (!op.getFull())
    return emitMask(op, b, false);
  Value partial = arith::XOrIOp::create(b, op.getFull(), b.constant(b.getBoolAttr(true), 0));
  auto whole = [&] { emitMask(op, b, true); };
  if (isNothing)
    b.branch(partial, [&] { emitMask(op, b, false); });
  else
    b.branch(partial, [&] { emitMask(op, b, false); }, whole);
}

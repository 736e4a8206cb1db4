// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/tile/cpu/Demand.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Matchers.h"
#include "passes/tile/cpu/Reduce.h"

using namespace mlir;
using namespace attn::tile;
using namespace attn::tile::cpu;

//===-- which mask ---------------------------------------------------------------------------------------------------

/// Whether the operands of the set are values at `dot`.
static bool isKnownAt(MaskOp mask, DotOp dot) {
  auto isBefore = [&](Value value) {
    Operation *definition = value.getDefiningOp();
    return !definition || definition->getBlock() != dot->getBlock() || definition->isBeforeInBlock(dot);
  };
  return llvm::all_of(mask.getIndices(), isBefore) && (!mask.getFull() || isBefore(mask.getFull()));
}

MaskOp cpu::maskOfResult(DotOp dot) {
  Value value = dot.getResult();
  while (value.hasOneUse()) {
    Operation *user = *value.user_begin();
    if (user->getBlock() != dot->getBlock())
      return {};
    if (auto mask = dyn_cast<MaskOp>(user))
      return mask.getInput() == value && isKnownAt(mask, dot) ? mask : MaskOp();
    auto map = dyn_cast<MapOp>(user);
    if (!map || map->getNumResults() != 1 || !map.getOperandMap(value.use_begin()->getOperandNumber()).isIdentity())
      return {};
    value = map.getResult(0);
  }
  return {};
}

namespace {
/// What is known of a number.
enum class Fact { Unknown, NotNegativeInfinity, NegativeInfinity, Zero };
} // namespace

static Fact factOfConstant(const APFloat &value) {
  if (value.isZero())
    return Fact::Zero;
  return value.isInfinity() && value.isNegative() ? Fact::NegativeInfinity : Fact::NotNegativeInfinity;
}

static bool isFinal(Fact fact) { return fact == Fact::Zero || fact == Fact::NotNegativeInfinity; }

/// select(x == -inf, c, x) with c other than -inf.
static bool excludesNegativeInfinity(arith::SelectOp op) {
  auto compare = op.getCondition().getDefiningOp<arith::CmpFOp>();
  FloatAttr bound, replacement;
  return compare && compare.getPredicate() == arith::CmpFPredicate::OEQ && compare.getLhs() == op.getFalseValue() &&
         matchPattern(compare.getRhs(), m_Constant(&bound)) &&
         factOfConstant(bound.getValue()) == Fact::NegativeInfinity &&
         matchPattern(op.getTrueValue(), m_Constant(&replacement)) && isFinal(factOfConstant(replacement.getValue()));
}

static Fact factOf(Value fragment);

/// The fact about a value in the region of `map`, where operand `special` is -inf.
static Fact factIn(MapOp map, Value value, std::optional<unsigned> special) {
  if (auto argument = dyn_cast<BlockArgument>(value)) {
    if (argument.getOwner() != &map.getBody().front() || argument.getArgNumber() >= map.getInputs().size())
      return Fact::Unknown;
    return special == argument.getArgNumber() ? Fact::NegativeInfinity
                                              : factOf(map.getInputs()[argument.getArgNumber()]);
  }
  FloatAttr constant;
  if (matchPattern(value, m_Constant(&constant)))
    return factOfConstant(constant.getValue());
  auto fact = [&](Value operand) { return factIn(map, operand, special); };
  Operation *op = value.getDefiningOp();
  if (auto sub = dyn_cast<arith::SubFOp>(op))
    return fact(sub.getLhs()) == Fact::NegativeInfinity && isFinal(fact(sub.getRhs())) ? Fact::NegativeInfinity
                                                                                       : Fact::Unknown;
  if (isa<math::Exp2Op, math::ExpOp>(op))
    return fact(op->getOperand(0)) == Fact::NegativeInfinity ? Fact::Zero : Fact::NotNegativeInfinity;
  if (auto select = dyn_cast<arith::SelectOp>(op))
    return excludesNegativeInfinity(select) ? Fact::NotNegativeInfinity : Fact::Unknown;
  return Fact::Unknown;
}

/// The fact about every element of a fragment.
static Fact factOf(Value fragment) {
  auto map = fragment.getDefiningOp<MapOp>();
  if (!map)
    return Fact::Unknown;
  unsigned number = cast<OpResult>(fragment).getResultNumber();
  return factIn(map, map.getBody().front().getTerminator()->getOperand(number), std::nullopt);
}

MaskOp cpu::maskOfZeros(Value factor, Operation *reader) {
  auto map = factor.getDefiningOp<MapOp>();
  if (!map || map->getBlock() != reader->getBlock())
    return {};
  Value yielded = map.getBody().front().getTerminator()->getOperand(cast<OpResult>(factor).getResultNumber());
  for (auto [i, input] : llvm::enumerate(map.getInputs())) {
    auto mask = input.getDefiningOp<MaskOp>();
    auto otherwise = mask ? dyn_cast<FloatAttr>(mask.getOtherwise()) : FloatAttr();
    if (otherwise && factOfConstant(otherwise.getValue()) == Fact::NegativeInfinity &&
        map.getOperandMap(i).isIdentity() && factIn(map, yielded, i) == Fact::Zero)
      return mask;
  }
  return {};
}

//===-- ends of rows -------------------------------------------------------------------------------------------------

/// Elements that a loop takes at once, at most.
static int64_t elementsAtOnce(const Emit &b) { return int64_t(b.row.lanes) * b.row.fmaLatency; }

/// The one operand that has elements along the last dimension, if the reduction combines it as it is.
static Value combinedAsIs(ReduceOp reduce) {
  Block &body = reduce.getBody().front();
  auto argument = dyn_cast<BlockArgument>(body.getTerminator()->getOperand(0));
  if (!argument || argument.getArgNumber() >= reduce.getInputs().size() || !combinesAlongLast(reduce) ||
      size_t(reduce.getType().getRank()) + 1 != reduce.getSpace().size() ||
      !reduce.getOperandMap(argument.getArgNumber()).isIdentity())
    return {};
  return reduce.getInputs()[argument.getArgNumber()];
}

static bool isMadeBy(Operation *op, ReduceOp reduce, const Emit &b) { return op && b.joined.lookup(op) == reduce; }

/// A contraction reads this factor by element, and no further than a tile's rows have elements other than zero.
static bool readsToEnd(DotOp dot, Value factor, MaskOp mask) {
  DotRoles roles = rolesOf(dot);
  return vectorDim(dot) && roles.contracted.size() == 1 && dot->getOperand(1 - roles.vectors) == factor &&
         dot->getOperand(roles.vectors) != factor && dot.getAcc() != factor && maskOfZeros(factor, dot) == mask &&
         dot.getOperandMap(1 - roles.vectors).getResults().back() ==
             getAffineDimExpr(roles.contracted.front(), dot.getContext());
}

MaskOp cpu::boundOf(ReduceOp reduce, Emit &b) {
  Value combined = combinedAsIs(reduce);
  Operation *source = combined ? combined.getDefiningOp() : nullptr;
  if (!source || reduce.getSpace().back() % elementsAtOnce(b) != 0)
    return {};
  if (auto mask = dyn_cast<MaskOp>(source))
    return mask.getOtherwise() == reduce.getIdentity() && !mask.getCondition() ? mask : MaskOp();
  auto map = dyn_cast<MapOp>(source);
  auto identity = dyn_cast<FloatAttr>(reduce.getIdentity());
  MaskOp mask = map && isMadeBy(map, reduce, b) ? maskOfZeros(combined, reduce) : MaskOp();
  if (!mask || mask.getCondition() || !identity || !identity.getValue().isZero())
    return {};
  bool onlyToEnd = llvm::all_of(combined.getUsers(), [&](Operation *user) {
    auto dot = dyn_cast<DotOp>(user);
    return user == reduce || (dot && readsToEnd(dot, combined, mask));
  });
  return onlyToEnd ? mask : MaskOp();
}

bool cpu::isReadToEnd(MaskOp mask, Emit &b) {
  return llvm::all_of(mask->getUsers(), [&](Operation *user) {
    if (auto reduce = dyn_cast<ReduceOp>(user))
      return boundOf(reduce, b) == mask;
    auto reduce = dyn_cast_or_null<ReduceOp>(b.joined.lookup(user));
    return reduce && boundOf(reduce, b) == mask;
  });
}

Value cpu::endOfRow(Emit &b, MaskOp mask, ArrayRef<OpFoldResult> coordinates) {
  int64_t rows = commonRows(b.row);
  unsigned last = coordinates.size() - 1;
  Box box;
  for (unsigned d = 0; d < last; ++d) {
    box.first.push_back(b.apply(b.getAffineDimExpr(0).floorDiv(rows) * rows, coordinates[d]));
    box.count.push_back(rows);
  }
  box.first.push_back(b.getIndexAttr(0));
  box.count.push_back(mask.getType().getShape().back());
  return endAlong(b, mask, box, last, elementsAtOnce(b));
}

//===-- boxes --------------------------------------------------------------------------------------------------------

/// The greatest value of constraint `i` over the box, `without` counting as 0; none if it is not linear in each
/// dimension.
static std::optional<OpFoldResult> greatest(Emit &b, MaskOp mask, unsigned i, const Box &box,
                                            std::optional<unsigned> without) {
  AffineMap set = mask.getSet();
  Coordinates corner(box.first);
  for (unsigned d = 0; d < set.getNumDims(); ++d) {
    if (!set.getResult(i).isFunctionOfDim(d))
      continue;
    std::optional<int64_t> step = stepAlong(set, i, d);
    if (!step)
      return std::nullopt;
    if (without == d)
      corner[d] = b.getIndexAttr(0);
    else if (*step > 0)
      corner[d] = b.add(corner[d], b.getIndexAttr(box.count[d] - 1));
  }
  SmallVector<OpFoldResult> parameters(mask.getIndices().begin(), mask.getIndices().end());
  return b.apply(set.getResult(i), corner, parameters);
}

Value cpu::mayMeet(Emit &b, MaskOp mask, const Box &box) {
  Value meets;
  for (unsigned i = 0; i < mask.getSet().getNumResults(); ++i) {
    std::optional<OpFoldResult> most = greatest(b, mask, i, box, std::nullopt);
    if (!most)
      continue;
    Value holds = arith::CmpIOp::create(b, arith::CmpIPredicate::sge, b.value(*most), b.index(0));
    meets = meets ? arith::AndIOp::create(b, meets, holds).getResult() : holds;
  }
  return meets && mask.getFull() ? arith::OrIOp::create(b, meets, mask.getFull()).getResult() : meets;
}

Value cpu::endAlong(Emit &b, MaskOp mask, const Box &box, unsigned dim, int64_t step) {
  Value whole = b.index(box.count[dim]), end = whole;
  for (unsigned i = 0; i < mask.getSet().getNumResults(); ++i) {
    std::optional<int64_t> slope = stepAlong(mask.getSet(), i, dim);
    std::optional<OpFoldResult> most = slope && *slope < 0 ? greatest(b, mask, i, box, dim) : std::nullopt;
    if (most) // most + slope * x >= 0: x <= most / -slope
      end = arith::MinSIOp::create(b, end, b.value(b.apply(b.getAffineDimExpr(0).floorDiv(-*slope) + 1, {*most})));
  }
  end = arith::MaxSIOp::create(b, end, b.index(0));
  end = b.value(b.apply(b.getAffineDimExpr(0).ceilDiv(step) * step, {OpFoldResult(end)}));
  end = arith::MinSIOp::create(b, end, whole);
  return mask.getFull() ? arith::SelectOp::create(b, mask.getFull(), whole, end).getResult() : end;
}

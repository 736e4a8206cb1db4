// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Scalars: what regions capture, regions copied into tile ops with the exceptions of R13 and R15 written out, and what
// a region makes of absent points.
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "passes/attn/tiling/Block.h"
#include <cmath>
#include <limits>

using namespace mlir;
using namespace attn;

static constexpr double kInf = std::numeric_limits<double>::infinity();

Value KernelBlocks::scalar(Value captured) {
  if (Value known = scalarValues.lookupOrNull(captured))
    return known;
  Operation *op = captured.getDefiningOp();
  assert(op && "scalar arguments are mapped from the start");
  if (auto extent = dyn_cast<ExtentOp>(op))
    return extents[rankOf(extent.getRank())];
  for (Value operand : op->getOperands())
    if (!scalarValues.contains(operand))
      scalarValues.map(operand, scalar(operand));
  return cloneScalar(scalars, *this, captured, scalarValues);
}

/// One value a scalar, whoever made it an index: equal constraints have equal symbols.
Value KernelBlocks::index(Value captured) {
  if (auto cast = captured.getDefiningOp<arith::IndexCastOp>(); cast && captured.getType().isIndex())
    captured = cast.getIn();
  Value value = scalar(captured);
  if (value.getType().isIndex())
    return value;
  Value &known = indices[value];
  if (!known)
    known = arith::IndexCastOp::create(scalars, value.getLoc(), scalars.getIndexType(), value);
  return known;
}

AffineExpr KernelBlocks::symbol(Value index) {
  auto *found = llvm::find(symbols, index);
  unsigned position = found - symbols.begin();
  if (found == symbols.end())
    symbols.push_back(index);
  return getAffineSymbolExpr(position, kernel.getContext());
}

//===-- copying regions ----------------------------------------------------------------------------------------------

static Value floatConstant(OpBuilder &b, Location loc, Type type, double value) {
  return arith::ConstantOp::create(b, loc, b.getFloatAttr(type, value));
}

static Value bothEqual(OpBuilder &b, Location loc, Value x, Value y, Value value) {
  Value first = arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OEQ, x, value);
  Value second = arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OEQ, y, value);
  return arith::AndIOp::create(b, loc, first, second);
}

/// x / y, but 0 where both are 0 (R13).
static Value expand(OpBuilder &b, DivOp op, Value x, Value y) {
  Value zero = floatConstant(b, op.getLoc(), x.getType(), 0.0);
  Value both = bothEqual(b, op.getLoc(), x, y, zero);
  return arith::SelectOp::create(b, op.getLoc(), both, zero, arith::DivFOp::create(b, op.getLoc(), x, y));
}

/// x - y, but -inf where both are (R13).
static Value expand(OpBuilder &b, SubOp op, Value x, Value y) {
  Value lowest = floatConstant(b, op.getLoc(), x.getType(), -kInf);
  Value both = bothEqual(b, op.getLoc(), x, y, lowest);
  return arith::SelectOp::create(b, op.getLoc(), both, lowest, arith::SubFOp::create(b, op.getLoc(), x, y));
}

/// The quotient rounded down, 0 for a divisor of 0 (R15); the division itself never sees a divisor of 0.
template <typename Op> static Value expandFloor(OpBuilder &b, Op op, Value x, Value y) {
  Location loc = op.getLoc();
  Value zero = arith::ConstantOp::create(b, loc, b.getIntegerAttr(x.getType(), 0));
  Value one = arith::ConstantOp::create(b, loc, b.getIntegerAttr(x.getType(), 1));
  Value isZero = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, y, zero);
  Value divisor = arith::SelectOp::create(b, loc, isZero, one, y);
  Value result = arith::FloorDivSIOp::create(b, loc, x, divisor);
  if (isa<IModOp>(op.getOperation()))
    result = arith::SubIOp::create(b, loc, x, arith::MulIOp::create(b, loc, result, divisor));
  return arith::SelectOp::create(b, loc, isZero, zero, result);
}

Value attn::cloneScalar(OpBuilder &b, KernelBlocks &kernel, Value scalar, IRMapping &values) {
  if (Value known = values.lookupOrNull(scalar))
    return known;
  Operation *op = scalar.getDefiningOp();
  bool isCaptured = !op || isa<ExtentOp, DefaultOp>(op) || isa<GroupOp, KernelOp, StreamOp>(op->getParentOp());
  if (isCaptured && &values != &kernel.scalarValues)
    return kernel.scalar(scalar);
  for (Value operand : op->getOperands())
    values.map(operand, cloneScalar(b, kernel, operand, values));
  Value result;
  auto operandOf = [&](unsigned i) { return values.lookup(op->getOperand(i)); };
  if (auto div = dyn_cast<DivOp>(op))
    result = expand(b, div, operandOf(0), operandOf(1));
  else if (auto sub = dyn_cast<SubOp>(op))
    result = expand(b, sub, operandOf(0), operandOf(1));
  else if (auto idiv = dyn_cast<IDivOp>(op))
    result = expandFloor(b, idiv, operandOf(0), operandOf(1));
  else if (auto imod = dyn_cast<IModOp>(op))
    result = expandFloor(b, imod, operandOf(0), operandOf(1));
  else if (auto rand = dyn_cast<RandOp>(op))
    result = expandRand(b, rand, llvm::map_to_vector(op->getOperands(), [&](Value v) { return values.lookup(v); }));
  else
    result = b.clone(*op, values)->getResult(cast<OpResult>(scalar).getResultNumber());
  values.map(scalar, result);
  return result;
}

//===-- absent points ------------------------------------------------------------------------------------------------

namespace {

struct Evaluator {
  ArrayRef<Known> arguments;
  DenseMap<Value, Known> memo;

  explicit Evaluator(ArrayRef<Known> arguments) : arguments(arguments) {}

  Known operator()(Value v) {
    auto found = memo.find(v);
    if (found != memo.end())
      return found->second;
    Known result = visit(v);
    if (result.value && *result.value != -kInf)
      result.isNeverNegInf = true;
    return memo[v] = result;
  }

  Known visit(Value v) {
    Operation *op = v.getDefiningOp();
    if (auto argument = dyn_cast<BlockArgument>(v)) {
      bool isOurs = isa<EinsumOp>(argument.getOwner()->getParentOp());
      return isOurs && argument.getArgNumber() < arguments.size() ? arguments[argument.getArgNumber()] : Known{};
    }
    if (auto constant = dyn_cast<arith::ConstantOp>(op)) {
      if (auto f = dyn_cast<FloatAttr>(constant.getValue()))
        return {f.getValueAsDouble(), true, true};
      if (auto i = dyn_cast<IntegerAttr>(constant.getValue()))
        return {double(i.getValue().getSExtValue()), true, true};
    }
    SmallVector<Known> in;
    Known result;
    for (Value operand : op->getOperands()) {
      in.push_back((*this)(operand));
      result.isClean &= in.back().isClean;
    }
    result.isNeverNegInf = neverNegInf(op, in);
    result.value = value(op, in);
    return result;
  }

  static bool isNegInf(Value v) {
    auto constant = v.getDefiningOp<arith::ConstantOp>();
    auto f = constant ? dyn_cast<FloatAttr>(constant.getValue()) : FloatAttr();
    return f && f.getValueAsDouble() == -kInf;
  }

  /// select(x == -inf, c, x), max(x, c), exponentials, sums of squares and the like.
  static bool neverNegInf(Operation *op, ArrayRef<Known> in) {
    if (isa<math::ExpOp, math::Exp2Op, math::AbsFOp, math::SqrtOp, math::TanhOp>(op))
      return true;
    if (isa<arith::MaximumFOp, arith::MaxNumFOp>(op))
      return in[0].isNeverNegInf || in[1].isNeverNegInf;
    if (isa<arith::ExtFOp>(op))
      return in[0].isNeverNegInf;
    auto select = dyn_cast<arith::SelectOp>(op);
    if (!select)
      return false;
    if (in[1].isNeverNegInf && in[2].isNeverNegInf)
      return true;
    auto compare = select.getCondition().getDefiningOp<arith::CmpFOp>();
    if (!compare || !isNegInf(compare.getRhs()))
      return false;
    bool isEqual =
        compare.getPredicate() == arith::CmpFPredicate::OEQ || compare.getPredicate() == arith::CmpFPredicate::UEQ;
    bool isUnequal =
        compare.getPredicate() == arith::CmpFPredicate::UNE || compare.getPredicate() == arith::CmpFPredicate::ONE;
    return (isEqual && compare.getLhs() == select.getFalseValue() && in[1].isNeverNegInf) ||
           (isUnequal && compare.getLhs() == select.getTrueValue() && in[2].isNeverNegInf);
  }

  static std::optional<double> value(Operation *op, ArrayRef<Known> in) {
    auto is = [&](unsigned i, double v) { return in[i].value && *in[i].value == v; };
    // 0 times what rows with the point see: an infinity there is the one exception documented in the README.
    auto isSafe = [&](unsigned i) { return in[i].isClean && (!in[i].value || std::isfinite(*in[i].value)); };
    if (isa<arith::MulFOp>(op) && ((is(0, 0.0) && isSafe(1)) || (is(1, 0.0) && isSafe(0))))
      return 0.0;
    if (isa<arith::SubFOp>(op) && is(0, -kInf) && in[1].isClean && in[1].isNeverNegInf)
      return -kInf;
    if (isa<SubOp>(op) && is(0, -kInf) && in[1].isClean)
      return -kInf;
    if (isa<DivOp>(op) && is(0, 0.0) && in[1].isClean)
      return 0.0;
    if (isa<arith::SelectOp>(op)) {
      if (in[0].value)
        return *in[0].value != 0.0 ? in[1].value : in[2].value;
      return in[1].value && in[2].value && *in[1].value == *in[2].value ? in[1].value : std::nullopt;
    }
    for (const Known &k : in)
      if (!k.value)
        return std::nullopt;
    return fold(op, in);
  }

  static std::optional<double> fold(Operation *op, ArrayRef<Known> in) {
    auto x = [&](unsigned i) { return *in[i].value; };
    return TypeSwitch<Operation *, std::optional<double>>(op)
        .Case<arith::AddFOp>([&](auto) { return x(0) + x(1); })
        .Case<arith::SubFOp>([&](auto) { return x(0) - x(1); })
        .Case<arith::MulFOp>([&](auto) { return x(0) * x(1); })
        .Case<arith::DivFOp>([&](auto) { return x(0) / x(1); })
        .Case<arith::NegFOp>([&](auto) { return -x(0); })
        .Case<arith::MaximumFOp>([&](auto) { return std::max(x(0), x(1)); })
        .Case<arith::MinimumFOp>([&](auto) { return std::min(x(0), x(1)); })
        .Case<arith::ExtFOp, arith::TruncFOp, arith::SIToFPOp, arith::ExtSIOp, arith::ExtUIOp>(
            [&](auto) { return x(0); })
        .Case<math::ExpOp>([&](auto) { return std::exp(x(0)); })
        .Case<math::Exp2Op>([&](auto) { return std::exp2(x(0)); })
        .Case<math::AbsFOp>([&](auto) { return std::fabs(x(0)); })
        .Case<math::TanhOp>([&](auto) { return std::tanh(x(0)); })
        .Default([](Operation *) { return std::nullopt; });
  }
};

} // namespace

Known attn::evaluate(Value scalar, ArrayRef<Known> arguments) { return Evaluator(arguments)(scalar); }

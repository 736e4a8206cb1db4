// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// From terms to scalar operations: the inverse of ScalarTerms.cpp.
#include "passes/attn/ScalarEmission.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "llvm/ADT/Twine.h"
#include <cmath>

using namespace mlir;
using namespace attn;
using algebra::Factor, algebra::Function, algebra::Number, algebra::Summand, algebra::TermKind, algebra::TermRef,
    algebra::ValueType;

static const double kInf = std::numeric_limits<double>::infinity();

Value ScalarEmitter::fail(const Twine &what) {
  if (error.empty())
    error = what.str();
  return constant(0);
}

Value ScalarEmitter::constant(const Number &n) {
  return arith::ConstantOp::create(b, loc, b.getFloatAttr(floatType, n.toDouble()));
}
Value ScalarEmitter::index(int64_t n) { return arith::ConstantIndexOp::create(b, loc, n); }

Value ScalarEmitter::isEqual(Value x, double v) {
  return arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OEQ, x, constant(Number::real(v)));
}
Value ScalarEmitter::both(Value c, Value d) { return arith::AndIOp::create(b, loc, c, d); }

// ---- entry points: a value of the wanted kind, computed once

Value ScalarEmitter::emitAs(TermRef t, Type type) {
  if (type.isInteger(1))
    return emitBool(t);
  if (isa<IntegerType>(type))
    return arith::IndexCastOp::create(b, loc, type, emitInt(t));
  if (type == floatType)
    return emitFloat(t);
  bool rounding = t->isFunction(Function::ToF16) || t->isFunction(Function::ToBF16) || t->isFunction(Function::ToF32);
  Value x = emitFloat(rounding ? t->getChild(0) : t);
  if (cast<FloatType>(type).getWidth() < cast<FloatType>(floatType).getWidth())
    return arith::TruncFOp::create(b, loc, type, x);
  return arith::ExtFOp::create(b, loc, type, x);
}

Value ScalarEmitter::emitFloat(TermRef t) {
  Value &slot = floats[t];
  if (slot)
    return slot;
  Value v;
  if (t->is(TermKind::Number))
    v = constant(t->getNumber());
  else if (t->getType() == ValueType::Integer)
    v = arith::SIToFPOp::create(b, loc, floatType, arith::IndexCastOp::create(b, loc, b.getI64Type(), emitInt(t)));
  else if (t->getType() == ValueType::Bool)
    v = arith::SelectOp::create(b, loc, emitBool(t), constant(1), constant(0));
  else
    v = computeFloat(t);
  return floats[t] = v;
}

Value ScalarEmitter::emitInt(TermRef t) {
  if (Value v = ints.lookup(t))
    return v;
  Value v = computeInt(t);
  return ints[t] = v;
}

Value ScalarEmitter::emitBool(TermRef t) {
  if (Value v = bools.lookup(t))
    return v;
  Value v = computeBool(t);
  return bools[t] = v;
}

// ---- floats

Value ScalarEmitter::computeFloat(TermRef t) {
  switch (t->getKind()) {
  case TermKind::Parameter:
  case TermKind::Read: {
    Value v = leaf(t);
    auto from = cast<FloatType>(v.getType()), to = cast<FloatType>(floatType);
    if (from == to)
      return v;
    if (from.getWidth() < to.getWidth())
      return arith::ExtFOp::create(b, loc, to, v);
    return arith::TruncFOp::create(b, loc, to, v);
  }
  case TermKind::Add:
    return sum(t);
  case TermKind::Mul:
    return product(t);
  case TermKind::Exp: {
    TermRef exponent = context.scaled(Number::real(1 / std::log(2.0)), t->getChild(0));
    return math::Exp2Op::create(b, loc, emitFloat(exponent));
  }
  case TermKind::Select:
    return arith::SelectOp::create(b, loc, emitBool(t->getChild(0)), emitFloat(t->getChild(1)),
                                   emitFloat(t->getChild(2)));
  case TermKind::Apply:
    return function(t);
  default:
    return fail("term " + t->str(80) + " has no scalar form");
  }
}

/// A logarithm of a sum is -inf where the sum had no point: the rest of a log-sum-exp whose maximum is elsewhere.
static bool containsLog(TermRef t) {
  return t->isFunction(Function::Log) || llvm::any_of(t->getChildren(), containsLog);
}

/// Positive summands minus negative ones. x - y = -inf where both are -inf and y is the value of a maximum or of a
/// log-sum-exp (R13); such a y may be several summands of a term, so the negative ones are subtracted together.
Value ScalarEmitter::sum(TermRef t) {
  auto [constantPart, summands] = context.summands(t);
  Value sides[2]; // added, subtracted
  bool guard = false;
  if (!constantPart.isZero())
    sides[0] = constant(constantPart);
  bool onlyNegative =
      constantPart.isZero() && llvm::all_of(summands, [](const Summand &s) { return s.weight.isNegative(); });
  for (const Summand &s : summands) {
    bool subtracted = s.weight.isNegative() && !onlyNegative;
    Number w = subtracted ? -s.weight : s.weight;
    Value v = emitFloat(s.term);
    v = w.isOne() ? v : Value(arith::MulFOp::create(b, loc, v, constant(w)));
    Value &side = sides[subtracted];
    side = side ? Value(arith::AddFOp::create(b, loc, side, v)) : v;
    guard |= subtracted && (isMaximum(s.term) || containsLog(s.term));
  }
  if (!sides[1])
    return sides[0];
  Value difference = arith::SubFOp::create(b, loc, sides[0], sides[1]);
  if (!guard)
    return difference;
  Value lost = both(isEqual(sides[0], -kInf), isEqual(sides[1], -kInf));
  return arith::SelectOp::create(b, loc, lost, constant(Number::real(-kInf)), difference);
}

Value ScalarEmitter::power(Value x, const Number &n) {
  if (n == Number::fraction(1, 2))
    return math::SqrtOp::create(b, loc, x);
  if (!n.isInteger() || n.getInteger() > 8)
    return math::PowFOp::create(b, loc, x, constant(n));
  Value r = x;
  for (int64_t i = 1; i < n.getInteger(); ++i)
    r = arith::MulFOp::create(b, loc, r, x);
  return r;
}

/// A quotient; 0/0 = 0 (R13) where the denominator is not proved positive and the numerator may be 0.
Value ScalarEmitter::product(TermRef t) {
  auto [coefficient, factors] = context.factors(t);
  Value above, below;
  bool guard = false;
  for (const Factor &f : factors) {
    bool under = f.power.isNegative();
    Value v = power(emitFloat(f.base), under ? -f.power : f.power);
    Value &side = under ? below : above;
    side = side ? Value(arith::MulFOp::create(b, loc, side, v)) : v;
    guard |= under && !context.isPositive(f.base);
  }
  guard &= above != nullptr; // a number over something is not 0/0
  if (!coefficient.isOne() || !above)
    above = above ? Value(arith::MulFOp::create(b, loc, above, constant(coefficient))) : constant(coefficient);
  if (!below)
    return above;
  Value quotient = arith::DivFOp::create(b, loc, above, below);
  if (!guard)
    return quotient;
  return arith::SelectOp::create(b, loc, both(isEqual(above, 0), isEqual(below, 0)), constant(0), quotient);
}

template <typename Op> static Value unary(OpBuilder &b, Location loc, ArrayRef<Value> x) {
  return Op::create(b, loc, x[0]);
}
template <typename Op> static Value fold(OpBuilder &b, Location loc, ArrayRef<Value> x) {
  Value r = x[0];
  for (Value v : x.drop_front())
    r = Op::create(b, loc, r, v);
  return r;
}

static Value mathFunction(OpBuilder &b, Location loc, Function f, ArrayRef<Value> x) {
  switch (f) {
  case Function::Exp2:
    return unary<math::Exp2Op>(b, loc, x);
  case Function::Log1p:
    return unary<math::Log1pOp>(b, loc, x);
  case Function::Expm1:
    return unary<math::ExpM1Op>(b, loc, x);
  case Function::Tanh:
    return unary<math::TanhOp>(b, loc, x);
  case Function::Erf:
    return unary<math::ErfOp>(b, loc, x);
  case Function::Abs:
    return unary<math::AbsFOp>(b, loc, x);
  case Function::Sin:
    return unary<math::SinOp>(b, loc, x);
  case Function::Cos:
    return unary<math::CosOp>(b, loc, x);
  case Function::Floor:
    return unary<math::FloorOp>(b, loc, x);
  case Function::Ceil:
    return unary<math::CeilOp>(b, loc, x);
  case Function::Round:
    return unary<math::RoundOp>(b, loc, x);
  case Function::RoundEven:
    return unary<math::RoundEvenOp>(b, loc, x);
  case Function::Trunc:
    return unary<math::TruncOp>(b, loc, x);
  case Function::Atan:
    return unary<math::AtanOp>(b, loc, x);
  case Function::Sinh:
    return unary<math::SinhOp>(b, loc, x);
  case Function::Cosh:
    return unary<math::CoshOp>(b, loc, x);
  case Function::Rsqrt:
    return unary<math::RsqrtOp>(b, loc, x);
  case Function::Max:
    return fold<arith::MaximumFOp>(b, loc, x);
  case Function::Min:
    return fold<arith::MinimumFOp>(b, loc, x);
  case Function::Power:
    return fold<math::PowFOp>(b, loc, x);
  default:
    return nullptr;
  }
}

/// Its arguments are integers, and stay so: a float of 24 bits does not hold them.
Value ScalarEmitter::random(TermRef t) {
  SmallVector<Value> x;
  for (TermRef c : t->getChildren())
    x.push_back(emitInt(c));
  Value r = RandOp::create(b, loc, x[0], ArrayRef(x).drop_front());
  return r.getType() == floatType ? r : Value(arith::ExtFOp::create(b, loc, floatType, r));
}

Value ScalarEmitter::function(TermRef t) {
  if (t->isFunction(Function::Rand))
    return random(t);
  SmallVector<Value> x;
  for (TermRef c : t->getChildren())
    x.push_back(emitFloat(c));
  switch (Function f = t->getFunction()) {
  case Function::Log: // exponentials and logarithms are to the base 2
    return arith::MulFOp::create(b, loc, math::Log2Op::create(b, loc, x[0]), constant(Number::real(std::log(2.0))));
  case Function::NonZero:
    return arith::SelectOp::create(b, loc, isEqual(x[0], 0), constant(0), constant(1));
  case Function::Finite:
    return arith::SelectOp::create(b, loc, isEqual(x[0], -kInf), constant(0), x[0]);
  case Function::ToF16:
  case Function::ToBF16:
  case Function::ToF32: {
    Type type = f == Function::ToF16    ? Type(b.getF16Type())
                : f == Function::ToBF16 ? Type(b.getBF16Type())
                                        : Type(b.getF32Type());
    if (type == floatType)
      return x[0];
    return arith::ExtFOp::create(b, loc, floatType, Value(arith::TruncFOp::create(b, loc, type, x[0])));
  }
  default:
    if (Value v = mathFunction(b, loc, f, x))
      return v;
    return fail("function '" + algebra::getRow(f).name + "' is not written yet");
  }
}

// ---- integers

/// attn's integer division is one of integers, not of index.
template <typename Op> static Value quotient(OpBuilder &b, Location loc, Value x, Value y) {
  Value a = arith::IndexCastOp::create(b, loc, b.getI64Type(), x),
        d = arith::IndexCastOp::create(b, loc, b.getI64Type(), y);
  return arith::IndexCastOp::create(b, loc, b.getIndexType(), Value(Op::create(b, loc, a, d)));
}

Value ScalarEmitter::computeInt(TermRef t) {
  switch (t->getKind()) {
  case TermKind::Number:
    return index(t->getNumber().getInteger());
  case TermKind::Index:
  case TermKind::Extent:
  case TermKind::Parameter:
  case TermKind::Read: {
    Value v = leaf(t);
    if (v.getType().isInteger(1))
      return arith::SelectOp::create(b, loc, v, index(1), index(0));
    return v.getType().isIndex() ? v : Value(arith::IndexCastOp::create(b, loc, b.getIndexType(), v));
  }
  case TermKind::Add: {
    auto [constantPart, summands] = context.summands(t);
    Value r = constantPart.isZero() ? Value() : index(constantPart.getInteger());
    for (bool negative : {false, true})
      for (const Summand &s : summands) {
        if (s.weight.isNegative() != negative)
          continue;
        int64_t w = std::abs(s.weight.getInteger());
        Value v = emitInt(s.term);
        v = w == 1 ? v : Value(arith::MulIOp::create(b, loc, v, index(w)));
        if (negative)
          r = arith::SubIOp::create(b, loc, r ? r : index(0), v);
        else
          r = r ? Value(arith::AddIOp::create(b, loc, r, v)) : v;
      }
    return r;
  }
  case TermKind::Mul: {
    auto [coefficient, factors] = context.factors(t);
    Value r = coefficient.isOne() ? Value() : index(coefficient.getInteger());
    for (const Factor &f : factors)
      for (int64_t i = 0; i < f.power.getInteger(); ++i) {
        Value v = emitInt(f.base);
        r = r ? Value(arith::MulIOp::create(b, loc, r, v)) : v;
      }
    return r;
  }
  case TermKind::Select:
    return arith::SelectOp::create(b, loc, emitBool(t->getChild(0)), emitInt(t->getChild(1)), emitInt(t->getChild(2)));
  case TermKind::Apply:
    break;
  default:
    return fail("term " + t->str(80) + " has no integer form"), index(0);
  }
  if (t->isFunction(Function::ToI8) || t->isFunction(Function::ToI32) || t->isFunction(Function::ToI64)) {
    if (t->getChild(0)->isInteger())
      return emitInt(t->getChild(0));
    Value wide = arith::FPToSIOp::create(b, loc, b.getI64Type(), emitFloat(t->getChild(0)));
    return arith::IndexCastOp::create(b, loc, b.getIndexType(), wide);
  }
  SmallVector<Value> x;
  for (TermRef c : t->getChildren())
    x.push_back(emitInt(c));
  switch (t->getFunction()) {
  case Function::IntDiv:
    return quotient<IDivOp>(b, loc, x[0], x[1]);
  case Function::IntMod:
    return quotient<IModOp>(b, loc, x[0], x[1]);
  case Function::Max:
    return fold<arith::MaxSIOp>(b, loc, x);
  case Function::Min:
    return fold<arith::MinSIOp>(b, loc, x);
  case Function::Abs:
    return math::AbsIOp::create(b, loc, x[0]);
  default:
    return fail("function '" + algebra::getRow(t->getFunction()).name + "' of integers is not written yet"), index(0);
  }
}

// ---- conditions

Value ScalarEmitter::compare(TermRef t) {
  TermRef l = t->getChild(0), r = t->getChild(1);
  Function f = t->getFunction();
  if (l->getType() != ValueType::Float && r->getType() != ValueType::Float) {
    using P = arith::CmpIPredicate;
    P p = f == Function::Less ? P::slt : f == Function::LessEqual ? P::sle : f == Function::Equal ? P::eq : P::ne;
    bool bools = l->getType() == ValueType::Bool && r->getType() == ValueType::Bool;
    return bools ? arith::CmpIOp::create(b, loc, p, emitBool(l), emitBool(r))
                 : arith::CmpIOp::create(b, loc, p, emitInt(l), emitInt(r));
  }
  using P = arith::CmpFPredicate;
  P p = f == Function::Less ? P::OLT : f == Function::LessEqual ? P::OLE : f == Function::Equal ? P::OEQ : P::UNE;
  return arith::CmpFOp::create(b, loc, p, emitFloat(l), emitFloat(r));
}

Value ScalarEmitter::computeBool(TermRef t) {
  auto yes = [&] { return arith::ConstantOp::create(b, loc, b.getBoolAttr(true)); };
  if (t->is(TermKind::Read) || t->is(TermKind::Parameter)) {
    Value v = leaf(t);
    if (v.getType().isInteger(1))
      return v;
  }
  if (t->is(TermKind::Select))
    return arith::SelectOp::create(b, loc, emitBool(t->getChild(0)), emitBool(t->getChild(1)),
                                   emitBool(t->getChild(2)));
  if (!t->is(TermKind::Apply))
    return fail("term " + t->str(80) + " is no condition"), yes();
  switch (t->getFunction()) {
  case Function::True:
    return yes();
  case Function::Not:
    return arith::XOrIOp::create(b, loc, emitBool(t->getChild(0)), yes());
  case Function::And:
  case Function::Or: {
    SmallVector<Value> x;
    for (TermRef c : t->getChildren())
      x.push_back(emitBool(c));
    return t->isFunction(Function::And) ? fold<arith::AndIOp>(b, loc, x) : fold<arith::OrIOp>(b, loc, x);
  }
  case Function::Less:
  case Function::LessEqual:
  case Function::Equal:
  case Function::NotEqual:
    return compare(t);
  default:
    return fail("function '" + algebra::getRow(t->getFunction()).name + "' is no condition"), yes();
  }
}

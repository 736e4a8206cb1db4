// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Functions expand to what the algebra of the passes can see: sigmoid is 1/(1+exp(-x)), relu a maximum.
#include "compiler/spec/ScalarEmitter.h"
#include "dialects/attn/Attn.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

#include <limits>

using namespace mlir;

namespace attn::spec {

static bool isFloat(Value value) { return isa<FloatType>(value.getType()); }

Value ScalarEmitter::constant(Location loc, Type type, double value) {
  if (auto floatType = dyn_cast<FloatType>(type)) {
    APFloat exact(value);
    bool losesInfo;
    exact.convert(floatType.getFloatSemantics(), APFloat::rmNearestTiesToEven, &losesInfo);
    return arith::ConstantOp::create(builder, loc, FloatAttr::get(floatType, exact));
  }
  return arith::ConstantOp::create(builder, loc, IntegerAttr::get(type, int64_t(value)));
}

Value ScalarEmitter::extend(OpBuilder &b, Location loc, Value value) {
  Type type = value.getType();
  if (isa<FloatType>(type) && type.getIntOrFloatBitWidth() < 32)
    return arith::ExtFOp::create(b, loc, b.getF32Type(), value);
  if (type.isUnsignedInteger())
    return FromU8Op::create(b, loc, b.getIndexType(), value);
  if (isa<IntegerType>(type) && !type.isInteger(1))
    return arith::IndexCastOp::create(b, loc, b.getIndexType(), value);
  return value;
}

Value ScalarEmitter::toFloat(OpBuilder &b, Location loc, Value value, Type type) {
  type = type ? type : b.getF32Type();
  if (value.getType().isIndex())
    value = arith::IndexCastOp::create(b, loc, b.getI64Type(), value);
  if (value.getType().isInteger(1))
    return arith::UIToFPOp::create(b, loc, type, value);
  if (!isFloat(value))
    return arith::SIToFPOp::create(b, loc, type, value);
  unsigned from = value.getType().getIntOrFloatBitWidth(), to = type.getIntOrFloatBitWidth();
  if (from < to)
    return arith::ExtFOp::create(b, loc, type, value);
  return from > to ? Value(arith::TruncFOp::create(b, loc, type, value)) : value;
}

/// Rounds to even and clamps to the type's range; NaN becomes 0.
static Value floatToInteger(OpBuilder &b, Location loc, Value value, unsigned width, bool isUnsigned) {
  Type f64 = b.getF64Type(), i64 = b.getI64Type();
  value = ScalarEmitter::toFloat(b, loc, value, f64);
  auto number = [&](double x) -> Value { return arith::ConstantOp::create(b, loc, b.getF64FloatAttr(x)); };
  double low = isUnsigned ? 0 : -std::ldexp(1.0, width - 1);
  double high = std::ldexp(1.0, isUnsigned ? width : width - 1) - (width > 53 ? 1024.0 : 1.0);
  Value lowest = number(-std::numeric_limits<double>::infinity());
  Value isNumber = arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OGE, value, lowest); // NaN becomes 0
  Value rounded = math::RoundEvenOp::create(b, loc, arith::SelectOp::create(b, loc, isNumber, value, number(0)));
  Value clamped =
      arith::MaximumFOp::create(b, loc, number(low), arith::MinimumFOp::create(b, loc, number(high), rounded));
  return arith::IndexCastOp::create(b, loc, b.getIndexType(), arith::FPToSIOp::create(b, loc, i64, clamped));
}

static Value saturate(OpBuilder &b, Location loc, Value value, unsigned width, bool isUnsigned) {
  if (width >= 64)
    return value;
  auto number = [&](int64_t x) -> Value { return arith::ConstantIndexOp::create(b, loc, x); };
  Value low = number(isUnsigned ? 0 : -(int64_t(1) << (width - 1)));
  Value high = number((int64_t(1) << (isUnsigned ? width : width - 1)) - 1);
  return arith::MaxSIOp::create(b, loc, low, arith::MinSIOp::create(b, loc, high, value));
}

Value ScalarEmitter::store(OpBuilder &b, Location loc, Value value, Type type) {
  if (value.getType() == type)
    return value;
  if (isa<FloatType>(type))
    return toFloat(b, loc, extend(b, loc, value), type);
  unsigned width = type.isIndex() ? 64 : type.getIntOrFloatBitWidth();
  value = extend(b, loc, value);
  bool isUnsigned = type.isUnsignedInteger();
  value =
      isFloat(value) ? floatToInteger(b, loc, value, width, isUnsigned) : saturate(b, loc, value, width, isUnsigned);
  if (isUnsigned)
    return ToU8Op::create(b, loc, type, value);
  return type.isIndex() ? value : Value(arith::IndexCastOp::create(b, loc, type, value));
}

/// Brings values to one type: floats where there is one, f64 where there is one.
void ScalarEmitter::unify(Location loc, MutableArrayRef<Value> values) {
  if (llvm::none_of(values, isFloat))
    return;
  bool isDouble = llvm::any_of(values, [](Value value) { return value.getType().isF64(); });
  for (Value &value : values)
    value = toFloat(builder, loc, value, isDouble ? builder.getF64Type() : builder.getF32Type());
}

Value ScalarEmitter::emit(const Term *term) {
  Location loc = context.locate(term);
  switch (term->kind) {
  case TermKind::Int:
    return arith::ConstantIndexOp::create(builder, loc, term->integer);
  case TermKind::Float:
    return constant(loc, builder.getF32Type(), term->number);
  case TermKind::Bool:
    return arith::ConstantOp::create(builder, loc, builder.getBoolAttr(term->integer));
  case TermKind::Map:
    return emitMap(term);
  case TermKind::Convert: {
    Value value = emit(term->args[0]);
    if (value.getType().isInteger(1))
      value = arith::IndexCastUIOp::create(builder, loc, builder.getIndexType(), value);
    Type type = context.elementType(term->element);
    return extend(builder, loc, store(builder, loc, value, type));
  }
  case TermKind::In:
  case TermKind::Pos:
  case TermKind::Place:
  case TermKind::Component:
  case TermKind::Len:
  case TermKind::Rand:
    return emitSetTerm(term);
  case TermKind::Else:
    if (Value value = leaf(builder, term))
      return extend(builder, loc, value);
    return emitElse(term);
  default:
    return extend(builder, loc, leaf(builder, term));
  }
}

static std::optional<double> numberOf(const Term *term) {
  if (term->kind == TermKind::Int)
    return term->integer;
  if (term->kind == TermKind::Float)
    return term->number;
  std::optional<double> inner;
  if (term->kind == TermKind::Map && term->op == MapOp::Neg)
    inner = numberOf(term->args[0]);
  return inner ? std::optional<double>(-*inner) : std::nullopt;
}

/// The operands; a literal takes the float type that it meets, so that it is rounded only once.
SmallVector<Value> ScalarEmitter::emitArgs(const Term *term) {
  SmallVector<Value> args(term->args.size());
  Type met;
  for (auto [value, arg] : llvm::zip(args, term->args)) {
    if (numberOf(arg))
      continue;
    value = emit(arg);
    if (isFloat(value) && (!met || value.getType().isF64()))
      met = value.getType();
  }
  for (auto [value, arg] : llvm::zip(args, term->args))
    if (!value)
      value = met ? constant(context.locate(arg), met, *numberOf(arg)) : emit(arg);
  return args;
}

Value ScalarEmitter::emitMap(const Term *term) {
  Location loc = context.locate(term);
  SmallVector<Value> args = emitArgs(term);
  switch (term->op) {
  case MapOp::And:
    return arith::AndIOp::create(builder, loc, args[0], args[1]);
  case MapOp::Or:
    return arith::OrIOp::create(builder, loc, args[0], args[1]);
  case MapOp::Not:
    return arith::XOrIOp::create(builder, loc, args[0],
                                 arith::ConstantOp::create(builder, loc, builder.getBoolAttr(true)));
  case MapOp::Select: {
    MutableArrayRef<Value> branches = MutableArrayRef<Value>(args).drop_front();
    unify(loc, branches);
    return arith::SelectOp::create(builder, loc, args[0], branches[0], branches[1]);
  }
  case MapOp::Neg:
    if (isFloat(args[0]))
      return arith::NegFOp::create(builder, loc, args[0]);
    return arith::SubIOp::create(builder, loc, arith::ConstantIndexOp::create(builder, loc, 0), args[0]);
  default:
    break;
  }
  unify(loc, args);
  if (term->op <= MapOp::Mod)
    return arithmetic(term, args[0], args[1]);
  if (term->op <= MapOp::NotEqual)
    return orFalse(term, comparison(term->op, loc, args[0], args[1]));
  return function(term, args);
}

Value ScalarEmitter::arithmetic(const Term *term, Value a, Value b) {
  Location loc = context.locate(term);
  if (!isFloat(a))
    return integerArithmetic(term->op, loc, a, b);
  switch (term->op) {
  case MapOp::Add:
    return arith::AddFOp::create(builder, loc, a, b);
  case MapOp::Mul:
    return arith::MulFOp::create(builder, loc, a, b);
  case MapOp::Div:
    return DivOp::create(builder, loc, a.getType(), a, b);
  default:
    if (context.isMaximum(term->args[1]))
      return SubOp::create(builder, loc, a.getType(), a, b);
    return arith::SubFOp::create(builder, loc, a, b);
  }
}

Value ScalarEmitter::integerArithmetic(MapOp op, Location loc, Value a, Value b) {
  switch (op) {
  case MapOp::Add:
    return arith::AddIOp::create(builder, loc, a, b);
  case MapOp::Sub:
    return arith::SubIOp::create(builder, loc, a, b);
  case MapOp::Mul:
    return arith::MulIOp::create(builder, loc, a, b);
  default:
    break;
  }
  // attn.idiv and attn.imod are ops on integers of a width.
  Type i64 = builder.getI64Type();
  a = arith::IndexCastOp::create(builder, loc, i64, a);
  b = arith::IndexCastOp::create(builder, loc, i64, b);
  Value result = op == MapOp::Div ? Value(IDivOp::create(builder, loc, i64, a, b))
                                  : Value(IModOp::create(builder, loc, i64, a, b));
  return arith::IndexCastOp::create(builder, loc, builder.getIndexType(), result);
}

Value ScalarEmitter::comparison(MapOp op, Location loc, Value a, Value b) {
  struct Row {
    arith::CmpFPredicate floats;
    arith::CmpIPredicate integers;
  };
  static constexpr Row rows[] = {
      {arith::CmpFPredicate::OLT, arith::CmpIPredicate::slt}, {arith::CmpFPredicate::OLE, arith::CmpIPredicate::sle},
      {arith::CmpFPredicate::OGT, arith::CmpIPredicate::sgt}, {arith::CmpFPredicate::OGE, arith::CmpIPredicate::sge},
      {arith::CmpFPredicate::OEQ, arith::CmpIPredicate::eq},  {arith::CmpFPredicate::UNE, arith::CmpIPredicate::ne}};
  const Row &row = rows[static_cast<size_t>(op) - static_cast<size_t>(MapOp::Less)];
  if (isFloat(a))
    return arith::CmpFOp::create(builder, loc, row.floats, a, b);
  return arith::CmpIOp::create(builder, loc, row.integers, a, b);
}

Value ScalarEmitter::function(const Term *term, MutableArrayRef<Value> args) {
  Location loc = context.locate(term);
  MapOp op = term->op;
  bool wantsFloat = findFunction(spell(op))->signature == Signature::Float;
  if (!wantsFloat && !isFloat(args[0]))
    return integerFunction(op, loc, args);
  for (Value &arg : args)
    arg = isFloat(arg) ? arg : toFloat(builder, loc, arg);
  Value x = args[0];
  switch (op) {
  case MapOp::Pow:
    return math::PowFOp::create(builder, loc, x, args[1]);
  case MapOp::Softcap:
    return arith::MulFOp::create(builder, loc, args[1],
                                 math::TanhOp::create(builder, loc, arith::DivFOp::create(builder, loc, x, args[1])));
  case MapOp::Max:
  case MapOp::Min:
    for (Value y : args.drop_front())
      x = op == MapOp::Max ? Value(arith::MaximumFOp::create(builder, loc, x, y))
                           : Value(arith::MinimumFOp::create(builder, loc, x, y));
    return x;
  case MapOp::Clamp:
    return arith::MinimumFOp::create(builder, loc, arith::MaximumFOp::create(builder, loc, x, args[1]), args[2]);
  default:
    return unaryFunction(op, loc, x);
  }
}

Value ScalarEmitter::unaryFunction(MapOp op, Location loc, Value x) {
  Type type = x.getType();
  auto number = [&](double value) { return constant(loc, type, value); };
  auto logistic = [&] {
    Value e = math::ExpOp::create(builder, loc, arith::NegFOp::create(builder, loc, x));
    return arith::DivFOp::create(builder, loc, number(1), arith::AddFOp::create(builder, loc, number(1), e));
  };
  switch (op) {
  case MapOp::Exp:
    return math::ExpOp::create(builder, loc, x);
  case MapOp::Exp2:
    return math::Exp2Op::create(builder, loc, x);
  case MapOp::Expm1:
    return math::ExpM1Op::create(builder, loc, x);
  case MapOp::Log:
    return math::LogOp::create(builder, loc, x);
  case MapOp::Log2:
    return math::Log2Op::create(builder, loc, x);
  case MapOp::Log1p:
    return math::Log1pOp::create(builder, loc, x);
  case MapOp::Tanh:
    return math::TanhOp::create(builder, loc, x);
  case MapOp::Erf:
    return math::ErfOp::create(builder, loc, x);
  case MapOp::Sqrt:
    return math::SqrtOp::create(builder, loc, x);
  case MapOp::Rsqrt:
    return math::RsqrtOp::create(builder, loc, x);
  case MapOp::Sin:
    return math::SinOp::create(builder, loc, x);
  case MapOp::Cos:
    return math::CosOp::create(builder, loc, x);
  case MapOp::Floor:
    return math::FloorOp::create(builder, loc, x);
  case MapOp::Ceil:
    return math::CeilOp::create(builder, loc, x);
  case MapOp::Round:
    return math::RoundEvenOp::create(builder, loc, x);
  case MapOp::Abs:
    return math::AbsFOp::create(builder, loc, x);
  case MapOp::Sign:
    return sign(loc, x);
  case MapOp::Relu:
    return arith::MaximumFOp::create(builder, loc, x, number(0));
  case MapOp::Sigmoid:
    return logistic();
  case MapOp::Silu:
    return arith::MulFOp::create(builder, loc, x, logistic());
  case MapOp::Gelu: {
    Value erf =
        math::ErfOp::create(builder, loc, arith::MulFOp::create(builder, loc, x, number(0.70710678118654752440)));
    Value half = arith::MulFOp::create(builder, loc, number(0.5), x);
    return arith::MulFOp::create(builder, loc, half, arith::AddFOp::create(builder, loc, number(1), erf));
  }
  case MapOp::Softplus: {
    Value e =
        math::ExpOp::create(builder, loc, arith::NegFOp::create(builder, loc, math::AbsFOp::create(builder, loc, x)));
    return arith::AddFOp::create(builder, loc, arith::MaximumFOp::create(builder, loc, x, number(0)),
                                 math::Log1pOp::create(builder, loc, e));
  }
  default:
    llvm_unreachable("a function of one float");
  }
}

/// -1, 0 or 1; 0 and NaN stay what they are.
Value ScalarEmitter::sign(Location loc, Value x) {
  Value zero = constant(loc, x.getType(), 0), one = constant(loc, x.getType(), 1),
        minus = constant(loc, x.getType(), -1);
  Value below = comparison(MapOp::Less, loc, x, zero), above = comparison(MapOp::Greater, loc, x, zero);
  return arith::SelectOp::create(builder, loc, above, one, arith::SelectOp::create(builder, loc, below, minus, x));
}

Value ScalarEmitter::integerFunction(MapOp op, Location loc, ArrayRef<Value> args) {
  Value x = args[0];
  auto number = [&](int64_t value) -> Value { return arith::ConstantIndexOp::create(builder, loc, value); };
  auto most = [&](Value a, Value b) -> Value { return arith::MaxSIOp::create(builder, loc, a, b); };
  auto least = [&](Value a, Value b) -> Value { return arith::MinSIOp::create(builder, loc, a, b); };
  switch (op) {
  case MapOp::Relu:
    return most(x, number(0));
  case MapOp::Abs:
    return most(x, arith::SubIOp::create(builder, loc, number(0), x));
  case MapOp::Sign:
    return least(most(x, number(-1)), number(1));
  case MapOp::Clamp:
    return least(most(x, args[1]), args[2]);
  case MapOp::Max:
  case MapOp::Min:
    for (Value y : args.drop_front())
      x = op == MapOp::Max ? most(x, y) : least(x, y);
    return x;
  case MapOp::Shl:
    return arith::ShLIOp::create(builder, loc, x, args[1]);
  case MapOp::Shr:
    return arith::ShRSIOp::create(builder, loc, x, args[1]);
  case MapOp::BitAnd:
    return arith::AndIOp::create(builder, loc, x, args[1]);
  case MapOp::BitOr:
    return arith::OrIOp::create(builder, loc, x, args[1]);
  case MapOp::BitXor:
    return arith::XOrIOp::create(builder, loc, x, args[1]);
  case MapOp::Ilog2: {
    Value wide = arith::IndexCastOp::create(builder, loc, builder.getI64Type(), x);
    Value zeros = math::CountLeadingZerosOp::create(builder, loc, wide);
    return arith::SubIOp::create(builder, loc, number(63),
                                 arith::IndexCastOp::create(builder, loc, builder.getIndexType(), zeros));
  }
  default:
    llvm_unreachable("a function of integers");
  }
}

} // namespace attn::spec

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// arith, math and attn scalar operations as terms. One table for operations that are a function of the algebra; the
// others are sums, products, powers and exponentials of the normal form.
#include "passes/attn/ScalarTerms.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/TypeSwitch.h"
#include <cmath>

using namespace mlir;
using namespace attn;
using algebra::Function, algebra::Number, algebra::TermContext, algebra::TermRef;

using Terms = ArrayRef<TermRef>;

static std::optional<Function> functionOf(Operation *op) {
  return llvm::TypeSwitch<Operation *, std::optional<Function>>(op)
      .Case<math::LogOp>([](auto) { return Function::Log; })
      .Case<math::Log1pOp>([](auto) { return Function::Log1p; })
      .Case<math::ExpM1Op>([](auto) { return Function::Expm1; })
      .Case<math::TanhOp>([](auto) { return Function::Tanh; })
      .Case<math::ErfOp>([](auto) { return Function::Erf; })
      .Case<math::AbsFOp, math::AbsIOp>([](auto) { return Function::Abs; })
      .Case<math::SinOp>([](auto) { return Function::Sin; })
      .Case<math::CosOp>([](auto) { return Function::Cos; })
      .Case<math::FloorOp>([](auto) { return Function::Floor; })
      .Case<math::CeilOp>([](auto) { return Function::Ceil; })
      .Case<math::RoundOp>([](auto) { return Function::Round; })
      .Case<math::RoundEvenOp>([](auto) { return Function::RoundEven; })
      .Case<math::TruncOp>([](auto) { return Function::Trunc; })
      .Case<math::PowFOp>([](auto) { return Function::Power; })
      .Case<math::AtanOp>([](auto) { return Function::Atan; })
      .Case<math::SinhOp>([](auto) { return Function::Sinh; })
      .Case<math::CoshOp>([](auto) { return Function::Cosh; })
      .Case<arith::MaximumFOp, arith::MaxSIOp>([](auto) { return Function::Max; })
      .Case<arith::MinimumFOp, arith::MinSIOp>([](auto) { return Function::Min; })
      .Case<RandOp>([](auto) { return Function::Rand; })
      .Case<IDivOp, arith::FloorDivSIOp>([](auto) { return Function::IntDiv; })
      .Case<IModOp>([](auto) { return Function::IntMod; })
      .Default([](auto) { return std::nullopt; });
}

/// Extensions and changes between integers and floats keep the value.
static bool isTransparent(Operation *op) {
  return isa<arith::ExtFOp, arith::SIToFPOp, arith::ExtSIOp, arith::IndexCastOp>(op);
}

static std::optional<TermRef> rounded(TermContext &c, Operation *op, TermRef x) {
  Type type = op->getResult(0).getType();
  if (isa<arith::TruncFOp>(op)) {
    Function f = type.isF16() ? Function::ToF16 : type.isBF16() ? Function::ToBF16 : Function::ToF32;
    return type.isF16() || type.isBF16() || type.isF32() ? std::optional(c.apply(f, {x})) : std::nullopt;
  }
  if (isa<arith::TruncIOp, arith::FPToSIOp>(op)) {
    Function f = type.isInteger(8) ? Function::ToI8 : type.isInteger(32) ? Function::ToI32 : Function::ToI64;
    return type.isInteger(8) || type.isInteger(32) || type.isInteger(64) ? std::optional(c.apply(f, {x}))
                                                                         : std::nullopt;
  }
  return std::nullopt;
}

static std::optional<TermRef> constantTerm(TermContext &c, Operation *op) {
  Attribute value;
  if (!matchPattern(op, m_Constant(&value)))
    return std::nullopt;
  if (auto f = dyn_cast<FloatAttr>(value))
    return c.number(Number::real(f.getValueAsDouble()));
  auto i = dyn_cast<IntegerAttr>(value);
  if (!i)
    return std::nullopt;
  if (i.getType().isInteger(1)) {
    TermRef yes = c.conjunction({});
    return i.getValue().isZero() ? c.negation(yes) : yes;
  }
  return c.number(i.getValue().getSExtValue());
}

static std::optional<TermRef> arithmeticTerm(TermContext &c, Operation *op, Terms x) {
  Number log2 = Number::real(std::log(2.0));
  return llvm::TypeSwitch<Operation *, std::optional<TermRef>>(op)
      .Case<arith::AddFOp, arith::AddIOp>([&](auto) { return c.add(x[0], x[1]); })
      .Case<arith::SubFOp, arith::SubIOp, SubOp>([&](auto) { return c.sub(x[0], x[1]); })
      .Case<arith::MulFOp, arith::MulIOp>([&](auto) { return c.mul(x[0], x[1]); })
      .Case<arith::DivFOp, DivOp>([&](auto) { return c.div(x[0], x[1]); })
      .Case<arith::NegFOp>([&](auto) { return c.scaled(-1, x[0]); })
      .Case<math::ExpOp>([&](auto) { return c.exp(x[0]); })
      .Case<math::Exp2Op>([&](auto) { return c.exp(c.scaled(log2, x[0])); })
      .Case<math::Log2Op>([&](auto) { return c.scaled(log2.reciprocal(), c.apply(Function::Log, {x[0]})); })
      .Case<math::SqrtOp>([&](auto) { return c.power(x[0], Number::fraction(1, 2)); })
      .Case<math::RsqrtOp>([&](auto) {
        return c.isPositive(x[0]) ? c.power(x[0], Number::fraction(-1, 2)) : c.apply(Function::Rsqrt, {x[0]});
      })
      .Case<arith::SelectOp>([&](auto) { return c.select(x[0], x[1], x[2]); })
      .Default([](auto) { return std::nullopt; });
}

static std::optional<TermRef> comparison(TermContext &c, bool equal, bool negate, bool less, bool swap, TermRef a,
                                         TermRef b) {
  if (equal)
    return c.apply(negate ? Function::NotEqual : Function::Equal, {a, b});
  if (swap)
    std::swap(a, b);
  return c.apply(less ? Function::Less : Function::LessEqual, {a, b});
}

static std::optional<TermRef> comparisonTerm(TermContext &c, Operation *op, Terms x) {
  if (auto cmp = dyn_cast<arith::CmpIOp>(op)) {
    using P = arith::CmpIPredicate;
    P p = cmp.getPredicate();
    if (p > P::sge)
      return std::nullopt; // unsigned
    return comparison(c, p == P::eq || p == P::ne, p == P::ne, p == P::slt || p == P::sgt, p == P::sgt || p == P::sge,
                      x[0], x[1]);
  }
  auto cmp = dyn_cast<arith::CmpFOp>(op);
  if (!cmp)
    return std::nullopt;
  using P = arith::CmpFPredicate;
  switch (P p = cmp.getPredicate()) {
  case P::OEQ:
  case P::UNE:
  case P::OLT:
  case P::OLE:
  case P::OGT:
  case P::OGE:
    return comparison(c, p == P::OEQ || p == P::UNE, p == P::UNE, p == P::OLT || p == P::OGT,
                      p == P::OGT || p == P::OGE, x[0], x[1]);
  default:
    return std::nullopt;
  }
}

static std::optional<TermRef> connectiveTerm(TermContext &c, Operation *op, Terms x) {
  if (op->getNumResults() != 1 || !op->getResult(0).getType().isInteger(1))
    return std::nullopt;
  return llvm::TypeSwitch<Operation *, std::optional<TermRef>>(op)
      .Case<arith::AndIOp>([&](auto) { return c.apply(Function::And, x); })
      .Case<arith::OrIOp>([&](auto) { return c.apply(Function::Or, x); })
      .Case<arith::XOrIOp>([&](auto) -> std::optional<TermRef> {
        TermRef yes = c.conjunction({});
        if (x[1] == yes || x[0] == yes)
          return c.negation(x[1] == yes ? x[0] : x[1]);
        return c.apply(Function::NotEqual, x);
      })
      .Default([](auto) { return std::nullopt; });
}

std::optional<TermRef> attn::scalarTerm(TermContext &c, Operation *op, Terms x) {
  if (auto t = constantTerm(c, op))
    return t;
  if (isa<arith::UIToFPOp, arith::ExtUIOp>(op) && op->getOperand(0).getType().isInteger(1))
    return c.select(x[0], c.one(), c.zero());
  if (auto extent = dyn_cast<ExtentOp>(op))
    return c.extent(extent.getRank());
  if (isTransparent(op))
    return x[0];
  if (std::optional<Function> f = functionOf(op))
    return c.apply(*f, x);
  if (auto t = rounded(c, op, x.empty() ? nullptr : x[0]))
    return t;
  if (auto t = arithmeticTerm(c, op, x))
    return t;
  if (auto t = comparisonTerm(c, op, x))
    return t;
  return connectiveTerm(c, op, x);
}

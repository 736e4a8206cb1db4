// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/target/Real.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;

namespace attn {

const Format *findFormat(Type type) {
  static const Format f32 = {32, 23, 127}, f64 = {64, 52, 1023};
  Type element = getElementTypeOrSelf(type);
  return element.isF32() ? &f32 : element.isF64() ? &f64 : nullptr;
}

static Type withElement(Type type, Type element) {
  auto vector = dyn_cast<VectorType>(type);
  return vector ? vector.clone(element) : element;
}

static Value constant(ImplicitLocOpBuilder &b, Type type, Attribute element) {
  if (auto vector = dyn_cast<VectorType>(type))
    return arith::ConstantOp::create(b, DenseElementsAttr::get(vector, element));
  return arith::ConstantOp::create(b, cast<TypedAttr>(element));
}

Value Real::as(const Real &like) const {
  if (value)
    return value;
  Type type = like.get().getType();
  return constant(like.b(), type, FloatAttr::get(getElementTypeOrSelf(type), number));
}

Value Bits::as(const Bits &like) const {
  if (value)
    return value;
  Type type = like.get().getType();
  return constant(like.b(), type, IntegerAttr::get(getElementTypeOrSelf(type), number));
}

Bits Real::bits() const {
  Type integer = IntegerType::get(value.getContext(), format().width);
  return Bits(*builder, arith::BitcastOp::create(*builder, withElement(value.getType(), integer), value));
}

Real Real::cast(Type element) const {
  Type type = withElement(value.getType(), element);
  if (element.getIntOrFloatBitWidth() > format().width)
    return Real(*builder, arith::ExtFOp::create(*builder, type, value));
  if (element.getIntOrFloatBitWidth() < format().width)
    return Real(*builder, arith::TruncFOp::create(*builder, type, value));
  return *this;
}

Real Bits::real() const {
  Type integer = getElementTypeOrSelf(value.getType());
  Type element =
      integer.isInteger(64) ? Type(Float64Type::get(value.getContext())) : Type(Float32Type::get(value.getContext()));
  return Real(*builder, arith::BitcastOp::create(*builder, withElement(value.getType(), element), value));
}

Bits Bits::narrowed(unsigned width) const {
  Type integer = IntegerType::get(value.getContext(), width);
  return Bits(*builder, arith::TruncIOp::create(*builder, withElement(value.getType(), integer), value));
}

/// The operand that has a type; numbers take theirs from it.
template <typename T> static const T &typed(const T &a, const T &b) {
  assert((a.get() || b.get()) && "two numbers: compute in C++");
  return a.get() ? a : b;
}

template <typename Op, typename T> static T binary(const T &a, const T &b) {
  const T &like = typed(a, b);
  return T(like.b(), Op::create(like.b(), a.as(like), b.as(like)));
}

Real operator+(Real a, Real b) { return binary<arith::AddFOp>(a, b); }
Real operator-(Real a, Real b) { return binary<arith::SubFOp>(a, b); }
Real operator*(Real a, Real b) { return binary<arith::MulFOp>(a, b); }
Real operator/(Real a, Real b) { return binary<arith::DivFOp>(a, b); }
Real operator-(Real a) { return Real(a.b(), arith::NegFOp::create(a.b(), a.get())); }
Real fma(Real a, Real b, Real c) {
  const Real &like = a.isNumber() ? typed(b, c) : a;
  return Real(like.b(), math::FmaOp::create(like.b(), a.as(like), b.as(like), c.as(like)));
}
Real abs(Real a) { return Real(a.b(), math::AbsFOp::create(a.b(), a.get())); }
Real trunc(Real a) { return Real(a.b(), math::TruncOp::create(a.b(), a.get())); }
Real sqrt(Real a) { return Real(a.b(), math::SqrtOp::create(a.b(), a.get())); }
Real copysign(Real magnitude, Real sign) { return binary<math::CopySignOp>(magnitude, sign); }

static Mask compare(arith::CmpFPredicate predicate, const Real &a, const Real &b) {
  const Real &like = typed(a, b);
  return Mask(like.b(), arith::CmpFOp::create(like.b(), predicate, a.as(like), b.as(like)));
}
Mask operator<(Real a, Real b) { return compare(arith::CmpFPredicate::OLT, a, b); }
Mask operator<=(Real a, Real b) { return compare(arith::CmpFPredicate::OLE, a, b); }
Mask operator>(Real a, Real b) { return compare(arith::CmpFPredicate::OGT, a, b); }
Mask operator>=(Real a, Real b) { return compare(arith::CmpFPredicate::OGE, a, b); }
Mask operator==(Real a, Real b) { return compare(arith::CmpFPredicate::OEQ, a, b); }
Mask operator!=(Real a, Real b) { return compare(arith::CmpFPredicate::UNE, a, b); }

template <typename T> static T selectOf(const Mask &condition, const T &a, const T &b) {
  const T &like = typed(a, b);
  return T(like.b(), arith::SelectOp::create(like.b(), condition.get(), a.as(like), b.as(like)));
}
Real select(Mask condition, Real a, Real b) { return selectOf(condition, a, b); }
Bits select(Mask condition, Bits a, Bits b) { return selectOf(condition, a, b); }

// In this operand order x86's vmaxps and vminps give the second operand, the value, for NaN.
Real atLeast(Real a, double bound) { return select(Real(bound) > a, bound, a); }
Real atMost(Real a, double bound) { return select(Real(bound) < a, bound, a); }

Real horner(Real x, ArrayRef<double> c, double scale) {
  Real sum = c.back() * scale;
  for (double lower : llvm::reverse(c.drop_back()))
    sum = fma(sum, x, lower * scale);
  return sum;
}

Bits operator+(Bits a, Bits b) { return binary<arith::AddIOp>(a, b); }
Bits operator-(Bits a, Bits b) { return binary<arith::SubIOp>(a, b); }
Bits operator&(Bits a, Bits b) { return binary<arith::AndIOp>(a, b); }
Bits operator|(Bits a, Bits b) { return binary<arith::OrIOp>(a, b); }
Bits operator^(Bits a, Bits b) { return binary<arith::XOrIOp>(a, b); }
Bits operator<<(Bits a, int by) { return binary<arith::ShLIOp>(a, Bits(by)); }
Bits operator>>(Bits a, int by) { return binary<arith::ShRUIOp>(a, Bits(by)); }
Mask operator!=(Bits a, Bits b) {
  const Bits &like = typed(a, b);
  return Mask(like.b(), arith::CmpIOp::create(like.b(), arith::CmpIPredicate::ne, a.as(like), b.as(like)));
}

template <typename Op> static Mask logical(const Mask &a, const Mask &b) {
  return Mask(a.b(), Op::create(a.b(), a.get(), b.get()));
}
Mask operator&(Mask a, Mask b) { return logical<arith::AndIOp>(a, b); }
Mask operator|(Mask a, Mask b) { return logical<arith::OrIOp>(a, b); }
Mask operator^(Mask a, Mask b) { return logical<arith::XOrIOp>(a, b); }
Mask operator!(Mask a) {
  Value ones = constant(a.b(), a.get().getType(), IntegerAttr::get(IntegerType::get(a.get().getContext(), 1), 1));
  return Mask(a.b(), arith::XOrIOp::create(a.b(), a.get(), ones));
}

int64_t bitsOf(double number, const Format &format) {
  if (format.width == 32)
    return APFloat(float(number)).bitcastToAPInt().getSExtValue();
  return APFloat(number).bitcastToAPInt().getSExtValue();
}

} // namespace attn

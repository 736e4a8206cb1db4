// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Rounding to integers and to narrower formats.
#include "passes/target/Expansions.h"

using namespace mlir;

namespace attn::expansion {

Real rsqrt(Real x) { return Real(1) / sqrt(x); }

Real round(Real x) {
  Real whole = trunc(x); // x - whole is exact
  Real step = select(abs(x - whole) >= 0.5, Real(1).like(x), 0);
  return copysign(abs(whole) + step, x);
}

/// f64 to f32 so that a second rounding, to a format with at least two bits less, gives what one rounding would: toward
/// zero, and the last bit set where anything was lost (rounding to odd: Boldo and Melquiond 2008).
static Real toOddF32(Real x) {
  Real nearest = x.cast(x.b().getF32Type());
  Real back = nearest.cast(x.b().getF64Type());
  Bits bits = nearest.bits();
  Bits towardZero = select(abs(back) > abs(x), bits - 1, bits);
  Mask lost = (back < x) | (back > x);
  return select(lost, towardZero | 1, bits).real();
}

/// Adds just under half of the last place that stays, plus its lowest bit for ties, and cuts.
static Value narrowToBF16(Real x, FloatType element) {
  Bits bits = x.bits();
  Bits high = bits >> 16;
  Bits rounded = (bits + 0x7fff + (high & 1)) >> 16;
  Bits result = select(x != x, high | 0x40, rounded).narrowed(16); // a NaN may have nothing in the bits that stay
  auto vector = dyn_cast<VectorType>(result.get().getType());
  Type type = vector ? Type(vector.clone(element)) : element;
  return arith::BitcastOp::create(x.b(), type, result.get());
}

Value narrow(Real x, FloatType element) {
  if (x.format().width == 64)
    x = toOddF32(x);
  if (element.isBF16())
    return narrowToBF16(x, element);
  Type type = x.get().getType();
  auto vector = dyn_cast<VectorType>(type);
  return arith::TruncFOp::create(x.b(), vector ? Type(vector.clone(element)) : element, x.get());
}

} // namespace attn::expansion

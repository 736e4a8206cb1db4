// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// 2^x = 2^n 2^f with n the integer nearest to x. Adding 1.5 * 2^23 to x rounds it to n, which is then in the low bits
// of the sum (Cody and Waite, "Software Manual for the Elementary Functions", 1980, for the reduction; the magic number
// is folklore). Two details matter. The power of two is multiplied, not added to the exponent, as the addition turns a
// NaN whose payload has low bits into a number. And the polynomial is 2 * 2^f and the factor 2^(n-1), so that n = 128
// does not overflow in the factor when the result does not; n = -126 has the factor 0, hence exp2(-inf) = 0 without a
// select.
#include "passes/target/Expansions.h"
#include "passes/target/Polynomials.h"

using namespace mlir;

namespace attn::expansion {

static constexpr double kLn2 = 0.6931471805599453, kLog2e = 1.4426950408889634;
static const PerFormat<ArrayRef<double>> kLn2Parts = {kLn2F32, kLn2F64};
static const PerFormat<ArrayRef<double>> kExpTail = {kExpTailF32, kExpTailF64};

static ArrayRef<double> exp2Polynomial(const Format &format, int degree) {
  if (format.width == 64)
    return kExp2F64;
  return degree == 3 ? ArrayRef(kExp2Degree3) : degree == 5 ? ArrayRef(kExp2Degree5) : ArrayRef(kExp2Degree6);
}

bool isExp2Degree(int degree) { return degree == 3 || degree == 5 || degree == 6; }

/// Rounds to an integer n what is added to it, and leaves n - 1 as a biased exponent in the low bits.
static double exponentMagic(const Format &format) { return format.magic() + format.bias - 1; }

/// 2^(n-1) of a sum with exponentMagic: the low bits become sign and exponent.
static Real halfPower(Real sum) { return (sum.bits() << sum.format().mantissaBits).real(); }

Real exp2(Real x, int degree) {
  const Format &format = x.format();
  Real clamped = atMost(atLeast(x, 1 - format.bias), format.bias + 1);
  Real sum = clamped + exponentMagic(format);
  Real f = clamped - (sum - exponentMagic(format));
  return fma(horner(f, exp2Polynomial(format, degree), 2), f, 2) * halfPower(sum);
}

namespace {
/// x = n ln 2 + r, |r| <= ln 2 / 2.
struct Reduced {
  Real r, halfPower;
};
} // namespace

static Reduced reduce(Real x) {
  const Format &format = x.format();
  ArrayRef<double> ln2 = kLn2Parts[format];
  Real sum = fma(x, kLog2e, exponentMagic(format));
  Real n = sum - exponentMagic(format);
  Real r = fma(n, -ln2[1], fma(n, -ln2[0], x));
  return {r, halfPower(sum)};
}

/// Where e^x has certainly overflowed, and n is still a valid exponent.
static double expOverflow(const Format &format) { return (format.bias + 1.3) * kLn2; }

Real exp(Real x) {
  const Format &format = x.format();
  double underflow = (0.9 - format.bias) * kLn2;
  auto [r, halfPower] = reduce(atMost(atLeast(x, underflow), expOverflow(format)));
  return fma(fma(horner(r, kExpTail[format], 2), r, 2), r, 2) * halfPower;
}

Real expm1(Real x) {
  const Format &format = x.format();
  double minusOne = -(format.mantissaBits + 3) * kLn2; // the result rounds to -1 from here on
  auto [r, halfPower] = reduce(atMost(atLeast(x, minusOne), expOverflow(format)));
  Real e = fma(r * r, horner(r, kExpTail[format]), r); // e^r - 1; then 2 (2^(n-1) e + (2^(n-1) - 1/2))
  return fma(halfPower, e, halfPower - 0.5) * 2;
}

// tanh |x| = -e / (e + 2), e = e^(-2|x|) - 1: without cancellation anywhere.
Real tanh(Real x) {
  double one = (x.format().mantissaBits + 3) * kLn2 / 2;
  Real e = expm1(atMost(abs(x), one) * -2);
  return copysign(e / (e + 2), x);
}

Real erf(Real x) {
  static const PerFormat<ArrayRef<double>> near = {kErfNearF32, kErfNearF64}, far = {kErfFarF32, kErfFarF64};
  static const PerFormat<double> one = {4, 6};
  const Format &format = x.format();
  Real size = abs(x);
  Real small = fma(size, horner(size * size, near[format]), size);
  Real large = Real(1) - exp(-horner(atMost(size, one[format]) - 2, far[format]));
  return copysign(select(size < 1, small, large), x);
}

} // namespace attn::expansion

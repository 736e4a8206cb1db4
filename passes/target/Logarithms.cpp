// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// x = 2^k (1 + f) with 1 + f in [sqrt(1/2), sqrt(2)), so that k = 0 on both sides of 1, where the result is near 0 and
// its relative error counts; log x = k log 2 + (f + f^2 P(f)). The subtraction m - 1 is exact.
#include "passes/target/Logarithms.h"
#include "passes/target/Expansions.h"
#include "passes/target/Polynomials.h"
#include <limits>

using namespace mlir;

namespace attn::expansion {

static constexpr double kInfinity = std::numeric_limits<double>::infinity();
static constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
static constexpr double kLog2e = 1.4426950408889634, kSqrtHalf = 0.7071067811865476;

/// x's distance from sqrt(1/2) in units of the last place; its exponent field is that of 2^k, biased.
static Bits fromSqrtHalf(Real x) {
  const Format &format = x.format();
  return x.bits() + ((int64_t(format.bias) << format.mantissaBits) - bitsOf(kSqrtHalf, format));
}

/// m of the decomposition, from fromSqrtHalf.
static Real mantissa(Bits distance, const Format &format) {
  int64_t mask = (int64_t(1) << format.mantissaBits) - 1;
  return ((distance & mask) + bitsOf(kSqrtHalf, format)).real();
}

/// The exponent field as a float: integers below 2^mantissaBits are the low bits of magic numbers. AVX2 has no i64 to
/// f64.
static Real exponentField(Bits distance, const Format &format) {
  return ((distance >> format.mantissaBits) + bitsOf(format.magic(), format)).real();
}

Binade splitBinade(Real x) {
  const Format &format = x.format();
  int up = format.mantissaBits + 1;
  Mask tiny = x < format.minNormal();
  Bits distance = fromSqrtHalf(select(tiny, x * std::ldexp(1.0, up), x));
  double offset = format.magic() + format.bias;
  Real offsets = select(tiny, Real(offset + up).like(x), offset);
  return {exponentField(distance, format) - offsets, mantissa(distance, format)};
}

/// The values at and beyond the ends of the domain of a logarithm of `x` that was computed as `result`.
static Real atEnds(Real x, Real result) {
  Real outside = select(x == 0, Real(-kInfinity).like(x), kNaN);
  Real inside = select(x > 0, result, outside);
  return select(x < kInfinity, inside, x); // inf and NaN are their own logarithms
}

/// k ln 2 + log(1 + f)
static Real naturalLog(Real k, Real f) {
  static const PerFormat<ArrayRef<double>> tail = {kLogTailF32, kLogTailF64}, parts = {kLn2F32, kLn2F64};
  const Format &format = f.format();
  ArrayRef<double> ln2 = parts[format];
  Real low = fma(k, ln2[1], f * f * horner(f, tail[format]));
  return fma(k, ln2[0], f + low);
}

Real log2(Real x) {
  static const PerFormat<ArrayRef<double>> tail = {kLog2TailF32, kLog2TailF64};
  auto [k, m] = splitBinade(x);
  Real f = m - 1;
  return atEnds(x, k + fma(f, kLog2e, f * f * horner(f, tail[x.format()])));
}

Real log(Real x) {
  auto [k, m] = splitBinade(x);
  return atEnds(x, naturalLog(k, m - 1));
}

// 1 + x = 2^k (1 + f) with k from the rounded sum and f = 2^-k x + (2^-k - 1) from x itself, so nothing of x is lost.
// For large k the rounded sum is as good, and 2^-k may not exist.
Real log1p(Real x) {
  const Format &format = x.format();
  Real sum = x + 1;
  Bits distance = fromSqrtHalf(sum);
  Real k = exponentField(distance, format) - (format.magic() + format.bias);
  Real inverse = ((Bits(2 * format.bias) - (distance >> format.mantissaBits)) << format.mantissaBits).real();
  Real f = select(k < format.bias / 2, fma(x, inverse, inverse - 1), mantissa(distance, format) - 1);
  return atEnds(sum, naturalLog(k, f));
}

} // namespace attn::expansion

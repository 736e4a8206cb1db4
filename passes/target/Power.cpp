// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// x^y = 2^(y log2 |x|), with a sign. An error of the product is a relative error of the result, and the product goes up to 1024, so
// the logarithm carries about ten bits more than f64 has, as a sum of two: log2 m = 2/ln 2 atanh s with s = f / (2 + f),
// where only the leading term needs both parts (the cubic one is below 1/100 of it). Products and quotients are split
// exactly with fma (Dekker 1971; Muller et al., "Handbook of Floating-Point Arithmetic", chapter 4).
#include "passes/target/Expansions.h"
#include "passes/target/Logarithms.h"
#include "passes/target/Polynomials.h"
#include <limits>

using namespace mlir;

namespace attn::expansion {

static constexpr double kInfinity = std::numeric_limits<double>::infinity();

namespace {
/// A sum of two, the second below the last place of the first.
struct Pair {
  Real high, low;
};
} // namespace

/// Exact if |a| >= |b| or a = 0.
static Pair sumOf(Real a, Real b) {
  Real high = a + b;
  return {high, b - (high - a)};
}

static Pair log2Pair(Real x) {
  constexpr double scaleHigh = 2.8853900817779268, scaleLow = 4.0710547481862066e-17; // 2 / ln 2
  auto [k, m] = splitBinade(x);
  Real f = m - 1;
  Real divisor = f + 2;
  Real divisorLow = f - (divisor - 2);
  Real s = f / divisor;
  Real sLow = (fma(-s, divisor, f) - s * divisorLow) / divisor;
  Real square = s * s;
  Real lead = s * scaleHigh;
  Real rest = fma(s, scaleLow, fma(sLow, scaleHigh, square * s * horner(square, kLog2AtanhF64)));
  Pair logM = sumOf(lead, fma(s, scaleHigh, -lead) + rest);
  Pair log = sumOf(k, logM.high); // |k| >= 1, or 0
  return {log.high, log.low + logM.low};
}

/// 2^(high + low); beyond the range of f64 only the sign of `high` counts.
static Real exp2Of(Pair p) {
  Real power = exp2(p.high, 6);
  // 2^low = 1 + low ln 2 to the last place, as |low| < 2^-40 wherever the power is finite
  constexpr double ln2 = 0.6931471805599453;
  Mask finite = (abs(p.high) < 1100) & (power < kInfinity);
  return select(finite, fma(power, p.low * ln2, power), power);
}

/// The value at arguments for which y log2 |x| is not computed or has another sign than the result.
static Real atSpecialArguments(Real x, Real y, Real result) {
  Real size = abs(x);
  Real half = y * 0.5;
  Mask integer = trunc(y) == y;
  Mask odd = integer & (trunc(half) != half);
  Real zero = Real(0.0).like(x);
  Mask end = (size == 0) | (size == kInfinity);
  result = select(end, select((size == 0) ^ (y < 0), zero, kInfinity), result);
  result = select(odd, copysign(result, x), result);
  result = select((x < 0) & (x > -kInfinity) & !integer, std::numeric_limits<double>::quiet_NaN(), result);
  result = select((x != x) | (y != y), x + y, result);
  Mask one = (y == 0) | (x == 1) | ((size == 1) & (abs(y) == kInfinity));
  return select(one, 1, result);
}

static Real powF64(Real x, Real y) {
  auto [high, low] = log2Pair(abs(x));
  Real product = y * high;
  Real productLow = fma(y, high, -product) + y * low;
  return atSpecialArguments(x, y, exp2Of({product, productLow}));
}

Real pow(Real x, Real y) {
  if (x.format().width == 64)
    return powF64(x, y);
  Type f64 = x.b().getF64Type(), f32 = x.b().getF32Type();
  return powF64(x.cast(f64), y.cast(f64)).cast(f32);
}

} // namespace attn::expansion

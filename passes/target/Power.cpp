// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// x^y = 2^(y log2 |x|), with a sign. An error of the product is a relative error of the result, and the product goes up
// to 1024, so the logarithm carries more than ten bits beyond those of f64, as a sum of two: log2 m = 2/ln 2 atanh s
// with s = f / (2 + f), where the first two terms of the series of atanh need both parts. Sums and products are split
// exactly (Dekker 1971; Muller et al., "Handbook of Floating-Point Arithmetic", chapter 4).
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

/// The exact sum if |a| >= |b| or a = 0.
static Pair sumOf(Real a, Real b) {
  Real high = a + b;
  return {high, b - (high - a)};
}

static Pair productOf(Pair a, Pair b) {
  Real high = a.high * b.high;
  return {high, fma(a.high, b.high, -high) + fma(a.high, b.low, a.low * b.high)};
}

/// f / (2 + f)
static Pair quotient(Real f) {
  Pair divisor = sumOf(Real(2).like(f), f);
  Real s = f / divisor.high;
  Real rest = fma(-s, divisor.high, f) - s * divisor.low;
  return {s, rest / divisor.high};
}

static Pair log2Pair(Real x) {
  auto [k, m] = splitBinade(x);
  auto number = [&](double high, double low) { return Pair{Real(high).like(x), Real(low).like(x)}; };
  Pair s = quotient(m - 1);
  Pair square = productOf(s, s);
  Pair third = number(0.3333333333333333, 1.850371707708594e-17);
  Pair inner = sumOf(third.high, square.high * horner(square.high, kAtanhTailF64));
  Pair cubic = productOf(productOf(square, {inner.high, inner.low + third.low}), s);
  Pair atanh = sumOf(s.high, cubic.high);
  Pair scale = number(2.8853900817779268, 4.0710547481862066e-17); // 2 / ln 2
  Pair logM = productOf({atanh.high, atanh.low + (s.low + cubic.low)}, scale);
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

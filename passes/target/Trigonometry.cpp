// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// x = n pi/2 + r with |r| <= pi/4 (a little more when x / (pi/2) rounds to the other side). pi/2 is the sum of three
// floats: x minus n times the first is exact with fma, as it is a multiple of the first one's last place and below 1;
// the other two bring |r| to its last place however near x lies to a multiple of pi/2 (Cody and Waite). The quadrant is
// in the low bits of n.
#include "passes/target/Expansions.h"
#include "passes/target/Polynomials.h"
#include <limits>

using namespace mlir;

namespace attn::expansion {

static constexpr double kTwoOverPi = 0.6366197723675814;
static const PerFormat<ArrayRef<double>> kHalfPi = {kHalfPiF32, kHalfPiF64};
static const PerFormat<double> kDomain = {0x1p22, 0x1p50};

static Real sine(Real r) {
  static const PerFormat<ArrayRef<double>> tail = {kSinTailF32, kSinTailF64};
  Real square = r * r;
  return fma(r * square, horner(square, tail[r.format()]), r);
}

static Real cosine(Real r) {
  static const PerFormat<ArrayRef<double>> tail = {kCosTailF32, kCosTailF64};
  Real square = r * r;
  return fma(square * square, horner(square, tail[r.format()]), fma(square, -0.5, 1));
}

/// sin(x + quadrants pi/2)
static Real sineAt(Real x, int quadrants) {
  const Format &format = x.format();
  Real sum = fma(x, kTwoOverPi, format.magic());
  Real n = sum - format.magic();
  Real r = x;
  for (double part : kHalfPi[format])
    r = fma(n, -part, r);
  Bits quadrant = sum.bits() + quadrants;
  Real value = select((quadrant & 1) != 0, cosine(r), sine(r));
  Bits sign = (quadrant & 2) << int(format.width - 2);
  return select(abs(x) <= kDomain[format], (value.bits() ^ sign).real(), std::numeric_limits<double>::quiet_NaN());
}

Real sin(Real x) { return sineAt(x, 0); }
Real cos(Real x) { return sineAt(x, 1); }

} // namespace attn::expansion

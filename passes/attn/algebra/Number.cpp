// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Exact fractions with a fall-back to double: powers and binomials of the derivation rules must cancel exactly, while a
// literal such as log2(e) has no useful fraction.
#include "passes/attn/algebra/Number.h"
#include "llvm/ADT/bit.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/MathExtras.h"
#include <cmath>
#include <numeric>

using namespace attn::algebra;

Number Number::fraction(int64_t numerator, int64_t denominator) {
  int64_t divisor = std::gcd(numerator, denominator);
  Number r;
  r.numerator = (denominator < 0 ? -numerator : numerator) / divisor;
  r.denominator = std::abs(denominator) / divisor;
  return r;
}

Number Number::real(double value) {
  constexpr double kScale = 1 << 20;
  double scaled = value * kScale;
  if (std::abs(scaled) < 0x1p52 && scaled == std::floor(scaled))
    return fraction(int64_t(scaled), int64_t(kScale));
  Number r;
  r.denominator = 0;
  r.approximate = value;
  return r;
}

bool Number::isInfinite() const { return !isExact() && std::isinf(approximate); }

double Number::toDouble() const { return isExact() ? double(numerator) / double(denominator) : approximate; }

Number Number::operator-() const {
  Number r = *this;
  if (isExact()) // whose approximate part stays +0: equal numbers have equal bits
    r.numerator = -r.numerator;
  else
    r.approximate = -r.approximate;
  return r;
}

Number Number::operator+(const Number &other) const {
  int64_t a, b, sum, common;
  if (isExact() && other.isExact() && !llvm::MulOverflow(numerator, other.denominator, a) &&
      !llvm::MulOverflow(other.numerator, denominator, b) && !llvm::AddOverflow(a, b, sum) &&
      !llvm::MulOverflow(denominator, other.denominator, common))
    return fraction(sum, common);
  return real(toDouble() + other.toDouble());
}

Number Number::operator*(const Number &other) const {
  int64_t above, below;
  if (isExact() && other.isExact() && !llvm::MulOverflow(numerator, other.numerator, above) &&
      !llvm::MulOverflow(denominator, other.denominator, below))
    return fraction(above, below);
  return real(toDouble() * other.toDouble());
}

Number Number::reciprocal() const {
  return isExact() && numerator != 0 ? fraction(denominator, numerator) : real(1.0 / toDouble());
}

Number Number::power(const Number &exponent) const {
  if (!exponent.isInteger() || std::abs(exponent.numerator) > 64)
    return real(std::pow(toDouble(), exponent.toDouble()));
  Number result = 1;
  for (int64_t i = 0, e = std::abs(exponent.numerator); i < e; ++i)
    result = result * *this;
  return exponent.isNegative() ? result.reciprocal() : result;
}

bool Number::operator==(const Number &other) const {
  return numerator == other.numerator && denominator == other.denominator &&
         llvm::bit_cast<uint64_t>(approximate) == llvm::bit_cast<uint64_t>(other.approximate);
}

void Number::Profile(llvm::FoldingSetNodeID &id) const {
  id.AddInteger(numerator);
  id.AddInteger(denominator);
  id.AddInteger(llvm::bit_cast<uint64_t>(approximate));
}

void Number::print(llvm::raw_ostream &os) const {
  if (!isExact())
    os << llvm::format("%.6g", approximate);
  else if (denominator == 1)
    os << numerator;
  else if (denominator <= 16)
    os << numerator << '/' << denominator;
  else
    os << llvm::format("%.6g", toDouble());
}

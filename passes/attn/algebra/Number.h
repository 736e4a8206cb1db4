// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef ATTNC_PASSES_ATTN_ALGEBRA_NUMBER_H
#define ATTNC_PASSES_ATTN_ALGEBRA_NUMBER_H
#include "llvm/ADT/FoldingSet.h"
#include "llvm/Support/raw_ostream.h"
#include <cstdint>
#include <optional>

namespace attn::algebra {

/// A coefficient or a power: an exact fraction as long as it fits into 64 bits, a double from then on.
class Number {
public:
  Number(int64_t value = 0) : numerator(value) {}
  Number(int value) : numerator(value) {}
  Number(unsigned value) : numerator(value) {}
  /// numerator / denominator; the denominator is not 0.
  static Number fraction(int64_t numerator, int64_t denominator);
  /// Exact where the value is a short binary fraction (1.0, 0.5), so that a spec's 2.0 is the integer 2.
  static Number real(double value);

  bool isExact() const { return denominator != 0; }
  bool isInteger() const { return denominator == 1; }
  bool isZero() const { return isExact() && numerator == 0; }
  bool isOne() const { return isInteger() && numerator == 1; }
  bool isNegative() const { return isExact() ? numerator < 0 : approximate < 0; }
  bool isPositive() const { return isExact() ? numerator > 0 : approximate > 0; }
  bool isInfinite() const;
  bool isEven() const { return isInteger() && numerator % 2 == 0; }
  /// The value of an integer.
  int64_t getInteger() const { return numerator; }
  double toDouble() const;

  Number operator-() const;
  Number operator+(const Number &other) const;
  Number operator-(const Number &other) const { return *this + -other; }
  Number operator*(const Number &other) const;
  Number reciprocal() const;
  /// This number to an integer or fractional power.
  Number power(const Number &exponent) const;
  bool operator==(const Number &other) const;
  bool operator!=(const Number &other) const { return !(*this == other); }

  void Profile(llvm::FoldingSetNodeID &id) const;
  void print(llvm::raw_ostream &os) const;

private:
  int64_t numerator = 0, denominator = 1; // denominator 0: see approximate
  double approximate = 0;
};

} // namespace attn::algebra
#endif

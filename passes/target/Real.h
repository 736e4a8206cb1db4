// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Formulas over f32 and f64 as C++ expressions: each operator emits one arith or math operation on a scalar or a vector
// of any shape. Numbers become constants of the type of the value they meet. No flags: every sum stays as it is
// written, which the rounding tricks and the NaN rules of the expansions depend on.
#pragma once
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include <cmath>

namespace attn {

/// Facts of an IEEE binary format.
struct Format {
  unsigned width;   ///< bits
  int mantissaBits; ///< stored ones
  int bias;         ///< of the exponent
  /// Adding it to a number below 2^(mantissaBits - 1) in size rounds that to an integer, which is then in the low bits.
  double magic() const { return std::ldexp(1.5, mantissaBits); }
  double minNormal() const { return std::ldexp(1.0, 1 - bias); }
};

/// The format of a type's elements, null for anything but f32 and f64.
const Format *findFormat(mlir::Type type);

/// One value per format; indexed by the width of what it is used with.
template <typename T> struct PerFormat {
  T f32, f64;
  const T &operator[](const Format &format) const { return format.width == 32 ? f32 : f64; }
};

class Bits;
class Mask;

/// A float value, or a number that has not met one yet; of two numbers `like` must turn one into a value.
class Real {
public:
  Real(double number) : number(number) {}
  Real(mlir::ImplicitLocOpBuilder &builder, mlir::Value value) : builder(&builder), value(value) {}
  const Format &format() const { return *findFormat(value.getType()); }
  bool isNumber() const { return !value; }
  /// The value, in the type of `like` if this is a number.
  mlir::Value as(const Real &like) const;
  Real like(const Real &other) const { return Real(other.b(), as(other)); }
  mlir::Value get() const { return value; }
  mlir::ImplicitLocOpBuilder &b() const { return *builder; }
  Bits bits() const;
  Real cast(mlir::Type element) const; ///< to f32 or f64

private:
  mlir::ImplicitLocOpBuilder *builder = nullptr;
  mlir::Value value;
  double number = 0;
};

Real operator+(Real a, Real b);
Real operator-(Real a, Real b);
Real operator*(Real a, Real b);
Real operator/(Real a, Real b);
Real operator-(Real a);
Real fma(Real a, Real b, Real c);
Real abs(Real a);
Real trunc(Real a);
Real sqrt(Real a);
Real copysign(Real magnitude, Real sign);

// Comparisons are false for NaN, but for !=.
Mask operator<(Real a, Real b);
Mask operator<=(Real a, Real b);
Mask operator>(Real a, Real b);
Mask operator>=(Real a, Real b);
Mask operator==(Real a, Real b);
Mask operator!=(Real a, Real b);
Real select(Mask condition, Real a, Real b);

/// At least `bound`, at most `bound`; NaN stays NaN. One instruction each.
Real atLeast(Real a, double bound);
Real atMost(Real a, double bound);

/// c[0] + c[1] x + c[2] x^2 + ..., in Horner's order, times `scale` (a power of two).
Real horner(Real x, llvm::ArrayRef<double> c, double scale = 1);

/// An integer value of a float's width, or a number that has not met one yet.
class Bits {
public:
  Bits(int64_t number) : number(number) {}
  Bits(mlir::ImplicitLocOpBuilder &builder, mlir::Value value) : builder(&builder), value(value) {}
  mlir::Value as(const Bits &like) const;
  mlir::Value get() const { return value; }
  mlir::ImplicitLocOpBuilder &b() const { return *builder; }
  Real real() const;                   ///< the float with these bits
  Bits narrowed(unsigned width) const; ///< the low bits

private:
  mlir::ImplicitLocOpBuilder *builder = nullptr;
  mlir::Value value;
  int64_t number = 0;
};

Bits operator+(Bits a, Bits b);
Bits operator-(Bits a, Bits b);
Bits operator&(Bits a, Bits b);
Bits operator|(Bits a, Bits b);
Bits operator^(Bits a, Bits b);
Bits operator<<(Bits a, int by);
Bits operator>>(Bits a, int by); ///< zeros enter
Mask operator!=(Bits a, Bits b);
Bits select(Mask condition, Bits a, Bits b);

class Mask {
public:
  Mask(mlir::ImplicitLocOpBuilder &builder, mlir::Value value) : builder(&builder), value(value) {}
  mlir::Value get() const { return value; }
  mlir::ImplicitLocOpBuilder &b() const { return *builder; }

private:
  mlir::ImplicitLocOpBuilder *builder;
  mlir::Value value;
};

Mask operator&(Mask a, Mask b);
Mask operator|(Mask a, Mask b);
Mask operator^(Mask a, Mask b);
Mask operator!(Mask a);

/// The bits of a number in a format.
int64_t bitsOf(double number, const Format &format);

} // namespace attn

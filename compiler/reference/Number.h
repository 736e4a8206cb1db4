// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Numbers of the reference evaluator: f64 or i64, with a first-order estimate of how far a kernel's value may be from
// them.
#pragma once
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"

namespace attn::reference {

/// What the estimates need to know of a floating-point type.
struct FloatFormat {
  double roundoff = 0; ///< half a unit in the last place, relative to the value
  double limit = 0;    ///< magnitudes from here on round to infinity
  double tiny = 0;     ///< the smallest normal number: what flushing or a subnormal result may cost

  static FloatFormat of(mlir::FloatType type);
};

/// `value` rounded to `type`, ties to even.
double roundTo(mlir::FloatType type, double value);
/// The low `width` bits, sign extended; an i1 is 0 or 1.
int64_t wrap(int64_t value, unsigned width);
/// The low `width` bits, zero extended.
uint64_t zeroExtend(int64_t value, unsigned width);
/// Bits of a scalar type; an index and the number of a set have 64.
unsigned widthOf(mlir::Type type);

/// A scalar: `real` for floats, `integer` for integers and indices.
struct Scalar {
  double real = 0;
  int64_t integer = 0;
  double error = 0;

  static Scalar of(double value) { return {value, 0, 0}; }
  static Scalar of(int64_t value) { return {0, value, 0}; }
  static Scalar of(mlir::TypedAttr attr);
};

/// Floor division and its remainder with the rule of R15: a zero divisor gives 0.
int64_t floorDivide(int64_t a, int64_t b);
int64_t floorModulo(int64_t a, int64_t b);

} // namespace attn::reference

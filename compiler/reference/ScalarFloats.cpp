// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Scalar ops of floats, in f64, with their error estimates.
//
// First-order model: a kernel's value is the reference's plus an error of the estimated size, and errors are
// independent, so their squares (variances) add: var = sum (df/dx_i)^2 var_i + (roundings * u * f)^2. Operations cost
// one rounding, functions two (kernels compute them to about one ulp). Values below the smallest normal number may be
// flushed.
//
// A sum of three and more terms (a + b - c in one equation) may be taken in another order, in which a partial sum is as
// large as its terms although here it is small: a shift by a summary is added last, where the text subtracts it first.
// Whatever the order, a partial sum is at most sum |t_i|, and each of the n - 1 roundings costs u times one (Higham,
// Accuracy and Stability of Numerical Algorithms, section 4.2). As for reductions (Reduction.cpp), roundings are taken
// as independent and terms as of random sign, so that the k-th rounding's square is (u s_k)^2 + u^2 sum_i t_i^2, s_k
// the partial sum here. Two terms have one order: S - max S, which every softmax has, is not loosened.
//
// Where a function has a kink, a pole or a jump, its slope is taken over the width of the error, not at the
// point.
#include "compiler/reference/ScalarOps.h"
#include <cmath>

using namespace mlir;
using namespace attn::reference;

//===-- floats -------------------------------------------------------------------------------------------------------

/// Rounds values to infinity where the type does, and adds what rounding costs.
static void finish(const Instruction &in, Lanes &result, unsigned lanes) {
  double u = in.roundings * in.format.roundoff, flush = in.roundings ? square(in.format.tiny) : 0;
  for (unsigned l = 0; l < lanes; ++l) {
    double value = result.real[l], magnitude = std::fabs(value);
    double variance = result.variance[l] + square(u * value) + (value != 0 ? flush : 0);
    result.real[l] = magnitude >= in.format.limit ? std::copysign(HUGE_VAL, value) : value;
    // Infinities and NaN are compared for equality, and 0 times an infinite factor's error is 0.
    result.variance[l] = magnitude < in.format.limit && variance == variance ? variance : 0;
  }
}

/// What another order of a longer sum's terms may cost.
static void addReordering(const Instruction &in, const Frame &frame, Lanes &sum) {
  double u = in.roundings * in.format.roundoff;
  for (unsigned term : in.terms)
    for (unsigned l = 0; l < frame.lanes; ++l)
      sum.variance[l] += square(u * frame.registers[term].real[l]);
}

static void runAdd(const Instruction &in, Frame &frame) {
  auto [a, b, d] = binary(in, frame);
  for (unsigned l = 0; l < frame.lanes; ++l) {
    d.real[l] = a.real[l] + b.real[l];
    d.variance[l] = a.variance[l] + b.variance[l];
  }
  addReordering(in, frame, d);
  finish(in, d, frame.lanes);
}

static void runSub(const Instruction &in, Frame &frame) {
  auto [a, b, d] = binary(in, frame);
  for (unsigned l = 0; l < frame.lanes; ++l) {
    d.real[l] = a.real[l] - b.real[l];
    d.variance[l] = a.variance[l] + b.variance[l];
  }
  addReordering(in, frame, d);
  finish(in, d, frame.lanes);
}

/// attn.sub: -inf - -inf = -inf (R13).
static void runGuardedSub(const Instruction &in, Frame &frame) {
  runSub(in, frame);
  auto [a, b, d] = binary(in, frame);
  for (unsigned l = 0; l < frame.lanes; ++l)
    if (a.real[l] == -HUGE_VAL && b.real[l] == -HUGE_VAL)
      d.real[l] = -HUGE_VAL;
}

static void runMul(const Instruction &in, Frame &frame) {
  auto [a, b, d] = binary(in, frame);
  double factors = square(in.factorRoundoff[0]) + square(in.factorRoundoff[1]);
  for (unsigned l = 0; l < frame.lanes; ++l) {
    double product = a.real[l] * b.real[l];
    d.real[l] = product;
    d.variance[l] = a.variance[l] * square(b.real[l]) + b.variance[l] * square(a.real[l]) + factors * square(product);
  }
  finish(in, d, frame.lanes);
}

static void runDiv(const Instruction &in, Frame &frame) {
  auto [a, b, d] = binary(in, frame);
  for (unsigned l = 0; l < frame.lanes; ++l) {
    double quotient = a.real[l] / b.real[l];
    d.real[l] = quotient;
    d.variance[l] = (a.variance[l] + b.variance[l] * square(quotient)) / square(b.real[l]);
  }
  finish(in, d, frame.lanes);
}

/// attn.div: 0 / 0 = 0 (R13).
static void runGuardedDiv(const Instruction &in, Frame &frame) {
  runDiv(in, frame);
  auto [a, b, d] = binary(in, frame);
  for (unsigned l = 0; l < frame.lanes; ++l)
    if (a.real[l] == 0 && b.real[l] == 0)
      d.real[l] = d.variance[l] = 0;
}

static void runFma(const Instruction &in, Frame &frame) {
  auto [a, b, d] = binary(in, frame);
  const Lanes &c = frame.registers[in.operands[2]];
  for (unsigned l = 0; l < frame.lanes; ++l) {
    d.variance[l] = a.variance[l] * square(b.real[l]) + b.variance[l] * square(a.real[l]) + c.variance[l];
    d.real[l] = a.real[l] * b.real[l] + c.real[l];
  }
  finish(in, d, frame.lanes);
}

static double maximum(double a, double b) { return std::isnan(a) || std::isnan(b) ? NAN : std::max(a, b); }
static double minimum(double a, double b) { return std::isnan(a) || std::isnan(b) ? NAN : std::min(a, b); }

/// max, min and the like: one of the two operands.
static void runChoice(const Instruction &in, Frame &frame) {
  auto [a, b, d] = binary(in, frame);
  for (unsigned l = 0; l < frame.lanes; ++l) {
    double value = in.real2(a.real[l], b.real[l]);
    double variance = value == a.real[l] ? a.variance[l] : b.variance[l];
    d.real[l] = value;
    d.variance[l] = a.real[l] == b.real[l] ? std::max(a.variance[l], b.variance[l]) : variance;
  }
  finish(in, d, frame.lanes);
}

double attn::reference::propagate(llvm::function_ref<double(double)> f, double x, double y, double variance) {
  if (variance == 0 || !std::isfinite(y) || !std::isfinite(variance))
    return variance;
  double error = std::sqrt(variance), width = std::max(error, std::ldexp(std::fabs(x), -40)), slope = 0;
  for (double there : {x + width, x - width})
    if (double rise = std::fabs(f(there) - y); std::isfinite(rise))
      slope = std::max(slope, rise / width);
  return square(slope * error);
}

static void runFunction(const Instruction &in, Frame &frame) {
  const Lanes &a = frame.registers[in.operands[0]];
  Lanes &d = frame.registers[in.result];
  for (unsigned l = 0; l < frame.lanes; ++l) {
    double x = a.real[l], y = in.real1(x);
    d.real[l] = y;
    d.variance[l] = propagate(in.real1, x, y, a.variance[l]);
  }
  finish(in, d, frame.lanes);
}

static void runFunction2(const Instruction &in, Frame &frame) {
  auto [a, b, d] = binary(in, frame);
  for (unsigned l = 0; l < frame.lanes; ++l) {
    double x = a.real[l], y = b.real[l], z = in.real2(x, y);
    d.real[l] = z;
    d.variance[l] = propagate([&](double t) { return in.real2(t, y); }, x, z, a.variance[l]) +
                    propagate([&](double t) { return in.real2(x, t); }, y, z, b.variance[l]);
  }
  finish(in, d, frame.lanes);
}

/// pow with an integer exponent.
static void runPowerInteger(const Instruction &in, Frame &frame) {
  auto [a, b, d] = binary(in, frame);
  for (unsigned l = 0; l < frame.lanes; ++l) {
    double x = a.real[l], exponent = b.integer[l], z = std::pow(x, exponent);
    d.real[l] = z;
    d.variance[l] = propagate([&](double t) { return std::pow(t, exponent); }, x, z, a.variance[l]);
  }
  finish(in, d, frame.lanes);
}

static void runClamp(const Instruction &in, Frame &frame) {
  auto [a, b, d] = binary(in, frame);
  const Lanes &c = frame.registers[in.operands[2]];
  for (unsigned l = 0; l < frame.lanes; ++l) {
    double value = minimum(maximum(a.real[l], b.real[l]), c.real[l]);
    d.variance[l] = value == a.real[l] ? a.variance[l] : value == b.real[l] ? b.variance[l] : c.variance[l];
    d.real[l] = value;
  }
  finish(in, d, frame.lanes);
}

/// To the result's type: this is where values are rounded (R16). An exact value rounds to the same number in a kernel.
static void runRound(const Instruction &in, Frame &frame) {
  const Lanes &a = frame.registers[in.operands[0]];
  auto type = cast<FloatType>(in.op->getResult(0).getType());
  eachLane(in, frame, [&](Lanes &d, unsigned l) {
    double value = roundTo(type, a.real[l]);
    double flip = a.variance[l] == 0 ? 0 : square(in.format.roundoff * value) + square(in.format.tiny);
    d.real[l] = value;
    d.variance[l] = std::isfinite(value) ? a.variance[l] + flip : 0;
  });
}

static void runCopy(const Instruction &in, Frame &frame) {
  const Lanes &a = frame.registers[in.operands[0]];
  eachLane(in, frame, [&](Lanes &d, unsigned l) {
    d.integer[l] = a.integer[l]; // the bits, also of a float
    d.variance[l] = a.variance[l];
  });
}

//===-- the table ----------------------------------------------------------------------------------------------------

static ScalarOp function(llvm::StringLiteral name, double (*f)(double)) { return {name, runFunction, 2, f}; }
/// A function whose result needs no rounding.
static ScalarOp exact(llvm::StringLiteral name, double (*f)(double)) { return {name, runFunction, 0, f}; }
static ScalarOp function2(llvm::StringLiteral name, double (*f)(double, double)) {
  return {name, runFunction2, 2, nullptr, f};
}
static ScalarOp choice(llvm::StringLiteral name, double (*f)(double, double)) {
  return {name, runChoice, 0, nullptr, f};
}

ArrayRef<ScalarOp> attn::reference::floatOps() {
  static const ScalarOp rows[] = {
      {"arith.addf", runAdd, 1},
      {"arith.subf", runSub, 1},
      {"arith.mulf", runMul, 1},
      {"arith.divf", runDiv, 1},
      {"attn.sub", runGuardedSub, 1},
      {"attn.div", runGuardedDiv, 1},
      {"math.fma", runFma, 1},
      {"math.clampf", runClamp},
      {"math.fpowi", runPowerInteger, 2},
      {"arith.extf", runCopy},
      {"arith.truncf", runRound},
      choice("arith.maximumf", maximum),
      choice("arith.minimumf", minimum),
      choice("arith.maxnumf", [](double a, double b) { return std::fmax(a, b); }),
      choice("arith.minnumf", [](double a, double b) { return std::fmin(a, b); }),
      {"arith.remf", runFunction2, 0, nullptr, [](double a, double b) { return std::fmod(a, b); }},
      {"math.copysign", runFunction2, 0, nullptr, [](double a, double b) { return std::copysign(a, b); }},
      function2("math.powf", [](double a, double b) { return std::pow(a, b); }),
      function2("math.atan2", [](double a, double b) { return std::atan2(a, b); }),
      exact("arith.negf", [](double x) { return -x; }),
      exact("math.absf", [](double x) { return std::fabs(x); }),
      exact("math.floor", [](double x) { return std::floor(x); }),
      exact("math.ceil", [](double x) { return std::ceil(x); }),
      exact("math.trunc", [](double x) { return std::trunc(x); }),
      exact("math.round", [](double x) { return std::round(x); }),
      exact("math.roundeven", [](double x) { return std::nearbyint(x); }),
      function("math.exp", [](double x) { return std::exp(x); }),
      function("math.exp2", [](double x) { return std::exp2(x); }),
      function("math.expm1", [](double x) { return std::expm1(x); }),
      function("math.log", [](double x) { return std::log(x); }),
      function("math.log2", [](double x) { return std::log2(x); }),
      function("math.log10", [](double x) { return std::log10(x); }),
      function("math.log1p", [](double x) { return std::log1p(x); }),
      function("math.sqrt", [](double x) { return std::sqrt(x); }),
      function("math.rsqrt", [](double x) { return 1 / std::sqrt(x); }),
      function("math.cbrt", [](double x) { return std::cbrt(x); }),
      function("math.sin", [](double x) { return std::sin(x); }),
      function("math.cos", [](double x) { return std::cos(x); }),
      function("math.tan", [](double x) { return std::tan(x); }),
      function("math.asin", [](double x) { return std::asin(x); }),
      function("math.acos", [](double x) { return std::acos(x); }),
      function("math.atan", [](double x) { return std::atan(x); }),
      function("math.sinh", [](double x) { return std::sinh(x); }),
      function("math.cosh", [](double x) { return std::cosh(x); }),
      function("math.tanh", [](double x) { return std::tanh(x); }),
      function("math.erf", [](double x) { return std::erf(x); }),
      function("math.erfc", [](double x) { return std::erfc(x); }),
  };
  return rows;
}

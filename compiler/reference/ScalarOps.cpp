// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The scalar ops as a table, each with its value in f64 or i64 and its error estimate.
//
// First-order model: a kernel's value is the reference's plus an error of the estimated size, and errors are independent,
// so their squares (variances) add: var = sum (df/dx_i)^2 var_i + (roundings * u * f)^2. Operations cost one rounding,
// functions two (kernels compute them to about one ulp). Values below the smallest normal number may be flushed.
// Where a function has a kink, a pole or a jump, its slope is taken over the width of the error, not at the point.
#include "compiler/reference/Program.h"
#include "compiler/reference/Tensor.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/MathExtras.h"
#include <cmath>
#include <limits>

using namespace mlir;
using namespace attn::reference;

static double square(double x) { return x * x; }

//===-- how missing operands pass on --------------------------------------------------------------------------------===//

static void passAll(const Instruction &in, Frame &frame) {
  Lanes &first = frame.registers[in.result];
  first.clearMissing();
  for (unsigned operand : in.operands) {
    const Lanes &from = frame.registers[operand];
    if (!from.anyMissing)
      continue;
    first.startMissing();
    for (unsigned l = 0; l < frame.lanes; ++l)
      first.missing[l] |= from.missing[l];
  }
  for (unsigned i = 1; i < in.numResults; ++i) {
    Lanes &other = frame.registers[in.result + i];
    other.clearMissing();
    if (!first.anyMissing)
      continue;
    other.startMissing();
    std::copy_n(first.missing, frame.lanes, other.missing);
  }
}

/// The operand that `choose(in, frame, lane)` gives, or none for -1, is looked at after the first.
template <typename Choose>
static void passChosen(const Instruction &in, Frame &frame, Choose choose) {
  Lanes &result = frame.registers[in.result];
  result.clearMissing();
  if (llvm::none_of(in.operands, [&](unsigned operand) { return frame.registers[operand].anyMissing; }))
    return;
  result.startMissing();
  for (unsigned l = 0; l < frame.lanes; ++l) {
    result.missing[l] = frame.registers[in.operands[0]].missingAt(l);
    int chosen = result.missing[l] ? -1 : choose(frame.registers[in.operands[0]].integer[l]);
    if (chosen >= 0)
      result.missing[l] |= frame.registers[in.operands[chosen]].missingAt(l);
  }
}
static void passSelect(const Instruction &in, Frame &frame) {
  passChosen(in, frame, [](int64_t condition) { return condition ? 1 : 2; });
}
static void passAnd(const Instruction &in, Frame &frame) {
  passChosen(in, frame, [](int64_t lhs) { return lhs ? 1 : -1; });
}
static void passOr(const Instruction &in, Frame &frame) {
  passChosen(in, frame, [](int64_t lhs) { return lhs ? -1 : 1; });
}

//===-- floats ------------------------------------------------------------------------------------------------------===//

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

template <typename Each>
static void eachLane(const Instruction &in, Frame &frame, Each each) {
  Lanes &result = frame.registers[in.result];
  for (unsigned l = 0; l < frame.lanes; ++l)
    each(result, l);
}

#define OPERANDS const Lanes &a = frame.registers[in.operands[0]], &b = frame.registers[in.operands[1]]; \
  Lanes &d = frame.registers[in.result]

static void runAdd(const Instruction &in, Frame &frame) {
  OPERANDS;
  for (unsigned l = 0; l < frame.lanes; ++l) {
    d.real[l] = a.real[l] + b.real[l];
    d.variance[l] = a.variance[l] + b.variance[l];
  }
  finish(in, d, frame.lanes);
}

static void runSub(const Instruction &in, Frame &frame) {
  OPERANDS;
  for (unsigned l = 0; l < frame.lanes; ++l) {
    d.real[l] = a.real[l] - b.real[l];
    d.variance[l] = a.variance[l] + b.variance[l];
  }
  finish(in, d, frame.lanes);
}

/// attn.sub: -inf - -inf = -inf (R13).
static void runGuardedSub(const Instruction &in, Frame &frame) {
  runSub(in, frame);
  OPERANDS;
  for (unsigned l = 0; l < frame.lanes; ++l)
    if (a.real[l] == -HUGE_VAL && b.real[l] == -HUGE_VAL)
      d.real[l] = -HUGE_VAL;
}

static void runMul(const Instruction &in, Frame &frame) {
  OPERANDS;
  double factors = square(in.factorRoundoff[0]) + square(in.factorRoundoff[1]);
  for (unsigned l = 0; l < frame.lanes; ++l) {
    double product = a.real[l] * b.real[l];
    d.real[l] = product;
    d.variance[l] = a.variance[l] * square(b.real[l]) + b.variance[l] * square(a.real[l]) + factors * square(product);
  }
  finish(in, d, frame.lanes);
}

static void runDiv(const Instruction &in, Frame &frame) {
  OPERANDS;
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
  OPERANDS;
  for (unsigned l = 0; l < frame.lanes; ++l)
    if (a.real[l] == 0 && b.real[l] == 0)
      d.real[l] = d.variance[l] = 0;
}

static void runFma(const Instruction &in, Frame &frame) {
  OPERANDS;
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
  OPERANDS;
  for (unsigned l = 0; l < frame.lanes; ++l) {
    double value = in.real2(a.real[l], b.real[l]);
    double variance = value == a.real[l] ? a.variance[l] : b.variance[l];
    d.real[l] = value;
    d.variance[l] = a.real[l] == b.real[l] ? std::max(a.variance[l], b.variance[l]) : variance;
  }
  finish(in, d, frame.lanes);
}

/// (slope * error)^2 of f at x, where y = f(x). The slope is that of the steeper secant over the error, at least over
/// 2^-40 |x|, below which the difference is noise.
template <typename Function>
static double variance(Function f, double x, double y, double variance) {
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
    d.variance[l] = variance(in.real1, x, y, a.variance[l]);
  }
  finish(in, d, frame.lanes);
}

static void runFunction2(const Instruction &in, Frame &frame) {
  OPERANDS;
  for (unsigned l = 0; l < frame.lanes; ++l) {
    double x = a.real[l], y = b.real[l], z = in.real2(x, y);
    d.real[l] = z;
    d.variance[l] = variance([&](double t) { return in.real2(t, y); }, x, z, a.variance[l]) +
                    variance([&](double t) { return in.real2(x, t); }, y, z, b.variance[l]);
  }
  finish(in, d, frame.lanes);
}

/// pow with an integer exponent.
static void runPowerInteger(const Instruction &in, Frame &frame) {
  OPERANDS;
  for (unsigned l = 0; l < frame.lanes; ++l) {
    double x = a.real[l], exponent = b.integer[l], z = std::pow(x, exponent);
    d.real[l] = z;
    d.variance[l] = variance([&](double t) { return std::pow(t, exponent); }, x, z, a.variance[l]);
  }
  finish(in, d, frame.lanes);
}

static void runClamp(const Instruction &in, Frame &frame) {
  OPERANDS;
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
    d.integer[l] = a.integer[l];  // the bits, also of a float
    d.variance[l] = a.variance[l];
  });
}

//===-- conditions --------------------------------------------------------------------------------------------------===//

static bool compareReals(arith::CmpFPredicate predicate, double a, double b) {
  using P = arith::CmpFPredicate;
  bool unordered = std::isnan(a) || std::isnan(b);
  switch (predicate) {
  case P::AlwaysFalse: return false;
  case P::AlwaysTrue: return true;
  case P::ORD: return !unordered;
  case P::UNO: return unordered;
  case P::OEQ: return a == b;
  case P::OGT: return a > b;
  case P::OGE: return a >= b;
  case P::OLT: return a < b;
  case P::OLE: return a <= b;
  case P::ONE: return !unordered && a != b;
  case P::UEQ: return unordered || a == b;
  case P::UGT: return unordered || a > b;
  case P::UGE: return unordered || a >= b;
  case P::ULT: return unordered || a < b;
  case P::ULE: return unordered || a <= b;
  case P::UNE: return a != b;
  }
  llvm_unreachable("unknown predicate");
}

/// Values closer than 8 errors compare either way; select then allows for the other branch.
static void runCompareReals(const Instruction &in, Frame &frame) {
  OPERANDS;
  auto predicate = static_cast<arith::CmpFPredicate>(in.predicate);
  for (unsigned l = 0; l < frame.lanes; ++l) {
    double spread = a.variance[l] + b.variance[l];
    bool isOpen = spread > 0 && square(a.real[l] - b.real[l]) <= 64 * spread;
    d.integer[l] = compareReals(predicate, a.real[l], b.real[l]);
    d.variance[l] = isOpen;
  }
}

static bool compareIntegers(arith::CmpIPredicate predicate, int64_t a, int64_t b, unsigned width) {
  using P = arith::CmpIPredicate;
  int64_t sa = width == 1 ? -a : a, sb = width == 1 ? -b : b;
  uint64_t ua = zeroExtend(a, width), ub = zeroExtend(b, width);
  switch (predicate) {
  case P::eq: return a == b;
  case P::ne: return a != b;
  case P::slt: return sa < sb;
  case P::sle: return sa <= sb;
  case P::sgt: return sa > sb;
  case P::sge: return sa >= sb;
  case P::ult: return ua < ub;
  case P::ule: return ua <= ub;
  case P::ugt: return ua > ub;
  case P::uge: return ua >= ub;
  }
  llvm_unreachable("unknown predicate");
}

static void runCompareIntegers(const Instruction &in, Frame &frame) {
  OPERANDS;
  auto predicate = static_cast<arith::CmpIPredicate>(in.predicate);
  for (unsigned l = 0; l < frame.lanes; ++l) {
    d.integer[l] = compareIntegers(predicate, a.integer[l], b.integer[l], in.operandWidth);
    d.variance[l] = 0;
  }
}

/// `and` (absorbing = 0) and `or` (absorbing = 1) of i1: open unless one side decides.
static void runLogic(const Instruction &in, Frame &frame, int64_t absorbing) {
  OPERANDS;
  for (unsigned l = 0; l < frame.lanes; ++l) {
    bool openA = a.variance[l] != 0, openB = b.variance[l] != 0;
    bool decidedByA = !openA && a.integer[l] == absorbing, decidedByB = !openB && b.integer[l] == absorbing;
    d.integer[l] = absorbing ? a.integer[l] | b.integer[l] : a.integer[l] & b.integer[l];
    d.variance[l] = (openA || openB) && !decidedByA && !decidedByB;
  }
}
static void runLogicAnd(const Instruction &in, Frame &frame) { runLogic(in, frame, 0); }
static void runLogicOr(const Instruction &in, Frame &frame) { runLogic(in, frame, 1); }
static void runLogicXor(const Instruction &in, Frame &frame) {
  OPERANDS;
  for (unsigned l = 0; l < frame.lanes; ++l) {
    d.integer[l] = a.integer[l] ^ b.integer[l];
    d.variance[l] = std::max(a.variance[l], b.variance[l]);
  }
}

static void runSelect(const Instruction &in, Frame &frame) {
  const Lanes &condition = frame.registers[in.operands[0]];
  bool isReal = isa<FloatType>(in.op->getResult(0).getType());
  eachLane(in, frame, [&](Lanes &d, unsigned l) {
    const Lanes &taken = frame.registers[in.operands[condition.integer[l] ? 1 : 2]];
    const Lanes &other = frame.registers[in.operands[condition.integer[l] ? 2 : 1]];
    double gap = isReal ? taken.real[l] - other.real[l] : double(taken.integer[l]) - double(other.integer[l]);
    bool mayBeOther = condition.variance[l] != 0 && !other.missingAt(l) && std::isfinite(gap);
    d.integer[l] = taken.integer[l];  // the bits, also of a float
    d.variance[l] = taken.variance[l] + (mayBeOther ? square(gap) : 0);
  });
}

//===-- integers ----------------------------------------------------------------------------------------------------===//
// Exact, but an integer made from a float near a tie may be off by one in a kernel: that passes through + - *.

static int64_t plus(int64_t a, int64_t b, unsigned) { return uint64_t(a) + uint64_t(b); }
static int64_t minus(int64_t a, int64_t b, unsigned) { return uint64_t(a) - uint64_t(b); }
static int64_t times(int64_t a, int64_t b, unsigned) { return uint64_t(a) * uint64_t(b); }

static void runSum(const Instruction &in, Frame &frame) {
  OPERANDS;
  for (unsigned l = 0; l < frame.lanes; ++l) {
    d.integer[l] = wrap(in.integer2(a.integer[l], b.integer[l], in.width), in.width);
    d.variance[l] = a.variance[l] + b.variance[l];
  }
}

static void runProduct(const Instruction &in, Frame &frame) {
  OPERANDS;
  for (unsigned l = 0; l < frame.lanes; ++l) {
    double x = a.integer[l], y = b.integer[l];
    d.variance[l] = a.variance[l] * square(y) + b.variance[l] * square(x);
    d.integer[l] = wrap(times(a.integer[l], b.integer[l], in.width), in.width);
  }
}

static void runIntegerChoice(const Instruction &in, Frame &frame) {
  OPERANDS;
  for (unsigned l = 0; l < frame.lanes; ++l) {
    int64_t value = in.integer2(a.integer[l], b.integer[l], in.width);
    double variance = value == a.integer[l] ? a.variance[l] : b.variance[l];
    d.integer[l] = value;
    d.variance[l] = variance;
  }
}

static void runInteger2(const Instruction &in, Frame &frame) {
  OPERANDS;
  for (unsigned l = 0; l < frame.lanes; ++l) {
    d.integer[l] = wrap(in.integer2(a.integer[l], b.integer[l], in.width), in.width);
    d.variance[l] = 0;
  }
}

/// arith's divisions have no value for a zero divisor (attn.idiv and attn.imod have).
static void runDivision(const Instruction &in, Frame &frame) {
  OPERANDS;
  for (unsigned l = 0; l < frame.lanes; ++l) {
    bool isZero = b.integer[l] == 0;
    if (isZero) {
      d.startMissing();
      d.missing[l] |= kUnreadable;
    }
    d.integer[l] = isZero ? 0 : wrap(in.integer2(a.integer[l], b.integer[l], in.width), in.width);
    d.variance[l] = 0;
  }
}

/// Of one integer; keeps the error.
static void runInteger1(const Instruction &in, Frame &frame) {
  const Lanes &a = frame.registers[in.operands[0]];
  eachLane(in, frame, [&](Lanes &d, unsigned l) {
    d.integer[l] = wrap(in.integer1(a.integer[l], in.operandWidth), in.width);
    d.variance[l] = a.variance[l];
  });
}

template <bool isSigned>
static void runMulExtended(const Instruction &in, Frame &frame) {
  OPERANDS;
  Lanes &high = frame.registers[in.result + 1];
  for (unsigned l = 0; l < frame.lanes; ++l) {
    __int128 product = isSigned ? __int128(a.integer[l]) * b.integer[l]
                                : static_cast<__int128>(static_cast<unsigned __int128>(zeroExtend(a.integer[l], in.width)) *
                                                        zeroExtend(b.integer[l], in.width));
    high.integer[l] = wrap(static_cast<int64_t>(product >> in.width), in.width);
    d.integer[l] = wrap(static_cast<int64_t>(product), in.width);
    d.variance[l] = high.variance[l] = 0;
  }
}

//===-- between floats and integers ---------------------------------------------------------------------------------===//

template <bool isSigned>
static void runFromInteger(const Instruction &in, Frame &frame) {
  const Lanes &a = frame.registers[in.operands[0]];
  eachLane(in, frame, [&](Lanes &d, unsigned l) {
    int64_t integer = a.integer[l];
    double value = isSigned ? double(in.operandWidth == 1 ? -integer : integer) : double(zeroExtend(integer, in.operandWidth));
    bool fits = std::fabs(value) * in.format.roundoff <= 1;
    d.real[l] = std::fabs(value) >= in.format.limit ? std::copysign(HUGE_VAL, value) : value;
    d.variance[l] = a.variance[l] + (fits ? 0 : square(in.format.roundoff * value));
  });
}

/// Towards zero, saturating; NaN is 0.
template <bool isSigned>
static void runToInteger(const Instruction &in, Frame &frame) {
  const Lanes &a = frame.registers[in.operands[0]];
  double low = isSigned ? -std::ldexp(1.0, in.width - 1) : 0, end = std::ldexp(1.0, isSigned ? in.width - 1 : in.width);
  eachLane(in, frame, [&](Lanes &d, unsigned l) {
    double x = a.real[l], y = std::trunc(x);
    if (!(y > low))
      d.integer[l] = std::isnan(y) ? 0 : int64_t(low);
    else if (y >= end)
      d.integer[l] = isSigned ? std::numeric_limits<int64_t>::max() >> (64 - in.width) : wrap(-1, in.width);
    else
      d.integer[l] = wrap(isSigned ? int64_t(y) : int64_t(uint64_t(y)), in.width);
    d.variance[l] = variance([](double t) { return std::trunc(t); }, x, y, a.variance[l]);
  });
}

//===-- the table ---------------------------------------------------------------------------------------------------===//

namespace {

struct Row {
  llvm::StringLiteral name;
  Instruction::Step run;
  unsigned roundings = 0;
  double (*real1)(double) = nullptr;
  double (*real2)(double, double) = nullptr;
  int64_t (*integer1)(int64_t, unsigned) = nullptr;
  int64_t (*integer2)(int64_t, int64_t, unsigned) = nullptr;
};

Row function(llvm::StringLiteral name, double (*f)(double)) { return {name, runFunction, 2, f}; }
/// A function whose result needs no rounding.
Row exact(llvm::StringLiteral name, double (*f)(double)) { return {name, runFunction, 0, f}; }
Row function2(llvm::StringLiteral name, double (*f)(double, double)) { return {name, runFunction2, 2, nullptr, f}; }
Row choice(llvm::StringLiteral name, double (*f)(double, double)) { return {name, runChoice, 0, nullptr, f}; }
Row integer1(llvm::StringLiteral name, int64_t (*f)(int64_t, unsigned)) { return {name, runInteger1, 0, nullptr, nullptr, f}; }
Row integer2(llvm::StringLiteral name, Instruction::Step run, int64_t (*f)(int64_t, int64_t, unsigned)) {
  return {name, run, 0, nullptr, nullptr, nullptr, f};
}

int64_t signExtended(int64_t a, unsigned width) { return width == 1 ? -a : a; }
int64_t zeroExtended(int64_t a, unsigned width) { return zeroExtend(a, width); }
uint64_t u(int64_t a, unsigned width) { return zeroExtend(a, width); }

} // namespace

static ArrayRef<Row> floatRows() {
  static const Row rows[] = {
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
      {"arith.cmpf", runCompareReals},
      {"arith.sitofp", runFromInteger<true>},
      {"arith.uitofp", runFromInteger<false>},
      {"arith.fptosi", runToInteger<true>},
      {"arith.fptoui", runToInteger<false>},
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

static ArrayRef<Row> integerRows() {
  static const Row rows[] = {
      {"arith.cmpi", runCompareIntegers},
      {"arith.select", runSelect},
      {"arith.mului_extended", runMulExtended<false>},
      {"arith.mulsi_extended", runMulExtended<true>},
      {"arith.muli", runProduct},
      integer2("arith.addi", runSum, plus),
      integer2("arith.subi", runSum, minus),
      integer2("attn.idiv", runInteger2, [](int64_t a, int64_t b, unsigned) { return floorDivide(a, b); }),
      integer2("attn.imod", runInteger2, [](int64_t a, int64_t b, unsigned) { return floorModulo(a, b); }),
      integer2("arith.floordivsi", runDivision, [](int64_t a, int64_t b, unsigned) { return floorDivide(a, b); }),
      integer2("arith.ceildivsi", runDivision, [](int64_t a, int64_t b, unsigned) { return -floorDivide(-a, b); }),
      integer2("arith.divsi", runDivision, [](int64_t a, int64_t b, unsigned) { return b == -1 ? minus(0, a, 0) : a / b; }),
      integer2("arith.remsi", runDivision, [](int64_t a, int64_t b, unsigned) { return b == -1 ? 0 : a % b; }),
      integer2("arith.divui", runDivision, [](int64_t a, int64_t b, unsigned w) { return int64_t(u(a, w) / u(b, w)); }),
      integer2("arith.remui", runDivision, [](int64_t a, int64_t b, unsigned w) { return int64_t(u(a, w) % u(b, w)); }),
      integer2("arith.ceildivui", runDivision,
               [](int64_t a, int64_t b, unsigned w) { return int64_t(u(a, w) / u(b, w) + (u(a, w) % u(b, w) != 0)); }),
      integer2("arith.andi", runInteger2, [](int64_t a, int64_t b, unsigned) { return a & b; }),
      integer2("arith.ori", runInteger2, [](int64_t a, int64_t b, unsigned) { return a | b; }),
      integer2("arith.xori", runInteger2, [](int64_t a, int64_t b, unsigned) { return a ^ b; }),
      integer2("arith.shli", runInteger2,
               [](int64_t a, int64_t b, unsigned w) { return u(b, w) < w ? int64_t(uint64_t(a) << u(b, w)) : 0; }),
      integer2("arith.shrsi", runInteger2,
               [](int64_t a, int64_t b, unsigned w) { return a >> std::min<uint64_t>(u(b, w), 63); }),
      integer2("arith.shrui", runInteger2,
               [](int64_t a, int64_t b, unsigned w) { return u(b, w) < w ? int64_t(u(a, w) >> u(b, w)) : 0; }),
      integer2("arith.maxsi", runIntegerChoice, [](int64_t a, int64_t b, unsigned) { return std::max(a, b); }),
      integer2("arith.minsi", runIntegerChoice, [](int64_t a, int64_t b, unsigned) { return std::min(a, b); }),
      integer2("arith.maxui", runIntegerChoice, [](int64_t a, int64_t b, unsigned w) { return u(a, w) > u(b, w) ? a : b; }),
      integer2("arith.minui", runIntegerChoice, [](int64_t a, int64_t b, unsigned w) { return u(a, w) < u(b, w) ? a : b; }),
      integer1("arith.extsi", signExtended),
      integer1("arith.extui", zeroExtended),
      integer1("arith.trunci", signExtended),
      integer1("arith.index_cast", signExtended),
      integer1("arith.index_castui", zeroExtended),
      integer1("math.absi", [](int64_t a, unsigned) { return a < 0 ? minus(0, a, 0) : a; }),
      integer1("math.ctlz", [](int64_t a, unsigned w) { return int64_t(llvm::countl_zero(u(a, w)) - (64 - w)); }),
      integer1("math.cttz", [](int64_t a, unsigned w) { return std::min<int64_t>(llvm::countr_zero(u(a, w)), w); }),
      integer1("math.ctpop", [](int64_t a, unsigned w) { return int64_t(llvm::popcount(u(a, w))); }),
  };
  return rows;
}

/// and, or and xor of i1 know which of their operands decides.
static const Row *logicRow(StringRef name) {
  static const Row rows[] = {{"arith.andi", runLogicAnd}, {"arith.ori", runLogicOr}, {"arith.xori", runLogicXor}};
  const Row *row = llvm::find_if(rows, [&](const Row &r) { return r.name == name; });
  return row == std::end(rows) ? nullptr : row;
}

static const Row *findRow(Operation *op) {
  static const llvm::StringMap<const Row *> byName = [] {
    llvm::StringMap<const Row *> map;
    for (ArrayRef<Row> rows : {floatRows(), integerRows()})
      for (const Row &row : rows)
        map[row.name] = &row;
    return map;
  }();
  StringRef name = op->getName().getStringRef();
  if (op->getNumResults() != 0 && op->getResult(0).getType().isInteger(1))
    if (const Row *row = logicRow(name))
      return row;
  return byName.lookup(name);
}

static Instruction::Step passOf(const Row &row) {
  if (row.run == runSelect)
    return passSelect;
  return row.run == runLogicAnd ? passAnd : row.run == runLogicOr ? passOr : passAll;
}

llvm::Expected<Instruction> attn::reference::translate(Operation *op) {
  const Row *row = findRow(op);
  if (!row || !llvm::all_of(op->getOperandTypes(), [](Type type) { return type.isIntOrIndexOrFloat(); }))
    return errorAt(op->getLoc(), "the reference evaluator does not know the scalar op '" + op->getName().getStringRef() + "'");
  Instruction in;
  in.op = op;
  in.run = row->run;
  in.pass = passOf(*row);
  in.numResults = op->getNumResults();
  in.roundings = row->roundings;
  in.real1 = row->real1;
  in.real2 = row->real2;
  in.integer1 = row->integer1;
  in.integer2 = row->integer2;
  Type type = op->getResult(0).getType();
  if (auto floatType = dyn_cast<FloatType>(type))
    in.format = FloatFormat::of(floatType);
  in.width = widthOf(type);
  in.operandWidth = widthOf(op->getOperand(0).getType());
  if (auto compare = dyn_cast<arith::CmpIOp>(op))
    in.predicate = static_cast<int64_t>(compare.getPredicate());
  else if (auto compare = dyn_cast<arith::CmpFOp>(op))
    in.predicate = static_cast<int64_t>(compare.getPredicate());
  return in;
}

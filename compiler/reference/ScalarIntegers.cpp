// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Scalar ops of integers, and between integers and floats. They are exact, but an integer made from a float near a tie
// may be off by one in a kernel: that passes through + - *.
#include "compiler/reference/ScalarOps.h"
#include "llvm/Support/MathExtras.h"
#include <cmath>
#include <limits>

using namespace mlir;
using namespace attn::reference;

static int64_t plus(int64_t a, int64_t b, unsigned) { return uint64_t(a) + uint64_t(b); }
static int64_t minus(int64_t a, int64_t b, unsigned) { return uint64_t(a) - uint64_t(b); }
static int64_t times(int64_t a, int64_t b, unsigned) { return uint64_t(a) * uint64_t(b); }

static void runSum(const Instruction &in, Frame &frame) {
  auto [a, b, d] = binary(in, frame);
  for (unsigned l = 0; l < frame.lanes; ++l) {
    d.integer[l] = wrap(in.integer2(a.integer[l], b.integer[l], in.width), in.width);
    d.variance[l] = a.variance[l] + b.variance[l];
  }
}

static void runProduct(const Instruction &in, Frame &frame) {
  auto [a, b, d] = binary(in, frame);
  for (unsigned l = 0; l < frame.lanes; ++l) {
    double x = a.integer[l], y = b.integer[l];
    d.variance[l] = a.variance[l] * square(y) + b.variance[l] * square(x);
    d.integer[l] = wrap(times(a.integer[l], b.integer[l], in.width), in.width);
  }
}

static void runIntegerChoice(const Instruction &in, Frame &frame) {
  auto [a, b, d] = binary(in, frame);
  for (unsigned l = 0; l < frame.lanes; ++l) {
    int64_t value = in.integer2(a.integer[l], b.integer[l], in.width);
    double variance = value == a.integer[l] ? a.variance[l] : b.variance[l];
    d.integer[l] = value;
    d.variance[l] = variance;
  }
}

static void runInteger2(const Instruction &in, Frame &frame) {
  auto [a, b, d] = binary(in, frame);
  for (unsigned l = 0; l < frame.lanes; ++l) {
    d.integer[l] = wrap(in.integer2(a.integer[l], b.integer[l], in.width), in.width);
    d.variance[l] = 0;
  }
}

/// arith's divisions have no value for a zero divisor (attn.idiv and attn.imod have).
static void runDivision(const Instruction &in, Frame &frame) {
  auto [a, b, d] = binary(in, frame);
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

template <bool isSigned> static void runMulExtended(const Instruction &in, Frame &frame) {
  auto [a, b, d] = binary(in, frame);
  Lanes &high = frame.registers[in.result + 1];
  for (unsigned l = 0; l < frame.lanes; ++l) {
    __int128 product = isSigned
                           ? __int128(a.integer[l]) * b.integer[l]
                           : static_cast<__int128>(static_cast<unsigned __int128>(zeroExtend(a.integer[l], in.width)) *
                                                   zeroExtend(b.integer[l], in.width));
    high.integer[l] = wrap(static_cast<int64_t>(product >> in.width), in.width);
    d.integer[l] = wrap(static_cast<int64_t>(product), in.width);
    d.variance[l] = high.variance[l] = 0;
  }
}

//===-- between floats and integers ----------------------------------------------------------------------------------

template <bool isSigned> static void runFromInteger(const Instruction &in, Frame &frame) {
  const Lanes &a = frame.registers[in.operands[0]];
  eachLane(in, frame, [&](Lanes &d, unsigned l) {
    int64_t integer = a.integer[l];
    double value =
        isSigned ? double(in.operandWidth == 1 ? -integer : integer) : double(zeroExtend(integer, in.operandWidth));
    bool fits = std::fabs(value) * in.format.roundoff <= 1;
    d.real[l] = std::fabs(value) >= in.format.limit ? std::copysign(HUGE_VAL, value) : value;
    d.variance[l] = a.variance[l] + (fits ? 0 : square(in.format.roundoff * value));
  });
}

/// Towards zero, saturating; NaN is 0.
template <bool isSigned> static void runToInteger(const Instruction &in, Frame &frame) {
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
    d.variance[l] = propagate([](double t) { return std::trunc(t); }, x, y, a.variance[l]);
  });
}

//===-- the table ----------------------------------------------------------------------------------------------------

static ScalarOp integer1(llvm::StringLiteral name, int64_t (*f)(int64_t, unsigned)) {
  return {name, runInteger1, 0, nullptr, nullptr, f};
}
static ScalarOp integer2(llvm::StringLiteral name, Instruction::Step run, int64_t (*f)(int64_t, int64_t, unsigned)) {
  return {name, run, 0, nullptr, nullptr, nullptr, f};
}
static int64_t signExtended(int64_t a, unsigned width) { return width == 1 ? -a : a; }
static int64_t zeroExtended(int64_t a, unsigned width) { return zeroExtend(a, width); }
static uint64_t u(int64_t a, unsigned width) { return zeroExtend(a, width); }

ArrayRef<ScalarOp> attn::reference::integerOps() {
  static const ScalarOp rows[] = {
      {"arith.mului_extended", runMulExtended<false>},
      {"arith.mulsi_extended", runMulExtended<true>},
      {"arith.sitofp", runFromInteger<true>},
      {"arith.uitofp", runFromInteger<false>},
      {"arith.fptosi", runToInteger<true>},
      {"arith.fptoui", runToInteger<false>},
      {"arith.muli", runProduct},
      integer2("arith.addi", runSum, plus),
      integer2("arith.subi", runSum, minus),
      integer2("attn.idiv", runInteger2, [](int64_t a, int64_t b, unsigned) { return floorDivide(a, b); }),
      integer2("attn.imod", runInteger2, [](int64_t a, int64_t b, unsigned) { return floorModulo(a, b); }),
      integer2("arith.floordivsi", runDivision, [](int64_t a, int64_t b, unsigned) { return floorDivide(a, b); }),
      integer2("arith.ceildivsi", runDivision, [](int64_t a, int64_t b, unsigned) { return -floorDivide(-a, b); }),
      integer2("arith.divsi", runDivision,
               [](int64_t a, int64_t b, unsigned) { return b == -1 ? minus(0, a, 0) : a / b; }),
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
      integer2("arith.maxui", runIntegerChoice,
               [](int64_t a, int64_t b, unsigned w) { return u(a, w) > u(b, w) ? a : b; }),
      integer2("arith.minui", runIntegerChoice,
               [](int64_t a, int64_t b, unsigned w) { return u(a, w) < u(b, w) ? a : b; }),
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

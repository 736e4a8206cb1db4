// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The rows of the table of scalar ops.
#pragma once
#include "compiler/reference/Program.h"

namespace attn::reference {

/// How one op is computed; the fields are those of Instruction.
struct ScalarOp {
  llvm::StringLiteral name;
  Instruction::Step run;
  unsigned roundings = 0;
  double (*real1)(double) = nullptr;
  double (*real2)(double, double) = nullptr;
  int64_t (*integer1)(int64_t, unsigned) = nullptr;
  int64_t (*integer2)(int64_t, int64_t, unsigned) = nullptr;
  Instruction::Step pass = nullptr; ///< null: everything missing of the operands is missing of the result
};

/// Of floats; in ScalarFloats.cpp.
llvm::ArrayRef<ScalarOp> floatOps();
/// Of integers and between integers and floats; in ScalarIntegers.cpp.
llvm::ArrayRef<ScalarOp> integerOps();
/// Of sets, and whatever else the attn dialect adds to integers and floats; in ScalarSets.cpp.
llvm::ArrayRef<ScalarOp> setOps();
/// That yield or take an i1, found before those of integers with the same name; in ScalarConditions.cpp.
llvm::ArrayRef<ScalarOp> conditionOps();

/// The operands of an instruction that has two, and its result.
struct Binary {
  const Lanes &a, &b;
  Lanes &d;
};
inline Binary binary(const Instruction &in, Frame &frame) {
  return {frame.registers[in.operands[0]], frame.registers[in.operands[1]], frame.registers[in.result]};
}

/// Calls `each(result, lane)`.
template <typename Each> void eachLane(const Instruction &in, Frame &frame, Each each) {
  Lanes &result = frame.registers[in.result];
  for (unsigned l = 0; l < frame.lanes; ++l)
    each(result, l);
}

inline double square(double x) { return x * x; }

/// (slope * error)^2 of f at x, where y = f(x). The slope is that of the steeper secant over the error, at least over
/// 2^-40 |x|, below which the difference is noise.
double propagate(llvm::function_ref<double(double)> f, double x, double y, double variance);

} // namespace attn::reference

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Functions of f32 and f64 as arith operations, bit operations and the math operations that are instructions. The
// bounds are in ulp (units in the last place of the exact result) of a normal result; test/unit/ApproximationTest.cpp
// has the table of them. NaN gives NaN, with any payload. Denormals are neither flushed nor wanted: they must not be
// disabled.
#pragma once
#include "passes/target/Real.h"

namespace attn::expansion {

/// f32 polynomials that exp2 can use: 3 (error 1e-4), 5 (two ulp) or 6 (one ulp).
bool isExp2Degree(int degree);
/// Any x: 0 for -inf, exactly 1 for 0, inf from 128 (f64: 1024) on. Results below 2^-125.5 (2^-1021.5) are 0: all that
/// come are normal. `degree` is that of f32; f64 has one polynomial.
Real exp2(Real x, int degree);
Real exp(Real x); ///< 0 where exp2 has it, too
Real expm1(Real x);
Real tanh(Real x);
Real erf(Real x);

/// All inputs, denormals too: -inf for 0, NaN for less.
Real log2(Real x);
Real log(Real x);
Real log1p(Real x);

/// For |x| <= 2^22 (f64: 2^50); NaN beyond, where an argument is not known to a fraction of a period.
Real sin(Real x);
Real cos(Real x);

/// As C's pow, special cases included. f32 computes in f64; f64 has the logarithm as a sum of two.
Real pow(Real x, Real y);

Real rsqrt(Real x);
/// To the nearest integer, halves away from zero.
Real round(Real x);

/// f32 or f64 to f16 or bf16: to nearest, ties to even, rounded once; NaN stays NaN and is quiet.
mlir::Value narrow(Real x, mlir::FloatType element);

} // namespace attn::expansion

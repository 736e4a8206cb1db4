// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef ATTNC_PASSES_ATTN_ALGEBRA_PROPERTIES_H
#define ATTNC_PASSES_ATTN_ALGEBRA_PROPERTIES_H
#include "llvm/ADT/StringRef.h"
#include <cstdint>
#include <optional>

/// All that the algebra knows about scalar functions and reducers: rows of two tables. A new function or reducer is a
/// new row; no rule names one.
namespace attn::algebra {

enum class ValueType : uint8_t { Bool, Integer, Float };

/// Scalar functions that are not sums, products, powers or exponentials.
enum class Function : uint8_t {
  Log,
  Log1p,
  Expm1,
  Tanh,
  Sigmoid,
  Relu,
  Softplus,
  Erf,
  Abs,
  Sign,
  Sin,
  Cos,
  Floor,
  Ceil,
  Round,
  RoundEven,
  Trunc,
  Max,
  Min,
  Power,
  Atan,
  Sinh,
  Cosh,
  Rsqrt,   // a power of -1/2 would take 0 * rsqrt(0) for 0/0, which is 0 (R13)
  NonZero, // 0 where the argument is 0, else 1: what b/b is (R13)
  Finite,  // the argument, 0 where it is -inf
  Rand,    // uniform in [0, 1), a function of its integers
  IntDiv,
  IntMod,
  Less,
  LessEqual,
  Equal,
  NotEqual,
  And,
  Or,
  Not,
  True,
  ToF16,
  ToBF16,
  ToF32,
  ToI32,
  ToI8,
  ToI64,
  Exp2, // of code that is being written; the normal form knows exp alone
};
inline constexpr unsigned kFunctions = unsigned(Function::Exp2) + 1;

/// The operation a homomorphism maps from and to.
enum class Operation : uint8_t { None, Add, Multiply };

struct FunctionRow {
  Function function;
  llvm::StringLiteral name; ///< as formulas print it; infix for comparisons and connectives
  ValueType result;         ///< Float also stands for "as the arguments" where followsArguments is set
  bool followsArguments;    ///< the result has the arguments' type
  bool increasing;          ///< in the first argument, the others fixed (all arguments of Max and Min)
  bool strict;              ///< strictly increasing
  bool nonNegative;
  bool scales;        ///< f(w x, w y) = w f(x, y) for w >= 0
  bool oddOrEven;     ///< the homomorphism holds for negative arguments too
  Operation from, to; ///< f(a from b) = f(a) to f(b), for positive a and b unless oddOrEven
  bool infix;
  bool commutative; ///< arguments are sorted and flattened, doubles dropped (Max, Min, And, Or)
};
const FunctionRow &getRow(Function function);

enum class Reducer : uint8_t { Sum, Product, Max, Min, Mean, Any, All, ArgMax };
inline constexpr unsigned kReducers = unsigned(Reducer::ArgMax) + 1;

struct ReducerRow {
  Reducer reducer;
  llvm::StringLiteral name;
  double identity;                     ///< also of bools: 0 and 1
  std::optional<Reducer> dual;         ///< the reducer that a negative factor turns it into
  bool ordered;                        ///< passes through increasing functions
  bool selectsIndex;                   ///< yields a position: drops what is strictly increasing
  bool ratio;                          ///< a sum over a count
  bool affine;                         ///< a weighted sum: factors free of the reduced indices leave it, sums nest
  std::optional<Function> distributes; ///< the connective that distributes over it (bools)
  bool infiniteIdentity;               ///< over no points the value is not finite
};
const ReducerRow &getRow(Reducer reducer);
std::optional<Reducer> findReducer(llvm::StringRef name);

} // namespace attn::algebra
#endif

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The property tables. Exponentials, sums, products and powers have no row: they are the normal form itself.
#include "passes/attn/algebra/Properties.h"
#include <cassert>
#include <limits>

using namespace attn::algebra;

namespace {
constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr auto B = ValueType::Bool, I = ValueType::Integer, F = ValueType::Float;
constexpr auto none = Operation::None, add = Operation::Add, mul = Operation::Multiply;

// clang-format off
constexpr FunctionRow kFunctionRows[kFunctions] = {
// function              name        result follows incr  strict nonneg scales odd/even from  to   infix commutative
  {Function::Log,        "log",      F, false, true,  true,  false, false, false, mul,  add,  false, false},
  {Function::Log1p,      "log1p",    F, false, true,  true,  false, false, false, none, none, false, false},
  {Function::Expm1,      "expm1",    F, false, true,  true,  false, false, false, none, none, false, false},
  {Function::Tanh,       "tanh",     F, false, true,  true,  false, false, false, none, none, false, false},
  {Function::Sigmoid,    "sigmoid",  F, false, true,  true,  true,  false, false, none, none, false, false},
  {Function::Relu,       "relu",     F, true,  true,  false, true,  true,  false, none, none, false, false},
  {Function::Softplus,   "softplus", F, false, true,  true,  true,  false, false, none, none, false, false},
  {Function::Erf,        "erf",      F, false, true,  true,  false, false, false, none, none, false, false},
  {Function::Abs,        "abs",      F, true,  false, false, true,  true,  true,  mul,  mul,  false, false},
  {Function::Sign,       "sign",     F, true,  true,  false, false, false, true,  mul,  mul,  false, false},
  {Function::Sin,        "sin",      F, false, false, false, false, false, false, none, none, false, false},
  {Function::Cos,        "cos",      F, false, false, false, false, false, false, none, none, false, false},
  {Function::Floor,      "floor",    F, true,  true,  false, false, false, false, none, none, false, false},
  {Function::Ceil,       "ceil",     F, true,  true,  false, false, false, false, none, none, false, false},
  {Function::Round,      "round",    F, true,  true,  false, false, false, false, none, none, false, false},
  {Function::RoundEven,  "roundeven",F, true,  true,  false, false, false, false, none, none, false, false},
  {Function::Trunc,      "trunc",    F, true,  true,  false, false, false, false, none, none, false, false},
  {Function::Max,        "max",      F, true,  true,  false, false, true,  false, none, none, false, true},
  {Function::Min,        "min",      F, true,  true,  false, false, true,  false, none, none, false, true},
  {Function::Power,      "pow",      F, false, false, false, false, false, false, mul,  mul,  false, false},
  {Function::Atan,       "atan",     F, false, true,  true,  false, false, false, none, none, false, false},
  {Function::Sinh,       "sinh",     F, false, true,  true,  false, false, false, none, none, false, false},
  {Function::Cosh,       "cosh",     F, false, false, false, true,  false, false, none, none, false, false},
  {Function::Rsqrt,      "rsqrt",    F, false, false, false, true,  false, false, none, none, false, false},
  {Function::NonZero,    "nonzero",  F, false, false, false, true,  false, false, none, none, false, false},
  {Function::Finite,     "finite",   F, false, true,  false, false, false, false, none, none, false, false},
  {Function::Rand,       "rand",     F, false, false, false, true,  false, false, none, none, false, false},
  {Function::IntDiv,     "/",        I, false, false, false, false, false, false, none, none, true,  false},
  {Function::IntMod,     "%",        I, false, false, false, false, false, false, none, none, true,  false},
  {Function::Less,       "<",        B, false, false, false, true,  false, false, none, none, true,  false},
  {Function::LessEqual,  "<=",       B, false, false, false, true,  false, false, none, none, true,  false},
  {Function::Equal,      "==",       B, false, false, false, true,  false, false, none, none, true,  false},
  {Function::NotEqual,   "!=",       B, false, false, false, true,  false, false, none, none, true,  false},
  {Function::And,        "and",      B, false, false, false, true,  false, false, none, none, true,  true},
  {Function::Or,         "or",       B, false, false, false, true,  false, false, none, none, true,  true},
  {Function::Not,        "not",      B, false, false, false, true,  false, false, none, none, false, false},
  {Function::True,       "true",     B, false, false, false, true,  false, false, none, none, false, false},
  {Function::ToF16,      "f16",      F, false, true,  false, false, false, false, none, none, false, false},
  {Function::ToBF16,     "bf16",     F, false, true,  false, false, false, false, none, none, false, false},
  {Function::ToF32,      "f32",      F, false, true,  false, false, false, false, none, none, false, false},
  {Function::ToI32,      "i32",      I, false, true,  false, false, false, false, none, none, false, false},
  {Function::ToI8,       "i8",       I, false, true,  false, false, false, false, none, none, false, false},
  {Function::ToI64,      "i64",      I, false, true,  false, false, false, false, none, none, false, false},
  {Function::Exp2,       "exp2",     F, false, true,  true,  true,  false, false, none, none, false, false},
};

constexpr ReducerRow kReducerRows[kReducers] = {
// reducer           name      identity dual        ordered index  ratio  affine distributes      infinite
  {Reducer::Sum,     "sum",    0,     std::nullopt, false, false, false, true,  std::nullopt,  false},
  {Reducer::Product, "prod",   1,     std::nullopt, false, false, false, false, std::nullopt,  false},
  {Reducer::Max,     "max",    -kInf, Reducer::Min, true,  false, false, false, std::nullopt,  true},
  {Reducer::Min,     "min",    kInf,  Reducer::Max, true,  false, false, false, std::nullopt,  true},
  {Reducer::Mean,    "mean",   0,     std::nullopt, false, false, true,  false, std::nullopt,  false},
  {Reducer::Any,     "any",    0,     std::nullopt, false, false, false, false, Function::And, false},
  {Reducer::All,     "all",    1,     std::nullopt, false, false, false, false, Function::Or,  false},
  {Reducer::ArgMax,  "argmax", 0,     std::nullopt, true,  true,  false, false, std::nullopt,  false},
};
// clang-format on
} // namespace

const FunctionRow &attn::algebra::getRow(Function function) {
  const FunctionRow &row = kFunctionRows[unsigned(function)];
  assert(row.function == function && "function table out of order");
  return row;
}

const ReducerRow &attn::algebra::getRow(Reducer reducer) {
  const ReducerRow &row = kReducerRows[unsigned(reducer)];
  assert(row.reducer == reducer && "reducer table out of order");
  return row;
}

std::optional<Reducer> attn::algebra::findReducer(llvm::StringRef name) {
  for (const ReducerRow &row : kReducerRows)
    if (row.name == name)
      return row.reducer;
  return std::nullopt;
}

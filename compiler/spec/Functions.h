// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The functions, reducers and selections of the language as tables.
#pragma once

#include "llvm/ADT/StringRef.h"

namespace attn::spec {

enum class MapOp : uint8_t {
  Add,
  Sub,
  Mul,
  Div,
  Mod,
  Neg,
  Less,
  LessEqual,
  Greater,
  GreaterEqual,
  Equal,
  NotEqual,
  And,
  Or,
  Not,
  Exp,
  Exp2,
  Expm1,
  Log,
  Log2,
  Log1p,
  Tanh,
  Sigmoid,
  Relu,
  Silu,
  Gelu,
  Softplus,
  Softcap,
  Erf,
  Sqrt,
  Rsqrt,
  Pow,
  Sin,
  Cos,
  Floor,
  Ceil,
  Round,
  Abs,
  Sign,
  Min,
  Max,
  Clamp,
  Select,
  Ilog2,
  Shl,
  Shr,
  BitAnd,
  BitOr,
  BitXor,
};

/// What a function's operands are, and so what it yields.
enum class Signature : uint8_t {
  Float,   ///< numbers, computed as floats
  Number,  ///< integers give an integer, else a float
  Integer, ///< integers only
  Select,  ///< a bool and two values of one kind
};

struct Function {
  llvm::StringLiteral name;
  MapOp op;
  Signature signature;
  unsigned minArgs, maxArgs;
};

enum class ReducerKind : uint8_t { Sum, Prod, Max, Min, Any, All, Mean, LogSumExp, ArgMax };

struct ReducerRow {
  llvm::StringLiteral name;
  ReducerKind kind;
  bool takesBools;
};

enum class SelectionKind : uint8_t { TopK, TopP, Above, Set };

struct SelectionRow {
  llvm::StringLiteral name;
  SelectionKind kind;
  bool takesParameter;
};

/// Null when there is none of that name.
const Function *findFunction(llvm::StringRef name);
const ReducerRow *findReducer(llvm::StringRef name);
const SelectionRow *findSelection(llvm::StringRef name);
/// As the language spells it: `exp`, `+`, `sum`.
llvm::StringRef spell(MapOp op);
llvm::StringRef spell(ReducerKind kind);
llvm::StringRef spell(SelectionKind kind);

} // namespace attn::spec

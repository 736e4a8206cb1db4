// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/spec/Functions.h"
#include "llvm/ADT/STLExtras.h"

using namespace llvm;

namespace attn::spec {

static constexpr Function functions[] = {
    {"exp", MapOp::Exp, Signature::Float, 1, 1},         {"exp2", MapOp::Exp2, Signature::Float, 1, 1},
    {"expm1", MapOp::Expm1, Signature::Float, 1, 1},     {"log", MapOp::Log, Signature::Float, 1, 1},
    {"log2", MapOp::Log2, Signature::Float, 1, 1},       {"log1p", MapOp::Log1p, Signature::Float, 1, 1},
    {"tanh", MapOp::Tanh, Signature::Float, 1, 1},       {"sigmoid", MapOp::Sigmoid, Signature::Float, 1, 1},
    {"relu", MapOp::Relu, Signature::Number, 1, 1},      {"silu", MapOp::Silu, Signature::Float, 1, 1},
    {"gelu", MapOp::Gelu, Signature::Float, 1, 1},       {"softplus", MapOp::Softplus, Signature::Float, 1, 1},
    {"softcap", MapOp::Softcap, Signature::Float, 2, 2}, {"erf", MapOp::Erf, Signature::Float, 1, 1},
    {"sqrt", MapOp::Sqrt, Signature::Float, 1, 1},       {"rsqrt", MapOp::Rsqrt, Signature::Float, 1, 1},
    {"pow", MapOp::Pow, Signature::Float, 2, 2},         {"sin", MapOp::Sin, Signature::Float, 1, 1},
    {"cos", MapOp::Cos, Signature::Float, 1, 1},         {"floor", MapOp::Floor, Signature::Float, 1, 1},
    {"ceil", MapOp::Ceil, Signature::Float, 1, 1},       {"round", MapOp::Round, Signature::Float, 1, 1},
    {"abs", MapOp::Abs, Signature::Number, 1, 1},        {"sign", MapOp::Sign, Signature::Number, 1, 1},
    {"min", MapOp::Min, Signature::Number, 2, 64},       {"max", MapOp::Max, Signature::Number, 2, 64},
    {"clamp", MapOp::Clamp, Signature::Number, 3, 3},    {"select", MapOp::Select, Signature::Select, 3, 3},
    {"ilog2", MapOp::Ilog2, Signature::Integer, 1, 1},   {"shl", MapOp::Shl, Signature::Integer, 2, 2},
    {"shr", MapOp::Shr, Signature::Integer, 2, 2},       {"bitand", MapOp::BitAnd, Signature::Integer, 2, 2},
    {"bitor", MapOp::BitOr, Signature::Integer, 2, 2},   {"bitxor", MapOp::BitXor, Signature::Integer, 2, 2},
};

static constexpr ReducerRow reducers[] = {
    {"sum", ReducerKind::Sum, false},       {"prod", ReducerKind::Prod, false},
    {"max", ReducerKind::Max, false},       {"min", ReducerKind::Min, false},
    {"any", ReducerKind::Any, true},        {"all", ReducerKind::All, true},
    {"mean", ReducerKind::Mean, false},     {"logsumexp", ReducerKind::LogSumExp, false},
    {"argmax", ReducerKind::ArgMax, false},
};

static constexpr SelectionRow selections[] = {
    {"topk", SelectionKind::TopK, true},
    {"topp", SelectionKind::TopP, true},
    {"above", SelectionKind::Above, true},
    {"set", SelectionKind::Set, false},
};

template <typename Row, size_t n> static const Row *find(const Row (&table)[n], StringRef name) {
  const Row *row = llvm::find_if(table, [&](const Row &one) { return one.name == name; });
  return row == std::end(table) ? nullptr : row;
}

const Function *findFunction(StringRef name) { return find(functions, name); }
const ReducerRow *findReducer(StringRef name) { return find(reducers, name); }
const SelectionRow *findSelection(StringRef name) { return find(selections, name); }

StringRef spell(MapOp op) {
  static constexpr StringLiteral operators[] = {
      "+", "-", "*", "/", "%", "-", "<", "<=", ">", ">=", "==", "!=", "and", "or", "not"};
  if (op <= MapOp::Not)
    return operators[static_cast<size_t>(op)];
  return llvm::find_if(functions, [&](const Function &one) { return one.op == op; })->name;
}

StringRef spell(ReducerKind kind) {
  return llvm::find_if(reducers, [&](const ReducerRow &one) { return one.kind == kind; })->name;
}

StringRef spell(SelectionKind kind) {
  return llvm::find_if(selections, [&](const SelectionRow &one) { return one.kind == kind; })->name;
}

} // namespace attn::spec

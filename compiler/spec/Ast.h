// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The spec as written. Nodes live in the arena of their file and are never freed one by one; names are parts of the
// source text. Names mean nothing yet: Resolve.cpp gives them their meaning.
#pragma once

#include "compiler/spec/Diagnostics.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/Allocator.h"
#include <memory>

namespace attn::spec {

struct Ident {
  llvm::StringRef name;
  Loc loc;
  explicit operator bool() const { return !name.empty(); }
};

enum class ExprKind : uint8_t {
  Int,
  Float,
  Bool,
  Inf,
  Pi,
  Name,   ///< a bare name
  Index,  ///< operands[0] read at subscripts
  Call,   ///< name[packs](operands)
  Member, ///< operands[0].name
  Negate,
  Not,
  Binary, ///< operands[0] op operands[1]
  If,     ///< operands[0] where operands[1]
  Else,   ///< operands[0], and where it is absent operands[1]
  Reduce, ///< name[binders if condition] operands[0]
  Select, ///< name[binders if condition; parameter] operands[0]
  Tuple,
};

enum class BinaryOp : uint8_t {
  Add,
  Sub,
  Mul,
  Div,
  Mod,
  Less,
  LessEqual,
  Greater,
  GreaterEqual,
  Equal,
  NotEqual,
  And,
  Or,
  In
};

struct Expr;

/// One entry between brackets; `label` is set in a re-indexing read (`H[t: t-1]`).
struct Subscript {
  Ident label;
  Expr *value;
};

/// An index that a reducer or selection binds; `bound` is its extent where one is written (`i < block`).
struct Binder {
  Ident index;
  Expr *bound;
};

struct Expr {
  explicit Expr(ExprKind kind) : kind(kind) {}

  ExprKind kind;
  BinaryOp op = BinaryOp::Add;
  uint32_t depth = 1;
  Loc loc;                     ///< where a message about this node points
  uint32_t begin = 0, end = 0; ///< its text, as offsets into its file
  llvm::StringRef name;
  int64_t integer = 0;
  double number = 0;
  llvm::ArrayRef<Expr *> operands;
  llvm::ArrayRef<Subscript> subscripts;
  llvm::ArrayRef<llvm::ArrayRef<Ident>> packs;
  llvm::ArrayRef<Binder> binders;
  Expr *condition = nullptr;
  Expr *parameter = nullptr;
};

/// A stored dimension: a rank, or a product of ranks with the outer one first.
using Dim = llvm::ArrayRef<Ident>;

struct Param {
  Ident name;
  Ident type; ///< empty for sets
  bool isInout = false, isOptional = false, isConst = false, isTensor = false, isSet = false;
  llvm::ArrayRef<Dim> dims;
  llvm::ArrayRef<Ident> members; ///< the ranks a set's members come from
  Expr *capacity = nullptr;
  Expr *init = nullptr;
};

struct EquationSyntax {
  Ident name;
  Ident type; ///< empty when none is written
  bool hasIndices = false;
  llvm::ArrayRef<Expr *> indices;
  Expr *rhs = nullptr; ///< null when the equation could not be parsed: its name is declared, and nothing else is known
};

enum class StatementKind : uint8_t { Rank, Require, Equation };

struct Statement {
  StatementKind kind;
  Loc loc;
  Ident rank;                 ///< Rank: the declared rank
  llvm::ArrayRef<Ident> over; ///< Rank: the ranks its extent varies over
  Expr *value = nullptr;      ///< Rank: the extent; Require: the condition
  EquationSyntax equation;
};

struct KernelSyntax {
  Ident name;
  llvm::ArrayRef<Ident> typeParams;
  llvm::ArrayRef<Param> params, results;
  llvm::ArrayRef<Statement> statements;
  bool broken = false; ///< its header could not be parsed
};

struct DefSyntax {
  Ident name;
  llvm::ArrayRef<Ident> packs, formals, results;
  llvm::ArrayRef<EquationSyntax> equations;
  bool broken = false;
};

struct FileSyntax {
  std::vector<KernelSyntax> kernels;
  std::vector<DefSyntax> defs;
  std::unique_ptr<llvm::BumpPtrAllocator> arena = std::make_unique<llvm::BumpPtrAllocator>();
};

} // namespace attn::spec

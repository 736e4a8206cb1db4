// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The spec as understood: names are resolved, defs instantiated, implicit sums written out, conditions moved to what
// they filter. A kernel is a list of equations over tensors whose dimensions carry rank names.
#pragma once

#include "compiler/spec/Diagnostics.h"
#include "compiler/spec/Functions.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/Allocator.h"
#include "llvm/Support/StringSaver.h"
#include <deque>
#include <memory>
#include <optional>

namespace attn::spec {

/// Element types of R16; `Param` is an element type chosen at compile time, `Inferred` follows from the equations.
enum class Element : uint8_t { F16, BF16, F32, F64, F8E4M3, F8E5M2, I8, U8, I32, I64, Bool, Param, Inferred };

struct ElementType {
  Element kind = Element::Inferred;
  llvm::StringRef param; ///< the name of a type parameter
};

/// What a value is as far as the rules tell values apart.
enum class TypeClass : uint8_t { Unknown, Bool, Int, Float, Set, Tuple };

enum class TermKind : uint8_t {
  Int,
  Float,
  Bool,
  Index,     ///< the value of index `name`
  Extent,    ///< the extent of rank `name`
  Scalar,    ///< the scalar argument `scalar`
  Read,      ///< `tensor` at `args`; `isOld`: its value on entry
  Map,       ///< `op` of `args`; absent where one of them is
  Convert,   ///< args[0] as `element`
  If,        ///< args[0] at the points where args[1] holds
  Else,      ///< args[0], and where it is absent args[1]
  Reduce,    ///< `reducer` over `binders` of args[0], at the points where `condition` holds
  Select,    ///< the set that `selection` picks over `binders` from args[0], with `parameter`
  In,        ///< args[0] is a member of the set args[1]
  Place,     ///< the member at place args[1] of the set args[0]
  Component, ///< component `integer` of the tuple args[0]
  Len,
  Pos,
  Tuple,
  Rand,
};

struct Tensor;
struct ScalarParam;
struct Term;

struct BoundIndex {
  llvm::StringRef name;
  Loc loc;
  Term *extent; ///< null unless written (`i < block`)
};

struct Term {
  explicit Term(TermKind kind) : kind(kind) {}

  TermKind kind;
  MapOp op = MapOp::Add;
  ReducerKind reducer = ReducerKind::Sum;
  SelectionKind selection = SelectionKind::Set;
  TypeClass type = TypeClass::Unknown;
  bool isOld = false;
  bool isImplicit = false; ///< Reduce: a sum that R7 placed
  ElementType element;
  Loc loc;
  uint32_t begin = 0, end = 0; ///< its text in file loc.file; empty when it has none of its own
  const CallSite *site = nullptr;
  llvm::StringRef name;
  int64_t integer = 0;
  double number = 0;
  Tensor *tensor = nullptr;
  const ScalarParam *scalar = nullptr;
  llvm::MutableArrayRef<Term *> args;
  llvm::ArrayRef<BoundIndex> binders;
  Term *condition = nullptr;
  Term *parameter = nullptr;
};

struct ScalarParam {
  llvm::StringRef name;
  Loc loc;
  ElementType type;
  bool isConst = false;
  Term *init = nullptr;
};

enum class TensorRole : uint8_t { Argument, Result, Local };

struct Tensor {
  llvm::StringRef name; ///< unique in its kernel; what a def made is called `def.local`
  Loc loc;
  const CallSite *site = nullptr;
  TensorRole role = TensorRole::Local;
  ElementType type;
  TypeClass typeClass = TypeClass::Unknown;
  bool isOptional = false, isInout = false, isSet = false;
  bool isBroken = false; ///< an equation of it could not be parsed: nothing about it is reported
  bool isIterative = false;
  llvm::SmallVector<llvm::StringRef, 4> ranks; ///< one a dimension; empty where no equation names it
  llvm::SmallVector<llvm::SmallVector<llvm::StringRef, 2>, 4> dims; ///< stored dimensions: products of ranks
  llvm::SmallVector<llvm::StringRef, 2> members;                    ///< sets: the ranks of the members
  Term *capacity = nullptr;
  llvm::SmallVector<Term *, 4> extents; ///< one a dimension, filled by the extent rules; null where unknown

  /// The dimension of a rank, nothing where the tensor has not got it.
  std::optional<unsigned> dimensionOf(llvm::StringRef rank) const {
    for (unsigned dim = 0; dim < ranks.size(); ++dim)
      if (ranks[dim] == rank)
        return dim;
    return std::nullopt;
  }
};

/// R22: tensors that read earlier steps of one rank. At each step first the inner loops and what depends on no tensor
/// of the loop at the same step.
struct Loop {
  llvm::StringRef rank;
  bool isDown = false;
  llvm::SmallVector<Tensor *, 4> tensors;
  std::vector<Loop> inner; ///< over other ranks, among some of the tensors
};

struct Equation {
  Tensor *tensor;
  Loc loc;
  const CallSite *site = nullptr;
  llvm::SmallVector<Term *, 4> left;       ///< one a dimension of the tensor
  Term *rhs = nullptr;                     ///< null when it could not be understood
  llvm::SmallVector<BoundIndex, 2> bounds; ///< extents that the surrounding reducers gave to indices
};

struct RankDecl {
  llvm::StringRef name;
  Loc loc;
  llvm::SmallVector<llvm::StringRef, 2> over; ///< the ranks a ragged rank varies over
  Term *extent;
};

/// A condition checked at launch, written (`require`) or needed so that two extents of one index agree.
struct Requirement {
  Loc loc;
  Term *condition;
};

struct Kernel {
  llvm::StringRef name;
  Loc loc;
  llvm::SmallVector<llvm::StringRef, 2> typeParams;
  std::vector<std::unique_ptr<ScalarParam>> scalars;
  std::vector<std::unique_ptr<Tensor>> tensors; ///< arguments, results, locals, in the order they are met
  llvm::SmallVector<Tensor *> arguments, results;
  /// Arguments in the order they are written; one of the two is null.
  llvm::SmallVector<std::pair<Tensor *, ScalarParam *>> parameters;
  std::vector<RankDecl> ranks;
  std::vector<Requirement> requirements;
  std::vector<Equation> equations; ///< what a def made stands before its use
  std::vector<Loop> loops;
  bool hasErrors = false;

  const RankDecl *declaredRank(llvm::StringRef name) const;
};

/// Owns what the terms of its kernels consist of.
struct Program {
  std::deque<Kernel> kernels;
  llvm::BumpPtrAllocator arena;
  llvm::StringSaver strings{arena};
};

} // namespace attn::spec

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What attn-tile knows while it turns one group into code over fragments: which block of each rank is at hand, which
// fragment holds which attn tensor, and which points of a fragment have no value.
#pragma once
#include "dialects/attn/Attn.h"
#include "dialects/route/Route.h"
#include "dialects/tile/Tile.h"
#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/MapVector.h"

namespace attn {

/// A kernel and the function made of it. Ranks are numbered as in the kernel's `ranks`.
struct KernelBlocks {
  KernelOp kernel;
  mlir::OpBuilder scalars;                ///< inserts in front of the launch at hand: scalars all its blocks share
  llvm::SmallVector<mlir::Value> extents; ///< of each rank
  mlir::IRMapping scalarValues;           ///< kernel arguments and attn.default -> values in the function
  llvm::DenseMap<mlir::Value, mlir::Value> indices; ///< integers in the function -> the same as an index
  llvm::DenseMap<mlir::Value, mlir::Value> memory;  ///< attn tensors that live in memory -> memrefs
  llvm::DenseMap<std::pair<mlir::Value, mlir::Attribute>, mlir::Value>
      elements; ///< of tables, at ranks, in this launch
  /// How many ranks each dimension of a memref holds, outer first; not listed where it is one each.
  llvm::DenseMap<mlir::Value, llvm::SmallVector<unsigned>> products;
  llvm::SmallVector<mlir::Value> symbols; ///< what AffineSymbolExpr(i) of conditions stands for

  explicit KernelBlocks(KernelOp kernel) : kernel(kernel), scalars(kernel.getContext()) {}

  unsigned rankOf(llvm::StringRef name) { return *kernel.getRankIndex(name); }
  /// The value in the function of a scalar that regions capture; made in front of the launch where it is computed.
  mlir::Value scalar(mlir::Value captured);
  /// The same as an index.
  mlir::Value index(mlir::Value captured);
  mlir::AffineExpr symbol(mlir::Value index);
};

/// The part of a rank that is at hand.
struct Binding {
  mlir::Value start;       ///< first point; null for 0
  int64_t size = 0;        ///< 0: the rank is not bound here
  bool inFragment = false; ///< a dimension of fragments; otherwise one point, which indices use
  bool hasTail = false;    ///< the last block may reach beyond the extent
};

/// The one form in which equal constraints are compared: a sum of atoms with coefficients, in a fixed order.
mlir::AffineExpr normalForm(mlir::AffineExpr expr);

/// Points that have no value. Two conditions are the same where their keys are.
struct Condition {
  mlir::AffineExpr constraint; ///< >= 0 where it holds, over rank numbers and KernelBlocks::symbols; or null:
  EinsumOp einsum;             ///< then `conjunct` of this Einsum's `where` decides
  mlir::Value conjunct;
  llvm::SmallVector<unsigned, 4> ranks; ///< what it mentions
  bool isExtent = false;                ///< a rank's extent, not something that the spec says

  bool operator==(const Condition &o) const { return constraint == o.constraint && conjunct == o.conjunct; }
};

/// A condition of a tensor, and what the fragment holds where it fails, if that is known.
struct Held {
  Condition condition;
  std::optional<double> pad;
};

/// An attn tensor, or an operand read through an index map: a fragment over some ranks.
struct BlockTensor {
  mlir::Value frag;
  llvm::SmallVector<unsigned> dims; ///< the rank of each dimension
  llvm::SmallVector<Held> held;
  bool isNeverNegInf = false; ///< no element is -inf

  const Held *find(const Condition &condition) const;
};

/// Code over one block. Scopes nest by copying: what a loop body makes is not seen outside.
struct BlockScope {
  KernelBlocks &kernel;
  mlir::OpBuilder b;
  llvm::SmallVector<Binding> bindings; ///< of each rank
  llvm::DenseMap<mlir::Value, BlockTensor> tensors;
  llvm::StringMap<int64_t> tileSizes;   ///< of each rank, from the group's tiling
  llvm::SmallVector<unsigned> streamed; ///< ranks that loops around this code walk

  mlir::Value full;                            ///< in a loop over a route: the block is in its set; or null
  llvm::SmallVector<mlir::AffineExpr> visited; ///< the constraints of that set, as those of conditions
  bool isMember = false;                       ///< the set is one of several disjoint ones: only its points count here
  bool isInexact = false;                      ///< something that is no constraint of the set removes further points

  BlockScope(KernelBlocks &kernel, mlir::OpBuilder builder)
      : kernel(kernel), b(builder), bindings(kernel.extents.size()) {}

  Binding &binding(unsigned rank) { return bindings[rank]; }
  /// Binds a rank as a whole, or to its first block of `size` points.
  void bindWhole(unsigned rank, int64_t size);
  bool isWhole(unsigned rank);
  mlir::Value constant(int64_t value, mlir::Location loc);
  /// expr(ranks, symbols) as a map over the dimensions `dims` of a fragment and index operands.
  std::pair<mlir::AffineMap, llvm::SmallVector<mlir::Value>> overFragment(llvm::ArrayRef<mlir::AffineExpr> exprs,
                                                                          llvm::ArrayRef<unsigned> dims);
  /// For each dimension, how many of its points exist.
  llvm::SmallVector<mlir::Value> limits(llvm::ArrayRef<unsigned> dims, mlir::Location loc);
  llvm::SmallVector<int64_t> shape(llvm::ArrayRef<unsigned> dims);
  /// Fails where a fragment over these ranks would have more elements than a fragment may have.
  mlir::LogicalResult checkSize(mlir::Location loc, llvm::ArrayRef<unsigned> dims);
  /// The condition that a point of the rank exists.
  Condition extentCondition(unsigned rank);
  mlir::Value splat(mlir::Location loc, llvm::ArrayRef<unsigned> dims, mlir::TypedAttr value);

  // BlockEinsum.cpp
  /// The fragment of a tensor made by an Einsum, lowered here if it is not at hand yet.
  mlir::FailureOr<BlockTensor> tensor(mlir::Value value);
  mlir::FailureOr<BlockTensor> lower(EinsumOp op);
  /// Operand `i` over the iterators of `op`.
  mlir::FailureOr<BlockTensor> operand(EinsumOp op, unsigned i);

  // BlockMemory.cpp
  mlir::FailureOr<BlockTensor> load(EinsumOp op, unsigned i, mlir::Value memory);
  /// Positions in a memref from those in the ranks that it holds; `extent` gives that of a rank as an expression.
  llvm::SmallVector<mlir::AffineExpr> stored(mlir::Value memory, llvm::ArrayRef<mlir::AffineExpr> positions,
                                             llvm::ArrayRef<unsigned> ranks,
                                             llvm::function_ref<mlir::AffineExpr(mlir::Value)> extent);
  /// Writes a tensor to memory of its ranks.
  mlir::LogicalResult store(mlir::Location loc, BlockTensor tensor, llvm::ArrayRef<unsigned> ranks, mlir::Value memory,
                            mlir::TypedAttr pad);

  // BlockMask.cpp
  /// `tensor` with `value` where one of `conditions` fails.
  mlir::FailureOr<BlockTensor> mask(mlir::Location loc, const BlockTensor &tensor, llvm::ArrayRef<Condition> conditions,
                                    mlir::TypedAttr value);
  /// `tensor` with 0 where a condition fails whatever the ranks are that the tensor lacks, if that has a closed form.
  BlockTensor maskUnseen(mlir::Location loc, const BlockTensor &tensor, llvm::ArrayRef<mlir::AffineExpr> conditions);
  llvm::SmallVector<Condition> conditionsOf(EinsumOp op);
};

/// A scalar expression of a region at absent points.
struct Known {
  std::optional<double> value;
  bool isClean = true; ///< not made of anything that the condition removes
  bool isNeverNegInf = false;
};

/// What `scalar` of a region is when its arguments are `arguments`.
Known evaluate(mlir::Value scalar, llvm::ArrayRef<Known> arguments);

/// A map region with attn's scalar ops written out; `arguments` replace its arguments.
mlir::Value cloneScalar(mlir::OpBuilder &b, KernelBlocks &kernel, mlir::Value scalar, mlir::IRMapping &values);

/// The number in integer arithmetic.
mlir::Value expandRand(mlir::OpBuilder &b, RandOp op, mlir::ValueRange operands);

/// Lowers a group into a launch at `b`.
mlir::LogicalResult tileGroup(KernelBlocks &kernel, GroupOp group, mlir::OpBuilder &b);

} // namespace attn

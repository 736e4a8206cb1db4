// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// One Einsum in one block: shared by EinsumDot.cpp and BlockEinsum.cpp, and by nobody else.
#pragma once
#include "passes/attn/tiling/Block.h"

namespace attn {

/// What upstream calls the step of a reducer, read off the op that makes it; none for a reducer without one.
std::optional<mlir::vector::CombiningKind> combiningKind(ReducerAttr reducer, mlir::Type element, mlir::Location loc);

/// One Einsum in one block, with its operands at hand.
struct EinsumLowering {
  BlockScope &block;
  EinsumOp op;
  llvm::SmallVector<BlockTensor> operands;
  llvm::SmallVector<unsigned> space; ///< ranks: dimensions of the result, then of the reduction
  unsigned numParallel = 0;
  llvm::SmallVector<Condition> own; ///< of this Einsum's `where`

  EinsumLowering(BlockScope &block, EinsumOp op) : block(block), op(op) {}
  mlir::OpBuilder &b() { return block.b; }
  mlir::Location loc() { return op.getLoc(); }
  mlir::MLIRContext *context() { return op.getContext(); }
  llvm::ArrayRef<unsigned> parallel() { return llvm::ArrayRef(space).take_front(numParallel); }
  bool isReduced(unsigned rank) {
    for (unsigned i = op.getNumParallel(); i < op.getNumIterators(); ++i)
      if (block.kernel.rankOf(op.getIterator(i)) == rank)
        return true;
    return false;
  }

  mlir::LogicalResult gather() {
    for (unsigned i = 0; i < op.getNumIterators(); ++i) {
      unsigned rank = block.kernel.rankOf(op.getIterator(i));
      if (block.binding(rank).inFragment)
        space.push_back(rank);
      if (i < op.getNumParallel())
        numParallel = space.size();
    }
    for (unsigned i = 0; i < op.getInputs().size(); ++i) {
      mlir::FailureOr<BlockTensor> operand = block.operand(op, i);
      if (mlir::failed(operand))
        return mlir::failure();
      operands.push_back(*operand);
    }
    own = block.conditionsOf(op);
    return mlir::success();
  }

  mlir::AffineMap projection(llvm::ArrayRef<unsigned> dims, llvm::ArrayRef<unsigned> over) {
    llvm::SmallVector<mlir::AffineExpr> exprs;
    for (unsigned rank : dims)
      exprs.push_back(mlir::getAffineDimExpr(llvm::find(over, rank) - over.begin(), context()));
    return mlir::AffineMap::get(over.size(), 0, exprs, context());
  }

  /// Every condition of a point: of operands, of this Einsum, of the extents.
  llvm::SmallVector<Condition> conditions() {
    llvm::SmallVector<Condition> all(own);
    auto add = [&](const Condition &c) {
      if (!llvm::is_contained(all, c))
        all.push_back(c);
    };
    for (const BlockTensor &operand : operands)
      for (const Held &held : operand.held)
        add(held.condition);
    for (unsigned rank : space)
      if (block.binding(rank).hasTail)
        add(block.extentCondition(rank));
    return all;
  }
  llvm::SmallVector<Condition> reducedConditions() {
    llvm::SmallVector<Condition> all = conditions(), reduced;
    for (const Condition &c : all)
      if (llvm::any_of(c.ranks, [&](unsigned rank) { return isReduced(rank); }))
        reduced.push_back(c);
    return reduced;
  }

  /// What the region's arguments are where `condition` fails.
  llvm::SmallVector<Known> argumentsAt(const Condition &condition) {
    llvm::SmallVector<Known> known;
    for (const BlockTensor &operand : operands) {
      const Held *held = operand.find(condition);
      known.push_back({held ? held->pad : std::nullopt, !held || held->pad.has_value(), operand.isNeverNegInf});
    }
    known.append(op.getPoints().size(), Known{std::nullopt, true, true});
    return known;
  }
  std::optional<double> valueAt(const Condition &condition, mlir::Value scalar) {
    return evaluate(scalar, argumentsAt(condition)).value;
  }

  /// Conditions of the result; `at` says what it holds where one fails.
  template <typename At> void setConditions(BlockTensor &result, At at) {
    for (const Condition &c : conditions())
      if (!llvm::any_of(c.ranks, [&](unsigned rank) { return isReduced(rank); }))
        result.held.push_back({c, at(c)});
  }

  /// Fills a region of a tile op that computes `scalar`; its arguments are the elements of `inputs`, then all points.
  void fill(mlir::Region &region, llvm::ArrayRef<unsigned> inputs, mlir::Value scalar, bool takesPoints) {
    mlir::Block &body = region.emplaceBlock();
    mlir::OpBuilder inside = mlir::OpBuilder::atBlockBegin(&body);
    mlir::IRMapping values;
    mlir::Block &map = op.getMapBody();
    for (unsigned i : inputs)
      values.map(map.getArgument(i),
                 body.addArgument(mlir::cast<tile::FragType>(operands[i].frag.getType()).getElementType(), loc()));
    if (takesPoints)
      for (size_t k = 0; k < op.getPoints().size(); ++k)
        values.map(map.getArgument(op.getInputs().size() + k), body.addArgument(b().getIndexType(), loc()));
    tile::YieldOp::create(inside, loc(), mlir::ValueRange(cloneScalar(inside, block.kernel, scalar, values)));
  }

  struct Inputs {
    llvm::SmallVector<unsigned> used;
    llvm::SmallVector<mlir::Value> frags;
    llvm::SmallVector<mlir::AffineMap> maps;
    mlir::AffineMapAttr points;
    llvm::SmallVector<mlir::Value> indices;
  };
  static void collectArguments(EinsumOp op, mlir::Value v, llvm::SmallBitVector &used) {
    if (auto argument = mlir::dyn_cast<mlir::BlockArgument>(v)) {
      if (argument.getOwner() == &op.getMapBody())
        used.set(argument.getArgNumber());
    } else if (v.getDefiningOp()->getParentOp() == op.getOperation()) {
      for (mlir::Value operand : v.getDefiningOp()->getOperands())
        collectArguments(op, operand, used);
    }
  }
  /// What a tile op over `over` takes to compute `scalar`.
  Inputs inputsFor(mlir::Value scalar, llvm::ArrayRef<unsigned> over) {
    Inputs in;
    llvm::SmallBitVector used(op.getInputs().size() + op.getPoints().size());
    collectArguments(op, scalar, used);
    for (unsigned i = 0; i < op.getInputs().size(); ++i)
      if (used.test(i)) {
        in.used.push_back(i);
        in.frags.push_back(operands[i].frag);
        in.maps.push_back(projection(operands[i].dims, over));
      }
    if (used.find_next(int(op.getInputs().size()) - 1) >= 0) {
      llvm::SmallVector<mlir::AffineExpr> points;
      for (int64_t point : op.getPoints())
        points.push_back(mlir::getAffineDimExpr(block.kernel.rankOf(op.getIterator(point)), context()));
      auto [map, indices] = block.overFragment(points, over);
      in.points = mlir::AffineMapAttr::get(map);
      in.indices = indices;
    }
    return in;
  }

  /// `scalar` of the region for every element of a fragment over `over`.
  mlir::Value mapped(mlir::Value scalar, llvm::ArrayRef<unsigned> over) {
    if (auto argument = mlir::dyn_cast<mlir::BlockArgument>(scalar);
        argument && argument.getArgNumber() < operands.size())
      if (argument.getOwner() == &op.getMapBody() && llvm::ArrayRef(operands[argument.getArgNumber()].dims) == over)
        return operands[argument.getArgNumber()].frag;
    Inputs in = inputsFor(scalar, over);
    auto type = tile::FragType::get(block.shape(over), scalar.getType());
    auto map =
        tile::MapOp::create(b(), loc(), type, in.frags, in.indices, b().getAffineMapArrayAttr(in.maps), in.points);
    fill(map.getBody(), in.used, scalar, bool(in.points));
    return map.getResult(0);
  }

  bool isNeverNegInf(mlir::Value scalar) {
    llvm::SmallVector<Known> known;
    for (const BlockTensor &operand : operands)
      known.push_back({std::nullopt, true, operand.isNeverNegInf});
    known.append(op.getPoints().size(), Known{});
    return evaluate(scalar, known).isNeverNegInf;
  }

  mlir::FailureOr<BlockTensor> lowerMap();
  mlir::FailureOr<BlockTensor> lowerReduction(mlir::Value acc);
  void maskMember(llvm::ArrayRef<mlir::Value> scalars, llvm::ArrayRef<llvm::SmallVector<unsigned>> dims,
                  llvm::MutableArrayRef<mlir::Value> frags);
  mlir::FailureOr<bool> maskSides(const Condition &c, llvm::ArrayRef<mlir::Value> scalars,
                                  llvm::ArrayRef<llvm::SmallVector<unsigned>> dims,
                                  llvm::MutableArrayRef<mlir::Value> frags);
  mlir::FailureOr<std::optional<mlir::Value>> lowerDot(mlir::Value acc, mlir::Value &postponed);
  mlir::FailureOr<mlir::Value> reduce(mlir::Value acc);
  mlir::FailureOr<mlir::Value> joinPoint(mlir::Value acc, llvm::ArrayRef<Condition> wrong);
};

} // namespace attn

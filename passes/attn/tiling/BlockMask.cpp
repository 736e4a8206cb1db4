// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Predicates as conditions of tensors, and the one op that makes absent points harmless: tile.mask. A conjunct that is
// affine in ranks and scalars becomes a constraint, which routes and the lowerings can reason about; any other is
// computed element by element, where it is needed.
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "passes/attn/tiling/Block.h"
#include "passes/route/Conditions.h"
#include "llvm/ADT/SmallVectorExtras.h"

using namespace mlir;
using namespace attn;

//===-- one form for equal constraints -------------------------------------------------------------------------------

/// Adds factor * expr to the coefficients of its atoms.
static void addTerms(AffineExpr expr, int64_t factor, llvm::MapVector<AffineExpr, int64_t> &terms, int64_t &constant) {
  if (auto value = dyn_cast<AffineConstantExpr>(expr)) {
    constant += factor * value.getValue();
    return;
  }
  auto binary = dyn_cast<AffineBinaryOpExpr>(expr);
  if (binary && binary.getKind() == AffineExprKind::Add) {
    addTerms(binary.getLHS(), factor, terms, constant);
    return addTerms(binary.getRHS(), factor, terms, constant);
  }
  if (binary && binary.getKind() == AffineExprKind::Mul)
    if (auto scale = dyn_cast<AffineConstantExpr>(binary.getRHS()))
      return addTerms(binary.getLHS(), factor * scale.getValue(), terms, constant);
  terms[expr] += factor;
}

AffineExpr attn::normalForm(AffineExpr expr) {
  llvm::MapVector<AffineExpr, int64_t> terms;
  int64_t constant = 0;
  addTerms(expr, 1, terms, constant);
  // Dimensions, then symbols, by number; then whatever else there is, as met.
  SmallVector<std::tuple<unsigned, unsigned, AffineExpr>> sorted;
  for (auto &[atom, factor] : terms) {
    auto dim = dyn_cast<AffineDimExpr>(atom);
    auto symbol = dyn_cast<AffineSymbolExpr>(atom);
    sorted.emplace_back(dim      ? 0
                        : symbol ? 1
                                 : 2,
                        dim      ? dim.getPosition()
                        : symbol ? symbol.getPosition()
                                 : sorted.size(),
                        atom * factor);
  }
  llvm::sort(sorted, [](auto &a, auto &b) {
    return std::tie(std::get<0>(a), std::get<1>(a)) < std::tie(std::get<0>(b), std::get<1>(b));
  });
  AffineExpr sum = getAffineConstantExpr(constant, expr.getContext());
  for (auto &[kind, position, term] : sorted)
    sum = sum + term;
  return sum;
}

//===-- conjuncts as constraints -------------------------------------------------------------------------------------

/// The constraints that together say what the conjunct says, over rank numbers and the kernel's symbols; nothing where
/// they do not say it all.
static std::optional<SmallVector<AffineExpr>> constraintsOf(BlockScope &block, EinsumOp op, Value conjunct) {
  KernelBlocks &kernel = block.kernel;
  route::Symbols symbols(kernel.kernel);
  route::ScalarReader reader(symbols, op);
  for (auto [i, point] : llvm::enumerate(op.getPoints()))
    reader.bind(op.getWhereBody().getArgument(op.getInputs().size() + i),
                getAffineDimExpr(kernel.rankOf(op.getIterator(point)), op.getContext()));
  Builder names(op.getContext());
  auto elementOf = [&](Value table, ArrayRef<StringRef> at) {
    return kernel.elements.lookup({table, names.getStrArrayAttr(at)});
  };
  for (unsigned input = 0; input < op.getInputs().size(); ++input)
    if (SmallVector<StringRef> at = route::tableIterators(op, input); elementOf(op.getInputs()[input], at))
      reader.bind(op.getWhereBody().getArgument(input), symbols.element(op.getInputs()[input], at));
  route::Formula formula = reader.readCondition(conjunct);
  if (formula.size() != 1 || !formula.front().exact)
    return std::nullopt;
  auto symbolOf = [&](const route::Symbols::Row &row) {
    if (row.value && isa<RankedTensorType>(row.value.getType()))
      return kernel.symbol(elementOf(row.value, row.at));
    return kernel.symbol(row.value ? kernel.index(row.value) : kernel.extents[kernel.rankOf(row.rank)]);
  };
  SmallVector<AffineExpr> here = llvm::map_to_vector(symbols.rows(), symbolOf);
  return llvm::map_to_vector(formula.front().constraints,
                             [&](AffineExpr constraint) { return normalForm(constraint.replaceSymbols(here)); });
}

SmallVector<Condition> BlockScope::conditionsOf(EinsumOp op) {
  SmallVector<Condition> conditions;
  if (!op.hasWhere())
    return conditions;
  for (Value conjunct : op.getConjuncts()) {
    Condition condition;
    condition.einsum = op;
    llvm::SmallBitVector mentioned = op.getIteratorsOf(conjunct);
    for (unsigned iterator : mentioned.set_bits())
      condition.ranks.push_back(kernel.rankOf(op.getIterator(iterator)));
    std::optional<SmallVector<AffineExpr>> constraints = constraintsOf(*this, op, conjunct);
    if (!constraints) {
      condition.conjunct = conjunct;
      conditions.push_back(condition);
      continue;
    }
    for (AffineExpr constraint : *constraints) {
      condition.constraint = constraint;
      conditions.push_back(condition);
    }
  }
  return conditions;
}

//===-- masks --------------------------------------------------------------------------------------------------------

/// Projection of a fragment over `dims` onto one over `operandDims`.
static AffineMap projection(ArrayRef<unsigned> dims, ArrayRef<unsigned> operandDims, MLIRContext *context) {
  SmallVector<AffineExpr> exprs;
  for (unsigned rank : operandDims)
    exprs.push_back(getAffineDimExpr(llvm::find(dims, rank) - dims.begin(), context));
  return AffineMap::get(dims.size(), 0, exprs, context);
}

/// An i1 fragment over `dims` that holds where all the conjuncts do; each is computed over its own Einsum's operands.
static FailureOr<Value> allowed(BlockScope &block, Location loc, ArrayRef<Condition> conditions,
                                ArrayRef<unsigned> dims) {
  Value all;
  OpBuilder &b = block.b;
  for (const Condition &condition : conditions) {
    EinsumOp op = condition.einsum;
    SmallVector<Value> inputs;
    SmallVector<AffineMap> maps;
    SmallVector<unsigned> used;
    for (unsigned i = 0; i < op.getInputs().size(); ++i) {
      if (op.getWhereBody().getArgument(i).use_empty())
        continue;
      FailureOr<BlockTensor> operand = block.operand(op, i);
      if (failed(operand))
        return failure();
      inputs.push_back(operand->frag);
      maps.push_back(projection(dims, operand->dims, b.getContext()));
      used.push_back(i);
    }
    if (all) {
      inputs.push_back(all);
      maps.push_back(b.getMultiDimIdentityMap(dims.size()));
    }
    SmallVector<AffineExpr> points;
    for (int64_t point : op.getPoints())
      points.push_back(getAffineDimExpr(block.kernel.rankOf(op.getIterator(point)), b.getContext()));
    auto [pointMap, operands] = block.overFragment(points, dims);
    auto type = tile::FragType::get(block.shape(dims), b.getI1Type());
    auto map = tile::MapOp::create(b, loc, type, inputs, operands, b.getAffineMapArrayAttr(maps),
                                   AffineMapAttr::get(pointMap));
    mlir::Block &body = map.getBody().emplaceBlock();
    OpBuilder inside = OpBuilder::atBlockBegin(&body);
    IRMapping values;
    for (Value input : inputs)
      body.addArgument(cast<tile::FragType>(input.getType()).getElementType(), loc);
    for (auto [k, i] : llvm::enumerate(used))
      values.map(op.getWhereBody().getArgument(i), body.getArgument(k));
    for (size_t k = 0; k < points.size(); ++k)
      values.map(op.getWhereBody().getArgument(op.getInputs().size() + k), body.addArgument(b.getIndexType(), loc));
    Value holds = cloneScalar(inside, block.kernel, condition.conjunct, values);
    if (all)
      holds = arith::AndIOp::create(inside, loc, holds, body.getArgument(inputs.size() - 1));
    tile::YieldOp::create(inside, loc, ValueRange(holds));
    all = map.getResult(0);
  }
  return all;
}

/// Every rank that a condition mentions is a dimension of the fragment, or one point here.
static bool covers(BlockScope &block, ArrayRef<unsigned> dims, const Condition &condition) {
  return llvm::all_of(condition.ranks, [&](unsigned rank) {
    return llvm::is_contained(dims, rank) || (block.binding(rank).size && !block.binding(rank).inFragment);
  });
}

FailureOr<BlockTensor> BlockScope::mask(Location loc, const BlockTensor &tensor, ArrayRef<Condition> conditions,
                                        TypedAttr value) {
  SmallVector<AffineExpr> constraints;
  SmallVector<Condition> tables;
  bool countsMember = isMember && llvm::any_of(conditions, [](const Condition &c) { return !c.isExtent; });
  for (const Condition &condition : conditions) {
    if (!covers(*this, tensor.dims, condition))
      return condition.einsum->emitError()
             << "a condition over more ranks than the tensor it removes points of is not lowered yet";
    if (condition.constraint)
      constraints.push_back(condition.constraint);
    else if (!countsMember || isInexact)
      tables.push_back(condition);
  }
  // The members of a union are disjoint and together hold the points; blocks of two may overlap, so a member's own set
  // masks.
  if (countsMember && !isInexact)
    constraints = visited;
  else if (countsMember)
    constraints.append(visited);
  bool isImplied =
      !isInexact && llvm::all_of(constraints, [&](AffineExpr e) { return llvm::is_contained(visited, e); });
  auto [set, operands] = overFragment(constraints, tensor.dims);
  FailureOr<Value> condition = allowed(*this, loc, tables, tensor.dims);
  if (failed(condition))
    return failure();
  BlockTensor result = tensor;
  result.frag = tile::MaskOp::create(b, loc, tensor.frag.getType(), tensor.frag, operands, *condition,
                                     isImplied ? full : Value(), AffineMapAttr::get(set), value);
  std::optional<double> pad;
  if (auto f = dyn_cast<FloatAttr>(value))
    pad = f.getValueAsDouble();
  else if (auto i = dyn_cast<IntegerAttr>(value))
    pad = double(i.getValue().getSExtValue());
  for (Held &held : result.held)
    if (llvm::is_contained(conditions, held.condition))
      held.pad = pad;
  result.isNeverNegInf &= pad && std::isfinite(*pad);
  return result;
}

/// The constraint at that end of each rank's extent where it holds most; null where it does not rise or fall with the
/// rank.
static AffineExpr relaxed(BlockScope &block, AffineExpr constraint, ArrayRef<unsigned> kept) {
  MLIRContext *context = constraint.getContext();
  for (unsigned rank = 0; rank < block.bindings.size(); ++rank) {
    if (!constraint.isFunctionOfDim(rank) || llvm::is_contained(kept, rank) || !block.binding(rank).inFragment)
      continue;
    AffineExpr dim = getAffineDimExpr(rank, context);
    auto slope = dyn_cast<AffineConstantExpr>(normalForm(constraint.replace(dim, dim + 1) - constraint));
    if (!slope)
      return {};
    AffineExpr last = block.kernel.symbol(block.kernel.extents[rank]) - 1;
    constraint = constraint.replace(dim, slope.getValue() > 0 ? last : getAffineConstantExpr(0, context));
  }
  return normalForm(constraint);
}

BlockTensor BlockScope::maskUnseen(Location loc, const BlockTensor &tensor, ArrayRef<AffineExpr> conditions) {
  SmallVector<AffineExpr> unseen;
  for (AffineExpr condition : conditions) {
    AffineExpr constraint = relaxed(*this, condition, tensor.dims);
    auto isOf = [&](unsigned rank) { return constraint.isFunctionOfDim(rank); };
    auto isExtentOf = [&](unsigned rank) { return constraint == extentCondition(rank).constraint; };
    if (constraint && llvm::any_of(tensor.dims, isOf) && llvm::none_of(tensor.dims, isExtentOf))
      unseen.push_back(constraint);
  }
  if (unseen.empty())
    return tensor;
  bool isImplied =
      !isInexact && llvm::all_of(conditions, [&](AffineExpr each) { return llvm::is_contained(visited, each); });
  auto [set, operands] = overFragment(unseen, tensor.dims);
  auto type = cast<tile::FragType>(tensor.frag.getType());
  BlockTensor result = tensor;
  result.frag = tile::MaskOp::create(b, loc, type, tensor.frag, operands, Value(), isImplied ? full : Value(),
                                     AffineMapAttr::get(set), cast<TypedAttr>(b.getZeroAttr(type.getElementType())));
  return result;
}

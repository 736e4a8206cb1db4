// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Fragments out of memory and back. A dimension of a fragment is an iterator with more than one point at hand; whatever
// an index expression says about the others is one scalar, computed in front of the access.
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "passes/attn/tiling/Block.h"

using namespace mlir;
using namespace attn;

const Held *BlockTensor::find(const Condition &condition) const {
  const Held *found = llvm::find_if(held, [&](const Held &h) { return h.condition == condition; });
  return found == held.end() ? nullptr : found;
}

Value BlockScope::constant(int64_t value, Location loc) { return arith::ConstantIndexOp::create(b, loc, value); }

void BlockScope::bindWhole(unsigned rank, int64_t size) {
  std::optional<int64_t> extent = cast<RankAttr>(kernel.kernel.getRanks()[rank]).getConstantExtent();
  bool fits = extent && *extent >= size && *extent % size == 0;
  bindings[rank] = Binding{Value(), size, /*inFragment=*/true, /*hasTail=*/!fits};
}

bool BlockScope::isWhole(unsigned rank) {
  std::optional<int64_t> extent = cast<RankAttr>(kernel.kernel.getRanks()[rank]).getConstantExtent();
  return extent && *extent <= tileSizes.lookup(cast<RankAttr>(kernel.kernel.getRanks()[rank]).getName());
}

SmallVector<int64_t> BlockScope::shape(ArrayRef<unsigned> dims) {
  return llvm::map_to_vector(dims, [&](unsigned rank) { return bindings[rank].size; });
}

LogicalResult BlockScope::checkSize(Location loc, ArrayRef<unsigned> dims) {
  constexpr int64_t kMost = int64_t(1) << 22;
  int64_t elements = 1;
  std::string names;
  for (unsigned rank : dims) {
    elements = std::min(elements * bindings[rank].size, 2 * kMost);
    names += (names.empty() ? "" : ", ") + cast<RankAttr>(kernel.kernel.getRanks()[rank]).getName().str();
  }
  if (elements <= kMost)
    return success();
  return emitError(loc) << "a block over [" << names << "] of more than " << kMost << " elements is not lowered yet";
}

SmallVector<Value> BlockScope::limits(ArrayRef<unsigned> dims, Location loc) {
  SmallVector<Value> limits;
  for (unsigned rank : dims) {
    Binding &at = bindings[rank];
    if (!at.hasTail)
      limits.push_back(constant(at.size, loc));
    else if (!at.start)
      limits.push_back(kernel.extents[rank]);
    else
      limits.push_back(arith::SubIOp::create(b, loc, kernel.extents[rank], at.start));
  }
  return limits;
}

Condition BlockScope::extentCondition(unsigned rank) {
  MLIRContext *context = b.getContext();
  Condition condition;
  condition.constraint = normalForm(kernel.symbol(kernel.extents[rank]) - 1 - getAffineDimExpr(rank, context));
  condition.ranks = {rank};
  condition.isExtent = true;
  return condition;
}

std::pair<AffineMap, SmallVector<Value>> BlockScope::overFragment(ArrayRef<AffineExpr> exprs, ArrayRef<unsigned> dims) {
  MLIRContext *context = b.getContext();
  SmallVector<Value> operands;
  auto operand = [&](Value value) {
    operands.push_back(value);
    return getAffineSymbolExpr(operands.size() - 1, context);
  };
  SmallVector<AffineExpr> dimReplacements, symbolReplacements;
  for (unsigned rank = 0; rank < bindings.size(); ++rank) {
    bool isUsed = llvm::any_of(exprs, [&](AffineExpr e) { return e.isFunctionOfDim(rank); });
    AffineExpr replacement = getAffineConstantExpr(0, context);
    if (isUsed && bindings[rank].start)
      replacement = operand(bindings[rank].start);
    if (auto *found = llvm::find(dims, rank); found != dims.end())
      replacement = replacement + getAffineDimExpr(found - dims.begin(), context);
    dimReplacements.push_back(replacement);
  }
  for (unsigned i = 0; i < kernel.symbols.size(); ++i) {
    bool isUsed = llvm::any_of(exprs, [&](AffineExpr e) { return e.isFunctionOfSymbol(i); });
    symbolReplacements.push_back(isUsed ? operand(kernel.symbols[i]) : getAffineConstantExpr(0, context));
  }
  SmallVector<AffineExpr> results = llvm::map_to_vector(
      exprs, [&](AffineExpr e) { return e.replaceDimsAndSymbols(dimReplacements, symbolReplacements); });
  return {AffineMap::get(dims.size(), operands.size(), results, context), operands};
}

Value BlockScope::splat(Location loc, ArrayRef<unsigned> dims, TypedAttr value) {
  auto type = tile::FragType::get(shape(dims), value.getType());
  auto map = tile::MapOp::create(b, loc, type, ValueRange(), ValueRange(), b.getArrayAttr({}), AffineMapAttr());
  OpBuilder body = OpBuilder::atBlockBegin(&map.getBody().emplaceBlock());
  tile::YieldOp::create(body, loc, ValueRange(arith::ConstantOp::create(body, loc, value)));
  return map.getResult(0);
}

//===-- loads --------------------------------------------------------------------------------------------------------

namespace {

/// An index map of an Einsum's operand, rewritten for tile.load.
struct Access {
  BlockScope &block;
  EinsumOp op;
  Location loc;
  SmallVector<unsigned> iterators; ///< positions of those that are dimensions of the fragment
  SmallVector<unsigned> gathers;   ///< numbers of those used
  SmallVector<Value> operands;

  unsigned rankOf(unsigned iterator) { return block.kernel.rankOf(op.getIterator(iterator)); }

  /// Dimensions in the order in which the index expressions mention them, so that the fragment follows memory.
  void collect(AffineMap map) {
    unsigned numIterators = op.getNumIterators();
    for (AffineExpr expr : map.getResults())
      for (unsigned d = 0; d < map.getNumDims(); ++d) {
        if (!expr.isFunctionOfDim(d))
          continue;
        if (d < numIterators)
          add(d);
        else if (!llvm::is_contained(gathers, d - numIterators))
          gathers.push_back(d - numIterators);
      }
    for (unsigned gather : gathers) {
      llvm::SmallBitVector mentioned = op.getIteratorsOf(op.getGathers()[gather]);
      for (unsigned iterator : mentioned.set_bits())
        add(iterator);
    }
  }
  void add(unsigned iterator) {
    if (block.binding(rankOf(iterator)).inFragment && !llvm::is_contained(iterators, iterator))
      iterators.push_back(iterator);
  }

  AffineExpr operand(Value value) {
    auto *found = llvm::find(operands, value);
    unsigned position = found - operands.begin();
    if (found == operands.end())
      operands.push_back(value);
    return getAffineSymbolExpr(position, op.getContext());
  }

  /// Which elements of the fragment an expression depends on: none, so it is one scalar.
  bool isScalar(AffineExpr expr) {
    for (unsigned iterator : iterators)
      if (expr.isFunctionOfDim(iterator))
        return false;
    for (unsigned gather : gathers)
      if (expr.isFunctionOfDim(op.getNumIterators() + gather))
        return false;
    return true;
  }

  /// `expr` over (dimensions of the fragment, gathers)[operands].
  AffineExpr rewrite(AffineExpr expr) {
    if (isa<AffineConstantExpr>(expr))
      return expr;
    if (isScalar(expr))
      return scalar(expr);
    if (auto dim = dyn_cast<AffineDimExpr>(expr)) {
      unsigned d = dim.getPosition(), numIterators = op.getNumIterators();
      if (d >= numIterators)
        return getAffineDimExpr(iterators.size() + (llvm::find(gathers, d - numIterators) - gathers.begin()),
                                op.getContext());
      AffineExpr element = getAffineDimExpr(llvm::find(iterators, d) - iterators.begin(), op.getContext());
      Value start = block.binding(rankOf(d)).start;
      return start ? element + operand(start) : element;
    }
    auto binary = cast<AffineBinaryOpExpr>(expr);
    return getAffineBinaryOpExpr(binary.getKind(), rewrite(binary.getLHS()), rewrite(binary.getRHS()));
  }

  AffineExpr scalar(AffineExpr expr) {
    SmallVector<AffineExpr> dims, symbols;
    SmallVector<Value> inputs;
    auto input = [&](Value value) {
      inputs.push_back(value);
      return getAffineSymbolExpr(inputs.size() - 1, op.getContext());
    };
    AffineMap whole = AffineMap::get(op.getNumIterators() + op.getGathers().size(), op.getSymbols().size(), expr);
    for (unsigned d = 0; d < whole.getNumDims(); ++d) {
      Value start = d < op.getNumIterators() && expr.isFunctionOfDim(d) ? block.binding(rankOf(d)).start : Value();
      dims.push_back(start ? input(start) : getAffineConstantExpr(0, op.getContext()));
    }
    for (auto [i, symbol] : llvm::enumerate(op.getSymbols()))
      symbols.push_back(expr.isFunctionOfSymbol(i) ? input(block.kernel.index(symbol))
                                                   : getAffineConstantExpr(0, op.getContext()));
    AffineExpr replaced = expr.replaceDimsAndSymbols(dims, symbols);
    if (isa<AffineConstantExpr>(replaced))
      return replaced;
    if (auto symbol = dyn_cast<AffineSymbolExpr>(replaced))
      return operand(inputs[symbol.getPosition()]);
    AffineMap map = AffineMap::get(0, inputs.size(), replaced);
    return operand(affine::AffineApplyOp::create(block.b, loc, map, inputs));
  }
};

} // namespace

/// Bools are bytes in memory, i1 in fragments.
static Value fromBytes(OpBuilder &b, Location loc, Value bytes) {
  auto type = cast<tile::FragType>(bytes.getType());
  AffineMap identity = b.getMultiDimIdentityMap(type.getRank());
  auto map = tile::MapOp::create(b, loc, type.withElementType(b.getI1Type()), bytes, ValueRange(),
                                 b.getAffineMapArrayAttr(identity), AffineMapAttr());
  mlir::Block &body = map.getBody().emplaceBlock();
  OpBuilder inside = OpBuilder::atBlockBegin(&body);
  Value byte = body.addArgument(type.getElementType(), loc);
  Value zero = arith::ConstantOp::create(inside, loc, b.getIntegerAttr(type.getElementType(), 0));
  tile::YieldOp::create(inside, loc,
                        ValueRange(arith::CmpIOp::create(inside, loc, arith::CmpIPredicate::ne, byte, zero)));
  return map.getResult(0);
}

SmallVector<AffineExpr> BlockScope::stored(Value memory, ArrayRef<AffineExpr> positions, ArrayRef<unsigned> ranks,
                                           function_ref<AffineExpr(Value)> extent) {
  auto products = kernel.products.find(memory);
  if (products == kernel.products.end())
    return SmallVector<AffineExpr>(positions);
  SmallVector<AffineExpr> result;
  unsigned next = 0;
  for (unsigned count : products->second) {
    AffineExpr place = positions[next++];
    for (unsigned i = 1; i < count; ++i, ++next)
      place = place * extent(kernel.extents[ranks[next]]) + positions[next];
    result.push_back(place);
  }
  return result;
}

FailureOr<BlockTensor> BlockScope::load(EinsumOp op, unsigned i, Value memory) {
  Location loc = op.getLoc();
  AffineMap map = op.getIndexMap(i);
  Access access{*this, op, loc, {}, {}, {}};
  access.collect(map);
  SmallVector<AffineExpr> exprs =
      llvm::map_to_vector(map.getResults(), [&](AffineExpr e) { return access.rewrite(e); });
  SmallVector<unsigned> ranks;
  if (kernel.products.contains(memory))
    for (StringAttr name : rankNames(op.getInputs()[i].getType()))
      ranks.push_back(kernel.rankOf(name.getValue()));
  exprs = stored(memory, exprs, ranks, [&](Value extent) { return access.operand(extent); });

  BlockTensor result;
  for (unsigned iterator : access.iterators)
    result.dims.push_back(access.rankOf(iterator));
  if (failed(checkSize(loc, result.dims)))
    return failure();
  SmallVector<Value> gathers;
  SmallVector<AffineMap> gatherMaps;
  for (unsigned gather : access.gathers) {
    FailureOr<BlockTensor> table = operand(op, op.getGathers()[gather]);
    if (failed(table))
      return failure();
    SmallVector<AffineExpr> projection;
    for (unsigned rank : table->dims)
      projection.push_back(getAffineDimExpr(llvm::find(result.dims, rank) - result.dims.begin(), op.getContext()));
    gathers.push_back(table->frag);
    gatherMaps.push_back(AffineMap::get(result.dims.size(), 0, projection, op.getContext()));
  }
  auto type = tile::FragType::get(shape(result.dims), cast<MemRefType>(memory.getType()).getElementType());
  AffineMap place = AffineMap::get(result.dims.size() + gathers.size(), access.operands.size(), exprs, op.getContext());
  auto pad = cast<TypedAttr>(b.getZeroAttr(type.getElementType()));
  ArrayAttr gatherAttr = gathers.empty() ? ArrayAttr() : b.getAffineMapArrayAttr(gatherMaps);
  result.frag = tile::LoadOp::create(b, loc, type, memory, access.operands, gathers, limits(result.dims, loc),
                                     AffineMapAttr::get(place), gatherAttr, pad);
  if (cast<RankedTensorType>(op.getInputs()[i].getType()).getElementType().isInteger(1))
    result.frag = fromBytes(b, loc, result.frag);
  for (unsigned rank : result.dims)
    if (bindings[rank].hasTail)
      result.held.push_back({extentCondition(rank), 0.0});
  return result;
}

//===-- stores -------------------------------------------------------------------------------------------------------

static Value toBytes(OpBuilder &b, Location loc, Value bits) {
  auto type = cast<tile::FragType>(bits.getType());
  AffineMap identity = b.getMultiDimIdentityMap(type.getRank());
  auto map = tile::MapOp::create(b, loc, type.withElementType(b.getI8Type()), bits, ValueRange(),
                                 b.getAffineMapArrayAttr(identity), AffineMapAttr());
  mlir::Block &body = map.getBody().emplaceBlock();
  OpBuilder inside = OpBuilder::atBlockBegin(&body);
  Value bit = body.addArgument(type.getElementType(), loc);
  tile::YieldOp::create(inside, loc, ValueRange(arith::ExtUIOp::create(inside, loc, b.getI8Type(), bit)));
  return map.getResult(0);
}

LogicalResult BlockScope::store(Location loc, BlockTensor tensor, ArrayRef<unsigned> ranks, Value memory,
                                TypedAttr pad) {
  SmallVector<Condition> removed;
  for (const Held &held : tensor.held)
    if (!held.condition.isExtent)
      removed.push_back(held.condition);
  Type element = cast<tile::FragType>(tensor.frag.getType()).getElementType();
  if (!removed.empty()) {
    FailureOr<BlockTensor> masked = mask(loc, tensor, removed, pad ? pad : cast<TypedAttr>(b.getZeroAttr(element)));
    if (failed(masked))
      return failure();
    tensor = *masked;
  }
  SmallVector<AffineExpr> indices =
      llvm::map_to_vector(ranks, [&](unsigned r) { return getAffineDimExpr(r, b.getContext()); });
  indices = stored(memory, indices, ranks, [&](Value extent) { return kernel.symbol(extent); });
  auto [map, operands] = overFragment(indices, tensor.dims);
  Value value = element.isInteger(1) ? toBytes(b, loc, tensor.frag) : tensor.frag;
  tile::StoreOp::create(b, loc, value, memory, operands, limits(tensor.dims, loc), AffineMapAttr::get(map));
  return success();
}

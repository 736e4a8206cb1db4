// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Einsums as tile ops: a map without a reducer; a dot where a sum's body is a product of two factors that meet only in
// batch and reduced dimensions; a reduction of the mapped elements otherwise. Absent points are masked where the first
// reduction would see them, with its identity, unless the body is known to yield the identity there.
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/Utils/VectorUtils.h"
#include "passes/attn/tiling/EinsumLowering.h"
#include <cmath>

using namespace mlir;
using namespace attn;

static std::optional<double> asDouble(TypedAttr value) {
  if (auto f = dyn_cast<FloatAttr>(value))
    return f.getValueAsDouble();
  auto i = cast<IntegerAttr>(value);
  return i.getType().isInteger(1) ? double(i.getValue().getZExtValue()) : double(i.getValue().getSExtValue());
}

std::optional<vector::CombiningKind> attn::combiningKind(ReducerAttr reducer, Type element, Location loc) {
  const Reducer &row = reducer.getRow();
  if (!row.combine)
    return std::nullopt;
  OpBuilder b(element.getContext());
  OwningOpRef<ModuleOp> scratch = ModuleOp::create(loc);
  b.setInsertionPointToStart(scratch->getBody());
  Value zero = arith::ConstantOp::create(b, loc, cast<TypedAttr>(b.getZeroAttr(element)));
  Operation *step = row.combine(b, loc, zero, zero).getDefiningOp();
  using Kind = vector::CombiningKind;
  return TypeSwitch<Operation *, std::optional<Kind>>(step)
      .Case<arith::AddFOp, arith::AddIOp>([](auto) { return Kind::ADD; })
      .Case<arith::MulFOp, arith::MulIOp>([](auto) { return Kind::MUL; })
      .Case<arith::MaximumFOp>([](auto) { return Kind::MAXIMUMF; })
      .Case<arith::MinimumFOp>([](auto) { return Kind::MINIMUMF; })
      .Case<arith::MaxSIOp>([](auto) { return Kind::MAXSI; })
      .Case<arith::MinSIOp>([](auto) { return Kind::MINSI; })
      .Case<arith::AndIOp>([](auto) { return Kind::AND; })
      .Case<arith::OrIOp>([](auto) { return Kind::OR; })
      .Default([](Operation *) { return std::nullopt; });
}

//===-- operands -----------------------------------------------------------------------------------------------------

FailureOr<BlockTensor> BlockScope::tensor(Value value) {
  auto found = tensors.find(value);
  if (found != tensors.end())
    return found->second;
  auto op = value.getDefiningOp<EinsumOp>();
  if (!op)
    return emitError(value.getLoc()) << "a tensor that is made by no Einsum of this group is not lowered yet";
  return lower(op);
}

/// A fragment read under other names: iterator `to` of `op` walks the rank `from` of the tensor.
static FailureOr<BlockTensor> rename(BlockScope &block, EinsumOp op, BlockTensor tensor,
                                     const DenseMap<unsigned, unsigned> &to) {
  auto renamed = [&](unsigned rank) {
    auto found = to.find(rank);
    return found == to.end() ? rank : found->second;
  };
  for (unsigned &rank : tensor.dims)
    rank = renamed(rank);
  SmallVector<AffineExpr> exprs;
  for (unsigned rank = 0; rank < block.bindings.size(); ++rank)
    exprs.push_back(getAffineDimExpr(renamed(rank), op.getContext()));
  for (Held &held : tensor.held) {
    bool isTouched = llvm::any_of(held.condition.ranks, [&](unsigned r) { return renamed(r) != r; });
    if (!isTouched)
      continue;
    if (!held.condition.constraint)
      return op.emitError() << "reading a tensor whose points a table removes under other indices is not lowered yet";
    held.condition.constraint = normalForm(held.condition.constraint.replaceDims(exprs));
    for (unsigned &rank : held.condition.ranks)
      rank = renamed(rank);
  }
  return tensor;
}

FailureOr<BlockTensor> BlockScope::operand(EinsumOp op, unsigned i) {
  Value value = op.getInputs()[i];
  auto inMemory = kernel.memory.find(value);
  if (inMemory != kernel.memory.end())
    return load(op, i, inMemory->second);
  FailureOr<BlockTensor> source = tensor(value);
  if (failed(source))
    return failure();
  DenseMap<unsigned, unsigned> to;
  for (auto [name, expr] : llvm::zip(rankNames(value.getType()), op.getIndexMap(i).getResults())) {
    unsigned rank = kernel.rankOf(name.getValue());
    auto dim = dyn_cast<AffineDimExpr>(expr);
    if (!dim || dim.getPosition() >= op.getNumIterators())
      return op.emitError() << "reading a tensor of the same group at a computed position is not lowered yet";
    unsigned iterator = kernel.rankOf(op.getIterator(dim.getPosition()));
    if (iterator == rank)
      continue;
    Binding &from = bindings[rank], &as = bindings[iterator];
    if (!from.inFragment || !as.inFragment || from.size != as.size || from.start != as.start)
      return op.emitError() << "reading rank '" << name.getValue()
                            << "' of a tensor of the same group at another block, '"
                            << op.getIterator(dim.getPosition()) << "', is not lowered yet";
    to[rank] = iterator;
  }
  return to.empty() ? source : rename(*this, op, *source, to);
}

//===-- bodies -------------------------------------------------------------------------------------------------------

FailureOr<BlockTensor> EinsumLowering::lowerMap() {
  BlockTensor result;
  result.dims = llvm::to_vector(parallel());
  Value yielded = op.getMapped();
  result.frag = mapped(yielded, parallel());
  result.isNeverNegInf = isNeverNegInf(yielded);
  setConditions(result, [&](const Condition &c) { return valueAt(c, yielded); });
  if (!op.getOtherwiseAttr())
    return result;
  SmallVector<Condition> removed;
  for (const Held &held : result.held)
    if (!held.condition.isExtent)
      removed.push_back(held.condition);
  FailureOr<BlockTensor> masked = block.mask(loc(), result, removed, op.getOtherwiseAttr());
  if (failed(masked))
    return failure();
  llvm::erase_if(masked->held, [](const Held &h) { return !h.condition.isExtent; });
  return masked;
}

//===-- reductions ---------------------------------------------------------------------------------------------------

/// Masks one operand that is the whole body, where it stands, so that later readers find its pad known.
static FailureOr<bool> maskOperand(EinsumLowering &l, ArrayRef<Condition> conditions, TypedAttr identity) {
  auto argument = dyn_cast<BlockArgument>(l.op.getMapped());
  if (!argument || argument.getOwner() != &l.op.getMapBody() || argument.getArgNumber() >= l.operands.size())
    return false;
  BlockTensor &operand = l.operands[argument.getArgNumber()];
  for (const Condition &c : conditions)
    for (unsigned rank : c.ranks)
      if (l.block.binding(rank).inFragment && !llvm::is_contained(operand.dims, rank))
        return false;
  for (const Condition &c : conditions)
    if (!operand.find(c))
      operand.held.push_back({c, std::nullopt});
  FailureOr<BlockTensor> masked = l.block.mask(l.loc(), operand, conditions, identity);
  if (failed(masked))
    return failure();
  operand = *masked;
  Value source = l.op.getInputs()[argument.getArgNumber()];
  auto found = l.block.tensors.find(source);
  bool isOwn = llvm::any_of(conditions, [&](const Condition &c) { return llvm::is_contained(l.own, c); });
  if (found != l.block.tensors.end() && found->second.dims == operand.dims && !isOwn)
    found->second = operand;
  return true;
}

/// One point of each reduced rank is at hand (outer ranks of a stream go point by point): its value joins `acc`.
FailureOr<Value> EinsumLowering::joinPoint(Value acc, ArrayRef<Condition> wrong) {
  ReducerAttr reducer = op.getReducerAttr();
  BlockTensor point{mapped(op.getMapped(), space), space, {}, false};
  if (!wrong.empty()) {
    FailureOr<BlockTensor> masked =
        block.mask(loc(), point, wrong, reducer.getRow().identity(op.getType().getElementType()));
    if (failed(masked))
      return failure();
    point = *masked;
  }
  if (!acc)
    return point.frag;
  AffineMap identity = b().getMultiDimIdentityMap(space.size());
  auto map = tile::MapOp::create(b(), loc(), acc.getType(), ValueRange{acc, point.frag}, ValueRange(),
                                 b().getAffineMapArrayAttr({identity, identity}), AffineMapAttr());
  mlir::Block &body = map.getBody().emplaceBlock();
  OpBuilder inside = OpBuilder::atBlockBegin(&body);
  Type element = op.getType().getElementType();
  Value x = body.addArgument(element, loc()), y = body.addArgument(element, loc());
  tile::YieldOp::create(inside, loc(), ValueRange(reducer.getRow().combine(inside, loc(), x, y)));
  return map.getResult(0);
}

FailureOr<Value> EinsumLowering::reduce(Value acc) {
  Type element = op.getType().getElementType();
  ReducerAttr reducer = op.getReducerAttr();
  std::optional<vector::CombiningKind> kind = combiningKind(reducer, element, loc());
  if (!kind)
    return op.emitError() << "reducer '" << reducer.getName().getValue() << "' over " << element
                          << " is not lowered yet";
  TypedAttr identity = reducer.getRow().identity(element);
  SmallVector<Condition> wrong;
  for (const Condition &c : reducedConditions())
    if (valueAt(c, op.getMapped()) != asDouble(identity))
      wrong.push_back(c);
  if (space.size() == numParallel)
    return joinPoint(acc, wrong);
  Value materialised;
  if (!wrong.empty()) {
    FailureOr<bool> isDone = maskOperand(*this, wrong, identity);
    if (failed(isDone))
      return failure();
    if (!*isDone) {
      if (failed(block.checkSize(loc(), space)))
        return failure();
      BlockTensor all{mapped(op.getMapped(), space), space, {}, false};
      FailureOr<BlockTensor> masked = block.mask(loc(), all, wrong, identity);
      if (failed(masked))
        return failure();
      materialised = masked->frag;
    }
  }
  auto type = tile::FragType::get(block.shape(parallel()), element);
  auto extents = b().getDenseI64ArrayAttr(block.shape(space));
  auto kindAttr = vector::CombiningKindAttr::get(context(), *kind);
  if (materialised) {
    auto result = tile::ReduceOp::create(b(), loc(), type, materialised, ValueRange(), acc, kindAttr, extents,
                                         b().getAffineMapArrayAttr(b().getMultiDimIdentityMap(space.size())),
                                         AffineMapAttr(), identity);
    mlir::Block &body = result.getBody().emplaceBlock();
    OpBuilder inside = OpBuilder::atBlockBegin(&body);
    tile::YieldOp::create(inside, loc(), ValueRange(body.addArgument(element, loc())));
    return result.getResult();
  }
  Inputs in = inputsFor(op.getMapped(), space);
  auto result = tile::ReduceOp::create(b(), loc(), type, in.frags, in.indices, acc, kindAttr, extents,
                                       b().getAffineMapArrayAttr(in.maps), in.points, identity);
  fill(result.getBody(), in.used, op.getMapped(), bool(in.points));
  return result.getResult();
}

/// A rank that is bound to have no points. Its fragments have one all the same, which must not be computed with: 0
/// times an infinite scalar is not 0.
static bool reducesNothing(KernelOp kernel, EinsumOp op) {
  return llvm::any_of(ArrayRef(op.getIteratorNames()).drop_front(op.getNumParallel()),
                      [&](StringRef rank) { return kernel.findRank(rank).getConstantExtent() == 0; });
}

FailureOr<BlockTensor> EinsumLowering::lowerReduction(Value acc) {
  BlockTensor result;
  result.dims = llvm::to_vector(parallel());
  if (reducesNothing(block.kernel.kernel, op)) {
    TypedAttr identity = op.getReducerAttr().getRow().identity(op.getType().getElementType());
    result.frag = acc ? acc : block.splat(loc(), parallel(), identity);
    setConditions(result, [](const Condition &) { return std::nullopt; });
    return result;
  }
  Value postponed;
  FailureOr<std::optional<Value>> dot = lowerDot(acc, postponed);
  if (failed(dot))
    return failure();
  if (*dot) {
    result.frag = **dot;
  } else {
    FailureOr<Value> reduced = reduce(acc);
    if (failed(reduced))
      return failure();
    result.frag = *reduced;
  }
  if (postponed) {
    // dot * factor: the factor's fragment is made first, the product is one more map.
    Value factor = mapped(postponed, parallel());
    AffineMap identity = b().getMultiDimIdentityMap(numParallel);
    auto map = tile::MapOp::create(b(), loc(), result.frag.getType(), ValueRange{result.frag, factor}, ValueRange(),
                                   b().getAffineMapArrayAttr({identity, identity}), AffineMapAttr());
    mlir::Block &body = map.getBody().emplaceBlock();
    OpBuilder inside = OpBuilder::atBlockBegin(&body);
    Type element = op.getType().getElementType();
    Value x = body.addArgument(element, loc()), y = body.addArgument(element, loc());
    tile::YieldOp::create(inside, loc(), ValueRange(arith::MulFOp::create(inside, loc(), x, y)));
    result.frag = map.getResult(0);
  }
  setConditions(result, [&](const Condition &c) -> std::optional<double> {
    // A sum of zeros is 0; nothing else is claimed.
    Type element = op.getType().getElementType();
    bool isSum = combiningKind(op.getReducerAttr(), element, loc()) == vector::CombiningKind::ADD && !acc;
    std::optional<double> value = isSum ? valueAt(c, op.getMapped()) : std::nullopt;
    return value && *value == 0.0 ? value : std::nullopt;
  });
  return result;
}

//===-- Einsums ------------------------------------------------------------------------------------------------------

/// Forgets tensors over a rank whose binding changes: they are made again where they are read.
static void forget(BlockScope &block, StringRef rank) {
  SmallVector<Value> stale;
  for (auto &[value, tensor] : block.tensors)
    if (llvm::any_of(rankNames(value.getType()), [&](StringAttr name) { return name == rank; }))
      stale.push_back(value);
  for (Value value : stale)
    block.tensors.erase(value);
}

/// Reduced iterators that are not at hand: bound here, as a whole or in a loop over blocks. A rank that a loop of the
/// launch walks is bound anew, since the reduction is over all of it; only that of the stream at hand is reduced chunk
/// by chunk.
static SmallVector<unsigned> bindReduced(BlockScope &block, EinsumOp op) {
  SmallVector<unsigned> blocked;
  for (unsigned i = op.getNumParallel(); i < op.getNumIterators(); ++i) {
    unsigned rank = block.kernel.rankOf(op.getIterator(i));
    Binding &at = block.binding(rank);
    if (at.size && (!at.start || llvm::is_contained(block.streamed, rank)))
      continue;
    if (at.size)
      forget(block, op.getIterator(i));
    block.bindWhole(rank, std::max<int64_t>(block.tileSizes.lookup(op.getIterator(i)), 1));
    if (!block.isWhole(rank))
      blocked.push_back(rank);
  }
  return blocked;
}

static FailureOr<BlockTensor> lowerBound(BlockScope &block, EinsumOp op, Value acc) {
  EinsumLowering lowering(block, op);
  if (failed(lowering.gather()) || failed(block.checkSize(op.getLoc(), lowering.parallel())))
    return failure();
  return op.getReducerAttr() ? lowering.lowerReduction(acc) : lowering.lowerMap();
}

/// Loops over the blocks of `ranks`, the reduction carried from block to block.
static FailureOr<BlockTensor> lowerBlocked(BlockScope &block, EinsumOp op, ArrayRef<unsigned> ranks, Value acc) {
  if (ranks.empty())
    return lowerBound(block, op, acc);
  Location loc = op.getLoc();
  Value zero = block.constant(0, loc), step = block.constant(block.binding(ranks.front()).size, loc);
  auto loop = scf::ForOp::create(block.b, loc, zero, block.kernel.extents[ranks.front()], step, acc);
  BlockScope inner = block;
  inner.b = OpBuilder::atBlockBegin(loop.getBody());
  inner.binding(ranks.front()).start = loop.getInductionVar();
  inner.binding(ranks.front()).hasTail = true;
  FailureOr<BlockTensor> result = lowerBlocked(inner, op, ranks.drop_front(), loop.getRegionIterArg(0));
  if (failed(result))
    return failure();
  scf::YieldOp::create(inner.b, loc, result->frag);
  result->frag = loop.getResult(0);
  return result;
}

FailureOr<BlockTensor> BlockScope::lower(EinsumOp op) {
  for (unsigned i = 0; i < op.getNumParallel(); ++i)
    if (!binding(kernel.rankOf(op.getIterator(i))).size)
      return op.emitError() << "rank '" << op.getIterator(i)
                            << "' is not at hand where this is computed, which is not lowered yet";
  BlockScope local = *this;
  SmallVector<unsigned> blocked = bindReduced(local, op);
  local.b = b;
  Value acc;
  if (op.getAcc()) {
    FailureOr<BlockTensor> start = tensor(op.getAcc());
    if (failed(start))
      return failure();
    acc = start->frag;
  } else if (!blocked.empty()) {
    SmallVector<unsigned> dims;
    for (unsigned i = 0; i < op.getNumParallel(); ++i)
      if (unsigned rank = kernel.rankOf(op.getIterator(i)); binding(rank).inFragment)
        dims.push_back(rank);
    acc = local.splat(op.getLoc(), dims, op.getReducerAttr().getRow().identity(op.getType().getElementType()));
  }
  FailureOr<BlockTensor> result = lowerBlocked(local, op, blocked, acc);
  if (failed(result))
    return failure();
  // Operands that were masked on the way stay masked for those who read them next.
  for (auto &[value, tensor] : local.tensors)
    if (tensors.contains(value) && blocked.empty())
      tensors[value] = tensor;
  tensors[op.getResult()] = *result;
  return result;
}

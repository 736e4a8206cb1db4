// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Einsums as tile ops: a map without a reducer; a dot where a sum's body is a product of two factors that meet only in
// batch and reduced dimensions; a reduction of the mapped elements otherwise. Absent points are masked where the first
// reduction would see them, with its identity, unless the body is known to yield the identity there.
#include "passes/attn/tiling/Block.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/Utils/VectorUtils.h"
#include <cmath>

using namespace mlir;
using namespace attn;

static std::optional<double> asDouble(TypedAttr value) {
  if (auto f = dyn_cast<FloatAttr>(value))
    return f.getValueAsDouble();
  auto i = cast<IntegerAttr>(value);
  return i.getType().isInteger(1) ? double(i.getValue().getZExtValue()) : double(i.getValue().getSExtValue());
}

/// What upstream calls the step of a reducer, read off the op that makes it.
static std::optional<vector::CombiningKind> combiningKind(ReducerAttr reducer, Type element, Location loc) {
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

//===-- operands ----------------------------------------------------------------------------------------------------===//

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
static FailureOr<BlockTensor> rename(BlockScope &block, EinsumOp op, BlockTensor tensor, const DenseMap<unsigned, unsigned> &to) {
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
      return op.emitError() << "reading rank '" << name.getValue() << "' of a tensor of the same group at another block, '"
                            << op.getIterator(dim.getPosition()) << "', is not lowered yet";
    to[rank] = iterator;
  }
  return to.empty() ? source : rename(*this, op, *source, to);
}

//===-- bodies ------------------------------------------------------------------------------------------------------===//

namespace {

/// One Einsum in one block, with its operands at hand.
struct Lowering {
  BlockScope &block;
  EinsumOp op;
  SmallVector<BlockTensor> operands;
  SmallVector<unsigned> space;  ///< ranks: dimensions of the result, then of the reduction
  unsigned numParallel = 0;
  SmallVector<Condition> own;   ///< of this Einsum's `where`

  Lowering(BlockScope &block, EinsumOp op) : block(block), op(op) {}
  OpBuilder &b() { return block.b; }
  Location loc() { return op.getLoc(); }
  MLIRContext *context() { return op.getContext(); }
  ArrayRef<unsigned> parallel() { return ArrayRef(space).take_front(numParallel); }
  bool isReduced(unsigned rank) {
    for (unsigned i = op.getNumParallel(); i < op.getNumIterators(); ++i)
      if (block.kernel.rankOf(op.getIterator(i)) == rank)
        return true;
    return false;
  }

  LogicalResult gather() {
    for (unsigned i = 0; i < op.getNumIterators(); ++i) {
      unsigned rank = block.kernel.rankOf(op.getIterator(i));
      if (block.binding(rank).inFragment)
        space.push_back(rank);
      if (i < op.getNumParallel())
        numParallel = space.size();
    }
    for (unsigned i = 0; i < op.getInputs().size(); ++i) {
      FailureOr<BlockTensor> operand = block.operand(op, i);
      if (failed(operand))
        return failure();
      operands.push_back(*operand);
    }
    own = block.conditionsOf(op);
    return success();
  }

  AffineMap projection(ArrayRef<unsigned> dims, ArrayRef<unsigned> over) {
    SmallVector<AffineExpr> exprs;
    for (unsigned rank : dims)
      exprs.push_back(getAffineDimExpr(llvm::find(over, rank) - over.begin(), context()));
    return AffineMap::get(over.size(), 0, exprs, context());
  }

  /// Every condition of a point: of operands, of this Einsum, of the extents.
  SmallVector<Condition> conditions() {
    SmallVector<Condition> all(own);
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
  SmallVector<Condition> reducedConditions() {
    SmallVector<Condition> all = conditions(), reduced;
    for (const Condition &c : all)
      if (llvm::any_of(c.ranks, [&](unsigned rank) { return isReduced(rank); }))
        reduced.push_back(c);
    return reduced;
  }

  /// What the region's arguments are where `condition` fails.
  SmallVector<Known> argumentsAt(const Condition &condition) {
    SmallVector<Known> known;
    for (const BlockTensor &operand : operands) {
      const Held *held = operand.find(condition);
      known.push_back({held ? held->pad : std::nullopt, !held || held->pad.has_value(), operand.isNeverNegInf});
    }
    known.append(op.getPoints().size(), Known{std::nullopt, true, true});
    return known;
  }
  std::optional<double> valueAt(const Condition &condition, Value scalar) {
    return evaluate(scalar, argumentsAt(condition)).value;
  }

  /// Conditions of the result; `at` says what it holds where one fails.
  template <typename At>
  void setConditions(BlockTensor &result, At at) {
    for (const Condition &c : conditions())
      if (!llvm::any_of(c.ranks, [&](unsigned rank) { return isReduced(rank); }))
        result.held.push_back({c, at(c)});
  }

  /// Fills a region of a tile op that computes `scalar`; its arguments are the elements of `inputs`, then all points.
  void fill(Region &region, ArrayRef<unsigned> inputs, Value scalar, bool takesPoints) {
    mlir::Block &body = region.emplaceBlock();
    OpBuilder inside = OpBuilder::atBlockBegin(&body);
    IRMapping values;
    mlir::Block &map = op.getMapBody();
    for (unsigned i : inputs)
      values.map(map.getArgument(i), body.addArgument(cast<tile::FragType>(operands[i].frag.getType()).getElementType(), loc()));
    if (takesPoints)
      for (size_t k = 0; k < op.getPoints().size(); ++k)
        values.map(map.getArgument(op.getInputs().size() + k), body.addArgument(b().getIndexType(), loc()));
    tile::YieldOp::create(inside, loc(), ValueRange(cloneScalar(inside, block.kernel, scalar, values)));
  }

  struct Inputs {
    SmallVector<unsigned> used;
    SmallVector<Value> frags;
    SmallVector<AffineMap> maps;
    AffineMapAttr points;
    SmallVector<Value> indices;
  };
  static void collectArguments(EinsumOp op, Value v, llvm::SmallBitVector &used) {
    if (auto argument = dyn_cast<BlockArgument>(v)) {
      if (argument.getOwner() == &op.getMapBody())
        used.set(argument.getArgNumber());
    } else if (v.getDefiningOp()->getParentOp() == op.getOperation()) {
      for (Value operand : v.getDefiningOp()->getOperands())
        collectArguments(op, operand, used);
    }
  }
  /// What a tile op over `over` takes to compute `scalar`.
  Inputs inputsFor(Value scalar, ArrayRef<unsigned> over) {
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
      SmallVector<AffineExpr> points;
      for (int64_t point : op.getPoints())
        points.push_back(getAffineDimExpr(block.kernel.rankOf(op.getIterator(point)), context()));
      auto [map, indices] = block.overFragment(points, over);
      in.points = AffineMapAttr::get(map);
      in.indices = indices;
    }
    return in;
  }

  /// `scalar` of the region for every element of a fragment over `over`.
  Value mapped(Value scalar, ArrayRef<unsigned> over) {
    if (auto argument = dyn_cast<BlockArgument>(scalar); argument && argument.getArgNumber() < operands.size())
      if (argument.getOwner() == &op.getMapBody() && ArrayRef(operands[argument.getArgNumber()].dims) == over)
        return operands[argument.getArgNumber()].frag;
    Inputs in = inputsFor(scalar, over);
    auto type = tile::FragType::get(block.shape(over), scalar.getType());
    auto map = tile::MapOp::create(b(), loc(), type, in.frags, in.indices, b().getAffineMapArrayAttr(in.maps), in.points);
    fill(map.getBody(), in.used, scalar, bool(in.points));
    return map.getResult(0);
  }

  bool isNeverNegInf(Value scalar) {
    SmallVector<Known> known;
    for (const BlockTensor &operand : operands)
      known.push_back({std::nullopt, true, operand.isNeverNegInf});
    known.append(op.getPoints().size(), Known{});
    return evaluate(scalar, known).isNeverNegInf;
  }

  FailureOr<BlockTensor> lowerMap();
  FailureOr<BlockTensor> lowerReduction(Value acc);
  LogicalResult maskSides(const Condition &c, ArrayRef<Value> scalars, ArrayRef<SmallVector<unsigned>> dims,
                          MutableArrayRef<Value> frags);
  FailureOr<std::optional<Value>> lowerDot(Value acc, Value &postponed);
  FailureOr<Value> reduce(Value acc);
};

} // namespace

FailureOr<BlockTensor> Lowering::lowerMap() {
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

//===-- dots --------------------------------------------------------------------------------------------------------===//

namespace {
/// Some factors of the body, multiplied.
struct Factors {
  SmallVector<Value> values;
  llvm::SmallBitVector iterators;
};
} // namespace

static void collectFactors(EinsumOp op, Value v, SmallVectorImpl<Value> &factors) {
  auto product = v.getDefiningOp<arith::MulFOp>();
  if (product && product->getParentOp() == op) {
    collectFactors(op, product.getLhs(), factors);
    collectFactors(op, product.getRhs(), factors);
  } else {
    factors.push_back(v);
  }
}

/// Splits the factors that mention reduced iterators into two groups that share parallel iterators only as batch
/// dimensions; fails to where the body is no such product.
static bool splitFactors(EinsumOp op, Factors (&sides)[2], Factors &rest) {
  SmallVector<Value> factors;
  collectFactors(op, op.getMapped(), factors);
  llvm::SmallBitVector reduced(op.getNumIterators());
  reduced.set(op.getNumParallel(), op.getNumIterators());
  SmallVector<Value> inner;
  for (Value factor : factors) {
    llvm::SmallBitVector used = op.getIteratorsOf(factor);
    if (used.anyCommon(reduced))
      inner.push_back(factor);
    else
      rest.values.push_back(factor);
  }
  for (Factors *side : {&sides[0], &sides[1], &rest})
    side->iterators.resize(op.getNumIterators());
  for (Value factor : inner) {
    llvm::SmallBitVector used = op.getIteratorsOf(factor);
    bool joinsFirst = sides[0].values.empty() || !used.test(sides[0].iterators);  // a subset
    Factors &side = joinsFirst ? sides[0] : sides[1];
    side.values.push_back(factor);
    side.iterators |= used;
  }
  for (Value factor : rest.values)
    rest.iterators |= op.getIteratorsOf(factor);
  if (sides[1].values.empty())
    return false;
  return !reduced.test(sides[0].iterators) && !reduced.test(sides[1].iterators);
}

/// A product of the factors as one value of the region, for `evaluate` and the copies.
static Value product(EinsumOp op, ArrayRef<Value> factors) {
  if (factors.size() == 1)
    return factors.front();
  OpBuilder b(op.getMapBody().getTerminator());
  Value all = factors.front();
  for (Value factor : factors.drop_front())
    all = arith::MulFOp::create(b, op.getLoc(), all, factor);
  return all;
}

/// Makes the product of two sides 0 where `c` fails: one side is 0 there, and the other no infinity or NaN that comes of
/// points without a value.
LogicalResult Lowering::maskSides(const Condition &c, ArrayRef<Value> scalars, ArrayRef<SmallVector<unsigned>> dims,
                                  MutableArrayRef<Value> frags) {
  bool isZero[2], isSafe[2], covers[2];
  for (unsigned s = 0; s < 2; ++s) {
    Known known = evaluate(scalars[s], argumentsAt(c));
    isZero[s] = known.value && *known.value == 0.0;
    isSafe[s] = known.isClean && (!known.value || std::isfinite(*known.value));
    covers[s] = llvm::all_of(c.ranks, [&](unsigned r) { return !block.binding(r).inFragment || llvm::is_contained(dims[s], r); });
    // What no row of the block may see can be anything in memory, NaN too: 0 times it is not 0.
    bool isKnown = known.value && std::isfinite(*known.value);
    isSafe[s] = isSafe[s] && (isKnown || !covers[s] || c.isExtent || block.isMember);
    if (isKnown || covers[s] || block.isMember)
      continue;
    BlockTensor side{frags[s], dims[s], {}, false};
    frags[s] = block.maskUnseen(loc(), side, c).frag;
  }
  bool isAnyZero = (isZero[0] && isSafe[0]) || (isZero[1] && isSafe[1]);
  for (unsigned s = 0; s < 2; ++s) {
    bool mustBeZero = !isAnyZero && covers[s] && (s == 1 || !covers[1] || !isSafe[s]);
    if (isSafe[s] && !mustBeZero)
      continue;
    BlockTensor unmasked{frags[s], dims[s], {}, false};
    auto zero = cast<TypedAttr>(b().getZeroAttr(cast<tile::FragType>(frags[s].getType()).getElementType()));
    FailureOr<BlockTensor> masked = block.mask(loc(), unmasked, c, zero);
    if (failed(masked))
      return failure();
    frags[s] = masked->frag;
    isAnyZero = true;
  }
  return success();
}

/// Where the sum's body is a product of two sides, the dot of their fragments; scalars that depend on no reduced iterator
/// are left in `postponed` (null if there are none).
FailureOr<std::optional<Value>> Lowering::lowerDot(Value acc, Value &postponed) {
  Type element = op.getType().getElementType();
  Factors sides[2], rest;
  if (op.getReducerAttr().getName() != "sum" || !isa<FloatType>(element) || !splitFactors(op, sides, rest))
    return std::optional<Value>();
  // A plain scalar goes to the side that no loop walks: it is multiplied once.
  if (rest.iterators.none()) {
    auto isStreamed = [&](const Factors &side) {
      return llvm::any_of(block.streamed, [&](unsigned rank) {
        return llvm::any_of(side.iterators.set_bits(), [&](unsigned i) { return block.kernel.rankOf(op.getIterator(i)) == rank; });
      });
    };
    llvm::append_range(sides[isStreamed(sides[0]) && !isStreamed(sides[1]) ? 1 : 0].values, rest.values);
    rest.values.clear();
  }
  if (!rest.values.empty() && acc)
    return std::optional<Value>();  // the factor would multiply acc too
  SmallVector<Value> frags;
  SmallVector<SmallVector<unsigned>> dims(2);
  SmallVector<Value> scalars;
  for (unsigned s = 0; s < 2; ++s) {
    scalars.push_back(product(op, sides[s].values));
    for (unsigned rank : space)
      for (unsigned i : sides[s].iterators.set_bits())
        if (block.kernel.rankOf(op.getIterator(i)) == rank)
          dims[s].push_back(rank);
    // A plain operand keeps its own order of dimensions: it follows memory.
    auto extended = scalars[s].getDefiningOp<arith::ExtFOp>();
    Value plain = extended && element.isF32() ? extended.getIn() : scalars[s];
    auto argument = dyn_cast<BlockArgument>(plain);
    if (argument && argument.getOwner() == &op.getMapBody() && argument.getArgNumber() < operands.size()) {
      dims[s] = operands[argument.getArgNumber()].dims;
      frags.push_back(operands[argument.getArgNumber()].frag);
    } else {
      frags.push_back(mapped(scalars[s], dims[s]));
    }
  }
  // Both sides must span the space, and a reduced dimension must be on both.
  for (unsigned rank : space) {
    unsigned count = llvm::is_contained(dims[0], rank) + llvm::is_contained(dims[1], rank) + !isReduced(rank);
    if (count < 2)
      return std::optional<Value>();
  }
  for (const Condition &c : reducedConditions())
    if (failed(maskSides(c, scalars, dims, frags)))
      return failure();
  // The side with the result's last dimension, its columns, comes second.
  if (numParallel && llvm::is_contained(dims[0], space[numParallel - 1]) && !llvm::is_contained(dims[1], space[numParallel - 1])) {
    std::swap(dims[0], dims[1]);
    std::swap(frags[0], frags[1]);
  }
  SmallVector<AffineMap> maps = {projection(dims[0], space), projection(dims[1], space), projection(parallel(), space)};
  auto type = tile::FragType::get(block.shape(parallel()), element);
  if (!rest.values.empty())
    postponed = product(op, rest.values);
  return std::optional<Value>(tile::DotOp::create(b(), loc(), type, frags[0], frags[1], acc, b().getAffineMapArrayAttr(maps)));
}

//===-- reductions --------------------------------------------------------------------------------------------------===//

/// Masks one operand that is the whole body, where it stands, so that later readers find its pad known.
static FailureOr<bool> maskOperand(Lowering &l, ArrayRef<Condition> conditions, TypedAttr identity) {
  auto argument = dyn_cast<BlockArgument>(l.op.getMapped());
  if (!argument || argument.getOwner() != &l.op.getMapBody() || argument.getArgNumber() >= l.operands.size())
    return false;
  BlockTensor &operand = l.operands[argument.getArgNumber()];
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

FailureOr<Value> Lowering::reduce(Value acc) {
  Type element = op.getType().getElementType();
  ReducerAttr reducer = op.getReducerAttr();
  std::optional<vector::CombiningKind> kind = combiningKind(reducer, element, loc());
  if (!kind)
    return op.emitError() << "reducer '" << reducer.getName().getValue() << "' over " << element << " is not lowered yet";
  TypedAttr identity = reducer.getRow().identity(element);
  SmallVector<Condition> wrong;
  for (const Condition &c : reducedConditions())
    if (valueAt(c, op.getMapped()) != asDouble(identity))
      wrong.push_back(c);
  Value materialised;
  if (!wrong.empty()) {
    FailureOr<bool> isDone = maskOperand(*this, wrong, identity);
    if (failed(isDone))
      return failure();
    if (!*isDone) {
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
                                         b().getAffineMapArrayAttr(b().getMultiDimIdentityMap(space.size())), AffineMapAttr(), identity);
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

FailureOr<BlockTensor> Lowering::lowerReduction(Value acc) {
  BlockTensor result;
  result.dims = llvm::to_vector(parallel());
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
    bool isSum = op.getReducerAttr().getName() == "sum" && !acc;
    std::optional<double> value = isSum ? valueAt(c, op.getMapped()) : std::nullopt;
    return value && *value == 0.0 ? value : std::nullopt;
  });
  return result;
}

//===-- Einsums -----------------------------------------------------------------------------------------------------===//

/// Reduced iterators that are not at hand: bound here, as a whole or in a loop over blocks.
static SmallVector<unsigned> bindReduced(BlockScope &block, EinsumOp op) {
  SmallVector<unsigned> blocked;
  for (unsigned i = op.getNumParallel(); i < op.getNumIterators(); ++i) {
    unsigned rank = block.kernel.rankOf(op.getIterator(i));
    if (block.binding(rank).size)
      continue;
    int64_t size = block.tileSizes.lookup(op.getIterator(i));
    block.bindWhole(rank, size);
    if (!block.isWhole(rank))
      blocked.push_back(rank);
  }
  return blocked;
}

static FailureOr<BlockTensor> lowerBound(BlockScope &block, EinsumOp op, Value acc) {
  Lowering lowering(block, op);
  if (failed(lowering.gather()))
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
      return op.emitError() << "rank '" << op.getIterator(i) << "' is not at hand where this is computed, which is not lowered yet";
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

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// One group as one launch: a parallel loop over blocks of the ranks of its results; in it a loop over visited blocks
// for each stream, with the state carried in fragments.
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "passes/attn/tiling/Block.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;
using namespace attn;

namespace {

struct GroupTiler {
  KernelBlocks &kernel;
  GroupOp group;
  llvm::StringMap<int64_t> tileSizes;
  SmallVector<unsigned> grid; ///< ranks that the parallel loop walks

  Location loc() { return group.getLoc(); }
  RankAttr rank(unsigned number) { return cast<RankAttr>(kernel.kernel.getRanks()[number]); }

  /// Ranks of the results that do not fit in one block.
  void chooseGrid() {
    BlockScope probe(kernel, OpBuilder(group));
    probe.tileSizes = tileSizes;
    for (Type type : group.getResultTypes())
      for (StringAttr name : rankNames(type)) {
        unsigned number = kernel.rankOf(name.getValue());
        bool isOne = probe.isWhole(number) && *rank(number).getConstantExtent() == 1;
        if ((!probe.isWhole(number) || isOne) && !llvm::is_contained(grid, number))
          grid.push_back(number);
      }
    llvm::sort(grid);
  }

  bool isOfEveryResult(unsigned number) {
    return llvm::all_of(group.getResultTypes(),
                        [&](Type type) { return llvm::is_contained(rankNames(type), rank(number).getName()); });
  }
  /// A result without the rank has points even where the rank has none.
  OpFoldResult atLeastOne(OpBuilder &b, OpFoldResult count) {
    Value one = arith::ConstantIndexOp::create(b, loc(), 1);
    return OpFoldResult(arith::MaxSIOp::create(b, loc(), getValueOrCreateConstantIndexOp(b, loc(), count), one));
  }

  LogicalResult run(OpBuilder &b);
  LogicalResult body(BlockScope &block, scf::ForallOp loop);
  void readTables(BlockScope &block);
  LogicalResult stream(BlockScope &block, StreamOp op);
  FailureOr<SmallVector<Value>> visit(BlockScope &block, StreamOp op, route::AffineOp set, bool isMember,
                                      ValueRange state);
  LogicalResult step(BlockScope &block, StreamOp op, ValueRange state, SmallVectorImpl<Value> &next);
  LogicalResult storeResult(BlockScope &block, scf::ForallOp loop, unsigned i);
};

} // namespace

LogicalResult GroupTiler::run(OpBuilder &b) {
  if (!group.getTilingAttr())
    return group.emitError() << "has no tiling: attn-select-tiling comes first";
  for (NamedAttribute entry : group.getTilingAttr())
    tileSizes[entry.getName()] = cast<IntegerAttr>(entry.getValue()).getInt();
  chooseGrid();
  SmallVector<OpFoldResult> lower, upper, steps;
  for (unsigned number : grid) {
    int64_t size = tileSizes.lookup(rank(number).getName());
    AffineExpr blocks = getAffineSymbolExpr(0, b.getContext()).ceilDiv(size);
    OpFoldResult count = affine::makeComposedFoldedAffineApply(b, loc(), blocks, {kernel.extents[number]});
    upper.push_back(isOfEveryResult(number) ? count : atLeastOne(b, count));
  }
  auto loop = scf::ForallOp::create(b, loc(), upper, ValueRange(), std::nullopt);
  kernel.scalars.setInsertionPoint(loop);
  BlockScope block(kernel, OpBuilder(loop.getBody()->getTerminator()));
  block.tileSizes = tileSizes;
  return body(block, loop);
}

LogicalResult GroupTiler::body(BlockScope &block, scf::ForallOp loop) {
  for (auto [number, iv] : llvm::zip(grid, loop.getInductionVars())) {
    int64_t size = tileSizes.lookup(rank(number).getName());
    AffineExpr start = getAffineDimExpr(0, block.b.getContext()) * size;
    std::optional<int64_t> extent = rank(number).getConstantExtent();
    Value first = affine::AffineApplyOp::create(block.b, loc(), AffineMap::get(1, 0, start), ValueRange{iv});
    block.binding(number) = Binding{first, size, size > 1, size > 1 && (!extent || *extent % size != 0)};
  }
  readTables(block);
  // Ranks that are never cut are at hand as a whole, whoever iterates them, but for those that streams walk.
  llvm::StringSet<> streamed;
  group.walk([&](StreamOp op) {
    for (StringRef name : op.getOver().getAsValueRange<StringAttr>())
      streamed.insert(name);
  });
  for (unsigned number = 0; number < block.bindings.size(); ++number)
    if (!block.binding(number).size && block.isWhole(number) && !streamed.contains(rank(number).getName()))
      block.bindWhole(number, std::max<int64_t>(*rank(number).getConstantExtent(), 1));
  for (Operation &op : group.getBody().front().without_terminator())
    if (auto each = dyn_cast<StreamOp>(op); each && failed(stream(block, each)))
      return failure();
  for (unsigned i = 0; i < group.getNumResults(); ++i)
    if (failed(storeResult(block, loop, i)))
      return failure();
  return success();
}

/// Reads the elements of tables that sets of the group ask for. A launch may have a task for a rank without points,
/// which then reads nothing.
void GroupTiler::readTables(BlockScope &block) {
  OpBuilder &b = block.b;
  group.walk([&](route::ElementOp element) {
    Value &known = kernel.elements[{element.getTable(), element.getAt()}];
    if (known)
      return;
    Value memory = kernel.memory.lookup(element.getTable()), exists;
    SmallVector<Value> at;
    for (auto [d, name] : llvm::enumerate(element.getAt().getAsValueRange<StringAttr>())) {
      Value start = block.binding(kernel.rankOf(name)).start;
      at.push_back(start ? start : block.constant(0, loc()));
      Value extent = memref::DimOp::create(b, loc(), memory, d);
      Value holds = arith::CmpIOp::create(b, loc(), arith::CmpIPredicate::slt, at.back(), extent);
      exists = exists ? arith::AndIOp::create(b, loc(), exists, holds).getResult() : holds;
    }
    auto read = [&](OpBuilder &inside, Location loc) {
      Value number = memref::LoadOp::create(inside, loc, memory, at);
      Value index = arith::IndexCastOp::create(inside, loc, inside.getIndexType(), number);
      scf::YieldOp::create(inside, loc, index);
    };
    auto nothing = [&](OpBuilder &inside, Location loc) {
      scf::YieldOp::create(inside, loc, Value(arith::ConstantIndexOp::create(inside, loc, 0)));
    };
    known = scf::IfOp::create(b, loc(), exists, read, nothing).getResult(0);
  });
}

/// A result that lacks ranks of the grid is written by the first block of each.
LogicalResult GroupTiler::storeResult(BlockScope &block, scf::ForallOp loop, unsigned i) {
  Value yielded = group.getBody().front().getTerminator()->getOperand(i);
  SmallVector<unsigned> ranks;
  for (StringAttr name : rankNames(yielded.getType()))
    ranks.push_back(kernel.rankOf(name.getValue()));
  FailureOr<BlockTensor> tensor = block.tensor(yielded);
  if (failed(tensor))
    return failure();
  BlockScope writer = block;
  Value isFirst;
  for (auto [number, iv] : llvm::zip(grid, loop.getInductionVars())) {
    if (llvm::is_contained(ranks, number))
      continue;
    Value zero = block.constant(0, loc());
    Value first = arith::CmpIOp::create(block.b, loc(), arith::CmpIPredicate::eq, iv, zero);
    isFirst = isFirst ? Value(arith::AndIOp::create(block.b, loc(), isFirst, first)) : first;
  }
  if (isFirst)
    writer.b = scf::IfOp::create(block.b, loc(), isFirst, /*withElseRegion=*/false).getThenBodyBuilder();
  TypedAttr pad;
  for (OpOperand &use : group.getResult(i).getUses())
    if (isa<YieldOp>(use.getOwner()) && use.getOwner() == kernel.kernel.getYield())
      pad = kernel.kernel.getResultPad(use.getOperandNumber());
  Value memory = kernel.memory.lookup(group.getResult(i));
  return memory ? writer.store(loc(), *tensor, ranks, memory, pad) : success();
}

//===-- streams ------------------------------------------------------------------------------------------------------

static SmallVector<unsigned> fragmentDims(BlockScope &block, Type tensor) {
  SmallVector<unsigned> dims;
  for (StringAttr name : rankNames(tensor))
    if (unsigned number = block.kernel.rankOf(name.getValue()); block.binding(number).inFragment)
      dims.push_back(number);
  return dims;
}

static LogicalResult requireBound(BlockScope &block, StreamOp op) {
  for (Type type : op.getStateTypes())
    for (StringAttr name : rankNames(type))
      if (!block.binding(block.kernel.rankOf(name.getValue())).size)
        return op.emitError()
               << "a running state over rank '" << name.getValue()
               << "', which no result of its group has and whose extent is not bound, is not lowered yet";
  return success();
}

/// States enter a region as its arguments.
static void setState(BlockScope &block, Region &region, ValueRange frags) {
  for (auto [argument, frag] : llvm::zip(region.getArguments(), frags))
    block.tensors[argument] = BlockTensor{frag, fragmentDims(block, argument.getType()), {}, false};
}

LogicalResult GroupTiler::stream(BlockScope &block, StreamOp op) {
  if (failed(requireBound(block, op)))
    return failure();
  if (!op.getRoute())
    return op.emitError() << "has no route: route-infer comes first";
  FailureOr<SmallVector<route::AffineOp>> members = route::affineMembers(op.getRoute());
  if (failed(members))
    return op.emitError() << "a route that is no union of affine sets is not lowered yet";
  SmallVector<Value> state;
  for (auto [type, identity] : llvm::zip(op.getStateTypes(), op.getIdentities()))
    state.push_back(block.splat(op.getLoc(), fragmentDims(block, type), cast<TypedAttr>(identity)));
  for (route::AffineOp member : *members) {
    FailureOr<SmallVector<Value>> next = visit(block, op, member, members->size() > 1, state);
    if (failed(next))
      return failure();
    state = *next;
  }
  BlockScope after = block;
  setState(after, op.getFinalize(), state);
  for (auto [result, yielded] : llvm::zip(op.getResults(), op.getFinalize().front().getTerminator()->getOperands())) {
    FailureOr<BlockTensor> tensor = after.tensor(yielded);
    if (failed(tensor))
      return failure();
    block.tensors[result] = *tensor;
  }
  return success();
}

/// The route's set over SSA values of the function, and its constraints in the numbering of conditions.
static route::AffineOp copySet(BlockScope &block, route::AffineOp set, SmallVectorImpl<AffineExpr> &visited) {
  KernelBlocks &kernel = block.kernel;
  SmallVector<Value> symbols;
  SmallVector<AffineExpr> dims, symbolExprs;
  bool isOfLaunch = false;
  for (Value symbol : set.getSymbols()) {
    auto element = symbol.getDefiningOp<route::ElementOp>();
    isOfLaunch |= bool(element);
    symbols.push_back(element ? kernel.elements.lookup({element.getTable(), element.getAt()}) : kernel.index(symbol));
    symbolExprs.push_back(kernel.symbol(symbols.back()));
  }
  for (StringRef name : set.getDimNames())
    dims.push_back(getAffineDimExpr(kernel.rankOf(name), set.getContext()));
  for (AffineExpr constraint : set.getConstraints().getResults())
    visited.push_back(normalForm(constraint.replaceDimsAndSymbols(dims, symbolExprs)));
  auto copy = cast<route::AffineOp>((isOfLaunch ? block.b : kernel.scalars).clone(*set));
  copy.getSymbolsMutable().assign(symbols);
  return copy;
}

FailureOr<SmallVector<Value>> GroupTiler::visit(BlockScope &block, StreamOp op, route::AffineOp set, bool isMember,
                                                ValueRange state) {
  Location loc = op.getLoc();
  SmallVector<unsigned> streamed;
  for (StringRef name : op.getOver().getAsValueRange<StringAttr>())
    streamed.push_back(kernel.rankOf(name));
  BlockScope inner = block;
  inner.isMember = isMember;
  inner.isInexact = set.getInexact();
  inner.visited.clear();
  route::AffineOp copy = copySet(block, set, inner.visited);
  SmallVector<Value> at;
  SmallVector<int64_t> sizes;
  for (StringRef name : set.getDimNames()) {
    unsigned number = kernel.rankOf(name);
    if (llvm::is_contained(streamed, number))
      continue;
    Binding &binding = block.binding(number);
    if (!binding.size)
      return op.emitError() << "a route over rank '" << name << "', which is not at hand, is not lowered yet";
    at.push_back(binding.start ? binding.start : block.constant(0, loc));
    sizes.push_back(binding.size);
  }
  for (unsigned number : streamed)
    sizes.push_back(tileSizes.lookup(rank(number).getName()));
  auto loop = route::ForOp::create(block.b, loc, copy, at, sizes, state);
  inner.b = OpBuilder::atBlockBegin(&loop.getBody().front());
  ArrayRef<int64_t> streamedSizes = ArrayRef(sizes).take_back(streamed.size());
  bool isOne = streamed.size() > 1; // an outer rank of several may go point by point
  for (auto [i, number] : llvm::enumerate(streamed)) {
    bool inFragment = !isOne || streamedSizes[i] > 1;
    inner.binding(number) = Binding{loop.getBody().getArgument(i), streamedSizes[i], inFragment, inFragment};
  }
  inner.full = loop.getFull();
  llvm::append_range(inner.streamed, streamed);
  SmallVector<Value> next;
  if (failed(step(inner, op, loop.getRegionIterArgs(), next)))
    return failure();
  route::YieldOp::create(inner.b, loc, next);
  return SmallVector<Value>(loop.getResults());
}

LogicalResult GroupTiler::step(BlockScope &block, StreamOp op, ValueRange state, SmallVectorImpl<Value> &next) {
  setState(block, op.getStep(), state);
  // In the order of the text, so that a mask stands before the first reader.
  for (Operation &each : op.getStep().front().without_terminator()) {
    auto einsum = dyn_cast<EinsumOp>(each);
    bool isAtHand = einsum && llvm::all_of(rankNames(einsum.getType()), [&](StringAttr name) {
                      return block.binding(kernel.rankOf(name.getValue())).size != 0;
                    });
    if (isAtHand && failed(block.lower(einsum)))
      return failure();
  }
  for (Value yielded : op.getStep().front().getTerminator()->getOperands()) {
    FailureOr<BlockTensor> tensor = block.tensor(yielded);
    if (failed(tensor))
      return failure();
    next.push_back(tensor->frag);
  }
  return success();
}

LogicalResult attn::tileGroup(KernelBlocks &kernel, GroupOp group, OpBuilder &b) {
  return GroupTiler{kernel, group, {}, {}}.run(b);
}

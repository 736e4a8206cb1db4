// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/tile/HoistPacks.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/Transforms/RegionUtils.h"
#include "passes/route/BlockRanges.h"
#include "passes/tile/Layouts.h"

using namespace mlir;
using namespace attn;
using namespace attn::tile;

/// A block is made once, written and read again; without the launch it is made by every task that visits it. With masks
/// that leave half of the blocks, so many tasks for each block are twice the work.
static constexpr int64_t fewestTasks = 4;

namespace {

/// An index value of the launch that addresses dimension `dim` of `memory`, and so takes its extent of values at most.
struct Coordinate {
  Value value, memory;
  unsigned dim;
};

class Pack {
public:
  Pack(scf::ForallOp launch, route::ForOp loop, Value made) : launch(launch), loop(loop), made(made) {}

  /// Finds what `made` is made of. False where it cannot be made elsewhere.
  bool analyse();
  void hoist(int64_t workspaceLimit);

private:
  scf::ForallOp launch;
  route::ForOp loop;
  Value made;
  SmallVector<Coordinate> coordinates;
  SetVector<Operation *> slice; ///< ops inside of the launch, in order of execution

  Value first() { return loop.getBody().getArgument(0); }
  FragType type() { return cast<FragType>(made.getType()); }
  bool isOutside(Value value) { return !launch.getRegion().isAncestor(value.getParentRegion()); }
  bool isCoordinate(Value value) {
    return llvm::any_of(coordinates, [&](const Coordinate &each) { return each.value == value; });
  }
  bool addLoads(Value frag);
  bool addCoordinates(LoadOp load);
  bool collect(Operation *op);
  bool collect(Value value);
  MemRefType workspaceType();
  AffineMap placeMap();
};

/// A value that only one place of the map depends on, and that is this place, walks through that dimension.
std::optional<unsigned> dimensionAddressed(LoadOp load, unsigned index) {
  AffineExpr symbol = getAffineSymbolExpr(index, load.getContext());
  for (auto [dim, place] : llvm::enumerate(load.getMap().getResults()))
    if (place == symbol)
      return dim;
  return std::nullopt;
}

/// Loads say which values are coordinates; other ops may use those too.
bool Pack::addLoads(Value frag) {
  Operation *op = frag.getDefiningOp();
  if (isOutside(frag))
    return true;
  if (!isa_and_nonnull<LoadOp, MapOp, MaskOp, ConvertOp>(op))
    return false;
  if (auto load = dyn_cast<LoadOp>(op); load && !addCoordinates(load))
    return false;
  return llvm::all_of(op->getOperands(), [&](Value each) { return !isa<FragType>(each.getType()) || addLoads(each); });
}

bool Pack::addCoordinates(LoadOp load) {
  for (auto [i, index] : llvm::enumerate(load.getIndices())) {
    if (isOutside(index) || index == first() || isCoordinate(index))
      continue;
    std::optional<unsigned> dim = dimensionAddressed(load, i);
    if (!dim || !isOutside(load.getSource()))
      return false;
    coordinates.push_back({index, load.getSource(), *dim});
  }
  return true;
}

bool Pack::collect(Value value) {
  if (isOutside(value) || value == first() || isCoordinate(value))
    return true;
  Operation *op = value.getDefiningOp();
  return op && collect(op);
}

bool Pack::collect(Operation *op) {
  if (slice.contains(op))
    return true;
  if (!isa<LoadOp>(op) && (!isMemoryEffectFree(op) || isa<scf::IfOp, LoopLikeOpInterface>(op)))
    return false;
  SetVector<Value> needed(op->operand_begin(), op->operand_end());
  getUsedValuesDefinedAbove(op->getRegions(), needed);
  for (Value value : needed)
    if (!collect(value))
      return false;
  slice.insert(op);
  return true;
}

bool writesMemory(scf::ForallOp launch, Value memory) {
  return launch
      .walk(
          [&](StoreOp store) { return store.getTarget() == memory ? WalkResult::interrupt() : WalkResult::advance(); })
      .wasInterrupted();
}

bool Pack::analyse() {
  if (!addLoads(made) || !collect(made))
    return false;
  return llvm::none_of(slice, [&](Operation *op) {
    auto load = dyn_cast<LoadOp>(op);
    return load && writesMemory(launch, load.getSource());
  });
}

MemRefType Pack::workspaceType() {
  SmallVector<int64_t> shape(coordinates.size() + 1, ShapedType::kDynamic);
  llvm::append_range(shape, type().getLayout().getExtents());
  return MemRefType::get(shape, type().getElementType());
}

/// (element)[coordinates, block] -> (coordinates, block, place)
AffineMap Pack::placeMap() {
  MLIRContext *context = type().getContext();
  SmallVector<AffineExpr> results;
  for (unsigned i = 0; i <= coordinates.size(); ++i)
    results.push_back(getAffineSymbolExpr(i, context));
  AffineMap layout = type().getLayout().getMap();
  llvm::append_range(results, layout.getResults());
  return AffineMap::get(layout.getNumDims(), coordinates.size() + 1, results, context);
}

/// Workspaces do not exist yet where launches are counted, but their sizes do.
Value extentOf(ImplicitLocOpBuilder &b, const Coordinate &each) {
  if (auto alloc = each.memory.getDefiningOp<memref::AllocOp>())
    return getValueOrCreateConstantIndexOp(b, b.getLoc(), alloc.getMixedSizes()[each.dim]);
  return memref::DimOp::create(b, each.memory, each.dim);
}

/// The set, or a larger one that does not ask what only a task knows.
route::AffineOp setOutside(ImplicitLocOpBuilder &b, route::AffineOp set, function_ref<bool(Value)> isOutside) {
  SmallVector<Value> symbols;
  SmallVector<AffineExpr> constraints(set.getConstraints().getResults());
  for (auto [i, symbol] : llvm::enumerate(set.getSymbols())) {
    bool isKnown = isOutside(symbol);
    symbols.push_back(isKnown ? symbol : arith::ConstantIndexOp::create(b, 0).getResult());
    if (!isKnown)
      llvm::erase_if(constraints, [i = i](AffineExpr expr) { return expr.isFunctionOfSymbol(i); });
  }
  SmallVector<StringRef> dims = set.getDimNames(), names(set.getSymbolNames().getAsValueRange<StringAttr>());
  return route::AffineOp::create(b, dims, names, symbols, constraints, set.getWithin().getResults(), set.getInexact());
}

void Pack::hoist(int64_t workspaceLimit) {
  ImplicitLocOpBuilder b(made.getLoc(), launch);
  int64_t size = loop.getBlock().back();
  route::AffineOp set =
      setOutside(b, loop.getSet().getDefiningOp<route::AffineOp>(), [&](Value v) { return isOutside(v); });
  auto blocks = route::visitedBlocks(b, b.getLoc(), set, size);
  set.erase();
  if (!blocks)
    return;
  auto constant = [&](int64_t x) { return arith::ConstantIndexOp::create(b, x).getResult(); };
  auto product = [&](Value x, Value y) { return arith::MulIOp::create(b, x, y).getResult(); };
  SmallVector<Value> extents;
  Value shares = constant(1), tasks = constant(1);
  for (const Coordinate &each : coordinates) {
    extents.push_back(extentOf(b, each));
    shares = product(shares, extents.back());
  }
  for (OpFoldResult bound : launch.getMixedUpperBound())
    tasks = product(tasks, getValueOrCreateConstantIndexOp(b, b.getLoc(), bound));
  Value count = arith::SubIOp::create(b, blocks->second, blocks->first);
  auto compare = [&](arith::CmpIPredicate predicate, Value x, Value y) {
    return arith::CmpIOp::create(b, predicate, x, y).getResult();
  };
  Value isShared = compare(arith::CmpIPredicate::sge, tasks, product(shares, constant(fewestTasks)));
  Value bytes = product(product(shares, count), constant(bytesOf(type())));
  Value fits = compare(arith::CmpIPredicate::sle, bytes, constant(workspaceLimit));
  Value packed = arith::AndIOp::create(b, isShared, fits);
  extents.push_back(arith::SelectOp::create(b, packed, count, constant(0)));
  Value workspace = memref::AllocOp::create(b, workspaceType(), extents);
  SmallVector<Value> limits;
  for (int64_t extent : type().getShape())
    limits.push_back(constant(extent));

  auto packing = scf::ForallOp::create(b, b.getLoc(), getAsOpFoldResult(extents), ValueRange(), std::nullopt);
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPoint(packing.getBody()->getTerminator());
    IRMapping values;
    SmallVector<Value> at(packing.getInductionVars());
    for (auto [each, iv] : llvm::zip(coordinates, at))
      values.map(each.value, iv);
    values.map(first(), product(arith::AddIOp::create(b, at.back(), blocks->first), constant(size)));
    for (Operation *op : slice)
      b.clone(*op, values);
    StoreOp::create(b, values.lookup(made), workspace, at, limits, AffineMapAttr::get(placeMap()));
  }

  // Outside of the memory, where a load reads pads, the workspace has nothing either.
  b.setInsertionPointAfterValue(made);
  SmallVector<Value> at;
  Value isThere = packed;
  for (auto [each, extent] : llvm::zip(coordinates, extents)) {
    at.push_back(each.value);
    isThere = arith::AndIOp::create(b, isThere, compare(arith::CmpIPredicate::ult, each.value, extent));
  }
  at.push_back(arith::SubIOp::create(b, arith::DivUIOp::create(b, first(), constant(size)), blocks->first));
  auto either = scf::IfOp::create(b, TypeRange(type()), isThere, /*withElseRegion=*/true);
  made.replaceAllUsesWith(either.getResult(0));
  b.setInsertionPointToStart(either.thenBlock());
  Value view = LoadOp::create(b, type(), workspace, at, ValueRange(), limits, AffineMapAttr::get(placeMap()),
                              ArrayAttr(), b.getZeroAttr(type().getElementType()), b.getUnitAttr());
  scf::YieldOp::create(b, view);
  // What the view makes needless is not done.
  b.setInsertionPointToStart(either.elseBlock());
  IRMapping values;
  for (Operation *op : slice)
    if (llvm::any_of(op->getResultTypes(), [](Type each) { return isa<FragType>(each); }))
      b.clone(*op, values);
  scf::YieldOp::create(b, values.lookup(made));
}

} // namespace

void tile::hoistPacks(scf::ForallOp launch, route::ForOp loop, int64_t workspaceLimit) {
  if (loop.getNumStreamed() != 1 || !loop.getSet().getDefiningOp<route::AffineOp>())
    return;
  SetVector<Value> factors;
  for (auto dot : loop.getBody().front().getOps<DotOp>())
    for (Value factor : {dot.getLhs(), dot.getRhs()})
      if (auto type = cast<FragType>(factor.getType());
          type.getLayout() != rowsLayout(type.getContext(), type.getShape()) &&
          factor.getParentRegion() == &loop.getBody())
        factors.insert(factor);
  for (Value factor : factors)
    for (Value made = factor; made;) {
      if (Pack pack(launch, loop, made); pack.analyse()) {
        pack.hoist(workspaceLimit);
        break;
      }
      // A mask may ask what only the task knows; in full blocks it is nothing.
      auto mask = made.getDefiningOp<MaskOp>();
      made = mask ? mask.getInput() : Value();
    }
}

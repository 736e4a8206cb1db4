// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/tile/cpu/Sweeps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "passes/tile/cpu/Dot.h"
#include "passes/tile/cpu/Reduce.h"

using namespace mlir;
using namespace attn::tile;
using namespace attn::tile::cpu;

//===-- places -------------------------------------------------------------------------------------------------------

/// Bytes [begin, end) of scratch.
static std::optional<std::pair<int64_t, int64_t>> bytesInScratch(Value frag, const Emit &b) {
  auto view = b.buffers.lookup(frag).getDefiningOp<memref::ViewOp>();
  std::optional<int64_t> begin = view ? getConstantIntValue(view.getByteShift()) : std::nullopt;
  if (!begin)
    return std::nullopt;
  return std::pair(*begin, *begin + bytesOf(cast<FragType>(frag.getType())));
}

static bool mayOverlap(Value x, Value y, const Emit &b) {
  auto left = bytesInScratch(x, b), right = bytesInScratch(y, b);
  return !left || !right || (left->first < right->second && right->first < left->second);
}

/// Whether writing `result` element by element, each after `map` has read what it needs for that element, keeps all
/// that it needs for others.
static bool mayWriteAfterEach(Value result, MapOp map, const Emit &b) {
  for (auto [i, input] : llvm::enumerate(map.getInputs())) {
    bool sameElement = map.getOperandMap(i).isIdentity() && b.buffers.lookup(input) == b.buffers.lookup(result) &&
                       cast<FragType>(input.getType()).getLayout() == cast<FragType>(result.getType()).getLayout();
    if (!sameElement && mayOverlap(input, result, b))
      return false;
  }
  return true;
}

//===-- pairs --------------------------------------------------------------------------------------------------------

/// Whether nothing between the two makes or moves fragments.
static bool isRightBefore(Operation *first, Operation *second) {
  if (first->getBlock() != second->getBlock())
    return false;
  Operation *op = first->getNextNode();
  while (op && op != second && isMemoryEffectFree(op) && !isa<TileDialect>(op->getDialect()) &&
         op->getNumRegions() == 0)
    op = op->getNextNode();
  return op == second;
}

/// Whether elements side by side in the last dimension are so in memory.
static bool isRowMajor(FragType type) {
  std::optional<Run> run = runOf(type);
  return run && run->dim + 1 == type.getRank() && run->length == type.getShape().back();
}

static bool canMakeOnTheSpot(MapOp map) {
  return map && map.getNumResults() == 1 && hasVectorForm(map.getBody().front()) &&
         isRowMajor(cast<FragType>(map.getResult(0).getType()));
}

/// Where all of a block is in the set, a mask is nothing; and without a condition on elements it has no loop over all.
static bool canMakeOnTheSpot(MaskOp mask) {
  IntegerAttr full;
  bool isPartial = mask && mask.getCondition() &&
                   (!mask.getFull() || (matchPattern(mask.getFull(), m_Constant(&full)) && full.getValue().isZero()));
  return isPartial && isRowMajor(mask.getType()) && !mask.getType().getElementType().isInteger(1);
}

/// Reads of the two stay apart from what the reduction writes.
static bool mayWriteAfterEach(Value result, MaskOp mask, const Emit &b) {
  return !mayOverlap(mask.getInput(), result, b) &&
         (!mask.getCondition() || !mayOverlap(mask.getCondition(), result, b));
}

static void joinElements(ReduceOp reduce, Emit &b) {
  if (!combinesAlongLast(reduce))
    return;
  for (auto [i, input] : llvm::enumerate(reduce.getInputs())) {
    Operation *op = input.getDefiningOp();
    auto map = dyn_cast_or_null<MapOp>(op);
    auto mask = dyn_cast_or_null<MaskOp>(op);
    bool canJoin = map ? canMakeOnTheSpot(map) && mayWriteAfterEach(reduce.getResult(), map, b)
                       : canMakeOnTheSpot(mask) && mayWriteAfterEach(reduce.getResult(), mask, b);
    if (canJoin && !b.joined.count(op) && isRightBefore(op, reduce) && reduce.getOperandMap(i).isIdentity() &&
        cast<FragType>(input.getType()).getShape() == reduce.getSpace() &&
        llvm::count(reduce.getOperands(), input) == 1 && !mayOverlap(input, reduce.getResult(), b)) {
      b.joined[op] = reduce;
      return;
    }
  }
}

/// Tiles of the result then cover each element once, with lanes along its last dimension.
static bool hasVectorsAlongLast(DotOp dot) {
  std::optional<unsigned> dim = vectorDim(dot);
  return dim && isRowMajor(dot.getType()) &&
         dot.getOperandMap(2).getResults().back() == getAffineDimExpr(*dim, dot.getContext());
}

static void joinStart(DotOp dot, Emit &b) {
  auto map = dot.getAcc() ? dot.getAcc().getDefiningOp<MapOp>() : MapOp();
  if (canMakeOnTheSpot(map) && hasVectorsAlongLast(dot) && map->hasOneUse() && isRightBefore(map, dot) &&
      !map.getPoints() && mayWriteAfterEach(dot.getResult(), map, b))
    b.joined[map] = dot;
}

/// Whether nothing from `first` to `second` writes memory. What is made in between lies elsewhere than the load's
/// result, which is live there, so the load may as well run later.
static bool mayRunAt(LoadOp load, Operation *second) {
  if (load->getBlock() != second->getBlock())
    return false;
  for (Operation *op = load->getNextNode(); op != second; op = op->getNextNode())
    if (!isa<LoadOp>(op) && !isMemoryEffectFree(op))
      return false;
  return true;
}

static void joinLoad(DotOp dot, Emit &b) {
  if (!vectorDim(dot) && !innerDim(dot))
    return;
  for (unsigned i : {0, 1}) {
    auto load = dot->getOperand(i).getDefiningOp<LoadOp>();
    bool usesOnce = dot.getOperandMap(i).getNumResults() == dot.getOperandMap(i).getNumDims();
    if (load && usesOnce && load->hasOneUse() && !load.getView() && isRowMajor(load.getType()) && mayRunAt(load, dot) &&
        load.getType().getElementType() == dot.getType().getElementType()) {
      b.joined[load] = dot;
      return;
    }
  }
}

/// What a task may keep on its stack while one op runs.
static constexpr int64_t kMostStackBytes = 16 << 10;

/// The reduction combines the elements themselves, along the last dimension of the result only.
static void joinReduction(ReduceOp reduce, Emit &b) {
  if (reduce.getInputs().size() != 1 || reduce.getPoints() || !reduce.getOperandMap(0).isIdentity() ||
      size_t(reduce.getType().getRank()) + 1 != reduce.getSpace().size())
    return;
  auto dot = reduce.getInputs().front().getDefiningOp<DotOp>();
  Block &body = reduce.getBody().front();
  if (!dot || !isRightBefore(dot, reduce) || body.getTerminator()->getOperand(0) != body.getArgument(0))
    return;
  bool isSmall = bytesOf(reduce.getType()) * b.row.lanes <= kMostStackBytes;
  if (isSmall && hasVectorsAlongLast(dot))
    b.joined[reduce] = dot;
}

void cpu::findSweeps(ArrayRef<Operation *> ops, Emit &b) {
  for (Operation *op : ops)
    if (auto dot = dyn_cast<DotOp>(op)) {
      joinStart(dot, b);
      joinLoad(dot, b);
    } else if (auto reduce = dyn_cast<ReduceOp>(op)) {
      joinElements(reduce, b);
      joinReduction(reduce, b);
    }
}

//===-- lookup -------------------------------------------------------------------------------------------------------

Operation *cpu::joinedElements(ReduceOp reduce, const Emit &b) {
  for (Value input : reduce.getInputs())
    if (Operation *op = input.getDefiningOp(); op && b.joined.lookup(op) == reduce)
      return op;
  return nullptr;
}

MapOp cpu::joinedStart(DotOp dot, const Emit &b) {
  auto map = dot.getAcc() ? dot.getAcc().getDefiningOp<MapOp>() : MapOp();
  return map && b.joined.lookup(map) == dot ? map : MapOp();
}

LoadOp cpu::joinedLoad(DotOp dot, const Emit &b) {
  for (Value factor : {dot.getLhs(), dot.getRhs()})
    if (auto load = factor.getDefiningOp<LoadOp>(); load && b.joined.lookup(load) == dot)
      return load;
  return {};
}

ReduceOp cpu::joinedReduction(DotOp dot, const Emit &b) {
  for (Operation *user : dot->getUsers())
    if (auto reduce = dyn_cast<ReduceOp>(user); reduce && b.joined.lookup(reduce) == dot)
      return reduce;
  return {};
}

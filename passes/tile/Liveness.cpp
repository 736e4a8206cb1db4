// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/tile/Liveness.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "passes/tile/Layouts.h"

using namespace mlir;
using namespace attn::tile;

/// How many pairs of ranges have a point in common.
static unsigned countOverlaps(ArrayRef<LiveRange> left, ArrayRef<LiveRange> right) {
  unsigned count = 0;
  for (LiveRange a : left)
    for (LiveRange b : right)
      count += a.begin <= b.end && b.begin <= a.end;
  return count;
}

bool ScratchClass::isLiveWith(const ScratchClass &other) const { return countOverlaps(ranges, other.ranges) != 0; }

//===-- live ranges --------------------------------------------------------------------------------------------------

void ScratchClasses::define(Value value, int64_t begin) {
  if (!isa<FragType>(value.getType()) || isView(value))
    return;
  ranges[value] = rangesOf(value, begin);
  order.push_back(value);
  classes.insert(key(value));
}

static bool isStructure(Operation *op) { return op->getNumRegions() && !isa<MapOp, ReduceOp>(op); }

void ScratchClasses::number(Operation *op, int64_t &position) {
  int64_t begin = position++, end = begin;
  if (isStructure(op)) {
    for (Region &region : op->getRegions()) {
      entries[&region] = 2 * position;
      for (Block &block : region)
        for (Operation &nested : block)
          number(&nested, position);
    }
    end = position++;
  }
  spans[op] = {2 * begin, 2 * end + 1};
}

/// The outermost loop around `user` that does not contain the definition: it reads the value in every iteration.
static Operation *loopAround(Operation *user, Region *definition) {
  Operation *loop = nullptr;
  for (Operation *op = user; op->getParentRegion() != definition; op = op->getParentOp())
    if (isa<LoopLikeOpInterface>(op->getParentOp()))
      loop = op->getParentOp();
  return loop;
}

/// Sorted, without overlaps.
static SmallVector<LiveRange> unite(SmallVector<LiveRange> ranges) {
  llvm::sort(ranges, [](LiveRange a, LiveRange b) { return a.begin < b.begin; });
  SmallVector<LiveRange> united;
  for (LiveRange range : ranges)
    if (!united.empty() && range.begin <= united.back().end)
      united.back().end = std::max(united.back().end, range.end);
    else
      united.push_back(range);
  return united;
}

/// From the definition to each use, less the other regions of the branches that the use is in: what only one region
/// reads is dead in the others.
SmallVector<LiveRange> ScratchClasses::rangesOf(Value value, int64_t begin) const {
  SmallVector<LiveRange> live = {{begin, begin + 1}};
  Region *definition = value.getParentRegion();
  for (Operation *user : value.getUsers()) {
    Operation *loop = loopAround(user, definition), *op = loop ? loop : user;
    int64_t end = loop ? spans.lookup(loop).end : spans.lookup(user).begin + 1;
    for (; op->getParentRegion() != definition; op = op->getParentOp())
      if (op->getParentRegion()->getRegionNumber() > 0) {
        live.push_back({entries.lookup(op->getParentRegion()), end});
        end = spans.lookup(op->getParentOp()).begin + 1;
      }
    live.push_back({begin, end});
  }
  return unite(live);
}

ScratchClasses::ScratchClasses(func::FuncOp function) : function(function) {
  int64_t position = 0;
  number(function, position);
  function.walk<WalkOrder::PreOrder>([&](Operation *op) {
    // A loop or branch has its results once it has ended, and its carried values once it has read the initial ones.
    int64_t begin = isStructure(op) ? spans.lookup(op).end : spans.lookup(op).begin;
    for (Value result : op->getResults())
      define(result, begin);
    if (auto loop = dyn_cast<scf::ForOp>(op))
      for (Value argument : loop.getRegionIterArgs())
        define(argument, spans.lookup(op).begin + 2);
  });
}

//===-- merging ------------------------------------------------------------------------------------------------------

/// Whether each element of `result` depends on nothing of `operand` but the element in the same place.
static bool worksInPlace(Operation *op, Value operand, Value result) {
  auto usesOnlyAs = [&](Value only) { return llvm::count(op->getOperands(), operand) == 1 && only == operand; };
  if (auto map = dyn_cast<MapOp>(op))
    return llvm::all_of(llvm::enumerate(map.getInputs()), [&](auto input) {
      return input.value() != operand || map.getOperandMap(input.index()).isIdentity();
    });
  if (auto reduce = dyn_cast<ReduceOp>(op))
    return usesOnlyAs(reduce.getAcc());
  if (auto dot = dyn_cast<DotOp>(op))
    return usesOnlyAs(dot.getAcc());
  if (auto mask = dyn_cast<MaskOp>(op))
    return usesOnlyAs(mask.getInput());
  return isa<ConvertOp>(op) && operand.getType() == result.getType();
}

static bool haveSamePlaces(Value a, Value b) {
  auto x = cast<FragType>(a.getType()), y = cast<FragType>(b.getType());
  return x.getLayout() == y.getLayout() && storedType(x.getElementType()).getIntOrFloatBitWidth() ==
                                               storedType(y.getElementType()).getIntOrFloatBitWidth();
}

bool ScratchClasses::diesInPlace(Value operand, Value result) const {
  Operation *op = result.getDefiningOp();
  if (!op || !llvm::is_contained(op->getOperands(), operand) || !worksInPlace(op, operand, result))
    return false;
  int64_t last = spans.lookup(op).begin + 1;
  return llvm::any_of(ranges.find(operand)->second, [&](LiveRange range) { return range.end == last; });
}

/// An operand that dies in place is live with the result at that one point.
bool ScratchClasses::conflict(Value a, Value b) const {
  unsigned allowed = diesInPlace(a, b) || diesInPlace(b, a) ? 1 : 0;
  return countOverlaps(ranges.find(a)->second, ranges.find(b)->second) > allowed;
}

bool ScratchClasses::tryMerge(Value a, Value b) {
  if (areMerged(a, b))
    return true;
  if (!haveSamePlaces(a, b))
    return false;
  SmallVector<Value> left, right;
  for (Value value : order) {
    if (areMerged(value, a))
      left.push_back(value);
    if (areMerged(value, b))
      right.push_back(value);
  }
  for (Value x : left)
    for (Value y : right)
      if (conflict(x, y))
        return false;
  classes.unionSets(key(a), key(b));
  return true;
}

void ScratchClasses::mergeControlFlow() {
  auto mergeAll = [&](auto targets, auto sources) {
    for (auto [target, source] : llvm::zip(targets, sources))
      if (isa<FragType>(target.getType()) && !mayBeView(source))
        tryMerge(target, source);
  };
  function.walk<WalkOrder::PreOrder>([&](scf::ForOp loop) {
    for (auto [argument, result] : llvm::zip(loop.getRegionIterArgs(), loop.getResults()))
      if (isa<FragType>(argument.getType()))
        classes.unionSets(key(argument), key(result));
    mergeAll(loop.getRegionIterArgs(), loop.getBody()->getTerminator()->getOperands());
    mergeAll(loop.getRegionIterArgs(), loop.getInitArgs());
  });
  function.walk<WalkOrder::PreOrder>([&](scf::IfOp branch) {
    for (Region &region : branch->getRegions())
      if (!region.empty())
        mergeAll(branch.getResults(), region.front().getTerminator()->getOperands());
  });
}

void ScratchClasses::mergeInPlace() {
  for (Value result : order)
    if (Operation *op = result.getDefiningOp(); op && !isa<LoopLikeOpInterface>(op))
      for (Value operand : op->getOperands())
        if (isa<FragType>(operand.getType()) && !mayBeView(operand) && diesInPlace(operand, result) &&
            tryMerge(operand, result))
          break;
}

SmallVector<ScratchClass> ScratchClasses::list() const {
  SmallVector<ScratchClass> all;
  DenseMap<const void *, unsigned> indices;
  for (Value value : order) {
    auto [it, isNew] = indices.try_emplace(classes.getLeaderValue(key(value)), all.size());
    if (isNew)
      all.emplace_back();
    ScratchClass &current = all[it->second];
    current.values.push_back(value);
    current.ranges.append(ranges.lookup(value));
    current.bytes = std::max(current.bytes, bytesOf(cast<FragType>(value.getType())));
  }
  return all;
}

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/tile/Liveness.h"
#include "passes/tile/Layouts.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace attn::tile;

static bool overlap(LiveRange a, LiveRange b) { return a.begin <= b.end && b.begin <= a.end; }

bool ScratchClass::isLiveWith(const ScratchClass &other) const {
  return llvm::any_of(ranges, [&](LiveRange a) {
    return llvm::any_of(other.ranges, [&](LiveRange b) { return overlap(a, b); });
  });
}

//===-- live ranges -------------------------------------------------------------------------------------------------===//

void ScratchClasses::define(Value value, LiveRange range) {
  if (!isa<FragType>(value.getType()))
    return;
  ranges[value] = range;
  order.push_back(value);
  classes.insert(key(value));
}

static bool isStructure(Operation *op) { return op->getNumRegions() && !isa<MapOp, ReduceOp>(op); }

void ScratchClasses::number(Operation *op, int64_t &position) {
  int64_t begin = position++, end = begin;
  if (isStructure(op)) {
    for (Region &region : op->getRegions())
      for (Block &block : region)
        for (Operation &nested : block)
          number(&nested, position);
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

ScratchClasses::ScratchClasses(func::FuncOp function) : function(function) {
  int64_t position = 0;
  number(function, position);
  auto rangeOf = [&](Value value, int64_t begin) {
    LiveRange range{begin, begin + 1};
    for (Operation *user : value.getUsers()) {
      Operation *loop = loopAround(user, value.getParentRegion());
      range.end = std::max(range.end, loop ? spans.lookup(loop).end : spans.lookup(user).begin + 1);
    }
    return range;
  };
  function.walk<WalkOrder::PreOrder>([&](Operation *op) {
    // A loop or branch has its results once it has ended, and its carried values once it has read the initial ones.
    int64_t begin = isStructure(op) ? spans.lookup(op).end : spans.lookup(op).begin;
    for (Value result : op->getResults())
      define(result, rangeOf(result, begin));
    if (auto loop = dyn_cast<scf::ForOp>(op))
      for (Value argument : loop.getRegionIterArgs())
        define(argument, rangeOf(argument, spans.lookup(op).begin + 2));
  });
}

//===-- merging -----------------------------------------------------------------------------------------------------===//

/// Whether each element of `result` depends on nothing of `operand` but the element in the same place.
static bool worksInPlace(Operation *op, Value operand, Value result) {
  auto usesOnlyAs = [&](Value only) { return llvm::count(op->getOperands(), operand) == 1 && only == operand; };
  if (auto map = dyn_cast<MapOp>(op))
    return llvm::all_of(llvm::enumerate(map.getInputs()),
                        [&](auto input) { return input.value() != operand || map.getOperandMap(input.index()).isIdentity(); });
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
  return op && llvm::is_contained(op->getOperands(), operand) && ranges.lookup(operand).end == ranges.lookup(result).begin + 1 &&
         worksInPlace(op, operand, result);
}

bool ScratchClasses::conflict(Value a, Value b) const {
  return overlap(ranges.lookup(a), ranges.lookup(b)) && !diesInPlace(a, b) && !diesInPlace(b, a);
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
      if (isa<FragType>(target.getType()))
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
        if (isa<FragType>(operand.getType()) && diesInPlace(operand, result) && tryMerge(operand, result))
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
    current.ranges.push_back(ranges.lookup(value));
    current.bytes = std::max(current.bytes, bytesOf(cast<FragType>(value.getType())));
  }
  return all;
}

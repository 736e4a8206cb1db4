// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/reference/Presence.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace attn;
using namespace attn::reference;

/// What decides whether operand `number` of `op` is looked at; null if it always is.
static Value deciderOf(Operation *op, unsigned number) {
  if (isa<OtherwiseOp>(op))
    return number ? op->getOperand(0) : Value();
  bool isLogic = isa<arith::AndIOp, arith::OrIOp>(op) && op->getResult(0).getType().isInteger(1);
  return number > 0 && (isLogic || isa<arith::SelectOp>(op)) ? op->getOperand(0) : Value();
}

/// Read in two ways: always, if one of them is always; else decided by what decides either.
template <typename Map, typename Key> static void join(Map &guards, Key key, const llvm::SmallBitVector &guard) {
  auto [it, isNew] = guards.insert({key, guard});
  if (isNew)
    return;
  if (it->second.none() || guard.none())
    it->second.reset();
  else
    it->second |= guard;
}

static void joinOperand(EinsumOp op, unsigned operand, const llvm::SmallBitVector &guard,
                        llvm::MapVector<unsigned, llvm::SmallBitVector> &reads) {
  join(reads, operand, guard);
  AffineMap map = op.getIndexMap(operand);
  for (auto [i, source] : llvm::enumerate(op.getGathers()))
    if (map.isFunctionOfDim(op.getNumIterators() + i))
      joinOperand(op, source, guard, reads);
}

static Block *bodyOf(EinsumOp op, Value root) {
  return op.hasWhere() && root.getParentBlock() == &op.getWhereBody() ? &op.getWhereBody() : &op.getMapBody();
}

/// Values that computing `root` may look at and whose absence reaches it. With each the iterators that decide whether
/// it is looked at.
static llvm::DenseMap<Value, llvm::SmallBitVector> guardsOf(EinsumOp op, Value root) {
  llvm::DenseMap<Value, llvm::SmallBitVector> guards;
  guards.insert({root, llvm::SmallBitVector(op.getNumIterators())});
  for (Operation &inner : llvm::reverse(*bodyOf(op, root)))
    for (Value result : inner.getResults()) {
      auto found = guards.find(result);
      if (found == guards.end())
        continue;
      llvm::SmallBitVector guard = found->second;
      for (OpOperand &use : inner.getOpOperands()) {
        if (isa<OtherwiseOp>(inner) && use.getOperandNumber() == 0)
          continue; // where it is absent, another value is there
        llvm::SmallBitVector its = guard;
        if (Value decider = deciderOf(&inner, use.getOperandNumber()))
          its |= op.getIteratorsOf(decider);
        join(guards, use.get(), its);
      }
    }
  return guards;
}

llvm::MapVector<unsigned, llvm::SmallBitVector> attn::reference::readsOf(EinsumOp op, Value root) {
  llvm::DenseMap<Value, llvm::SmallBitVector> guards = guardsOf(op, root);
  Block *body = bodyOf(op, root);
  llvm::MapVector<unsigned, llvm::SmallBitVector> reads;
  for (unsigned i = 0; i < op.getInputs().size(); ++i)
    if (auto found = guards.find(body->getArgument(i)); found != guards.end())
      joinOperand(op, i, found->second, reads);
  return reads;
}

SmallVector<Operation *> attn::reference::partialOps(EinsumOp op) {
  SmallVector<Operation *> found;
  op->walk([&](Operation *inner) {
    if (isa<MemberOp, PlaceOp>(inner))
      found.push_back(inner);
  });
  return found;
}

/// Iterators that the indices of the condition's dimensions use.
static llvm::SmallBitVector iteratorsOf(EinsumOp op, unsigned operand, const Condition &condition) {
  llvm::SmallBitVector used(op.getNumIterators());
  AffineMap map = op.getIndexMap(operand);
  for (unsigned d : condition.dims)
    for (unsigned i = 0; i < map.getNumDims(); ++i)
      if (map.getResult(d).isFunctionOfDim(i))
        i < op.getNumIterators() ? void(used.set(i))
                                 : void(used |= op.getIteratorsOf(op.getGathers()[i - op.getNumIterators()]));
  return used;
}

SmallVector<PointCondition> attn::reference::conditionsOf(EinsumOp op, ArrayRef<std::unique_ptr<OperandReader>> readers,
                                                          const llvm::DenseMap<Operation *, unsigned> &absentBits) {
  SmallVector<PointCondition> conditions;
  auto addParts = [&](Value root) {
    for (const auto &[operand, guard] : readsOf(op, root))
      for (auto [c, condition] : llvm::enumerate(readers[operand]->getTensor().conditions)) {
        llvm::SmallBitVector iterators = iteratorsOf(op, operand, condition);
        iterators |= guard;
        conditions.push_back({root, unsigned(readers[operand]->getFirstBit() + c), iterators});
      }
    llvm::DenseMap<Value, llvm::SmallBitVector> guards = guardsOf(op, root);
    for (Operation *partial : partialOps(op))
      if (auto found = guards.find(partial->getResult(0));
          found != guards.end() && partial->getBlock() == bodyOf(op, root)) {
        llvm::SmallBitVector iterators = op.getIteratorsOf(partial->getResult(0));
        iterators |= found->second;
        conditions.push_back({root, absentBits.lookup(partial), iterators});
      }
  };
  if (op.hasWhere())
    for (Value conjunct : op.getConjuncts()) {
      addParts(conjunct);
      conditions.push_back({conjunct, std::nullopt, op.getIteratorsOf(conjunct)});
    }
  addParts(op.getMapped());
  return conditions;
}

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/reference/Tables.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/ADT/SmallPtrSet.h"

using namespace mlir;
using namespace attn;
using namespace attn::reference;

namespace {

class UseFinder {
public:
  explicit UseFinder(Symbols &symbols) : symbols(symbols) {}

  llvm::Error visitTensor(Value tensor) {
    for (OpOperand &use : tensor.getUses()) {
      unsigned number = use.getOperandNumber();
      if (auto op = dyn_cast<EinsumOp>(use.getOwner()); op && number < op.getInputs().size())
        if (llvm::Error error = visitOperand(op, number))
          return error;
      if (auto op = dyn_cast<ScatterOp>(use.getOwner()); op && number > 0)
        if (llvm::Error error = visitScatter(op, number - 1))
          return error;
    }
    return llvm::Error::success();
  }

  TableUse found;

private:
  void note(TableUse use) {
    if (use.kind == found.kind)
      found = {use.kind, std::max(found.low, use.low), std::min(found.high, use.high)};
    else if (use.kind > found.kind)
      found = use;
  }

  llvm::Error visitOperand(EinsumOp op, unsigned operand) {
    for (auto [g, source] : llvm::enumerate(op.getGathers()))
      if (source == operand)
        if (llvm::Error error = visitGather(op, op.getNumIterators() + g))
          return error;
    for (Region *region : {&op.getWhere(), &op.getMap()})
      if (!region->empty())
        if (llvm::Error error = visitScalar(op, region->getArgument(operand)))
          return error;
    return llvm::Error::success();
  }

  llvm::Error visitScatter(ScatterOp op, unsigned position) {
    for (auto [d, entry] : llvm::enumerate(op.getAt()))
      if (auto number = dyn_cast<IntegerAttr>(entry); number && number.getValue() == position) {
        llvm::Expected<int64_t> extent = symbols.dimension(rankNames(op.getType())[d].getValue());
        if (!extent)
          return extent.takeError();
        note({TableUse::Position, 0, *extent - 1});
      }
    return llvm::Error::success();
  }

  /// Where the gathered index, dimension `dim` of the maps, is used.
  llvm::Error visitGather(EinsumOp op, unsigned dim) {
    for (auto [k, input] : llvm::enumerate(op.getInputs()))
      for (auto [r, expr] : llvm::enumerate(op.getIndexMap(k).getResults()))
        if (expr.isFunctionOfDim(dim)) {
          llvm::Expected<int64_t> extent = symbols.dimension(rankNames(input.getType())[r].getValue());
          if (!extent)
            return extent.takeError();
          if (llvm::Error error = notePositions(op, expr, dim, *extent))
            return error;
        }
    return llvm::Error::success();
  }

  /// The values of `dim` for which `expr` stays in [0, extent) with the other dimensions at both of their ends.
  llvm::Error notePositions(EinsumOp op, AffineExpr expr, unsigned dim, int64_t extent) {
    SmallVector<int64_t> first(op.getNumIterators() + op.getGathers().size(), 0), last = first, symbolValues;
    for (auto [i, name] : llvm::enumerate(op.getIteratorNames())) {
      llvm::Expected<int64_t> size = symbols.extent(name);
      if (!size)
        return size.takeError();
      last[i] = std::max<int64_t>(0, *size - 1);
    }
    for (Value symbol : op.getSymbols()) {
      llvm::Expected<Scalar> value = symbols.captured(symbol);
      if (!value)
        return value.takeError();
      symbolValues.push_back(value->integer);
    }
    auto isInside = [&](int64_t value) {
      first[dim] = last[dim] = value;
      int64_t a = evaluateIndex(expr, first, symbolValues), b = evaluateIndex(expr, last, symbolValues);
      return std::min(a, b) >= 0 && std::max(a, b) < extent;
    };
    int64_t low = -extent, high = 2 * extent; // allows for a shift
    while (low <= high && !isInside(low))
      ++low;
    while (high > low && !isInside(high))
      --high;
    note({TableUse::Position, low, high});
    return llvm::Error::success();
  }

  /// Follows an element through the integer ops of a region.
  llvm::Error visitScalar(EinsumOp op, Value element) {
    for (OpOperand &use : element.getUses()) {
      Operation *user = use.getOwner();
      if (isa<arith::CmpIOp>(user)) {
        if (llvm::Error error = visitComparison(op, user->getOperand(1 - use.getOperandNumber())))
          return error;
        continue;
      }
      if (isa<YieldOp>(user) && user->getBlock() == &op.getMapBody()) {
        if (visited.insert(op).second)
          if (llvm::Error error = visitTensor(op.getResult()))
            return error;
        continue;
      }
      for (Value result : user->getResults())
        if (result.getType().isIntOrIndex())
          if (llvm::Error error = visitScalar(op, result))
            return error;
    }
    return llvm::Error::success();
  }

  llvm::Error visitComparison(EinsumOp op, Value other) {
    int64_t bound = -1;
    bool hasElement = false;
    if (llvm::Error error = visitLeaves(op, other, bound, hasElement))
      return error;
    if (bound >= 0)
      note({TableUse::ComparedWithIndex, 0, bound});
    else if (hasElement)
      note({TableUse::ComparedWithTable, 0, 3});
    return llvm::Error::success();
  }

  /// The largest extent of the points and extents that `value` is made of, and whether it has elements of integer
  /// tensors.
  llvm::Error visitLeaves(EinsumOp op, Value value, int64_t &bound, bool &hasElement) {
    auto noteRank = [&](StringRef rank) -> llvm::Error {
      llvm::Expected<int64_t> extent = symbols.extent(rank);
      if (!extent)
        return extent.takeError();
      bound = std::max(bound, *extent);
      return llvm::Error::success();
    };
    if (auto argument = dyn_cast<BlockArgument>(value)) {
      if (argument.getOwner()->getParentOp() != op)
        return llvm::Error::success();
      unsigned number = argument.getArgNumber(), numInputs = op.getInputs().size();
      if (number >= numInputs)
        return noteRank(op.getIterator(op.getPoints()[number - numInputs]));
      hasElement |= argument.getType().isIntOrIndex();
      return llvm::Error::success();
    }
    if (auto extent = value.getDefiningOp<ExtentOp>())
      return noteRank(extent.getRank());
    for (Value operand : value.getDefiningOp()->getOperands())
      if (llvm::Error error = visitLeaves(op, operand, bound, hasElement))
        return error;
    return llvm::Error::success();
  }

  Symbols &symbols;
  llvm::SmallPtrSet<Operation *, 8> visited;
};

} // namespace

llvm::Expected<TableUse> attn::reference::findUse(BlockArgument argument, Symbols &symbols) {
  UseFinder finder(symbols);
  if (llvm::Error error = finder.visitTensor(argument))
    return error;
  return finder.found;
}

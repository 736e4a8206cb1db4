// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// An operand brings its conditions through its index map only if `map` reads it in any case (R11): what stands behind a
// select or to the right of and/or may not be read at a point that is present.
#include "passes/route/Conditions.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace attn;
using namespace attn::route;

/// Ranks of all running states that all of a stream's operands in memory have beside a streamed one. Their points share
/// nothing, so a block has one of each.
static llvm::StringSet<> ranksOfAllOperands(StreamOp stream) {
  std::optional<llvm::StringSet<>> common;
  stream.walk([&](EinsumOp op) {
    for (unsigned input = 0; input < op.getInputs().size(); ++input) {
      llvm::SmallBitVector used = op.getIteratorsOf(input);
      auto isStreamed = [&](unsigned i) { return stream.isOver(op.getIterator(i)); };
      bool isRead = !op.getMapBody().getArgument(input).use_empty();
      if (!isRead || !isa<BlockArgument>(op.getInputs()[input]) || llvm::none_of(used.set_bits(), isStreamed))
        continue;
      llvm::StringSet<> here;
      for (unsigned i : used.set_bits())
        if (StringRef name = op.getIterator(i); !isStreamed(i) && (!common || common->contains(name)))
          here.insert(name);
      common = std::move(here);
    }
  });
  llvm::StringSet<> own;
  for (const auto &entry : common.value_or(llvm::StringSet<>()))
    if (llvm::all_of(stream.getStateTypes(), [&](Type type) {
          return llvm::any_of(rankNames(type), [&](StringAttr name) { return name.getValue() == entry.getKey(); });
        }))
      own.insert(entry.getKey());
  return own;
}

ConditionReader::ConditionReader(Symbols &symbols, Operation *scope) : symbols(symbols), scope(scope) {
  if (auto stream = dyn_cast<StreamOp>(scope))
    ownRanks = ranksOfAllOperands(stream);
  auto kernel = scope->getParentOfType<KernelOp>();
  for (RequireOp require : kernel.getBody().getOps<RequireOp>()) {
    ScalarReader reader(symbols, require);
    Formula formula = reader.readCondition(require.getBody().front().getTerminator()->getOperand(0));
    if (formula.size() == 1)
      llvm::append_range(assumptions, formula.front().constraints);
  }
}

SmallVector<StringRef> attn::route::tableIterators(EinsumOp op, unsigned input) {
  auto argument = dyn_cast<BlockArgument>(op.getInputs()[input]);
  auto type = cast<RankedTensorType>(op.getInputs()[input].getType());
  if (!argument || !isa<KernelOp>(argument.getOwner()->getParentOp()) || !isa<IntegerType>(type.getElementType()) ||
      type.getElementType().isInteger(1))
    return {};
  SmallVector<StringRef> names;
  for (AffineExpr index : op.getIndexMap(input).getResults()) {
    auto dim = dyn_cast<AffineDimExpr>(index);
    if (!dim || dim.getPosition() >= op.getNumIterators())
      return {};
    names.push_back(op.getIterator(dim.getPosition()));
  }
  return names;
}

void ConditionReader::bindTables(EinsumOp op, ScalarReader &reader) {
  for (unsigned input = 0; input < op.getInputs().size(); ++input) {
    SmallVector<StringRef> at = tableIterators(op, input);
    if (!at.empty() && llvm::all_of(at, [&](StringRef name) { return ownRanks.contains(name); }))
      reader.bind(op.getWhereBody().getArgument(input), symbols.element(op.getInputs()[input], at));
  }
}

/// Points stand for iterators; extents of ranks that `op` iterates are positive wherever it has a point.
ScalarReader ConditionReader::readerFor(EinsumOp op) {
  ScalarReader reader(symbols, scope);
  reader.assume(assumptions);
  for (StringRef iterator : op.getIteratorNames())
    reader.assume(symbols.extent(iterator) - 1);
  auto bindPoints = [&](Block &body) {
    for (auto [i, point] : llvm::enumerate(op.getPoints()))
      reader.bind(body.getArgument(op.getInputs().size() + i), getAffineDimExpr(point, op.getContext()));
  };
  bindPoints(op.getMapBody());
  if (op.hasWhere()) {
    bindPoints(op.getWhereBody());
    bindTables(op, reader);
  }
  return reader;
}

/// The operands whose elements `map` reads at every present point, and the gathers in their maps.
static llvm::SmallBitVector operandsRead(EinsumOp op) {
  llvm::SmallBitVector read(op.getInputs().size());
  SmallVector<Value> open{op.getMapped()};
  llvm::SmallDenseSet<Value> seen;
  while (!open.empty()) {
    Value value = open.pop_back_val();
    if (!seen.insert(value).second)
      continue;
    if (auto argument = dyn_cast<BlockArgument>(value)) {
      if (argument.getOwner() == &op.getMapBody() && argument.getArgNumber() < read.size())
        read.set(argument.getArgNumber());
      continue;
    }
    Operation *producer = value.getDefiningOp();
    if (producer->getParentOp() != op)
      continue;
    bool isLazy = isa<arith::SelectOp, arith::AndIOp, arith::OrIOp>(producer);
    llvm::append_range(open, producer->getOperands().take_front(isLazy ? 1 : producer->getNumOperands()));
  }
  for (unsigned input = read.size(); input-- > 0;)
    for (auto [g, source] : llvm::enumerate(op.getGathers()))
      if (read[input] && op.getIndexMap(input).isFunctionOfDim(op.getNumIterators() + g))
        read.set(source);
  return read;
}

/// `condition` of an operand over the iterators of `op`.
Condition ConditionReader::renamed(const Condition &condition, EinsumOp op, unsigned input, bool isRead,
                                   ScalarReader &reader) {
  AffineMap map = op.getIndexMap(input);
  SmallVector<std::optional<AffineExpr>> symbolExprs =
      llvm::map_to_vector(op.getSymbols(), [&](Value v) { return reader.readAffine(v); });
  // What a table says at the launch's point of a rank is said here, too, only if the rank is read at that point.
  SmallVector<StringRef> ranks =
      llvm::map_to_vector(rankNames(op.getInputs()[input].getType()), [](StringAttr name) { return name.getValue(); });
  auto isAtSamePoint = [&](StringRef rank) {
    auto *found = llvm::find(ranks, rank);
    if (found == ranks.end())
      return false;
    auto dim = dyn_cast<AffineDimExpr>(map.getResult(found - ranks.begin()));
    return dim && dim.getPosition() < op.getNumIterators() && op.getIterator(dim.getPosition()) == rank;
  };
  auto isSaidHere = [&](AffineExpr expr) {
    return llvm::all_of(llvm::enumerate(symbols.rows()), [&](auto row) {
      return !expr.isFunctionOfSymbol(row.index()) || llvm::all_of(row.value().at, isAtSamePoint);
    });
  };
  auto rename = [&](AffineExpr expr) -> std::optional<AffineExpr> {
    if (!isSaidHere(expr))
      return std::nullopt;
    SmallVector<AffineExpr> dims;
    for (auto [d, index] : llvm::enumerate(map.getResults())) {
      dims.push_back(getAffineConstantExpr(0, op.getContext()));
      if (!expr.isFunctionOfDim(d))
        continue;
      SmallVector<AffineExpr> values;
      for (auto [s, value] : llvm::enumerate(symbolExprs)) {
        if (!value && index.isFunctionOfSymbol(s))
          return std::nullopt;
        values.push_back(value.value_or(getAffineConstantExpr(0, op.getContext())));
      }
      for (unsigned g = op.getNumIterators(); g < map.getNumDims(); ++g)
        if (index.isFunctionOfDim(g))
          return std::nullopt;
      dims.back() = index.replaceSymbols(values);
      if (!reader.divisorsArePositive(dims.back()))
        return std::nullopt;
    }
    return expr.replaceDims(dims);
  };
  Condition result{{}, llvm::SmallBitVector(op.getNumIterators())};
  for (unsigned d : condition.mentions.set_bits())
    for (unsigned i = 0; i < map.getNumDims(); ++i)
      if (map.getResult(d).isFunctionOfDim(i)) {
        if (i < op.getNumIterators())
          result.mentions.set(i);
        else
          result.mentions |= op.getIteratorsOf(op.getGathers()[i - op.getNumIterators()]);
      }
  if (!isRead) {
    result.formula = truth(/*exact=*/false);
    return result;
  }
  for (const Clause &clause : condition.formula) {
    Clause &copy = result.formula.emplace_back();
    copy.exact = clause.exact;
    for (AffineExpr expr : clause.constraints)
      if (std::optional<AffineExpr> here = rename(expr))
        copy.constraints.push_back(*here);
      else
        copy.exact = false;
  }
  return result;
}

SmallVector<Condition> ConditionReader::conditionsOf(EinsumOp op) {
  SmallVector<Condition> conditions;
  ScalarReader reader = readerFor(op);
  llvm::SmallBitVector read = operandsRead(op);
  for (auto [i, input] : llvm::enumerate(op.getInputs()))
    for (const Condition &each : presenceOf(input))
      conditions.push_back(renamed(each, op, i, read[i], reader));
  if (op.hasWhere())
    for (Value conjunct : op.getConjuncts())
      conditions.push_back({reader.readCondition(conjunct), op.getIteratorsOf(conjunct)});
  return conditions;
}

SmallVector<Condition> ConditionReader::presenceOf(Value tensor) {
  auto result = dyn_cast<OpResult>(tensor);
  if (!result)
    return {};
  if (auto group = dyn_cast<GroupOp>(result.getOwner()))
    return presenceOf(group.getBody().front().getTerminator()->getOperand(result.getResultNumber()));
  auto op = dyn_cast<EinsumOp>(result.getOwner());
  if (!op || op.getOtherwiseAttr())
    return {};
  SmallVector<Condition> kept;
  for (Condition &condition : conditionsOf(op)) {
    bool consumed = condition.mentions.find_last() >= int(op.getNumParallel());
    condition.mentions.resize(op.getNumParallel());
    if (!consumed)
      kept.push_back(std::move(condition));
  }
  return kept;
}

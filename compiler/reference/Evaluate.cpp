// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Walks a kernel's ops in order. Scalars are computed where something asks for them; a tensor is dropped after its last
// use.
#include "compiler/reference/Evaluator.h"
#include "compiler/reference/Select.h"
#include "compiler/reference/Sets.h"
#include "compiler/reference/Union.h"
#include "llvm/ADT/Sequence.h"

using namespace mlir;
using namespace attn;
using namespace attn::reference;

void Evaluator::bind(ValueRange values, const State &state) {
  for (auto [value, each] : llvm::zip_equal(values, state))
    tensors[value] = each;
}

llvm::Expected<Evaluator::Shared> Evaluator::tensor(Value value) {
  auto found = tensors.find(value);
  if (found == tensors.end())
    return errorAt(value.getLoc(), "a tensor that nothing has computed is read");
  return found->second;
}

llvm::Expected<Interval> Evaluator::range(StringRef rank) {
  if (auto part = chunk.find(rank); part != chunk.end())
    return part->second;
  llvm::Expected<int64_t> extent = symbols.extent(rank);
  if (!extent)
    return extent.takeError();
  return Interval{0, *extent};
}

/// Drops what `op` was the last to use in its block.
void Evaluator::forgetAfter(Operation &op) {
  SmallVector<Value> used(op.getOperands());
  op.walk([&](Operation *inner) { used.append(inner->operand_begin(), inner->operand_end()); });
  for (Value value : used) {
    bool isOwn = value.getParentBlock() == op.getBlock() && tensors.contains(value);
    if (isOwn && llvm::all_of(value.getUsers(), [&](Operation *user) {
          Operation *ancestor = op.getBlock()->findAncestorOpInBlock(*user);
          return ancestor == &op || ancestor->isBeforeInBlock(&op);
        }))
      tensors.erase(value);
  }
}

llvm::Expected<Evaluator::State> Evaluator::runBlock(Block &block) {
  for (Operation &op : block.without_terminator()) {
    if (llvm::Error error = runOp(op))
      return error;
    forgetAfter(op);
  }
  State results;
  for (Value value : block.getTerminator()->getOperands()) {
    llvm::Expected<Shared> each = tensor(value);
    if (!each)
      return each.takeError();
    results.push_back(*each);
  }
  return results;
}

/// An op whose results are scalars, or that only describes a route, has no effect of its own.
static bool isOnlyUsed(Operation &op) {
  if (isa<ExtentOp, DefaultOp>(op))
    return true;
  StringRef dialect = op.getName().getDialectNamespace();
  if (dialect == "route")
    return true;
  return op.getNumRegions() == 0 && op.getNumResults() != 0 &&
         llvm::all_of(op.getResultTypes(), [](Type type) { return type.isIntOrIndexOrFloat(); });
}

llvm::Error Evaluator::runOp(Operation &op) {
  if (auto einsum = dyn_cast<EinsumOp>(op))
    return runEinsum(einsum);
  if (auto select = dyn_cast<SelectOp>(op))
    return runSelect(select);
  if (auto group = dyn_cast<GroupOp>(op))
    return runGroup(group);
  if (auto stream = dyn_cast<StreamOp>(op))
    return runStream(stream);
  if (auto tensorUnion = dyn_cast<TensorUnionOp>(op))
    return runUnion(tensorUnion);
  if (auto scatter = dyn_cast<ScatterOp>(op))
    return runScatter(scatter);
  if (auto iterate = dyn_cast<IterateOp>(op))
    return runIterate(iterate);
  if (auto require = dyn_cast<RequireOp>(op))
    return symbols.check(require);
  if (isOnlyUsed(op))
    return llvm::Error::success();
  return errorAt(op.getLoc(), "the reference evaluator does not know the op '" + op.getName().getStringRef() + "'");
}

llvm::Error Evaluator::runEinsum(EinsumOp op) {
  auto findTensor = [&](Value value) -> llvm::Expected<const Tensor *> {
    llvm::Expected<Shared> found = tensor(value);
    return found ? llvm::Expected<const Tensor *>(found->get()) : found.takeError();
  };
  auto findRange = [&](StringRef rank) { return range(rank); };
  llvm::Expected<Tensor> result = evaluateEinsum(op, {symbols, findRange, findTensor, options.exactFactors});
  if (!result)
    return result.takeError();
  tensors[op.getResult()] = std::make_shared<const Tensor>(std::move(*result));
  return llvm::Error::success();
}

llvm::Error Evaluator::runSelect(SelectOp op) {
  auto findTensor = [&](Value value) -> llvm::Expected<const Tensor *> {
    llvm::Expected<Shared> found = tensor(value);
    return found ? llvm::Expected<const Tensor *>(found->get()) : found.takeError();
  };
  const Tensor *given = nullptr;
  if (options.selections)
    for (auto [i, value] : llvm::enumerate(kernel.getYield().getValues()))
      if (auto found = options.selections->ofResult.find(kernel.getResultName(i));
          value == op.getResult() && found != options.selections->ofResult.end())
        given = &found->second;
  llvm::Expected<Tensor> result =
      evaluateSelect(op, {symbols, findTensor}, given, given ? &options.selections->faults : nullptr);
  if (!result)
    return result.takeError();
  tensors[op.getResult()] = std::make_shared<const Tensor>(std::move(*result));
  return llvm::Error::success();
}

/// More members than the capacity are an error (R5).
llvm::Error Evaluator::checkCapacity(const Tensor &sets, Attribute capacity, StringRef name, Location loc) {
  if (!capacity)
    return llvm::Error::success();
  llvm::Expected<int64_t> most = symbols.extent(cast<StringAttr>(capacity));
  if (!most)
    return most.takeError();
  int64_t largest = largestSet(sets);
  if (largest <= *most)
    return llvm::Error::success();
  return errorAt(loc, "a set of '" + name + "' has " + llvm::Twine(largest) + " members, but its capacity is " +
                          llvm::Twine(*most));
}

/// An optional tensor that is not given has no points.
llvm::Expected<Tensor> Evaluator::absentTensor(unsigned argument) {
  auto type = cast<RankedTensorType>(kernel.getArgumentTypes()[argument]);
  SmallVector<int64_t> shape;
  for (StringAttr name : rankNames(type)) {
    llvm::Expected<int64_t> extent = symbols.dimension(name);
    if (!extent)
      return extent.takeError();
    shape.push_back(*extent);
  }
  Tensor tensor(type.getElementType(), shape);
  tensor.conditions.push_back(
      {llvm::to_vector(llvm::seq(0u, unsigned(shape.size()))), std::vector<uint8_t>(tensor.size(), 0)});
  return tensor;
}

llvm::Error Evaluator::runGroup(GroupOp op) {
  llvm::Expected<State> results = runBlock(op.getBody().front());
  if (!results)
    return results.takeError();
  bind(op.getResults(), *results);
  return llvm::Error::success();
}

llvm::Error Evaluator::runUnion(TensorUnionOp op) {
  State parts;
  SmallVector<const Tensor *> pointers;
  for (Value operand : op->getOperands()) {
    llvm::Expected<Shared> part = tensor(operand);
    if (!part)
      return part.takeError();
    parts.push_back(*part);
    pointers.push_back(parts.back().get());
  }
  const Tensor *otherwise = op.getOtherwise() ? pointers.pop_back_val() : nullptr;
  llvm::Expected<Tensor> result = unite(pointers, otherwise, op.getLoc(), op.getName().value_or("tensor"));
  if (!result)
    return result.takeError();
  tensors[op.getResult()] = std::make_shared<const Tensor>(std::move(*result));
  return llvm::Error::success();
}

llvm::Error Evaluator::runScatter(ScatterOp op) {
  llvm::Expected<Shared> values = tensor(op.getValues());
  if (!values)
    return values.takeError();
  State positions;
  SmallVector<const Tensor *> pointers;
  for (Value operand : op.getPositions()) {
    llvm::Expected<Shared> position = tensor(operand);
    if (!position)
      return position.takeError();
    positions.push_back(*position);
    pointers.push_back(positions.back().get());
  }
  llvm::Expected<Tensor> zeros = makeZeros(op.getType(), op.getMargins().value_or(ArrayRef<int64_t>()));
  if (!zeros)
    return zeros.takeError();
  llvm::Expected<Tensor> result = scatter(op, std::move(*zeros), **values, pointers);
  if (!result)
    return result.takeError();
  tensors[op.getResult()] = std::make_shared<const Tensor>(std::move(*result));
  return llvm::Error::success();
}

/// Absent points of a result hold its pad.
static void pad(Tensor &result, TypedAttr value) {
  Scalar pad = value ? Scalar::of(value) : Scalar();
  for (int64_t i = 0; i < result.size(); ++i)
    if (!result.isPresent(i))
      result.set(i, pad);
}

/// Ranks that are stored as one dimension become one; elements lie as before.
llvm::Error Evaluator::joinDimensions(Tensor &result, RankedTensorType stored) {
  if (stored.getRank() == int64_t(result.shape.size()))
    return llvm::Error::success();
  Condition present;
  for (int64_t i = 0; i < result.size(); ++i)
    present.holds.push_back(result.isPresent(i));
  result.conditions.clear();
  result.shape.clear();
  for (auto [d, dimension] : llvm::enumerate(rankNames(stored))) {
    llvm::Expected<int64_t> extent = symbols.dimension(dimension.getValue());
    if (!extent)
      return extent.takeError();
    result.shape.push_back(*extent);
    present.dims.push_back(d);
  }
  result.origin.assign(result.shape.size(), 0);
  result.ranks = SmallVector<StringAttr>(rankNames(stored));
  result.addCondition(std::move(present));
  return llvm::Error::success();
}

llvm::Expected<std::vector<Tensor>> Evaluator::run(ArrayRef<Argument> arguments) {
  for (auto [i, value, argument] : llvm::enumerate(kernel.getBody().getArguments(), arguments)) {
    if (!isa<RankedTensorType>(value.getType()))
      continue;
    llvm::Expected<Tensor> given = argument ? llvm::Expected<Tensor>(*argument) : absentTensor(i);
    if (!given)
      return given.takeError();
    if (llvm::Error error =
            checkCapacity(*given, kernel.getArgAttr(i, KernelOp::kCapacityAttr), kernel.getArgName(i), value.getLoc()))
      return error;
    tensors[value] = std::make_shared<const Tensor>(std::move(*given));
  }
  llvm::Expected<State> state = runBlock(kernel.getBody().front());
  if (!state)
    return state.takeError();
  std::vector<Tensor> results;
  for (auto [i, each] : llvm::enumerate(*state)) {
    if (llvm::Error error = checkCapacity(*each, kernel.getResultAttr(i, KernelOp::kCapacityAttr),
                                          kernel.getResultName(i), kernel.getYield().getValues()[i].getLoc()))
      return error;
    auto type = cast<RankedTensorType>(kernel.getResultTypes()[i]);
    llvm::Expected<Tensor> whole = makeZeros(cast<RankedTensorType>(kernel.getYield().getValues()[i].getType()), {});
    if (!whole)
      return whole.takeError();
    results.push_back(withIndices(*each, whole->origin, whole->shape)); // a recurrence has more
    pad(results.back(), kernel.getResultPad(i));
    if (llvm::Error error = joinDimensions(results.back(), type))
      return error;
  }
  return results;
}

llvm::Expected<std::vector<Tensor>> attn::reference::evaluate(KernelOp kernel, ArrayRef<Argument> arguments,
                                                              const Options &options) {
  llvm::Expected<Symbols> symbols = Symbols::solve(kernel, arguments);
  if (!symbols)
    return symbols.takeError();
  return Evaluator(kernel, std::move(*symbols), options).run(arguments);
}

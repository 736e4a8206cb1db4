// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// attn.iterate: the region once a step, the rank cut to the step, as in a stream's chunk. A state is one tensor that
// grows: its conditions are tables over the dimensions that the steps' conditions mention and the rank iterated, and
// while it grows one more says which steps there are.
#include "compiler/reference/Evaluator.h"
#include "compiler/reference/Union.h"

using namespace mlir;
using namespace attn;
using namespace attn::reference;

namespace {

/// One state of an iteration.
class History {
public:
  /// Zeros, with the values that `start` has in front of the rank.
  History(Tensor zeros, unsigned along, Interval steps, const Tensor *start)
      : value(std::make_shared<Tensor>(std::move(zeros))), along(along), steps(steps), start(start) {
    Condition reached{{along}, {}};
    for (int64_t i = 0; i < value->shape[along]; ++i)
      reached.holds.push_back(!isStep(i));
    value->conditions.push_back(std::move(reached));
    for (int64_t i = 0; start && i < value->size(); ++i)
      if (!isStep(indexAlong(i)) && start->isPresent(i))
        value->set(i, start->get(i));
  }

  std::shared_ptr<const Tensor> get() const { return value; }

  /// Adds what the step at index `at` computed; where it has no value, what a start equation wrote there.
  llvm::Error add(const Tensor &step, int64_t at, Location loc, StringRef name) {
    SmallVector<int64_t> origin(value->origin), shape(value->shape);
    origin[along] = at;
    shape[along] = 1;
    Tensor slice = withIndices(step, origin, shape);
    if (std::optional<Tensor> written = startAt(at, shape)) {
      llvm::Expected<Tensor> both = unite({&slice, &*written}, nullptr, loc, name);
      if (!both)
        return both.takeError();
      slice = std::move(*both);
    }
    int64_t place = at - value->origin[along], inner = value->strides()[along], line = inner * value->shape[along];
    for (int64_t i = 0; i < slice.size(); ++i)
      value->set(i / inner * line + place * inner + i % inner, slice.get(i));
    for (const Condition &condition : slice.conditions)
      addCondition(condition, place);
    value->conditions.front().holds[place] = 1;
    return llvm::Error::success();
  }

  Tensor finish() {
    Tensor result = std::move(*value);
    std::vector<Condition> own(std::next(result.conditions.begin()), result.conditions.end());
    result.conditions.clear();
    for (Condition &condition : own)
      result.addCondition(std::move(condition));
    return result;
  }

private:
  bool isStep(int64_t place) const {
    int64_t index = place + value->origin[along];
    return index >= steps.begin && index < steps.end;
  }
  int64_t indexAlong(int64_t offset) const { return offset / value->strides()[along] % value->shape[along]; }

  /// What start equations write at a step; nothing where they write nothing.
  std::optional<Tensor> startAt(int64_t at, ArrayRef<int64_t> shape) const {
    if (!start)
      return std::nullopt;
    Tensor slice(value->elementType, shape);
    slice.origin = value->origin;
    slice.origin[along] = at;
    slice.ranks = value->ranks;
    Condition written;
    for (unsigned d = 0; d < shape.size(); ++d)
      written.dims.push_back(d);
    int64_t place = at - value->origin[along], inner = value->strides()[along], line = inner * value->shape[along];
    for (int64_t i = 0; i < slice.size(); ++i) {
      int64_t from = i / inner * line + place * inner + i % inner;
      written.holds.push_back(start->isPresent(from));
      if (written.holds.back())
        slice.set(i, start->get(from));
    }
    if (!llvm::is_contained(written.holds, 1))
      return std::nullopt;
    slice.addCondition(std::move(written));
    return slice;
  }

  /// In the table of its dimensions and the rank, at this step.
  void addCondition(const Condition &condition, int64_t place) {
    SmallVector<unsigned> dims(condition.dims);
    if (!llvm::is_contained(dims, along))
      dims.push_back(along);
    llvm::sort(dims);
    auto own = llvm::drop_begin(value->conditions);
    auto found = llvm::find_if(own, [&](const Condition &table) { return table.dims == dims; });
    if (found == own.end()) {
      int64_t size = 1;
      for (unsigned d : dims)
        size *= value->shape[d];
      value->conditions.push_back({dims, std::vector<uint8_t>(size, 1)});
      found = std::prev(value->conditions.end());
    }
    int64_t inner = 1;
    for (unsigned d : dims)
      inner *= d > along ? value->shape[d] : 1;
    for (auto [i, holds] : llvm::enumerate(condition.holds))
      found->holds[int64_t(i) / inner * inner * value->shape[along] + place * inner + int64_t(i) % inner] &= holds;
  }

  std::shared_ptr<Tensor> value; ///< the first of its conditions says which steps there are
  unsigned along;
  Interval steps;
  const Tensor *start;
};

} // namespace

/// Of zeros, with the indices of its ranks and the margins, two a dimension.
llvm::Expected<Tensor> Evaluator::makeZeros(RankedTensorType type, ArrayRef<int64_t> margins) {
  SmallVector<int64_t> shape, origin;
  for (auto [d, rank] : llvm::enumerate(rankNames(type))) {
    llvm::Expected<Interval> each = range(rank);
    if (!each)
      return each.takeError();
    int64_t before = margins.empty() ? 0 : margins[2 * d], behind = margins.empty() ? 0 : margins[2 * d + 1];
    origin.push_back(each->begin - before);
    shape.push_back(each->size() + before + behind);
  }
  Tensor zeros(type.getElementType(), shape);
  zeros.origin = origin;
  zeros.ranks = SmallVector<StringAttr>(rankNames(type));
  return zeros;
}

llvm::Error Evaluator::runIterate(IterateOp op) {
  llvm::Expected<Interval> steps = range(op.getOver());
  if (!steps)
    return steps.takeError();
  std::vector<History> states;
  for (auto [number, type] : llvm::enumerate(op.getResultTypes())) {
    auto margins = cast<DenseI64ArrayAttr>(op.getMargins()[number]);
    llvm::Expected<Tensor> zeros = makeZeros(cast<RankedTensorType>(type), margins.asArrayRef());
    if (!zeros)
      return zeros.takeError();
    const int64_t *start = llvm::find(op.getStarted(), int64_t(number));
    Shared from = start == op.getStarted().end() ? Shared() : tensors[op.getStarts()[start - op.getStarted().begin()]];
    unsigned along = llvm::find(rankNames(type), op.getOverAttr()) - rankNames(type).begin();
    states.emplace_back(std::move(*zeros), along, *steps, from.get());
  }
  Chunk outer = chunk;
  for (int64_t i = 0; i < steps->size(); ++i) {
    int64_t at = op.getDown() ? steps->end - 1 - i : steps->begin + i;
    chunk[op.getOver()] = {at, at + 1};
    for (auto [argument, state] : llvm::zip(op.getBody().getArguments(), states))
      tensors[argument] = state.get();
    llvm::Expected<State> step = runBlock(op.getBody().front());
    if (!step)
      return step.takeError();
    for (auto [number, state] : llvm::enumerate(states))
      if (llvm::Error error = state.add(*(*step)[number], at, op.getLoc(), op.getStateName(number)))
        return error;
  }
  chunk = std::move(outer);
  for (auto [result, state] : llvm::zip(op.getResults(), states))
    tensors[result] = std::make_shared<const Tensor>(state.finish());
  return llvm::Error::success();
}

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// attn.stream: fold `step` over chunks, join the states with `merge`, then `final`. The route is not looked at: it says
// which points can contribute, and the others must not.
#include "compiler/reference/Evaluator.h"

using namespace mlir;
using namespace attn;
using namespace attn::reference;

/// Every combination of one piece of each streamed rank, the first rank outermost.
llvm::Expected<std::vector<Evaluator::Chunk>> Evaluator::chunksOf(StreamOp op) {
  std::vector<Chunk> chunks(1);
  for (StringRef rank : op.getOver().getAsValueRange<StringAttr>()) {
    llvm::Expected<Interval> whole = range(rank);
    if (!whole)
      return whole.takeError();
    SmallVector<int64_t> ends;
    for (int64_t cut : options.stream.cuts)
      ends.push_back(std::clamp(cut, ends.empty() ? whole->begin : ends.back(), whole->end));
    if (ends.empty() || ends.back() != whole->end)
      ends.push_back(whole->end);
    std::vector<Chunk> finer;
    for (const Chunk &outer : chunks) {
      int64_t begin = whole->begin;
      for (int64_t end : ends) {
        finer.push_back(outer);
        finer.back()[rank] = {begin, end};
        begin = end;
      }
    }
    chunks = std::move(finer);
  }
  return chunks;
}

llvm::Expected<Evaluator::State> Evaluator::identities(StreamOp op) {
  State state;
  for (auto [type, identity] : llvm::zip(op.getStateTypes(), op.getIdentities())) {
    SmallVector<int64_t> shape, origin;
    for (StringAttr rank : rankNames(type)) {
      llvm::Expected<Interval> each = range(rank);
      if (!each)
        return each.takeError();
      shape.push_back(each->size());
      origin.push_back(each->begin);
    }
    auto tensor = std::make_shared<Tensor>(cast<RankedTensorType>(type).getElementType(), shape);
    tensor->origin = origin;
    tensor->ranks = SmallVector<StringAttr>(rankNames(type));
    for (int64_t i = 0; i < tensor->size(); ++i)
      tensor->set(i, Scalar::of(cast<TypedAttr>(identity)));
    state.push_back(tensor);
  }
  return state;
}

llvm::Expected<Evaluator::State> Evaluator::fold(StreamOp op, ArrayRef<Chunk> chunks) {
  llvm::Expected<State> state = identities(op);
  for (const Chunk &each : chunks) {
    if (!state)
      break;
    Chunk outer = chunk;
    for (const auto &[rank, part] : each)
      chunk[rank] = part;
    bind(op.getStep().getArguments(), *state);
    state = runBlock(op.getStep().front());
    chunk = std::move(outer);
  }
  return state;
}

llvm::Expected<Evaluator::State> Evaluator::mergeAll(StreamOp op, std::vector<State> states, Random &random) {
  auto takeAny = [&] {
    size_t i = random.below(states.size());
    State state = std::move(states[i]);
    states.erase(states.begin() + i);
    return state;
  };
  while (states.size() > 1) {
    State both = takeAny();
    llvm::append_range(both, takeAny());
    bind(op.getMerge().getArguments(), both);
    llvm::Expected<State> merged = runBlock(op.getMerge().front());
    if (!merged)
      return merged.takeError();
    states.push_back(std::move(*merged));
  }
  return std::move(states.front());
}

llvm::Error Evaluator::runStream(StreamOp op) {
  llvm::Expected<std::vector<Chunk>> chunks = chunksOf(op);
  if (!chunks)
    return chunks.takeError();
  Random random(options.stream.seed, 0);
  unsigned pieces = std::max(1u, options.stream.pieces);
  std::vector<std::vector<Chunk>> parts(pieces);
  for (Chunk &each : *chunks)
    parts[random.below(pieces)].push_back(std::move(each));
  std::vector<State> states;
  for (const std::vector<Chunk> &part : parts) {
    llvm::Expected<State> state = fold(op, part);
    if (!state)
      return state.takeError();
    states.push_back(std::move(*state));
  }
  llvm::Expected<State> state = mergeAll(op, std::move(states), random);
  if (!state)
    return state.takeError();
  bind(op.getFinalize().getArguments(), *state);
  llvm::Expected<State> results = runBlock(op.getFinalize().front());
  if (!results)
    return results.takeError();
  bind(op.getResults(), *results);
  return llvm::Error::success();
}

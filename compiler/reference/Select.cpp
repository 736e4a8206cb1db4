// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/reference/Select.h"
#include "compiler/reference/Sets.h"
#include "llvm/ADT/Sequence.h"
#include <cmath>

using namespace mlir;
using namespace attn;
using namespace attn::reference;

//===-- one row ------------------------------------------------------------------------------------------------------

/// The bound of `topp` and `above` in the domain of the scores; a float bound of integer scores makes both floats.
static double realOf(Scalar value, bool isFloat) { return isFloat ? value.real : double(value.integer); }

static bool isAbove(const SelectionRow &row, const Candidate &candidate) {
  if (!row.isFloat && !row.isBoundFloat)
    return candidate.score.integer > row.by.integer;
  return realOf(candidate.score, row.isFloat) > realOf(row.by, row.isBoundFloat);
}

/// Shortest prefix of `order` whose weights, divided by the sum of all, reach the bound; by R13 weights of 0 only are
/// shares of 0.
static size_t prefixReaching(const SelectionRow &row, ArrayRef<unsigned> order) {
  double total = 0, reached = 0, bound = realOf(row.by, row.isBoundFloat);
  for (const Candidate &candidate : row.candidates)
    total += realOf(candidate.score, row.isFloat);
  if (bound >= 1)
    return order.size();
  size_t count = 0;
  for (; count < order.size() && (total == 0 ? 0 : reached / total) < bound; ++count)
    reached += realOf(row.candidates[order[count]].score, row.isFloat);
  return count;
}

SmallVector<unsigned> attn::reference::pick(const SelectionRow &row) {
  SmallVector<unsigned> order = llvm::to_vector(llvm::seq(0u, unsigned(row.candidates.size())));
  if (row.kind == "set")
    return order;
  llvm::sort(order, [&](unsigned a, unsigned b) {
    const Scalar &first = row.candidates[a].score, &second = row.candidates[b].score;
    bool isBetter = row.isFloat ? first.real > second.real : first.integer > second.integer;
    bool isWorse = row.isFloat ? first.real < second.real : first.integer < second.integer;
    return isBetter || (!isWorse && a < b); // ties by the lower index
  });
  int64_t count = order.size();
  if (row.kind == "topk")
    count = std::clamp<int64_t>(row.by.integer, 0, count);
  else if (row.kind == "argmax")
    count = std::min<int64_t>(count, 1);
  else if (row.kind == "above")
    count = llvm::count_if(order, [&](unsigned i) { return isAbove(row, row.candidates[i]); });
  else
    count = prefixReaching(row, order);
  order.resize(count);
  return order;
}

//===-- all rows -----------------------------------------------------------------------------------------------------

namespace {

class SelectRun {
public:
  SelectRun(SelectOp op, const SelectContext &context) : op(op), kind(op.getKind()), context(context) {}

  llvm::Expected<Tensor> run(const Tensor *given, std::vector<std::string> *faults);

private:
  llvm::Error prepare();
  llvm::Error prepareParameter();
  void addConditions(const Tensor &tensor, ArrayRef<StringAttr> ranks);
  SmallVector<int64_t> indexOf(int64_t offset) const;
  SelectionRow rowAt(ArrayRef<int64_t> index) const;
  void addCandidate(SelectionRow &row, ArrayRef<int64_t> point, ArrayRef<int64_t> selected) const;
  Scalar parameterAt(ArrayRef<int64_t> index) const;
  int64_t valueOf(const SelectionRow &row, ArrayRef<unsigned> picked) const;
  static std::string describe(ArrayRef<int64_t> index);

  SelectOp op;
  StringRef kind;
  const SelectContext &context;
  SmallVector<const Tensor *> values;
  SmallVector<unsigned> overDims, otherDims; ///< dimensions of the values
  Scalar scalarParameter;
  bool isBoundFloat = false;
  const Tensor *parameter = nullptr;
  SmallVector<unsigned> parameterDims; ///< dimensions of the result
  Tensor result;
};

} // namespace

llvm::Error SelectRun::prepare() {
  for (Value value : op.getValues()) {
    llvm::Expected<const Tensor *> tensor = context.tensor(value);
    if (!tensor)
      return tensor.takeError();
    values.push_back(*tensor);
  }
  ArrayRef<StringAttr> ranks = rankNames(op.getValues()[0].getType());
  for (StringAttr name : op.getOver().getAsRange<StringAttr>())
    overDims.push_back(llvm::find(ranks, name) - ranks.begin());
  SmallVector<int64_t> shape;
  for (unsigned d = 0; d < ranks.size(); ++d)
    if (!llvm::is_contained(overDims, d)) {
      otherDims.push_back(d);
      shape.push_back(values[0]->shape[d]);
    }
  result = Tensor(op.getType().getElementType(), shape);
  result.ranks = SmallVector<StringAttr>(rankNames(op.getType()));
  for (auto [d, from] : llvm::enumerate(otherDims))
    result.origin[d] = values[0]->origin[from];
  for (const Tensor *value : values)
    addConditions(*value, ranks);
  return prepareParameter();
}

/// Conditions that mention no selected rank stay on the result (R12).
void SelectRun::addConditions(const Tensor &tensor, ArrayRef<StringAttr> ranks) {
  ArrayRef<StringAttr> resultRanks = rankNames(op.getType());
  for (const Condition &condition : tensor.conditions) {
    Condition kept{{}, condition.holds};
    for (unsigned d : condition.dims)
      if (const auto *found = llvm::find(resultRanks, ranks[d]); found != resultRanks.end())
        kept.dims.push_back(found - resultRanks.begin());
    if (kept.dims.size() == condition.dims.size())
      result.addCondition(std::move(kept));
  }
}

llvm::Error SelectRun::prepareParameter() {
  Value value = op.getParameter();
  if (!value)
    return llvm::Error::success();
  auto type = dyn_cast<RankedTensorType>(value.getType());
  isBoundFloat = isa<FloatType>(type ? type.getElementType() : value.getType());
  if (!type) {
    llvm::Expected<Scalar> scalar = context.symbols.captured(value);
    if (!scalar)
      return scalar.takeError();
    scalarParameter = *scalar;
    return llvm::Error::success();
  }
  llvm::Expected<const Tensor *> tensor = context.tensor(value);
  if (!tensor)
    return tensor.takeError();
  parameter = *tensor;
  for (StringAttr name : rankNames(type))
    parameterDims.push_back(llvm::find(rankNames(op.getType()), name) - rankNames(op.getType()).begin());
  addConditions(*parameter, rankNames(type));
  return llvm::Error::success();
}

SmallVector<int64_t> SelectRun::indexOf(int64_t offset) const {
  SmallVector<int64_t> index(result.shape.size());
  for (size_t d = index.size(); d-- > 0; offset /= result.shape[d])
    index[d] = offset % result.shape[d];
  return index;
}

Scalar SelectRun::parameterAt(ArrayRef<int64_t> index) const {
  if (!parameter)
    return scalarParameter;
  int64_t offset = 0;
  for (auto [d, of] : llvm::enumerate(parameterDims))
    offset = offset * parameter->shape[d] + index[of];
  return parameter->get(offset);
}

/// The point is absent where one of the values is, and NaN is never selected.
void SelectRun::addCandidate(SelectionRow &row, ArrayRef<int64_t> point, ArrayRef<int64_t> selected) const {
  int64_t offset = 0;
  for (auto [extent, i] : llvm::zip(values[0]->shape, point))
    offset = offset * extent + i;
  if (!llvm::all_of(values, [&](const Tensor *value) { return value->isPresent(offset); }))
    return;
  Candidate candidate{SmallVector<int64_t, 2>(selected), values[0]->get(offset)};
  if (row.isFloat && std::isnan(candidate.score.real))
    return;
  if (row.kind == "set") {
    candidate.index.clear();
    for (const Tensor *value : values)
      candidate.index.push_back(value->integers[offset]);
  }
  row.candidates.push_back(std::move(candidate));
}

SelectionRow SelectRun::rowAt(ArrayRef<int64_t> index) const {
  SelectionRow row{kind, values[0]->isFloat(), parameterAt(index), isBoundFloat, {}};
  SmallVector<int64_t> point(values[0]->shape.size()), selected(overDims.size());
  for (auto [d, i] : llvm::zip(otherDims, index))
    point[d] = i;
  int64_t count = 1;
  for (unsigned d : overDims)
    count *= values[0]->shape[d];
  for (int64_t at = 0; at < count; ++at) {
    int64_t rest = at;
    for (size_t i = overDims.size(); i-- > 0;) { // the last one runs fastest, as ties are told apart
      unsigned d = overDims[i];
      point[d] = rest % values[0]->shape[d];
      selected[i] = point[d] + values[0]->origin[d];
      rest /= values[0]->shape[d];
    }
    addCandidate(row, point, selected);
  }
  return row;
}

int64_t SelectRun::valueOf(const SelectionRow &row, ArrayRef<unsigned> picked) const {
  if (row.kind == "argmax")
    return picked.empty() ? -1 : row.candidates[picked[0]].index[0];
  SmallVector<int64_t> members;
  for (unsigned i : picked)
    members.append(row.candidates[i].index);
  return internSet(members, arityOf(result));
}

std::string SelectRun::describe(ArrayRef<int64_t> index) {
  std::string text;
  for (int64_t i : index)
    text += (text.empty() ? "" : ",") + std::to_string(i);
  return "[" + text + "]";
}

llvm::Expected<Tensor> SelectRun::run(const Tensor *given, std::vector<std::string> *faults) {
  if (llvm::Error error = prepare())
    return error;
  for (int64_t offset = 0; offset < result.size(); ++offset) {
    if (!result.isPresent(offset))
      continue;
    SmallVector<int64_t> index = indexOf(offset);
    SelectionRow row = rowAt(index);
    if (!given) {
      result.integers[offset] = valueOf(row, pick(row));
      continue;
    }
    result.integers[offset] = given->integers[offset];
    SmallVector<int64_t> argmax;
    if (row.kind == "argmax" && given->integers[offset] >= 0)
      argmax.push_back(given->integers[offset]);
    ArrayRef<int64_t> picked = row.kind == "argmax" ? ArrayRef<int64_t>(argmax) : membersOf(given->integers[offset]);
    if (std::optional<std::string> fault = judge(row, picked))
      faults->push_back((op.getName() ? op.getName()->str() : op.getKind().str()) + describe(index) + ": " + *fault);
  }
  return std::move(result);
}

llvm::Expected<Tensor> attn::reference::evaluateSelect(SelectOp op, const SelectContext &context, const Tensor *given,
                                                       std::vector<std::string> *faults) {
  return SelectRun(op, context).run(given, faults);
}

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// attn.union and attn.scatter. A union's conditions are those of R12 for "this part or that": one for each choice of a
// condition a part, over the dimensions that the chosen mention, so that a condition all parts have stays itself.
#include "compiler/reference/Union.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace attn;
using namespace attn::reference;

/// Beyond this, one condition says for each point whether it is present.
static constexpr size_t kMostChoices = 64;

static SmallVector<int64_t> pointOf(ArrayRef<int64_t> shape, int64_t offset) {
  SmallVector<int64_t> point(shape.size());
  for (size_t d = shape.size(); d-- > 0; offset /= shape[d])
    point[d] = offset % shape[d];
  return point;
}

/// The place in a table over `dims` of the point that has index `point[d]` in dimension d.
static int64_t placeIn(ArrayRef<unsigned> dims, ArrayRef<int64_t> shape, ArrayRef<int64_t> point) {
  int64_t at = 0;
  for (unsigned d : dims)
    at = at * shape[d] + point[d];
  return at;
}

std::string attn::reference::pointText(const Tensor &tensor, int64_t offset) {
  SmallVector<int64_t> point = pointOf(tensor.shape, offset);
  for (auto [index, origin] : llvm::zip(point, tensor.origin))
    index += origin;
  return llvm::formatv("[{0}]", llvm::make_range(point.begin(), point.end())).str();
}

Tensor attn::reference::withIndices(const Tensor &tensor, ArrayRef<int64_t> origin, ArrayRef<int64_t> shape) {
  if (tensor.origin == origin && tensor.shape == shape)
    return tensor;
  Tensor wide(tensor.elementType, shape);
  wide.origin.assign(origin.begin(), origin.end());
  wide.ranks = tensor.ranks;
  SmallVector<int64_t> inner(shape.size());
  auto isInside = [&](unsigned d, int64_t index) {
    inner[d] = index + origin[d] - tensor.origin[d];
    return inner[d] >= 0 && inner[d] < tensor.shape[d];
  };
  for (unsigned d = 0; d < shape.size(); ++d) {
    Condition box{{d}, {}};
    for (int64_t i = 0; i < shape[d]; ++i)
      box.holds.push_back(isInside(d, i));
    wide.addCondition(std::move(box));
  }
  SmallVector<int64_t> strides = tensor.strides();
  for (int64_t i = 0; i < wide.size(); ++i) {
    bool inside = true;
    for (auto [d, index] : llvm::enumerate(pointOf(shape, i)))
      inside &= isInside(d, index);
    int64_t at = 0;
    for (auto [index, stride] : llvm::zip(inner, strides))
      at += index * stride;
    if (inside)
      wide.set(i, tensor.get(at));
  }
  for (const Condition &condition : tensor.conditions) {
    int64_t size = 1;
    SmallVector<int64_t> tableShape;
    for (unsigned d : condition.dims)
      size *= tableShape.emplace_back(shape[d]);
    Condition table{condition.dims, {}};
    for (int64_t i = 0; i < size; ++i) {
      bool inside = true;
      for (auto [d, index] : llvm::zip(condition.dims, pointOf(tableShape, i)))
        inside &= isInside(d, index);
      table.holds.push_back(!inside || condition.holds[placeIn(condition.dims, tensor.shape, inner)]);
    }
    wide.addCondition(std::move(table));
  }
  return wide;
}

//===-- unions -------------------------------------------------------------------------------------------------------

/// That one of the chosen conditions holds.
static Condition anyOf(const Tensor &shaped, ArrayRef<const Condition *> chosen) {
  Condition any;
  for (const Condition *condition : chosen)
    for (unsigned d : condition->dims)
      if (!llvm::is_contained(any.dims, d))
        any.dims.push_back(d);
  llvm::sort(any.dims);
  int64_t size = 1;
  SmallVector<int64_t> tableShape, point(shaped.shape.size(), 0);
  for (unsigned d : any.dims)
    size *= tableShape.emplace_back(shaped.shape[d]);
  for (int64_t i = 0; i < size; ++i) {
    for (auto [d, index] : llvm::zip(any.dims, pointOf(tableShape, i)))
      point[d] = index;
    any.holds.push_back(llvm::any_of(chosen, [&](const Condition *condition) {
      return condition->holds[placeIn(condition->dims, shaped.shape, point)] != 0;
    }));
  }
  return any;
}

static void addConditions(Tensor &result, ArrayRef<Tensor> parts) {
  size_t choices = 1;
  for (const Tensor &part : parts)
    choices *= std::min(part.conditions.size(), kMostChoices + 1);
  if (choices > kMostChoices) {
    Condition all;
    for (unsigned d = 0; d < result.shape.size(); ++d)
      all.dims.push_back(d);
    for (int64_t i = 0; i < result.size(); ++i)
      all.holds.push_back(llvm::any_of(parts, [&](const Tensor &part) { return part.isPresent(i); }));
    return result.addCondition(std::move(all));
  }
  for (size_t choice = 0; choice < choices; ++choice) { // none if a part has no condition: it is everywhere
    SmallVector<const Condition *> chosen;
    size_t rest = choice;
    for (const Tensor &part : parts) {
      chosen.push_back(&part.conditions[rest % part.conditions.size()]);
      rest /= part.conditions.size();
    }
    result.addCondition(anyOf(result, chosen));
  }
}

llvm::Expected<Tensor> attn::reference::unite(ArrayRef<const Tensor *> parts, const Tensor *otherwise, Location loc,
                                              StringRef name) {
  SmallVector<int64_t> low(parts.front()->origin), high;
  SmallVector<const Tensor *> all(parts);
  if (otherwise)
    all.push_back(otherwise);
  for (unsigned d = 0; d < low.size(); ++d) {
    high.push_back(low[d]);
    for (const Tensor *part : all) {
      low[d] = std::min(low[d], part->origin[d]);
      high[d] = std::max(high[d], part->origin[d] + part->shape[d]);
    }
  }
  SmallVector<int64_t> shape;
  for (auto [l, h] : llvm::zip(low, high))
    shape.push_back(h - l);
  std::vector<Tensor> wide;
  for (const Tensor *part : all)
    wide.push_back(withIndices(*part, low, shape));
  Tensor result(parts.front()->elementType, shape);
  result.origin = low;
  result.ranks = parts.front()->ranks;
  for (int64_t i = 0; i < result.size(); ++i) {
    const Tensor *found = nullptr;
    for (const Tensor &part : ArrayRef<Tensor>(wide).take_front(parts.size())) {
      if (!part.isPresent(i))
        continue;
      if (found)
        return errorAt(loc, llvm::formatv("'{0}' is written twice at {1}", name, pointText(result, i)));
      found = &part;
    }
    if (!found && otherwise && wide.back().isPresent(i))
      found = &wide.back();
    if (found)
      result.set(i, found->get(i));
  }
  addConditions(result, wide);
  return result;
}

//===-- computed positions -------------------------------------------------------------------------------------------

llvm::Expected<Tensor> attn::reference::scatter(ScatterOp op, Tensor result, const Tensor &values,
                                                ArrayRef<const Tensor *> positions) {
  ArrayRef<StringAttr> ranks = rankNames(op.getValues().getType());
  std::vector<uint8_t> written(result.size(), 0);
  std::string name = op.getName() ? op.getName()->str() : "tensor";
  /// The element of a position at a point of the values; nothing where it is absent.
  auto positionAt = [&](unsigned number, ArrayRef<int64_t> point) -> std::optional<int64_t> {
    const Tensor &table = *positions[number];
    SmallVector<int64_t> strides = table.strides();
    int64_t at = 0;
    for (auto [d, rank] : llvm::enumerate(rankNames(op.getPositions()[number].getType()))) {
      size_t dim = llvm::find(ranks, rank) - ranks.begin();
      at += (point[dim] + values.origin[dim] - table.origin[d]) * strides[d];
    }
    return table.isPresent(at) ? std::optional(table.integers[at]) : std::nullopt;
  };
  SmallVector<int64_t> strides = result.strides();
  for (int64_t i = 0; i < values.size(); ++i) {
    if (!values.isPresent(i))
      continue;
    SmallVector<int64_t> point = pointOf(values.shape, i);
    int64_t at = 0;
    bool isPresent = true;
    for (auto [d, entry] : llvm::enumerate(op.getAt())) {
      auto number = dyn_cast<IntegerAttr>(entry);
      size_t dim = llvm::find(ranks, entry) - ranks.begin();
      std::optional<int64_t> index = number ? positionAt(number.getInt(), point) : point[dim] + values.origin[dim];
      isPresent &= index.has_value();
      if (!index)
        break;
      int64_t place = *index - result.origin[d];
      if (place < 0 || place >= result.shape[d])
        return errorAt(op.getLoc(), llvm::formatv("'{0}' is written at index {1} in rank '{2}', outside [{3}, {4})",
                                                  name, *index, rankNames(op.getType())[d].getValue(), result.origin[d],
                                                  result.origin[d] + result.shape[d]));
      at += place * strides[d];
    }
    if (!isPresent)
      continue;
    if (written[at])
      return errorAt(op.getLoc(), llvm::formatv("'{0}' is written twice at {1}: its positions are not distinct", name,
                                                pointText(result, at)));
    written[at] = 1;
    result.set(at, values.get(i));
  }
  Condition all;
  for (unsigned d = 0; d < result.shape.size(); ++d)
    all.dims.push_back(d);
  all.holds = std::move(written);
  result.addCondition(std::move(all));
  return result;
}

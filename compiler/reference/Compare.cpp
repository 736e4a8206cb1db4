// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/reference/Compare.h"
#include "llvm/Support/FormatVariadic.h"
#include <cmath>
#include <limits>

using namespace mlir;
using namespace attn::reference;

static double errorBetween(double got, double want) {
  if (std::isnan(got) && std::isnan(want))
    return 0;
  if (std::isfinite(got) && std::isfinite(want))
    return std::fabs(got - want);
  return got == want ? 0 : HUGE_VAL;
}

static Deviation deviationAt(const Tensor &want, const Tensor &got, int64_t offset) {
  auto valueOf = [&](const Tensor &tensor) {
    return tensor.isFloat() ? tensor.reals[offset] : double(tensor.integers[offset]);
  };
  Deviation deviation;
  deviation.got = valueOf(got);
  deviation.want = valueOf(want);
  deviation.error = errorBetween(deviation.got, deviation.want);
  // A double does not hold every i64.
  if (!want.isFloat() && deviation.error == 0 && got.integers[offset] != want.integers[offset])
    deviation.error = 1;
  deviation.tolerance = kTolerance * want.error(offset);
  // A result below the smallest normal number of the compute type may come out as 0.
  double smallest = want.elementType.isF64() ? std::numeric_limits<double>::min() : std::numeric_limits<float>::min();
  if (want.isFloat() && deviation.want != 0 && std::fabs(deviation.want) < smallest)
    deviation.tolerance += smallest;
  if (deviation.error > 0)
    deviation.ratio = deviation.tolerance > 0 ? deviation.error / deviation.tolerance : HUGE_VAL;
  return deviation;
}

void Comparison::add(llvm::StringRef name, const Tensor &want, const Tensor &got) {
  assert(got.shape == want.shape && got.elementType == want.elementType && "compare tensors of one type");
  auto keep = [&](Deviation &best, Deviation deviation, int64_t offset) {
    best = std::move(deviation);
    best.result = name.str();
    best.index.resize(want.shape.size());
    for (size_t d = want.shape.size(); d-- > 0; offset /= want.shape[d])
      best.index[d] = offset % want.shape[d];
  };
  for (int64_t i = 0; i < want.size(); ++i) {
    Deviation deviation = deviationAt(want, got, i);
    bool isFirst = compared++ == 0;
    rejected += !deviation.isAccepted();
    if (isFirst || deviation.ratio > worst.ratio)
      keep(worst, deviation, i);
    if (isFirst || deviation.error > largest.error)
      keep(largest, deviation, i);
  }
}

void Comparison::add(llvm::StringRef name, const Tensor &want, const void *got) {
  add(name, want, decode(want.elementType, want.shape, got));
}

std::string attn::reference::describe(const Deviation &deviation) {
  std::string index;
  for (auto [i, each] : llvm::enumerate(deviation.index))
    index += (i ? ", " : "") + std::to_string(each);
  return llvm::formatv("{0}[{1}] = {2:e8}, expected {3:e8} (off by {4:e2}, {5} times the tolerance {6:e2})",
                       deviation.result, index, deviation.got, deviation.want, deviation.error,
                       llvm::formatv("{0:f2}", deviation.ratio).str(), deviation.tolerance);
}

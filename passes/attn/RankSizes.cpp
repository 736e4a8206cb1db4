// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/attn/RankSizes.h"
#include "llvm/ADT/SetVector.h"
#include <cmath>

using namespace mlir;
using namespace attn;

RankSizes::RankSizes(KernelOp kernel) : kernel(kernel) {
  for (ArrayRef<Type> types : {kernel.getArgumentTypes(), kernel.getResultTypes()})
    for (Type type : types) {
      if (!isa<RankedTensorType>(type))
        continue;
      ArrayRef<StringAttr> names = rankNames(type);
      for (auto [i, name] : llvm::enumerate(names))
        for (StringRef factor : factorsOf(name.getValue()))
          innermost[factor] += i + 1 == names.size() ? 1 : -1;
    }
}

bool RankSizes::isBound(StringRef rank) const {
  RankAttr attr = kernel.findRank(base(rank));
  return attr && attr.getConstantExtent();
}

bool RankSizes::isFeature(StringRef rank) const {
  auto it = innermost.find(base(rank));
  return it != innermost.end() && it->second >= 0;
}

double RankSizes::of(StringRef rank) const {
  constexpr double kFeatures = 128, kPoints = 2048;
  if (isBound(rank))
    return double(*kernel.findRank(base(rank)).getConstantExtent());
  return isFeature(rank) ? kFeatures : kPoints;
}

double RankSizes::product(ArrayRef<StringRef> ranks) const {
  double p = 1;
  for (StringRef rank : ranks)
    p *= of(rank);
  return p;
}

double RankSizes::blocks(StringRef rank) const {
  constexpr double kWhole = 512; // feature ranks up to this extent are not cut
  return std::max(1.0, std::ceil(of(rank) / (isFeature(rank) ? kWhole : kRows)));
}

bool RankSizes::areStrangers(ArrayRef<StringRef> first, ArrayRef<StringRef> second) const {
  constexpr double kMostGrowth = 8;
  llvm::SetVector<StringRef> both(first.begin(), first.end());
  both.insert_range(second);
  return product(both.getArrayRef()) > kMostGrowth * (product(first) + product(second));
}

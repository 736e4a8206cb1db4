// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What the algebra's tests share: random data, and the comparison of a derived program with the text.
#ifndef ATTNC_TEST_UNIT_ALGEBRACHECK_H
#define ATTNC_TEST_UNIT_ALGEBRACHECK_H
#include "test/unit/AlgebraRun.h"
#include <gtest/gtest.h>

namespace attn::algebra::test {

/// A tensor of normals of these ranks' extents.
inline void fill(Data &data, const std::string &name, const std::vector<std::string> &ranks, std::mt19937 &random,
                 double scale = 1) {
  std::normal_distribution<double> normal(0, scale);
  Array a;
  int64_t n = 1;
  for (const std::string &r : ranks) {
    a.sizes.push_back(data.extents.at(r));
    n *= a.sizes.back();
  }
  for (int64_t i = 0; i < n; ++i)
    a.data.push_back(normal(random));
  data.inputs[name] = a;
  data.ranks[name] = ranks;
}

/// Largest error relative to 1 + |want|; where the text gives NaN or overflows (`lenient`) nothing is claimed.
inline double error(const Array &got, const Array &want, bool lenient) {
  double worst = 0;
  for (auto [g, w] : llvm::zip_equal(got.data, want.data)) {
    if (g == w || (std::isnan(g) && std::isnan(w)) ||
        (lenient && (std::isnan(w) || (std::isfinite(w) && std::abs(w) > 1e12))))
      continue;
    double e = std::abs(g - w) / (1 + std::abs(w));
    worst = std::max(worst, std::isnan(e) ? INFINITY : e);
  }
  return worst;
}

/// The largest error of several ways to run the program: tiles of several sizes, random tiles, random merges.
inline double disagreement(TermContext &context, const Program &program, const std::vector<Array> &want,
                           const Data &data, std::mt19937 &random, bool lenient = false, unsigned merges = 2,
                           double *peak = nullptr) {
  double worst = 0;
  auto check = [&](RunOptions options) {
    auto got = run(context, program, data, options, peak);
    for (auto [g, w] : llvm::zip_equal(got, want))
      worst = std::max(worst, error(g, w, lenient));
  };
  for (int64_t tile : {2, 100})
    check({tile, 1, nullptr});
  check({2, 1, &random});
  for (unsigned i = 0; i < merges; ++i)
    check({2, unsigned(2 + random() % 3), &random});
  return worst;
}

} // namespace attn::algebra::test
#endif

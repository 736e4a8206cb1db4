// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Random cascades over one streamed rank, over a rank split into blocks (j,i), over two sources (n | m).
#ifndef ATTNC_TEST_UNIT_ALGEBRADRAW_H
#define ATTNC_TEST_UNIT_ALGEBRADRAW_H
#include "test/unit/AlgebraCheck.h"

namespace attn::algebra::test {

class Draw {
public:
  explicit Draw(unsigned seed) : random(seed) {}
  unsigned below(unsigned n) { return random() % n; }
  bool chance(double p) { return below(1000) < p * 1000; }
  template <typename T> T pick(const std::vector<T> &xs) { return xs[below(xs.size())]; }
  std::mt19937 random;
};

struct Cascade {
  std::vector<Tensor> outputs;
  Fibre fibre;
  Data data;
  bool needsFinite = false; ///< the value of an empty block is infinite data
};

Cascade draw(unsigned seed, Draw &d);

} // namespace attn::algebra::test
#endif

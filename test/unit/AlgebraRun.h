// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Runs a derived program in f64 or f32: tile by tile, or in random pieces that are merged in random order.
#ifndef ATTNC_TEST_UNIT_ALGEBRARUN_H
#define ATTNC_TEST_UNIT_ALGEBRARUN_H
#include "test/unit/AlgebraCascade.h"
#include <random>

namespace attn::algebra::test {

struct RunOptions {
  int64_t tile = 3;
  unsigned pieces = 1;            ///< > 1: tiles are dealt to that many states, which are merged in random order
  std::mt19937 *random = nullptr; ///< tiles of random size, one of them empty
};

/// The outputs in the order of the program's; absent points are 0. `peak` becomes the largest exponential that a stream
/// formed.
std::vector<Array> run(TermContext &context, const Program &program, const Data &data, const RunOptions &options,
                       double *peak = nullptr);

} // namespace attn::algebra::test
#endif

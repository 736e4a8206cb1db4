// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Philox-4x32-10: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3" (SC 2011).
#pragma once
#include <array>
#include <cstdint>

namespace attn::reference {

/// The block of the counter under the key.
std::array<uint32_t, 4> philox(std::array<uint32_t, 4> counter, std::array<uint32_t, 2> key);

/// Numbers drawn one after the other; each (seed, stream) has its own sequence, the same on every machine.
class Random {
public:
  Random(uint64_t seed, uint32_t stream) : seed(seed), stream(stream) {}
  uint32_t word();
  /// In [0, 1).
  double uniform();
  /// In 0 .. bound - 1; 0 for a bound below 1.
  int64_t below(int64_t bound);
  /// Of mean 0 and variance 1 (Box-Muller).
  double normal();

private:
  uint64_t seed, block = 0;
  uint32_t stream;
  std::array<uint32_t, 4> words{};
  unsigned left = 0;
};

} // namespace attn::reference

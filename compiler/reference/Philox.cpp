// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/reference/Philox.h"
#include <cmath>

using namespace attn::reference;

std::array<uint32_t, 4> attn::reference::philox(std::array<uint32_t, 4> c, std::array<uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    uint64_t a = uint64_t(0xD2511F53) * c[0], b = uint64_t(0xCD9E8D57) * c[2];
    c = {uint32_t(b >> 32) ^ c[1] ^ key[0], uint32_t(b), uint32_t(a >> 32) ^ c[3] ^ key[1], uint32_t(a)};
    key = {key[0] + 0x9E3779B9, key[1] + 0xBB67AE85};
  }
  return c;
}

uint32_t Random::word() {
  if (left == 0) {
    words = philox({uint32_t(block), uint32_t(block >> 32), stream, 0}, {uint32_t(seed), uint32_t(seed >> 32)});
    ++block;
    left = 4;
  }
  return words[4 - left--];
}

double Random::uniform() {
  uint64_t high = word() >> 5, low = word() >> 6;
  return double(high << 26 | low) * 0x1p-53;
}

int64_t Random::below(int64_t bound) { return bound < 1 ? 0 : int64_t(uniform() * double(bound)); }

double Random::normal() {
  double radius = std::sqrt(-2 * std::log(1 - uniform())), angle = 6.283185307179586 * uniform();
  return radius * std::cos(angle);
}

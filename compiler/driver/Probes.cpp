// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The FMA loop has 12 independent chains: more than latency times pipes on the processors there are, and with the
// two constants no more than 16 registers. Which version runs is decided by the
// processor at run time, so that one program serves all of them.
#include "compiler/driver/Probes.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include <algorithm>
#include <chrono>
#include <cstring>
#include <memory>
#include <thread>
#include <vector>

namespace {
using Clock = std::chrono::steady_clock;
double secondsSince(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

constexpr int kChains = 12, kRounds = 4000;

/// Keeps a value alive without storing it.
template <typename T> inline void use(T &value) { asm volatile("" : : "r"(&value) : "memory"); }

#define ATTNC_FMA_LOOP(NAME, FEATURES, TYPE, BYTES)                                                                    \
  __attribute__((target(FEATURES), noinline)) void NAME() {                                                            \
    typedef TYPE Vector __attribute__((vector_size(BYTES)));                                                           \
    Vector sums[kChains], factor = {}, addend = {};                                                                    \
    for (unsigned i = 0; i < BYTES / sizeof(TYPE); ++i)                                                                \
      factor[i] = TYPE(0.5), addend[i] = TYPE(1) + i;                                                                  \
    for (int c = 0; c < kChains; ++c)                                                                                  \
      sums[c] = addend + TYPE(c);                                                                                      \
    use(factor);                                                                                                       \
    for (int round = 0; round < kRounds; ++round)                                                                      \
      _Pragma("clang loop unroll(full)") for (int c = 0; c < kChains; ++c) sums[c] = sums[c] * factor + addend;        \
    for (int c = 0; c < kChains; ++c)                                                                                  \
      use(sums[c]);                                                                                                    \
  }
ATTNC_FMA_LOOP(fmaFloatAvx2, "avx2,fma", float, 32)
ATTNC_FMA_LOOP(fmaDoubleAvx2, "avx2,fma", double, 32)
ATTNC_FMA_LOOP(fmaFloatAvx512, "avx512f", float, 64)
ATTNC_FMA_LOOP(fmaDoubleAvx512, "avx512f", double, 64)
ATTNC_FMA_LOOP(fmaFloatBase, "sse2", float, 16)
ATTNC_FMA_LOOP(fmaDoubleBase, "sse2", double, 16)
#undef ATTNC_FMA_LOOP

/// Runs `work(t)` on so many threads at once; the seconds until the last is done.
double timeOnThreads(int threads, llvm::function_ref<void(int)> work) {
  auto start = Clock::now();
  std::vector<std::thread> others;
  for (int t = 1; t < threads; ++t)
    others.emplace_back([=] { work(t); });
  work(0);
  for (std::thread &other : others)
    other.join();
  return secondsSince(start);
}

uint64_t readAll(const uint64_t *words, size_t count) {
  uint64_t sums[8] = {};
  for (size_t i = 0; i + 8 <= count; i += 8)
    for (int c = 0; c < 8; ++c)
      sums[c] += words[i + c];
  uint64_t total = 0;
  for (uint64_t sum : sums)
    total += sum;
  return total;
}
} // namespace

double attn::driver::probeIntegers() {
  constexpr int rounds = 6000;
  uint64_t a = 1, b = 2, c = 3, d = 4;
  auto start = Clock::now();
  for (int i = 0; i < rounds; ++i) {
    // Four chains of four additions; the compiler must not add them up.
    for (int k = 0; k < 4; ++k) {
      a += 3, b += 5, c += 7, d += 9;
      asm volatile("" : "+r"(a), "+r"(b), "+r"(c), "+r"(d));
    }
  }
  return 16.0 * rounds / secondsSince(start);
}

double attn::driver::probeFma(bool isDouble, unsigned mostLanes) {
  bool has512 = mostLanes >= 16 && __builtin_cpu_supports("avx512f");
  bool has256 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  int bytes = has512 ? 64 : has256 ? 32 : 16;
  auto *loop = has512   ? (isDouble ? fmaDoubleAvx512 : fmaFloatAvx512)
               : has256 ? (isDouble ? fmaDoubleAvx2 : fmaFloatAvx2)
                        : (isDouble ? fmaDoubleBase : fmaFloatBase);
  auto start = Clock::now();
  loop();
  return 2.0 * kChains * kRounds * (bytes / (isDouble ? 8 : 4)) / secondsSince(start);
}

double attn::driver::probeFmaOf(int threads, bool isDouble, unsigned mostLanes) {
  if (threads == 1) {
    double best = 0;
    for (int i = 0; i < 20; ++i)
      best = std::max(best, probeFma(isDouble, mostLanes));
    return best;
  }
  // Each thread's own best: they need not be at full speed in the same instant.
  std::vector<double> best(threads);
  timeOnThreads(threads, [&](int t) {
    for (int i = 0; i < 40; ++i)
      best[t] = std::max(best[t], probeFma(isDouble, mostLanes));
  });
  double sum = 0;
  for (double each : best)
    sum += each;
  return sum;
}

double attn::driver::probeReadBandwidth(int threads) {
  // Larger than any cache; written first, so that the pages exist.
  constexpr size_t bytes = size_t(128) << 20;
  std::unique_ptr<uint64_t[]> words(new uint64_t[bytes / 8]);
  std::memset(words.get(), 1, bytes);
  size_t share = bytes / 8 / threads;
  double best = 0;
  for (int i = 0; i < 5; ++i) {
    double seconds = timeOnThreads(threads, [&](int t) {
      uint64_t sum = readAll(words.get() + t * share, share);
      use(sum);
    });
    best = std::max(best, double(share * threads * 8) / seconds);
  }
  return best;
}

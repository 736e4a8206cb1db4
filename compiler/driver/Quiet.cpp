// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// On a machine that is shared, even by guests one cannot see, times of one kernel wander by a third and more. So each
// sample is taken between probes whose speed on a free core is known from the same run: an integer loop, which halves
// when the sibling of the core is busy, and an FMA loop. A sample is quiet if all four are within 4 % of the run's best
// and, for one thread, if it had the core for 97 % of the time. Other samples are dropped; without a quiet one there is
// no number.
#include "compiler/driver/Quiet.h"
#include "compiler/driver/Probes.h"
#include "llvm/ADT/ArrayRef.h"
#include <algorithm>
#include <chrono>
#include <cmath>
#include <ctime>
#include <malloc.h>
#include <pthread.h>
#include <sched.h>

using namespace attn::driver;

static constexpr double kProbeSlack = 0.96, kLeastCpuShare = 0.97;

std::optional<double> QuietTimes::median() const {
  if (quiet.empty())
    return std::nullopt;
  size_t half = quiet.size() / 2;
  return quiet.size() % 2 ? quiet[half] : (quiet[half - 1] + quiet[half]) / 2;
}

std::optional<double> QuietTimes::best() const {
  return quiet.empty() ? std::nullopt : std::optional<double>(quiet.front());
}

std::vector<double> attn::driver::keepQuiet(llvm::ArrayRef<Sample> samples, bool isOneThread) {
  double integers = 0, fma = 0;
  for (const Sample &sample : samples) {
    integers = std::max({integers, sample.integers[0], sample.integers[1]});
    fma = std::max({fma, sample.fma[0], sample.fma[1]});
  }
  std::vector<double> quiet;
  for (const Sample &sample : samples) {
    bool isFast = true;
    for (int i = 0; i < 2; ++i)
      isFast &= sample.integers[i] >= kProbeSlack * integers && sample.fma[i] >= kProbeSlack * fma;
    if (isFast && (!isOneThread || sample.cpuShare >= kLeastCpuShare))
      quiet.push_back(sample.seconds);
  }
  std::sort(quiet.begin(), quiet.end());
  return quiet;
}

static double now(clockid_t clock) {
  timespec time;
  clock_gettime(clock, &time);
  return time.tv_sec + 1e-9 * time.tv_nsec;
}

namespace {
struct Elapsed {
  double wall = 0, cpu = 0;
};
} // namespace

static Elapsed timeCalls(llvm::function_ref<bool()> call, unsigned repeats, bool &goesOn) {
  double wall = now(CLOCK_MONOTONIC), cpu = now(CLOCK_THREAD_CPUTIME_ID);
  for (unsigned i = 0; i < repeats && goesOn; ++i)
    goesOn = call();
  return {now(CLOCK_MONOTONIC) - wall, now(CLOCK_THREAD_CPUTIME_ID) - cpu};
}

QuietTimes attn::driver::measureQuietly(llvm::function_ref<bool()> call, const QuietOptions &options) {
  QuietTimes result;
  bool goesOn = true;
  timeCalls(call, 1, goesOn); // touches the memory
  Elapsed first = timeCalls(call, 1, goesOn);
  // Clocks and probes must not count beside the kernel.
  unsigned repeats = static_cast<unsigned>(std::clamp(1e-3 / std::max(first.wall, 1e-7), 1.0, 1e4));
  std::vector<Sample> samples;
  double start = now(CLOCK_MONOTONIC);
  while (goesOn && samples.size() < options.mostSamples &&
         (samples.size() < options.leastSamples || now(CLOCK_MONOTONIC) - start < options.mostSeconds)) {
    Sample sample;
    sample.fma[0] = probeFma(options.isDouble, options.lanes);
    sample.integers[0] = probeIntegers();
    Elapsed elapsed = timeCalls(call, repeats, goesOn);
    sample.integers[1] = probeIntegers();
    sample.fma[1] = probeFma(options.isDouble, options.lanes);
    sample.seconds = elapsed.wall / repeats;
    sample.cpuShare = elapsed.cpu / elapsed.wall;
    samples.push_back(sample);
    result.bestFma = std::max({result.bestFma, sample.fma[0], sample.fma[1]});
  }
  result.taken = samples.size();
  result.quiet = keepQuiet(samples, options.isOneThread);
  return result;
}

void attn::driver::pinThread() {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(sched_getcpu(), &set);
  pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
}

void attn::driver::keepMemory() {
  mallopt(M_TRIM_THRESHOLD, 1 << 30);
  mallopt(M_MMAP_THRESHOLD, 1 << 30);
}

int attn::driver::availableCores() {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof(set), &set) != 0)
    return 1;
  return std::max(1, CPU_COUNT(&set));
}

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Times taken while nothing else used the core: see Quiet.cpp.
#pragma once
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include <optional>
#include <vector>

namespace attn::driver {

struct Sample {
  double seconds;     ///< wall clock, of one call
  double cpuShare;    ///< CPU time of this thread over wall clock
  double integers[2]; ///< probes before and after
  double fma[2];
};

struct QuietTimes {
  unsigned taken = 0;
  std::vector<double> quiet; ///< seconds of the quiet samples, ascending
  double bestFma = 0;        ///< flop/s of the best probe

  std::optional<double> median() const;
  std::optional<double> best() const;
};

struct QuietOptions {
  unsigned mostSamples = 25, leastSamples = 5;
  double mostSeconds = 5;  ///< after which only `leastSamples` are completed
  bool isOneThread = true; ///< the kernel runs on this thread alone: its CPU time counts
  bool isDouble = false;   ///< which FMA probe
  unsigned lanes = 16;
};

/// The samples that were quiet.
std::vector<double> keepQuiet(llvm::ArrayRef<Sample> samples, bool isOneThread);

/// Runs `call` often, each time between probes. False from `call` ends it.
QuietTimes measureQuietly(llvm::function_ref<bool()> call, const QuietOptions &options);

/// Pins this thread to the core it runs on.
void pinThread();
/// Keeps the C library from giving memory back to the system between calls: pages would be faulted in again.
void keepMemory();
/// Cores that this process may use.
int availableCores();

} // namespace attn::driver

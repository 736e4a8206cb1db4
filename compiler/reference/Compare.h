// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Whether a kernel's results are those of the reference evaluator.
#pragma once
#include "compiler/reference/Tensor.h"
#include <string>

namespace attn::reference {

/// How many error estimates a value may be off.
constexpr double kTolerance = 8;

/// One element of one result.
struct Deviation {
  std::string result;
  llvm::SmallVector<int64_t> index;
  double got = 0, want = 0;
  double error = 0;     ///< |got - want|; infinite where a NaN or an infinity is not met
  double tolerance = 0; ///< kTolerance estimates
  double ratio = 0;     ///< error / tolerance; infinite where something is off that must be exact

  bool isAccepted() const { return ratio <= 1; }
};

/// Over all elements compared so far.
struct Comparison {
  Deviation worst;   ///< the largest ratio
  Deviation largest; ///< the largest error: what `check` prints
  int64_t compared = 0, rejected = 0;

  bool isAccepted() const { return rejected == 0; }
  /// Adds the elements of a result: `got` is contiguous, row-major, of the reference's element type (see encode).
  /// Values pass when they are within the tolerance; NaN and infinities must be equal.
  void add(llvm::StringRef name, const Tensor &want, const void *got);
  void add(llvm::StringRef name, const Tensor &want, const Tensor &got);
};

/// `O[0, 3, 5] = 0.25, expected 0.26 (off by 0.01, 100 times the tolerance 0.0001)`
std::string describe(const Deviation &deviation);

} // namespace attn::reference

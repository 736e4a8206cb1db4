// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once
#include "passes/target/Real.h"

namespace attn::expansion {

/// A positive x = 2^k m with sqrt(1/2) <= m < sqrt(2), k as a float; without a meaning for other x.
struct Binade {
  Real k, m;
};
/// Denormals too.
Binade splitBinade(Real x);

} // namespace attn::expansion

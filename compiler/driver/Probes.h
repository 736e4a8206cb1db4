// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What this machine does at most, measured by loops that do nothing else.
#pragma once
#include <cstdint>

namespace attn::driver {

/// How many integer additions a second one thread does. Takes some ten microseconds: a loop that shows whether the core
/// is shared with another thread, which floating-point loops do not.
double probeIntegers();

/// Floating-point operations a second (two for each multiply-add) of one thread, with the widest vectors of the
/// processor up to `mostLanes` f32 elements; takes some hundred microseconds.
double probeFma(bool isDouble, unsigned mostLanes = 16);

/// The same of `threads` threads at once, best of several tries.
double probeFmaOf(int threads, bool isDouble, unsigned mostLanes);

/// Bytes a second that `threads` threads read from memory, best of several tries.
double probeReadBandwidth(int threads);

} // namespace attn::driver

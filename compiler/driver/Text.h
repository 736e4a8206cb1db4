// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Small pieces of what the commands print.
#pragma once
#include "llvm/ADT/ArrayRef.h"
#include <string>

namespace attn::driver {

/// "a, b, c"
std::string listOf(llvm::ArrayRef<std::string> names);
/// With so many significant digits, the shortest way: 0.25, 6.2e-08.
std::string number(double value, int digits);
/// With so many significant digits at least, never as a power of ten: 56, 25000, 0.00062.
std::string digits(double value, int count);
/// 79.4 ms: with a unit that fits.
std::string duration(double seconds);
/// 21 MB, 8.6 GFLOP: with a decimal prefix.
std::string quantity(double value, llvm::StringRef unit);
/// Columns of a terminal, 100 where there is none.
unsigned terminalWidth();

} // namespace attn::driver

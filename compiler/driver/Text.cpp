// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/driver/Text.h"
#include "llvm/ADT/StringExtras.h"
#include <cmath>
#include <cstdio>
#include <sys/ioctl.h>
#include <unistd.h>

using namespace llvm;

std::string attn::driver::listOf(ArrayRef<std::string> names) { return join(names, ", "); }

std::string attn::driver::number(double value, int digits) {
  if (std::isnan(value)) // whose sign says nothing
    return "nan";
  char text[48];
  std::snprintf(text, sizeof(text), "%.*g", digits, value);
  return text;
}

std::string attn::driver::digits(double value, int count) {
  char text[400];
  int whole = value == 0 ? 1 : int(std::floor(std::log10(std::fabs(value)))) + 1;
  std::snprintf(text, sizeof(text), "%.*f", std::max(0, count - whole), value);
  StringRef shown = text;
  return (shown.contains('.') ? shown.rtrim('0').rtrim('.') : shown).str();
}

/// Three digits, never as a power of ten.
static std::string threeDigits(double value) {
  char text[48];
  double size = std::fabs(value);
  std::snprintf(text, sizeof(text), "%.*f", size < 10 ? 2 : size < 100 ? 1 : 0, value);
  return text;
}

std::string attn::driver::duration(double seconds) {
  if (seconds >= 1)
    return threeDigits(seconds) + " s";
  return seconds >= 1e-3 ? threeDigits(seconds * 1e3) + " ms" : threeDigits(seconds * 1e6) + " us";
}

std::string attn::driver::quantity(double value, StringRef unit) {
  static constexpr StringLiteral prefixes[] = {"", "k", "M", "G", "T", "P"};
  unsigned i = 0;
  for (; value >= 1000 && i + 1 < std::size(prefixes); ++i)
    value /= 1000;
  std::string text = i == 0 ? number(value, 3) : threeDigits(value);
  return text + " " + prefixes[i].str() + unit.str();
}

unsigned attn::driver::terminalWidth() {
  winsize size;
  return isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= 60 ? size.ws_col : 100;
}

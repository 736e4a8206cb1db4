// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What attnc explain has found out, and the three forms in which it says so.
#pragma once
#include "compiler/driver/Cascade.h"
#include "compiler/driver/Spec.h"
#include "compiler/driver/Work.h"
#include "llvm/Support/Error.h"

namespace attn::driver {

/// Everything there is to say; what a pass refused stands in `stopped`.
struct Explanation {
  const Spec *spec;
  CascadeReport cascade;
  Work work;
  std::optional<double> flops, bytes, functions;
  RankExtents extents; ///< those that are known
  unsigned groups = 0;
  std::vector<Visits> visits;
  std::vector<std::string> tilings, remarks; ///< what the passes said
  std::string stopped;
  unsigned width = 100; ///< of the terminal
  bool isVerbose = false;
};

/// Floating-point operations, of the kernel's type, that a core can do in the time in which it reads a byte from
/// memory; 0 if the target's row does not say.
double balanceOf(const Explanation &e);

/// "causal_gqa: 1 kernel, 1 pass over m (3 as written)"
std::string headline(const Explanation &e);
/// Whether there are kernels; else passes are those of the text alone.
bool isLowered(const Explanation &e);
/// "not lowered yet: selection 'topk' (spec:8:17)"
std::string notLowered(const Explanation &e);
/// "1 pass over m (3 as written)", and other formulas with their values.
std::string passesText(const StreamReport &stream, const Explanation &e);
/// "pass 2", or "blocks" behind one
std::string passLabel(const SummaryRow &row);
std::string stateBytes(const StreamReport &stream, const Explanation &e);
std::string routeText(const Visits &visits);
std::string flopsText(const Explanation &e);
std::string functionsText(const Explanation &e);
std::string bytesText(const Explanation &e);
/// "410 flop/byte: compute bound, a core is balanced at 8"; "" without sizes.
std::string intensityText(const Explanation &e);

void printText(const Explanation &e);
void printJson(const Explanation &e);
/// One HTML page without references to anything outside it. Fails if the file cannot be written; then what was there
/// before is still there.
llvm::Error writePage(const Explanation &e, llvm::StringRef path);

} // namespace attn::driver

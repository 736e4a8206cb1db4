// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The drawings of explain's page, as SVG elements that take their colours from the page's style.
#pragma once
#include "compiler/driver/Explanation.h"

namespace attn::driver {

/// With &, <, > and quotes as entities.
std::string escaped(llvm::StringRef text);

/// A column a pass, a box a summary, an arrow to each that waits for it.
std::string passGraph(const StreamReport &stream);
/// A square a cell, with both ranks at its edges.
std::string blockMapGraph(const BlockMap &map);
/// Rate over intensity, both logarithmic, with the kernel's place. Rates are fractions of the peak.
std::string rooflineGraph(double intensity, double balance);

} // namespace attn::driver

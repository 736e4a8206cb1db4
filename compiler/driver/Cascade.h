// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What the cascade algebra finds out about a kernel, as text with the spec's names.
#pragma once
#include "dialects/attn/Attn.h"
#include "passes/attn/algebra/PassCount.h"
#include <string>
#include <vector>

namespace attn::driver {

/// A summary of one pass as the spec is written.
struct SummaryRow {
  unsigned pass;
  bool isOverBlocks;            ///< made from the values of blocks, behind that pass and not in it
  std::string what, place, why; ///< "max[m](S)", "line 3", "waits for max[m](S)"
  std::vector<unsigned> waits;  ///< rows of summaries that it needs
};

struct StepRow {
  std::string rule, text;
};

/// Of ranks that are streamed together.
struct StreamReport {
  std::string ranks;
  algebra::Passes written, derived;
  bool isWrittenWithBlockPass = false; ///< a pass over the values of blocks lies behind one over the elements
  std::vector<SummaryRow> summaries;
  std::vector<StepRow> steps, remarks;
  std::vector<std::string> state, merge, final;     ///< equations
  std::vector<std::vector<std::string>> stateRanks; ///< of each accumulator's elements in one row
};

struct CascadeReport {
  /// Nothing is derived: the algebra does not know all of the kernel, and passes are those of the spec as written.
  bool isWrittenOnly = false;
  std::vector<std::pair<std::string, std::string>> walks; ///< iterative ranks, and the states of each
  std::vector<StreamReport> streams;
  std::vector<std::pair<std::string, algebra::Passes>> others; ///< reduced ranks that nobody streams
  std::string problem;                                         ///< why there is nothing of the above, with its place
};

/// `kernel` as parsed.
CascadeReport explainCascade(KernelOp kernel);

} // namespace attn::driver

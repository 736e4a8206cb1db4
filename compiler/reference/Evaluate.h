// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The reference evaluator: executes attn IR in f64, slowly, in the order the text says. It is the oracle of every test
// and of `attnc check`; it shares no code with the passes.
#pragma once
#include "compiler/reference/Symbols.h"
#include <optional>

namespace attn::reference {

/// How streams run. Any way must give the same results up to rounding.
struct StreamOptions {
  /// Where chunks end, in indices of the streamed rank; clipped to its extent, which is the last end. Equal ends make
  /// empty chunks. Ranks that are streamed together are cut alike, the first one outermost.
  llvm::SmallVector<int64_t> cuts;
  /// Chunks go to this many states, drawn at random (`seed`), which `merge` joins in random order.
  unsigned pieces = 1;
  uint64_t seed = 0;
};

struct Options {
  StreamOptions stream;
  /// Without the licence of R16: no factor of a contraction is rounded to the other's narrower type.
  bool exactFactors = false;
};

/// The results of a kernel. Absent points hold the result's pad, without error; `conditions` tell which they are.
/// Errors name the place in the text: a read outside a tensor, a `require` that fails, extents that do not agree, an op
/// that the evaluator does not know. A read from a rank without points is an EmptyRankError.
llvm::Expected<std::vector<Tensor>> evaluate(KernelOp kernel, llvm::ArrayRef<Argument> arguments,
                                             const Options &options = {});

} // namespace attn::reference

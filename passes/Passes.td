// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// One file a phase; each description ends in the pass's post-condition.
#ifndef ATTNC_PASSES_TD
#define ATTNC_PASSES_TD
include "mlir/Pass/PassBase.td"
include "passes/attn/Passes.td"
include "passes/route/Passes.td"
include "passes/tile/Passes.td"
include "passes/target/Passes.td"
#endif

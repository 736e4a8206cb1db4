// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef ATTNC_PASSES_ATTN_REFUSALS_H
#define ATTNC_PASSES_ATTN_REFUSALS_H
#include "dialects/attn/Attn.h"

namespace attn {

/// Fails with one error, at the place in the spec, for a kernel with a construct that the evaluator runs and no pass
/// lowers.
mlir::LogicalResult refuseUnlowered(KernelOp kernel);

} // namespace attn
#endif

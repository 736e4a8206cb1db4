// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once
#include "dialects/attn/Attn.h"

namespace attn {

/// Fails with one error at the first construct of the kernel that the language and the reference evaluator have and no
/// pass lowers yet.
llvm::LogicalResult checkLowered(KernelOp kernel);

} // namespace attn

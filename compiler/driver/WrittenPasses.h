// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Passes of a kernel as it is written, where the algebra knows an operation of it not at all: counted from what waits
// for what alone, as FuseMax does (Nayak et al., MICRO 2024, section 3).
#pragma once
#include "compiler/driver/Cascade.h"

namespace attn::driver {

/// One report for each rank that something is reduced or selected over in more than one pass, selected from, or
/// walked by a recurrence. Blocks
/// of a rank are not told apart from all of it here.
std::vector<StreamReport> writtenPasses(KernelOp kernel);

/// One report for each rank that a recurrence walks.
std::vector<StreamReport> walkedPasses(KernelOp kernel);

} // namespace attn::driver

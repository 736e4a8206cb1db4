// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once
#include "compiler/Pipeline.h"
#include <memory>

namespace mlir {
class Pass;
} // namespace mlir

namespace attn {

/// Fails at the first op that is not legal at the end of the phase; always part of the pipeline.
std::unique_ptr<mlir::Pass> createPhaseCheck(Phase phase);

/// Fails at the first kernel: code for such targets comes with their back end.
std::unique_ptr<mlir::Pass> createNotLoweredYet(const TargetRow &target);

} // namespace attn

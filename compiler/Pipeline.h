// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once
#include "compiler/Options.h"
#include "compiler/targets/Targets.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/StringRef.h"

namespace mlir {
class DialectRegistry;
class OpPassManager;
} // namespace mlir

namespace attn {

/// A question the compiler answers; it ends after some pass. See README.md.
enum class Phase { Spec, Cascade, Route, Tile, Target };
llvm::StringRef phaseName(Phase phase);

/// Every dialect that a compilation meets, upstream ones and translations too.
void registerDialects(mlir::DialectRegistry &registry);

/// Adds the passes that lead to `options.until`, or all. False if that names neither a phase nor a pass.
bool buildPipeline(mlir::OpPassManager &pm, const CompileOptions &options, const TargetRow &target);

/// Names that --until takes, in order: phases and pass flags.
void forEachStop(llvm::function_ref<void(llvm::StringRef)> each);

} // namespace attn

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once
#include "compiler/codegen/Codegen.h"

namespace attn::codegen {

/// Adds the constants that describe the artifact: `attnc_artifact` and the note, or `attnc_artifact_<stem>`. The module
/// has its data layout, and the functions that `kernels` name.
void addDescriptor(llvm::Module &module, llvm::ArrayRef<KernelInterface> kernels, const TargetMachineRow &target,
                   llvm::StringRef stem);

/// "<kernel>.prepare", "<kernel>.launch<k>".
std::string prepareName(const KernelInterface &kernel);
std::string launchName(const KernelInterface &kernel, int32_t launch);

} // namespace attn::codegen

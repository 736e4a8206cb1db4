// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once
#include "compiler/codegen/Codegen.h"

namespace llvm {
class TargetMachine;
}

namespace attn::codegen {

/// LLVM's code generator for the target, at its highest level, for position-independent code.
llvm::Expected<std::unique_ptr<llvm::TargetMachine>> createMachine(const TargetMachineRow &target);

} // namespace attn::codegen

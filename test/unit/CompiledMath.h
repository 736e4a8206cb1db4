// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Compiles MLIR text after target-expand-approximations for x86-64-v3, in memory.
#pragma once
#include "llvm/ExecutionEngine/Orc/LLJIT.h"
#include "llvm/Support/MemoryBuffer.h"
#include <memory>

namespace attn::test {

/// Whether this processor runs the code.
bool hostRunsIt();

/// Functions of static memrefs, called with bare pointers. Symbols of the process are not visible to the code: a call
/// of the C library fails the lookup.
llvm::Expected<std::unique_ptr<llvm::orc::LLJIT>> compile(llvm::StringRef mlir);

/// The same as an ELF object.
llvm::Expected<std::unique_ptr<llvm::MemoryBuffer>> compileToObject(llvm::StringRef mlir);

} // namespace attn::test

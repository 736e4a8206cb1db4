// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once
#include "compiler/Options.h"
#include "llvm/Support/Error.h"

namespace attn::driver {

/// Sets what `--name value` says of a compilation: kernel, target, type, bind, tile, exact-factors (without a value).
/// Lists add up. Fails with a UsageError.
llvm::Error setOption(CompileOptions &options, llvm::StringRef name, llvm::StringRef value);

} // namespace attn::driver

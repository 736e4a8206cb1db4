// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Files that a command writes.
#pragma once
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/raw_ostream.h"

namespace attn::driver {

/// Writes a file whole or not at all: a regular one is replaced when all of it is there, through a link the one that it
/// leads to. What is no regular file (a pipe, a device) is written to and stays what it is. "-" is the standard output.
llvm::Error writeOutput(llvm::StringRef path, llvm::function_ref<llvm::Error(llvm::raw_ostream &)> write);

} // namespace attn::driver

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once
#include "compiler/driver/Request.h"
#include "llvm/ADT/ArrayRef.h"

namespace attn {

/// What to do: a command of the table below with its request, or nothing but to print `text` and leave.
struct CommandLine {
  driver::Exit (*run)(const driver::Request &) = nullptr;
  driver::Request request;
  std::string text;
};

/// `arguments` are those behind the program's name. Fails with a UsageError.
llvm::Expected<CommandLine> parseCommandLine(llvm::ArrayRef<const char *> arguments);

} // namespace attn

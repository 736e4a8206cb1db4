// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/driver/Output.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"

using namespace llvm;

static Error writeInto(StringRef path, function_ref<Error(raw_ostream &)> write) {
  std::error_code code;
  raw_fd_ostream out(path, code);
  if (code)
    return createFileError(path, code);
  Error error = write(out);
  out.close();
  code = out.error();
  out.clear_error(); // which the stream would otherwise die of
  if (code && !error)
    return createFileError(path, code);
  return error;
}

Error attn::driver::writeOutput(StringRef path, function_ref<Error(raw_ostream &)> write) {
  sys::fs::file_status status;
  if (path == "-" || sys::fs::status(path, status)) // writeToOutput says what is wrong with a path that leads nowhere
    return writeToOutput(path, write);
  if (status.type() != sys::fs::file_type::regular_file)
    return writeInto(path, write);
  SmallString<128> file; // writeToOutput renames, and would rename over a link
  if (std::error_code code = sys::fs::real_path(path, file))
    return createFileError(path, code);
  return writeToOutput(file, write);
}

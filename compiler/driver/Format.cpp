// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// attnc fmt: a spec's text, formatted.
#include "compiler/spec/Format.h"
#include "compiler/driver/Spec.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;
using namespace attn;
using namespace attn::driver;

/// The file is replaced in one step, and a link goes on leading to it.
static Error overwrite(StringRef path, StringRef text) {
  SmallString<128> file;
  std::error_code code = sys::fs::real_path(path, file);
  ErrorOr<sys::fs::perms> mode = code ? code : sys::fs::getPermissions(file);
  if (!mode)
    return inputError(path + ": " + mode.getError().message());
  Expected<sys::fs::TempFile> temporary = sys::fs::TempFile::create(file + ".%%%%%%", *mode);
  if (!temporary)
    return inputError(path + ": " + toString(temporary.takeError()));
  raw_fd_ostream out(temporary->FD, /*shouldClose=*/false);
  out << text;
  out.flush();
  if (std::error_code failed = out.error()) {
    out.clear_error();
    consumeError(temporary->discard());
    return inputError(path + ": " + failed.message());
  }
  code = sys::fs::setPermissions(temporary->FD, *mode);
  if (!code)
    return temporary->keep(file);
  consumeError(temporary->discard());
  return inputError(path + ": " + code.message());
}

static Error format(const Request &request) {
  if (request.inPlace && request.checksOnly)
    return usageError("-i writes and --check does not; choose one");
  if (request.inPlace && request.spec == "-")
    return usageError("-i needs a file, not the standard input");
  Expected<std::string> text = readText(request.spec);
  if (!text)
    return text.takeError();
  spec::Diagnostics diagnostics;
  std::optional<std::string> formatted = spec::format(diagnostics.addSource(request.spec, *text), diagnostics);
  if (!formatted)
    return make_error<ReportedError>(diagnostics.str());
  if (request.checksOnly && *formatted != *text)
    return inputError(request.spec + ": not formatted; `attnc fmt -i` formats it");
  if (request.inPlace && *formatted != *text)
    return overwrite(request.spec, *formatted);
  if (!request.inPlace && !request.checksOnly)
    outs() << *formatted;
  return Error::success();
}

Exit attn::driver::runFormat(const Request &request) {
  Error error = format(request);
  return error ? fail(std::move(error)) : Fine;
}

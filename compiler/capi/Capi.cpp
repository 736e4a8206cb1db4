// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The C interface: handles around Artifacts, which the commands use too.
#include "compiler/capi/attnc_compiler.h"
#include "compiler/driver/Artifacts.h"
#include "compiler/driver/Request.h"
#include "compiler/driver/SetOption.h"
#include "llvm/Support/FileSystem.h"
#include <mutex>
#include <new>

using namespace llvm;
using namespace attn;
using namespace attn::driver;

struct attnc_compile_options {
  CompileOptions compile;
  std::string kind = "so", stem, cacheDir = Cache::defaultDirectory();
  std::string message; ///< of the first wrong one
};

namespace {
struct Shown {
  Message message;
  std::vector<attnc_diagnostic_note> notes;
};
} // namespace

struct attnc_compilation {
  Artifact artifact;
  bool isMade = false;
  std::string text, path;
  std::vector<Shown> shown;
  std::vector<attnc_diagnostic> diagnostics;
};

//===-- options ------------------------------------------------------------------------------------------------------

attnc_compile_options *attnc_compile_options_create(void) { return new (std::nothrow) attnc_compile_options; }
void attnc_compile_options_destroy(attnc_compile_options *options) { delete options; }

static Error set(attnc_compile_options &options, StringRef name, StringRef value) {
  if (name == "emit") {
    options.kind = value.str();
    return findArtifactKind(value) ? Error::success() : unknownKind(value);
  }
  if (name == "stem")
    options.stem = value.str();
  else if (name == "cache-dir")
    options.cacheDir = value.str();
  else if (name == "no-cache")
    options.cacheDir.clear();
  else
    return setOption(options.compile, name, value);
  return Error::success();
}

attnc_compile_status attnc_compile_set(attnc_compile_options *options, const char *name, const char *value) {
  if (!options || !name)
    return ATTNC_COMPILE_INVALID_USE;
  Error error = set(*options, name, value ? value : "");
  if (!error)
    return ATTNC_COMPILE_OK;
  std::string message = toString(std::move(error));
  if (options->message.empty())
    options->message = std::move(message);
  return ATTNC_COMPILE_BAD_OPTION;
}

const char *attnc_compile_options_message(const attnc_compile_options *options) {
  return options ? options->message.c_str() : "";
}

//===-- compiling ----------------------------------------------------------------------------------------------------

static attnc_compile_status compile(StringRef text, const char *file, const attnc_compile_options &options,
                                    attnc_compilation &made, std::vector<Message> &messages) {
  raw_string_ostream out(made.text);
  MessageSink errors(out, &messages);
  if (!options.message.empty()) {
    errors.error(options.message);
    return ATTNC_COMPILE_BAD_OPTION;
  }
  Cache cache(options.cacheDir);
  Artifacts artifacts(file, text, options.compile, cache);
  Expected<Artifact> artifact =
      artifacts.make(*findArtifactKind(options.kind), options.stem.empty() ? stemOf(file) : options.stem, errors);
  if (artifact) {
    made.artifact = std::move(*artifact);
    made.isMade = true;
    return ATTNC_COMPILE_OK;
  }
  Error error = artifact.takeError();
  if (error.isA<ReportedError>()) {
    consumeError(std::move(error));
    return ATTNC_COMPILE_BAD_SPEC;
  }
  errors.error(toString(std::move(error)));
  return ATTNC_COMPILE_FAILED;
}

static void addDiagnostics(attnc_compilation &made, std::vector<Message> messages) {
  auto add = [&](Message message, attnc_severity severity) {
    Shown &shown = made.shown.emplace_back();
    shown.message = std::move(message);
    made.diagnostics.emplace_back().severity = severity;
  };
  for (Message &message : messages) {
    attnc_severity severity = message.isError ? ATTNC_SEVERITY_ERROR : ATTNC_SEVERITY_WARNING;
    add(std::move(message), severity);
  }
  for (const std::string &remark : made.artifact.remarks) {
    Message message;
    message.text = remark;
    add(std::move(message), ATTNC_SEVERITY_REMARK);
  }
  // Pointers only now that nothing moves any more.
  auto numberOf = [](unsigned number) { return static_cast<int32_t>(number); };
  for (auto [shown, row] : zip(made.shown, made.diagnostics)) {
    const Message &message = shown.message;
    for (const MessageNote &note : message.notes)
      shown.notes.push_back({note.file.c_str(), numberOf(note.line), numberOf(note.column), note.text.c_str()});
    row = {row.severity,         message.file.c_str(), numberOf(message.line), numberOf(message.column),
           message.text.c_str(), message.help.c_str(), shown.notes.data(),     shown.notes.size()};
  }
}

attnc_compile_status attnc_compile(const char *text, size_t size, const char *file,
                                   const attnc_compile_options *options, attnc_compilation **made) {
  if (made)
    *made = nullptr;
  if (!text || !made)
    return ATTNC_COMPILE_INVALID_USE;
  auto *compilation = new (std::nothrow) attnc_compilation;
  if (!compilation)
    return ATTNC_COMPILE_OUT_OF_MEMORY;
  std::vector<Message> messages;
  attnc_compile_status status =
      compile({text, size}, file ? file : "spec", options ? *options : attnc_compile_options(), *compilation, messages);
  addDiagnostics(*compilation, std::move(messages));
  *made = compilation;
  return status;
}

void attnc_compilation_destroy(attnc_compilation *compilation) {
  if (compilation && !compilation->path.empty())
    sys::fs::remove(compilation->path);
  delete compilation;
}

//===-- what was made ------------------------------------------------------------------------------------------------

const char *attnc_compilation_bytes(const attnc_compilation *compilation, size_t *size) {
  bool isMade = compilation && compilation->isMade;
  if (size)
    *size = isMade ? compilation->artifact.bytes.size() : 0;
  return isMade ? compilation->artifact.bytes.data() : nullptr;
}

const char *attnc_compilation_path(attnc_compilation *compilation) {
  if (!compilation || !compilation->isMade)
    return nullptr;
  if (!compilation->path.empty())
    return compilation->path.c_str();
  SmallString<128> path;
  int fd;
  if (sys::fs::createTemporaryFile("attnc", "so", fd, path))
    return nullptr;
  compilation->path = path.str().str();
  raw_fd_ostream out(fd, /*shouldClose=*/true);
  out << compilation->artifact.bytes;
  out.close();
  if (!out.has_error())
    return compilation->path.c_str();
  out.clear_error();
  sys::fs::remove(path);
  compilation->path.clear();
  return nullptr;
}

int attnc_compilation_from_cache(const attnc_compilation *compilation) {
  return compilation && compilation->artifact.isFromCache;
}

const char *attnc_compilation_cache_note(const attnc_compilation *compilation) {
  return compilation ? compilation->artifact.cacheNote.c_str() : "";
}

size_t attnc_compilation_num_diagnostics(const attnc_compilation *compilation) {
  return compilation ? compilation->diagnostics.size() : 0;
}

const attnc_diagnostic *attnc_compilation_diagnostic(const attnc_compilation *compilation, size_t index) {
  return index < attnc_compilation_num_diagnostics(compilation) ? &compilation->diagnostics[index] : nullptr;
}

const char *attnc_compilation_text(const attnc_compilation *compilation) {
  return compilation ? compilation->text.c_str() : "";
}

const char *attnc_compile_status_text(attnc_compile_status status) {
  static constexpr const char *texts[] = {"no error",     "invalid use", "out of memory",
                                          "wrong option", "wrong spec",  "the artifact cannot be made"};
  return size_t(status) < std::size(texts) ? texts[status] : "unknown status";
}

const char *attnc_compiler_version(void) { return ATTNC_VERSION; }

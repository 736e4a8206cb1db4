// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/driver/Spec.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FileUtilities.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Signals.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;
using namespace attn;
using namespace attn::driver;

Expected<std::string> attn::driver::readText(StringRef path) {
  ErrorOr<std::unique_ptr<MemoryBuffer>> buffer = MemoryBuffer::getFileOrSTDIN(path);
  if (!buffer)
    return inputError(path + ": " + buffer.getError().message());
  return (*buffer)->getBuffer().str();
}

Expected<std::unique_ptr<Compilation>> attn::driver::parse(StringRef path, StringRef text,
                                                           const CompileOptions &options) {
  std::unique_ptr<Compilation> compilation = parseSpec(path, text, options, errs());
  if (!compilation)
    return make_error<ReportedError>();
  return compilation;
}

Expected<Spec> attn::driver::openSpec(const Request &request) {
  Expected<std::string> text = readText(request.spec);
  if (!text)
    return text.takeError();
  Expected<std::unique_ptr<Compilation>> compilation = parse(request.spec, *text, request.options);
  if (!compilation)
    return compilation.takeError();
  Spec spec;
  spec.path = request.spec;
  spec.text = std::move(*text);
  spec.options = request.options;
  spec.compilation = std::move(*compilation);
  spec.cache = Cache(request.cacheDir);
  spec.isVerbose = request.verbose;
  std::vector<std::string> names;
  for (const codegen::KernelInterface &kernel : spec.compilation->interfaces)
    names.push_back(kernel.name);
  if (names.empty())
    return inputError(request.spec + ": there is no kernel in this file");
  if (names.size() > 1)
    return usageError(request.spec + ": several kernels; choose one with --kernel: " + listOf(names));
  spec.kernel = &spec.compilation->interfaces.front();
  spec.options.kernel = spec.kernel->name;
  return spec;
}

void attn::driver::sayCacheNote(const Artifact &artifact, bool isVerbose) {
  if (isVerbose && !artifact.cacheNote.empty())
    errs() << "cache: " << artifact.cacheNote << '\n';
}

/// From a file of its own and not from the cache, where another process may replace or remove it. It is needed until
/// the kernel is loaded.
static Expected<attnc::Module> load(const Artifact &artifact, attnc::Context &context) {
  SmallString<128> path;
  if (std::error_code code = sys::fs::createTemporaryFile("attnc", "so", path))
    return inputError("cannot make a temporary file: " + code.message());
  FileRemover remover(path);
  sys::RemoveFileOnSignal(path);
  auto forget = scope_exit([&] { sys::DontRemoveFileOnSignal(path); });
  Error error = writeToOutput(path, [&](raw_ostream &out) {
    out << artifact.bytes;
    return Error::success();
  });
  if (error)
    return std::move(error);
  attnc::Result<attnc::Module> module = context.load(path.str().str());
  if (!module)
    return inputError(module.status().message);
  return std::move(*module);
}

Expected<LoadedKernel> LoadedKernel::compile(const Spec &spec, const CompileOptions &options, attnc::Context &context) {
  std::string errors; // warnings stood there when the spec was parsed
  raw_string_ostream out(errors);
  Expected<Artifact> artifact =
      Artifacts(spec.path, spec.text, options, spec.cache).make(*findArtifactKind("so"), "", out);
  if (!artifact) {
    Error error = artifact.takeError();
    if (!error.isA<ReportedError>())
      return std::move(error);
    consumeError(std::move(error));
    return make_error<ReportedError>(std::move(errors));
  }
  sayCacheNote(*artifact, spec.isVerbose);
  Expected<attnc::Module> module = load(*artifact, context);
  if (!module)
    return module.takeError();
  attnc::Result<attnc::Kernel> kernel = module->find(spec.kernel->name.c_str());
  if (!kernel)
    return inputError(kernel.status().message);
  return LoadedKernel(std::move(*module), *kernel);
}

Expected<attnc::Context> attn::driver::createContext(int32_t threads) {
  attnc_options options = {};
  options.num_threads = threads;
  attnc::Result<attnc::Context> context = attnc::Context::create(options);
  if (!context)
    return inputError(context.status().message);
  return std::move(*context);
}

std::string attn::driver::firstError(StringRef errors) {
  size_t at = errors.find(": error: ");
  if (at == StringRef::npos)
    return errors.trim().split('\n').first.str();
  StringRef place = errors.take_front(at).rsplit('\n').second;
  if (place.empty())
    place = errors.take_front(at);
  StringRef text = errors.substr(at + 9).split('\n').first;
  return (text + " (" + place + ")").str();
}

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
  Spec spec{request.spec, std::move(*text), request.options, std::move(*compilation)};
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

/// The file is needed until the kernel is loaded.
Expected<LoadedKernel> LoadedKernel::compile(const Spec &spec, const CompileOptions &options, attnc::Context &context) {
  SmallString<128> path;
  if (std::error_code code = sys::fs::createTemporaryFile("attnc", "so", path))
    return inputError("cannot make a temporary file: " + code.message());
  FileRemover remover(path);
  sys::RemoveFileOnSignal(path);
  auto forget = scope_exit([&] { sys::DontRemoveFileOnSignal(path); });
  // Warnings stood there when the spec was parsed.
  std::string errors;
  raw_string_ostream out(errors);
  if (!buildArtifact(spec.path, spec.text, options, path, out))
    return make_error<ReportedError>(std::move(errors));
  attnc::Result<attnc::Module> module = context.load(path.str().str());
  if (!module)
    return inputError(module.status().message);
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

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The text that a command is about, parsed, and compiled kernels of it.
#pragma once
#include "compiler/driver/Artifacts.h"
#include "compiler/driver/Request.h"
#include "runtime/attnc.hpp"

namespace attn::driver {

llvm::Expected<std::string> readText(llvm::StringRef path);

/// parseSpec; what it has to say stands on the standard error, also if it fails with a ReportedError.
llvm::Expected<std::unique_ptr<Compilation>> parse(llvm::StringRef path, llvm::StringRef text,
                                                   const CompileOptions &options);

/// A spec with the one kernel that a command is about.
struct Spec {
  std::string path, text;
  CompileOptions options;                   ///< names the kernel
  std::unique_ptr<Compilation> compilation; ///< as parsed
  const codegen::KernelInterface *kernel = nullptr;
  Cache cache;
  bool isVerbose = false; ///< says what the cache did, on the standard error
};

/// Fails with a UsageError if the file has several kernels and the request names none.
llvm::Expected<Spec> openSpec(const Request &request);

/// One line on the standard error, if it is wanted.
void sayCacheNote(const Artifact &artifact, bool isVerbose);

/// A kernel ready to be called. Its artifact is in memory only: the file is gone.
class LoadedKernel {
public:
  /// Compiles, or takes from the cache, and loads into `context`, which must outlive it.
  static llvm::Expected<LoadedKernel> compile(const Spec &spec, const CompileOptions &options, attnc::Context &context);

  const attnc::Kernel &operator*() const { return kernel; }
  const attnc::Kernel *operator->() const { return &kernel; }

private:
  LoadedKernel(attnc::Module module, attnc::Kernel kernel) : module(std::move(module)), kernel(kernel) {}
  attnc::Module module;
  attnc::Kernel kernel;
};

/// What the compiler printed, in one line: "file:7:3: error: text" -> "text (file:7:3)".
std::string firstError(llvm::StringRef errors);

/// A context with so many threads; 0: one a core.
llvm::Expected<attnc::Context> createContext(int32_t threads);

} // namespace attn::driver

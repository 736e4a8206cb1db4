// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What can be made of a spec, each from the cache or compiled: the one path of the commands and of the C interface.
#pragma once
#include "compiler/Compiler.h"
#include "compiler/driver/Cache.h"

namespace attn::driver {

struct Artifact {
  std::string bytes;
  std::vector<std::string> remarks; ///< what passes said about their choices
  bool isFromCache = false;
  std::string cacheNote; ///< what the cache had to do with it, in one line; empty without a cache
};

/// A kind of file: `--emit=` this.
struct ArtifactKind {
  llvm::StringLiteral name, ending;
  bool usesStem; ///< else the stem is ignored
  llvm::Expected<std::string> (*make)(Compilation &, llvm::StringRef stem);
};
llvm::ArrayRef<ArtifactKind> artifactKinds();
/// Null if there is none of that name.
const ArtifactKind *findArtifactKind(llvm::StringRef name);
/// A UsageError that lists those there are.
llvm::Error unknownKind(llvm::StringRef name);

/// "out/my-kernel.o" -> "my_kernel": what the symbols of a linked artifact are called.
std::string stemOf(llvm::StringRef path);

/// Artifacts of one spec with one set of options. Compiles when the first is asked for that the cache does not have.
class Artifacts {
public:
  Artifacts(llvm::StringRef path, llvm::StringRef text, const CompileOptions &options, const Cache &cache)
      : path(path), text(text), options(options), cache(cache) {}

  /// Fails with a ReportedError if the spec is wrong, or cannot be compiled: what was said went to `errors`. Warnings
  /// go there too, once, also those of an artifact from the cache.
  llvm::Expected<Artifact> make(const ArtifactKind &kind, llvm::StringRef stem, MessageSink errors);

private:
  std::string keyFor(const ArtifactKind &kind, llvm::StringRef stem) const;
  llvm::Error compile(MessageSink errors);

  std::string path, text;
  CompileOptions options;
  const Cache &cache;
  std::unique_ptr<Compilation> compilation; ///< after all passes
  std::string said;                         ///< warnings, as printed
  std::vector<Message> warnings;
  bool hasWarned = false;
};

} // namespace attn::driver

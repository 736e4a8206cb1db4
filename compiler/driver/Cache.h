// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Artifacts kept from one process to the next, in a directory, by what they were made from.
#pragma once
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/CachePruning.h"
#include <optional>
#include <string>

namespace attn::driver {

/// A directory of entries, each a file named after its key. Any number of processes may use it at once: an entry is
/// put in place in one step, and has a checksum, so that a damaged one is none. Whoever can write there decides what
/// code is run.
class Cache {
public:
  /// Finds and keeps nothing.
  Cache() = default;
  /// The directory is made when the first entry is; an empty text is none.
  explicit Cache(std::string directory);

  /// $ATTNC_CACHE_DIR (none if that is empty), else $XDG_CACHE_HOME/attnc, else ~/.cache/attnc; empty if there is no
  /// home either.
  static std::string defaultDirectory();

  /// How large it may become: $ATTNC_CACHE_POLICY, in the form of llvm::parseCachePruningPolicy, else 256 MB and 4096
  /// entries. What was not used for longest goes first, each time that an entry is added.
  static llvm::CachePruningPolicy defaultPolicy();

  bool isOn() const { return !directory.empty(); }

  /// Where the entry of a key lies, whether or not it is there.
  std::string pathOf(llvm::StringRef key) const;

  enum class State { Found, Missing, Damaged };
  /// Sets `content` if the state is Found, and marks the entry as used.
  State find(llvm::StringRef key, std::string &content) const;

  /// Adds or replaces an entry; returns why it could not, or an empty text.
  std::string store(llvm::StringRef key, llvm::StringRef content) const;

private:
  std::string directory;
  llvm::CachePruningPolicy policy;
};

/// A hash of all parts, in hexadecimal digits: equal only for equal lists of parts.
std::string cacheKey(llvm::ArrayRef<std::string> parts);

/// Which build of the compiler and of LLVM this is: the build ids of the files that hold their code. Nothing if one has
/// none; then results must not be kept.
std::optional<std::string> buildId();

} // namespace attn::driver

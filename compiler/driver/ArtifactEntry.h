// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What the cache keeps of an artifact.
#pragma once
#include "compiler/Message.h"
#include "llvm/ADT/StringRef.h"
#include <optional>

namespace attn::driver {

struct ArtifactEntry {
  std::string bytes;
  std::vector<std::string> remarks;
  std::string said; ///< warnings, as printed
  std::vector<Message> warnings;
};

/// A JSON object with everything but the bytes, a zero byte, the bytes.
std::string writeEntry(const ArtifactEntry &entry);
std::optional<ArtifactEntry> readEntry(llvm::StringRef content);

} // namespace attn::driver

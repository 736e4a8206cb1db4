// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Names and pruning are LLVM's (CachePruning): files llvmcache-*, the least recently used first to go. An entry is
// a line with the version of the form, the checksum of key and content, and the content.
#include "compiler/driver/Cache.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/BLAKE3.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"
#include <cstdlib>

using namespace llvm;
using namespace attn::driver;

static constexpr StringLiteral kForm = "attnc cache 1\n";

static std::string digest(ArrayRef<StringRef> parts) {
  BLAKE3 hasher;
  for (StringRef part : parts) {
    char size[8]; // or two lists of parts could run into one text
    support::endian::write64le(size, part.size());
    hasher.update(StringRef(size, 8));
    hasher.update(part);
  }
  return toHex(hasher.final(), /*LowerCase=*/true);
}

std::string attn::driver::cacheKey(ArrayRef<std::string> parts) {
  return digest(SmallVector<StringRef>(parts.begin(), parts.end()));
}

std::string Cache::defaultDirectory() {
  if (const char *given = std::getenv("ATTNC_CACHE_DIR"))
    return given;
  SmallString<128> path;
  if (!sys::path::cache_directory(path))
    return "";
  sys::path::append(path, "attnc");
  return path.str().str();
}

CachePruningPolicy Cache::defaultPolicy() {
  CachePruningPolicy policy;
  policy.Interval = std::chrono::seconds(0);
  policy.Expiration = std::chrono::seconds(0);
  policy.MaxSizeBytes = 256 << 20;
  policy.MaxSizeFiles = 4096; // also keeps a look at all of them short
  const char *given = std::getenv("ATTNC_CACHE_POLICY");
  if (!given)
    return policy;
  Expected<CachePruningPolicy> parsed = parseCachePruningPolicy(given);
  if (parsed)
    return *parsed;
  consumeError(parsed.takeError()); // a cache is no reason to fail
  return policy;
}

Cache::Cache(std::string directory) : directory(std::move(directory)), policy(defaultPolicy()) {}

std::string Cache::pathOf(StringRef key) const {
  SmallString<128> path(directory);
  sys::path::append(path, "llvmcache-" + key);
  return path.str().str();
}

Cache::State Cache::find(StringRef key, std::string &content) const {
  if (!isOn())
    return State::Missing;
  std::string path = pathOf(key);
  Expected<sys::fs::file_t> file = sys::fs::openNativeFileForRead(path, sys::fs::OF_UpdateAtime);
  if (!file) {
    consumeError(file.takeError());
    return State::Missing;
  }
  ErrorOr<std::unique_ptr<MemoryBuffer>> buffer =
      MemoryBuffer::getOpenFile(*file, path, /*FileSize=*/-1, /*RequiresNullTerminator=*/false);
  sys::fs::closeFile(*file);
  if (!buffer)
    return State::Damaged;
  StringRef rest = (*buffer)->getBuffer();
  size_t width = 2 * LLVM_BLAKE3_OUT_LEN;
  if (!rest.consume_front(kForm) || rest.size() < width || rest.take_front(width) != digest({key, rest.substr(width)}))
    return State::Damaged;
  content = rest.substr(width).str();
  return State::Found;
}

/// Not through a TempFile, which would install signal handlers in the program that compiles. What a killed process
/// leaves goes with the other files that nobody uses.
static std::error_code writeInPlace(StringRef path, ArrayRef<StringRef> parts) {
  SmallString<128> temporary;
  int fd;
  if (std::error_code error = sys::fs::createUniqueFile(path + "-%%%%%%%%", fd, temporary))
    return error;
  raw_fd_ostream out(fd, /*shouldClose=*/true);
  for (StringRef part : parts)
    out << part;
  out.close();
  std::error_code error = out.error();
  out.clear_error();
  if (!error)
    error = sys::fs::rename(temporary, path);
  if (error)
    sys::fs::remove(temporary);
  return error;
}

std::string Cache::store(StringRef key, StringRef content) const {
  if (!isOn())
    return "";
  std::error_code error = sys::fs::create_directories(directory, /*IgnoreExisting=*/true, sys::fs::owner_all);
  // No fsync: an entry that a crash of the machine cut short fails its checksum.
  if (!error)
    error = writeInPlace(pathOf(key), {kForm, digest({key, content}), content});
  if (error)
    return directory + ": " + error.message();
  pruneCache(directory, policy);
  return "";
}

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// From an object to a file that the runtime loads, or that a program links.
#include "compiler/codegen/Codegen.h"
#include "lld/Common/Driver.h"
#include "runtime/note.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Object/ObjectFile.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FileUtilities.h"
#include "llvm/Support/MemoryBuffer.h"
#include <cstddef>
#include <mutex>

LLD_HAS_DRIVER(elf)

using namespace llvm;
using namespace attn::codegen;

static Error error(const Twine &text) { return createStringError(inconvertibleErrorCode(), text); }

Error attn::codegen::checkObject(ArrayRef<char> bytes) {
  MemoryBufferRef buffer(StringRef(bytes.data(), bytes.size()), "object");
  Expected<std::unique_ptr<object::ObjectFile>> file = object::ObjectFile::createObjectFile(buffer);
  if (!file)
    return file.takeError();
  SmallVector<std::string> refused;
  for (const object::SymbolRef &symbol : (*file)->symbols()) {
    Expected<uint32_t> flags = symbol.getFlags();
    if (!flags)
      return flags.takeError();
    Expected<StringRef> name = symbol.getName();
    if (!name)
      return name.takeError();
    bool provided = is_contained({"", "memcpy", "memmove", "memset", "_GLOBAL_OFFSET_TABLE_"}, *name);
    if ((*flags & object::SymbolRef::SF_Undefined) && !provided)
      refused.push_back(("'" + *name + "'").str());
  }
  if (refused.empty())
    return Error::success();
  return error("the code needs " + join(refused, ", ") + ", an artifact may need only memcpy, memmove and memset");
}

/// lld keeps state between its start and its end, and after a crash it must not start again.
static Error link(ArrayRef<const char *> args) {
  static std::mutex mutex;
  static bool usable = true;
  std::lock_guard<std::mutex> lock(mutex);
  if (!usable)
    return error("link failed: the linker crashed before");
  std::string text;
  raw_string_ostream messages(text);
  lld::Result result = lld::lldMain(args, messages, messages, {{lld::Gnu, &lld::elf::link}});
  usable = result.canRunAgain;
  return result.retCode == 0 ? Error::success() : error("link failed: " + StringRef(text).rtrim());
}

static Error completeNote(std::string &bytes) {
  auto *data = reinterpret_cast<unsigned char *>(bytes.data());
  uint64_t size = bytes.size(), at = attnc_find_note(data, size);
  if (at == 0)
    return error("the linked file has no attnc note");
  memcpy(data + at + offsetof(attnc_note, file_size), &size, sizeof size);
  uint64_t hash = attnc_hash(data, size, at + offsetof(attnc_note, hash));
  memcpy(data + at + offsetof(attnc_note, hash), &hash, sizeof hash);
  return Error::success();
}

/// lld reads and writes files; the note can be completed only when the linked file is there.
Expected<std::string> attn::codegen::linkArtifact(ArrayRef<char> object) {
  if (Error e = checkObject(object))
    return std::move(e);
  SmallString<128> objectPath, linked;
  int fd;
  if (std::error_code ec = sys::fs::createTemporaryFile("attnc", "o", fd, objectPath))
    return createFileError(objectPath, ec);
  FileRemover removeObject(objectPath);
  raw_fd_ostream out(fd, /*shouldClose=*/true);
  out.write(object.data(), object.size());
  out.close();
  if (std::error_code ec = out.error()) {
    out.clear_error();
    return createFileError(objectPath, ec);
  }
  linked = objectPath;
  linked += ".so";
  FileRemover removeLinked(linked);
  if (Error e = link({"ld.lld", "-shared", "--hash-style=gnu", "--build-id=none", "-z", "now", "--strip-all",
                      "--threads=1", "-o", linked.c_str(), objectPath.c_str()}))
    return std::move(e);
  ErrorOr<std::unique_ptr<MemoryBuffer>> file =
      MemoryBuffer::getFile(linked, /*IsText=*/false, /*RequiresNullTerminator=*/false);
  if (!file)
    return createFileError(linked, file.getError());
  std::string bytes = (*file)->getBuffer().str();
  if (Error e = completeNote(bytes))
    return std::move(e);
  return bytes;
}

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The linker's build id is a hash of the file: it changes when any code does.
#include "compiler/driver/Cache.h"
#include "mlir/IR/BuiltinDialect.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/raw_ostream.h"
#include <elf.h>
#include <link.h>

using namespace llvm;

namespace {
struct Search {
  uintptr_t address;
  std::string id; ///< of the loaded file that holds the address
};
} // namespace

static std::string idInNotes(const char *at, const char *end) {
  auto padded = [](size_t size) { return (size + 3) & ~size_t(3); };
  while (end - at >= ptrdiff_t(sizeof(ElfW(Nhdr)))) {
    auto *note = reinterpret_cast<const ElfW(Nhdr) *>(at);
    const char *name = at + sizeof *note, *bytes = name + padded(note->n_namesz);
    if (note->n_type == NT_GNU_BUILD_ID && StringRef(name, note->n_namesz) == StringRef("GNU", 4))
      return toHex(StringRef(bytes, note->n_descsz), /*LowerCase=*/true);
    at = bytes + padded(note->n_descsz);
  }
  return "";
}

static int visit(dl_phdr_info *info, size_t, void *data) {
  auto &search = *static_cast<Search *>(data);
  bool isHere = false;
  std::string id;
  for (int i = 0; i < info->dlpi_phnum; ++i) {
    const ElfW(Phdr) &segment = info->dlpi_phdr[i];
    uintptr_t start = info->dlpi_addr + segment.p_vaddr;
    isHere |= segment.p_type == PT_LOAD && search.address - start < segment.p_memsz;
    if (segment.p_type == PT_NOTE && id.empty())
      id = idInNotes(reinterpret_cast<const char *>(start), reinterpret_cast<const char *>(start + segment.p_filesz));
  }
  if (isHere)
    search.id = id;
  return isHere;
}

/// Of the file that defines what lies there. The address of a function may be that of a stub in the caller, so these
/// are of data or found through a vtable.
static std::string idAt(const void *address) {
  Search search{reinterpret_cast<uintptr_t>(address), ""};
  dl_iterate_phdr(visit, &search);
  return search.id;
}

std::optional<std::string> attn::driver::buildId() {
  static const std::string id = [] {
    static const char here = 0;
    std::string null;
    raw_string_ostream stream(null);
    const void *llvmVtable = *reinterpret_cast<const void *const *>(&static_cast<raw_ostream &>(stream));
    const void *mlirData = mlir::TypeID::get<mlir::BuiltinDialect>().getAsOpaquePointer();
    std::string all;
    for (const void *address : {static_cast<const void *>(&here), llvmVtable, mlirData}) {
      std::string one = idAt(address);
      if (one.empty())
        return std::string();
      all += one + " ";
    }
    return all;
  }();
  return id.empty() ? std::nullopt : std::optional<std::string>(id);
}

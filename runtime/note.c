// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/note.h"
#include <elf.h>
#include <string.h>

static uint64_t padded(uint64_t size) { return (size + 3) & ~(uint64_t)3; }

/* The attnc_note among the notes in [at, end), 0 if there is none. */
static uint64_t findInSegment(const unsigned char *bytes, uint64_t at, uint64_t end) {
  while (end - at >= sizeof(Elf64_Nhdr)) {
    Elf64_Nhdr note;
    memcpy(&note, bytes + at, sizeof note);
    uint64_t name = at + sizeof note, left = end - name;
    if (padded(note.n_namesz) > left || padded(note.n_descsz) > left - padded(note.n_namesz))
      return 0;
    uint64_t desc = name + padded(note.n_namesz);
    if (note.n_type == ATTNC_NOTE_TYPE && note.n_namesz == sizeof ATTNC_NOTE_NAME &&
        note.n_descsz == sizeof(attnc_note) && memcmp(bytes + name, ATTNC_NOTE_NAME, sizeof ATTNC_NOTE_NAME) == 0)
      return desc;
    at = desc + padded(note.n_descsz);
  }
  return 0;
}

uint64_t attnc_find_note(const unsigned char *bytes, uint64_t size) {
  Elf64_Ehdr header;
  if (size < sizeof header)
    return 0;
  memcpy(&header, bytes, sizeof header);
  if (memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_ident[EI_CLASS] != ELFCLASS64 ||
      header.e_type != ET_DYN || header.e_phentsize != sizeof(Elf64_Phdr) || header.e_phoff > size ||
      header.e_phnum > (size - header.e_phoff) / sizeof(Elf64_Phdr))
    return 0;
  for (unsigned i = 0; i < header.e_phnum; ++i) {
    Elf64_Phdr segment;
    memcpy(&segment, bytes + header.e_phoff + i * sizeof segment, sizeof segment);
    if (segment.p_type != PT_NOTE || segment.p_offset > size || segment.p_filesz > size - segment.p_offset)
      continue;
    uint64_t found = findInSegment(bytes, segment.p_offset, segment.p_offset + segment.p_filesz);
    if (found)
      return found;
  }
  return 0;
}

uint64_t attnc_hash(const unsigned char *bytes, uint64_t size, uint64_t skip) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (uint64_t i = 0; i < size; ++i)
    hash = (hash ^ (i - skip < 8 ? 0 : bytes[i])) * 0x100000001b3u;
  return hash;
}

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Finding the note in bytes of any kind, and files that are no artifacts. Real artifacts and damaged ones:
// CodegenTest.cpp.
#include "runtime/attnc.hpp"
#include "runtime/note.h"
#include "gtest/gtest.h"
#include <cstring>
#include <elf.h>
#include <random>

namespace {

/// The least ELF file with a note: headers, one segment, the note.
std::vector<unsigned char> minimalFile() {
  Elf64_Ehdr header = {};
  memcpy(header.e_ident, ELFMAG, SELFMAG);
  header.e_ident[EI_CLASS] = ELFCLASS64;
  header.e_type = ET_DYN;
  header.e_phoff = sizeof header;
  header.e_phentsize = sizeof(Elf64_Phdr);
  header.e_phnum = 1;
  Elf64_Phdr segment = {};
  segment.p_type = PT_NOTE;
  segment.p_offset = sizeof header + sizeof segment;
  segment.p_filesz = ATTNC_NOTE_HEADER_SIZE + sizeof(attnc_note);
  Elf64_Nhdr note = {sizeof ATTNC_NOTE_NAME, sizeof(attnc_note), ATTNC_NOTE_TYPE};
  std::vector<unsigned char> bytes(segment.p_offset + segment.p_filesz);
  memcpy(bytes.data(), &header, sizeof header);
  memcpy(bytes.data() + sizeof header, &segment, sizeof segment);
  memcpy(bytes.data() + segment.p_offset, &note, sizeof note);
  memcpy(bytes.data() + segment.p_offset + sizeof note, ATTNC_NOTE_NAME, sizeof ATTNC_NOTE_NAME);
  return bytes;
}

TEST(RuntimeLoad, noteIsFoundInTheLeastFile) {
  std::vector<unsigned char> bytes = minimalFile();
  EXPECT_EQ(attnc_find_note(bytes.data(), bytes.size()), bytes.size() - sizeof(attnc_note));
}

TEST(RuntimeLoad, noNoteInTruncatedFiles) {
  std::vector<unsigned char> bytes = minimalFile();
  for (size_t size = 0; size < bytes.size(); ++size) {
    std::vector<unsigned char> cut(bytes.begin(),
                                   bytes.begin() + static_cast<long>(size)); // its end is ASan's to guard
    EXPECT_EQ(attnc_find_note(cut.data(), cut.size()), 0u) << size;
  }
}

TEST(RuntimeLoad, garbageIsReadWithinBounds) {
  std::mt19937 random(1);
  for (int i = 0; i < 20000; ++i) {
    std::vector<unsigned char> bytes = minimalFile();
    for (int flips = 0; flips < 6; ++flips)
      bytes[random() % bytes.size()] = static_cast<unsigned char>(random());
    uint64_t at = attnc_find_note(bytes.data(), bytes.size());
    ASSERT_LE(at, bytes.size() - sizeof(attnc_note));
  }
}

TEST(RuntimeLoad, hashSeesEachBitButNotItself) {
  std::vector<unsigned char> bytes(40, 7);
  uint64_t before = attnc_hash(bytes.data(), bytes.size(), 8);
  for (size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] ^= 1;
    EXPECT_EQ(attnc_hash(bytes.data(), bytes.size(), 8) == before, i >= 8 && i < 16) << i;
    bytes[i] ^= 1;
  }
}

TEST(RuntimeLoad, whatIsNoFileOfOurs) {
  attnc::Result<attnc::Context> context = attnc::Context::create({1, nullptr, nullptr});
  EXPECT_EQ(context->load("no/such.so").status().message, "no/such.so: No such file or directory");
  EXPECT_EQ(context->load("/").status().message, "/: is not a regular file");
  EXPECT_EQ(context->load("/dev/null").status().message, "/dev/null: is not a regular file");
  attnc::Status self = context->load("/proc/self/exe").status();
  EXPECT_EQ(self.code, ATTNC_NOT_AN_ARTIFACT);
  EXPECT_EQ(self.message, "/proc/self/exe: is not an attnc artifact");
  attnc_module *module;
  EXPECT_EQ(attnc_load(nullptr, "x", &module), ATTNC_INVALID_USE);
  EXPECT_EQ(attnc_load(context->get(), nullptr, &module), ATTNC_INVALID_USE);
  EXPECT_STREQ(attnc_message(context->get()), "attnc_load: 'path' is null");
}

} // namespace

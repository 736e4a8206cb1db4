// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What the loader looks at before the dynamic loader may see a file: any bytes, and such as begin like an artifact.
// What it accepts is not loaded here: mapping a file is running its code.
#include "runtime/internal.h"
#include "runtime/note.h"
#include <cstdlib>
#include <cstring>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static attnc_context *context = [] {
    attnc_context *made = nullptr;
    attnc_options options = {1, nullptr, nullptr};
    return attnc_create(&options, &made) == ATTNC_OK ? made : nullptr;
  }();
  std::vector<uint8_t> bytes(data, data + size); // of exactly this size, so that a read past the end is seen
  attnc_note note;
  attnc_status status = attnc_check_bytes(context, "fuzz.so", bytes.data(), size, &note);
  if (status != ATTNC_OK && !*attnc_message(context))
    std::abort();
  // The same with size and hash as the compiler would have completed them: the checks behind them are reached.
  if (uint64_t at = attnc_find_note(bytes.data(), size)) {
    if (at > size || size - at < sizeof note)
      std::abort();
    uint64_t whole = size;
    std::memcpy(bytes.data() + at + offsetof(attnc_note, file_size), &whole, sizeof whole);
    uint64_t hash = attnc_hash(bytes.data(), size, at + offsetof(attnc_note, hash));
    std::memcpy(bytes.data() + at + offsetof(attnc_note, hash), &hash, sizeof hash);
    status = attnc_check_bytes(context, "fuzz.so", bytes.data(), size, &note);
    if (status == ATTNC_DAMAGED)
      std::abort();
  }
  return 0;
}

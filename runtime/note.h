// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
/* The ELF note of an artifact: found by the loader before it trusts the file, completed by the compiler after linking.
 */
#ifndef ATTNC_NOTE_H
#define ATTNC_NOTE_H

#include "runtime/attnc_abi.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Bytes from the start of the note to the attnc_note in it: ELF's note header and the padded name. */
#define ATTNC_NOTE_HEADER_SIZE 20u

/* Offset in the file of the attnc_note, 0 if the bytes are no artifact. Reads nothing outside the buffer. */
uint64_t attnc_find_note(const unsigned char *bytes, uint64_t size);
/* FNV-1a, 64 bits, over the file with the 8 bytes at `skip` taken as zero. */
uint64_t attnc_hash(const unsigned char *bytes, uint64_t size, uint64_t skip);

#ifdef __cplusplus
}
#endif
#endif

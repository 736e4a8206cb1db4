// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
/* What this CPU and its operating system run, against the feature bits of artifacts. */
#include "runtime/internal.h"

/* One instruction set extension that a feature bit stands for. */
typedef struct {
  uint32_t feature;
  const char *target; /* what the bit is called */
  const char *extension;
  int here;
} row;

const char *attnc_missing_features(uint32_t features, attnc_text *text) {
  __builtin_cpu_init();
#define ROW(feature, target, extension) {feature, target, extension, __builtin_cpu_supports(extension) != 0}
  const row rows[] = {
      ROW(ATTNC_CPU_X86_64_V3, "x86-64-v3", "avx2"),          ROW(ATTNC_CPU_X86_64_V3, "x86-64-v3", "fma"),
      ROW(ATTNC_CPU_X86_64_V3, "x86-64-v3", "f16c"),          ROW(ATTNC_CPU_X86_64_V3, "x86-64-v3", "bmi"),
      ROW(ATTNC_CPU_X86_64_V3, "x86-64-v3", "bmi2"),          ROW(ATTNC_CPU_X86_64_V3, "x86-64-v3", "lzcnt"),
      ROW(ATTNC_CPU_X86_64_V4, "x86-64-v4", "avx512f"),       ROW(ATTNC_CPU_X86_64_V4, "x86-64-v4", "avx512bw"),
      ROW(ATTNC_CPU_X86_64_V4, "x86-64-v4", "avx512cd"),      ROW(ATTNC_CPU_X86_64_V4, "x86-64-v4", "avx512dq"),
      ROW(ATTNC_CPU_X86_64_V4, "x86-64-v4", "avx512vl"),      ROW(ATTNC_CPU_AVX512_BF16, "avx512bf16", "avx512bf16"),
      ROW(ATTNC_CPU_AVX512_VNNI, "avx512vnni", "avx512vnni"),
  };
#undef ROW
  text->used = 0;
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; ++i) {
    if (!(features & rows[i].feature) || rows[i].here)
      continue;
    attnc_append(text, "made for %s, this CPU has no %s", rows[i].target, rows[i].extension);
    return text->bytes;
  }
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; ++i)
    features &= ~rows[i].feature;
  if (features == 0)
    return NULL;
  attnc_append(text, "made for CPU features that this runtime does not know (bits %#x)", features);
  return text->bytes;
}

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
/* ABI 1: what an artifact exports and what generated code is handed. Plain C11 data; written by the compiler, read by
 * the runtime, and by nobody else. An artifact is an ELF object with one exported symbol, `attnc_artifact`
 * (`attnc_artifact_STEM` when linked statically), of type attnc_artifact_descriptor, and one ELF note (attnc_note) that
 * is checked before the file reaches the dynamic loader. */
#ifndef ATTNC_ABI_H
#define ATTNC_ABI_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define ATTNC_ABI_VERSION 1u
#define ATTNC_ABI_MAGIC 0x636e747461u /* "attnc", little endian */
#define ATTNC_NOTE_NAME "attnc"       /* with its zero byte: 6 bytes, padded to 8 */
#define ATTNC_NOTE_TYPE 1u
#define ATTNC_MAX_DIMS 8

/* Instruction-set features a kernel may need; bits of attnc_kernel_descriptor.features. */
enum {
  ATTNC_CPU_X86_64_V3 = 1u << 0, /* AVX2, FMA, F16C, BMI2 */
  ATTNC_CPU_X86_64_V4 = 1u << 1, /* AVX-512 F BW CD DQ VL */
  ATTNC_CPU_AVX512_BF16 = 1u << 2,
  ATTNC_CPU_AVX512_VNNI = 1u << 3
};

typedef enum {
  ATTNC_F16 = 1,
  ATTNC_BF16,
  ATTNC_F32,
  ATTNC_F64,
  ATTNC_I8,
  ATTNC_U8,
  ATTNC_I32,
  ATTNC_I64,
  ATTNC_BOOL /* one byte, 0 or 1 */
} attnc_element;

/* Descriptor of the ELF note. `hash` covers the whole file with these 8 bytes as zero. */
typedef struct {
  uint32_t version;
  uint32_t features; /* the least the artifact needs: without them nothing in it runs */
  uint64_t file_size, hash;
} attnc_note;

/* A tensor as generated code sees it: strides in elements, data null for an optional tensor that is not given. */
typedef struct {
  void *data;
  int64_t sizes[ATTNC_MAX_DIMS];
  int64_t strides[ATTNC_MAX_DIMS];
} attnc_view;

/* One call. The runtime fills it but for the fields that `prepare` sets. */
typedef struct {
  const attnc_view *tensors; /* tensor arguments, in order of declaration, results last */
  void *scalars;    /* 8 bytes each, in order of declaration: float types as a double, integers and bool as int64;
                       `prepare` writes the defaults of those not given */
  uint64_t given;   /* bit i: scalar i is given */
  int64_t *symbols; /* extents: those of shapes filled by the runtime, declared ranks by `prepare` */
  int64_t *tasks;   /* set by `prepare`: tasks of each launch */
  int64_t workspace_bytes; /* set by `prepare`: shared by all launches of this call */
  int64_t scratch_bytes;   /* set by `prepare`: of each worker */
  char *workspace;         /* 64-byte aligned */
  char *scratch;           /* worker w: scratch + w * scratch_stride, 64-byte aligned */
  int64_t scratch_stride;
} attnc_frame;

typedef enum { ATTNC_IN = 1, ATTNC_OUT = 2, ATTNC_INOUT = 3 } attnc_direction;
typedef enum { ATTNC_ARG_TENSOR, ATTNC_ARG_SCALAR } attnc_arg_kind;

/* One dimension of a tensor argument: its extent is `factor` times the product of the symbols listed. */
typedef struct {
  const char *name;       /* as the spec writes it: "m", "h*e" */
  int64_t factor;         /* product of the extents bound at compile time; 1 if none */
  const int32_t *symbols; /* indices into attnc_kernel_descriptor.symbols */
  int32_t num_symbols;
} attnc_dim_descriptor;

typedef struct {
  const char *name;
  uint32_t kind;      /* attnc_arg_kind */
  uint32_t element;   /* attnc_element; of a scalar too */
  uint32_t direction; /* attnc_direction; ATTNC_IN for scalars */
  uint32_t optional;  /* 1: need not be given (a scalar with a default, an optional tensor) */
  const attnc_dim_descriptor *dims;
  int32_t num_dims; /* 0 for scalars */
} attnc_arg_descriptor;

typedef struct {
  const char *name;  /* of the rank, lower case */
  int64_t extent;    /* bound at compile time, or -1 */
  uint32_t declared; /* 1: `prepare` computes it, the runtime does not solve it from shapes */
} attnc_symbol_descriptor;

/* A `require` of the spec, or an equality of a declared rank with a shape. */
typedef struct {
  const char *text, *file;
  int32_t line;
} attnc_check_descriptor;

/* One launch: called for each task in [0, tasks), in any order, by workers below the announced number. */
typedef void (*attnc_launch)(void *call, int64_t task, int32_t worker);

typedef struct {
  const char *name;
  uint32_t features;
  int32_t num_args, num_symbols, num_checks, num_launches;
  const attnc_arg_descriptor *args; /* inputs and scalars as declared, then results */
  const attnc_symbol_descriptor *symbols;
  const attnc_check_descriptor *checks;
  int32_t (*prepare)(attnc_frame *call); /* -1, or the index of the first failed check */
  const attnc_launch *launches;          /* run in order, with a join between */
} attnc_kernel_descriptor;

typedef struct {
  uint64_t magic;
  uint32_t version, num_kernels;
  const attnc_kernel_descriptor *kernels; /* several of one name are versions: the best that runs here is taken */
  const void *note;                       /* the ELF note as mapped, from its header on; null when linked statically */
} attnc_artifact_descriptor;

#ifdef __cplusplus
}
#endif
#endif

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
/* What the sources of the runtime share, and nobody else sees. */
#ifndef ATTNC_INTERNAL_H
#define ATTNC_INTERNAL_H

#include "runtime/attnc.h"
#include "runtime/pool.h"
#include <pthread.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { ATTNC_ALIGNMENT = 64, ATTNC_MESSAGE_SIZE = 1024 };

/* ---- memory.c: buffers that outlive calls --------------------------------------------------------------------------
 */

/* A free buffer, and while in use the owner of its bytes, which are aligned to a page. */
typedef struct attnc_buffer {
  struct attnc_buffer *next;
  size_t size;
  char *bytes;
} attnc_buffer;

/* As many buffers as calls ever ran at once, each as large as the largest call that used it. */
typedef struct {
  pthread_mutex_t lock;
  attnc_buffer *free;
} attnc_cache;

/* The smallest free buffer that is large enough, or a new one in place of the largest. Null if there is no memory. */
attnc_buffer *attnc_cache_take(attnc_cache *cache, size_t size);
void attnc_cache_give(attnc_cache *cache, attnc_buffer *buffer); /* null is allowed */
void attnc_cache_clear(attnc_cache *cache);

/* ---- context.c -----------------------------------------------------------------------------------------------------
 */

typedef struct attnc_message_slot attnc_message_slot;

struct attnc_context {
  attnc_parallel_for parallel_for;
  void *user;
  int32_t num_workers;
  attnc_pool *pool;             /* null with the embedder's parallel_for */
  attnc_cache calls, workspace; /* apart: a call's small block must not hold a large one */
  pthread_mutex_t lock;         /* of the two lists below */
  attnc_message_slot *messages;
  attnc_module *modules;
};

/* Sets this thread's message, returns `status`. */
attnc_status attnc_fail(attnc_context *context, attnc_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* A text in a buffer of fixed size: what does not fit is cut off. */
typedef struct {
  char bytes[ATTNC_MESSAGE_SIZE];
  size_t used;
} attnc_text;
void attnc_append(attnc_text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* ---- cpu.c ---------------------------------------------------------------------------------------------------------
 */

/* Null if this CPU has all of `features`; otherwise text describing what is missing, in `text`. */
const char *attnc_missing_features(uint32_t features, attnc_text *text);

/* ---- load.c --------------------------------------------------------------------------------------------------------
 */

/* Whether the bytes of a file are a whole artifact of this version, for this CPU; then its note. */
attnc_status attnc_check_bytes(attnc_context *context, const char *path, const unsigned char *bytes, uint64_t size,
                               attnc_note *note);

/* ---- module.c ------------------------------------------------------------------------------------------------------
 */

struct attnc_kernel {
  attnc_module *module;
  const attnc_kernel_descriptor *descriptor;
  int32_t num_tensors, num_scalars;
  int32_t *tensors, *scalars; /* their arguments, in order */
};

struct attnc_module {
  attnc_context *context;
  attnc_module *next;
  void *handle; /* of dlopen; null when linked */
  const attnc_artifact_descriptor *artifact;
  char *name; /* the path as given; "the linked artifact" */
  attnc_kernel *kernels;
  int32_t num_kernels;
};

/* Makes a module of a descriptor, and owns `handle` from then on if it succeeds. */
attnc_status attnc_add_module(attnc_context *context, const attnc_artifact_descriptor *artifact, const char *name,
                              void *handle, attnc_module **module);

/* ---- bind.c, solve.c, overlap.c: the arguments of one call ---------------------------------------------------------
 */

enum { ATTNC_SOURCE_UNKNOWN = -1, ATTNC_SOURCE_COMPILED = -2, ATTNC_SOURCE_PREPARED = -3 };

typedef struct {
  const attnc_kernel *kernel;
  const attnc_kernel_descriptor *descriptor;
  attnc_context *context;
  attnc_frame call;
  const attnc_arg **given; /* of each argument, null if it is not given */
  attnc_view *views;       /* of each tensor; what call.tensors points at */
  int32_t *sources;        /* of each symbol: the argument that told its extent, or one of the above */
} attnc_binding;

size_t attnc_binding_size(const attnc_kernel *kernel);
/* Lays the arrays of a binding out in `bytes` and clears them. */
void attnc_binding_init(attnc_binding *binding, const attnc_kernel *kernel, char *bytes);

/* Matches arguments by name and checks each on its own; fills views and scalars. `partial`: some may be missing. */
attnc_status attnc_bind(attnc_binding *binding, const attnc_arg *args, int32_t num_args, int partial);
/* Solves the symbols, checks the extents that depend on them. */
attnc_status attnc_solve(attnc_binding *binding);
/* After `prepare`: checks the extents that depend on declared ranks. */
attnc_status attnc_check_declared(attnc_binding *binding);
/* The extent of a dimension; -1 if a symbol is unknown, or the product too large. */
int64_t attnc_extent(const attnc_binding *binding, const attnc_dim_descriptor *dim);
/* Results share no memory with themselves or other arguments. */
attnc_status attnc_check_overlap(attnc_binding *binding);

#ifdef __cplusplus
}
#endif
#endif

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
/* The runtime: loads artifacts that attnc wrote and calls their kernels. Plain C11; no LLVM, no global mutable state,
 * never aborts and never prints.
 *
 *   attnc_context *ctx;  attnc_module *m;
 *   attnc_create(NULL, &ctx);
 *   if (attnc_load(ctx, "mha.so", &m)) puts(attnc_message(ctx));
 *   attnc_kernel *k = attnc_find(m, "mha");
 *   attnc_status s = attnc_call(k, (attnc_arg[]){ATTNC_TENSOR("Q", &q), ATTNC_SCALAR("scale", 0.125), ...}, 4);
 *
 * Threads: every function may be called from several threads at once, attnc_destroy and attnc_unload excepted, which
 * must be the last to use what they free. */
#ifndef ATTNC_H
#define ATTNC_H

#include "attnc_abi.h"
#include "attnc_dlpack.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct attnc_context attnc_context; /* threads, cached memory, messages */
typedef struct attnc_module attnc_module;   /* a loaded or linked artifact; owned by its context */
typedef struct attnc_kernel attnc_kernel;   /* owned by its module */

typedef enum {
  ATTNC_OK = 0,
  ATTNC_INVALID_USE,     /* a null pointer, a number of threads below 0, ... */
  ATTNC_OUT_OF_MEMORY,   /* memory or threads */
  ATTNC_CANNOT_READ,     /* no such file, no permission, not a regular file */
  ATTNC_NOT_AN_ARTIFACT, /* no attnc note in the file, no attnc descriptor behind the pointer */
  ATTNC_WRONG_VERSION,   /* made for another ABI version */
  ATTNC_WRONG_CPU,       /* needs instructions that this CPU lacks */
  ATTNC_DAMAGED,         /* size, hash or descriptor are not what the compiler wrote */
  ATTNC_CANNOT_LOAD,     /* the dynamic loader refused it */
  ATTNC_OTHER_LOADED,    /* the file was replaced while its predecessor is loaded */
  ATTNC_BAD_ARGUMENT,    /* an argument of a call does not fit the kernel */
  ATTNC_CHECK_FAILED     /* a `require` of the spec does not hold for these arguments */
} attnc_status;

/* Runs fn(ctx, task, worker) for each task in [0, n), in any order, and returns when all are done. Tasks that run at
 * the same time have different workers, each in [0, num_workers); the calling thread may take part. Must not throw. Is
 * called by several threads at once if kernels are. */
typedef void (*attnc_parallel_for)(void *user, int64_t n, void (*fn)(void *ctx, int64_t task, int32_t worker),
                                   void *ctx);

/* All zero: one thread a core (of those this process may use). */
typedef struct {
  int32_t
      num_threads; /* the caller included; 0: number of cores. With parallel_for: its number of workers, at least 1 */
  attnc_parallel_for parallel_for; /* null: the runtime's own threads */
  void *user;                      /* handed to parallel_for */
} attnc_options;

/* `options` may be null. On failure `*context` is null, and the status is all there is to know. */
attnc_status attnc_create(const attnc_options *options, attnc_context **context);
/* Unloads its modules, stops its threads. Null is allowed. */
void attnc_destroy(attnc_context *context);

/* What went wrong in this thread's last failed use of the context: one line without a full stop, "" if nothing did.
 * Each thread has its own; the text stays until the thread's next failure or attnc_destroy. */
const char *attnc_message(attnc_context *context);
/* A few words for a status, for programs without a context. */
const char *attnc_status_text(attnc_status status);

/* Reads and checks the file before the dynamic loader sees it. On failure `*module` is null. */
attnc_status attnc_load(attnc_context *context, const char *path, attnc_module **module);
/* The same for an artifact in the program: attnc_link(ctx, &attnc_artifact_STEM, &m). */
attnc_status attnc_link(attnc_context *context, const attnc_artifact_descriptor *artifact, attnc_module **module);
/* Frees the module and its kernels before attnc_destroy would. Null is allowed. */
void attnc_unload(attnc_module *module);

/* The kernel of that name, in the best version this CPU runs; null (and a message) if there is none. */
attnc_kernel *attnc_find(attnc_module *module, const char *name);
/* Kernels that run here, in the order of the artifact: null past the last. */
attnc_kernel *attnc_kernel_at(attnc_module *module, int32_t index);
/* Name, arguments, dimensions, symbols and checks: read only, valid as long as the module. */
const attnc_kernel_descriptor *attnc_describe(const attnc_kernel *kernel);

typedef enum { ATTNC_GIVEN_TENSOR, ATTNC_GIVEN_DOUBLE, ATTNC_GIVEN_INT64 } attnc_given;

/* An argument of a call, by name; order does not matter. */
typedef struct {
  const char *name;
  attnc_given given;
  union {
    const DLTensor *tensor;
    double f64;
    int64_t i64;
  } value;
} attnc_arg;

static inline attnc_arg attnc_make_tensor(const char *name, const DLTensor *tensor) {
  attnc_arg arg;
  arg.name = name;
  arg.given = ATTNC_GIVEN_TENSOR;
  arg.value.tensor = tensor;
  return arg;
}
static inline attnc_arg attnc_make_double(const char *name, double value) {
  attnc_arg arg;
  arg.name = name;
  arg.given = ATTNC_GIVEN_DOUBLE;
  arg.value.f64 = value;
  return arg;
}
static inline attnc_arg attnc_make_int64(const char *name, int64_t value) {
  attnc_arg arg;
  arg.name = name;
  arg.given = ATTNC_GIVEN_INT64;
  arg.value.i64 = value;
  return arg;
}
#define ATTNC_TENSOR(name, tensor) attnc_make_tensor(name, tensor) /* a null tensor: not given */
#define ATTNC_SCALAR(name, value) attnc_make_double(name, value)   /* for scalars of a float type */
#define ATTNC_INT(name, value) attnc_make_int64(name, value)       /* for any scalar; bool is 0 or 1 */

/* Checks the arguments, runs the kernel, returns when it is done. Nothing is written unless the status is ATTNC_OK.
 *
 * Tensors lie in CPU memory, aligned to their element type, with any strides (of results: such that no two elements
 * share memory, proven when each stride, in order of size, exceeds the span of the smaller ones). A result must not
 * share memory with another argument. That is decided by byte ranges, but views that interleave with one common period,
 * as the columns of one matrix do, are told apart. A tensor without elements may have null data. */
attnc_status attnc_call(attnc_kernel *kernel, const attnc_arg *args, int32_t num_args);

/* The extents that tensor argument `name` must have (ATTNC_MAX_DIMS places in `sizes`), from those of `args`, which
 * need not be complete: to allocate results before the call. */
attnc_status attnc_shape(attnc_kernel *kernel, const attnc_arg *args, int32_t num_args, const char *name,
                         int64_t *sizes);

/* "f32", ...; "?" for a value that is none. */
const char *attnc_element_name(uint32_t element);
/* Size of one element in bytes; 0 for a value that is none. */
int32_t attnc_element_size(uint32_t element);

#ifdef __cplusplus
}
#endif
#endif

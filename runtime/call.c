// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
/* A call: check, prepare, find memory, launch. Everything that can fail comes before the first launch. */
#include "runtime/internal.h"
#include <string.h>

static attnc_status checkPrepared(const attnc_binding *b) {
  const attnc_frame *call = &b->call;
  for (int32_t i = 0; i < b->descriptor->num_launches; ++i)
    if (call->tasks[i] < 0)
      return attnc_fail(b->context, ATTNC_DAMAGED, "kernel '%s' asks for %lld tasks in launch %d", b->descriptor->name,
                        (long long)call->tasks[i], i);
  if (call->workspace_bytes < 0 || call->scratch_bytes < 0)
    return attnc_fail(b->context, ATTNC_DAMAGED, "kernel '%s' asks for %lld bytes of workspace, %lld of scratch",
                      b->descriptor->name, (long long)call->workspace_bytes, (long long)call->scratch_bytes);
  return ATTNC_OK;
}

static attnc_status prepare(attnc_binding *b) {
  const attnc_kernel_descriptor *kernel = b->descriptor;
  for (int32_t i = 0; i < kernel->num_symbols; ++i)
    if (b->call.symbols[i] < 0 && !kernel->symbols[i].declared)
      b->call.symbols[i] = 0; /* only in optional tensors that are not given, or in dimensions without points */
  int32_t failed = kernel->prepare(&b->call);
  if (failed >= kernel->num_checks || failed < -1)
    return attnc_fail(b->context, ATTNC_DAMAGED, "kernel '%s' reports check %d of %d", kernel->name, failed,
                      kernel->num_checks);
  if (failed >= 0)
    return attnc_fail(b->context, ATTNC_CHECK_FAILED, "%s:%d: '%s' does not hold", kernel->checks[failed].file,
                      kernel->checks[failed].line, kernel->checks[failed].text);
  attnc_status status = checkPrepared(b);
  return status == ATTNC_OK ? attnc_check_declared(b) : status;
}

/* Workspace and scratch lie in one buffer, which the caller gives back; null if there is no memory. */
static attnc_buffer *findMemory(attnc_binding *b) {
  attnc_frame *call = &b->call;
  int64_t scratch, total;
  if (__builtin_add_overflow(call->workspace_bytes, ATTNC_ALIGNMENT - 1, &scratch) ||
      __builtin_add_overflow(call->scratch_bytes, ATTNC_ALIGNMENT - 1, &call->scratch_stride))
    return NULL;
  scratch -= scratch % ATTNC_ALIGNMENT;
  call->scratch_stride -= call->scratch_stride % ATTNC_ALIGNMENT;
  if (__builtin_mul_overflow(call->scratch_stride, (int64_t)b->context->num_workers, &total) ||
      __builtin_add_overflow(total, scratch, &total))
    return NULL;
  attnc_buffer *buffer = attnc_cache_take(&b->context->workspace, (size_t)total);
  if (buffer) {
    call->workspace = buffer->bytes;
    call->scratch = buffer->bytes + scratch;
  }
  return buffer;
}

static void launch(attnc_binding *b) {
  attnc_context *context = b->context;
  for (int32_t i = 0; i < b->descriptor->num_launches; ++i) {
    if (b->call.tasks[i] == 0)
      continue;
    if (context->parallel_for)
      context->parallel_for(context->user, b->call.tasks[i], b->descriptor->launches[i], &b->call);
    else
      attnc_pool_run(context->pool, b->call.tasks[i], b->descriptor->launches[i], &b->call);
  }
}

static attnc_status run(attnc_binding *b, const attnc_arg *args, int32_t num_args) {
  attnc_status status = attnc_bind(b, args, num_args, /*partial=*/0);
  if (status == ATTNC_OK)
    status = attnc_solve(b);
  if (status == ATTNC_OK)
    status = attnc_check_overlap(b);
  if (status == ATTNC_OK)
    status = prepare(b);
  if (status != ATTNC_OK)
    return status;
  attnc_buffer *memory = findMemory(b);
  if (!memory)
    return attnc_fail(b->context, ATTNC_OUT_OF_MEMORY,
                      "kernel '%s': no memory for %lld bytes of workspace and %d times %lld of scratch",
                      b->descriptor->name, (long long)b->call.workspace_bytes, b->context->num_workers,
                      (long long)b->call.scratch_bytes);
  launch(b);
  attnc_cache_give(&b->context->workspace, memory);
  return ATTNC_OK;
}

attnc_status attnc_call(attnc_kernel *kernel, const attnc_arg *args, int32_t num_args) {
  if (!kernel)
    return ATTNC_INVALID_USE;
  attnc_context *context = kernel->module->context;
  attnc_binding binding;
  attnc_buffer *buffer = attnc_cache_take(&context->calls, attnc_binding_size(kernel));
  if (!buffer)
    return attnc_fail(context, ATTNC_OUT_OF_MEMORY, "kernel '%s': out of memory", kernel->descriptor->name);
  attnc_binding_init(&binding, kernel, buffer->bytes);
  attnc_status status = run(&binding, args, num_args);
  attnc_cache_give(&context->calls, buffer);
  return status;
}

/* Declared ranks are known to `prepare` alone, which may look at any input. A failed check does not matter here as long
 * as the ranks are there: the call will report it. */
static void prepareForShape(attnc_binding *b) {
  for (int32_t i = 0; i < b->descriptor->num_args; ++i) {
    const attnc_arg_descriptor *arg = &b->descriptor->args[i];
    if (!b->given[i] && !arg->optional && arg->direction != ATTNC_OUT)
      return;
  }
  for (int32_t i = 0; i < b->descriptor->num_symbols; ++i)
    if (b->call.symbols[i] < 0 && !b->descriptor->symbols[i].declared)
      return;
  b->descriptor->prepare(&b->call);
}

static attnc_status readShape(attnc_binding *b, const attnc_arg_descriptor *arg, int64_t *sizes) {
  for (int32_t d = 0; d < arg->num_dims; ++d) {
    sizes[d] = attnc_extent(b, &arg->dims[d]);
    if (sizes[d] < 0)
      return attnc_fail(b->context, ATTNC_BAD_ARGUMENT,
                        "extent of '%s' in '%s' does not follow from the arguments given", arg->dims[d].name,
                        arg->name);
  }
  return ATTNC_OK;
}

static const attnc_arg_descriptor *findTensor(const attnc_kernel_descriptor *kernel, const char *name) {
  for (int32_t i = 0; i < kernel->num_args; ++i)
    if (kernel->args[i].kind == ATTNC_ARG_TENSOR && strcmp(kernel->args[i].name, name) == 0)
      return &kernel->args[i];
  return NULL;
}

attnc_status attnc_shape(attnc_kernel *kernel, const attnc_arg *args, int32_t num_args, const char *name,
                         int64_t *sizes) {
  if (!kernel)
    return ATTNC_INVALID_USE;
  attnc_context *context = kernel->module->context;
  const attnc_arg_descriptor *arg = name && sizes ? findTensor(kernel->descriptor, name) : NULL;
  if (!arg)
    return attnc_fail(context, ATTNC_INVALID_USE, "kernel '%s' has no tensor '%s'", kernel->descriptor->name,
                      name ? name : "");
  attnc_binding binding;
  attnc_buffer *buffer = attnc_cache_take(&context->calls, attnc_binding_size(kernel));
  if (!buffer)
    return attnc_fail(context, ATTNC_OUT_OF_MEMORY, "kernel '%s': out of memory", kernel->descriptor->name);
  attnc_binding_init(&binding, kernel, buffer->bytes);
  attnc_status status = attnc_bind(&binding, args, num_args, /*partial=*/1);
  if (status == ATTNC_OK)
    status = attnc_solve(&binding);
  if (status == ATTNC_OK) {
    prepareForShape(&binding);
    status = readShape(&binding, arg, sizes);
  }
  attnc_cache_give(&context->calls, buffer);
  return status;
}

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
/* The arguments of a call, matched by name and checked one by one against the descriptor. What depends on several of
 * them is in solve.c (extents) and overlap.c (memory). */
#include "runtime/internal.h"
#include <string.h>

/* Element types: DLPack's name for each, and the values that a scalar of it takes. */
static const struct {
  const char *name;
  uint8_t code, bytes, bits;
  int64_t least, most;
} elements[] = {
    [ATTNC_F16] = {"f16", kDLFloat, 2, 16, 0, 0},
    [ATTNC_BF16] = {"bf16", kDLBfloat, 2, 16, 0, 0},
    [ATTNC_F32] = {"f32", kDLFloat, 4, 32, 0, 0},
    [ATTNC_F64] = {"f64", kDLFloat, 8, 64, 0, 0},
    [ATTNC_I8] = {"i8", kDLInt, 1, 8, INT8_MIN, INT8_MAX},
    [ATTNC_U8] = {"u8", kDLUInt, 1, 8, 0, UINT8_MAX},
    [ATTNC_I32] = {"i32", kDLInt, 4, 32, INT32_MIN, INT32_MAX},
    [ATTNC_I64] = {"i64", kDLInt, 8, 64, INT64_MIN, INT64_MAX},
    [ATTNC_BOOL] = {"bool", kDLBool, 1, 8, 0, 1},
};
static int isElement(uint32_t e) { return e >= ATTNC_F16 && e <= ATTNC_BOOL; }
static int isFloat(uint32_t e) { return elements[e].code == kDLFloat || elements[e].code == kDLBfloat; }
const char *attnc_element_name(uint32_t element) { return isElement(element) ? elements[element].name : "?"; }
int32_t attnc_element_size(uint32_t element) { return isElement(element) ? elements[element].bytes : 0; }

static size_t take(size_t *used, size_t bytes) {
  size_t at = *used;
  *used += (bytes + ATTNC_ALIGNMENT - 1) / ATTNC_ALIGNMENT * ATTNC_ALIGNMENT;
  return at;
}

/* Lays out the arrays and returns their total size; `bytes` may be null to learn it. */
static size_t layOut(attnc_binding *b, const attnc_kernel *kernel, char *bytes) {
  const attnc_kernel_descriptor *d = kernel->descriptor;
  size_t used = 0;
  size_t given = take(&used, (size_t)d->num_args * sizeof *b->given);
  size_t views = take(&used, (size_t)kernel->num_tensors * sizeof *b->views);
  size_t sources = take(&used, (size_t)d->num_symbols * sizeof *b->sources);
  size_t scalars = take(&used, (size_t)kernel->num_scalars * 8);
  size_t symbols = take(&used, (size_t)d->num_symbols * sizeof(int64_t));
  size_t tasks = take(&used, (size_t)d->num_launches * sizeof(int64_t));
  if (!bytes)
    return used;
  memset(bytes, 0, used);
  b->given = (const attnc_arg **)(void *)(bytes + given);
  b->views = (attnc_view *)(void *)(bytes + views);
  b->sources = (int32_t *)(void *)(bytes + sources);
  b->call.tensors = b->views;
  b->call.scalars = bytes + scalars;
  b->call.symbols = (int64_t *)(void *)(bytes + symbols);
  b->call.tasks = (int64_t *)(void *)(bytes + tasks);
  return used;
}

size_t attnc_binding_size(const attnc_kernel *kernel) { return layOut(NULL, kernel, NULL); }

void attnc_binding_init(attnc_binding *b, const attnc_kernel *kernel, char *bytes) {
  memset(b, 0, sizeof *b);
  b->kernel = kernel;
  b->descriptor = kernel->descriptor;
  b->context = kernel->module->context;
  layOut(b, kernel, bytes);
  for (int32_t i = 0; i < b->descriptor->num_symbols; ++i) {
    b->call.symbols[i] = b->descriptor->symbols[i].extent;
    b->sources[i] = b->call.symbols[i] < 0 ? ATTNC_SOURCE_UNKNOWN : ATTNC_SOURCE_COMPILED;
  }
}

/* "[b,h,m,e]" */
static void appendDims(attnc_text *text, const attnc_arg_descriptor *arg) {
  attnc_append(text, "[");
  for (int32_t d = 0; d < arg->num_dims; ++d)
    attnc_append(text, "%s%s", d ? "," : "", arg->dims[d].name);
  attnc_append(text, "]");
}

static void appendType(attnc_text *text, DLDataType type) {
  for (uint32_t e = ATTNC_F16; e <= ATTNC_BOOL; ++e)
    if (type.code == elements[e].code && type.bits == elements[e].bits && type.lanes == 1) {
      attnc_append(text, "%s", elements[e].name);
      return;
    }
  attnc_append(text, "DLPack type code %u, %u bits, %u lanes", type.code, type.bits, type.lanes);
}

static attnc_status checkType(attnc_binding *b, const attnc_arg_descriptor *arg, const DLTensor *tensor) {
  attnc_text found = {.used = 0}, dims = {.used = 0};
  if (tensor->device.device_type != kDLCPU)
    return attnc_fail(b->context, ATTNC_BAD_ARGUMENT, "argument '%s' lies on DLPack device %d, expected the CPU (1)",
                      arg->name, (int)tensor->device.device_type);
  if (tensor->dtype.code != elements[arg->element].code || tensor->dtype.bits != elements[arg->element].bits ||
      tensor->dtype.lanes != 1) {
    appendType(&found, tensor->dtype);
    return attnc_fail(b->context, ATTNC_BAD_ARGUMENT, "argument '%s' has elements of type %s, expected %s", arg->name,
                      found.bytes, elements[arg->element].name);
  }
  if (tensor->ndim != arg->num_dims) {
    appendDims(&dims, arg);
    return attnc_fail(b->context, ATTNC_BAD_ARGUMENT, "argument '%s' has %d dimensions, expected %d: %s", arg->name,
                      tensor->ndim, arg->num_dims, dims.bytes);
  }
  if (tensor->ndim > 0 && !tensor->shape)
    return attnc_fail(b->context, ATTNC_BAD_ARGUMENT, "argument '%s' has no shape", arg->name);
  return ATTNC_OK;
}

/* Copies the shape, makes compact strides where none are given. `*empty`: there are no elements. */
static attnc_status fillShape(attnc_binding *b, const attnc_arg_descriptor *arg, const DLTensor *tensor,
                              attnc_view *view, int *empty) {
  int64_t compact = 1;
  *empty = 0;
  for (int32_t d = arg->num_dims; d-- > 0;) {
    int64_t size = tensor->shape[d];
    if (size < 0)
      return attnc_fail(b->context, ATTNC_BAD_ARGUMENT, "rank '%s' of argument '%s' has negative extent %lld",
                        arg->dims[d].name, arg->name, (long long)size);
    view->sizes[d] = size;
    view->strides[d] = tensor->strides ? tensor->strides[d] : compact;
    *empty |= size == 0;
    if (__builtin_mul_overflow(compact, size ? size : 1, &compact))
      return attnc_fail(b->context, ATTNC_BAD_ARGUMENT, "argument '%s' is too large", arg->name);
  }
  return ATTNC_OK;
}

/* All addresses of the elements lie in [0, 2^63). */
static int fitsMemory(const attnc_view *view, int32_t num_dims, int64_t bytes) {
  __int128 lo = (__int128)(uintptr_t)view->data, hi = lo + bytes;
  for (int32_t d = 0; d < num_dims; ++d) {
    __int128 span = (__int128)view->strides[d] * (view->sizes[d] - 1);
    if (span > INT64_MAX || span < INT64_MIN)
      return 0;
    *(span < 0 ? &lo : &hi) += span * bytes;
  }
  return lo >= 0 && hi <= INT64_MAX;
}

static attnc_status bindTensor(attnc_binding *b, int32_t t) {
  static const _Alignas(ATTNC_ALIGNMENT) char nothing[ATTNC_ALIGNMENT];
  const attnc_arg_descriptor *arg = &b->descriptor->args[b->kernel->tensors[t]];
  const attnc_arg *given = b->given[b->kernel->tensors[t]];
  if (!given)
    return ATTNC_OK;
  if (given->given != ATTNC_GIVEN_TENSOR)
    return attnc_fail(b->context, ATTNC_BAD_ARGUMENT, "argument '%s' is a scalar, expected a tensor", arg->name);
  const DLTensor *tensor = given->value.tensor;
  attnc_view *view = &b->views[t];
  int empty;
  attnc_status status = checkType(b, arg, tensor);
  if (status == ATTNC_OK)
    status = fillShape(b, arg, tensor, view, &empty);
  if (status != ATTNC_OK)
    return status;
  if (empty) { /* null would say that the tensor is not given */
    view->data = (void *)(uintptr_t)nothing;
    return ATTNC_OK;
  }
  if (!tensor->data)
    return attnc_fail(b->context, ATTNC_BAD_ARGUMENT, "argument '%s' has null data", arg->name);
  int64_t bytes = elements[arg->element].bytes;
  view->data = (char *)tensor->data + tensor->byte_offset;
  if ((uintptr_t)view->data % (uintptr_t)bytes != 0)
    return attnc_fail(b->context, ATTNC_BAD_ARGUMENT,
                      "argument '%s' starts at %p, which is not a multiple of %lld bytes", arg->name, view->data,
                      (long long)bytes);
  if (!fitsMemory(view, arg->num_dims, bytes))
    return attnc_fail(b->context, ATTNC_BAD_ARGUMENT, "argument '%s' spans more memory than there is", arg->name);
  return ATTNC_OK;
}

static attnc_status bindScalar(attnc_binding *b, int32_t s) {
  const attnc_arg_descriptor *arg = &b->descriptor->args[b->kernel->scalars[s]];
  const attnc_arg *given = b->given[b->kernel->scalars[s]];
  if (!given)
    return ATTNC_OK;
  if (given->given == ATTNC_GIVEN_TENSOR)
    return attnc_fail(b->context, ATTNC_BAD_ARGUMENT, "argument '%s' is a tensor, expected a scalar", arg->name);
  b->call.given |= (uint64_t)1 << s;
  if (isFloat(arg->element)) {
    ((double *)b->call.scalars)[s] = given->given == ATTNC_GIVEN_DOUBLE ? given->value.f64 : (double)given->value.i64;
    return ATTNC_OK;
  }
  if (given->given != ATTNC_GIVEN_INT64)
    return attnc_fail(b->context, ATTNC_BAD_ARGUMENT, "argument '%s' is a floating-point value, expected %s", arg->name,
                      elements[arg->element].name);
  int64_t value = given->value.i64;
  if (value < elements[arg->element].least || value > elements[arg->element].most)
    return attnc_fail(b->context, ATTNC_BAD_ARGUMENT, "argument '%s' is %lld, which is outside %s", arg->name,
                      (long long)value, elements[arg->element].name);
  ((int64_t *)b->call.scalars)[s] = value;
  return ATTNC_OK;
}

static attnc_status unknownArg(attnc_binding *b, const char *name) {
  attnc_text known = {.used = 0};
  for (int32_t i = 0; i < b->descriptor->num_args; ++i)
    attnc_append(&known, "%s'%s'", i ? ", " : "", b->descriptor->args[i].name);
  return attnc_fail(b->context, ATTNC_BAD_ARGUMENT, "kernel '%s' has no argument '%s', it has %s", b->descriptor->name,
                    name, b->descriptor->num_args ? known.bytes : "none");
}

static attnc_status match(attnc_binding *b, const attnc_arg *arg) {
  if (!arg->name)
    return attnc_fail(b->context, ATTNC_INVALID_USE, "attnc_call: an argument has no name");
  int32_t i = 0;
  while (i < b->descriptor->num_args && strcmp(b->descriptor->args[i].name, arg->name) != 0)
    ++i;
  if (i == b->descriptor->num_args)
    return unknownArg(b, arg->name);
  if (b->given[i])
    return attnc_fail(b->context, ATTNC_BAD_ARGUMENT, "argument '%s' is given twice", arg->name);
  if (arg->given != ATTNC_GIVEN_TENSOR || arg->value.tensor)
    b->given[i] = arg;
  return ATTNC_OK;
}

attnc_status attnc_bind(attnc_binding *b, const attnc_arg *args, int32_t num_args, int partial) {
  attnc_status status = ATTNC_OK;
  if (num_args < 0 || (num_args > 0 && !args))
    return attnc_fail(b->context, ATTNC_INVALID_USE, "attnc_call: %d arguments at %p", num_args, (const void *)args);
  for (int32_t i = 0; i < num_args && status == ATTNC_OK; ++i)
    status = match(b, &args[i]);
  for (int32_t i = 0; i < b->descriptor->num_args && status == ATTNC_OK && !partial; ++i)
    if (!b->given[i] && !b->descriptor->args[i].optional)
      status = attnc_fail(b->context, ATTNC_BAD_ARGUMENT, "argument '%s' is missing", b->descriptor->args[i].name);
  for (int32_t t = 0; t < b->kernel->num_tensors && status == ATTNC_OK; ++t)
    status = bindTensor(b, t);
  for (int32_t s = 0; s < b->kernel->num_scalars && status == ATTNC_OK; ++s)
    status = bindScalar(b, s);
  return status;
}

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
/* Results must not share memory: not with themselves (two indices, one address), not with another argument.
 *
 * Two views are told apart if their byte ranges are disjoint, or if some period S, taken from their strides, proves it:
 * when every stride of both is either smaller than S or a multiple of it, then an address modulo S lies in the span of
 * the smaller strides alone, and two such spans that are disjoint modulo S never meet. That covers views interleaved in
 * one buffer (packed QKV, halves of the columns of a matrix, real and imaginary parts). Both tests are sound; what they
 * cannot decide counts as sharing. */
#include "runtime/internal.h"

/* Where a tensor lies. bind.c made sure that nothing here overflows. */
typedef struct {
  const attnc_view *view; /* null: no elements, or not given */
  int32_t num_dims;
  int64_t bytes; /* of one element */
} place;

static place placeOf(const attnc_binding *b, int32_t t) {
  const attnc_arg_descriptor *arg = &b->descriptor->args[b->kernel->tensors[t]];
  place p = {&b->views[t], arg->num_dims, attnc_element_size(arg->element)};
  for (int32_t d = 0; d < p.num_dims; ++d)
    if (b->views[t].sizes[d] == 0)
      p.view = NULL;
  return p;
}

static int64_t strideOf(const place *p, int32_t d) { /* in bytes, without sign */
  if (p->view->sizes[d] == 1)                        /* of one place, the stride may be anything */
    return 0;
  int64_t stride = p->view->strides[d] * p->bytes;
  return stride < 0 ? -stride : stride;
}

typedef struct {
  int64_t lo, hi;
} range;

/* The bytes reached by the dimensions whose stride is below `period`. */
static range spanBelow(const place *p, int64_t period) {
  range r = {(int64_t)(uintptr_t)p->view->data, 0};
  r.hi = r.lo + p->bytes;
  for (int32_t d = 0; d < p->num_dims; ++d) {
    int64_t last = p->view->strides[d] * (p->view->sizes[d] - 1) * p->bytes;
    if (p->view->sizes[d] == 1 || strideOf(p, d) >= period)
      continue;
    *(last < 0 ? &r.lo : &r.hi) += last;
  }
  return r;
}

static int isPeriodOf(const place *p, int64_t period) {
  for (int32_t d = 0; d < p->num_dims; ++d)
    if (p->view->sizes[d] > 1 && strideOf(p, d) >= period && strideOf(p, d) % period != 0)
      return 0;
  return 1;
}

static int isApartModulo(const place *a, const place *b, int64_t period) {
  if (period == 0 || !isPeriodOf(a, period) || !isPeriodOf(b, period))
    return 0;
  range ra = spanBelow(a, period), rb = spanBelow(b, period);
  int64_t distance = (rb.lo - ra.lo) % period;
  if (distance < 0)
    distance += period;
  return distance >= ra.hi - ra.lo && distance + (rb.hi - rb.lo) <= period;
}

static int isApart(const place *a, const place *b) {
  range ra = spanBelow(a, INT64_MAX), rb = spanBelow(b, INT64_MAX);
  if (ra.hi <= rb.lo || rb.hi <= ra.lo)
    return 1;
  for (int32_t d = 0; d < a->num_dims; ++d)
    if (a->view->sizes[d] > 1 && isApartModulo(a, b, strideOf(a, d)))
      return 1;
  for (int32_t d = 0; d < b->num_dims; ++d)
    if (b->view->sizes[d] > 1 && isApartModulo(a, b, strideOf(b, d)))
      return 1;
  return 0;
}

/* Each stride exceeds the span of all smaller ones. */
static int isInjective(const place *p) {
  uint32_t done = 0;
  int64_t span = p->bytes;
  for (int32_t round = 0; round < p->num_dims; ++round) {
    int32_t least = -1;
    for (int32_t d = 0; d < p->num_dims; ++d)
      if (!(done >> d & 1) && (least < 0 || strideOf(p, d) < strideOf(p, least)))
        least = d;
    done |= 1u << least;
    if (p->view->sizes[least] > 1 && strideOf(p, least) < span)
      return 0;
    if (p->view->sizes[least] > 1)
      span += strideOf(p, least) * (p->view->sizes[least] - 1);
  }
  return 1;
}

attnc_status attnc_check_overlap(attnc_binding *b) {
  const attnc_arg_descriptor *args = b->descriptor->args;
  const int32_t *tensors = b->kernel->tensors;
  for (int32_t t = 0; t < b->kernel->num_tensors; ++t) {
    place result = placeOf(b, t);
    if (!(args[tensors[t]].direction & ATTNC_OUT) || !result.view)
      continue;
    if (!isInjective(&result))
      return attnc_fail(b->context, ATTNC_BAD_ARGUMENT, "result '%s' has strides that let elements share memory",
                        args[tensors[t]].name);
    for (int32_t other = 0; other < b->kernel->num_tensors; ++other) {
      place p = placeOf(b, other);
      if (other != t && p.view && !isApart(&result, &p))
        return attnc_fail(b->context, ATTNC_BAD_ARGUMENT, "result '%s' shares memory with argument '%s'",
                          args[tensors[t]].name, args[tensors[other]].name);
    }
  }
  return ATTNC_OK;
}

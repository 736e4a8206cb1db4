// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
/* Extents of symbols from shapes. Each dimension of a given tensor says
 *
 *     size = factor * product of symbols.
 *
 * The first with exactly one unknown symbol solves it; that is repeated until there is none: so 'h*e' with e known from
 * another argument gives h, and messages blame later arguments, results last. Then every dimension must hold. Symbols
 * of declared ranks are computed by the kernel's `prepare`; the dimensions they occur in are checked after it. */
#include "runtime/internal.h"

/* What is known of a dimension's extent. */
typedef struct {
  int64_t known;   /* factor times the known symbols; -1 if too large */
  int32_t unknown; /* how many are not known */
  int32_t last;    /* the last of those */
  int declared;    /* one of them waits for `prepare` */
} product;

static product multiply(const attnc_binding *b, const attnc_dim_descriptor *dim) {
  product p = {dim->factor, 0, -1, 0};
  int overflow = 0;
  for (int32_t i = 0; i < dim->num_symbols; ++i) {
    int32_t symbol = dim->symbols[i];
    int64_t extent = b->call.symbols[symbol];
    if (extent < 0) {
      ++p.unknown;
      p.last = symbol;
      p.declared |= b->descriptor->symbols[symbol].declared != 0;
      continue;
    }
    overflow |= __builtin_mul_overflow(p.known, extent, &p.known);
  }
  if (overflow)
    p.known = -1;
  return p;
}

int64_t attnc_extent(const attnc_binding *b, const attnc_dim_descriptor *dim) {
  product p = multiply(b, dim);
  return p.unknown ? -1 : p.known;
}

/* "h = 2 from 'K', e = 32 as compiled" */
static void appendFactors(attnc_text *text, const attnc_binding *b, const attnc_dim_descriptor *dim) {
  const char *separator = "";
  if (dim->factor != 1) {
    attnc_append(text, "%lld as compiled", (long long)dim->factor);
    separator = ", ";
  }
  for (int32_t i = 0; i < dim->num_symbols; ++i) {
    int32_t symbol = dim->symbols[i], source = b->sources[symbol];
    if (b->call.symbols[symbol] < 0)
      continue;
    attnc_append(text, "%s%s = %lld ", separator, b->descriptor->symbols[symbol].name,
                 (long long)b->call.symbols[symbol]);
    if (source >= 0)
      attnc_append(text, "from '%s'", b->descriptor->args[source].name);
    else
      attnc_append(text, "as %s", source == ATTNC_SOURCE_PREPARED ? "declared" : "compiled");
    separator = ", ";
  }
}

static attnc_status mismatch(const attnc_binding *b, const attnc_arg_descriptor *arg, const attnc_dim_descriptor *dim,
                             int64_t found, int64_t expected) {
  attnc_text factors = {.used = 0};
  int32_t source = dim->num_symbols == 1 ? b->sources[dim->symbols[0]] : ATTNC_SOURCE_COMPILED;
  if (dim->num_symbols > 1 || (dim->num_symbols == 1 && dim->factor != 1)) {
    appendFactors(&factors, b, dim);
    return attnc_fail(b->context, ATTNC_BAD_ARGUMENT,
                      "dimension '%s' of argument '%s' has extent %lld, but %lld follows from %s", dim->name, arg->name,
                      (long long)found, (long long)expected, factors.bytes);
  }
  if (source >= 0)
    return attnc_fail(b->context, ATTNC_BAD_ARGUMENT, "rank '%s' of argument '%s' has extent %lld, but %lld from '%s'",
                      dim->name, arg->name, (long long)found, (long long)expected, b->descriptor->args[source].name);
  return attnc_fail(b->context, ATTNC_BAD_ARGUMENT, "rank '%s' of argument '%s' has extent %lld, but %lld as %s",
                    dim->name, arg->name, (long long)found, (long long)expected,
                    source == ATTNC_SOURCE_PREPARED ? "declared" : "compiled");
}

/* Solves the dimension if it has one unknown; `*changed` says that it did. */
static attnc_status solveDim(attnc_binding *b, int32_t arg, int32_t d, int64_t size, int *changed) {
  const attnc_dim_descriptor *dim = &b->descriptor->args[arg].dims[d];
  product p = multiply(b, dim);
  if (p.unknown != 1 || p.declared || p.known <= 0)
    return ATTNC_OK;
  if (size % p.known != 0) {
    attnc_text factors = {.used = 0};
    appendFactors(&factors, b, dim);
    return attnc_fail(b->context, ATTNC_BAD_ARGUMENT,
                      "dimension '%s' of argument '%s' has extent %lld, which is not a multiple of %lld (%s)",
                      dim->name, b->descriptor->args[arg].name, (long long)size, (long long)p.known, factors.bytes);
  }
  b->call.symbols[p.last] = size / p.known;
  b->sources[p.last] = arg;
  *changed = 1;
  return ATTNC_OK;
}

static attnc_status checkDim(attnc_binding *b, int32_t arg, int32_t d, int64_t size, int *unused) {
  const attnc_arg_descriptor *descriptor = &b->descriptor->args[arg];
  const attnc_dim_descriptor *dim = &descriptor->dims[d];
  product p = multiply(b, dim);
  (void)unused;
  if (p.declared)
    return ATTNC_OK;
  if (p.unknown == 0 || p.known == 0)
    return p.known == size ? ATTNC_OK : mismatch(b, descriptor, dim, size, p.known);
  if (size == 0) /* some factor is 0, whichever: there is nothing to do along it */
    return ATTNC_OK;
  return attnc_fail(b->context, ATTNC_BAD_ARGUMENT,
                    "dimension '%s' of argument '%s' has extent %lld, and no argument tells its factors apart",
                    dim->name, descriptor->name, (long long)size);
}

/* Visits the dimensions of all tensors that are given, until one fails or sets `*changed`. */
static attnc_status forEachDim(attnc_binding *b,
                               attnc_status (*visit)(attnc_binding *, int32_t, int32_t, int64_t, int *), int *changed) {
  for (int32_t t = 0; t < b->kernel->num_tensors; ++t) {
    int32_t arg = b->kernel->tensors[t];
    for (int32_t d = 0; b->given[arg] && d < b->descriptor->args[arg].num_dims; ++d) {
      attnc_status status = visit(b, arg, d, b->views[t].sizes[d], changed);
      if (status != ATTNC_OK || *changed)
        return status;
    }
  }
  return ATTNC_OK;
}

attnc_status attnc_solve(attnc_binding *b) {
  int changed = 1;
  while (changed) {
    changed = 0;
    attnc_status status = forEachDim(b, solveDim, &changed);
    if (status != ATTNC_OK)
      return status;
  }
  return forEachDim(b, checkDim, &changed);
}

attnc_status attnc_check_declared(attnc_binding *b) {
  for (int32_t i = 0; i < b->descriptor->num_symbols; ++i)
    if (b->descriptor->symbols[i].declared && b->call.symbols[i] >= 0)
      b->sources[i] = ATTNC_SOURCE_PREPARED;
  int unchanged = 0;
  return forEachDim(b, checkDim, &unchanged);
}

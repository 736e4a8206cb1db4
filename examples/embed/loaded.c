// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
/* loaded FILE: loads causal grouped-query attention from a shared object (causal_gqa.attn with E = F = 16) and calls
 * it.
 *
 * All queries are 0, so each output is the mean of the values it may see; V[g,m,f] = 10*g + m, so O[h,p,f] is
 * 10*(h*G/H) + p/2. */
#include <attnc/attnc.h>
#include <stdio.h>

enum { H = 4, G = 2, P = 4, E = 16 };
static float queries[H][P][E], keys[G][P][E], values[G][P][E], outputs[H][P][E];

static DLTensor tensor(void *data, int64_t shape[4]) {
  DLTensor t = {data, {kDLCPU, 0}, 4, {kDLFloat, 32, 1}, shape, NULL, 0};
  return t;
}

static int attend(attnc_kernel *kernel, DLTensor q) {
  int64_t keyShape[] = {1, G, P, E}, outputShape[] = {1, H, P, E};
  DLTensor k = tensor(keys, keyShape), v = tensor(values, keyShape), o = tensor(outputs, outputShape);
  attnc_arg args[] = {ATTNC_TENSOR("Q", &q), ATTNC_TENSOR("K", &k), ATTNC_TENSOR("V", &v), ATTNC_TENSOR("O", &o)};
  return attnc_call(kernel, args, 4);
}

static int run(attnc_context *context, const char *path) {
  attnc_module *module; /* freed with the context */
  if (attnc_load(context, path, &module))
    return 1;
  attnc_kernel *kernel = attnc_find(module, "causal_gqa");
  int64_t shape[] = {1, H, P, E}, narrow[] = {1, H, P, E / 2};
  if (!kernel || attend(kernel, tensor(queries, shape)))
    return 1;
  for (int h = 0; h < H; ++h)
    printf("head %d: %g %g %g %g\n", h, outputs[h][0][0], outputs[h][1][0], outputs[h][2][0], outputs[h][3][0]);

  if (attend(kernel, tensor(queries, narrow))) /* nothing is written then */
    printf("refused: %s\n", attnc_message(context));
  return 0;
}

int main(int argc, char **argv) {
  if (argc != 2) {
    fprintf(stderr, "usage: loaded FILE\n");
    return 2;
  }
  for (int g = 0; g < G; ++g)
    for (int m = 0; m < P; ++m)
      for (int f = 0; f < E; ++f)
        values[g][m][f] = (float)(10 * g + m);

  attnc_context *context;
  attnc_status status = attnc_create(NULL, &context);
  if (status) {
    fprintf(stderr, "%s\n", attnc_status_text(status));
    return 1;
  }
  int failed = run(context, argv[1]);
  if (failed)
    fprintf(stderr, "%s\n", attnc_message(context));
  attnc_destroy(context);
  return failed;
}

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
/* attnc.h as a C program uses it; RuntimeInterfaceTest.cpp calls this and checks the result. */
#include "runtime/attnc.h"
#include <stdio.h>

/* Returns 0, or the number of the first step that went wrong; the message of a refused call goes to `message`. */
int callFromC(const attnc_artifact_descriptor *artifact, char *message, size_t size) {
  float x[2][3] = {{1, 2, 3}, {4, 5, 6}}, y[3] = {10, 20, 30}, o[2][3];
  int64_t matrix[] = {2, 3}, vector[] = {3};
  DLTensor tx = {x, {kDLCPU, 0}, 2, {kDLFloat, 32, 1}, matrix, NULL, 0}, ty = tx, to = tx;
  ty.data = y;
  ty.ndim = 1;
  ty.shape = vector;
  to.data = o;
  attnc_context *ctx;
  attnc_module *module;
  if (attnc_create(NULL, &ctx) != ATTNC_OK)
    return 1;
  if (attnc_link(ctx, artifact, &module) != ATTNC_OK)
    return 2;
  attnc_kernel *kernel = attnc_find(module, "rows");
  if (!kernel || attnc_describe(kernel)->num_args != 6)
    return 3;
  if (attnc_call(kernel,
                 (attnc_arg[]){ATTNC_TENSOR("X", &tx), ATTNC_TENSOR("Y", &ty), ATTNC_TENSOR("O", &to),
                               ATTNC_TENSOR("Z", NULL), ATTNC_SCALAR("alpha", 0.5), ATTNC_INT("repeat", 1)},
                 6) != ATTNC_OK)
    return 4;
  for (int i = 0; i < 6; ++i)
    if (o[i / 3][i % 3] != 0.5f * x[i / 3][i % 3] + y[i % 3])
      return 5;
  if (attnc_call(kernel, (attnc_arg[]){ATTNC_TENSOR("X", &tx)}, 1) != ATTNC_BAD_ARGUMENT)
    return 6;
  snprintf(message, size, "%s", attnc_message(ctx));
  attnc_unload(module);
  attnc_destroy(ctx);
  return 0;
}

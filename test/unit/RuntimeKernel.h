// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A kernel written by hand against the ABI, as the compiler would describe it:
//
//   O[b, h*e] = alpha * X[b, h*e] + Y[e] (+ Z[b, c], c = 2 declared, if Z is given),  require b <= 100
//
// One task per row; a first launch clears the workspace, the second one counts rows in it.
#pragma once
#include "runtime/attnc.hpp"

namespace handmade {

inline int32_t prepare(attnc_frame *call) {
  if (!(call->given & 1))
    static_cast<double *>(call->scalars)[0] = 2.0;
  if (!(call->given & 2))
    static_cast<int64_t *>(call->scalars)[1] = 1;
  call->symbols[3] = 2;
  if (call->symbols[0] > 100)
    return 0;
  call->tasks[0] = 1;
  call->tasks[1] = call->symbols[0];
  call->workspace_bytes = 8 * 100;
  call->scratch_bytes = 4 * call->symbols[2] + 1;
  return -1;
}

inline void clear(void *frame, int64_t, int32_t) {
  auto *call = static_cast<attnc_frame *>(frame);
  for (int i = 0; i < 100; ++i)
    reinterpret_cast<int64_t *>(call->workspace)[i] = 0;
}

inline void row(void *frame, int64_t task, int32_t worker) {
  auto *call = static_cast<attnc_frame *>(frame);
  auto at = [&](int tensor, int64_t i, int64_t j) {
    const attnc_view &v = call->tensors[tensor];
    return static_cast<float *>(v.data) + i * v.strides[0] + j * v.strides[1];
  };
  reinterpret_cast<int64_t *>(call->workspace)[task] += 1;
  auto *y = reinterpret_cast<float *>(call->scratch + worker * call->scratch_stride);
  int64_t e = call->symbols[2], width = call->symbols[1] * e;
  for (int64_t j = 0; j < e; ++j)
    y[j] = *at(1, j, 0);
  float alpha = static_cast<float>(static_cast<double *>(call->scalars)[0]);
  auto repeat = static_cast<int64_t *>(call->scalars)[1];
  for (int64_t j = 0; j < width; ++j) {
    float x = *at(0, task, j);
    float z = call->tensors[2].data ? *at(2, task, j % 2) : 0.0f;
    *at(3, task, j) = alpha * x + y[j % e] + z +
                      static_cast<float>(reinterpret_cast<int64_t *>(call->workspace)[task] - 1) +
                      static_cast<float>(repeat - 1);
  }
}

inline const int32_t b[] = {0}, he[] = {1, 2}, e[] = {2}, c[] = {3};
inline const attnc_dim_descriptor xDims[] = {{"b", 1, b, 1}, {"h*e", 1, he, 2}};
inline const attnc_dim_descriptor yDims[] = {{"e", 1, e, 1}};
inline const attnc_dim_descriptor zDims[] = {{"b", 1, b, 1}, {"c", 1, c, 1}};
inline const attnc_arg_descriptor args[] = {
    {"X", ATTNC_ARG_TENSOR, ATTNC_F32, ATTNC_IN, 0, xDims, 2},
    {"Y", ATTNC_ARG_TENSOR, ATTNC_F32, ATTNC_IN, 0, yDims, 1},
    {"alpha", ATTNC_ARG_SCALAR, ATTNC_F32, ATTNC_IN, 1, nullptr, 0},
    {"repeat", ATTNC_ARG_SCALAR, ATTNC_I8, ATTNC_IN, 1, nullptr, 0},
    {"Z", ATTNC_ARG_TENSOR, ATTNC_F32, ATTNC_IN, 1, zDims, 2},
    {"O", ATTNC_ARG_TENSOR, ATTNC_F32, ATTNC_OUT, 0, xDims, 2},
};
inline const attnc_symbol_descriptor symbols[] = {{"b", -1, 0}, {"h", -1, 0}, {"e", -1, 0}, {"c", -1, 1}};
inline const attnc_check_descriptor checks[] = {{"b <= 100", "rows.attn", 7}};
inline const attnc_launch launches[] = {clear, row};
inline const attnc_kernel_descriptor kernels[] = {
    {"rows", 0, 6, 4, 1, 2, args, symbols, checks, prepare, launches},
    {"rows", 1u << 31, 6, 4, 1, 2, args, symbols, checks, prepare, launches},
    {"future", 1u << 31, 6, 4, 1, 2, args, symbols, checks, prepare, launches},
};
inline const attnc_artifact_descriptor artifact = {ATTNC_ABI_MAGIC, ATTNC_ABI_VERSION, 3, kernels, nullptr};

} // namespace handmade

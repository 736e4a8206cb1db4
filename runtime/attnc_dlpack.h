// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
/* The part of DLPack that the runtime reads, declared here so that embedders need no other header. The layout is
 * DLPack's own (https://dmlc.github.io/dlpack, DLTensor). Programs that use dlpack.h itself include it before attnc.h,
 * or define ATTNC_USE_DLPACK_H to have <dlpack/dlpack.h> included here. */
#ifndef ATTNC_DLPACK_H
#define ATTNC_DLPACK_H

#ifdef ATTNC_USE_DLPACK_H
#include <dlpack/dlpack.h>
#endif

#ifndef DLPACK_DLPACK_H_ /* the guard of dlpack.h */
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum { kDLCPU = 1 } DLDeviceType;
typedef enum { kDLInt = 0, kDLUInt = 1, kDLFloat = 2, kDLBfloat = 4, kDLBool = 6 } DLDataTypeCode;

typedef struct {
  DLDeviceType device_type;
  int32_t device_id;
} DLDevice;

typedef struct {
  uint8_t code, bits;
  uint16_t lanes;
} DLDataType;

typedef struct {
  void *data;
  DLDevice device;
  int32_t ndim;
  DLDataType dtype;
  int64_t *shape;   /* in elements */
  int64_t *strides; /* in elements; null: compact, row major */
  uint64_t byte_offset;
} DLTensor;

#ifdef __cplusplus
}
#endif
#endif
#endif

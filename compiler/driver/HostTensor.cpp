// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/driver/HostTensor.h"
#include "llvm/Support/ErrorHandling.h"
#include "llvm/Support/MathExtras.h"
#include <cstring>

using namespace llvm;
using namespace attn::driver;

bool attn::driver::multiplyExtents(ArrayRef<int64_t> sizes, int64_t &product) {
  product = 1;
  for (int64_t size : sizes)
    if (size == 0)
      return product = 0, true;
  for (int64_t size : sizes)
    if (MulOverflow(product, size, product))
      return false;
  return true;
}

HostTensor::HostTensor(attnc_element element, ArrayRef<int64_t> sizes)
    : element(element), sizes(sizes), strides(sizes.size()) {
  int64_t stride = 1;
  for (size_t i = sizes.size(); i-- > 0; stride *= sizes[i])
    strides[i] = stride;
  size_t size = alignTo(std::max<int64_t>(getNumBytes(), 1), 64);
  bytes.reset(static_cast<char *>(std::aligned_alloc(64, size)));
  if (!bytes)
    report_bad_alloc_error("no memory for a tensor");
}

void HostTensor::setColumnMajor() {
  int64_t stride = 1;
  for (size_t i = 0; i < sizes.size(); stride *= sizes[i++])
    strides[i] = stride;
}

HostTensor HostTensor::rowMajor() const {
  HostTensor copy(element, sizes);
  size_t width = attnc_element_size(element);
  for (int64_t i = 0, n = getNumElements(); i < n; ++i) {
    int64_t rest = i, from = 0;
    for (size_t d = sizes.size(); d-- > 0; rest /= sizes[d])
      from += rest % sizes[d] * strides[d];
    std::memcpy(copy.data() + i * width, data() + from * width, width);
  }
  return copy;
}

int64_t HostTensor::getNumElements() const {
  int64_t count = 1;
  multiplyExtents(sizes, count);
  return count;
}

DLTensor HostTensor::view() const {
  DLTensor t = {};
  t.data = bytes.get();
  t.device.device_type = kDLCPU;
  t.ndim = static_cast<int32_t>(sizes.size());
  t.dtype = dlType(element);
  t.shape = const_cast<int64_t *>(sizes.data());
  t.strides = const_cast<int64_t *>(strides.data());
  return t;
}

DLDataType attn::driver::dlType(attnc_element element) {
  uint8_t bits = 8 * attnc_element_size(element);
  switch (element) {
  case ATTNC_F16:
  case ATTNC_F32:
  case ATTNC_F64:
    return {kDLFloat, bits, 1};
  case ATTNC_BF16:
    return {kDLBfloat, bits, 1};
  case ATTNC_I8:
  case ATTNC_I32:
  case ATTNC_I64:
    return {kDLInt, bits, 1};
  case ATTNC_U8:
    return {kDLUInt, bits, 1};
  case ATTNC_BOOL:
    return {kDLBool, bits, 1};
  }
  llvm_unreachable("no such element type");
}

bool attn::driver::parseElement(StringRef name, attnc_element &element) {
  for (int e = ATTNC_F16; e <= ATTNC_BOOL; ++e)
    if (name == attnc_element_name(e))
      return element = static_cast<attnc_element>(e), true;
  return false;
}

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Any bytes taken for a .npy file: a tensor whose elements can all be read, or an error.
#include "compiler/driver/Npy.h"
#include <cstdlib>

using namespace attn::driver;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  llvm::Expected<HostTensor> tensor = parseNpy({reinterpret_cast<const char *>(data), size}, "fuzz.npy");
  if (!tensor) {
    if (toString(tensor.takeError()).empty())
      std::abort();
    return 0;
  }
  HostTensor copy = tensor->rowMajor();
  if (copy.getNumBytes() != tensor->getNumBytes() || copy.getSizes() != tensor->getSizes())
    std::abort();
  return 0;
}

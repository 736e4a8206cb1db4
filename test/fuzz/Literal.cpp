// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Any text taken for a tensor; two bytes before it choose the element type and the number of dimensions. What is read
// prints as a text that is read as the same tensor.
#include "compiler/driver/Literal.h"
#include <cstdlib>
#include <cstring>

using namespace attn::driver;

/// Bit by bit. Of NaNs there is one text, but many bits.
static bool areEqual(const HostTensor &a, const HostTensor &b) {
  return a.getSizes() == b.getSizes() && (a.getNumBytes() == 0 || !std::memcmp(a.data(), b.data(), a.getNumBytes()));
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 2)
    return 0;
  auto element = attnc_element(ATTNC_F16 + data[0] % ATTNC_BOOL);
  size_t numDims = data[1] % (ATTNC_MAX_DIMS + 1);
  llvm::StringRef text(reinterpret_cast<const char *>(data) + 2, size - 2);
  isLiteral(text, numDims);
  llvm::Expected<HostTensor> tensor = parseLiteral(text, element, numDims);
  if (!tensor) {
    if (toString(tensor.takeError()).empty())
      std::abort();
    return 0;
  }
  std::string printed = printLiteral(*tensor);
  llvm::Expected<HostTensor> again = parseLiteral(printed, element, numDims);
  if (!again) {
    std::fprintf(stderr, "%s\n%s\n", printed.c_str(), toString(again.takeError()).c_str());
    std::abort();
  }
  bool hasNan = llvm::StringRef(printed).contains("nan");
  if (hasNan ? printLiteral(*again) != printed : !areEqual(*tensor, *again)) {
    std::fprintf(stderr, "%s\n%s\n", printed.c_str(), printLiteral(*again).c_str());
    std::abort();
  }
  return 0;
}

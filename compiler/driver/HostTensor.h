// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once
#include "runtime/attnc.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"
#include <cstdlib>
#include <memory>

namespace attn::driver {

/// A tensor in memory of its own, aligned to 64 bytes. Sizes and strides in elements.
class HostTensor {
public:
  HostTensor() = default;
  /// Row-major; the bytes are not initialised. The bytes must fit into int64_t.
  HostTensor(attnc_element element, llvm::ArrayRef<int64_t> sizes);

  attnc_element getElement() const { return element; }
  llvm::ArrayRef<int64_t> getSizes() const { return sizes; }
  llvm::ArrayRef<int64_t> getStrides() const { return strides; }
  /// Makes the dimensions column-major: the first is the fastest.
  void setColumnMajor();
  /// A copy with the elements in row-major order.
  HostTensor rowMajor() const;

  int64_t getNumElements() const;
  int64_t getNumBytes() const { return getNumElements() * attnc_element_size(element); }
  char *data() { return bytes.get(); }
  const char *data() const { return bytes.get(); }

  /// A view that is valid as long as this tensor stays where it is.
  DLTensor view() const;

private:
  struct Free {
    void operator()(char *bytes) const { std::free(bytes); }
  };
  attnc_element element = ATTNC_F32;
  llvm::SmallVector<int64_t> sizes, strides;
  std::unique_ptr<char, Free> bytes;
};

/// The product, or nothing if it does not fit into int64_t. Extents are not negative.
bool multiplyExtents(llvm::ArrayRef<int64_t> sizes, int64_t &product);

/// The DLPack type of an element type, and back; false for a type the runtime does not know.
DLDataType dlType(attnc_element element);
/// "f32" -> ATTNC_F32; false for another name.
bool parseElement(llvm::StringRef name, attnc_element &element);

} // namespace attn::driver

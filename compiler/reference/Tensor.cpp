// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/reference/Tensor.h"
#include "llvm/ADT/APFloat.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include <cstring>

using namespace mlir;
using namespace attn::reference;

static int64_t product(ArrayRef<int64_t> factors) {
  int64_t result = 1;
  for (int64_t factor : factors)
    result *= factor;
  return result;
}

Tensor::Tensor(Type elementType, ArrayRef<int64_t> shape)
    : elementType(elementType), shape(shape), origin(shape.size(), 0) {
  isFloat() ? reals.assign(product(shape), 0.0) : integers.assign(product(shape), 0);
}

Tensor Tensor::scalar(Type elementType, Scalar value) {
  Tensor tensor(elementType, {});
  tensor.set(0, value);
  return tensor;
}

int64_t Tensor::size() const { return product(shape); }

SmallVector<int64_t> Tensor::strides() const {
  SmallVector<int64_t> result(shape.size());
  int64_t stride = 1;
  for (size_t d = shape.size(); d-- > 0; stride *= shape[d])
    result[d] = stride;
  return result;
}

Scalar Tensor::get(int64_t offset) const {
  Scalar value = isFloat() ? Scalar::of(reals[offset]) : Scalar::of(integers[offset]);
  value.error = error(offset);
  return value;
}

void Tensor::set(int64_t offset, Scalar value) {
  isFloat() ? void(reals[offset] = value.real) : void(integers[offset] = value.integer);
  if (errors.empty() && value.error != 0)
    errors.assign(size(), 0.0);
  if (!errors.empty())
    errors[offset] = value.error;
}

bool Tensor::isPresent(int64_t offset) const {
  if (conditions.empty())
    return true;
  SmallVector<int64_t> index(shape.size());
  for (size_t d = shape.size(); d-- > 0; offset /= shape[d])
    index[d] = offset % shape[d];
  return llvm::all_of(conditions, [&](const Condition &condition) {
    int64_t at = 0;
    for (unsigned d : condition.dims)
      at = at * shape[d] + index[d];
    return condition.holds[at] != 0;
  });
}

void Tensor::addCondition(Condition condition) {
  if (llvm::is_contained(condition.holds, 0) && !llvm::is_contained(conditions, condition))
    conditions.push_back(std::move(condition));
}

//===-- buffers ------------------------------------------------------------------------------------------------------

unsigned attn::reference::byteWidth(Type elementType) { return (widthOf(elementType) + 7) / 8; }

std::vector<char> attn::reference::encode(const Tensor &tensor) {
  unsigned width = byteWidth(tensor.elementType);
  std::vector<char> bytes(tensor.size() * width);
  for (int64_t i = 0; i < tensor.size(); ++i) {
    uint64_t bits;
    if (auto type = dyn_cast<FloatType>(tensor.elementType)) {
      llvm::APFloat value(tensor.reals[i]);
      bool losesInfo;
      value.convert(type.getFloatSemantics(), llvm::APFloat::rmNearestTiesToEven, &losesInfo);
      bits = value.bitcastToAPInt().getZExtValue();
    } else {
      bits = tensor.integers[i];
    }
    std::memcpy(&bytes[i * width], &bits, width); // little endian, as every target is
  }
  return bytes;
}

Tensor attn::reference::decode(Type elementType, ArrayRef<int64_t> shape, const void *bytes) {
  Tensor tensor(elementType, shape);
  unsigned width = byteWidth(elementType);
  for (int64_t i = 0; i < tensor.size(); ++i) {
    uint64_t bits = 0;
    std::memcpy(&bits, static_cast<const char *>(bytes) + i * width, width);
    if (auto type = dyn_cast<FloatType>(elementType)) {
      llvm::APFloat value(type.getFloatSemantics(), llvm::APInt(type.getWidth(), bits));
      bool losesInfo;
      value.convert(llvm::APFloat::IEEEdouble(), llvm::APFloat::rmNearestTiesToEven, &losesInfo);
      tensor.reals[i] = value.convertToDouble();
    } else {
      tensor.integers[i] = elementType.isInteger(1) ? bits != 0 : wrap(bits, widthOf(elementType));
    }
  }
  return tensor;
}

char EmptyRankError::ID;

llvm::Error attn::reference::errorAt(Location loc, const llvm::Twine &text) {
  std::string message;
  if (auto place = loc->findInstanceOf<FileLineColLoc>())
    message = llvm::formatv("{0}:{1}:{2}: ", place.getFilename().getValue(), place.getLine(), place.getColumn());
  return llvm::createStringError(message + text.str());
}

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/reference/Number.h"
#include "dialects/attn/Attn.h"
#include "llvm/ADT/APFloat.h"
#include <cmath>

using namespace mlir;
using namespace attn::reference;

FloatFormat FloatFormat::of(FloatType type) {
  const llvm::fltSemantics &semantics = type.getFloatSemantics();
  int precision = llvm::APFloat::semanticsPrecision(semantics);
  int maxExponent = llvm::APFloat::semanticsMaxExponent(semantics);
  bool losesInfo;
  llvm::APFloat largest = llvm::APFloat::getLargest(semantics);
  largest.convert(llvm::APFloat::IEEEdouble(), llvm::APFloat::rmNearestTiesToEven, &losesInfo);
  FloatFormat format;
  format.roundoff = std::ldexp(1.0, -precision);
  // Halfway to the next number, were there one: the tie goes to the even neighbour, which is infinity.
  format.limit = largest.convertToDouble() + std::ldexp(1.0, maxExponent - precision);
  format.tiny = std::ldexp(1.0, llvm::APFloat::semanticsMinExponent(semantics));
  return format;
}

double attn::reference::roundTo(FloatType type, double value) {
  if (type.isF64())
    return value;
  if (type.isF32())
    return static_cast<float>(value);
  llvm::APFloat exact(value);
  bool losesInfo;
  exact.convert(type.getFloatSemantics(), llvm::APFloat::rmNearestTiesToEven, &losesInfo);
  exact.convert(llvm::APFloat::IEEEdouble(), llvm::APFloat::rmNearestTiesToEven, &losesInfo);
  return exact.convertToDouble();
}

int64_t attn::reference::wrap(int64_t value, unsigned width) {
  if (width >= 64)
    return value;
  if (width == 1)
    return value & 1;
  return static_cast<int64_t>(static_cast<uint64_t>(value) << (64 - width)) >> (64 - width);
}

uint64_t attn::reference::zeroExtend(int64_t value, unsigned width) {
  return width >= 64 ? static_cast<uint64_t>(value) : static_cast<uint64_t>(value) & ((uint64_t(1) << width) - 1);
}

unsigned attn::reference::widthOf(Type type) {
  return type.isIntOrFloat() ? type.getIntOrFloatBitWidth() : 64; // an index, or the number of a set
}

Scalar Scalar::of(TypedAttr attr) {
  if (auto real = dyn_cast<FloatAttr>(attr)) {
    llvm::APFloat value = real.getValue();
    bool losesInfo;
    value.convert(llvm::APFloat::IEEEdouble(), llvm::APFloat::rmNearestTiesToEven, &losesInfo);
    return of(value.convertToDouble());
  }
  if (attr.getType().isUnsignedInteger())
    return of(int64_t(cast<IntegerAttr>(attr).getValue().getZExtValue()));
  return of(wrap(cast<IntegerAttr>(attr).getValue().getSExtValue(), widthOf(attr.getType())));
}

int64_t attn::reference::floorDivide(int64_t a, int64_t b) {
  if (b == 0)
    return 0;
  if (b == -1)
    return static_cast<int64_t>(-static_cast<uint64_t>(a)); // the most negative number stays itself
  int64_t quotient = a / b;
  return quotient - (a % b != 0 && (a < 0) != (b < 0));
}

int64_t attn::reference::floorModulo(int64_t a, int64_t b) {
  if (b == 0 || b == -1)
    return 0;
  int64_t remainder = a % b;
  return remainder + (remainder != 0 && (a < 0) != (b < 0) ? b : 0);
}

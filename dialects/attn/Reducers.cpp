// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "dialects/attn/Reducers.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include <limits>

using namespace mlir;
using attn::Reducer;

static TypedAttr number(Type element, double value, int64_t integer) {
  if (auto type = dyn_cast<FloatType>(element)) {
    APFloat exact(value);
    bool losesInfo;
    exact.convert(type.getFloatSemantics(), APFloat::rmNearestTiesToEven, &losesInfo);
    return FloatAttr::get(type, exact);
  }
  return IntegerAttr::get(element, element.isInteger(1)
                                       ? APInt(1, integer & 1)
                                       : APInt(64, integer, true).trunc(element.getIntOrFloatBitWidth()));
}
static TypedAttr zero(Type t) { return number(t, 0.0, 0); }
static TypedAttr one(Type t) { return number(t, 1.0, 1); }
static TypedAttr lowest(Type t) {
  return isa<FloatType>(t) ? number(t, -std::numeric_limits<double>::infinity(), 0)
                           : IntegerAttr::get(t, APInt::getSignedMinValue(t.getIntOrFloatBitWidth()));
}
static TypedAttr highest(Type t) {
  return isa<FloatType>(t) ? number(t, std::numeric_limits<double>::infinity(), 0)
                           : IntegerAttr::get(t, APInt::getSignedMaxValue(t.getIntOrFloatBitWidth()));
}

template <typename FloatOp, typename IntegerOp> static Value combineWith(OpBuilder &b, Location loc, Value x, Value y) {
  if (isa<FloatType>(x.getType()))
    return FloatOp::create(b, loc, x, y);
  return IntegerOp::create(b, loc, x, y);
}
static Value combineOr(OpBuilder &b, Location loc, Value x, Value y) { return arith::OrIOp::create(b, loc, x, y); }
static Value combineAnd(OpBuilder &b, Location loc, Value x, Value y) { return arith::AndIOp::create(b, loc, x, y); }

ArrayRef<Reducer> attn::reducers() {
  // maximumf and minimumf: max and min propagate NaN (R16).
  static const Reducer rows[] = {
      // name, floats, integers, bools, idempotent, identity, combine
      {"sum", true, true, false, false, zero, combineWith<arith::AddFOp, arith::AddIOp>},
      {"prod", true, true, false, false, one, combineWith<arith::MulFOp, arith::MulIOp>},
      {"max", true, true, false, true, lowest, combineWith<arith::MaximumFOp, arith::MaxSIOp>},
      {"min", true, true, false, true, highest, combineWith<arith::MinimumFOp, arith::MinSIOp>},
      {"any", false, false, true, true, zero, combineOr},
      {"all", false, false, true, true, one, combineAnd},
      {"mean", true, false, false, false, zero, nullptr},
  };
  return rows;
}

const Reducer *attn::findReducer(StringRef name) {
  const Reducer *row = llvm::find_if(reducers(), [&](const Reducer &r) { return r.name == name; });
  return row == reducers().end() ? nullptr : row;
}

bool Reducer::takes(Type element) const {
  if (isa<FloatType>(element))
    return takesFloats;
  return element.isInteger(1) ? takesBools : isa<IntegerType>(element) && takesIntegers;
}

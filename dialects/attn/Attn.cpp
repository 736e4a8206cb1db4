// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "dialects/attn/Attn.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace attn;

#include "dialects/attn/Dialect.cpp.inc"

void AttnDialect::initialize() {
  registerAttributes();
  registerTypes();
  addOperations<
#define GET_OP_LIST
#include "dialects/attn/Ops.cpp.inc"
      >();
}

RankedTensorType attn::tensorType(ArrayRef<StringAttr> names, Type element, ArrayAttr kernelRanks) {
  SmallVector<int64_t> shape;
  for (StringAttr name : names) {
    int64_t extent = ShapedType::kDynamic;
    for (RankAttr rank : kernelRanks.getAsRange<RankAttr>())
      if (rank.getName() == name)
        extent = rank.getConstantExtent().value_or(ShapedType::kDynamic);
    shape.push_back(extent);
  }
  return RankedTensorType::get(shape, element, RanksAttr::get(element.getContext(), names));
}

ArrayRef<StringAttr> attn::rankNames(Type tensor) {
  auto ranks = dyn_cast_or_null<RanksAttr>(cast<RankedTensorType>(tensor).getEncoding());
  return ranks ? ranks.getNames() : ArrayRef<StringAttr>();
}

SmallVector<StringRef> attn::factorsOf(StringRef dimension) {
  SmallVector<StringRef> factors;
  dimension.split(factors, '*');
  return factors;
}

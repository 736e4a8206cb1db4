// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/tile/cpu/Access.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace attn::tile;
using namespace attn::tile::cpu;

Value cpu::isWhole(Emit &b, const Row &row, int64_t extent) {
  Value low = arith::CmpIOp::create(b, arith::CmpIPredicate::sle, row.lower, b.index(0));
  Value high = arith::CmpIOp::create(b, arith::CmpIPredicate::sge, row.upper, b.index(extent));
  return arith::AndIOp::create(b, low, high);
}

FragAccess::FragAccess(Emit &b, Value frag) : type(cast<FragType>(frag.getType())) {
  memory = b.buffers.lookup(frag);
  if (std::optional<Run> run = runOf(type); run && run->length == type.getShape()[run->dim])
    along = run->dim;
  stride = b.getIndexAttr(1);
}

Row FragAccess::row(Emit &b, ArrayRef<OpFoldResult> coordinates) const {
  Coordinates first(coordinates);
  if (along)
    first[*along] = b.getIndexAttr(0);
  return {b.value(b.placeOf(type, first)), b.index(0), b.index(along ? type.getShape()[*along] : 1)};
}

/// Descriptors do not depend on the element type.
static Value asStored(Emit &b, Value memref, MemRefType type) {
  Type stored = MemRefType::Builder(type).setElementType(storedType(type.getElementType())).operator MemRefType();
  return UnrealizedConversionCastOp::create(b, stored, memref).getResult(0);
}

MapAccess::MapAccess(Emit &b, Value memref, AffineMap map, FragType type, ValueRange indices, ValueRange limits,
                     ValueRange gathers, ArrayAttr gatherMaps)
    : map(map), type(type), limits(limits), gathers(gathers), gatherMaps(gatherMaps) {
  parameters.append(indices.begin(), indices.end());
  auto source = cast<MemRefType>(memref.getType());
  if (source.getElementType() != storedType(source.getElementType()))
    memref = asStored(b, memref, source);
  auto metadata = memref::ExtractStridedMetadataOp::create(b, memref);
  sizes = metadata.getConstifiedMixedSizes();
  strides = metadata.getConstifiedMixedStrides();
  // Places are checked against sizes before they are touched; the view's own size is not looked at.
  auto flat = MemRefType::get({ShapedType::kDynamic}, storedType(source.getElementType()),
                              StridedLayoutAttr::get(b.getContext(), ShapedType::kDynamic, {1}));
  OpFoldResult offset = metadata.getConstifiedMixedOffset();
  memory = memref::ReinterpretCastOp::create(b, flat, metadata.getBaseBuffer(), b.value(offset),
                                             ArrayRef<OpFoldResult>(b.index(std::numeric_limits<int64_t>::max())),
                                             ArrayRef<OpFoldResult>(b.getIndexAttr(1)));
  findRows(b);
}

Row MapAccess::row(Emit &b, ArrayRef<OpFoldResult> coordinates) const {
  Coordinates first(coordinates);
  if (along)
    first[*along] = b.getIndexAttr(0);
  for (auto [i, gather] : llvm::enumerate(gathers)) {
    Value element = b.readProjected(gather, cast<AffineMapAttr>(gatherMaps[i]).getValue(), first, std::nullopt, 0);
    first.push_back(arith::IndexCastOp::create(b, b.getIndexType(), element).getResult());
  }
  Row row{b.index(0), b.index(0), b.index(along ? type.getShape()[*along] : 1)};
  Value exists;
  auto require = [&](arith::CmpIPredicate predicate, Value x, Value y) {
    Value holds = arith::CmpIOp::create(b, predicate, x, y);
    exists = exists ? arith::AndIOp::create(b, exists, holds).getResult() : holds;
  };
  for (unsigned d = 0; d < type.getRank(); ++d)
    if (along == d)
      row.upper = arith::MinSIOp::create(b, row.upper, limits[d]);
    else
      require(arith::CmpIPredicate::slt, b.value(first[d]), limits[d]);
  for (unsigned m = 0; m < map.getNumResults(); ++m) {
    Value place = b.value(b.apply(map.getResult(m), first, parameters)), size = b.value(sizes[m]);
    row.offset = arith::AddIOp::create(b, row.offset, arith::MulIOp::create(b, place, b.value(strides[m])));
    if (along && map.getResult(m).isFunctionOfDim(*along)) {
      row.lower = arith::MaxSIOp::create(b, row.lower, arith::SubIOp::create(b, b.index(0), place));
      row.upper = arith::MinSIOp::create(b, row.upper, arith::SubIOp::create(b, size, place));
    } else {
      require(arith::CmpIPredicate::ult, place, size); // a negative place is a huge one
    }
  }
  if (exists)
    row.upper = arith::SelectOp::create(b, exists, row.upper, b.index(0));
  return row;
}

std::optional<InPlace> MapAccess::inPlace(Emit &b) const {
  if (!along || *along + 1 != type.getRank() || !gathers.empty())
    return std::nullopt;
  InPlace result;
  Value one = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, b.value(stride), b.index(1));
  for (unsigned d = 0; d < type.getRank(); ++d) {
    Value sum = b.index(0);
    for (unsigned m = 0; m < map.getNumResults(); ++m) {
      std::optional<int64_t> step = stepAlong(map, m, d);
      if (!step || *step < 0)
        return std::nullopt;
      if (*step > 0)
        sum = arith::AddIOp::create(b, sum, arith::MulIOp::create(b, b.index(*step), b.value(strides[m])));
    }
    result.places.strides.push_back(sum);
  }
  Coordinates first(type.getRank(), b.getIndexAttr(0)), last;
  for (int64_t extent : type.getShape())
    last.push_back(b.getIndexAttr(extent - 1));
  Row head = row(b, first), tail = row(b, last);
  result.places.offset = head.offset;
  result.memory = memory;
  result.holds = one;
  for (const Row &each : {head, tail}) {
    Value whole = isWhole(b, each, type.getShape()[*along]);
    result.holds = arith::AndIOp::create(b, result.holds, whole);
  }
  return result;
}

void MapAccess::findRows(Emit &b) {
  stride = b.getIndexAttr(0);
  if (!map.getNumResults())
    return;
  unsigned last = map.getNumResults() - 1;
  for (unsigned d = type.getRank(); d-- > 0 && !along;) {
    bool elsewhere = llvm::any_of(llvm::seq(0u, last), [&](unsigned m) { return map.getResult(m).isFunctionOfDim(d); });
    for (unsigned i = 0; i < gathers.size(); ++i)
      elsewhere |= cast<AffineMapAttr>(gatherMaps[i]).getValue().isFunctionOfDim(d);
    if (!elsewhere && type.getShape()[d] > 1 && stepAlong(map, last, d) == 1)
      along = d;
  }
  if (along)
    stride = strides[last];
}

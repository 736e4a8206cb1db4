// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "dialects/tile/Tile.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace attn::tile;

static ParseResult parseShape(AsmParser &parser, SmallVectorImpl<int64_t> &shape, Type &elementType) {
  return failure(parser.parseDimensionList(shape, /*allowDynamic=*/false) || parser.parseType(elementType));
}
static void printShape(AsmPrinter &printer, ArrayRef<int64_t> shape, Type elementType) {
  for (int64_t extent : shape)
    printer << extent << 'x';
  printer << elementType;
}

#include "dialects/tile/Dialect.cpp.inc"
#define GET_ATTRDEF_CLASSES
#include "dialects/tile/Attributes.cpp.inc"
#define GET_TYPEDEF_CLASSES
#include "dialects/tile/Types.cpp.inc"
#define GET_OP_CLASSES
#include "dialects/tile/Ops.cpp.inc"

void TileDialect::registerAttributes() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialects/tile/Attributes.cpp.inc"
      >();
}
void TileDialect::registerTypes() {
  addTypes<
#define GET_TYPEDEF_LIST
#include "dialects/tile/Types.cpp.inc"
      >();
}
void TileDialect::initialize() {
  registerAttributes();
  registerTypes();
  addOperations<
#define GET_OP_LIST
#include "dialects/tile/Ops.cpp.inc"
      >();
}

int64_t FragType::getNumElements() const { return ShapedType::getNumElements(getShape()); }
FragType FragType::withLayout(LayoutAttr layout) const {
  return get(getContext(), getShape(), getElementType(), layout);
}
FragType FragType::withElementType(Type element) const { return get(getContext(), getShape(), element, getLayout()); }

static AffineMap mapAt(ArrayAttr maps, unsigned i) { return cast<AffineMapAttr>(maps[i]).getValue(); }
AffineMap MapOp::getOperandMap(unsigned i) { return mapAt(getMaps(), i); }
AffineMap ReduceOp::getOperandMap(unsigned i) { return mapAt(getMaps(), i); }
AffineMap DotOp::getOperandMap(unsigned i) { return mapAt(getMaps(), i); }
ArrayRef<int64_t> MapOp::getSpace() { return cast<FragType>(getResults().front().getType()).getShape(); }

SmallVector<int64_t> DotOp::getSpace() {
  SmallVector<int64_t> space(getOperandMap(0).getNumDims(), 0);
  FragType types[] = {getLhs().getType(), getRhs().getType(), getType()};
  for (unsigned i = 0; i < 3; ++i)
    for (auto [expr, extent] : llvm::zip(getOperandMap(i).getResults(), types[i].getShape()))
      space[cast<AffineDimExpr>(expr).getPosition()] = extent;
  return space;
}

/// A mask that holds everywhere is its input.
OpFoldResult MaskOp::fold(FoldAdaptor adaptor) {
  auto full = dyn_cast_or_null<BoolAttr>(adaptor.getFull());
  bool always = getSet().getNumResults() == 0 || (full && full.getValue());
  return always && !getCondition() ? OpFoldResult(getInput()) : OpFoldResult();
}

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The numbered constraints of Ops.td.
#include "dialects/tile/Tile.h"

using namespace mlir;
using namespace attn::tile;

LogicalResult LayoutAttr::verify(function_ref<InFlightDiagnostic()> error, AffineMap map, StringAttr space,
                                 ArrayRef<int64_t> extents) {
  if (space != "scratch" && space != "workspace" && space != "regs")
    return error() << "unknown space '" << space.getValue() << "'; known: scratch, workspace, regs";
  if (map.getNumResults() != extents.size())
    return error() << "layout has " << map.getNumResults() << " places != " << extents.size() << " extents";
  return success();
}

LogicalResult FragType::verify(function_ref<InFlightDiagnostic()> error, ArrayRef<int64_t> shape, Type,
                               LayoutAttr layout) {
  int64_t elements = 1;
  for (int64_t extent : shape) {
    if (extent <= 0 || extent > (int64_t(1) << 22) / elements) // frag_c1
      return error() << "fragment of more than 2^22 elements, or of none";
    elements *= extent;
  }
  if (layout && layout.getMap().getNumDims() != shape.size()) // frag_c2
    return error() << "layout has " << layout.getMap().getNumDims() << " dimensions != " << shape.size();
  return success();
}

bool attn::tile::keepsLayout(AffineMap map, MemRefType memory, FragType type) {
  LayoutAttr layout = type.getLayout();
  if (!layout || !memory.getLayout().isIdentity() || size_t(memory.getRank()) < layout.getExtents().size())
    return false;
  unsigned numOuter = memory.getRank() - layout.getExtents().size();
  for (AffineExpr outer : map.getResults().take_front(numOuter))
    for (unsigned d = 0; d < map.getNumDims(); ++d)
      if (outer.isFunctionOfDim(d))
        return false;
  return map.getResults().drop_front(numOuter) == layout.getMap().getResults() &&
         memory.getShape().drop_front(numOuter) == layout.getExtents();
}

/// load_c1 to load_c3, store_c1 to store_c3.
static LogicalResult verifyAccess(Operation *op, FragType frag, MemRefType memory, AffineMap map, size_t numGathers,
                                  size_t numIndices, size_t numLimits) {
  if (map.getNumDims() != frag.getRank() + numGathers || map.getNumSymbols() != numIndices ||
      map.getNumResults() != memory.getRank())
    return op->emitOpError() << "map " << AffineMapAttr::get(map) << " has not " << frag.getRank() + numGathers
                             << " dimensions, " << numIndices << " symbols and " << memory.getRank() << " results";
  if (numLimits != frag.getRank())
    return op->emitOpError() << numLimits << " limits != " << frag.getRank() << " dimensions";
  if (frag.getElementType() != memory.getElementType())
    return op->emitOpError() << "fragment of " << frag.getElementType() << " != memory of " << memory.getElementType();
  return success();
}

/// map_c1: a projection whose extents are the operand's.
static LogicalResult verifyProjection(Operation *op, unsigned i, AffineMap map, ArrayRef<int64_t> space,
                                      FragType frag) {
  if (map.getNumDims() != space.size() || map.getNumSymbols() != 0 || map.getNumResults() != frag.getRank() ||
      !map.isProjectedPermutation())
    return op->emitOpError() << "operand " << i << ": map " << AffineMapAttr::get(map) << " is no projection of "
                             << space.size() << " dimensions onto " << frag.getRank();
  for (auto [expr, extent] : llvm::zip(map.getResults(), frag.getShape())) {
    unsigned dim = cast<AffineDimExpr>(expr).getPosition();
    if (space[dim] != extent)
      return op->emitOpError() << "operand " << i << " has extent " << extent << " in dimension " << dim
                               << ", expected " << space[dim];
  }
  return success();
}

LogicalResult LoadOp::verify() {
  if (failed(verifyAccess(*this, getType(), cast<MemRefType>(getSource().getType()), getMap(), getGathers().size(),
                          getIndices().size(), getLimits().size())))
    return failure();
  if (getPad().getType() != getType().getElementType()) // load_c3
    return emitOpError() << "pad of " << getPad().getType() << " for elements " << getType().getElementType();
  size_t numMaps = getGatherMaps() ? getGatherMaps()->size() : 0;
  if (numMaps != getGathers().size()) // load_c4
    return emitOpError() << numMaps << " gather maps != " << getGathers().size() << " gathers";
  for (auto [i, gather] : llvm::enumerate(getGathers())) {
    auto frag = cast<FragType>(gather.getType());
    if (!isa<IntegerType>(frag.getElementType())) // load_c4
      return emitOpError() << "gather " << i << " of " << frag.getElementType() << ", expected an integer";
    if (failed(verifyProjection(*this, i, cast<AffineMapAttr>((*getGatherMaps())[i]).getValue(), getType().getShape(),
                                frag)))
      return failure();
  }
  if (getView() && !keepsLayout(getMap(), cast<MemRefType>(getSource().getType()), getType())) // load_c5
    return emitOpError() << "view of memory that is not in the layout of " << getType();
  return success();
}

LogicalResult StoreOp::verify() {
  return verifyAccess(*this, cast<FragType>(getValue().getType()), cast<MemRefType>(getTarget().getType()), getMap(), 0,
                      getIndices().size(), getLimits().size());
}

/// map_c1, map_c3 and the same for reduce.
static LogicalResult verifyBody(Operation *op, ValueRange inputs, ArrayAttr maps, std::optional<AffineMap> points,
                                size_t numIndices, ArrayRef<int64_t> space, Region &body, TypeRange yields) {
  if (maps.size() != inputs.size())
    return op->emitOpError() << maps.size() << " maps != " << inputs.size() << " operands";
  SmallVector<Type> arguments;
  for (auto [i, input] : llvm::enumerate(inputs)) {
    auto frag = cast<FragType>(input.getType());
    arguments.push_back(frag.getElementType());
    if (failed(verifyProjection(op, i, cast<AffineMapAttr>(maps[i]).getValue(), space, frag)))
      return failure();
  }
  if (points) {
    if (points->getNumDims() != space.size() || points->getNumSymbols() != numIndices)
      return op->emitOpError() << "points " << AffineMapAttr::get(*points) << " have not " << space.size()
                               << " dimensions and " << numIndices << " symbols";
    arguments.append(points->getNumResults(), IndexType::get(op->getContext()));
  }
  if (body.getArgumentTypes() != TypeRange(arguments))
    return op->emitOpError() << "region takes (" << body.getArgumentTypes() << ") != (" << arguments << ')';
  TypeRange yielded = body.front().getTerminator()->getOperandTypes();
  if (yielded != yields)
    return op->emitOpError() << "region yields (" << yielded << ") != (" << yields << ')';
  return success();
}

LogicalResult MapOp::verifyRegions() {
  if (getResults().empty()) // map_c2
    return emitOpError() << "has no result";
  SmallVector<Type> elements;
  for (Type type : getResultTypes()) {
    auto frag = cast<FragType>(type);
    elements.push_back(frag.getElementType());
    if (frag.getShape() != getSpace()) // map_c2
      return emitOpError() << "results of different shapes: " << getResultTypes();
  }
  return verifyBody(*this, getInputs(), getMaps(), getPoints(), getIndices().size(), getSpace(), getBody(), elements);
}

LogicalResult ReduceOp::verifyRegions() {
  ArrayRef<int64_t> shape = getType().getShape(), space = getSpace();
  if (space.size() <= shape.size() || space.take_front(shape.size()) != shape) // reduce_c2
    return emitOpError() << "space [" << space << "] does not extend the result's shape [" << shape << ']';
  Type element = getType().getElementType();
  if (getIdentity().getType() != element || (getAcc() && getAcc().getType() != getType())) // reduce_c4
    return emitOpError() << "identity of " << getIdentity().getType() << " or acc does not fit " << getType();
  return verifyBody(*this, getInputs(), getMaps(), getPoints(), getIndices().size(), space, getBody(), element);
}

static bool accumulatesIn(Type a, Type b, Type c) {
  auto isSmallFloat = [](Type t) { return t.isF16() || t.isBF16() || t.isF32(); };
  if (isSmallFloat(a) && isSmallFloat(b))
    return c.isF32();
  if (a != b)
    return false;
  return a.isInteger(8) ? c.isInteger(32) : (a.isF64() || a.isInteger(32) || a.isInteger(64)) && a == c;
}

LogicalResult DotOp::verify() {
  FragType types[] = {getLhs().getType(), getRhs().getType(), getType()};
  if (getMaps().size() != 3) // dot_c1
    return emitOpError() << getMaps().size() << " maps != 3";
  for (unsigned i = 0; i < 3; ++i)
    if (getOperandMap(i).getNumResults() != types[i].getRank() || !getOperandMap(i).isProjectedPermutation() ||
        getOperandMap(i).getNumDims() != getOperandMap(0).getNumDims()) // dot_c1
      return emitOpError() << "map " << i << ' ' << AffineMapAttr::get(getOperandMap(i)) << " does not fit "
                           << types[i];
  SmallVector<int64_t> space = getSpace();
  SmallVector<unsigned> uses(space.size(), 0);
  for (unsigned i = 0; i < 3; ++i) {
    if (failed(verifyProjection(*this, i, getOperandMap(i), space, types[i])))
      return failure();
    for (AffineExpr expr : getOperandMap(i).getResults())
      ++uses[cast<AffineDimExpr>(expr).getPosition()];
  }
  for (auto [dim, count] : llvm::enumerate(uses))
    if (count < 2) // dot_c2
      return emitOpError() << "dimension " << dim << " is in " << count << " of the three maps, expected at least 2";
  if (!accumulatesIn(types[0].getElementType(), types[1].getElementType(), types[2].getElementType())) // dot_c3
    return emitOpError() << types[0].getElementType() << " times " << types[1].getElementType()
                         << " does not accumulate in " << types[2].getElementType();
  if (getAcc() && getAcc().getType() != getType()) // dot_c4
    return emitOpError() << "acc of type " << getAcc().getType() << ", expected " << getType();
  return success();
}

LogicalResult MaskOp::verify() {
  FragType type = getInput().getType();
  if (getSet().getNumDims() != type.getRank() || getSet().getNumSymbols() != getIndices().size()) // mask_c1
    return emitOpError() << "set " << AffineMapAttr::get(getSet()) << " has not " << type.getRank()
                         << " dimensions and " << getIndices().size() << " symbols";
  if (getType() != type)
    return emitOpError() << "result " << getType() << " != " << type;
  if (Value condition = getCondition()) {
    auto frag = cast<FragType>(condition.getType());
    if (!frag.getElementType().isInteger(1) || frag.getShape() != type.getShape()) // mask_c2
      return emitOpError() << "condition " << frag << " for " << type;
  }
  if (getOtherwise().getType() != type.getElementType()) // mask_c3
    return emitOpError() << "else of " << getOtherwise().getType() << " for elements " << type.getElementType();
  return success();
}

LogicalResult ConvertOp::verify() {
  FragType from = getInput().getType(), to = getType();
  if (from.getShape() != to.getShape() || from.getElementType() != to.getElementType()) // convert_c1
    return emitOpError() << from << " != " << to << " but for the layout";
  return success();
}

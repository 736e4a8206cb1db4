// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// attn.einsum: building, dependence of scalars on iterators, constraints, canonicalisation.
#include "dialects/attn/Attn.h"
#include "mlir/IR/Builders.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;
using namespace attn;

#define GET_OP_CLASSES
#include "dialects/attn/Ops.cpp.inc"

//===-- building and reading -----------------------------------------------------------------------------------------

void EinsumOp::build(OpBuilder &b, OperationState &state, const EinsumSpec &spec,
                     function_ref<void(OpBuilder &, Location, ValueRange)> where,
                     function_ref<void(OpBuilder &, Location, ValueRange)> map) {
  state.addTypes(spec.result);
  state.addOperands(spec.inputs);
  state.addOperands(spec.symbols);
  if (spec.acc)
    state.addOperands(spec.acc);
  int32_t segments[] = {int32_t(spec.inputs.size()), int32_t(spec.symbols.size()), spec.acc ? 1 : 0};
  state.addAttribute(getOperandSegmentSizesAttrName(state.name), b.getDenseI32ArrayAttr(segments));
  SmallVector<Attribute> iterators(spec.iterators.begin(), spec.iterators.end());
  state.addAttribute(getIteratorsAttrName(state.name), b.getArrayAttr(iterators));
  state.addAttribute(getMapsAttrName(state.name), b.getAffineMapArrayAttr(spec.maps));
  state.addAttribute(getGathersAttrName(state.name), b.getDenseI64ArrayAttr(spec.gathers));
  state.addAttribute(getPointsAttrName(state.name), b.getDenseI64ArrayAttr(spec.points));
  if (spec.reducer)
    state.addAttribute(getReducerAttrName(state.name), spec.reducer);
  if (spec.otherwise)
    state.addAttribute(getOtherwiseAttrName(state.name), spec.otherwise);
  if (spec.name)
    state.addAttribute(getNameAttrName(state.name), spec.name);
  OpBuilder::InsertionGuard guard(b);
  for (auto fill : {where, map}) {
    Region *region = state.addRegion();
    if (!fill)
      continue;
    Block *block = b.createBlock(region);
    for (Value input : spec.inputs)
      block->addArgument(cast<RankedTensorType>(input.getType()).getElementType(), state.location);
    for (size_t i = 0; i < spec.points.size(); ++i)
      block->addArgument(b.getIndexType(), state.location);
    fill(b, state.location, block->getArguments());
  }
}

EinsumSpec EinsumOp::getSpec() {
  EinsumSpec spec;
  spec.result = getType();
  spec.iterators = llvm::to_vector(getIterators().getAsRange<StringAttr>());
  spec.reducer = getReducerAttr();
  spec.inputs = llvm::to_vector(getInputs());
  spec.maps = llvm::to_vector(getMaps().getAsValueRange<AffineMapAttr>());
  spec.symbols = llvm::to_vector(getSymbols());
  spec.gathers = llvm::to_vector(getGathers());
  spec.points = llvm::to_vector(getPoints());
  spec.acc = getAcc();
  spec.otherwise = getOtherwiseAttr();
  spec.name = getNameAttr();
  return spec;
}

StringRef EinsumOp::getIterator(unsigned i) { return cast<StringAttr>(getIterators()[i]).getValue(); }
SmallVector<StringRef> EinsumOp::getIteratorNames() {
  return llvm::to_vector(getIterators().getAsValueRange<StringAttr>());
}
AffineMap EinsumOp::getIndexMap(unsigned input) { return cast<AffineMapAttr>(getMaps()[input]).getValue(); }
OperandRange EinsumOp::getConjuncts() { return getWhereBody().getTerminator()->getOperands(); }

void EinsumOp::getAsmResultNames(OpAsmSetValueNameFn setName) {
  if (getNameAttr())
    setName(getResult(), getNameAttr());
}

llvm::SmallBitVector EinsumOp::getIteratorsOf(unsigned input) {
  llvm::SmallBitVector used(getNumIterators());
  AffineMap map = getIndexMap(input);
  for (AffineExpr expr : map.getResults())
    for (unsigned d = 0; d < map.getNumDims(); ++d)
      if (expr.isFunctionOfDim(d))
        d < getNumIterators() ? void(used.set(d)) : void(used |= getIteratorsOf(getGathers()[d - getNumIterators()]));
  return used;
}

llvm::SmallBitVector EinsumOp::getIteratorsOf(Value scalar) {
  llvm::SmallBitVector used(getNumIterators());
  if (auto argument = dyn_cast<BlockArgument>(scalar)) {
    if (argument.getOwner()->getParentOp() != getOperation())
      return used; // captured
    unsigned i = argument.getArgNumber(), numInputs = getInputs().size();
    if (i < numInputs)
      return getIteratorsOf(i);
    return used.set(getPoints()[i - numInputs]);
  }
  if (Operation *op = scalar.getDefiningOp(); op && op->getParentOp() == getOperation())
    for (Value operand : op->getOperands())
      used |= getIteratorsOf(operand);
  return used;
}

//===-- constraints --------------------------------------------------------------------------------------------------

static LogicalResult verifyIterators(EinsumOp op) {
  SmallVector<StringRef> iterators = op.getIteratorNames();
  ArrayRef<StringAttr> ranks = rankNames(op.getType());
  if (ranks.size() != op.getNumParallel())
    return op.emitOpError() << "result has no #attn.ranks: " << op.getType();
  llvm::StringSet<> seen;
  auto kernel = op->getParentOfType<KernelOp>();
  for (StringRef name : iterators) {
    if (!seen.insert(name).second) // einsum_c1
      return op.emitOpError() << "iterates '" << name << "' twice";
    if (kernel && !kernel.findRank(name)) // einsum_c1
      return op.emitOpError() << "the kernel has no rank '" << name << '\'';
  }
  for (auto [i, rank] : llvm::enumerate(ranks))
    if (i >= iterators.size() || rank != iterators[i]) // einsum_c2
      return op.emitOpError() << "rank " << i << " of the result is '" << rank.getValue() << "', expected '"
                              << (i < iterators.size() ? iterators[i] : "nothing") << '\'';
  bool reduces = iterators.size() > ranks.size();
  if (reduces != bool(op.getReducerAttr())) // einsum_c5
    return op.emitOpError() << (reduces ? "reduces '" + iterators.back() + "' without a reducer"
                                        : "has a reducer but reduces nothing");
  if (op.getReducerAttr() && !op.getReducerAttr().getRow().takes(op.getType().getElementType())) // einsum_c5
    return op.emitOpError() << "reducer " << op.getReducerAttr().getName() << " does not take "
                            << op.getType().getElementType();
  return success();
}

static LogicalResult verifyMaps(EinsumOp op) {
  unsigned numDims = op.getNumIterators() + op.getGathers().size();
  if (op.getMaps().size() != op.getInputs().size())
    return op.emitOpError() << op.getMaps().size() << " index maps != " << op.getInputs().size() << " operands";
  for (auto [g, input] : llvm::enumerate(op.getGathers()))
    if (input < 0 || input >= int64_t(op.getInputs().size()) ||
        !isa<IntegerType>(cast<RankedTensorType>(op.getInputs()[input].getType()).getElementType())) // einsum_c4
      return op.emitOpError() << "gather " << g << " names operand " << input << ", which is no integer tensor";
  for (auto [i, input] : llvm::enumerate(op.getInputs())) {
    AffineMap map = op.getIndexMap(i);
    int64_t rank = cast<RankedTensorType>(input.getType()).getRank();
    if (map.getNumDims() != numDims || map.getNumSymbols() != op.getSymbols().size() ||
        map.getNumResults() != rank) // einsum_c3
      return op.emitOpError() << "operand " << i << ": map " << AffineMapAttr::get(map) << " has not " << numDims
                              << " dimensions, " << op.getSymbols().size() << " symbols and " << rank << " results";
    for (auto [g, source] : llvm::enumerate(op.getGathers()))
      if (source >= int64_t(i) && map.isFunctionOfDim(op.getNumIterators() + g)) // einsum_c4
        return op.emitOpError() << "operand " << i << " uses gather " << g << " of the later operand " << source;
  }
  return success();
}

LogicalResult EinsumOp::verify() {
  if (failed(verifyIterators(*this)) || failed(verifyMaps(*this)))
    return failure();
  for (int64_t point : getPoints())
    if (point < 0 || point >= int64_t(getNumIterators())) // einsum_c6
      return emitOpError() << "point " << point << " is not one of " << getNumIterators() << " iterators";
  if (getAcc() &&
      (getAcc().getType() != getType() || !getReducerAttr() || !getReducerAttr().getRow().combine)) // einsum_c9
    return emitOpError() << "acc of type " << getAcc().getType() << " for a result " << getType()
                         << (getReducerAttr() ? "" : " without reducer");
  if (getOtherwiseAttr() && getOtherwiseAttr().getType() != getType().getElementType()) // einsum_c10
    return emitOpError() << "else has type " << getOtherwiseAttr().getType() << ", expected "
                         << getType().getElementType();
  return success();
}

static LogicalResult verifyArguments(EinsumOp op, Region &region, StringRef name) {
  SmallVector<Type> expected;
  for (Value input : op.getInputs())
    expected.push_back(cast<RankedTensorType>(input.getType()).getElementType());
  expected.append(op.getPoints().size(), IndexType::get(op.getContext()));
  if (region.getArgumentTypes() == TypeRange(expected)) // einsum_c6
    return success();
  return op.emitOpError() << name << " takes (" << region.getArgumentTypes() << ") != (" << expected << ')';
}

LogicalResult EinsumOp::verifyRegions() {
  if (failed(verifyArguments(*this, getMap(), "map")) ||
      (hasWhere() && failed(verifyArguments(*this, getWhere(), "where"))))
    return failure();
  if (hasWhere())
    for (Value conjunct : getConjuncts())
      if (!conjunct.getType().isInteger(1)) // einsum_c7
        return emitOpError() << "where yields " << conjunct.getType() << ", expected i1";
  OperandRange yielded = getMapBody().getTerminator()->getOperands();
  if (yielded.size() != 1 || yielded[0].getType() != getType().getElementType()) // einsum_c8
    return emitOpError() << "map yields (" << yielded.getTypes() << ") != (" << getType().getElementType() << ')';
  return success();
}

//===-- canonicalisation ---------------------------------------------------------------------------------------------

namespace {

/// Points that nothing uses go.
struct DropUnusedPoints : OpRewritePattern<EinsumOp> {
  using OpRewritePattern::OpRewritePattern;

  static bool isUnused(EinsumOp op, unsigned argument) {
    return op.getMapBody().getArgument(argument).use_empty() &&
           (!op.hasWhere() || op.getWhereBody().getArgument(argument).use_empty());
  }

  LogicalResult matchAndRewrite(EinsumOp op, PatternRewriter &rewriter) const override {
    SmallVector<int64_t> kept;
    unsigned first = op.getInputs().size();
    llvm::BitVector unused(first + op.getPoints().size());
    for (auto [i, point] : llvm::enumerate(op.getPoints()))
      isUnused(op, first + i) ? void(unused.set(first + i)) : kept.push_back(point);
    if (unused.none())
      return rewriter.notifyMatchFailure(op, "every point is used");
    rewriter.modifyOpInPlace(op, [&] {
      op.getMapBody().eraseArguments(unused);
      if (op.hasWhere())
        op.getWhereBody().eraseArguments(unused);
      op.setPoints(kept);
    });
    return success();
  }
};

} // namespace

void EinsumOp::getCanonicalizationPatterns(RewritePatternSet &patterns, MLIRContext *context) {
  patterns.add<DropUnusedPoints>(context);
}

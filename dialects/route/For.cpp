// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// route.for: building, text, constraints, loop interfaces.
#include "dialects/route/Route.h"
#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace attn::route;

void ForOp::build(OpBuilder &b, OperationState &state, Value set, ValueRange at, ArrayRef<int64_t> block,
                  ValueRange initArgs) {
  state.addTypes(initArgs.getTypes());
  state.addOperands(set);
  state.addOperands(at);
  state.addOperands(initArgs);
  int32_t segments[] = {1, int32_t(at.size()), int32_t(initArgs.size())};
  state.addAttribute(getOperandSegmentSizesAttrName(state.name), b.getDenseI32ArrayAttr(segments));
  state.addAttribute(getBlockAttrName(state.name), b.getDenseI64ArrayAttr(block));
  OpBuilder::InsertionGuard guard(b);
  Block *body = b.createBlock(state.addRegion());
  for (size_t i = at.size(); i < block.size(); ++i)
    body->addArgument(b.getIndexType(), state.location);
  body->addArgument(b.getI1Type(), state.location);
  for (Value init : initArgs)
    body->addArgument(init.getType(), state.location);
}

YieldOp ForOp::getYield() { return cast<YieldOp>(getBody().front().getTerminator()); }

//===-- text ---------------------------------------------------------------------------------------------------------

ParseResult ForOp::parse(OpAsmParser &parser, OperationState &result) {
  Builder &b = parser.getBuilder();
  OpAsmParser::UnresolvedOperand set;
  SmallVector<OpAsmParser::Argument> arguments;
  SmallVector<OpAsmParser::UnresolvedOperand> at, inits;
  SmallVector<int64_t> block;
  auto parsePoint = [&] {
    arguments.emplace_back();
    arguments.back().type = b.getIndexType();
    return parser.parseArgument(arguments.back());
  };
  auto parseIterArg = [&]() -> ParseResult {
    OpAsmParser::Argument &argument = arguments.emplace_back();
    if (parser.parseArgument(argument) || parser.parseEqual() || parser.parseOperand(inits.emplace_back()) ||
        parser.parseColonType(argument.type))
      return failure();
    result.addTypes(argument.type);
    return success();
  };
  if (parser.parseCommaSeparatedList(AsmParser::Delimiter::Paren, parsePoint) || parser.parseKeyword("in") ||
      parser.parseOperand(set) || parser.parseKeyword("at") ||
      parser.parseOperandList(at, AsmParser::Delimiter::Paren) || parser.parseKeyword("block") ||
      parser.parseCommaSeparatedList(AsmParser::Delimiter::Square,
                                     [&] { return parser.parseInteger(block.emplace_back()); }))
    return failure();
  if (arguments.empty())
    return parser.emitError(parser.getNameLoc()) << "expected first points of the block, then '%full'";
  arguments.back().type = b.getI1Type();
  if (succeeded(parser.parseOptionalKeyword("iter_args")) &&
      parser.parseCommaSeparatedList(AsmParser::Delimiter::Paren, parseIterArg))
    return failure();
  result.addAttribute(getBlockAttrName(result.name), b.getDenseI64ArrayAttr(block));
  int32_t segments[] = {1, int32_t(at.size()), int32_t(inits.size())};
  result.addAttribute(getOperandSegmentSizesAttrName(result.name), b.getDenseI32ArrayAttr(segments));
  return failure(parser.parseOptionalAttrDictWithKeyword(result.attributes) ||
                 parser.resolveOperand(set, SetType::get(b.getContext()), result.operands) ||
                 parser.resolveOperands(at, b.getIndexType(), result.operands) ||
                 parser.resolveOperands(inits, result.types, parser.getCurrentLocation(), result.operands) ||
                 parser.parseRegion(*result.addRegion(), arguments));
}

void ForOp::print(OpAsmPrinter &p) {
  p << " (";
  llvm::interleaveComma(getBody().getArguments().take_front(getNumStreamed() + 1), p, [&](Value v) { p << v; });
  p << ") in " << getSet() << " at (" << getAt() << ") block [";
  llvm::interleaveComma(getBlock(), p);
  p << ']';
  if (!getInitArgs().empty()) {
    p << " iter_args(";
    llvm::interleaveComma(llvm::zip(getRegionIterArgs(), getInitArgs()), p, [&](auto each) {
      p << std::get<0>(each) << " = " << std::get<1>(each) << " : " << std::get<1>(each).getType();
    });
    p << ')';
  }
  p.printOptionalAttrDictWithKeyword((*this)->getAttrs(), {getBlockAttrName(), getOperandSegmentSizesAttrName()});
  p << ' ';
  p.printRegion(getBody(), /*printEntryBlockArgs=*/false);
}

//===-- constraints --------------------------------------------------------------------------------------------------

LogicalResult ForOp::verify() {
  if (llvm::any_of(getBlock(), [](int64_t size) { return size <= 0; })) // for_c1
    return emitOpError() << "has a block size that is not positive";
  if (getBlock().size() <= getAt().size()) // for_c2
    return emitOpError() << "loops over no dimension: " << getAt().size() << " of " << getBlock().size()
                         << " are fixed";
  FailureOr<SmallVector<AffineOp>> members = affineMembers(getSet());
  if (failed(members)) // for_c5
    return emitOpError() << "loops over a set that no route op makes";
  for (AffineOp member : *members) {
    if (member.getNumDims() != getBlock().size()) // for_c1
      return emitOpError() << getBlock().size() << " block sizes != " << member.getNumDims()
                           << " dimensions of the set";
    for (AffineExpr expr : member.getWithin().getResults())
      for (unsigned d = getNumLeading(); d < member.getNumDims(); ++d)
        if (expr.isFunctionOfDim(d)) // for_c4
          return emitOpError() << "loops over '" << member.getDimNames()[d] << "', which 'within' bounds";
  }
  return success();
}

LogicalResult ForOp::verifyRegions() {
  SmallVector<Type> expected(getNumStreamed(), IndexType::get(getContext()));
  expected.push_back(IntegerType::get(getContext(), 1));
  llvm::append_range(expected, getInitArgs().getTypes());
  if (getBody().getArgumentTypes() != TypeRange(expected)) // for_c3
    return emitOpError() << "body takes (" << getBody().getArgumentTypes() << ") != (" << expected << ')';
  return success();
}

//===-- interfaces ---------------------------------------------------------------------------------------------------

SmallVector<Region *> ForOp::getLoopRegions() { return {&getBody()}; }
std::optional<SmallVector<Value>> ForOp::getLoopInductionVars() {
  return llvm::to_vector_of<Value>(getBody().getArguments().take_front(getNumStreamed()));
}
Block::BlockArgListType ForOp::getRegionIterArgs() { return getBody().getArguments().drop_front(getNumStreamed() + 1); }
std::optional<ResultRange> ForOp::getLoopResults() { return getResults(); }
std::optional<MutableArrayRef<OpOperand>> ForOp::getYieldedValuesMutable() { return getYield().getValuesMutable(); }
MutableArrayRef<OpOperand> ForOp::getInitsMutable() { return getInitArgsMutable(); }
OperandRange ForOp::getEntrySuccessorOperands(RegionSuccessor) { return getInitArgs(); }
void ForOp::getSuccessorRegions(RegionBranchPoint, SmallVectorImpl<RegionSuccessor> &regions) {
  regions.emplace_back(&getBody(), getRegionIterArgs()); // from outside and from the yield alike: around, or out
  regions.emplace_back(getOperation(), getOperation()->getResults());
}

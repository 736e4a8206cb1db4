// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The text of attn.einsum: index expressions are written with the names of iterators, gathers and symbols.
#include "dialects/NamedAffine.h"
#include "dialects/attn/Attn.h"
#include "mlir/IR/Builders.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace attn;

namespace {

/// What is read before the op can be built.
struct Parser {
  OpAsmParser &parser;
  OperationState &result;
  Builder &b;

  SmallVector<StringRef> iterators, gatherNames, symbolNames;
  SmallVector<int64_t> gathers, points;
  SmallVector<OpAsmParser::UnresolvedOperand> inputs, symbols, acc;
  SmallVector<OpAsmParser::Argument> arguments;
  SmallVector<Type> inputTypes, accTypes;
  SmallVector<Attribute> maps;

  Parser(OpAsmParser &parser, OperationState &result) : parser(parser), result(result), b(parser.getBuilder()) {}

  ParseResult names(AsmParser::Delimiter delimiter, SmallVectorImpl<StringRef> &list) {
    return parser.parseCommaSeparatedList(delimiter, [&] { return parser.parseKeyword(&list.emplace_back()); });
  }
  template <typename Each> ParseResult optionalList(StringRef keyword, Each each) {
    if (failed(parser.parseOptionalKeyword(keyword)))
      return success();
    return parser.parseCommaSeparatedList(AsmParser::Delimiter::Paren, each);
  }
  /// `G = %G`
  ParseResult symbol() {
    return failure(parser.parseKeyword(&symbolNames.emplace_back()) || parser.parseEqual() ||
                   parser.parseOperand(symbols.emplace_back()));
  }
  /// `t = 0`
  ParseResult gather() {
    return failure(parser.parseKeyword(&gatherNames.emplace_back()) || parser.parseEqual() ||
                   parser.parseInteger(gathers.emplace_back()));
  }
  /// `%q = %Q[b, h] : tensor<..>`
  ParseResult input() {
    AffineNames scope{iterators, symbolNames};
    llvm::append_range(scope.dims, gatherNames);
    SmallVector<AffineExpr> exprs;
    OpAsmParser::Argument &argument = arguments.emplace_back();
    if (parser.parseArgument(argument) || parser.parseEqual() || parser.parseOperand(inputs.emplace_back()) ||
        parseNamedAffineList(parser, scope, exprs) || parser.parseColonType(inputTypes.emplace_back()))
      return failure();
    auto tensor = dyn_cast<RankedTensorType>(inputTypes.back());
    if (!tensor)
      return parser.emitError(parser.getNameLoc()) << "expected a ranked tensor, found " << inputTypes.back();
    argument.type = tensor.getElementType();
    AffineMap map = AffineMap::get(scope.dims.size(), scope.symbols.size(), exprs, b.getContext());
    maps.push_back(AffineMapAttr::get(map));
    return success();
  }
  /// `%ip = p`
  ParseResult point() {
    StringRef name;
    OpAsmParser::Argument &argument = arguments.emplace_back();
    argument.type = b.getIndexType();
    SMLoc loc = parser.getCurrentLocation();
    if (parser.parseArgument(argument) || parser.parseEqual() || parser.parseKeyword(&name))
      return failure();
    auto *found = llvm::find(iterators, name);
    if (found == iterators.end())
      return parser.emitError(loc) << "point '" << name << "' is not an iterator";
    points.push_back(found - iterators.begin());
    return success();
  }
  ParseResult accumulator() {
    if (failed(parser.parseOptionalKeyword("acc")))
      return success();
    return failure(parser.parseOperand(acc.emplace_back()) || parser.parseColonType(accTypes.emplace_back()));
  }
  /// `sum [e]`
  ParseResult reduction() {
    StringRef reducer;
    if (failed(parser.parseOptionalKeyword("ins"))) {
      SmallVector<StringRef> reduced;
      SMLoc loc = parser.getCurrentLocation();
      if (parser.parseKeyword(&reducer) || names(AsmParser::Delimiter::Square, reduced) || parser.parseKeyword("ins"))
        return failure();
      auto attr =
          ReducerAttr::getChecked([&] { return parser.emitError(loc); }, parser.getContext(), b.getStringAttr(reducer));
      if (!attr)
        return failure();
      result.addAttribute(EinsumOp::getReducerAttrName(result.name), attr);
      llvm::append_range(iterators, reduced);
    }
    return success();
  }

  ParseResult regions() {
    Region *where = result.addRegion(), *map = result.addRegion();
    if (succeeded(parser.parseOptionalKeyword("where")) && parser.parseRegion(*where, arguments))
      return failure();
    return failure(parser.parseKeyword("map") || parser.parseRegion(*map, arguments));
  }
  ParseResult otherwise() {
    if (failed(parser.parseOptionalKeyword("else")))
      return success();
    Attribute value;
    return parser.parseAttribute(value, EinsumOp::getOtherwiseAttrName(result.name), result.attributes);
  }
  void finish() {
    auto strings = llvm::map_to_vector(iterators, [&](StringRef s) -> Attribute { return b.getStringAttr(s); });
    OperationName op = result.name;
    result.addAttribute(EinsumOp::getIteratorsAttrName(op), b.getArrayAttr(strings));
    result.addAttribute(EinsumOp::getMapsAttrName(op), b.getArrayAttr(maps));
    result.addAttribute(EinsumOp::getGathersAttrName(op), b.getDenseI64ArrayAttr(gathers));
    result.addAttribute(EinsumOp::getPointsAttrName(op), b.getDenseI64ArrayAttr(points));
    int32_t segments[] = {int32_t(inputs.size()), int32_t(symbols.size()), int32_t(acc.size())};
    result.addAttribute(EinsumOp::getOperandSegmentSizesAttrName(op), b.getDenseI32ArrayAttr(segments));
  }
};

} // namespace

ParseResult EinsumOp::parse(OpAsmParser &parser, OperationState &result) {
  Parser p(parser, result);
  Type type;
  if (p.names(AsmParser::Delimiter::Square, p.iterators) || p.optionalList("symbols", [&] { return p.symbol(); }) ||
      p.optionalList("gathers", [&] { return p.gather(); }) || parser.parseEqual() || p.reduction() ||
      parser.parseCommaSeparatedList(AsmParser::Delimiter::Paren, [&] { return p.input(); }) ||
      p.optionalList("points", [&] { return p.point(); }) || p.accumulator() || p.regions() || p.otherwise() ||
      parser.parseOptionalAttrDictWithKeyword(result.attributes) || parser.parseColonType(type))
    return failure();
  result.addTypes(type);
  p.finish();
  return failure(parser.resolveOperands(p.inputs, p.inputTypes, parser.getNameLoc(), result.operands) ||
                 parser.resolveOperands(p.symbols, p.b.getIndexType(), result.operands) ||
                 parser.resolveOperands(p.acc, p.accTypes, parser.getNameLoc(), result.operands));
}

/// Symbols and gathers have no names of their own: symbols are called s0, s1, gathers t0, t1.
static AffineNames namesOf(EinsumOp op, SmallVectorImpl<std::string> &storage) {
  AffineNames names;
  names.dims = op.getIteratorNames();
  unsigned numGathers = op.getGathers().size(), numSymbols = op.getSymbols().size();
  storage.reserve(numGathers + numSymbols);
  for (unsigned i = 0; i < numGathers; ++i)
    names.dims.push_back(storage.emplace_back("t" + std::to_string(i)));
  for (unsigned i = 0; i < numSymbols; ++i) {
    auto extent = op.getSymbols()[i].getDefiningOp<ExtentOp>();
    std::string name = extent ? extent.getRank().upper() : "s" + std::to_string(i);
    bool taken = llvm::is_contained(names.symbols, name) || llvm::is_contained(names.dims, name);
    names.symbols.push_back(storage.emplace_back(taken ? "s" + std::to_string(i) : name));
  }
  return names;
}

void EinsumOp::print(OpAsmPrinter &p) {
  SmallVector<std::string> storage;
  AffineNames names = namesOf(*this, storage);
  SmallVector<StringRef> iterators = getIteratorNames();
  ArrayRef<StringRef> all(iterators), parallel = all.take_front(getNumParallel());
  unsigned numInputs = getInputs().size();
  p << " [" << llvm::join(parallel, ", ") << ']';
  auto list = [&](StringRef keyword, auto range, auto each) {
    if (range.empty())
      return;
    p << ' ' << keyword << '(';
    llvm::interleaveComma(range, p, each);
    p << ')';
  };
  list("symbols", llvm::to_vector(llvm::enumerate(getSymbols())),
       [&](auto s) { p << names.symbols[s.index()] << " = " << s.value(); });
  list("gathers", llvm::to_vector(llvm::enumerate(getGathers())),
       [&](auto g) { p << 't' << g.index() << " = " << g.value(); });
  p << " = ";
  if (getReducerAttr())
    p << getReducerAttr().getName().getValue() << " [" << llvm::join(all.drop_front(getNumParallel()), ", ") << "] ";
  p << "ins(";
  llvm::interleaveComma(llvm::seq(numInputs), p, [&](unsigned i) {
    p.printRegionArgument(getMapBody().getArgument(i), {}, /*omitType=*/true);
    p << " = " << getInputs()[i];
    printNamedAffineList(p, getIndexMap(i).getResults(), names);
    p << " : " << getInputs()[i].getType();
  });
  p << ')';
  list("points", llvm::to_vector(llvm::enumerate(getPoints())), [&](auto each) {
    p.printRegionArgument(getMapBody().getArgument(numInputs + each.index()), {}, /*omitType=*/true);
    p << " = " << iterators[each.value()];
  });
  if (getAcc())
    p << " acc " << getAcc() << " : " << getAcc().getType();
  if (hasWhere()) {
    // The arguments have the names printed above in both regions.
    p.shadowRegionArgs(getWhere(),
                       SmallVector<Value>(getMapBody().getArguments().begin(), getMapBody().getArguments().end()));
    p << " where ";
    p.printRegion(getWhere(), /*printEntryBlockArgs=*/false);
  }
  p << " map ";
  p.printRegion(getMap(), /*printEntryBlockArgs=*/false);
  if (getOtherwiseAttr())
    p << " else " << getOtherwiseAttr();
  p.printOptionalAttrDictWithKeyword(
      (*this)->getAttrs(), {getIteratorsAttrName(), getMapsAttrName(), getGathersAttrName(), getPointsAttrName(),
                            getReducerAttrName(), getOtherwiseAttrName(), getOperandSegmentSizesAttrName()});
  p << " : " << getType();
}

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "dialects/NamedAffine.h"
#include "dialects/attn/Attn.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace attn;

#define GET_ATTRDEF_CLASSES
#include "dialects/attn/Attributes.cpp.inc"

void AttnDialect::registerAttributes() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialects/attn/Attributes.cpp.inc"
      >();
}

static ParseResult parseName(AsmParser &parser, StringAttr &name) {
  std::string text;
  ParseResult result = parser.parseKeywordOrString(&text);
  name = StringAttr::get(parser.getContext(), text);
  return result;
}

static void printNames(AsmPrinter &printer, ArrayRef<StringAttr> names) {
  llvm::interleaveComma(names, printer, [&](StringAttr name) { printer.printKeywordOrString(name.getValue()); });
}

//===-- #attn.ranks --------------------------------------------------------------------------------------------------

Attribute RanksAttr::parse(AsmParser &parser, Type) {
  SmallVector<StringAttr> names;
  if (parser.parseCommaSeparatedList(AsmParser::Delimiter::LessGreater,
                                     [&] { return parseName(parser, names.emplace_back()); }))
    return {};
  return RanksAttr::get(parser.getContext(), names);
}

void RanksAttr::print(AsmPrinter &printer) const {
  printer << '<';
  printNames(printer, getNames());
  printer << '>';
}

LogicalResult RanksAttr::verifyEncoding(ArrayRef<int64_t> shape, Type, function_ref<InFlightDiagnostic()> error) const {
  if (getNames().size() != shape.size()) // ranks_c1
    return error() << getNames().size() << " rank names != " << shape.size() << " dimensions";
  return success();
}

//===-- #attn.rank ---------------------------------------------------------------------------------------------------

std::optional<int64_t> RankAttr::getConstantExtent() const {
  if (!getExtent() || !getExtent().isSingleConstant())
    return std::nullopt;
  return getExtent().getSingleConstantResult();
}

static ParseResult parseNamesAfter(AsmParser &parser, StringRef keyword, SmallVectorImpl<StringAttr> &names) {
  if (failed(parser.parseOptionalKeyword(keyword)))
    return success();
  return parser.parseCommaSeparatedList(AsmParser::Delimiter::Paren,
                                        [&] { return parseName(parser, names.emplace_back()); });
}

/// `<name>`, `<name = 128>` or `<name = affine_map<()[s0] -> (s0 floordiv 2)> of ranks(m) scalars(w)>`.
Attribute RankAttr::parse(AsmParser &parser, Type) {
  StringAttr name;
  AffineMap extent;
  SmallVector<StringAttr> ranks, scalars;
  if (parser.parseLess() || parseName(parser, name))
    return {};
  if (succeeded(parser.parseOptionalEqual())) {
    int64_t bound;
    AffineMapAttr map;
    if (OptionalParseResult number = parser.parseOptionalInteger(bound); number.has_value()) {
      if (failed(*number))
        return {};
      extent = AffineMap::getConstantMap(bound, parser.getContext());
    } else if (parser.parseAttribute(map) || parser.parseKeyword("of") || parseNamesAfter(parser, "ranks", ranks) ||
               parseNamesAfter(parser, "scalars", scalars)) {
      return {};
    } else {
      extent = map.getValue();
      if (extent.getNumDims() != 0 || extent.getNumResults() != 1 ||
          extent.getNumSymbols() != ranks.size() + scalars.size()) {
        parser.emitError(parser.getNameLoc())
            << "extent of rank '" << name.getValue() << "' has " << extent.getNumSymbols()
            << " symbols != " << ranks.size() + scalars.size() << " names";
        return {};
      }
    }
  }
  if (parser.parseGreater())
    return {};
  return RankAttr::get(parser.getContext(), name, extent, ranks, scalars);
}

void RankAttr::print(AsmPrinter &printer) const {
  printer << '<';
  printer.printKeywordOrString(getName().getValue());
  if (std::optional<int64_t> bound = getConstantExtent()) {
    printer << " = " << *bound;
  } else if (getExtent()) {
    printer << " = " << AffineMapAttr::get(getExtent()) << " of";
    for (auto [keyword, names] : {std::pair(" ranks(", getRanks()), std::pair(" scalars(", getScalars())}) {
      if (names.empty())
        continue;
      printer << keyword;
      printNames(printer, names);
      printer << ')';
    }
  }
  printer << '>';
}

//===-- #attn.reducer ------------------------------------------------------------------------------------------------

LogicalResult ReducerAttr::verify(function_ref<InFlightDiagnostic()> error, StringAttr name) {
  if (findReducer(name.getValue()))
    return success();
  InFlightDiagnostic diagnostic = error() << "unknown reducer '" << name.getValue() << "'; known:";
  for (const Reducer &row : reducers())
    diagnostic << ' ' << row.name;
  return diagnostic;
}

const Reducer &ReducerAttr::getRow() const { return *findReducer(getName().getValue()); }

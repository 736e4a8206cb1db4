// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// route.affine and route.union: building, text, constraints.
#include "dialects/NamedAffine.h"
#include "dialects/route/Route.h"
#include "mlir/IR/Builders.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;
using namespace attn::route;

FailureOr<SmallVector<AffineOp>> attn::route::affineMembers(Value set) {
  SmallVector<AffineOp> members;
  if (auto affine = set.getDefiningOp<AffineOp>()) {
    members.push_back(affine);
    return members;
  }
  auto all = set.getDefiningOp<UnionOp>();
  if (!all)
    return failure();
  for (Value each : all.getMembers()) {
    FailureOr<SmallVector<AffineOp>> inner = affineMembers(each);
    if (failed(inner))
      return failure();
    llvm::append_range(members, *inner);
  }
  return members;
}

//===-- route.affine -------------------------------------------------------------------------------------------------

void AffineOp::build(OpBuilder &b, OperationState &state, ArrayRef<StringRef> dims, ArrayRef<StringRef> symbolNames,
                     ValueRange symbols, ArrayRef<AffineExpr> constraints, ArrayRef<AffineExpr> within, bool inexact) {
  auto map = [&](ArrayRef<AffineExpr> exprs) {
    return AffineMapAttr::get(AffineMap::get(dims.size(), symbolNames.size(), exprs, b.getContext()));
  };
  state.addTypes(SetType::get(b.getContext()));
  state.addOperands(symbols);
  state.addAttribute(getDimsAttrName(state.name), b.getStrArrayAttr(dims));
  state.addAttribute(getSymbolNamesAttrName(state.name), b.getStrArrayAttr(symbolNames));
  state.addAttribute(getConstraintsAttrName(state.name), map(constraints));
  state.addAttribute(getWithinAttrName(state.name), map(within));
  if (inexact)
    state.addAttribute(getInexactAttrName(state.name), b.getUnitAttr());
}

SmallVector<StringRef> AffineOp::getDimNames() { return llvm::to_vector(getDims().getAsValueRange<StringAttr>()); }

ParseResult AffineOp::parse(OpAsmParser &parser, OperationState &result) {
  Builder &b = parser.getBuilder();
  attn::AffineNames names;
  SmallVector<OpAsmParser::UnresolvedOperand> symbols;
  auto parseSymbol = [&]() -> ParseResult { // P = %P
    return failure(parser.parseKeyword(&names.symbols.emplace_back()) || parser.parseEqual() ||
                   parser.parseOperand(symbols.emplace_back()));
  };
  auto parseExprs = [&](StringRef keyword, StringAttr attribute, bool optional) -> ParseResult {
    SmallVector<AffineExpr> exprs;
    bool present = succeeded(parser.parseOptionalKeyword(keyword));
    if (!present && !optional)
      return parser.emitError(parser.getCurrentLocation()) << "expected '" << keyword << '\'';
    if (present && parseNamedAffineList(parser, names, exprs))
      return failure();
    AffineMap map = AffineMap::get(names.dims.size(), names.symbols.size(), exprs, b.getContext());
    result.addAttribute(attribute, AffineMapAttr::get(map));
    return success();
  };
  if (parser.parseCommaSeparatedList(AsmParser::Delimiter::Square,
                                     [&] { return parser.parseKeyword(&names.dims.emplace_back()); }))
    return failure();
  if (succeeded(parser.parseOptionalKeyword("symbols")) &&
      parser.parseCommaSeparatedList(AsmParser::Delimiter::Paren, parseSymbol))
    return failure();
  if (parseExprs("where", getConstraintsAttrName(result.name), /*optional=*/false) ||
      parseExprs("within", getWithinAttrName(result.name), /*optional=*/true))
    return failure();
  if (succeeded(parser.parseOptionalKeyword("inexact")))
    result.addAttribute(getInexactAttrName(result.name), b.getUnitAttr());
  result.addAttribute(getDimsAttrName(result.name), b.getStrArrayAttr(names.dims));
  result.addAttribute(getSymbolNamesAttrName(result.name), b.getStrArrayAttr(names.symbols));
  result.addTypes(SetType::get(b.getContext()));
  return failure(parser.parseOptionalAttrDict(result.attributes) ||
                 parser.resolveOperands(symbols, b.getIndexType(), result.operands));
}

attn::AffineNames AffineOp::getNames() {
  return {getDimNames(), llvm::to_vector(getSymbolNames().getAsValueRange<StringAttr>())};
}

static std::string inNames(AffineOp op, AffineExpr expr) {
  std::string text;
  llvm::raw_string_ostream os(text);
  printNamedAffine(os, expr, op.getNames());
  return text;
}

void AffineOp::print(OpAsmPrinter &p) {
  attn::AffineNames names = getNames();
  p << " [" << llvm::join(names.dims, ", ") << ']';
  if (!getSymbols().empty()) {
    p << " symbols(";
    llvm::interleaveComma(llvm::zip(names.symbols, getSymbols()), p,
                          [&](auto each) { p << std::get<0>(each) << " = " << std::get<1>(each); });
    p << ')';
  }
  p << " where ";
  printNamedAffineList(p, getConstraints().getResults(), names);
  if (getWithin().getNumResults()) {
    p << " within ";
    printNamedAffineList(p, getWithin().getResults(), names);
  }
  if (getInexact())
    p << " inexact";
  p.printOptionalAttrDict((*this)->getAttrs(), {getDimsAttrName(), getSymbolNamesAttrName(), getConstraintsAttrName(),
                                                getWithinAttrName(), getInexactAttrName()});
}

/// The coefficient of dimension `d` if `expr` is linear in it, with a constant coefficient; 0 if it is not.
static int64_t constantCoefficient(AffineExpr expr, unsigned d) {
  if (auto dim = dyn_cast<AffineDimExpr>(expr))
    return dim.getPosition() == d;
  auto binary = dyn_cast<AffineBinaryOpExpr>(expr);
  if (!binary || !expr.isFunctionOfDim(d))
    return 0;
  AffineExpr lhs = binary.getLHS(), rhs = binary.getRHS();
  if (binary.getKind() == AffineExprKind::Add) {
    int64_t left = constantCoefficient(lhs, d), right = constantCoefficient(rhs, d);
    bool opaque = (lhs.isFunctionOfDim(d) && !left) || (rhs.isFunctionOfDim(d) && !right);
    return opaque ? 0 : left + right;
  }
  auto factor = dyn_cast<AffineConstantExpr>(rhs);
  return binary.getKind() == AffineExprKind::Mul && factor ? factor.getValue() * constantCoefficient(lhs, d) : 0;
}

static LogicalResult verifyWithin(AffineOp op, AffineExpr expr) {
  unsigned mentioned = 0, dim = 0;
  for (unsigned d = 0; d < op.getNumDims(); ++d)
    if (expr.isFunctionOfDim(d))
      ++mentioned, dim = d;
  if (mentioned != 1 || !constantCoefficient(expr, dim)) // affine_c3
    return op.emitOpError() << "an expression of 'within' is not linear in one dimension, with a constant coefficient: "
                            << inNames(op, expr);
  return success();
}

static LogicalResult verifyDivisors(AffineOp op, AffineExpr expr) {
  WalkResult result = WalkResult::advance();
  expr.walk([&](AffineExpr each) {
    auto binary = dyn_cast<AffineBinaryOpExpr>(each);
    if (!binary || each.getKind() == AffineExprKind::Add || each.getKind() == AffineExprKind::Mul)
      return;
    auto divisor = dyn_cast<AffineConstantExpr>(binary.getRHS());
    if (divisor && divisor.getValue() <= 0) // affine_c4
      result = WalkResult::interrupt();
  });
  if (result.wasInterrupted())
    return op.emitOpError() << "divides by a constant that is not positive: " << inNames(op, expr);
  return success();
}

LogicalResult AffineOp::verify() {
  llvm::StringSet<> seen;
  for (ArrayAttr names : {getDims(), getSymbolNames()})
    for (StringRef name : names.getAsValueRange<StringAttr>())
      if (!seen.insert(name).second) // affine_c1
        return emitOpError() << "has two dimensions or symbols named '" << name << '\'';
  for (AffineMap map : {getConstraints(), getWithin()}) {
    if (map.getNumDims() != getDims().size() || map.getNumSymbols() != getSymbolNames().size() ||
        map.getNumSymbols() != getSymbols().size()) // affine_c2
      return emitOpError() << "map " << AffineMapAttr::get(map) << " has not " << getDims().size() << " dimensions and "
                           << getSymbols().size() << " symbols, each with a name";
    for (AffineExpr expr : map.getResults())
      if (failed(verifyDivisors(*this, expr)))
        return failure();
  }
  for (AffineExpr expr : getWithin().getResults())
    if (failed(verifyWithin(*this, expr)))
      return failure();
  return success();
}

//===-- route.union --------------------------------------------------------------------------------------------------

LogicalResult ElementOp::verify() {
  auto type = cast<RankedTensorType>(getTable().getType());
  if (!isa<IntegerType>(type.getElementType()) || size_t(type.getRank()) != getAt().size()) // element_c1
    return emitOpError() << "table of " << type << " read at " << getAt()
                         << ", expected integers at a rank a dimension";
  return success();
}

LogicalResult UnionOp::verify() {
  if (getMembers().empty()) // union_c1
    return emitOpError() << "has no members";
  AffineOp first;
  for (Value member : getMembers()) {
    auto affine = member.getDefiningOp<AffineOp>();
    if (!affine)
      continue;
    if (first && first.getDims() != affine.getDims()) { // union_c2
      InFlightDiagnostic diagnostic = emitOpError()
                                      << "has members over " << first.getDims() << " and " << affine.getDims();
      diagnostic.attachNote(affine.getLoc()) << "the second is made here";
      return diagnostic;
    }
    first = affine;
  }
  return success();
}

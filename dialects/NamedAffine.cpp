// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Upstream parses affine expressions over given names but prints only d0, s0; this is the printer that goes with it.
#include "dialects/NamedAffine.h"
#include "mlir/IR/Builders.h"

using namespace mlir;

namespace {

StringRef operatorText(AffineExprKind kind) {
  switch (kind) {
  case AffineExprKind::Mul:
    return " * ";
  case AffineExprKind::Mod:
    return " mod ";
  case AffineExprKind::FloorDiv:
    return " floordiv ";
  case AffineExprKind::CeilDiv:
    return " ceildiv ";
  default:
    return " + ";
  }
}

struct Printer {
  raw_ostream &os;
  const attn::AffineNames &names;

  void atom(AffineExpr e) {
    bool simple = isa<AffineDimExpr, AffineSymbolExpr, AffineConstantExpr>(e);
    os << (simple ? "" : "(");
    print(e);
    os << (simple ? "" : ")");
  }

  /// a + -1 * b and a + -c read better as differences.
  void sum(AffineBinaryOpExpr e) {
    print(e.getLHS());
    AffineExpr rhs = e.getRHS();
    if (auto constant = dyn_cast<AffineConstantExpr>(rhs); constant && constant.getValue() < 0) {
      os << " - " << -constant.getValue();
      return;
    }
    auto product = dyn_cast<AffineBinaryOpExpr>(rhs);
    if (product && product.getKind() == AffineExprKind::Mul)
      if (auto factor = dyn_cast<AffineConstantExpr>(product.getRHS()); factor && factor.getValue() == -1) {
        os << " - ";
        return atom(product.getLHS());
      }
    os << " + ";
    product && product.getKind() == AffineExprKind::Add ? atom(rhs) : print(rhs);
  }

  void print(AffineExpr e) {
    if (auto dim = dyn_cast<AffineDimExpr>(e)) {
      os << names.dims[dim.getPosition()];
    } else if (auto symbol = dyn_cast<AffineSymbolExpr>(e)) {
      os << names.symbols[symbol.getPosition()];
    } else if (auto constant = dyn_cast<AffineConstantExpr>(e)) {
      os << constant.getValue();
    } else {
      auto binary = cast<AffineBinaryOpExpr>(e);
      if (binary.getKind() == AffineExprKind::Add)
        return sum(binary);
      atom(binary.getLHS());
      os << operatorText(binary.getKind());
      atom(binary.getRHS());
    }
  }
};

} // namespace

void attn::printNamedAffine(raw_ostream &os, AffineExpr expr, const AffineNames &names) {
  Printer{os, names}.print(expr);
}

ParseResult attn::parseNamedAffineList(OpAsmParser &parser, const AffineNames &names,
                                       SmallVectorImpl<AffineExpr> &exprs) {
  Builder &b = parser.getBuilder();
  SmallVector<std::pair<StringRef, AffineExpr>> scope;
  for (auto [i, name] : llvm::enumerate(names.dims))
    scope.emplace_back(name, b.getAffineDimExpr(i));
  for (auto [i, name] : llvm::enumerate(names.symbols))
    scope.emplace_back(name, b.getAffineSymbolExpr(i));
  return parser.parseCommaSeparatedList(AsmParser::Delimiter::Square,
                                        [&] { return parser.parseAffineExpr(scope, exprs.emplace_back()); });
}

void attn::printNamedAffineList(OpAsmPrinter &p, ArrayRef<AffineExpr> exprs, const AffineNames &names) {
  p << '[';
  llvm::interleaveComma(exprs, p, [&](AffineExpr e) { printNamedAffine(p.getStream(), e, names); });
  p << ']';
}

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Upstream parses affine expressions over given names but prints only d0, s0; this is the printer that goes with it.
#include "dialects/NamedAffine.h"
#include "mlir/IR/Builders.h"
#include "llvm/ADT/STLExtras.h"
#include <limits>

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

  /// The addends of nested sums, in order.
  static void flatten(AffineExpr e, SmallVectorImpl<AffineExpr> &addends) {
    if (e.getKind() != AffineExprKind::Add)
      return addends.push_back(e);
    flatten(cast<AffineBinaryOpExpr>(e).getLHS(), addends);
    flatten(cast<AffineBinaryOpExpr>(e).getRHS(), addends);
  }

  /// The negative constant that is `e`, or its factor; 0 if there is none.
  static int64_t negativeFactor(AffineExpr e) {
    if (auto product = dyn_cast<AffineBinaryOpExpr>(e); product && product.getKind() == AffineExprKind::Mul)
      e = product.getRHS();
    auto constant = dyn_cast<AffineConstantExpr>(e);
    return constant && constant.getValue() < 0 && constant.getValue() > std::numeric_limits<int64_t>::min()
               ? constant.getValue()
               : 0;
  }

  /// What stands after a minus sign.
  void negated(AffineExpr e, int64_t factor) {
    auto product = dyn_cast<AffineBinaryOpExpr>(e);
    if (!product) {
      os << -factor;
      return;
    }
    atom(product.getLHS());
    if (factor != -1)
      os << " * " << -factor;
  }

  /// Differences read better than sums of negative terms: positive addends first, then negative ones, then constants;
  /// a positive constant leads where nothing else can.
  void sum(AffineExpr e) {
    SmallVector<AffineExpr> all, addends;
    flatten(e, all);
    auto isPositive = [](AffineExpr each) { return !isa<AffineConstantExpr>(each) && !negativeFactor(each); };
    bool constantFirst = llvm::none_of(all, isPositive);
    auto place = [&](AffineExpr each) {
      if (auto constant = dyn_cast<AffineConstantExpr>(each))
        return constantFirst && constant.getValue() > 0 ? 0 : 2;
      return negativeFactor(each) ? 1 : 0;
    };
    for (int wanted : {0, 1, 2})
      llvm::copy_if(all, std::back_inserter(addends), [&](AffineExpr each) { return place(each) == wanted; });
    for (auto [i, each] : llvm::enumerate(addends)) {
      int64_t factor = negativeFactor(each);
      if (factor && (i || factor == -1)) {
        os << (i ? " - " : "-");
        negated(each, factor);
        continue;
      }
      os << (i ? " + " : "");
      print(each);
    }
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
      if (binary.getKind() == AffineExprKind::Add || negativeFactor(e) == -1)
        return sum(e);
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

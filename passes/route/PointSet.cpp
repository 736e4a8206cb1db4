// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Proofs are upstream's Presburger arithmetic. Its flattening refuses semi-affine expressions (a quotient by a symbol),
// so those constraints are dropped first: "empty" and "implied" are then still true when claimed.
#include "passes/route/PointSet.h"
#include "mlir/Analysis/FlatLinearValueConstraints.h"
#include "mlir/IR/IntegerSet.h"
#include "passes/route/Intervals.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace attn::route;

PointSet PointSet::of(AffineOp op) {
  PointSet set;
  set.numDims = op.getNumDims();
  set.numSymbols = op.getSymbols().size();
  set.constraints = llvm::to_vector(op.getConstraints().getResults());
  set.within = llvm::to_vector(op.getWithin().getResults());
  set.exact = !op.getInexact();
  return set;
}

PointSet PointSet::bind(ArrayRef<int64_t> symbols) const {
  PointSet bound = *this;
  bound.numSymbols = 0;
  for (SmallVectorImpl<AffineExpr> *list : {&bound.constraints, &bound.within})
    for (AffineExpr &expr : *list) {
      auto constants =
          llvm::map_to_vector(symbols, [&](int64_t s) { return getAffineConstantExpr(s, expr.getContext()); });
      expr = simplifyAffineExpr(expr.replaceSymbols(constants), numDims, 0);
    }
  return bound;
}

bool PointSet::contains(ArrayRef<int64_t> point) const {
  auto holds = [&](AffineExpr expr) { return evaluate(expr, point, {}) >= 0; };
  return llvm::all_of(point, [](int64_t x) { return x >= 0; }) && llvm::all_of(constraints, holds) &&
         llvm::all_of(within, holds);
}

int64_t attn::route::evaluate(AffineExpr expr, ArrayRef<int64_t> dims, ArrayRef<int64_t> symbols) {
  if (auto dim = dyn_cast<AffineDimExpr>(expr))
    return dims[dim.getPosition()];
  if (auto symbol = dyn_cast<AffineSymbolExpr>(expr))
    return symbols[symbol.getPosition()];
  if (auto constant = dyn_cast<AffineConstantExpr>(expr))
    return constant.getValue();
  auto binary = cast<AffineBinaryOpExpr>(expr);
  int64_t lhs = evaluate(binary.getLHS(), dims, symbols), rhs = evaluate(binary.getRHS(), dims, symbols);
  int64_t divisor = std::max<int64_t>(rhs, 1);
  switch (expr.getKind()) {
  case AffineExprKind::Add:
    return lhs + rhs;
  case AffineExprKind::Mul:
    return lhs * rhs;
  case AffineExprKind::FloorDiv:
    return llvm::divideFloorSigned(lhs, divisor);
  case AffineExprKind::CeilDiv:
    return llvm::divideCeilSigned(lhs, divisor);
  default:
    return lhs - divisor * llvm::divideFloorSigned(lhs, divisor);
  }
}

AffineOp attn::route::buildAffine(OpBuilder &b, Location loc, const PointSet &set, ArrayRef<StringRef> dims,
                                  ArrayRef<StringRef> symbolNames, ValueRange symbols) {
  SmallVector<AffineExpr> all(set.constraints), renumbered(set.numSymbols, b.getAffineConstantExpr(0));
  llvm::append_range(all, set.within);
  SmallVector<StringRef> usedNames;
  SmallVector<Value> used;
  for (unsigned s = 0; s < set.numSymbols; ++s) {
    if (llvm::none_of(all, [&](AffineExpr expr) { return expr.isFunctionOfSymbol(s); }))
      continue;
    renumbered[s] = b.getAffineSymbolExpr(used.size());
    usedNames.push_back(symbolNames[s]);
    used.push_back(symbols[s]);
  }
  auto renumber = [&](ArrayRef<AffineExpr> exprs) {
    return llvm::map_to_vector(exprs, [&](AffineExpr expr) { return expr.replaceSymbols(renumbered); });
  };
  return AffineOp::create(b, loc, dims, usedNames, used, renumber(set.constraints), renumber(set.within), !set.exact);
}

//===-- proofs -------------------------------------------------------------------------------------------------------

/// Pure affine, and small enough for exact elimination to stay cheap.
static bool canFlatten(AffineExpr expr) {
  bool safe = expr.isPureAffine();
  expr.walk([&](AffineExpr each) {
    if (each.getKind() != AffineExprKind::FloorDiv && each.getKind() != AffineExprKind::CeilDiv &&
        each.getKind() != AffineExprKind::Mod)
      return;
    auto divisor = dyn_cast<AffineConstantExpr>(cast<AffineBinaryOpExpr>(each).getRHS());
    safe = safe && divisor && divisor.getValue() > 0;
  });
  return safe;
}

bool attn::route::isProvablyEmpty(const PointSet &set, const NaturalSymbols &natural) {
  SmallVector<AffineExpr> usable;
  for (const SmallVectorImpl<AffineExpr> *list : {&set.constraints, &set.within})
    llvm::copy_if(*list, std::back_inserter(usable), canFlatten);
  if (usable.empty())
    return false;
  MLIRContext *context = usable.front().getContext();
  for (unsigned d = 0; d < set.numDims; ++d)
    usable.push_back(getAffineDimExpr(d, context));
  for (unsigned s : natural.set_bits())
    usable.push_back(getAffineSymbolExpr(s, context));
  IntegerSet all = IntegerSet::get(set.numDims, set.numSymbols, usable, SmallVector<bool>(usable.size(), false));
  std::vector<SmallVector<int64_t, 8>> flat;
  FlatLinearConstraints system; // quotients and remainders become variables, defined by its first rows
  if (failed(getFlattenedAffineExprs(all, &flat, &system)))
    return false;
  for (ArrayRef<int64_t> row : flat)
    system.addInequality(row);
  return system.isIntegerEmpty();
}

/// A sum of natural multiples of remainders and a natural number; also where the divisor is a symbol.
static bool isNaturalByForm(AffineExpr expr) {
  LinearForm form = linearForm(expr);
  auto isNatural = [](AffineExpr e) {
    auto constant = dyn_cast<AffineConstantExpr>(e);
    return constant && constant.getValue() >= 0;
  };
  return isNatural(form.rest) && llvm::all_of(form.terms, [&](auto &term) {
           bool isDim = isa<AffineDimExpr>(term.first), isRemainder = term.first.getKind() == AffineExprKind::Mod;
           return (isDim || isRemainder) && isNatural(term.second);
         });
}

bool attn::route::provablyImplies(const PointSet &set, AffineExpr expr, const NaturalSymbols &natural) {
  if (llvm::is_contained(set.constraints, expr) || isNaturalByForm(expr))
    return true;
  if (!canFlatten(expr))
    return false;
  PointSet violating = set;
  violating.constraints.push_back(-expr - 1);
  return isProvablyEmpty(violating, natural);
}

SmallVector<PointSet> attn::route::subtract(const PointSet &a, const PointSet &b, const NaturalSymbols &natural) {
  SmallVector<PointSet> pieces;
  PointSet rest = a;
  for (AffineExpr expr : b.constraints) {
    if (provablyImplies(rest, expr, natural))
      continue;
    PointSet piece = rest;
    piece.constraints.push_back(normalized(-expr - 1));
    if (!isProvablyEmpty(piece, natural))
      pieces.push_back(std::move(piece));
    rest.constraints.push_back(expr);
  }
  return pieces;
}

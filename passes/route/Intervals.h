// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Interval arithmetic on affine expressions, over any kind of number: integers for `explain` and tests, index values
// for the code that visits blocks. One text serves both, so that what is counted is what runs.
//
// An expression is flattened to linear terms, each bounded by the sign of its coefficient: terms cancel before they are
// bounded. floordiv keeps the ends; x mod d is [lo mod d, hi mod d] if both ends share the quotient, else [0, d - 1].
// Needlessly wide only where one dimension occurs both inside and outside a quotient or remainder, or in several of
// them.
#pragma once
#include "mlir/IR/AffineExpr.h"
#include "llvm/ADT/SmallVector.h"
#include <optional>

namespace attn::route {

/// sum of coefficient * atom, + rest. Coefficients and rest mention no dimension; an atom is a dimension, a quotient or
/// a remainder that mentions one. Atoms are distinct, coefficients not the constant 0.
struct LinearForm {
  llvm::SmallVector<std::pair<mlir::AffineExpr, mlir::AffineExpr>> terms; ///< atom, coefficient
  mlir::AffineExpr rest;
};
LinearForm linearForm(mlir::AffineExpr expr);
/// The same expression as a sum of its linear form's terms: dimensions in their order, then other atoms, then the rest.
mlir::AffineExpr normalized(mlir::AffineExpr expr);

/// Both ends belong to it.
template <typename Number> struct Interval {
  Number lo, hi;
};

/// Where an inequality confines a dimension: x >= lower, x <= upper. Each limit depends on the other coordinates, so it
/// has a least and a greatest value over the box.
template <typename Number> struct Limits {
  std::optional<Interval<Number>> lower, upper;
};

/// `Math` has a type Number and constant(int64_t), add, sub, mul, min, max, floorDiv(x, d) with d counted as max(d, 1),
/// positive(d) = max(d, 1), ifNatural(x, a, b) = a if x >= 0 else b.
template <typename Math> class Intervals {
public:
  using Number = typename Math::Number;
  using Range = Interval<Number>;

  Intervals(Math &math, unsigned numDims, llvm::ArrayRef<Number> symbols)
      : math(math), symbols(symbols), box(numDims) {}

  void setBox(unsigned dim, Range range) { box[dim] = range; }
  const Range &getBox(unsigned dim) const { return *box[dim]; }

  /// All dimensions that `expr` mentions have their box.
  Range bound(mlir::AffineExpr expr) {
    LinearForm form = linearForm(expr);
    Range total{value(form.rest), value(form.rest)};
    for (auto [atom, coefficient] : form.terms)
      total = sum(total, scale(coefficient, boundAtom(atom)));
    return total;
  }

  /// Adds what `expr` + slack >= 0 says about `dim` to `limits`; every other dimension it mentions has its box. False,
  /// and nothing added, unless `dim` occurs once, alone or in nested quotients, with constant coefficients.
  bool solve(mlir::AffineExpr expr, unsigned dim, Limits<Number> &limits) {
    return solve(expr, Range{math.constant(0), math.constant(0)}, dim, limits);
  }

private:
  Math &math;
  llvm::SmallVector<Number> symbols;
  llvm::SmallVector<std::optional<Range>> box;

  /// `expr` mentions no dimension.
  Number value(mlir::AffineExpr expr) {
    if (auto symbol = llvm::dyn_cast<mlir::AffineSymbolExpr>(expr))
      return symbols[symbol.getPosition()];
    if (auto constant = llvm::dyn_cast<mlir::AffineConstantExpr>(expr))
      return math.constant(constant.getValue());
    auto binary = llvm::cast<mlir::AffineBinaryOpExpr>(expr);
    Number lhs = value(binary.getLHS()), rhs = value(binary.getRHS());
    switch (expr.getKind()) {
    case mlir::AffineExprKind::Add:
      return math.add(lhs, rhs);
    case mlir::AffineExprKind::Mul:
      return math.mul(lhs, rhs);
    case mlir::AffineExprKind::FloorDiv:
      return math.floorDiv(lhs, rhs);
    case mlir::AffineExprKind::CeilDiv:
      return negate(math.floorDiv(negate(lhs), rhs));
    default:
      return math.sub(lhs, math.mul(math.floorDiv(lhs, rhs), math.positive(rhs)));
    }
  }

  Number negate(Number x) { return math.sub(math.constant(0), x); }
  Range sum(Range a, Range b) { return {math.add(a.lo, b.lo), math.add(a.hi, b.hi)}; }
  Range negate(Range a) { return {negate(a.hi), negate(a.lo)}; }

  Range scale(mlir::AffineExpr coefficient, Range a) {
    Number factor = value(coefficient);
    Number x = math.mul(factor, a.lo), y = math.mul(factor, a.hi);
    if (auto constant = llvm::dyn_cast<mlir::AffineConstantExpr>(coefficient))
      return constant.getValue() >= 0 ? Range{x, y} : Range{y, x};
    return {math.min(x, y), math.max(x, y)};
  }

  Range boundAtom(mlir::AffineExpr atom) {
    if (auto dim = llvm::dyn_cast<mlir::AffineDimExpr>(atom))
      return *box[dim.getPosition()];
    auto binary = llvm::cast<mlir::AffineBinaryOpExpr>(atom);
    Range inner = bound(binary.getLHS());
    Number divisor = value(binary.getRHS());
    Range quotient{math.floorDiv(inner.lo, divisor), math.floorDiv(inner.hi, divisor)};
    if (atom.getKind() == mlir::AffineExprKind::FloorDiv)
      return quotient;
    divisor = math.positive(divisor);
    Number same = math.sub(quotient.lo, quotient.hi), base = math.mul(quotient.lo, divisor);
    return {math.ifNatural(same, math.sub(inner.lo, base), math.constant(0)),
            math.ifNatural(same, math.sub(inner.hi, base), math.sub(divisor, math.constant(1)))};
  }

  /// c * atom + R >= 0, where R is what does not mention `dim`:  atom >= ceil(-R / c)  or  atom <= floor(R / -c).
  bool solve(mlir::AffineExpr expr, Range slack, unsigned dim, Limits<Number> &limits) {
    LinearForm form = linearForm(expr);
    auto mentions = [&](auto &term) { return term.first.isFunctionOfDim(dim); };
    auto *term = llvm::find_if(form.terms, mentions);
    if (term == form.terms.end() || llvm::count_if(form.terms, mentions) != 1)
      return false;
    auto [atom, coefficient] = *term;
    auto constant = llvm::dyn_cast<mlir::AffineConstantExpr>(coefficient);
    if (!constant || atom.getKind() == mlir::AffineExprKind::Mod)
      return false;
    Range rest = sum(slack, Range{value(form.rest), value(form.rest)});
    for (auto &other : form.terms)
      if (&other != term)
        rest = sum(rest, scale(other.second, boundAtom(other.first)));
    Number size = math.constant(std::abs(constant.getValue()));
    Range quotient{math.floorDiv(rest.lo, size), math.floorDiv(rest.hi, size)};
    return constant.getValue() > 0 ? atLeast(atom, negate(quotient), dim, limits) : atMost(atom, quotient, dim, limits);
  }

  /// floor(x / d) >= t  is  x >= t*d.
  bool atLeast(mlir::AffineExpr atom, Range limit, unsigned dim, Limits<Number> &limits) {
    if (auto quotient = llvm::dyn_cast<mlir::AffineBinaryOpExpr>(atom)) {
      Number divisor = math.positive(value(quotient.getRHS()));
      Range slack = negate(Range{math.mul(limit.lo, divisor), math.mul(limit.hi, divisor)});
      return solve(quotient.getLHS(), slack, dim, limits);
    }
    if (limits.lower)
      limit = {math.max(limits.lower->lo, limit.lo), math.max(limits.lower->hi, limit.hi)};
    limits.lower = limit;
    return true;
  }

  /// floor(x / d) <= t  is  x <= t*d + d - 1.
  bool atMost(mlir::AffineExpr atom, Range limit, unsigned dim, Limits<Number> &limits) {
    if (auto quotient = llvm::dyn_cast<mlir::AffineBinaryOpExpr>(atom)) {
      Number divisor = math.positive(value(quotient.getRHS())), last = math.sub(divisor, math.constant(1));
      Range slack{math.add(math.mul(limit.lo, divisor), last), math.add(math.mul(limit.hi, divisor), last)};
      return solve(-quotient.getLHS(), slack, dim, limits);
    }
    if (limits.upper)
      limit = {math.min(limits.upper->lo, limit.lo), math.min(limits.upper->hi, limit.hi)};
    limits.upper = limit;
    return true;
  }
};

} // namespace attn::route

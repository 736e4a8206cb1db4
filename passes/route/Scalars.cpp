// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Arithmetic is read as if integers had no width: index positions are 64-bit (R15). A minimum or maximum survives
// additions:
//   max(a, b) + c = max(a + c, b + c)      max(a, b) >= 0  is  a >= 0 or b >= 0      |x| = max(x, -x)
#include "passes/route/Scalars.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace attn;
using namespace attn::route;

//===-- formulas -----------------------------------------------------------------------------------------------------

static constexpr size_t kMaxClauses = 8;

Formula attn::route::truth(bool exact) {
  Clause clause;
  clause.exact = exact;
  return {clause};
}

static bool sameClause(const Clause &a, const Clause &b) {
  return a.constraints == b.constraints && a.exact == b.exact;
}

static Formula bounded(Formula formula) {
  Formula distinct;
  for (Clause &clause : formula)
    if (llvm::none_of(distinct, [&](const Clause &each) { return sameClause(each, clause); }))
      distinct.push_back(std::move(clause));
  return distinct.size() > kMaxClauses ? truth(/*exact=*/false) : distinct;
}

Formula attn::route::conjunction(const Formula &a, const Formula &b) {
  Formula both;
  for (const Clause &x : a)
    for (const Clause &y : b) {
      Clause &clause = both.emplace_back(x);
      for (AffineExpr expr : y.constraints)
        if (!llvm::is_contained(clause.constraints, expr))
          clause.constraints.push_back(expr);
      clause.exact &= y.exact;
    }
  return bounded(std::move(both));
}

Formula attn::route::disjunction(const Formula &a, const Formula &b) {
  Formula either = a;
  llvm::append_range(either, b);
  return bounded(std::move(either));
}

//===-- symbols ------------------------------------------------------------------------------------------------------

AffineExpr Symbols::add(Row row) {
  for (auto [i, each] : llvm::enumerate(table))
    if (each.value == row.value && each.rank == row.rank && each.at == row.at)
      return getAffineSymbolExpr(i, kernel.getContext());
  auto taken = [&](StringRef name) {
    return kernel.findRank(name) || llvm::any_of(table, [&](const Row &each) { return each.name == name; });
  };
  std::string stem = row.name;
  for (unsigned i = 0; taken(row.name); ++i)
    row.name = stem + "_" + std::to_string(i);
  table.push_back(std::move(row));
  return getAffineSymbolExpr(table.size() - 1, kernel.getContext());
}

AffineExpr Symbols::extent(StringRef rank) {
  if (RankAttr attr = kernel.findRank(rank))
    if (std::optional<int64_t> bound = attr.getConstantExtent())
      return getAffineConstantExpr(*bound, kernel.getContext());
  return add({{}, rank, rank.upper(), {}});
}

std::string Symbols::nameOf(Value value) {
  if (auto defaulted = value.getDefiningOp<DefaultOp>())
    value = defaulted.getArgument();
  auto argument = dyn_cast<BlockArgument>(value);
  bool isNamed =
      argument && argument.getOwner()->getParentOp() == kernel && !kernel.getArgName(argument.getArgNumber()).empty();
  return isNamed ? kernel.getArgName(argument.getArgNumber()).str() : "s" + std::to_string(table.size());
}

AffineExpr Symbols::scalar(Value value) { return add({value, {}, nameOf(value), {}}); }

AffineExpr Symbols::element(Value source, ArrayRef<StringRef> at) {
  return add({source, {}, nameOf(source), SmallVector<StringRef, 2>(at)});
}

NaturalSymbols Symbols::natural() const {
  NaturalSymbols natural(table.size());
  for (auto [i, row] : llvm::enumerate(table))
    if (!row.value)
      natural.set(i);
  return natural;
}

SmallVector<Value> Symbols::materialize(OpBuilder &b, Location loc) const {
  return llvm::map_to_vector(table, [&](const Row &row) -> Value {
    if (!row.value)
      return ExtentOp::create(b, loc, row.rank);
    if (isa<RankedTensorType>(row.value.getType()))
      return ElementOp::create(b, loc, b.getIndexType(), row.value, b.getStrArrayAttr(row.at));
    if (row.value.getType().isIndex())
      return row.value;
    return arith::IndexCastOp::create(b, loc, b.getIndexType(), row.value);
  });
}

//===-- numbers ------------------------------------------------------------------------------------------------------

std::optional<AffineExpr> ScalarReader::readAffine(Value value) {
  std::optional<Pieces> pieces = read(value);
  if (!pieces || pieces->of.size() != 1)
    return std::nullopt;
  return pieces->of.front();
}

std::optional<ScalarReader::Pieces> ScalarReader::read(Value value) {
  if (AffineExpr expr = bound.lookup(value))
    return Pieces{{expr}};
  APInt constant;
  if (matchPattern(value, m_ConstantInt(&constant)))
    return Pieces{{getAffineConstantExpr(constant.getSExtValue(), value.getContext())}};
  Operation *op = value.getDefiningOp();
  if (op)
    if (std::optional<Pieces> pieces = readOp(op))
      return pieces;
  bool isVisible = value.getParentRegion()->isAncestor(scope->getParentRegion());
  if (!isVisible || !(value.getType().isIndex() || isa<IntegerType>(value.getType())) || value.getType().isInteger(1))
    return std::nullopt;
  return Pieces{{symbols.scalar(value)}};
}

std::optional<ScalarReader::Pieces> ScalarReader::readOp(Operation *op) {
  using Result = std::optional<Pieces>;
  MLIRContext *context = op->getContext();
  return llvm::TypeSwitch<Operation *, Result>(op)
      .Case([&](ExtentOp extent) { return Pieces{{symbols.extent(extent.getRank())}}; })
      .Case<arith::IndexCastOp, arith::ExtSIOp>([&](auto) { return read(op->getOperand(0)); })
      .Case<arith::AddIOp, arith::SubIOp>([&](auto) -> Result {
        Result a = read(op->getOperand(0)), b = read(op->getOperand(1));
        if (!a || !b)
          return std::nullopt;
        return sum(*a, isa<arith::AddIOp>(op) ? *b : scale(*b, getAffineConstantExpr(-1, context)));
      })
      .Case([&](arith::MulIOp) -> Result {
        Result a = read(op->getOperand(0)), b = read(op->getOperand(1));
        if (!a || !b)
          return std::nullopt;
        if (b->of.size() != 1 || !b->of[0].isSymbolicOrConstant())
          std::swap(a, b);
        if (b->of.size() != 1 || !b->of[0].isSymbolicOrConstant() ||
            (a->of.size() != 1 && !isa<AffineConstantExpr>(b->of[0])))
          return std::nullopt;
        return scale(*a, b->of[0]);
      })
      .Case<IDivOp, arith::FloorDivSIOp>([&](auto) { return readQuotient(op, /*remainder=*/false); })
      .Case([&](IModOp) { return readQuotient(op, /*remainder=*/true); })
      .Case([&](arith::MaxSIOp) { return extremum(op, /*isMax=*/true); })
      .Case([&](arith::MinSIOp) { return extremum(op, /*isMax=*/false); })
      .Case([&](math::AbsIOp) -> Result {
        std::optional<AffineExpr> x = readAffine(op->getOperand(0));
        return x ? Result(Pieces{{*x, -*x}}) : std::nullopt;
      })
      .Default([](Operation *) { return std::nullopt; });
}

std::optional<ScalarReader::Pieces> ScalarReader::readQuotient(Operation *op, bool remainder) {
  std::optional<AffineExpr> x = readAffine(op->getOperand(0)), d = readAffine(op->getOperand(1));
  if (!x || !d || !isPositive(*d))
    return std::nullopt;
  return Pieces{{remainder ? *x % *d : x->floorDiv(*d)}};
}

std::optional<ScalarReader::Pieces> ScalarReader::extremum(Operation *op, bool isMax) {
  std::optional<Pieces> a = read(op->getOperand(0)), b = read(op->getOperand(1));
  auto fits = [&](std::optional<Pieces> &p) { return p && (p->of.size() == 1 || p->isMax == isMax); };
  if (!fits(a) || !fits(b))
    return std::nullopt;
  Pieces all{a->of, isMax};
  llvm::append_range(all.of, b->of);
  return all;
}

std::optional<ScalarReader::Pieces> ScalarReader::sum(const Pieces &a, const Pieces &b) {
  if (a.of.size() > 1 && b.of.size() > 1 && a.isMax != b.isMax)
    return std::nullopt;
  Pieces all{{}, a.of.size() > 1 ? a.isMax : b.isMax};
  for (AffineExpr x : a.of)
    for (AffineExpr y : b.of)
      all.of.push_back(x + y);
  return all;
}

/// The factor is a constant if there are several pieces.
ScalarReader::Pieces ScalarReader::scale(Pieces pieces, AffineExpr factor) {
  for (AffineExpr &expr : pieces.of)
    expr = expr * factor;
  if (auto constant = dyn_cast<AffineConstantExpr>(factor); constant && constant.getValue() < 0)
    pieces.isMax = !pieces.isMax;
  return pieces;
}

bool ScalarReader::isPositive(AffineExpr divisor) {
  if (auto constant = dyn_cast<AffineConstantExpr>(divisor))
    return constant.getValue() > 0;
  if (!divisor.isSymbolicOrConstant())
    return false;
  PointSet known;
  known.numSymbols = symbols.rows().size();
  known.constraints = assumptions;
  return provablyImplies(known, divisor - 1, symbols.natural());
}

bool ScalarReader::divisorsArePositive(AffineExpr expr) {
  bool positive = true;
  expr.walk([&](AffineExpr each) {
    if (each.getKind() == AffineExprKind::FloorDiv || each.getKind() == AffineExprKind::CeilDiv ||
        each.getKind() == AffineExprKind::Mod)
      positive = positive && isPositive(cast<AffineBinaryOpExpr>(each).getRHS());
  });
  return positive;
}

//===-- conditions ---------------------------------------------------------------------------------------------------

Formula ScalarReader::readCondition(Value condition, bool negated) {
  APInt constant;
  if (matchPattern(condition, m_ConstantInt(&constant)))
    return constant.isZero() == negated ? truth(/*exact=*/true) : Formula();
  Operation *op = condition.getDefiningOp();
  if (isa_and_nonnull<arith::AndIOp, arith::OrIOp>(op)) {
    Formula a = readCondition(op->getOperand(0), negated), b = readCondition(op->getOperand(1), negated);
    return isa<arith::AndIOp>(op) != negated ? conjunction(a, b) : disjunction(a, b);
  }
  if (auto flip = dyn_cast_or_null<arith::XOrIOp>(op); flip && matchPattern(flip.getRhs(), m_One()))
    return readCondition(flip.getLhs(), !negated);
  if (isa_and_nonnull<arith::CmpIOp>(op))
    return readComparison(op, negated);
  return truth(/*exact=*/false);
}

Formula ScalarReader::atLeastZero(const Pieces &pieces) {
  Formula all = pieces.isMax ? Formula() : truth(/*exact=*/true);
  for (AffineExpr expr : pieces.of) {
    Formula one(1);
    one[0].constraints.push_back(expr);
    all = pieces.isMax ? disjunction(all, one) : conjunction(all, one);
  }
  return all;
}

Formula ScalarReader::readComparison(Operation *op, bool negated) {
  auto compare = cast<arith::CmpIOp>(op);
  std::optional<Pieces> a = read(compare.getLhs()), b = read(compare.getRhs());
  if (!a || !b)
    return truth(/*exact=*/false);
  AffineExpr minus = getAffineConstantExpr(-1, op->getContext());
  std::optional<Pieces> up = sum(*a, scale(*b, minus)), down = sum(*b, scale(*a, minus)); // a - b, b - a
  if (!up || !down)
    return truth(/*exact=*/false);
  Pieces less{{minus}};
  Formula above = atLeastZero(*up), below = atLeastZero(*down), over = atLeastZero(*sum(*up, less)),
          under = atLeastZero(*sum(*down, less));
  arith::CmpIPredicate predicate = negated ? arith::invertPredicate(compare.getPredicate()) : compare.getPredicate();
  switch (predicate) {
  case arith::CmpIPredicate::sge:
    return above;
  case arith::CmpIPredicate::sle:
    return below;
  case arith::CmpIPredicate::sgt:
    return over;
  case arith::CmpIPredicate::slt:
    return under;
  case arith::CmpIPredicate::eq:
    return conjunction(above, below);
  case arith::CmpIPredicate::ne:
    return disjunction(over, under);
  default:
    return truth(/*exact=*/false);
  }
}

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// route-simplify. Needs: routes. Guarantees: constants folded, no constraint that always holds or that one other
// implies, no provably empty member of a union, no union in a union. A constraint that only several others together
// imply stays: over a block the interval of each is taken by itself, so it may be the one that keeps a block from being
// visited. So does one that `within` implies: masks hold in rows beyond the extent, too.
#include "dialects/attn/Attn.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "passes/Passes.h"
#include "passes/route/Intervals.h"
#include "passes/route/PointSet.h"

namespace attn {
#define GEN_PASS_DEF_ROUTESIMPLIFY
#include "passes/Passes.h.inc"
} // namespace attn

using namespace mlir;
using namespace attn;
using namespace attn::route;

static NaturalSymbols naturalSymbols(AffineOp op) {
  NaturalSymbols natural(op.getSymbols().size());
  for (auto [i, value] : llvm::enumerate(op.getSymbols()))
    if (value.getDefiningOp<ExtentOp>())
      natural.set(i);
  return natural;
}

/// Constants become numbers, and equal symbols the first of them.
static void foldSymbols(AffineOp op, PointSet &set) {
  SmallVector<AffineExpr> exprs;
  for (auto [i, value] : llvm::enumerate(op.getSymbols())) {
    std::optional<int64_t> constant = getConstantIntValue(value);
    auto first = llvm::find(op.getSymbols(), value) - op.getSymbols().begin();
    exprs.push_back(constant ? getAffineConstantExpr(*constant, op.getContext())
                             : getAffineSymbolExpr(first, op.getContext()));
  }
  for (SmallVectorImpl<AffineExpr> *list : {&set.constraints, &set.within})
    for (AffineExpr &expr : *list)
      expr = normalized(expr.replaceSymbols(exprs));
}

/// In order of text, so that of two that imply each other the first stays. One that never holds implies nothing: the
/// bounds of an empty set stay.
static void dropImplied(SmallVectorImpl<AffineExpr> &list, const PointSet &set, const NaturalSymbols &natural) {
  PointSet other;
  other.numDims = set.numDims;
  other.numSymbols = set.numSymbols;
  auto implies = [&](std::optional<AffineExpr> premise, AffineExpr expr) {
    other.constraints.clear();
    if (premise)
      other.constraints.push_back(*premise);
    return provablyImplies(other, expr, natural);
  };
  for (unsigned i = list.size(); i-- > 0;) {
    bool redundant = implies(std::nullopt, list[i]);
    for (unsigned j = 0; j < list.size() && !redundant; ++j)
      redundant = j != i && !isa<AffineConstantExpr>(list[j]) && implies(list[j], list[i]);
    if (redundant)
      list.erase(list.begin() + i);
  }
}

static void simplifySet(AffineOp op) {
  PointSet set = PointSet::of(op);
  NaturalSymbols natural = naturalSymbols(op);
  foldSymbols(op, set);
  dropImplied(set.constraints, set, natural);
  dropImplied(set.within, set, natural);
  OpBuilder b(op);
  auto names = llvm::to_vector(op.getSymbolNames().getAsValueRange<StringAttr>());
  AffineOp shorter = buildAffine(b, op.getLoc(), set, op.getDimNames(), names, op.getSymbols());
  op.replaceAllUsesWith(shorter.getResult());
  op.erase();
}

static void simplifyUnion(UnionOp op) {
  FailureOr<SmallVector<AffineOp>> members = affineMembers(op.getResult());
  if (failed(members))
    return;
  SmallVector<Value> kept;
  for (AffineOp member : *members)
    if (!isProvablyEmpty(PointSet::of(member), naturalSymbols(member)))
      kept.push_back(member);
  if (kept.empty())
    kept.push_back(members->front());
  if (kept.size() == 1)
    op.replaceAllUsesWith(kept.front());
  else
    op.getMembersMutable().assign(kept);
}

namespace {

struct Simplify : attn::impl::RouteSimplifyBase<Simplify> {
  void runOnOperation() override {
    SmallVector<AffineOp> sets;
    SmallVector<UnionOp> unions;
    getOperation()->walk([&](AffineOp op) { sets.push_back(op); });
    getOperation()->walk([&](UnionOp op) { unions.push_back(op); });
    for (AffineOp op : sets)
      simplifySet(op);
    for (UnionOp op : unions)
      simplifyUnion(op);
    for (UnionOp op : llvm::reverse(unions))
      if (op->use_empty())
        op.erase();
    sets.clear();
    getOperation()->walk([&](AffineOp op) { sets.push_back(op); });
    for (AffineOp op : sets)
      if (op->use_empty())
        op.erase();
  }
};

} // namespace

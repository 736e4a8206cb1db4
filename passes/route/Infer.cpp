// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// route-infer. Needs: streams whose predicates are predicates (attn-normalize). Guarantees: each stream has a route
// that contains every point at which any state changes.
//
//   route = union over reductions r along the streamed ranks of { point | every condition of r's Einsum holds }
//
// Conditions come with operands made in the step as well as from `where`. A condition over a rank that is neither
// parallel nor streamed is left out (a point contributes if it holds anywhere there). With several sets S1, S2, .. the
// route is S1, S2 - S1, ..: each point is visited once. A body visits a block of one member under that member's set
// *and* its own predicates, so splitting a set that is larger than what is allowed loses nothing.
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "passes/Passes.h"
#include "passes/route/Conditions.h"
#include "passes/route/Intervals.h"
#include "llvm/ADT/SetVector.h"

namespace attn {
#define GEN_PASS_DEF_ROUTEINFER
#include "passes/Passes.h.inc"
} // namespace attn

using namespace mlir;
using namespace attn;
using namespace attn::route;

namespace {

/// Unions of more members than this are not worth their loops.
constexpr size_t kMaxMembers = 4;

/// What one reduction along the streamed ranks says, over its iterators.
struct Contribution {
  EinsumOp reduction;
  Formula formula;
};

class Inference {
public:
  explicit Inference(StreamOp stream)
      : stream(stream), symbols(stream->getParentOfType<KernelOp>()), conditions(symbols, stream) {}

  void run() {
    SmallVector<Contribution> contributions = contributionsOf();
    chooseDims(contributions);
    emit(membersOf(contributions));
  }

private:
  StreamOp stream;
  Symbols symbols;
  ConditionReader conditions;
  llvm::SetVector<StringRef> dims;
  unsigned numLeading = 0;

  SmallVector<Contribution> contributionsOf() {
    SmallVector<Contribution> contributions;
    for (EinsumOp op : stream.getStep().getOps<EinsumOp>()) {
      SmallVector<StringRef> iterators = op.getIteratorNames();
      if (llvm::none_of(ArrayRef(iterators).drop_front(op.getNumParallel()),
                        [&](StringRef r) { return stream.isOver(r); }))
        continue;
      Formula all = truth(/*exact=*/true);
      for (const Condition &condition : conditions.conditionsOf(op))
        all = conjunction(all, condition.formula);
      contributions.push_back({op, project(op, std::move(all))});
    }
    return contributions;
  }

  bool isOfState(StringRef rank) {
    return llvm::any_of(stream.getStateTypes(), [&](Type type) {
      return llvm::any_of(rankNames(type), [&](StringAttr name) { return name == rank; });
    });
  }

  /// Leaves out what mentions ranks that are neither streamed nor of a state: they are reduced within the step, here or
  /// by a later Einsum.
  Formula project(EinsumOp op, Formula formula) {
    auto isInner = [&](AffineExpr expr) {
      for (unsigned i = 0; i < op.getNumIterators(); ++i) {
        bool isReduced = i >= op.getNumParallel() || !isOfState(op.getIterator(i));
        if (isReduced && !stream.isOver(op.getIterator(i)) && expr.isFunctionOfDim(i))
          return true;
      }
      return false;
    };
    for (Clause &clause : formula) {
      size_t before = clause.constraints.size();
      llvm::erase_if(clause.constraints, isInner);
      clause.exact &= clause.constraints.size() == before;
    }
    return formula;
  }

  void chooseDims(ArrayRef<Contribution> contributions) {
    for (const Contribution &each : contributions) {
      EinsumOp op = each.reduction;
      for (unsigned i = 0; i < op.getNumParallel(); ++i)
        for (const Clause &clause : each.formula)
          if (!stream.isOver(op.getIterator(i)) &&
              llvm::any_of(clause.constraints, [&](AffineExpr expr) { return expr.isFunctionOfDim(i); }))
            dims.insert(op.getIterator(i));
    }
    numLeading = dims.size();
    for (StringRef rank : stream.getOver().getAsValueRange<StringAttr>())
      dims.insert(rank);
  }

  AffineExpr dim(StringRef rank) {
    return getAffineDimExpr(llvm::find(dims, rank) - dims.begin(), stream.getContext());
  }

  /// All points within the extents.
  PointSet everything() {
    PointSet set;
    set.numDims = dims.size();
    for (auto [i, rank] : llvm::enumerate(dims))
      (i < numLeading ? set.within : set.constraints).push_back(normalized(symbols.extent(rank) - 1 - dim(rank)));
    return set;
  }

  PointSet setOf(EinsumOp op, const Clause &clause) {
    SmallVector<AffineExpr> places;
    for (StringRef rank : op.getIteratorNames())
      places.push_back(dims.contains(rank) ? dim(rank) : getAffineConstantExpr(0, op.getContext()));
    PointSet set = everything();
    SmallVector<AffineExpr> extents = set.constraints;
    set.constraints.clear();
    for (AffineExpr expr : clause.constraints)
      set.constraints.push_back(normalized(expr.replaceDims(places)));
    llvm::append_range(set.constraints, extents);
    set.exact = clause.exact;
    return set;
  }

  bool isEmpty(PointSet &set) {
    set.numSymbols = symbols.rows().size();
    return isProvablyEmpty(set, symbols.natural());
  }

  bool isWithin(const PointSet &a, const PointSet &b) {
    return llvm::all_of(b.constraints, [&](AffineExpr expr) { return provablyImplies(a, expr, symbols.natural()); });
  }

  SmallVector<PointSet> membersOf(ArrayRef<Contribution> contributions) {
    SmallVector<PointSet> sets;
    std::optional<SmallVector<PointSet>> previous;
    bool agree = true;
    for (const Contribution &each : contributions) {
      SmallVector<PointSet> own;
      for (const Clause &clause : each.formula)
        if (PointSet set = setOf(each.reduction, clause); !isEmpty(set))
          own.push_back(std::move(set));
      agree &= !previous || sameSets(*previous, own);
      if (!previous || !agree)
        llvm::append_range(sets, own);
      previous = std::move(own);
    }
    if (contributions.empty())
      sets.push_back(everything());
    for (PointSet &set : sets) {
      set.numSymbols = symbols.rows().size();
      set.exact &= agree;
    }
    return disjoint(std::move(sets));
  }

  static bool sameSets(ArrayRef<PointSet> a, ArrayRef<PointSet> b) {
    return a.size() == b.size() && llvm::all_of(llvm::zip(a, b), [](auto pair) {
             auto &[x, y] = pair;
             return x.constraints == y.constraints && x.exact == y.exact;
           });
  }

  /// The same points, each in one set.
  SmallVector<PointSet> disjoint(SmallVector<PointSet> sets) {
    SmallVector<PointSet> maximal;
    for (auto [i, set] : llvm::enumerate(sets)) {
      auto contains = [&, i = i, &set = set](size_t j) {
        return j != i && isWithin(set, sets[j]) && !(j > i && isWithin(sets[j], set));
      };
      if (llvm::none_of(llvm::seq(sets.size()), contains))
        maximal.push_back(set);
    }
    SmallVector<PointSet> members;
    for (const PointSet &set : maximal) {
      SmallVector<PointSet> pieces{set};
      for (const PointSet &earlier : ArrayRef(maximal).take_front(&set - maximal.begin())) {
        SmallVector<PointSet> rest;
        for (const PointSet &piece : pieces)
          llvm::append_range(rest, subtract(piece, earlier, symbols.natural()));
        pieces = std::move(rest);
      }
      llvm::append_range(members, pieces);
    }
    if (members.size() <= kMaxMembers)
      return members;
    PointSet all = everything();
    all.numSymbols = symbols.rows().size();
    all.exact = false;
    return {all};
  }

  void emit(ArrayRef<PointSet> members) {
    OpBuilder b(stream);
    SmallVector<Value> values = symbols.materialize(b, stream.getLoc());
    auto names = llvm::map_to_vector(symbols.rows(), [](const Symbols::Row &row) { return StringRef(row.name); });
    SmallVector<Value> sets;
    for (const PointSet &member : members)
      sets.push_back(buildAffine(b, stream.getLoc(), member, dims.getArrayRef(), names, values));
    if (members.empty()) {
      PointSet none = everything();
      none.numSymbols = symbols.rows().size();
      none.constraints.push_back(b.getAffineConstantExpr(-1));
      sets.push_back(buildAffine(b, stream.getLoc(), none, dims.getArrayRef(), names, values));
    }
    Value route =
        sets.size() == 1 ? sets.front() : UnionOp::create(b, stream.getLoc(), SetType::get(b.getContext()), sets);
    stream.getRouteMutable().assign(route);
    for (Value value : values)
      if (Operation *op = value.getDefiningOp(); op && op->use_empty() && isa<ExtentOp, arith::IndexCastOp>(op))
        op->erase();
  }
};

struct Infer : attn::impl::RouteInferBase<Infer> {
  void runOnOperation() override {
    SmallVector<StreamOp> streams;
    getOperation().walk([&](StreamOp stream) { streams.push_back(stream); });
    for (StreamOp stream : streams)
      Inference(stream).run();
  }
};

} // namespace

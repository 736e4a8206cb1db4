// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// attn-reassociate. Needs: any attn kernel. Guarantees: contractions of contractions stand in the cheapest order by
// operation counts, and tensors that would be computed again in most blocks of what reads them are marked
// `attn.stored`.
//
// Condition of a change of order: the product distributes over the reducer (Contraction.h) and no condition of an inner
// contraction is lost. Costs are numbers of points, at bound extents or assumed ones (RankSizes.h).
#include "passes/Passes.h"
#include "passes/attn/Contraction.h"
#include "passes/attn/KernelTerms.h"
#include "passes/attn/RankSizes.h"
#include "llvm/ADT/SmallPtrSet.h"

namespace attn {
#define GEN_PASS_DEF_ATTNREASSOCIATE
#include "passes/Passes.h.inc"
} // namespace attn

using namespace mlir;
using namespace attn;

namespace {
/// Chooses orders of contraction.
class Orders {
public:
  explicit Orders(KernelOp kernel) : kernel(kernel), sizes(kernel) {}
  void run();

private:
  bool reorder(EinsumOp op);
  bool outlives(const Contraction &c, unsigned factor, RankSet reduced);
  /// `own`: the ranks that the Einsum as written reduces.
  bool canBeMade(const Contraction &c, const ContractionOrder &order, RankSet own, SmallVectorImpl<unsigned> &stored);
  SmallVector<double> sizesOf(const Contraction &c);
  void report(EinsumOp op, const Contraction &c, double before, const ContractionOrder &order);
  KernelOp kernel;
  RankSizes sizes;
};

/// Marks what is worth storing.
class Storage {
public:
  explicit Storage(KernelOp kernel) : kernel(kernel), sizes(kernel), terms(kernel) {}
  void run();

private:
  bool hasAbsentPoints(EinsumOp op);
  double work(EinsumOp op, llvm::SmallPtrSetImpl<Operation *> &seen);
  void readers(EinsumOp op, SmallVectorImpl<EinsumOp> &reducing);
  bool isWorthStoring(EinsumOp op);
  bool isReadAtSeveralPlaces(EinsumOp op);
  bool isSummary(EinsumOp op);
  KernelOp kernel;
  RankSizes sizes;
  KernelTerms terms;
};
} // namespace

/// Elements of all that the kernel reads and writes.
static double elementsThere(KernelOp kernel, const RankSizes &sizes) {
  double there = 0;
  for (ArrayRef<Type> types : {kernel.getArgumentTypes(), kernel.getResultTypes()})
    for (Type type : types)
      if (isa<RankedTensorType>(type)) {
        double elements = 1;
        for (StringAttr name : rankNames(type))
          elements *= sizes.product(factorsOf(name.getValue()));
        there += elements;
      }
  return there;
}

/// Made of reductions.
static bool hasReduction(Value tensor) {
  auto op = tensor.getDefiningOp<EinsumOp>();
  return op && (op.getReducerAttr() || llvm::any_of(op.getInputs(), hasReduction));
}

// ---- orders

SmallVector<double> Orders::sizesOf(const Contraction &c) {
  return llvm::map_to_vector(c.iterators, [&](StringRef rank) { return sizes.of(rank); });
}

void Orders::report(EinsumOp op, const Contraction &c, double before, const ContractionOrder &order) {
  std::string assumed;
  for (StringRef rank : c.iterators)
    if (!sizes.isBound(rank))
      assumed += (assumed.empty() ? "" : ", ") + rank.str() + " = " + std::to_string(int64_t(sizes.of(rank)));
  InFlightDiagnostic remark = op.emitRemark();
  remark << "contracted in another order: " << int64_t(2 * order.cost) << " operations in place of "
         << int64_t(2 * before);
  if (!assumed.empty())
    remark << " (assuming " << assumed << ")";
}

/// Whether a condition of the factor outlives a reduction over `reduced`: then points of the result are absent.
bool Orders::outlives(const Contraction &c, unsigned factor, RankSet reduced) {
  if (factor >= c.factors.size())
    return false;
  KernelTerms terms(kernel);
  Value tensor = c.factors[factor].tensor;
  auto whole = terms.tensor(tensor, KernelTerms::Inline::Everything);
  if (!whole)
    return true;
  SmallVector<algebra::TermRef> own = terms.indicesOf(tensor);
  return llvm::any_of(whole->conditions, [&](algebra::TermRef condition) {
    for (auto [index, position] : llvm::zip_equal(own, c.factors[factor].position))
      for (unsigned d = 0; condition->mentions(index) && d < c.iterators.size(); ++d)
        if (position.isFunctionOfDim(d) && (reduced >> d & 1))
          return false;
    return true;
  });
}

/// A step before the last that reduces what reads summaries is a cascade of its own, whose result is stored: it must be
/// no larger than what is there, and have no absent points, which would be lost in memory. No step may reduce ranks of
/// two reductions at once where it reads summaries: ranks that are reduced together are streamed together.
bool Orders::canBeMade(const Contraction &c, const ContractionOrder &order, RankSet own,
                       SmallVectorImpl<unsigned> &stored) {
  SmallVector<bool> reads = llvm::map_to_vector(c.factors, [](const auto &f) { return hasReduction(f.tensor); });
  SmallVector<double> extents = sizesOf(c);
  double there = elementsThere(kernel, sizes);
  for (auto [i, step] : llvm::enumerate(order.steps)) {
    bool readsSummaries = reads[step.left] || (step.right && reads[*step.right]);
    reads.push_back(readsSummaries);
    if (readsSummaries && llvm::popcount(step.reduced) > 1 && (step.reduced & ~own) != 0)
      return false;
    if (!readsSummaries || !step.reduced || i + 1 == order.steps.size())
      continue;
    if (points(step.result, extents) > there || outlives(c, step.left, step.reduced) ||
        (step.right && outlives(c, *step.right, step.reduced)))
      return false;
    stored.push_back(i);
  }
  return true;
}

bool Orders::reorder(EinsumOp op) {
  std::optional<Contraction> c = Contraction::of(op);
  if (!c || !c->isCovered())
    return false;
  double before =
      points((RankSet(1) << c->iterators.size()) - 1, sizesOf(*c)) * std::max<size_t>(1, c->factors.size() - 1);
  for (unsigned i = 0; i < c->factors.size();) {
    auto inner = c->factors[i].tensor.getDefiningOp<EinsumOp>();
    auto with = c->inlined(i);
    if (!with || !with->isCovered() || with->factors.size() > 5) {
      ++i;
      continue;
    }
    if (inner.getReducerAttr())
      before += sizes.product(inner.getIteratorNames());
    c = with;
    i = 0;
  }
  if (c->factors.size() < 2)
    return false;
  SmallVector<double> extents = sizesOf(*c);
  std::optional<ContractionOrder> order = cheapestOrder(
      ArrayRef<RankSet>(llvm::map_to_vector(c->factors, [](const auto &f) { return f.ranks; })), c->kept(), extents);
  constexpr double kWorthIt = 0.75;
  if (!order || order->cost > kWorthIt * before)
    return false;
  const ContractionStep &last = order->steps.back();
  if ((c->conditioned & ~(last.result | last.reduced)) != 0 || last.result != c->kept() ||
      bool(op.getReducerAttr()) != (last.reduced != 0))
    return false; // a condition would be lost
  SmallVector<unsigned> stored;
  RankSet own = ((RankSet(1) << op.getNumIterators()) - 1) & ~c->kept();
  if (!canBeMade(*c, *order, own, stored))
    return false;
  report(op, *c, before, *order);
  SmallVector<EinsumOp> steps = writeInOrder(*c, *order, op);
  for (unsigned i : stored)
    steps[i]->setAttr("attn.stored", UnitAttr::get(op.getContext()));
  op.replaceAllUsesWith(steps.back().getResult());
  return true;
}

void Orders::run() {
  SmallVector<EinsumOp> all(kernel.getBody().front().getOps<EinsumOp>());
  for (EinsumOp op : llvm::reverse(all)) { // readers first: what they take apart may go
    if (op->use_empty() || reorder(op))
      op.erase();
  }
}

// ---- storage

/// Points that are computed for all of the Einsum, operands that are not stored included.
double Storage::work(EinsumOp op, llvm::SmallPtrSetImpl<Operation *> &seen) {
  if (!seen.insert(op).second)
    return 0;
  double sum = op.getReducerAttr() ? sizes.product(op.getIteratorNames()) : 0;
  for (Value input : op.getInputs())
    if (auto inner = input.getDefiningOp<EinsumOp>(); inner && !inner->hasAttr("attn.stored"))
      sum += work(inner, seen);
  return sum;
}

/// The reductions that read the Einsum, through maps too.
void Storage::readers(EinsumOp op, SmallVectorImpl<EinsumOp> &reducing) {
  for (Operation *user : op->getUsers()) {
    auto reader = dyn_cast<EinsumOp>(user);
    if (!reader || llvm::is_contained(reducing, reader))
      continue;
    if (reader.getReducerAttr() || llvm::any_of(reader->getUsers(), llvm::IsaPred<YieldOp>))
      reducing.push_back(reader);
    else
      readers(reader, reducing);
  }
}

/// They would be lost in memory.
bool Storage::hasAbsentPoints(EinsumOp op) {
  auto whole = terms.einsum(op, KernelTerms::Inline::Everything);
  return !whole || !whole->conditions.empty();
}

/// A summary that attn-one-pass finishes in a stream of its own: its ranks occur together in what is read or written,
/// and it is more than a plain contraction.
bool Storage::isSummary(EinsumOp op) {
  if (Contraction::of(op) && llvm::none_of(op.getInputs(), hasReduction))
    return false;
  auto hasAll = [&](Type type) {
    auto isIn = [&](StringAttr name) { return llvm::is_contained(rankNames(type), name); };
    return isa<RankedTensorType>(type) && llvm::all_of(rankNames(op.getType()), isIn);
  };
  return llvm::any_of(kernel.getArgumentTypes(), hasAll) || llvm::any_of(kernel.getResultTypes(), hasAll);
}

/// Every reader would compute it again in each block of a rank that it lacks, at a cost beside which the reader's own
/// work in such a block is small.
bool Storage::isWorthStoring(EinsumOp op) {
  constexpr double kShare = 0.25;
  SmallVector<EinsumOp> reducing;
  readers(op, reducing);
  bool isYielded = llvm::any_of(op->getUsers(), llvm::IsaPred<YieldOp>);
  if (!op.getReducerAttr() || isYielded || reducing.empty() || isSummary(op))
    return false;
  llvm::SmallPtrSet<Operation *, 8> seen;
  double own = work(op, seen);
  SmallVector<StringRef> names = op.getIteratorNames();
  ArrayRef<StringRef> ranks = ArrayRef(names).take_front(op.getNumParallel());
  for (EinsumOp reader : reducing) {
    double blocks = 1, inBlock = 1;
    for (auto [i, rank] : llvm::enumerate(reader.getIteratorNames())) {
      bool isMissing = i < reader.getNumParallel() && !llvm::is_contained(ranks, rank);
      blocks *= isMissing ? sizes.blocks(rank) : 1;
      inBlock *= isMissing ? sizes.of(rank) / sizes.blocks(rank) : sizes.of(rank);
    }
    if (blocks < 2 || own < kShare * inBlock)
      return false;
  }
  return sizes.product(ranks) <= elementsThere(kernel, sizes);
}

/// A map of a summary (a normalised vector) that one Einsum reads at several places (a rotation, a difference). A
/// factor that leaves a reduction of such products leaves a running sum for each pair of places.
bool Storage::isReadAtSeveralPlaces(EinsumOp op) {
  if (op.getReducerAttr() || llvm::none_of(op.getInputs(), hasReduction) ||
      sizes.product(op.getIteratorNames()) > elementsThere(kernel, sizes))
    return false;
  return llvm::any_of(op->getUsers(), [&](Operation *user) {
    auto reader = dyn_cast<EinsumOp>(user);
    llvm::SmallDenseSet<AffineMap> places;
    for (unsigned i = 0; reader && i < reader.getInputs().size(); ++i)
      if (reader.getInputs()[i] == op.getResult())
        places.insert(reader.getIndexMap(i));
    return places.size() > 1;
  });
}

void Storage::run() {
  for (EinsumOp op : kernel.getBody().front().getOps<EinsumOp>())
    if (op->hasAttr("attn.stored") || ((isWorthStoring(op) || isReadAtSeveralPlaces(op)) && !hasAbsentPoints(op))) {
      op->setAttr("attn.stored", UnitAttr::get(op.getContext()));
      op.emitRemark() << "stored: what reads it would compute it again";
    }
}

namespace {
struct Reassociate : attn::impl::AttnReassociateBase<Reassociate> {
  void runOnOperation() override {
    Orders(getOperation()).run();
    Storage(getOperation()).run();
  }
};
} // namespace

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// attn-one-pass. Needs: any attn kernel whose scalars the cascade algebra knows. Guarantees: see the pass description.
//
// The kernel becomes terms, one for each result. As long as they hold reductions over a streamed rank, a program is
// derived for the first fibre that waits for no other, its first stream is written, and what later streams and results
// need of it is read by name from then on. A result whose last reductions that stream finished is one of its results. A
// stored tensor is a result too, and what reads it waits until it is written.
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "passes/Passes.h"
#include "passes/attn/RankSizes.h"
#include "passes/attn/SharedReductions.h"
#include "passes/attn/StreamEmission.h"
#include "passes/attn/StreamedRanks.h"
#include "llvm/ADT/SmallVectorExtras.h"
#include "llvm/ADT/StringSet.h"

namespace attn {
#define GEN_PASS_DEF_ATTNONEPASS
#include "passes/Passes.h.inc"
} // namespace attn

using namespace mlir;
using namespace attn;
using algebra::Fibre, algebra::Function, algebra::Program, algebra::Step, algebra::TermKind, algebra::TermRef;

namespace {
/// A result of the kernel, or a stored tensor that others read by name, on its way to IR.
struct Result {
  std::optional<unsigned> number; ///< of the kernel's result
  StringRef storedAs;
  Present value;
  SmallVector<TermRef> dims;
  Type element;
  Value written;
};

class Rewriter {
public:
  explicit Rewriter(KernelOp kernel)
      : kernel(kernel), terms(kernel), context(terms.getContext()), builder(kernel.getYield()), einsums(terms, builder),
        sizes(kernel) {}
  LogicalResult run();
  /// For each Einsum of the kernel, in order, how many traversals of a streamed rank would compute its reduction. What
  /// is written to the kernel is of no use: it is a copy. Fails after an error.
  FailureOr<SmallVector<unsigned>> countTraversals();

private:
  LogicalResult rewrite();
  void noteTraversal(ArrayRef<TermRef> leaves);
  LogicalResult readResults();
  LogicalResult readStored(EinsumOp op);
  /// Neither written nor waiting for a stored tensor that is not.
  bool isOpen(const Result &r);
  /// The terms of the results that are not written: all of them, or the open ones.
  SmallVector<TermRef> unwrittenTerms(bool openOnly);
  /// Stored tensors that wait for no stream; whether there were any.
  bool writeStored(const StreamedRanks &ranks);
  void setWritten(Result &r, Value v);
  enum class Outcome {
    Written,
    Waits,    ///< all accumulators wait for another fibre's
    NoStream, ///< nothing is left that a traversal would accumulate
  };
  FailureOr<Outcome> writeStream(const StreamedRanks &ranks, const Fibre &fibre);
  llvm::SetVector<TermRef> readyLeaves(const Program &program, const StreamedRanks &ranks, const Fibre &fibre);
  llvm::SetVector<TermRef> withoutStrangers(const llvm::SetVector<TermRef> &leaves);
  TermRef combined(const Program &program, const algebra::ProgramOutput &o);
  bool isFinishedBy(const Result &r, ArrayRef<TermRef> leaves, const StreamedRanks &ranks, const Fibre &fibre);
  LogicalResult writeRest();
  void report(const Program &program);
  void erase();
  LogicalResult failed();

  KernelOp kernel;
  KernelTerms terms;
  algebra::TermContext &context;
  OpBuilder builder;
  EinsumEmitter einsums;
  RankSizes sizes;
  SmallVector<Result> results;
  SmallVector<Operation *> old;
  SmallVector<SmallVector<TermRef>> traversed;              ///< by each stream, over named indices
  bool isTrial = false;                                     ///< remarks are for the rewriting that counts
  llvm::StringSet<llvm::MallocAllocator> reported, missing; ///< missing: stored tensors to come
};
} // namespace

LogicalResult Rewriter::failed() { return kernel.emitError() << "attn-one-pass: " << einsums.error; }

LogicalResult Rewriter::readStored(EinsumOp op) {
  auto p = terms.einsum(op, KernelTerms::Inline::Everything);
  if (!p)
    return failure();
  if (!p->conditions.empty())
    return op.emitError("a stored tensor with absent points is not lowered yet");
  Value v = op.getResult();
  Result r{std::nullopt, terms.nameOf(v), *p, terms.indicesOf(v), op.getType().getElementType(), nullptr};
  missing.insert(r.storedAs);
  results.push_back(r);
  return success();
}

LogicalResult Rewriter::readResults() {
  for (Operation &op : kernel.getBody().front()) {
    if (auto einsum = dyn_cast<EinsumOp>(op)) {
      old.push_back(&op);
      if (op.hasAttr("attn.stored") && mlir::failed(readStored(einsum)))
        return failure();
    } else if (isa<SelectOp>(op)) {
      old.push_back(&op);
    } else if (isa<StreamOp, GroupOp>(op)) {
      return op.emitError("attn-one-pass runs before there are streams and groups");
    }
  }
  for (auto [i, v] : llvm::enumerate(kernel.getYield().getValues())) {
    Result r{unsigned(i), {}, {}, terms.indicesOf(v), getElementTypeOrSelf(v.getType()), nullptr};
    auto p = terms.tensor(v, KernelTerms::Inline::Everything);
    if (!p)
      return failure();
    r.value = *p;
    if (!v.getDefiningOp())
      r.written = v; // an argument as it is
    results.push_back(r);
  }
  return success();
}

static bool contains(TermRef t, llvm::function_ref<bool(TermRef)> isIt) {
  return isIt(t) || llvm::any_of(t->getChildren(), [&](TermRef c) { return contains(c, isIt); });
}

bool Rewriter::isOpen(const Result &r) {
  auto isMissing = [&](TermRef t) { return t->is(TermKind::Read) && missing.contains(t->getName()); };
  return !r.written && !contains(r.value.term, isMissing) &&
         llvm::none_of(r.value.conditions, [&](TermRef c) { return contains(c, isMissing); });
}

void Rewriter::setWritten(Result &r, Value v) {
  r.written = v;
  if (r.storedAs.empty())
    return;
  missing.erase(r.storedAs);
  terms.bind(r.storedAs, v);
}

bool Rewriter::writeStored(const StreamedRanks &ranks) {
  auto waits = [&](TermRef t) { return ranks.isStreamed(t) || t->is(TermKind::Relative); };
  bool any = false;
  for (Result &r : results) {
    if (r.storedAs.empty() || !isOpen(r) || contains(r.value.term, waits))
      continue;
    einsums.place(OpBuilder(kernel.getYield()));
    einsums.enter(OpBuilder(kernel.getYield()), {});
    Value v = einsums.writeTensor(r.value.term, r.dims, {}, r.element);
    v.getDefiningOp()->setAttr("attn.stored", builder.getUnitAttr());
    setWritten(r, v);
    any = true;
  }
  return any;
}

SmallVector<TermRef> Rewriter::unwrittenTerms(bool openOnly) {
  SmallVector<TermRef> open;
  for (const Result &r : results)
    if (openOnly ? isOpen(r) : !r.written) {
      open.push_back(r.value.term);
      open.append(r.value.conditions);
    }
  return open;
}

/// The value, or the one that is right where an assumption of the derivation fails.
TermRef Rewriter::combined(const Program &program, const algebra::ProgramOutput &o) {
  if (o.value.term == o.whereAssumptionFails)
    return o.value.term;
  SmallVector<TermRef> hold;
  for (TermRef a : program.assumptions) {
    TermRef holds = context.apply(Function::NotEqual, {a, context.zero()});
    SmallVector<algebra::Binder> extra;
    for (TermRef i : a->getFreeIndices())
      if (!llvm::is_contained(o.value.dims, i))
        extra.push_back({i});
    hold.push_back(extra.empty() ? holds : context.reduce(algebra::Reducer::All, extra, {}, holds));
  }
  return context.select(context.conjunction(hold), o.value.term, o.whereAssumptionFails);
}

/// The states have the ranks of the result. A state with a rank of its own (head mixing after a normaliser) would be a
/// block as large as that rank; states that lack a rank of the result (the keys' moments of linear attention) are the
/// same for all its points: such states are finished once, and what computes the result reads them.
static bool haveRanksOf(ArrayRef<TermRef> states, ArrayRef<TermRef> dims) {
  llvm::SmallPtrSet<TermRef, 8> carried;
  for (TermRef leaf : states)
    carried.insert_range(leaf->getFreeIndices());
  return carried.size() == dims.size() && llvm::all_of(dims, [&](TermRef d) { return carried.contains(d); });
}

/// A read at a position that the stream computes: positions are read from tables in memory.
static bool isPlacedBy(TermRef t, ArrayRef<TermRef> leaves, algebra::TermContext &context) {
  auto isLeaf = [&](TermRef c) { return c->isBinder() && llvm::is_contained(leaves, context.plain(c)); };
  return t->is(TermKind::Read) && llvm::any_of(t->getChildren(), [&](TermRef p) { return contains(p, isLeaf); });
}

/// Nothing but these accumulators is left to reduce, and the result does not carry the streamed ranks.
bool Rewriter::isFinishedBy(const Result &r, ArrayRef<TermRef> leaves, const StreamedRanks &ranks, const Fibre &fibre) {
  if (llvm::any_of(r.dims, [&](TermRef d) { return fibre.contains(d); }))
    return false;
  SmallVector<TermRef> read;
  bool waits = false;
  std::function<void(TermRef)> visit = [&](TermRef t) {
    if (t->isBinder() && llvm::is_contained(leaves, context.plain(t))) {
      read.push_back(context.plain(t));
      return;
    }
    waits |= ranks.isStreamed(t) || t->is(TermKind::Relative) || isPlacedBy(t, leaves, context);
    llvm::for_each(t->getChildren(), visit);
  };
  visit(r.value.term);
  llvm::for_each(r.value.conditions, visit);
  return !read.empty() && !waits && haveRanksOf(read, r.dims);
}

void Rewriter::report(const Program &program) {
  if (isTrial)
    return;
  for (const Step &s : program.remarks)
    if (reported.insert(s.text).second)
      mlir::emitRemark(terms.locationOf(s.location)) << "passes over " << program.fibre.str() << ": " << s.text;
}

/// The accumulators of the first stream that wait for no other fibre, with all that their change of reference reads,
/// the references first. A leaf below a reduction over another rank is named after what that one binds, so names are
/// made plain.
llvm::SetVector<TermRef> Rewriter::readyLeaves(const Program &program, const StreamedRanks &ranks, const Fibre &fibre) {
  llvm::SetVector<TermRef> reductions, relatives;
  for (TermRef leaf : program.streams[0]) {
    if (ranks.waits(leaf, fibre))
      continue;
    TermRef plain = context.plain(leaf);
    if (!plain->is(TermKind::Relative)) {
      if (algebra::getRow(plain->getReducer()).selectsIndex)
        reductions.insert(context.bestValue(plain));
      reductions.insert(plain);
      continue;
    }
    for (TermRef r : context.references(plain)) // not always the plain form of the leaf's own references
      reductions.insert(r);
    for (const algebra::Correction &c : algebra::changeOfReference(context, plain))
      (c.lower->is(TermKind::Relative) ? relatives : reductions).insert(c.lower);
    relatives.insert(plain);
  }
  if (relatives.empty())
    return withoutStrangers(reductions);
  reductions.insert_range(relatives); // which are corrected by any of the others
  return reductions;
}

/// Strangers to the largest accumulator get a stream of their own, unless something of its stream reads them. None is
/// corrected by another.
llvm::SetVector<TermRef> Rewriter::withoutStrangers(const llvm::SetVector<TermRef> &leaves) {
  auto ranksOf = [](TermRef leaf) {
    return llvm::map_to_vector(leaf->getFreeIndices(), [](TermRef index) { return StringRef(index->getName()); });
  };
  TermRef largest = *llvm::max_element(
      leaves, [&](TermRef a, TermRef b) { return sizes.product(ranksOf(a)) < sizes.product(ranksOf(b)); });
  llvm::SetVector<TermRef> kept;
  std::function<void(TermRef)> keep = [&](TermRef leaf) {
    if (!kept.insert(leaf))
      return;
    for (TermRef other : leaves)
      if (contains(leaf, [&](TermRef t) { return t != leaf && t->isBinder() && context.plain(t) == other; }))
        keep(other);
  };
  for (TermRef leaf : leaves)
    if (!sizes.areStrangers(ranksOf(largest), ranksOf(leaf)))
      keep(leaf);
  llvm::SetVector<TermRef> inOrder;
  for (TermRef leaf : leaves)
    if (kept.contains(leaf))
      inOrder.insert(leaf);
  return inOrder;
}

FailureOr<Rewriter::Outcome> Rewriter::writeStream(const StreamedRanks &ranks, const Fibre &fibre) {
  SmallVector<Result *> open;
  SmallVector<algebra::Value> values;
  for (Result &r : results)
    if (isOpen(r)) {
      open.push_back(&r);
      StringRef name = r.number ? kernel.getResultName(*r.number) : r.storedAs;
      values.push_back({name.str(), r.dims, r.value.term, r.value.conditions});
    }
  algebra::DerivationOptions options;
  options.sizeOf = [&](StringRef rank) { return sizes.of(rank); };
  options.isForeign = [&](TermRef t) { return ranks.isStreamed(t) && !fibre.isReducedBy(t) && !fibre.isCarriedBy(t); };
  Program program = algebra::deriveProgram(context, values, fibre, options);
  if (program.streams.empty())
    return Outcome::NoStream;
  llvm::SetVector<TermRef> ready = readyLeaves(program, ranks, fibre);
  if (ready.empty())
    return Outcome::Waits;
  report(program);
  ArrayRef<TermRef> leaves = ready.getArrayRef();
  for (TermRef leaf : leaves)
    for (TermRef i : leaf->getFreeIndices())
      einsums.declare(i->getName());

  SmallVector<StreamResult> streamResults;
  SmallVector<Result *> finished;
  for (auto [r, o] : llvm::zip_equal(open, program.outputs)) {
    r->value = {combined(program, o), o.value.conditions};
    if (!isFinishedBy(*r, leaves, ranks, fibre))
      continue;
    finished.push_back(r);
    streamResults.push_back({r->value.term, r->dims, r->value.conditions, r->element});
  }
  SmallVector<TermRef> needed; // by what comes later
  for (TermRef leaf : leaves) {
    auto reads = [&](TermRef t) {
      return contains(t, [&](TermRef c) { return c->isBinder() && context.plain(c) == leaf; });
    };
    bool later = llvm::any_of(open, [&](Result *r) {
      return !llvm::is_contained(finished, r) && (reads(r->value.term) || llvm::any_of(r->value.conditions, reads));
    });
    if (!later)
      continue;
    needed.push_back(leaf);
    SmallVector<TermRef> dims(leaf->getFreeIndices());
    streamResults.push_back(
        {leaf,
         dims,
         {},
         einsums.elementTypeOf(leaf->is(TermKind::Relative) ? algebra::ValueType::Float : leaf->getType())});
  }
  noteTraversal(leaves);
  builder.setInsertionPoint(kernel.getYield());
  StreamOp stream =
      emitStream(terms, einsums, builder, fibre, leaves, streamResults, terms.locationOf(leaves.back()->getLocation()));
  if (!stream)
    return LogicalResult(failed());
  for (auto [i, r] : llvm::enumerate(finished))
    setWritten(*r, stream.getResult(i));
  llvm::DenseMap<TermRef, TermRef> known;
  for (auto [i, leaf] : llvm::enumerate(needed)) {
    Value v = stream.getResult(finished.size() + i);
    known[leaf] = context.read(terms.nameOf(v), leaf->getFreeIndices(), valueTypeOf(getElementTypeOrSelf(v.getType())));
    if (leaf->isReduction(algebra::Reducer::Max))
      einsums.markMaximum(v);
  }
  for (Result *r : open)
    if (!r->written) {
      r->value.term = context.replace(r->value.term, known);
      for (TermRef &c : r->value.conditions)
        c = context.replace(c, known);
    }
  return Outcome::Written;
}

LogicalResult Rewriter::writeRest() {
  einsums.place(OpBuilder(kernel.getYield()));
  einsums.enter(OpBuilder(kernel.getYield()), {});
  for (Result &r : results)
    if (!r.written)
      r.written = einsums.writeTensor(r.value.term, r.dims, r.value.conditions, r.element);
  return einsums.failed() ? failed() : success();
}

void Rewriter::erase() {
  for (Operation *op : llvm::reverse(old))
    if (op->use_empty())
      op->erase();
}

/// What a traversal computes at each of its points.
void Rewriter::noteTraversal(ArrayRef<TermRef> leaves) {
  SmallVector<TermRef> read;
  for (TermRef leaf : leaves) {
    algebra::Opened o = einsums.openNamed(leaf);
    read.push_back(o.body);
    llvm::append_range(read, o.conditions);
    for (const algebra::Reference &r : o.references)
      read.push_back(r.term);
  }
  traversed.push_back(read);
}

FailureOr<SmallVector<unsigned>> Rewriter::countTraversals() {
  isTrial = true;
  SmallVector<EinsumOp> all(kernel.getBody().front().getOps<EinsumOp>());
  SmallVector<TermRef> reductions = llvm::map_to_vector(all, [&](EinsumOp op) { return reductionOf(terms, op); });
  if (mlir::failed(rewrite()))
    return failure();
  SmallVector<unsigned> counts;
  for (TermRef reduction : reductions)
    counts.push_back(!reduction ? 0 : llvm::count_if(traversed, [&](ArrayRef<TermRef> read) {
      return llvm::any_of(read, [&](TermRef t) { return contains(t, [&](TermRef c) { return c == reduction; }); });
    }));
  return counts;
}

LogicalResult Rewriter::run() {
  if (mlir::failed(rewrite()))
    return failure();
  erase();
  return success();
}

LogicalResult Rewriter::rewrite() {
  if (mlir::failed(readResults()))
    return failure();
  const StreamedRanks first(terms, unwrittenTerms(/*openOnly=*/false));
  while (true) {
    StreamedRanks ranks(terms, unwrittenTerms(/*openOnly=*/true), &first);
    if (writeStored(ranks))
      continue;
    if (ranks.getFibres().empty())
      break;
    FailureOr<Outcome> outcome = Outcome::NoStream;
    bool waits = false;
    for (const Fibre &fibre : ranks.getFibres()) {
      if (outcome = writeStream(ranks, fibre); mlir::failed(outcome))
        return failure();
      if (*outcome == Outcome::Written)
        break;
      waits |= *outcome == Outcome::Waits;
    }
    if (*outcome == Outcome::Written)
      continue;
    if (!waits) // what is left are plain reductions
      break;
    return kernel.emitError() << "reductions over " << ranks.getFibres()[0].str() << " and "
                              << ranks.getFibres().back().str() << " wait for each other: not lowered yet";
  }
  if (mlir::failed(writeRest()))
    return failure();
  for (const Result &r : results)
    if (r.number)
      kernel.getYield()->setOperand(*r.number, r.written);
  return success();
}

namespace {
struct OnePass : attn::impl::AttnOnePassBase<OnePass> {
  void runOnOperation() override {
    KernelOp kernel = getOperation();
    OwningOpRef<KernelOp> trial = kernel.clone();
    auto traversals = Rewriter(*trial).countTraversals();
    if (mlir::failed(traversals))
      return signalPassFailure();
    storeShared(kernel, *traversals);
    if (mlir::failed(Rewriter(kernel).run()))
      signalPassFailure();
  }
};
} // namespace

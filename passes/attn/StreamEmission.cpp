// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// attn.stream from accumulators. Each accumulator's step and merge come from one description: its reducer, its
// references and changeOfReference.
//
// - reference of kind max: x, a state, is the max over A' = log2(e) A; y = x where x is not -inf, else 0 (rows that
//   have seen nothing). Correction c = exp2(x - y'), factor n = exp2(A' - y')
// - reference of kind mean: count and mean, a state each
// - first position of the largest value, a state before it: the first one in the chunk whose value is the new largest;
//   an older one stays where that is the old largest
// - accumulator: sum n t^k rest with t = A' - y', in units of the base-2 exponent: ln(2)^k of it is the value
//
// The correction of a state is exp2(old - new) with the guarded new reference, so -inf - -inf is never formed.
#include "passes/attn/StreamEmission.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallVectorExtras.h"
#include <cmath>

using namespace mlir;
using namespace attn;
using algebra::Factor, algebra::Function, algebra::Number, algebra::Opened, algebra::ReferenceKind,
    algebra::Substitution, algebra::Summand, algebra::TermKind, algebra::TermRef, algebra::ValueType;

using Terms = ArrayRef<TermRef>;

namespace {
class StreamWriter {
public:
  StreamWriter(KernelTerms &terms, EinsumEmitter &einsums, OpBuilder &builder, const algebra::Fibre &fibre,
               Terms leaves)
      : terms(terms), context(terms.getContext()), einsums(einsums), builder(builder), fibre(fibre), leaves(leaves) {}
  StreamOp write(ArrayRef<StreamResult> results, Location loc);

private:
  /// Reads of one set of state values.
  using State = llvm::DenseMap<TermRef, TermRef>;
  struct Layout {
    TermRef leaf;
    SmallVector<TermRef> dims;
    unsigned first; // number of its first state: a mean has a count before it
  };
  void chooseStreamed();
  void layOut();
  State bind(ValueRange arguments);
  TermRef valueOf(TermRef leaf, const State &state);
  void fillStep(Block &block);
  void fillMerge(Block &block);
  void fillFinal(Block &block, ArrayRef<StreamResult> results);
  void enter(Block &block, bool streaming);

  Value stepPlain(const Layout &l, const State &old);
  std::pair<Value, Value> stepMean(const Layout &l, const State &old);
  Value stepPosition(const Layout &l, const State &old, const State &now);
  Value stepRelative(const Layout &l, const State &old, const State &now);
  /// A position whose value is still the best one.
  TermRef kept(TermRef leaf, const State &old, const State &now);
  std::pair<Value, Value> mergeMean(const Layout &l, const State &a, const State &b);
  Value mergeRelative(const Layout &l, const State &a, const State &b, const State &now);

  /// The guarded new reference, and the step from an old state to it.
  struct Shift {
    TermRef reference, difference, correction;
  };
  Shift shift(TermRef reference, ReferenceKind kind, const State &old, const State &now);
  TermRef moved(TermRef leaf, const State &old, const State &now);
  TermRef streamedBody(TermRef leaf, const Opened &o);
  TermRef exponent(TermRef a, Terms conditions);
  bool isScaled(TermRef leaf) const { return scaled.contains(leaf); }
  SmallVector<TermRef> dimsOf(TermRef leaf);
  TermRef named(TermRef t) { return einsums.materialise(t, {}); }
  TermRef read(Value v, Terms dims) { return einsums.readInside(v, dims); }
  Value pointwise(TermRef t, Terms dims, Type element) {
    EinsumRequest r;
    r.dims.assign(dims.begin(), dims.end());
    r.body = t;
    r.element = element;
    return einsums.write(r, true);
  }

  KernelTerms &terms;
  algebra::TermContext &context;
  EinsumEmitter &einsums;
  OpBuilder &builder;
  const algebra::Fibre &fibre;
  Terms leaves;
  SmallVector<Layout> layout;
  SmallVector<Type> types;
  SmallVector<Attribute> identities;
  llvm::DenseSet<TermRef> scaled;
  llvm::DenseMap<TermRef, TermRef> counts; // count of a mean: its key in a State
  SmallVector<StringRef> streamed;
};
} // namespace

static const algebra::ReducerRow &rowOf(TermRef leaf) { return algebra::getRow(leaf->getReducer()); }

/// By which states are combined: a selected position is the lowest of those whose value is the best.
static algebra::Reducer stateReducer(TermRef leaf) {
  return rowOf(leaf).selectsIndex ? algebra::Reducer::Min : leaf->getReducer();
}

SmallVector<TermRef> StreamWriter::dimsOf(TermRef leaf) {
  SmallVector<TermRef> dims(leaf->getFreeIndices());
  llvm::sort(dims, [&](TermRef a, TermRef b) {
    return terms.getKernel().getRankIndex(a->getName()) < terms.getKernel().getRankIndex(b->getName());
  });
  return dims;
}

/// The ranks whose points may be cut into any chunks: those that no reduction inside an accumulator needs as a whole,
/// and that no accumulator binds twice (one of the two indices would range over a chunk, the other over all).
void StreamWriter::chooseStreamed() {
  llvm::SmallDenseSet<StringRef> whole;
  std::function<void(TermRef)> visit = [&](TermRef t) {
    for (TermRef c : t->getChildren()) {
      if (c->is(TermKind::Reduce))
        for (const algebra::Binder &b : c->getBinders())
          whole.insert(b.index->getName());
      visit(c);
    }
  };
  llvm::for_each(leaves, visit);
  for (TermRef leaf : leaves) {
    llvm::SmallDenseSet<StringRef> once;
    for (const algebra::Binder &b : leaf->getBinders())
      if (!once.insert(b.index->getName()).second)
        whole.insert(b.index->getName());
  }
  for (const auto &list : fibre.getLists())
    for (StringRef rank : list)
      if (!whole.contains(rank))
        streamed.push_back(rank);
  for (TermRef leaf : leaves)
    for (StringRef rank : streamed)
      if (llvm::none_of(leaf->getBinders(), [&](const algebra::Binder &b) { return b.index->getName() == rank; }))
        einsums.error = "an accumulator that does not reduce the streamed rank '" + rank.str() +
                        "' is not lowered yet: " + leaf->str(80);
  if (streamed.empty())
    einsums.error = "every rank of " + fibre.str() + " is reduced inside an accumulator";
}

void StreamWriter::layOut() {
  chooseStreamed();
  for (TermRef leaf : leaves)
    if (leaf->is(TermKind::Relative)) {
      auto references = context.references(leaf);
      for (unsigned i = 0; i < references.size(); ++i)
        if (leaf->getReference(i).kind == ReferenceKind::Max)
          scaled.insert(references[i]);
    }
  for (TermRef leaf : leaves) {
    Layout l{leaf, dimsOf(leaf), unsigned(types.size())};
    Type element = einsums.elementTypeOf(leaf->is(TermKind::Relative) ? ValueType::Float : leaf->getType());
    const Reducer *row = findReducer(algebra::getRow(stateReducer(leaf)).name);
    unsigned copies = rowOf(leaf).ratio ? 2 : 1;
    for (unsigned i = 0; i < copies; ++i) {
      types.push_back(einsums.typeOf(l.dims, element));
      identities.push_back(row->identity(element));
    }
    if (copies == 2)
      counts[leaf] = context.apply(Function::NonZero, {leaf});
    layout.push_back(l);
  }
}

StreamWriter::State StreamWriter::bind(ValueRange arguments) {
  State state;
  for (const Layout &l : layout) {
    unsigned n = l.first;
    if (rowOf(l.leaf).ratio)
      state[counts.lookup(l.leaf)] = read(arguments[n++], l.dims);
    state[l.leaf] = read(arguments[n], l.dims);
    if (rowOf(l.leaf).infiniteIdentity && rowOf(l.leaf).identity < 0)
      einsums.markMaximum(arguments[n]);
  }
  return state;
}

void StreamWriter::enter(Block &block, bool streaming) {
  einsums.enter(OpBuilder::atBlockEnd(&block), streaming ? streamed : SmallVector<StringRef>());
}

/// What is reduced; for references of exponents in units of the base-2 exponent, and shared with the exponent.
TermRef StreamWriter::streamedBody(TermRef leaf, const Opened &o) {
  return isScaled(leaf) ? exponent(o.body, o.conditions) : einsums.lower(o.body, o.conditions);
}

TermRef StreamWriter::exponent(TermRef a, Terms conditions) {
  TermRef lowered = einsums.lower(context.scaled(Number::real(1 / std::log(2.0)), a), conditions);
  return einsums.isCheap(lowered) ? lowered : einsums.materialise(lowered, conditions);
}

// ---- the step

Value StreamWriter::stepPlain(const Layout &l, const State &old) {
  Opened o = einsums.openNamed(l.leaf);
  EinsumRequest r;
  r.dims = l.dims;
  for (const algebra::Binder &b : o.binders)
    r.bound.push_back(b.index);
  r.reducer = l.leaf->getReducer();
  r.body = streamedBody(l.leaf, o);
  r.conditions.append(o.conditions);
  einsums.contract(r, o.conditions);
  r.acc = terms.valueOf(old.lookup(l.leaf)->getName());
  r.element = einsums.elementTypeOf(l.leaf->getType());
  return einsums.write(r, true);
}

/// n' = n + count, mu' = mu + sum (A - mu) / n': deviations from a value near the mean, so that nothing large is
/// subtracted.
std::pair<Value, Value> StreamWriter::stepMean(const Layout &l, const State &old) {
  Opened o = einsums.openNamed(l.leaf);
  TermRef count = old.lookup(counts.lookup(l.leaf)), mean = old.lookup(l.leaf);
  EinsumRequest r;
  r.dims = l.dims;
  for (const algebra::Binder &b : o.binders)
    r.bound.push_back(b.index);
  r.reducer = algebra::Reducer::Sum;
  r.conditions.append(o.conditions);
  r.body = context.sub(einsums.lower(o.body, o.conditions), mean);
  TermRef deviation = read(einsums.write(r, true), l.dims);
  r.body = context.one();
  r.acc = terms.valueOf(count->getName());
  Value newCount = einsums.write(r, true);
  TermRef step = context.div(deviation, read(newCount, l.dims)); // 0/0 = 0 where there is no point yet
  return {newCount, pointwise(context.add(mean, step), l.dims, nullptr)};
}

StreamWriter::Shift StreamWriter::shift(TermRef reference, ReferenceKind kind, const State &old, const State &now) {
  TermRef before = old.lookup(reference), after = now.lookup(reference);
  if (kind == ReferenceKind::Mean)
    return {after, context.sub(before, after), nullptr};
  TermRef guarded = named(context.apply(Function::Finite, {after}));
  TermRef difference = context.sub(before, guarded);
  return {guarded, context.apply(Function::Finite, {difference}), named(context.apply(Function::Exp2, {difference}))};
}

/// The state of `leaf` relative to the references of `now`: changeOfReference as a term.
TermRef StreamWriter::moved(TermRef leaf, const State &old, const State &now) {
  SmallVector<Factor> correction;
  SmallVector<TermRef> differences;
  for (auto [i, reference] : llvm::enumerate(context.references(leaf))) {
    Shift s = shift(reference, leaf->getReference(i).kind, old, now);
    if (s.correction)
      correction.push_back({s.correction, 1});
    differences.push_back(s.difference);
  }
  SmallVector<Summand> sum;
  for (const algebra::Correction &c : algebra::changeOfReference(context, leaf)) {
    SmallVector<Factor> product = {{old.lookup(c.lower), 1}};
    for (auto [d, n] : llvm::zip_equal(differences, c.powers))
      if (n)
        product.push_back({d, n});
    sum.push_back({c.coefficient, context.mul(product)});
  }
  correction.push_back({context.add(sum), 1});
  TermRef result = context.mul(correction);
  if (rowOf(leaf).affine)
    return result;
  TermRef identity = context.number(Number::real(rowOf(leaf).identity)); // stays what it is
  return context.select(context.apply(Function::Equal, {old.lookup(leaf), identity}), identity, result);
}

Value StreamWriter::stepRelative(const Layout &l, const State &old, const State &now) {
  Opened o = einsums.openNamed(l.leaf);
  auto references = context.references(l.leaf);
  SmallVector<Factor> body = {{einsums.lower(o.body, o.conditions), 1}};
  for (auto [i, ref] : llvm::enumerate(o.references)) {
    Shift s = shift(references[i], ref.kind, old, now);
    bool isMax = ref.kind == ReferenceKind::Max;
    TermRef a = isMax ? exponent(ref.term, o.conditions) : einsums.lower(ref.term, o.conditions);
    TermRef t = context.sub(a, s.reference);
    if (isMax)
      body.push_back({einsums.materialise(context.apply(Function::Exp2, {t}), o.conditions), 1});
    if (ref.power)
      body.push_back({isMax ? context.apply(Function::Finite, {t}) : t, ref.power});
  }
  EinsumRequest r;
  r.dims = l.dims;
  for (const algebra::Binder &b : o.binders)
    r.bound.push_back(b.index);
  r.reducer = l.leaf->getReducer();
  r.body = context.mul(body);
  r.conditions.append(o.conditions);
  einsums.contract(r, o.conditions);
  r.acc = pointwise(moved(l.leaf, old, now), l.dims, nullptr);
  return einsums.write(r, true);
}

TermRef StreamWriter::kept(TermRef leaf, const State &old, const State &now) {
  TermRef best = context.bestValue(leaf);
  TermRef isStillBest = context.apply(Function::Equal, {old.lookup(best), now.lookup(best)});
  return context.select(isStillBest, old.lookup(leaf), context.number(EinsumEmitter::noPosition()));
}

/// The values are read, not computed again: equality is asked for.
Value StreamWriter::stepPosition(const Layout &l, const State &old, const State &now) {
  Opened o = einsums.openNamed(l.leaf);
  TermRef values = einsums.lower(o.body, o.conditions);
  if (!values->is(TermKind::Read))
    values = einsums.materialise(values, o.conditions);
  EinsumRequest r;
  r.dims = l.dims;
  for (const algebra::Binder &b : o.binders)
    r.bound.push_back(b.index);
  r.reducer = stateReducer(l.leaf);
  r.body = r.bound[0];
  r.conditions.append(o.conditions);
  r.conditions.push_back(context.apply(Function::Equal, {values, now.lookup(context.bestValue(l.leaf))}));
  r.element = einsums.elementTypeOf(ValueType::Integer);
  r.acc = pointwise(kept(l.leaf, old, now), l.dims, r.element);
  return einsums.write(r, true);
}

void StreamWriter::fillStep(Block &block) {
  enter(block, /*streaming=*/true);
  State old = bind(block.getArguments()), now;
  SmallVector<Value> next(types.size());
  for (const Layout &l : layout) { // references come first
    if (rowOf(l.leaf).ratio) {
      std::tie(next[l.first], next[l.first + 1]) = stepMean(l, old);
      now[counts.lookup(l.leaf)] = read(next[l.first], l.dims);
      now[l.leaf] = read(next[l.first + 1], l.dims);
      continue;
    }
    next[l.first] = l.leaf->is(TermKind::Relative) ? stepRelative(l, old, now)
                    : rowOf(l.leaf).selectsIndex   ? stepPosition(l, old, now)
                                                   : stepPlain(l, old);
    now[l.leaf] = read(next[l.first], l.dims);
    if (l.leaf->isReduction(algebra::Reducer::Max))
      einsums.markMaximum(next[l.first]);
  }
  OpBuilder b = OpBuilder::atBlockEnd(&block);
  YieldOp::create(b, block.getParentOp()->getLoc(), next);
}

// ---- the merge

std::pair<Value, Value> StreamWriter::mergeMean(const Layout &l, const State &a, const State &b) {
  TermRef n = counts.lookup(l.leaf);
  Value count = pointwise(context.add(a.lookup(n), b.lookup(n)), l.dims, nullptr);
  TermRef share = context.div(b.lookup(n), read(count, l.dims));
  TermRef step = context.mul(context.sub(b.lookup(l.leaf), a.lookup(l.leaf)), share);
  return {count, pointwise(context.add(a.lookup(l.leaf), step), l.dims, nullptr)};
}

static TermRef combined(algebra::TermContext &context, algebra::Reducer op, TermRef a, TermRef b) {
  switch (op) {
  case algebra::Reducer::Product:
    return context.mul(a, b);
  case algebra::Reducer::Max:
    return context.apply(Function::Max, {a, b});
  case algebra::Reducer::Min:
    return context.apply(Function::Min, {a, b});
  case algebra::Reducer::Any:
    return context.apply(Function::Or, {a, b});
  case algebra::Reducer::All:
    return context.apply(Function::And, {a, b});
  default:
    return context.add(a, b);
  }
}

Value StreamWriter::mergeRelative(const Layout &l, const State &a, const State &b, const State &now) {
  return pointwise(combined(context, l.leaf->getReducer(), moved(l.leaf, a, now), moved(l.leaf, b, now)), l.dims,
                   nullptr);
}

void StreamWriter::fillMerge(Block &block) {
  enter(block, /*streaming=*/false);
  unsigned n = types.size();
  State a = bind(block.getArguments().take_front(n)), b = bind(block.getArguments().drop_front(n)), now;
  SmallVector<Value> next(n);
  for (const Layout &l : layout) {
    if (rowOf(l.leaf).ratio) {
      std::tie(next[l.first], next[l.first + 1]) = mergeMean(l, a, b);
      now[l.leaf] = read(next[l.first + 1], l.dims);
      continue;
    }
    if (rowOf(l.leaf).selectsIndex)
      next[l.first] = pointwise(combined(context, stateReducer(l.leaf), kept(l.leaf, a, now), kept(l.leaf, b, now)),
                                l.dims, einsums.elementTypeOf(ValueType::Integer));
    else if (l.leaf->is(TermKind::Relative))
      next[l.first] = mergeRelative(l, a, b, now);
    else
      next[l.first] = pointwise(combined(context, l.leaf->getReducer(), a.lookup(l.leaf), b.lookup(l.leaf)), l.dims,
                                cast<RankedTensorType>(types[l.first]).getElementType());
    now[l.leaf] = read(next[l.first], l.dims);
    if (l.leaf->isReduction(algebra::Reducer::Max))
      einsums.markMaximum(next[l.first]);
  }
  OpBuilder builder = OpBuilder::atBlockEnd(&block);
  YieldOp::create(builder, block.getParentOp()->getLoc(), next);
}

// ---- the finalisation

/// What a state means: in units of the base-2 exponent inside the stream, of the spec outside.
TermRef StreamWriter::valueOf(TermRef leaf, const State &state) {
  TermRef s = state.lookup(leaf);
  Number ln2 = Number::real(std::log(2.0));
  if (rowOf(leaf).selectsIndex)
    return einsums.orNone(s);
  if (isScaled(leaf))
    return context.scaled(ln2, s);
  unsigned power = 0;
  for (unsigned i = 0; i < leaf->getNumReferences(); ++i)
    power += leaf->getReference(i).kind == ReferenceKind::Max ? leaf->getReference(i).power : 0;
  return power ? context.scaled(ln2.power(power), s) : s;
}

void StreamWriter::fillFinal(Block &block, ArrayRef<StreamResult> results) {
  enter(block, /*streaming=*/false);
  State state = bind(block.getArguments());
  llvm::DenseMap<TermRef, TermRef> meaning;
  for (const Layout &l : layout)
    meaning[l.leaf] = valueOf(l.leaf, state);
  SmallVector<Value> yielded;
  for (const StreamResult &r : results) {
    TermRef t = context.replace(r.term, meaning);
    SmallVector<TermRef> conditions =
        llvm::map_to_vector(r.conditions, [&](TermRef c) { return context.replace(c, meaning); });
    yielded.push_back(einsums.writeTensor(t, r.dims, conditions, r.element));
  }
  OpBuilder b = OpBuilder::atBlockEnd(&block);
  YieldOp::create(b, block.getParentOp()->getLoc(), yielded);
}

StreamOp StreamWriter::write(ArrayRef<StreamResult> results, Location loc) {
  layOut();
  if (einsums.failed())
    return nullptr;
  SmallVector<Type> resultTypes;
  for (const StreamResult &r : results)
    resultTypes.push_back(einsums.typeOf(r.dims, r.element));
  auto stream = StreamOp::create(builder, loc, TypeRange(resultTypes), ArrayRef<StringRef>(streamed), TypeRange(types),
                                 ArrayRef<Attribute>(identities));
  einsums.place(OpBuilder(stream));
  fillStep(stream.getStep().front());
  fillMerge(stream.getMerge().front());
  fillFinal(stream.getFinalize().front(), results);
  return einsums.failed() ? nullptr : stream;
}

StreamOp attn::emitStream(KernelTerms &terms, EinsumEmitter &einsums, OpBuilder &builder, const algebra::Fibre &fibre,
                          Terms accumulators, ArrayRef<StreamResult> results, Location loc) {
  return StreamWriter(terms, einsums, builder, fibre, accumulators).write(results, loc);
}

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// From terms to Einsums. What an Einsum reads are tensors at affine positions; everything else of a term is its map
// region.
#include "passes/attn/EinsumEmission.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "passes/attn/ScalarEmission.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallVectorExtras.h"

using namespace mlir;
using namespace attn;
using algebra::Factor, algebra::Function, algebra::Number, algebra::Opened, algebra::Substitution, algebra::Summand,
    algebra::TermKind, algebra::TermRef, algebra::ValueType;

using Terms = ArrayRef<TermRef>;

// ---- questions

Type EinsumEmitter::floatType() const {
  OpBuilder b(outer);
  KernelOp kernel = terms.getKernel();
  auto isDouble = [](Type t) { return getElementTypeOrSelf(t).isF64(); };
  bool wide = llvm::any_of(kernel.getArgumentTypes(), isDouble) || llvm::any_of(kernel.getResultTypes(), isDouble);
  return wide ? Type(b.getF64Type()) : Type(b.getF32Type());
}

Type EinsumEmitter::elementTypeOf(ValueType type) {
  return type == ValueType::Float  ? floatType()
         : type == ValueType::Bool ? Type(outer.getI1Type())
                                   : Type(outer.getI64Type());
}

RankedTensorType EinsumEmitter::typeOf(Terms dims, Type element) {
  auto names = llvm::map_to_vector(dims, [&](TermRef d) { return outer.getStringAttr(d->getName()); });
  return tensorType(names, element, terms.getKernel().getRanks());
}

bool EinsumEmitter::streams(TermRef t) const {
  return llvm::any_of(t->getFreeIndices(), [&](TermRef i) { return llvm::is_contained(streamed, i->getName()); });
}

bool EinsumEmitter::isInside(TermRef t) const {
  if (streams(t) || (t->is(TermKind::Read) && insideNames.contains(t->getName())))
    return true;
  return llvm::any_of(t->getChildren(), [&](TermRef c) { return isInside(c); });
}

bool EinsumEmitter::isMaximum(TermRef t) const {
  if (t->isFunction(Function::Finite))
    return false;
  if ((t->is(TermKind::Read) && maxima.contains(t->getName())) || t->isReduction(algebra::Reducer::Max))
    return true;
  return llvm::any_of(t->getChildren(), [&](TermRef c) { return isMaximum(c); });
}

/// Of scalars alone: computed in any region.
bool EinsumEmitter::isScalar(TermRef t) const {
  if (t->is(TermKind::Read) || t->is(TermKind::Index) || t->isBinder())
    return false;
  return llvm::all_of(t->getChildren(), [&](TermRef c) { return isScalar(c); });
}

bool EinsumEmitter::isCheap(TermRef t) const {
  if (t->getChildren().empty() || t->is(TermKind::Read) || isScalar(t) || t->isInteger())
    return true;
  if (!t->is(TermKind::Mul))
    return false;
  unsigned tensors = 0;
  for (const Factor &f : context.factors(t).second)
    tensors += !isScalar(f.base) ? (f.base->is(TermKind::Read) && f.power.isOne() ? 1 : 2) : 0;
  return tensors <= 1;
}

void EinsumEmitter::enter(OpBuilder builder, ArrayRef<StringRef> ranks) {
  inner = builder;
  streamed.assign(ranks.begin(), ranks.end());
  writtenInside.clear();
}

TermRef EinsumEmitter::readInside(Value tensor, Terms dims) {
  StringRef name = terms.nameOf(tensor);
  insideNames.insert(name);
  return context.read(name, dims, valueTypeOf(cast<RankedTensorType>(tensor.getType()).getElementType()));
}

void EinsumEmitter::declare(StringRef rank) {
  KernelOp kernel = terms.getKernel();
  if (kernel.findRank(rank))
    return;
  Builder b(kernel.getContext());
  RankAttr like = kernel.findRank(rank.rsplit('.').first);
  AffineMap same = AffineMap::get(0, 1, b.getAffineSymbolExpr(0));
  auto attr = like.getConstantExtent()
                  ? RankAttr::get(b.getContext(), b.getStringAttr(rank), like.getExtent(), {}, {})
                  : RankAttr::get(b.getContext(), b.getStringAttr(rank), same, {like.getName()}, {});
  SmallVector<Attribute> ranks(kernel.getRanks().begin(), kernel.getRanks().end());
  ranks.push_back(attr);
  kernel.setRanksAttr(b.getArrayAttr(ranks));
}

/// A rank of the same extent that is not in use, for a reduction inside an Einsum over the rank itself.
TermRef EinsumEmitter::alias(StringRef rank, Terms used) {
  TermRef index = nullptr;
  for (unsigned i = 1; !index || llvm::is_contained(used, index); ++i)
    index = context.index((rank + "." + Twine(i)).str());
  declare(index->getName());
  return index;
}

Opened EinsumEmitter::openNamed(TermRef t) {
  Opened o = context.open(t);
  Substitution map;
  llvm::SmallVector<TermRef> used(t->getFreeIndices());
  for (algebra::Binder &b : o.binders) {
    TermRef named = context.index(b.index->getName());
    if (llvm::is_contained(used, named))
      named = alias(b.index->getName(), used);
    used.push_back(named);
    map[b.index] = named;
    b.index = named;
  }
  for (TermRef &c : o.conditions)
    c = context.substitute(c, map);
  for (algebra::Reference &r : o.references)
    r.term = context.substitute(r.term, map);
  o.body = context.substitute(o.body, map);
  return o;
}

// ---- lowering a term to reads

static SmallVector<TermRef> bindersOf(const Opened &o) {
  return llvm::map_to_vector(o.binders, [](const algebra::Binder &b) { return b.index; });
}

/// A condition that reads a reduction stays where it is asked for: that reduction may be over this very tensor.
SmallVector<TermRef> EinsumEmitter::within(Terms conditions, Terms dims) {
  SmallVector<TermRef> r;
  for (TermRef c : conditions)
    if (!c->getFreeIndices().empty() && !context.containsReduction(c) &&
        llvm::all_of(c->getFreeIndices(), [&](TermRef i) { return llvm::is_contained(dims, i); }))
      r.push_back(c);
  return r;
}

TermRef EinsumEmitter::materialise(TermRef t, Terms all) {
  SmallVector<TermRef> dims(t->getFreeIndices());
  llvm::sort(dims, [&](TermRef a, TermRef b) {
    KernelOp k = terms.getKernel();
    return k.getRankIndex(a->getName()) < k.getRankIndex(b->getName());
  });
  SmallVector<TermRef> conditions = within(all, dims);
  bool inside = isInside(t) || llvm::any_of(conditions, [&](TermRef c) { return isInside(c); });
  std::pair<TermRef, TermRef> key(t, context.conjunction(conditions));
  auto &written = inside ? writtenInside : writtenOutside;
  if (TermRef r = written.lookup(key))
    return r;
  EinsumRequest request;
  request.dims = dims;
  request.element = elementTypeOf(t->getType());
  request.conditions = conditions;
  if (t->is(TermKind::Reduce)) {
    Opened o = openNamed(t);
    request.bound = bindersOf(o);
    request.reducer = t->getReducer();
    SmallVector<TermRef> filters(o.conditions);
    request.body = lower(o.body, filters);
    request.conditions.append(o.conditions);
    contract(request, filters);
  } else {
    request.body = t;
  }
  Value v = write(request, inside);
  TermRef read = inside ? readInside(v, dims) : context.read(terms.nameOf(v), dims, t->getType());
  if (isMaximum(t))
    markMaximum(v);
  carried[read->getName()] = request.reducer ? conditions : request.conditions;
  return written[key] = read;
}

/// A term that every point of the stream shares is written before it.
TermRef EinsumEmitter::hoisted(TermRef t, Terms conditions) {
  return streamed.empty() || isInside(t) || isCheap(t) ? t : materialise(t, conditions);
}

/// A mean that no stream carries is a sum over a count.
TermRef EinsumEmitter::meanAsQuotient(TermRef t) {
  Opened o = context.open(t);
  TermRef sum = context.reduce(algebra::Reducer::Sum, o.binders, o.conditions, o.body);
  return context.div(sum, context.reduce(algebra::Reducer::Sum, o.binders, o.conditions, context.one()));
}

TermRef EinsumEmitter::orNone(TermRef position) {
  TermRef isNone = context.apply(Function::Equal, {position, context.number(noPosition())});
  return context.select(isNone, context.number(-1), position);
}

/// The first place where the value is the largest. Both reductions read one tensor: computed twice, equal values might
/// differ.
TermRef EinsumEmitter::positionOfBest(TermRef t, Terms conditions) {
  Opened o = openNamed(t);
  TermRef values = lower(o.body, o.conditions);
  if (!values->is(TermKind::Read))
    values = materialise(values, o.conditions);
  TermRef named = context.reduce(t->getReducer(), o.binders, o.conditions, values);
  SmallVector<TermRef> isBest(o.conditions);
  isBest.push_back(context.apply(Function::Equal, {values, context.bestValue(named)}));
  TermRef first = context.reduce(algebra::Reducer::Min, o.binders, isBest, o.binders[0].index, ValueType::Integer);
  return lower(orNone(first), conditions);
}

TermRef EinsumEmitter::lowerReduce(TermRef t, Terms conditions) {
  if (algebra::getRow(t->getReducer()).selectsIndex)
    return positionOfBest(t, conditions);
  return algebra::getRow(t->getReducer()).ratio ? lower(meanAsQuotient(t), conditions) : materialise(t, conditions);
}

/// scale * sum[e] q k as sum[e] (scale q) k: onto an operand of the compute type that no point of the stream changes,
/// so that the product is formed once. Not where the sum may have no point and the factor be infinite.
TermRef EinsumEmitter::foldScale(TermRef t) {
  auto [coefficient, factors] = context.factors(t);
  auto isContraction = [&](const Factor &f) {
    return f.power.isOne() && f.base->isReduction(algebra::Reducer::Sum) && streams(f.base);
  };
  if (llvm::count_if(factors, isContraction) != 1)
    return t;
  Factor contraction = *llvm::find_if(factors, isContraction);
  Opened o = openNamed(contraction.base);
  SmallVector<Factor> scale, rest;
  for (const Factor &f : factors)
    if (f.base != contraction.base)
      (!isInside(f.base) && !mentionsAny(f.base, o.binders) ? scale : rest).push_back(f);
  auto takesScale = [&](const Factor &f) {
    if (!f.power.isOne() || !f.base->is(TermKind::Read) || isInside(f.base))
      return false;
    Value v = terms.valueOf(f.base->getName());
    return getElementTypeOrSelf(v.getType()) == floatType() && llvm::all_of(scale, [&](const Factor &s) {
             return llvm::all_of(s.base->getFreeIndices(), [&](TermRef i) { return f.base->mentions(i); });
           });
  };
  if (!llvm::any_of(context.factors(o.body).second, takesScale))
    return t;
  if (!terms.hasPoint(bindersOf(o), o.conditions) && !llvm::all_of(scale, isFiniteScalar))
    return t;
  scale.push_back({o.body, 1});
  rest.push_back({context.reduce(algebra::Reducer::Sum, o.binders, o.conditions, context.mul(scale, coefficient)), 1});
  return context.mul(rest);
}

TermRef EinsumEmitter::lowerMul(TermRef t, Terms conditions) {
  TermRef folded = streamed.empty() ? t : foldScale(t);
  if (folded != t && !folded->is(TermKind::Mul))
    return lower(folded, conditions);
  return hoisted(context.rebuild(folded, [&](TermRef c) { return lower(c, conditions); }), conditions);
}

TermRef EinsumEmitter::lower(TermRef t, Terms conditions) {
  if (t->getChildren().empty() || isScalar(t))
    return t;
  switch (t->getKind()) {
  case TermKind::Read:
    return t;
  case TermKind::Reduce:
    return lowerReduce(t, conditions);
  case TermKind::Mul:
    return lowerMul(t, conditions);
  case TermKind::Gather: {
    Opened o = openNamed(t);
    TermRef table = materialise(lower(o.body, {}), {});
    Substitution map;
    for (auto [b, p] : llvm::zip_equal(o.binders, t->getPositions()))
      map[b.index] = lower(p, conditions);
    return context.substitute(table, map);
  }
  case TermKind::Relative:
    error = "an accumulator outside its stream: " + t->str(80);
    return context.zero();
  default:
    return hoisted(context.rebuild(t, [&](TermRef c) { return lower(c, conditions); }), conditions);
  }
}

static bool lacksARankOf(TermRef a, Terms ofOthers, Terms bound) {
  return llvm::any_of(a->getFreeIndices(),
                      [&](TermRef i) { return !llvm::is_contained(ofOthers, i) && !llvm::is_contained(bound, i); });
}

/// Bound indices that the other operand lacks are summed first: sum[l,s] V[s] W[l,s] = sum[s] V[s] sum[l] W[l,s]. Their
/// conditions go with them, if those are over what this operand has.
TermRef EinsumEmitter::sumOwn(TermRef operand, TermRef other, EinsumRequest &r) {
  SmallVector<algebra::Binder> own;
  for (TermRef i : r.bound)
    if (operand->mentions(i) && !other->mentions(i))
      own.push_back({i});
  SmallVector<TermRef> inside;
  for (TermRef c : r.conditions)
    if (mentionsAny(c, own))
      inside.push_back(c);
  auto isCovered = [&](TermRef c) {
    return llvm::all_of(c->getFreeIndices(), [&](TermRef i) { return operand->mentions(i); });
  };
  if (own.empty() || !llvm::all_of(inside, isCovered))
    return operand;
  llvm::erase_if(r.bound, [&](TermRef i) { return llvm::is_contained(own, algebra::Binder{i}); });
  llvm::erase_if(r.conditions, [&](TermRef c) { return llvm::is_contained(inside, c); });
  return context.reduce(algebra::Reducer::Sum, own, inside, operand);
}

void EinsumEmitter::contract(EinsumRequest &request, Terms conditions) {
  if (!request.reducer || !algebra::getRow(*request.reducer).affine)
    return;
  Terms bound = request.bound;
  auto [coefficient, factors] = context.factors(request.body);
  int best = -1, bestScore = -1;
  for (unsigned k = 0; k < factors.size(); ++k) {
    TermRef r = factors[k].base;
    if (!r->is(TermKind::Read) || !factors[k].power.isOne())
      continue;
    llvm::SmallSetVector<TermRef, 8> others;
    bool inside = false;
    for (unsigned j = 0; j < factors.size(); ++j)
      if (j != k) {
        others.insert_range(factors[j].base->getFreeIndices());
        inside |= isInside(factors[j].base);
      }
    bool contracts = llvm::any_of(bound, [&](TermRef i) { return others.contains(i) && r->mentions(i); }) &&
                     lacksARankOf(r, others.getArrayRef(), bound) &&
                     llvm::any_of(others, [&](TermRef i) { return !r->mentions(i) && !llvm::is_contained(bound, i); });
    if (!contracts)
      continue;
    int score = (inside ? 0 : 2) + (isa<BlockArgument>(terms.valueOf(r->getName())) ? 1 : 0);
    if (score > bestScore) {
      best = k;
      bestScore = score;
    }
  }
  if (best < 0)
    return;
  Factor chosen = factors[best];
  factors.erase(factors.begin() + best);
  TermRef rest = sumOwn(context.mul(factors, coefficient), chosen.base, request);
  if (!rest->is(TermKind::Read))
    rest = materialise(rest, conditions);
  request.body = context.mul(chosen.base, rest);
}

// ---- writing one Einsum

struct EinsumEmitter::Operands {
  SmallVector<TermRef> iterators;
  SmallVector<TermRef> reads, points, symbolTerms, gatherReads;
  SmallVector<AffineMap> maps;
  llvm::DenseMap<TermRef, unsigned> readNumber;
};

Value EinsumEmitter::scalarValue(TermRef t) {
  if (Value v = scalars.lookup(t))
    return v;
  KernelOp kernel = terms.getKernel();
  OpBuilder b(outer);
  if (t->is(TermKind::Extent)) {
    for (ExtentOp e : kernel.getBody().front().getOps<ExtentOp>())
      if (e.getRank() == t->getName() &&
          (e->isBeforeInBlock(&*outer.getInsertionPoint()) || e->getBlock() != outer.getBlock()))
        return scalars[t] = e;
    b.setInsertionPointToStart(&kernel.getBody().front());
    return scalars[t] = ExtentOp::create(b, kernel.getLoc(), t->getName());
  }
  Value v = terms.valueOf(t->getName());
  if (isa<IntegerType>(v.getType()) && !v.getType().isInteger(1)) {
    b.setInsertionPointAfterValue(v);
    v = arith::IndexCastOp::create(b, kernel.getLoc(), b.getIndexType(), v);
  }
  return scalars[t] = v;
}

/// Index terms as affine expressions of the iterators, gathers (numbered after them) and symbols.
std::optional<AffineExpr> EinsumEmitter::affine(TermRef t, Operands &o) {
  MLIRContext *c = outer.getContext();
  auto symbol = [&](TermRef s) {
    auto it = llvm::find(o.symbolTerms, s);
    unsigned n = it - o.symbolTerms.begin();
    if (it == o.symbolTerms.end())
      o.symbolTerms.push_back(s);
    return getAffineSymbolExpr(n, c);
  };
  switch (t->getKind()) {
  case TermKind::Number:
    if (!t->getNumber().isInteger())
      return std::nullopt;
    return getAffineConstantExpr(t->getNumber().getInteger(), c);
  case TermKind::Index: {
    auto it = llvm::find(o.iterators, t);
    if (it == o.iterators.end())
      return std::nullopt;
    return getAffineDimExpr(it - o.iterators.begin(), c);
  }
  case TermKind::Extent:
  case TermKind::Parameter:
    return symbol(t);
  case TermKind::Read: {
    collect(t, o);
    auto it = llvm::find(o.gatherReads, t);
    unsigned n = it - o.gatherReads.begin();
    if (it == o.gatherReads.end())
      o.gatherReads.push_back(t);
    return getAffineDimExpr(o.iterators.size() + n, c);
  }
  case TermKind::Add: {
    AffineExpr sum = getAffineConstantExpr(t->getNumber().getInteger(), c);
    for (const Summand &s : context.summands(t).second) {
      auto e = affine(s.term, o);
      if (!e || !s.weight.isInteger())
        return std::nullopt;
      sum = sum + *e * s.weight.getInteger();
    }
    return sum;
  }
  case TermKind::Mul: {
    AffineExpr product = getAffineConstantExpr(t->getNumber().getInteger(), c);
    for (const Factor &f : context.factors(t).second) {
      auto e = affine(f.base, o);
      if (!e || !f.power.isOne() || (!e->isSymbolicOrConstant() && !product.isSymbolicOrConstant()))
        return std::nullopt;
      product = product * *e;
    }
    return product;
  }
  case TermKind::Apply: {
    if (!t->isFunction(Function::IntDiv) && !t->isFunction(Function::IntMod))
      return std::nullopt;
    auto a = affine(t->getChild(0), o), b = affine(t->getChild(1), o);
    if (!a || !b || !b->isSymbolicOrConstant())
      return std::nullopt;
    return t->isFunction(Function::IntDiv) ? a->floorDiv(*b) : *a % *b;
  }
  default:
    return std::nullopt;
  }
}

/// The reads and index values of a term, in the order of their operands.
void EinsumEmitter::collect(TermRef t, Operands &o) {
  if (t->is(TermKind::Index) && !llvm::is_contained(o.points, t))
    o.points.push_back(t);
  if (!t->is(TermKind::Read)) {
    for (TermRef c : t->getChildren())
      collect(c, o);
    return;
  }
  if (o.readNumber.contains(t))
    return;
  SmallVector<AffineExpr> results;
  for (TermRef p : t->getChildren()) {
    Operands before = o;
    auto e = affine(p, o);
    bool isAtHand = llvm::all_of(p->getFreeIndices(), [&](TermRef i) { return llvm::is_contained(o.iterators, i); });
    if (!e && isAtHand) {
      // Any other position is a table of its own, whose elements are gathered.
      o = before;
      e = affine(materialise(lower(p, {}), {}), o);
    }
    if (!e)
      error = "position " + p->str(80) + " mentions a rank that is not iterated where it is read";
    results.push_back(e ? *e : getAffineConstantExpr(0, outer.getContext()));
  }
  o.readNumber[t] = o.reads.size();
  o.reads.push_back(t);
  o.maps.push_back(AffineMap::get(0, 0, results, outer.getContext())); // dims and symbols are counted at the end
}

SmallVector<TermRef> EinsumEmitter::without(Terms conditions, const EinsumRequest &request) {
  llvm::SmallSetVector<TermRef, 8> brought;
  std::function<void(TermRef)> visit = [&](TermRef t) {
    if (t->is(TermKind::Read))
      if (auto it = carried.find(t->getName()); it != carried.end())
        brought.insert(it->second.begin(), it->second.end());
    for (TermRef c : t->getChildren())
      visit(c);
  };
  visit(request.body);
  SmallVector<TermRef> left;
  for (TermRef c : conditions)
    if (!brought.contains(c) && !llvm::is_contained(left, c))
      left.push_back(c);
  return left;
}

Value EinsumEmitter::write(const EinsumRequest &request, bool inside) {
  Operands o;
  o.iterators = request.dims;
  o.iterators.append(request.bound);
  SmallVector<TermRef> conditions = without(request.conditions, request);
  for (TermRef &c : conditions)
    c = lower(c, request.conditions);
  collect(request.body, o);
  for (TermRef c : conditions)
    collect(c, o);
  OpBuilder &b = inside ? inner : outer;
  EinsumSpec spec;
  spec.result = typeOf(request.dims, request.element ? request.element : floatType());
  for (TermRef i : o.iterators)
    spec.iterators.push_back(b.getStringAttr(i->getName()));
  if (request.reducer)
    spec.reducer = ReducerAttr::get(b.getContext(), b.getStringAttr(algebra::getRow(*request.reducer).name));
  for (auto [r, map] : llvm::zip_equal(o.reads, o.maps)) {
    spec.inputs.push_back(terms.valueOf(r->getName()));
    spec.maps.push_back(AffineMap::get(o.iterators.size() + o.gatherReads.size(), o.symbolTerms.size(),
                                       map.getResults(), b.getContext()));
  }
  for (TermRef s : o.symbolTerms)
    spec.symbols.push_back(scalarValue(s));
  for (TermRef g : o.gatherReads)
    spec.gathers.push_back(o.readNumber.lookup(g));
  for (TermRef p : o.points)
    spec.points.push_back(llvm::find(o.iterators, p) - o.iterators.begin());
  spec.acc = request.acc;
  spec.otherwise = request.otherwise;

  auto region = [&](OpBuilder &rb, Location loc, ValueRange arguments, function_ref<Value(ScalarEmitter &)> fill) {
    auto leaf = [&](TermRef t) -> Value {
      if (t->is(TermKind::Read))
        return arguments[o.readNumber.lookup(t)];
      if (t->is(TermKind::Index))
        return arguments[o.reads.size() + (llvm::find(o.points, t) - o.points.begin())];
      return scalarValue(t);
    };
    auto isMax = [&](TermRef t) { return isMaximum(t); };
    ScalarEmitter scalars(rb, loc, context, floatType(), leaf, isMax);
    fill(scalars);
    if (!scalars.error.empty())
      error = scalars.error;
  };
  auto where = [&](OpBuilder &rb, Location loc, ValueRange arguments) {
    SmallVector<Value> conjuncts;
    region(rb, loc, arguments, [&](ScalarEmitter &s) {
      for (TermRef c : conditions)
        conjuncts.push_back(s.emitBool(c));
      return Value();
    });
    YieldOp::create(rb, loc, conjuncts);
  };
  auto map = [&](OpBuilder &rb, Location loc, ValueRange arguments) {
    region(rb, loc, arguments, [&](ScalarEmitter &s) {
      YieldOp::create(rb, loc, s.emitAs(request.body, spec.result.getElementType()));
      return Value();
    });
  };
  // Captured scalars come first: an Einsum is built at the insertion point, they at theirs.
  std::function<void(TermRef)> prepare = [&](TermRef t) {
    if (t->is(TermKind::Extent) || t->is(TermKind::Parameter))
      scalarValue(t);
    if (!t->is(TermKind::Read))
      llvm::for_each(t->getChildren(), prepare);
  };
  prepare(request.body);
  llvm::for_each(conditions, prepare);
  Location loc = terms.locationOf(request.body->getLocation());
  if (conditions.empty())
    return EinsumOp::create(b, loc, spec, nullptr, map);
  return EinsumOp::create(b, loc, spec, where, map);
}

Value EinsumEmitter::writeTensor(TermRef t, Terms dims, Terms conditions, Type element) {
  EinsumRequest request;
  request.dims.assign(dims.begin(), dims.end());
  request.conditions.assign(conditions.begin(), conditions.end());
  request.element = element;
  bool sameType = element == elementTypeOf(t->getType());
  auto isOneEinsum = [](const algebra::ReducerRow &row) { return !row.ratio && !row.selectsIndex; };
  if (t->is(TermKind::Reduce) && sameType && isOneEinsum(algebra::getRow(t->getReducer()))) {
    Opened o = openNamed(t);
    request.bound = bindersOf(o);
    request.reducer = t->getReducer();
    request.body = lower(o.body, o.conditions);
    request.conditions.append(o.conditions);
    contract(request, o.conditions);
  } else {
    request.body = lower(t, conditions);
  }
  return write(request, /*inside=*/true);
}

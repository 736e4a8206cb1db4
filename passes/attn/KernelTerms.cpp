// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// From attn IR to terms. Presence follows R11 and R12: an operand brings its conditions where it is read, the branch
// that a select does not take is neither read nor missed, and a reduction consumes the conditions that mention its
// indices.
#include "passes/attn/KernelTerms.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "passes/attn/ScalarTerms.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallVectorExtras.h"

using namespace mlir;
using namespace attn;
using algebra::Binder, algebra::Function, algebra::Number, algebra::Substitution, algebra::TermContext,
    algebra::TermRef, algebra::ValueType;

ValueType attn::valueTypeOf(Type type) {
  return isa<FloatType>(type) ? ValueType::Float : type.isInteger(1) ? ValueType::Bool : ValueType::Integer;
}

KernelTerms::KernelTerms(KernelOp kernel) : kernel(kernel) { locations.push_back(kernel.getLoc()); }

unsigned KernelTerms::idOf(Location loc) {
  auto [it, isNew] = locationIds.try_emplace(loc, locations.size());
  if (isNew)
    locations.push_back(loc);
  return it->second;
}

StringRef KernelTerms::nameOf(Value value) {
  auto [it, isNew] = names.try_emplace(value);
  if (!isNew)
    return it->second;
  std::string base = "t";
  if (auto argument = dyn_cast<BlockArgument>(value); argument && argument.getOwner()->getParentOp() == kernel)
    base = kernel.getArgName(argument.getArgNumber()).str();
  else if (auto def = value.getDefiningOp<DefaultOp>())
    base = kernel.getArgName(cast<BlockArgument>(def.getArgument()).getArgNumber()).str();
  else if (auto einsum = value.getDefiningOp<EinsumOp>(); einsum && einsum.getNameAttr())
    base = einsum.getNameAttr().str();
  else if (auto select = value.getDefiningOp<SelectOp>(); select && select.getName())
    base = select.getName()->str();
  else if (auto walk = argument ? dyn_cast<IterateOp>(argument.getOwner()->getParentOp()) : IterateOp())
    base = walk.getStateName(argument.getArgNumber()).str();
  else if (auto iterate = value.getDefiningOp<IterateOp>())
    base = iterate.getStateName(cast<OpResult>(value).getResultNumber()).str();
  else if (auto part = value.getDefiningOp<TensorUnionOp>(); part && part.getName())
    base = part.getName()->str();
  else if (auto part = value.getDefiningOp<ScatterOp>(); part && part.getName())
    base = part.getName()->str();
  std::string name = base;
  for (unsigned i = 1; !values.try_emplace(name, value).second; ++i)
    name = base + "." + std::to_string(i);
  return it->second = values.find(name)->getKey();
}

void KernelTerms::bind(StringRef name, Value value) {
  values[name] = value;
  names.try_emplace(value, values.find(name)->getKey());
}

SmallVector<TermRef> KernelTerms::indicesOf(Value tensor) {
  return llvm::map_to_vector(rankNames(tensor.getType()), [&](StringAttr n) { return context.index(n.getValue()); });
}

TermRef KernelTerms::read(Value tensor) {
  return context.read(nameOf(tensor), indicesOf(tensor),
                      valueTypeOf(cast<RankedTensorType>(tensor.getType()).getElementType()));
}

/// A scalar from outside the regions.
std::optional<TermRef> KernelTerms::scalar(Value value) {
  Operation *op = value.getDefiningOp();
  if (!op || isa<DefaultOp>(op))
    return context.parameter(nameOf(value), valueTypeOf(value.getType()));
  SmallVector<TermRef> operands;
  for (Value operand : op->getOperands()) {
    auto t = scalar(operand);
    if (!t)
      return std::nullopt;
    operands.push_back(*t);
  }
  if (auto t = scalarTerm(context, op, operands))
    return t;
  return context.parameter(nameOf(value), valueTypeOf(value.getType()));
}

TermRef KernelTerms::affine(AffineExpr e, ArrayRef<TermRef> dims, ArrayRef<TermRef> symbols) {
  if (auto d = dyn_cast<AffineDimExpr>(e))
    return dims[d.getPosition()];
  if (auto s = dyn_cast<AffineSymbolExpr>(e))
    return symbols[s.getPosition()];
  if (auto c = dyn_cast<AffineConstantExpr>(e))
    return context.number(c.getValue());
  auto binary = cast<AffineBinaryOpExpr>(e);
  TermRef a = affine(binary.getLHS(), dims, symbols), b = affine(binary.getRHS(), dims, symbols);
  switch (e.getKind()) {
  case AffineExprKind::Add:
    return context.add(a, b);
  case AffineExprKind::Mul:
    return context.mul(a, b);
  case AffineExprKind::Mod:
    return context.apply(Function::IntMod, {a, b});
  case AffineExprKind::FloorDiv:
    return context.apply(Function::IntDiv, {a, b});
  case AffineExprKind::CeilDiv: // -((-a) / b)
    return context.scaled(-1, context.apply(Function::IntDiv, {context.scaled(-1, a), b}));
  default:
    llvm_unreachable("affine expression");
  }
}

/// Operand `input` where the Einsum reads it; `dims` are the iterators, then the gathers.
std::optional<Present> KernelTerms::access(EinsumOp op, unsigned input, ArrayRef<TermRef> dims, Inline inlining) {
  SmallVector<TermRef> symbols;
  for (Value s : op.getSymbols()) {
    auto t = scalar(s);
    if (!t)
      return std::nullopt;
    symbols.push_back(*t);
  }
  Value tensor = op.getInputs()[input];
  SmallVector<TermRef> positions =
      llvm::map_to_vector(op.getIndexMap(input).getResults(), [&](AffineExpr e) { return affine(e, dims, symbols); });
  auto whole = this->tensor(tensor, inlining);
  if (!whole)
    return std::nullopt;
  SmallVector<TermRef> own = indicesOf(tensor);
  if (auto walk = tensor.getDefiningOp<IterateOp>(); walk && inlining == Inline::Dependences)
    for (auto [d, p] : llvm::zip_equal(own, positions))
      if (d->getName() == walk.getOver() && !p->mentions(d)) // a step that waits for those before it
        whole->term = context.read(
            nameOf(tensor), {summary(d, whole->term, walk.getLoc(), nameOf(tensor).str() + " walked to its end")},
            valueTypeOf(cast<RankedTensorType>(tensor.getType()).getElementType()));
  Substitution map;
  for (auto [d, p] : llvm::zip_equal(own, positions))
    map[d] = p;
  Present r{context.gather(own, whole->term, positions), {}};
  for (TermRef c : whole->conditions)
    r.conditions.push_back(context.substitute(c, map));
  return r;
}

std::optional<Present> KernelTerms::position(SelectOp op, Inline inlining) {
  auto scores = tensor(op.getValues()[0], inlining);
  if (!scores)
    return std::nullopt;
  TermContext::At at(context, idOf(op.getLoc()));
  Binder over{context.index(cast<StringAttr>(op.getOver()[0]).getValue())};
  Present r;
  SmallVector<TermRef> filters;
  for (TermRef c : scores->conditions)
    (mentionsAny(c, over) ? filters : r.conditions).push_back(c);
  r.term = context.reduce(algebra::Reducer::ArgMax, over, filters, scores->term, ValueType::Integer);
  return r;
}

std::optional<Present> KernelTerms::tensor(Value value, Inline inlining) {
  if (auto select = value.getDefiningOp<SelectOp>(); select && select.yieldsPosition() && inlining != Inline::Nothing) {
    if (auto it = inlined.find(value); it != inlined.end())
      return it->second;
    auto p = position(select, inlining);
    if (p)
      inlined[value] = *p;
    return p;
  }
  auto einsum = value.getDefiningOp<EinsumOp>();
  if (!einsum && inlining == Inline::Dependences)
    return uninterpreted(value);
  if (!einsum || inlining == Inline::Nothing || einsum->hasAttr("attn.stored"))
    return Present{read(value), {}};
  if (auto it = inlined.find(value); it != inlined.end())
    return it->second;
  auto p = this->einsum(einsum, inlining);
  if (p)
    inlined[value] = *p;
  return p;
}

namespace attn {
/// The scalars of one Einsum's regions.
class KernelTerms::Region {
public:
  Region(KernelTerms &terms, EinsumOp op, Inline inlining)
      : terms(terms), context(terms.context), op(op), inlining(inlining) {
    for (StringRef name : op.getIteratorNames())
      dims.push_back(context.index(name));
    dims.append(op.getGathers().size(), nullptr);
  }
  std::optional<Present> scalar(Value value);
  std::optional<Present> reduced();
  /// Conjuncts of `where`.
  LogicalResult conditions(SmallVectorImpl<TermRef> &out);

private:
  std::optional<Present> operand(unsigned input);
  std::optional<Present> select(arith::SelectOp s);
  KernelTerms &terms;
  TermContext &context;
  EinsumOp op;
  Inline inlining;
  SmallVector<TermRef> dims;
  DenseMap<Value, Present> memo;
};
} // namespace attn

static void append(SmallVectorImpl<TermRef> &to, ArrayRef<TermRef> from) {
  for (TermRef t : from)
    if (!llvm::is_contained(to, t))
      to.push_back(t);
}

std::optional<Present> KernelTerms::Region::operand(unsigned input) {
  Present gathered;
  for (auto [k, number] : llvm::enumerate(op.getGathers())) {
    unsigned place = op.getNumIterators() + k;
    if (number >= int64_t(input) || !op.getIndexMap(input).isFunctionOfDim(place))
      continue;
    auto position = operand(number);
    if (!position)
      return std::nullopt;
    dims[place] = position->term;
    append(gathered.conditions, position->conditions);
  }
  for (TermRef &d : dims) // gathers that this operand does not use
    d = d ? d : context.zero();
  auto p = terms.access(op, input, dims, inlining);
  if (p)
    append(p->conditions, gathered.conditions);
  return p;
}

std::optional<Present> KernelTerms::Region::select(arith::SelectOp s) {
  auto c = scalar(s.getCondition()), a = scalar(s.getTrueValue()), b = scalar(s.getFalseValue());
  if (!c || !a || !b)
    return std::nullopt;
  SmallVector<TermRef> taken = {c->term}, other = {context.negation(c->term)};
  for (TermRef x : a->conditions)
    if (llvm::is_contained(b->conditions, x))
      append(c->conditions, {x});
    else
      taken.push_back(x);
  for (TermRef x : b->conditions)
    if (!llvm::is_contained(a->conditions, x))
      other.push_back(x);
  if (taken.size() + other.size() > 2)
    append(c->conditions, {context.apply(Function::Or, {context.conjunction(taken), context.conjunction(other)})});
  return Present{context.select(c->term, a->term, b->term), c->conditions};
}

std::optional<Present> KernelTerms::Region::scalar(Value value) {
  if (auto it = memo.find(value); it != memo.end())
    return it->second;
  std::optional<Present> r;
  auto argument = dyn_cast<BlockArgument>(value);
  Operation *def = value.getDefiningOp();
  if (argument && argument.getOwner()->getParentOp() == op.getOperation()) {
    unsigned i = argument.getArgNumber(), inputs = op.getInputs().size();
    if (i < inputs)
      r = operand(i);
    else
      r = Present{dims[op.getPoints()[i - inputs]], {}};
  } else if (!def || def->getParentOp() != op.getOperation()) {
    if (auto t = terms.scalar(value))
      r = Present{*t, {}};
  } else if (auto s = dyn_cast<arith::SelectOp>(def)) {
    r = select(s);
  } else {
    Present p;
    SmallVector<TermRef> operands;
    for (Value x : def->getOperands()) {
      auto t = scalar(x);
      if (!t)
        return std::nullopt;
      operands.push_back(t->term);
      append(p.conditions, t->conditions);
    }
    TermContext::At at(context, terms.idOf(def->getLoc()));
    auto t = scalarTerm(context, def, operands);
    if (!t && inlining == Inline::Dependences)
      t = context.read(def->getName().stripDialect(), operands, valueTypeOf(value.getType()));
    if (!t) {
      def->emitError() << "'" << def->getName() << "' is not known to the cascade algebra yet";
      return std::nullopt;
    }
    p.term = *t;
    r = p;
  }
  if (r)
    memo[value] = *r;
  return r;
}

LogicalResult KernelTerms::Region::conditions(SmallVectorImpl<TermRef> &out) {
  if (!op.hasWhere())
    return success();
  for (Value conjunct : op.getConjuncts()) {
    auto c = scalar(conjunct);
    if (!c)
      return failure();
    append(out, c->conditions);
    // Conjuncts of a conjunct are conjuncts: each filters the reduction or leaves it on its own (R12).
    append(out, c->term->isFunction(Function::And) ? c->term->getChildren() : ArrayRef<TermRef>(c->term));
  }
  return success();
}

bool attn::isFiniteScalar(const algebra::Factor &f) {
  bool isInteger = f.base->is(algebra::TermKind::Extent) ||
                   (f.base->is(algebra::TermKind::Parameter) && f.base->getType() == ValueType::Integer);
  return isInteger && f.power.isInteger() && f.power.getInteger() > 0;
}

bool KernelTerms::hasPoint(ArrayRef<TermRef> indices, ArrayRef<TermRef> conditions) {
  return conditions.empty() && llvm::all_of(indices, [&](TermRef index) {
           RankAttr rank = kernel.findRank(index->getName());
           return rank && rank.getConstantExtent().value_or(0) > 0;
         });
}

/// Scalars leave a sum: they are one factor, whatever the spelling of the product. Over no points the sum is 0 and an
/// infinite factor times it is not, so there only finite ones do.
TermRef KernelTerms::reduceTerm(algebra::Reducer op, ArrayRef<Binder> binders, ArrayRef<TermRef> filters, TermRef body,
                                ValueType type) {
  if (!algebra::getRow(op).affine)
    return context.reduce(op, binders, filters, body, type);
  bool isNeverEmpty = hasPoint(llvm::map_to_vector(binders, [](const Binder &b) { return b.index; }), filters);
  auto [coefficient, factors] = context.factors(body);
  SmallVector<algebra::Factor> outside, inside;
  for (const algebra::Factor &f : factors) {
    bool isScalar = f.base->is(algebra::TermKind::Parameter) || f.base->is(algebra::TermKind::Extent);
    (isScalar && (isNeverEmpty || isFiniteScalar(f)) ? outside : inside).push_back(f);
  }
  if (inside.empty())
    return context.reduce(op, binders, filters, body, type);
  outside.push_back({context.reduce(op, binders, filters, context.mul(inside), type), 1});
  return context.mul(outside, coefficient);
}

std::optional<Present> KernelTerms::Region::reduced() {
  auto body = scalar(op.getMapped());
  if (!body || failed(conditions(body->conditions)))
    return std::nullopt;
  if (!op.getReducer())
    return body;
  SmallVector<Binder> binders;
  for (unsigned i = op.getNumParallel(); i < op.getNumIterators(); ++i)
    binders.push_back({dims[i]});
  Present r;
  SmallVector<TermRef> filters;
  for (TermRef c : body->conditions)
    (mentionsAny(c, binders) ? filters : r.conditions).push_back(c);
  auto reducer = algebra::findReducer(op.getReducerAttr().getName().getValue());
  if (!reducer) {
    op.emitError() << "reducer '" << op.getReducerAttr().getName().getValue()
                   << "' is not known to the cascade algebra";
    return std::nullopt;
  }
  r.term = terms.reduceTerm(*reducer, binders, filters, body->term, valueTypeOf(op.getType().getElementType()));
  return r;
}

Present KernelTerms::withElse(EinsumOp op, Present p) {
  TypedAttr otherwise = op.getOtherwiseAttr();
  if (!otherwise || p.conditions.empty())
    return p;
  TermRef value;
  if (auto f = dyn_cast<FloatAttr>(otherwise))
    value = context.number(Number::real(f.getValueAsDouble()));
  else if (otherwise.getType().isInteger(1))
    value = cast<IntegerAttr>(otherwise).getValue().isZero() ? context.negation(context.conjunction({}))
                                                             : context.conjunction({});
  else
    value = context.number(cast<IntegerAttr>(otherwise).getValue().getSExtValue());
  return {context.select(context.conjunction(p.conditions), p.term, value), {}};
}

std::optional<Present> KernelTerms::einsum(EinsumOp op, Inline inlining) {
  if (op.getAcc()) {
    op.emitError("an accumulator before attn-one-pass is not supported yet");
    return std::nullopt;
  }
  TermContext::At at(context, idOf(op.getLoc()));
  auto p = Region(*this, op, inlining).reduced();
  return p ? std::optional(withElse(op, *p)) : std::nullopt;
}

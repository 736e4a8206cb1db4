// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/spec/EinsumMaker.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;

namespace attn::spec {

Value EinsumMaker::run() {
  iterators = request.left;
  mapped = request.value;
  for (const Term *conjunct : request.conjuncts)
    conjuncts.push_back({conjunct});
  if (!openReduction() || !collect(mapped, /*isStrict=*/true))
    return nullptr;
  keepGuards();
  // Conditions in strict places join the list while it is walked.
  for (size_t i = 0; i < conjuncts.size(); ++i)
    if (!conjuncts[i].isCarried && !collect(conjuncts[i].term, /*isStrict=*/false))
      return nullptr;
  return build();
}

/// A condition that stands before one that reads a tensor may guard that read, so it is tested here even if an operand
/// carries it.
void EinsumMaker::keepGuards() {
  bool isGuard = false;
  for (Conjunct &conjunct : llvm::reverse(conjuncts)) {
    conjunct.isCarried &= !isGuard;
    if (!conjunct.isCarried)
      walk(const_cast<Term *>(conjunct.term), [&](const Term *term) { isGuard |= term->kind == TermKind::Read; });
  }
}

bool EinsumMaker::openReduction() {
  if (mapped->kind != TermKind::Reduce || mapped->reducer == ReducerKind::LogSumExp)
    return true;
  for (const BoundIndex &binder : mapped->binders) {
    StringAttr rank = kernel.rankFor(binder.name, binder.extent, iterators);
    if (!rank)
      return false;
    iterators.push_back({binder.name, rank});
  }
  for (const Term *conjunct : conjunctsOf(mapped->condition))
    conjuncts.push_back({conjunct});
  reducer = mapped->reducer;
  mapped = mapped->args[0];
  return true;
}

/// The innermost binding of an index: reduced ones shadow those on the left.
std::optional<unsigned> EinsumMaker::iteratorOf(StringRef index) const {
  for (unsigned i = iterators.size(); i-- > 0;)
    if (iterators[i].index == index)
      return i;
  return std::nullopt;
}

//===-- collecting ---------------------------------------------------------------------------------------------------

bool EinsumMaker::collect(const Term *term, bool isStrict) {
  switch (term->kind) {
  case TermKind::Read:
    return collectRead(term);
  case TermKind::Index:
    return collectPoint(term);
  case TermKind::Extent:
  case TermKind::Scalar:
    if (!kernel.evaluate(term) && term->type == TypeClass::Int)
      kernel.positionValue(term);
    return true;
  case TermKind::Map:
    return collectMap(term, isStrict);
  case TermKind::Convert:
    return collect(term->args[0], isStrict);
  case TermKind::Else:
    return collectElse(term, isStrict);
  case TermKind::If:
    if (isStrict) {
      for (const Term *conjunct : conjunctsOf(term->args[1]))
        conjuncts.push_back({conjunct});
      replacements[term] = term->args[0];
      return collect(term->args[0], isStrict);
    }
    [[fallthrough]];
  case TermKind::Reduce:
  case TermKind::Select:
    return makeOutside(term, isStrict).has_value();
  case TermKind::In: // false where an operand is absent (R11)
    return collect(term->args[0], /*isStrict=*/false) && collect(term->args[1], /*isStrict=*/false);
  default:
    return llvm::all_of(term->args, [&](const Term *arg) { return collect(arg, isStrict); });
  }
}

bool EinsumMaker::collectMap(const Term *term, bool isStrict) {
  bool choosesOperands = term->op == MapOp::Select || term->op == MapOp::And || term->op == MapOp::Or;
  bool isComparison = term->op >= MapOp::Less && term->op <= MapOp::NotEqual; // false where an operand is absent (R11)
  bool complete = true;
  for (auto [i, arg] : llvm::enumerate(term->args))
    complete = complete && collect(arg, isStrict && !isComparison && (i == 0 || !choosesOperands));
  return complete;
}

/// `else` a constant is an Einsum of its own; else another value is chosen by the condition where only that decides,
/// and by the absence of the first otherwise.
bool EinsumMaker::collectElse(const Term *term, bool isStrict) {
  if (kernel.constantAttr(term->args[1], kernel.builder.getF64Type()))
    return makeOutside(term, isStrict).has_value();
  const Term *first = term->args[0];
  if (first->kind != TermKind::If || kernel.isPartial(first->args[0]))
    return collect(first, /*isStrict=*/false) && collect(term->args[1], /*isStrict=*/false);
  TermBuilder build(kernel.program);
  build.site = term->site;
  Term *select = build.map(MapOp::Select, term->loc, {first->args[1], first->args[0], term->args[1]});
  select->type = term->type;
  replacements[term] = select;
  return collect(select, isStrict);
}

bool EinsumMaker::collectPoint(const Term *term) {
  unsigned iterator = *iteratorOf(term->name);
  if (!llvm::is_contained(points, iterator))
    points.push_back(iterator);
  return true;
}

bool EinsumMaker::collectRead(const Term *term) {
  SmallVector<AffineExpr> positions;
  for (const Term *subscript : term->args) {
    positions.push_back(position(subscript));
    if (!positions.back())
      return false;
  }
  Value tensor = kernel.valueOf(term);
  if (!tensor) {
    kernel.notLowered(term->loc, "reading '" + term->tensor->name + "' before it is written");
    return false;
  }
  std::optional<unsigned> operand = addOperand(tensor, storedPositions(tensor, *term->tensor, positions));
  if (operand)
    operandOf[term] = *operand;
  return operand.has_value();
}

/// A dimension of an argument that holds a product of ranks is read at `outer * extent + inner`.
SmallVector<AffineExpr> EinsumMaker::storedPositions(Value value, const Tensor &tensor,
                                                     ArrayRef<AffineExpr> positions) {
  SmallVector<AffineExpr> stored;
  if (!isa<BlockArgument>(value) || tensor.role != TensorRole::Argument)
    return SmallVector<AffineExpr>(positions);
  unsigned next = 0;
  for (ArrayRef<StringRef> dim : tensor.dims) {
    AffineExpr expr;
    for (unsigned factor = 0; factor < dim.size(); ++factor, ++next)
      expr = expr ? expr * symbol(tensor.extents[next]) + positions[next] : positions[next];
    stored.push_back(expr);
  }
  return stored;
}

std::optional<unsigned> EinsumMaker::addOperand(Value tensor, ArrayRef<AffineExpr> positions) {
  if (!tensor)
    return std::nullopt;
  for (auto [number, operand] : llvm::enumerate(operands))
    if (operand == tensor && ArrayRef<AffineExpr>(indices[number]) == positions)
      return number;
  operands.push_back(tensor);
  indices.emplace_back(positions);
  return operands.size() - 1;
}

std::optional<unsigned> EinsumMaker::makeOutside(const Term *term, bool isStrict) {
  if (auto found = operandOf.find(term); found != operandOf.end())
    return found->second;
  IndexSet mentioned = freeIndices(term);
  EinsumRequest outside{term,
                        {},
                        {},
                        {},
                        request.name + "." +
                            (term->kind == TermKind::Reduce   ? spell(term->reducer).str()
                             : term->kind == TermKind::Select ? spell(term->selection).str()
                                                              : "part")};
  SmallVector<AffineExpr> positions;
  for (auto [number, iterator] : llvm::enumerate(iterators))
    if (mentioned.contains(iterator.index) && iteratorOf(iterator.index) == number) {
      outside.left.push_back(iterator);
      positions.push_back(getAffineDimExpr(number, &kernel.context));
    }
  // A condition over these indices must hold before the term reads anything (R8, R11).
  for (Conjunct &conjunct : conjuncts) {
    IndexSet needed = freeIndices(conjunct.term);
    if (llvm::all_of(needed, [&](StringRef index) { return mentioned.contains(index); }) && !needed.empty()) {
      outside.conjuncts.push_back(conjunct.term);
      // An operand with `else` has a value where the condition fails.
      conjunct.isCarried |= isStrict && term->kind != TermKind::Else && !request.otherwise;
    }
  }
  if (term->kind == TermKind::Else)
    outside.conjuncts.clear();
  std::optional<unsigned> operand = addOperand(kernel.emitEinsum(outside), positions);
  if (operand)
    operandOf[term] = *operand;
  return operand;
}

//===-- positions ----------------------------------------------------------------------------------------------------

AffineExpr EinsumMaker::symbol(const Term *term) {
  if (std::optional<int64_t> constant = kernel.evaluate(term))
    return getAffineConstantExpr(*constant, &kernel.context);
  Value value = kernel.positionValue(term);
  auto *found = llvm::find(symbols, value);
  unsigned number = found - symbols.begin();
  if (found == symbols.end())
    symbols.push_back(value);
  return getAffineSymbolExpr(number, &kernel.context);
}

AffineExpr EinsumMaker::gather(unsigned operand) {
  auto *found = llvm::find(gathers, int64_t(operand));
  unsigned number = found - gathers.begin();
  if (found == gathers.end())
    gathers.push_back(operand);
  return getAffineDimExpr(iterators.size() + number, &kernel.context);
}

/// A position in a tensor: affine, or an element of an integer tensor, made for the purpose if need be.
AffineExpr EinsumMaker::position(const Term *term) {
  if (AffineExpr expr = affine(term))
    return expr;
  std::optional<unsigned> operand = makeOutside(term, /*isStrict=*/false);
  return operand ? gather(*operand) : AffineExpr();
}

/// Null where the term is not affine.
AffineExpr EinsumMaker::affine(const Term *term) {
  if (std::optional<int64_t> constant = kernel.evaluate(term))
    return getAffineConstantExpr(*constant, &kernel.context);
  switch (term->kind) {
  case TermKind::Index:
    return getAffineDimExpr(*iteratorOf(term->name), &kernel.context);
  case TermKind::Extent:
  case TermKind::Scalar:
    return symbol(term);
  case TermKind::Read:
    return collectRead(term) ? gather(operandOf[term]) : AffineExpr();
  case TermKind::Map:
    break;
  default:
    return {};
  }
  if (term->op > MapOp::Neg)
    return {};
  AffineExpr a = affine(term->args[0]);
  if (!a || term->op == MapOp::Neg)
    return a ? -a : a;
  AffineExpr b = affine(term->args[1]);
  if (!b)
    return {};
  switch (term->op) {
  case MapOp::Add:
    return a + b;
  case MapOp::Sub:
    return a - b;
  case MapOp::Mul:
    return a.isSymbolicOrConstant() || b.isSymbolicOrConstant() ? a * b : AffineExpr();
  default:
    if (!b.isSymbolicOrConstant())
      return {};
    return getAffineBinaryOpExpr(term->op == MapOp::Div ? AffineExprKind::FloorDiv : AffineExprKind::Mod, a, b);
  }
}

//===-- building -----------------------------------------------------------------------------------------------------

Value EinsumMaker::leaf(OpBuilder &builder, const Term *term, ValueRange args) {
  if (auto operand = operandOf.find(term); operand != operandOf.end())
    return args[operand->second];
  if (auto replaced = replacements.find(term); replaced != replacements.end())
    return emitScalar(builder, replaced->second, args);
  if (term->kind == TermKind::Else)
    return nullptr;
  if (term->kind == TermKind::Index)
    return args[operands.size() + (llvm::find(points, *iteratorOf(term->name)) - points.begin())];
  if (std::optional<int64_t> constant = kernel.evaluate(term))
    return arith::ConstantIndexOp::create(builder, kernel.locate(term), *constant);
  return term->type == TypeClass::Int ? kernel.positionValue(term) : kernel.scalars.lookup(term->scalar);
}

Value EinsumMaker::emitScalar(OpBuilder &builder, const Term *term, ValueRange args, bool isConjunct) {
  auto leafOf = [&](OpBuilder &b, const Term *inner) { return leaf(b, inner, args); };
  ScalarEmitter::Context context = kernel.scalarContext();
  ScalarEmitter emitter(builder, leafOf, context);
  return isConjunct ? emitter.emitConjunct(term) : emitter.emit(term);
}

/// The type that the map yields, found by emitting it once into a block that is thrown away.
Type EinsumMaker::mappedType() {
  Block scratch;
  for (Value operand : operands)
    scratch.addArgument(cast<RankedTensorType>(operand.getType()).getElementType(), operand.getLoc());
  for (size_t i = 0; i < points.size(); ++i)
    scratch.addArgument(kernel.builder.getIndexType(), kernel.builder.getUnknownLoc());
  OpBuilder builder(&kernel.context);
  builder.setInsertionPointToEnd(&scratch);
  Type type = emitScalar(builder, mapped, scratch.getArguments()).getType();
  if (type.isIndex())
    type = reducer == ReducerKind::Mean ? Type(builder.getF32Type()) : Type(builder.getI64Type());
  scratch.dropAllUses();
  while (!scratch.empty()) // users first
    scratch.back().erase();
  return type;
}

/// A constant of `else` in the type of the values it stands for.
static TypedAttr convertConstant(TypedAttr constant, Type type) {
  auto number = dyn_cast<FloatAttr>(constant);
  if (!number)
    return constant;
  if (!isa<FloatType>(type))
    return IntegerAttr::get(type, int64_t(number.getValueAsDouble()));
  APFloat value = number.getValue();
  bool losesInfo;
  value.convert(cast<FloatType>(type).getFloatSemantics(), APFloat::rmNearestTiesToEven, &losesInfo);
  return FloatAttr::get(type, value);
}

Value EinsumMaker::build() {
  EinsumSpec spec;
  Type element = mappedType();
  for (const Iterator &iterator : iterators)
    spec.iterators.push_back(iterator.rank);
  spec.result = kernel.typeOf(request.left, element);
  spec.inputs = operands;
  spec.symbols = symbols;
  spec.gathers = gathers;
  spec.points = points;
  for (ArrayRef<AffineExpr> exprs : indices)
    spec.maps.push_back(AffineMap::get(iterators.size() + gathers.size(), symbols.size(), exprs, &kernel.context));
  if (reducer)
    spec.reducer = ReducerAttr::get(&kernel.context, kernel.string(spell(*reducer)));
  if (request.otherwise)
    spec.otherwise = convertConstant(request.otherwise, element);
  spec.name = kernel.string(request.name);
  llvm::erase_if(conjuncts, [](const Conjunct &conjunct) { return conjunct.isCarried; });
  auto where = [&](OpBuilder &b, Location loc, ValueRange args) {
    SmallVector<Value> values;
    for (const Conjunct &conjunct : conjuncts)
      values.push_back(emitScalar(b, conjunct.term, args, /*isConjunct=*/true));
    YieldOp::create(b, loc, values);
  };
  auto map = [&](OpBuilder &b, Location loc, ValueRange args) {
    Value value = emitScalar(b, mapped, args);
    YieldOp::create(b, loc, ScalarEmitter::store(b, loc, value, element));
  };
  using Fill = llvm::function_ref<void(OpBuilder &, Location, ValueRange)>;
  Fill noWhere;
  return EinsumOp::create(kernel.builder, kernel.locate(request.value), spec, conjuncts.empty() ? noWhere : Fill(where),
                          map);
}

} // namespace attn::spec

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A kernel's ranks, signature, scalar defaults and preconditions.
#include "compiler/spec/KernelEmitter.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/ADT/StringSwitch.h"

using namespace mlir;

namespace attn::spec {

KernelEmitter::KernelEmitter(Program &program, Kernel &kernel, const EmitOptions &options, MLIRContext &context,
                             Diagnostics &diagnostics)
    : program(program), kernel(kernel), options(options), context(context), diagnostics(diagnostics), builder(&context),
      locateFn([this](const Term *term) { return locate(term); }),
      isMaximumFn([this](const Term *term) { return isMaximum(term); }),
      elementTypeFn([this](const ElementType &type) { return elementType(type); }),
      isPartialFn([this](const Term *term) { return isPartial(term); }) {
  for (const Equation &equation : kernel.equations)
    equations[equation.tensor].push_back(&equation);
}

std::nullptr_t KernelEmitter::notLowered(Loc loc, const llvm::Twine &construct) {
  diagnostics.error(loc, construct + " is not lowered yet");
  return nullptr;
}

ScalarEmitter::Context KernelEmitter::scalarContext() { return {locateFn, isMaximumFn, elementTypeFn, isPartialFn}; }

Location KernelEmitter::locate(Loc loc, const CallSite *site) const {
  const Source &source = diagnostics.source(loc.file);
  LineColumn at = source.lineColumn(loc.offset);
  Location here = FileLineColLoc::get(&context, source.getName(), at.line, at.column);
  return site ? Location(CallSiteLoc::get(here, locate(site->loc, site->parent))) : here;
}

bool KernelEmitter::emit(ModuleOp module) {
  if (!checkLowered(kernel, diagnostics) || !checkOptions() || !addRanks())
    return false;
  KernelOp op = makeKernel(module);
  emitDefaults(op);
  emitRequirements();
  if (!emitEquations())
    return false;
  emitYield(op);
  op.setRanksAttr(rankList());
  return true;
}

//===-- what is chosen at compile time -------------------------------------------------------------------------------

static Type typeNamed(Builder &b, StringRef name) {
  return llvm::StringSwitch<Type>(name)
      .Case("f16", b.getF16Type())
      .Case("bf16", b.getBF16Type())
      .Case("f32", b.getF32Type())
      .Case("f64", b.getF64Type())
      .Default(Type());
}

bool KernelEmitter::checkOptions() {
  bool valid = true;
  for (StringRef param : kernel.typeParams)
    if (auto chosen = options.types.find(param.str());
        chosen != options.types.end() && !typeNamed(builder, chosen->second)) {
      diagnostics.error(kernel.loc,
                        "type '" + chosen->second + "' chosen for '" + param + "' is none of f16 bf16 f32 f64");
      valid = false;
    }
  for (const auto &scalar : kernel.scalars) {
    if (!scalar->isConst)
      continue;
    auto bound = options.bound.find(scalar->name.str());
    std::optional<int64_t> value = bound != options.bound.end() ? std::optional(bound->second)
                                   : scalar->init               ? evaluate(scalar->init)
                                                                : std::nullopt;
    if (value)
      constants[scalar.get()] = *value;
    else
      diagnostics.error(scalar->loc, "const '" + scalar->name + "' has no value").help =
          "bind it: --bind " + scalar->name.str() + "=...";
    valid &= value.has_value();
  }
  return valid;
}

Type KernelEmitter::elementType(const ElementType &type) const {
  Builder b(&context);
  switch (type.kind) {
  case Element::F16:
    return b.getF16Type();
  case Element::BF16:
    return b.getBF16Type();
  case Element::F64:
    return b.getF64Type();
  case Element::I8:
    return b.getI8Type();
  case Element::U8:
    return b.getIntegerType(8, /*isSigned=*/false);
  case Element::I32:
    return b.getI32Type();
  case Element::I64:
    return b.getI64Type();
  case Element::Bool:
    return b.getI1Type();
  case Element::Param: {
    auto chosen = options.types.find(type.param.str());
    return chosen == options.types.end() ? Type(b.getF32Type()) : typeNamed(b, chosen->second);
  }
  default:
    return b.getF32Type();
  }
}

static int64_t floorDiv(int64_t a, int64_t b) { return b ? a / b - (a % b && (a < 0) != (b < 0)) : 0; }

std::optional<int64_t> KernelEmitter::evaluate(const Term *term) const {
  SmallVector<int64_t> args;
  for (const Term *arg : term->args) {
    std::optional<int64_t> value = evaluate(arg);
    if (!value)
      return std::nullopt;
    args.push_back(*value);
  }
  switch (term->kind) {
  case TermKind::Int:
    return term->integer;
  case TermKind::Scalar: {
    auto found = constants.find(term->scalar);
    return found == constants.end() ? std::nullopt : std::optional(found->second);
  }
  case TermKind::Extent: {
    auto rank = ranks.find(term->name);
    return rank == ranks.end() ? std::nullopt : rank->second.getConstantExtent();
  }
  case TermKind::Map:
    switch (term->op) {
    case MapOp::Add:
      return args[0] + args[1];
    case MapOp::Sub:
      return args[0] - args[1];
    case MapOp::Mul:
      return args[0] * args[1];
    case MapOp::Div:
      return floorDiv(args[0], args[1]);
    case MapOp::Mod:
      return args[1] ? args[0] - args[1] * floorDiv(args[0], args[1]) : 0;
    case MapOp::Neg:
      return -args[0];
    default:
      return std::nullopt;
    }
  default:
    return std::nullopt;
  }
}

//===-- ranks --------------------------------------------------------------------------------------------------------

bool KernelEmitter::addRanks() {
  for (const Tensor *argument : kernel.arguments)
    for (StringRef name : argument->ranks) {
      auto bound = options.bound.find(extentName(name));
      AffineMap extent =
          bound == options.bound.end() ? AffineMap() : AffineMap::getConstantMap(bound->second, &context);
      const RankDecl *decl = kernel.declaredRank(name);
      bool isSolved = !decl || !decl->over.empty(); // a ragged rank has the room that the argument has
      if (isSolved && ranks.insert({name, RankAttr::get(&context, string(name), extent, {}, {})}).second)
        rankExtents[name] = extentName(name);
    }
  bool complete = true;
  for (const RankDecl &decl : kernel.ranks) {
    if (!decl.over.empty())
      continue;
    complete &= addRank(decl.name, decl.extent);
    rankExtents[decl.name] = extentName(decl.name);
  }
  for (const auto &tensor : kernel.tensors)
    if (tensor->capacity)
      complete &= addRank(capacityRank(*tensor).getValue(), tensor->capacity);
  return complete;
}

bool KernelEmitter::addRank(StringRef name, const Term *extent) {
  SmallVector<StringAttr> ofRanks, ofScalars;
  AffineExpr expr = extentExpr(extent, ofRanks, ofScalars);
  if (!expr)
    return notLowered(extent->loc, "extent " + print(extent) + " of rank '" + name + "'"), false;
  // The symbols of scalars follow those of ranks; extentExpr numbers them from the end of a range no kernel fills.
  SmallVector<AffineExpr> symbols;
  for (unsigned i = 0; i < ofRanks.size(); ++i)
    symbols.push_back(getAffineSymbolExpr(i, &context));
  SmallVector<AffineExpr> dims;
  for (unsigned i = 0; i < ofScalars.size(); ++i)
    dims.push_back(getAffineSymbolExpr(ofRanks.size() + i, &context));
  expr = expr.replaceDimsAndSymbols(dims, symbols);
  AffineMap map = AffineMap::get(0, ofRanks.size() + ofScalars.size(), expr);
  if (std::optional<int64_t> constant = evaluate(extent)) {
    map = AffineMap::getConstantMap(*constant, &context);
    ofRanks.clear();
    ofScalars.clear();
  }
  rankExtents[name] = print(extent);
  ranks.insert({name, RankAttr::get(&context, string(name), map, ofRanks, ofScalars)});
  return true;
}

/// Extents of ranks as symbols, scalars as dimensions (addRank renumbers them); null where the expression is not
/// affine.
AffineExpr KernelEmitter::extentExpr(const Term *term, SmallVectorImpl<StringAttr> &ofRanks,
                                     SmallVectorImpl<StringAttr> &ofScalars) {
  auto number = [&](SmallVectorImpl<StringAttr> &list, StringRef name) {
    auto *found = llvm::find(list, string(name));
    if (found == list.end())
      return list.push_back(string(name)), unsigned(list.size() - 1);
    return unsigned(found - list.begin());
  };
  if (std::optional<int64_t> constant = evaluate(term))
    return getAffineConstantExpr(*constant, &context);
  if (term->kind == TermKind::Extent && ranks.count(term->name))
    return getAffineSymbolExpr(number(ofRanks, term->name), &context);
  if (term->kind == TermKind::Scalar && term->type == TypeClass::Int)
    return getAffineDimExpr(number(ofScalars, term->scalar->name), &context);
  if (term->kind != TermKind::Map || term->op > MapOp::Neg)
    return {};
  AffineExpr a = extentExpr(term->args[0], ofRanks, ofScalars);
  if (!a || term->op == MapOp::Neg)
    return a ? -a : a;
  AffineExpr b = extentExpr(term->args[1], ofRanks, ofScalars);
  if (!b)
    return {};
  auto isUniform = [](AffineExpr expr) { return expr.isSymbolicOrConstant(); };
  switch (term->op) {
  case MapOp::Add:
    return a + b;
  case MapOp::Sub:
    return a - b;
  case MapOp::Mul:
    return isUniform(a) || isUniform(b) ? a * b : AffineExpr();
  case MapOp::Div:
    return getAffineBinaryOpExpr(AffineExprKind::FloorDiv, a, b);
  default:
    return getAffineBinaryOpExpr(AffineExprKind::Mod, a, b);
  }
}

ArrayAttr KernelEmitter::rankList() {
  SmallVector<Attribute> list;
  for (auto &[name, rank] : ranks)
    list.push_back(rank);
  return ArrayAttr::get(&context, list);
}

//===-- signature ----------------------------------------------------------------------------------------------------

static SmallVector<StringAttr> dimensionNames(const Tensor &tensor, MLIRContext &context) {
  SmallVector<StringAttr> names;
  for (ArrayRef<StringRef> dim : tensor.dims)
    names.push_back(StringAttr::get(&context, llvm::join(dim, "*")));
  return names;
}

/// With #attn.ranks; a product of bound ranks is static.
static RankedTensorType parameterType(const Tensor &tensor, Type element,
                                      const llvm::MapVector<StringRef, RankAttr> &ranks) {
  SmallVector<int64_t> shape;
  for (ArrayRef<StringRef> dim : tensor.dims) {
    int64_t size = 1;
    for (StringRef factor : dim) {
      std::optional<int64_t> extent = ranks.find(factor)->second.getConstantExtent();
      size = extent && size != ShapedType::kDynamic ? size * *extent : ShapedType::kDynamic;
    }
    shape.push_back(size);
  }
  MLIRContext &context = *element.getContext();
  return RankedTensorType::get(shape, element, RanksAttr::get(&context, dimensionNames(tensor, context)));
}

/// The rank of the members' places in the list of an argument or result.
StringAttr KernelEmitter::capacityRank(const Tensor &tensor) { return string((tensor.name + ".cap").str()); }

Type KernelEmitter::storedType(const Tensor &tensor) const {
  return tensor.isSet ? Type(IndexSetType::get(&context, tensor.members.size())) : elementType(tensor.type);
}

DictionaryAttr KernelEmitter::parameterAttrs(const Tensor &tensor, TypedAttr pad) {
  NamedAttrList list;
  list.append(KernelOp::kNameAttr, string(tensor.name));
  if (pad)
    list.append(KernelOp::kPadAttr, pad);
  if (tensor.isOptional)
    list.append(KernelOp::kOptionalAttr, builder.getUnitAttr());
  if (tensor.isSet) {
    list.append(KernelOp::kCapacityAttr, capacityRank(tensor));
    list.append(KernelOp::kMembersAttr, builder.getStrArrayAttr(tensor.members));
  }
  return list.getDictionary(&context);
}

KernelOp KernelEmitter::makeKernel(ModuleOp module) {
  SmallVector<Type> inputs, results;
  SmallVector<Attribute> inputAttrs, resultAttrs;
  SmallVector<Location> locs;
  for (auto [tensor, scalar] : kernel.parameters) {
    if (scalar && constants.count(scalar))
      continue;
    inputs.push_back(tensor ? Type(parameterType(*tensor, storedType(*tensor), ranks)) : elementType(scalar->type));
    NamedAttrList attributes = tensor ? NamedAttrList(parameterAttrs(*tensor, {}))
                                      : NamedAttrList(builder.getNamedAttr(KernelOp::kNameAttr, string(scalar->name)));
    if (tensor && tensor->isInout)
      attributes.append(KernelOp::kInoutAttr, builder.getUnitAttr());
    inputAttrs.push_back(attributes.getDictionary(&context));
    locs.push_back(locate(tensor ? tensor->loc : scalar->loc, nullptr));
  }
  for (const Tensor *result : yielded()) {
    for (auto [rank, extent] : llvm::zip(result->ranks, result->extents))
      if (!ranks.count(rank))
        addRank(rank, extent);
    results.push_back(parameterType(*result, storedType(*result), ranks));
    bool isLog = !result->isInout &&
                 llvm::all_of(equations[result], [](const Equation *equation) { return isLogSumExp(equation->rhs); });
    TypedAttr pad;
    if (auto type = dyn_cast<FloatType>(elementType(result->type)); type && isLog)
      pad = FloatAttr::get(type, APFloat::getInf(type.getFloatSemantics(), /*Negative=*/true));
    resultAttrs.push_back(parameterAttrs(*result, pad));
  }
  builder.setInsertionPointToEnd(module.getBody());
  auto op = KernelOp::create(builder, locate(kernel.loc, nullptr), string(kernel.name),
                             TypeAttr::get(builder.getFunctionType(inputs, results)), rankList(),
                             builder.getArrayAttr(inputAttrs), builder.getArrayAttr(resultAttrs));
  builder.createBlock(&op.getBody(), {}, inputs, locs);
  return op;
}

SmallVector<const Tensor *> KernelEmitter::yielded() const {
  SmallVector<const Tensor *> all(kernel.results.begin(), kernel.results.end());
  llvm::copy_if(kernel.arguments, std::back_inserter(all), [](const Tensor *tensor) { return tensor->isInout; });
  return all;
}

void KernelEmitter::emitYield(KernelOp op) {
  SmallVector<Value> values;
  for (const Tensor *result : yielded())
    values.push_back(tensors[result]);
  YieldOp::create(builder, op.getLoc(), values);
}

//===-- scalars ------------------------------------------------------------------------------------------------------

/// Extents and scalars inside any region.
Value KernelEmitter::scalarLeaf(OpBuilder &b, const Term *term) {
  if (std::optional<int64_t> constant = evaluate(term))
    return arith::ConstantIndexOp::create(b, locate(term), *constant);
  if (term->kind == TermKind::Extent)
    return ExtentOp::create(b, locate(term), term->name);
  return scalars.lookup(term->scalar);
}

void KernelEmitter::emitDefaults(KernelOp op) {
  unsigned number = 0;
  for (auto [tensor, scalar] : kernel.parameters) {
    if (scalar && constants.count(scalar))
      continue;
    Value argument = op.getBody().getArgument(number++);
    if (tensor) {
      (tensor->isInout ? olds : tensors)[tensor] = argument;
      if (tensor->isOptional)
        partial.insert(tensor);
      continue;
    }
    scalars[scalar] = argument;
    if (!scalar->init)
      continue;
    auto leaf = [&](OpBuilder &b, const Term *term) { return scalarLeaf(b, term); };
    Location loc = locate(scalar->loc, nullptr);
    auto value = DefaultOp::create(builder, loc, argument.getType(), argument);
    OpBuilder::InsertionGuard guard(builder);
    builder.createBlock(&value.getBody());
    ScalarEmitter::Context scalarContext = this->scalarContext();
    Value chosen = ScalarEmitter(builder, leaf, scalarContext).emit(scalar->init);
    YieldOp::create(builder, loc, ScalarEmitter::store(builder, loc, chosen, argument.getType()));
    scalars[scalar] = value.getResult();
  }
}

void KernelEmitter::emitRequirements() {
  for (const Requirement &requirement : kernel.requirements)
    emitRequirement(requirement);
}

void KernelEmitter::emitRequirement(const Requirement &requirement) {
  const Term *condition = requirement.condition;
  std::string text =
      condition->begin == condition->end
          ? print(condition)
          : diagnostics.source(condition->loc.file).getText().slice(condition->begin, condition->end).str();
  Location loc = locate(requirement.loc, nullptr);
  auto op = RequireOp::create(builder, loc, string(text));
  OpBuilder::InsertionGuard guard(builder);
  builder.createBlock(&op.getBody());
  auto leaf = [&](OpBuilder &b, const Term *term) { return scalarLeaf(b, term); };
  ScalarEmitter::Context scalarContext = this->scalarContext();
  YieldOp::create(builder, loc, ScalarEmitter(builder, leaf, scalarContext).emit(condition));
}

/// In front of the loops that are open, so that all that follows may use what is made here.
static void leaveLoops(OpBuilder &builder) {
  while (auto loop = dyn_cast<IterateOp>(builder.getInsertionBlock()->getParentOp()))
    builder.setInsertionPoint(loop);
}

Value KernelEmitter::extentValue(StringRef rank) {
  Value &value = extents[rank];
  if (value)
    return value;
  OpBuilder::InsertionGuard guard(builder);
  leaveLoops(builder);
  return value = ExtentOp::create(builder, builder.getUnknownLoc(), rank);
}

/// An integer scalar or an extent as an index value, made once before the first Einsum that uses it.
Value KernelEmitter::positionValue(const Term *term) {
  if (term->kind == TermKind::Extent)
    return extentValue(term->name);
  Value &value = positions[term->scalar];
  if (value)
    return value;
  OpBuilder::InsertionGuard guard(builder);
  leaveLoops(builder);
  return value = ScalarEmitter::extend(builder, locate(term->scalar->loc, nullptr), scalars.lookup(term->scalar));
}

} // namespace attn::spec

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// R1: what a name is follows from where it stands. A function returns null after it has reported an error; its callers
// go on with the other operands, so that each error of an equation is reported once.
#include "compiler/spec/Resolve.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSwitch.h"

using namespace llvm;

namespace attn::spec {

static bool isLower(StringRef name) {
  return none_of(name, [](char c) { return c >= 'A' && c <= 'Z'; });
}
static bool isUpper(StringRef name) {
  return none_of(name, [](char c) { return c >= 'a' && c <= 'z'; });
}

static Element elementNamed(StringRef name) {
  return StringSwitch<Element>(name)
      .Case("f16", Element::F16)
      .Case("bf16", Element::BF16)
      .Case("f32", Element::F32)
      .Case("f64", Element::F64)
      .Case("f8e4m3", Element::F8E4M3)
      .Case("f8e5m2", Element::F8E5M2)
      .Case("i8", Element::I8)
      .Case("u8", Element::U8)
      .Case("i32", Element::I32)
      .Cases({"i64", "int"}, Element::I64)
      .Case("bool", Element::Bool)
      .Default(Element::Inferred);
}

ElementType Resolver::elementType(const Ident &type) {
  if (!type)
    return {};
  if (is_contained(kernel.typeParams, type.name))
    return {Element::Param, type.name};
  Element kind = elementNamed(type.name);
  if (kind == Element::Inferred)
    diagnostics.error(type.loc, "unknown element type '" + type.name + "'").help =
        "the types are f16 bf16 f32 f64 f8e4m3 f8e5m2 i8 u8 i32 i64 bool, and the kernel's own: kernel name<T>";
  return {kind, {}};
}

bool Resolver::isExtentName(StringRef name) const {
  if (!isUpper(name))
    return false;
  std::string rank = name.lower();
  return argumentRanks.count(rank) || kernel.declaredRank(rank);
}

Term *Resolver::unknownName(const Expr *expr, Scope &scope) {
  Diagnostic &error = diagnostics.error(expr->loc, "unknown name '" + expr->name + "'");
  if (scope.def) {
    error.help = "a def knows its parameters, its own equations and its rank parameters";
    return nullptr;
  }
  SmallVector<StringRef> known;
  for (const auto &entry : names)
    known.push_back(entry.first());
  sort(known);
  if (isUpper(expr->name) && !expr->name.empty())
    error.help = "no argument has a rank '" + expr->name.lower() + "', and none is declared";
  else if (known.size() <= 12)
    error.help = "known here: " + join(known, " ");
  return nullptr;
}

bool Resolver::resolveAll(ArrayRef<Expr *> exprs, Scope &scope, SmallVectorImpl<Term *> &terms) {
  bool complete = true;
  for (const Expr *expr : exprs) {
    Term *term = resolve(expr, scope);
    complete &= term != nullptr;
    terms.push_back(term);
  }
  return complete;
}

Term *Resolver::resolve(const Expr *expr, Scope &scope) {
  Term *term = resolveNode(expr, scope);
  if (term && term->begin == term->end) {
    term->begin = expr->begin;
    term->end = expr->end;
  }
  return term;
}

Term *Resolver::resolveNode(const Expr *expr, Scope &scope) {
  auto constant = [&](TermKind kind, double number) {
    Term *term = build.make(kind, expr->loc);
    term->integer = expr->integer;
    term->number = number;
    return term;
  };
  SmallVector<Term *> args;
  switch (expr->kind) {
  case ExprKind::Int:
    return constant(TermKind::Int, 0);
  case ExprKind::Float:
    return constant(TermKind::Float, expr->number);
  case ExprKind::Bool:
    return constant(TermKind::Bool, 0);
  case ExprKind::Inf:
    return constant(TermKind::Float, std::numeric_limits<double>::infinity());
  case ExprKind::Pi:
    return constant(TermKind::Float, 3.14159265358979323846);
  case ExprKind::Name:
    return scope.def ? resolveNameInDef(expr, scope) : resolveName(expr, scope);
  case ExprKind::Index:
    return resolveIndex(expr, scope);
  case ExprKind::Call:
    return resolveCall(expr, scope);
  case ExprKind::Member:
    return resolveMember(expr, scope);
  case ExprKind::Binary:
    return resolveBinary(expr, scope);
  case ExprKind::Reduce:
  case ExprKind::Select:
    return resolveReduce(expr, scope);
  case ExprKind::Negate:
    return resolveAll(expr->operands, scope, args) ? build.map(MapOp::Neg, expr->loc, args) : nullptr;
  case ExprKind::Not:
    return resolveAll(expr->operands, scope, args) ? build.map(MapOp::Not, expr->loc, args) : nullptr;
  case ExprKind::If:
    return resolveAll(expr->operands, scope, args) ? build.make(TermKind::If, expr->loc, args) : nullptr;
  case ExprKind::Else:
    return resolveAll(expr->operands, scope, args) ? build.make(TermKind::Else, expr->loc, args) : nullptr;
  case ExprKind::Tuple:
    return resolveAll(expr->operands, scope, args) ? build.make(TermKind::Tuple, expr->loc, args) : nullptr;
  }
  llvm_unreachable("all kinds are handled");
}

Term *Resolver::resolveBinary(const Expr *expr, Scope &scope) {
  static constexpr MapOp ops[] = {MapOp::Add,      MapOp::Sub,       MapOp::Mul,     MapOp::Div,          MapOp::Mod,
                                  MapOp::Less,     MapOp::LessEqual, MapOp::Greater, MapOp::GreaterEqual, MapOp::Equal,
                                  MapOp::NotEqual, MapOp::And,       MapOp::Or};
  SmallVector<Term *> args;
  if (!resolveAll(expr->operands, scope, args))
    return nullptr;
  if (expr->op == BinaryOp::In)
    return build.make(TermKind::In, expr->loc, args);
  return build.map(ops[static_cast<size_t>(expr->op)], expr->loc, args);
}

//===-- names --------------------------------------------------------------------------------------------------------

static Term *boundIndex(const Expr *expr, const Scope &scope, TermBuilder &build, bool &isPack) {
  for (const Scope::Bound &bound : reverse(scope.bound))
    if (bound.written == expr->name) {
      isPack = bound.indices.size() != 1;
      return build.index(bound.indices.front().name, expr->loc);
    }
  return nullptr;
}

Term *Resolver::resolveName(const Expr *expr, Scope &scope) {
  if (auto scalar = scalars.find(expr->name); scalar != scalars.end()) {
    Term *term = build.make(TermKind::Scalar, expr->loc);
    term->scalar = scalar->second;
    return term;
  }
  if (auto found = tensors.find(expr->name); found != tensors.end()) {
    Tensor &tensor = *found->second;
    if (scope.isUniform)
      return diagnostics.error(expr->loc,
                               "tensor '" + expr->name +
                                   "' cannot be read here: extents, defaults and preconditions are functions "
                                   "of extents and scalar arguments"),
             nullptr;
    if (tensor.isBroken)
      return nullptr;
    if (is_contained(tensor.ranks, StringRef()))
      return diagnostics.error(expr->loc,
                               "'" + expr->name + "' is read without indices, but no equation names them all"),
             nullptr;
    return build.readWhole(tensor, expr->loc);
  }
  bool isPack = false;
  if (Term *index = boundIndex(expr, scope, build, isPack))
    return index;
  if (scope.left.contains(expr->name))
    return build.index(expr->name, expr->loc);
  if (isExtentName(expr->name))
    return build.extent(build.save(expr->name.lower()), expr->loc);
  if (!isLower(expr->name) || scope.isUniform)
    return unknownName(expr, scope);
  return build.index(expr->name, expr->loc);
}

Term *Resolver::resolveNameInDef(const Expr *expr, Scope &scope) {
  DefInstance &def = *scope.def;
  bool isPack = false;
  Term *index = boundIndex(expr, scope, build, isPack);
  if (!index)
    if (auto pack = def.packs.find(expr->name); pack != def.packs.end()) {
      isPack = pack->second.size() != 1;
      index = build.index(pack->second.front(), expr->loc);
    }
  if (isPack)
    return diagnostics.error(expr->loc,
                             "rank parameter '" + expr->name + "' stands for several ranks here and has no value"),
           nullptr;
  if (index)
    return index;
  if (auto formal = def.formals.find(expr->name); formal != def.formals.end()) {
    if (!formal->second)
      return nullptr;
    Term *copy = build.substitute(formal->second, [](StringRef) { return nullptr; });
    copy->loc = expr->loc;
    copy->site = build.site;
    copy->begin = copy->end = 0;
    return copy;
  }
  if (auto local = def.locals.find(expr->name); local != def.locals.end())
    return local->second ? build.readWhole(*local->second, expr->loc) : nullptr;
  return unknownName(expr, scope);
}

//===-- reads --------------------------------------------------------------------------------------------------------

bool Resolver::isUseOfDef(const Expr *expr) const {
  if (expr->kind == ExprKind::Member)
    return isUseOfDef(expr->operands[0]);
  return expr->kind == ExprKind::Call && (defs.count(expr->name) || !expr->packs.empty());
}

Term *Resolver::resolveIndex(const Expr *expr, Scope &scope) {
  const Expr *base = expr->operands[0];
  if (any_of(expr->subscripts, [](const Subscript &entry) { return bool(entry.label); })) {
    if (!scope.def || base->kind != ExprKind::Name)
      return diagnostics.error(expr->subscripts[0].value->loc, "a read is re-indexed by rank name only in a def, on a "
                                                               "parameter or a name of the def"),
             nullptr;
    Term *whole = resolveNameInDef(base, scope);
    return whole ? reindex(whole, expr, scope) : nullptr;
  }
  Term *whole = nullptr;
  if (isUseOfDef(base)) {
    Tensor *tensor = useDef(base, scope);
    whole = tensor ? build.read(*tensor, {}, base->loc) : nullptr;
  } else if (base->kind == ExprKind::Name) {
    if (scope.def && (scope.def->formals.count(base->name) || scope.def->locals.count(base->name)))
      return diagnostics.error(base->loc, "in a def '" + base->name +
                                              "' is read whole, or re-indexed along a named rank ('" + base->name +
                                              "[t: t-1]')"),
             nullptr;
    auto found = tensors.find(base->name);
    if (!scope.def && scalars.count(base->name))
      return diagnostics.error(base->loc, "'" + base->name + "' is a scalar and has no indices"), nullptr;
    if (scope.def || found == tensors.end())
      return unknownName(base, scope);
    if (scope.isUniform)
      return resolveName(base, scope); // reports
    whole = found->second->isBroken ? nullptr : build.read(*found->second, {}, base->loc);
  } else {
    whole = resolve(base, scope);
  }
  return readAt(whole, expr, scope);
}

/// Reads `whole`, a tensor without indices yet or a set, at the subscripts of `expr`.
Term *Resolver::readAt(Term *whole, const Expr *expr, Scope &scope) {
  SmallVector<Term *> subscripts;
  bool complete = true;
  for (const Subscript &entry : expr->subscripts) {
    subscripts.push_back(resolve(entry.value, scope));
    complete &= subscripts.back() != nullptr;
  }
  if (!whole)
    return nullptr;
  bool isWhole = whole->kind == TermKind::Read && whole->args.empty() && !whole->tensor->ranks.empty();
  if (!isWhole && isSetTerm(whole)) {
    if (subscripts.size() != 1)
      return diagnostics.error(expr->loc, "a member of a set is read at one place, found " + Twine(subscripts.size())),
             nullptr;
    return complete ? build.make(TermKind::Place, expr->loc, {whole, subscripts[0]}) : nullptr;
  }
  if (whole->kind != TermKind::Read)
    return diagnostics.error(expr->loc, "only tensors, results of defs and sets are read with indices"), nullptr;
  Tensor &tensor = *whole->tensor;
  if (subscripts.size() != tensor.ranks.size()) {
    SmallVector<StringRef> shown;
    for (StringRef rank : tensor.ranks)
      shown.push_back(rank.empty() ? StringRef("_") : rank);
    Diagnostic &error = diagnostics.error(expr->loc, "'" + tensor.name + "' expects " + Twine(shown.size()) +
                                                         (shown.size() == 1 ? " index [" : " indices [") +
                                                         join(shown, ",") + "], found " + Twine(subscripts.size()));
    error.notes.push_back({tensor.loc, "declared here"});
    return nullptr;
  }
  if (!complete)
    return nullptr;
  Term *read = build.read(tensor, subscripts, expr->loc);
  read->isOld = whole->isOld;
  return read;
}

/// R19: `H[t: t-1]` reads H at its own rank names, except for t.
Term *Resolver::reindex(Term *base, const Expr *expr, Scope &scope) {
  StringMap<Term *> values;
  IndexSet ranks = freeIndices(base);
  for (const Subscript &entry : expr->subscripts) {
    if (!entry.label)
      return diagnostics.error(entry.value->loc, "expected 'rank: position' in a re-indexing read"), nullptr;
    StringRef rank = entry.label.name;
    if (auto pack = scope.def->packs.find(rank); pack != scope.def->packs.end()) {
      if (pack->second.size() != 1)
        return diagnostics.error(entry.label.loc, "rank parameter '" + rank +
                                                      "' stands for several ranks here and cannot be re-indexed"),
               nullptr;
      rank = pack->second.front();
    }
    bool ofRecurrence = base->kind == TermKind::Read && base->tensor->role == TensorRole::Local &&
                        is_contained(make_second_range(scope.def->locals), base->tensor);
    if (!ranks.contains(rank) && !ofRecurrence)
      return diagnostics.error(entry.label.loc, "'" + expr->operands[0]->name + "' has no rank '" + rank + "' here"),
             nullptr;
    Term *value = resolve(entry.value, scope);
    if (!value)
      return nullptr;
    values[rank] = value;
  }
  Term *read = build.substitute(base, [&](StringRef index) { return values.lookup(index); });
  read->begin = expr->begin;
  read->end = expr->end;
  // While the ranks of a recurrence are still being found, its own read brings those of the positions.
  for (auto &entry : values)
    if (!ranks.contains(entry.first())) {
      SmallVector<Term *> args(read->args);
      args.push_back(entry.second);
      Term *grown = build.read(*read->tensor, args, read->loc);
      read = grown;
    }
  return read;
}

Term *Resolver::resolveMember(const Expr *expr, Scope &scope) {
  const Expr *base = expr->operands[0];
  if (isUseOfDef(base)) {
    Tensor *tensor = useDef(expr, scope);
    return tensor ? build.readWhole(*tensor, base->loc) : nullptr;
  }
  Term *tuple = resolve(base, scope);
  if (!tuple)
    return nullptr;
  int64_t place;
  if (expr->name.getAsInteger(10, place))
    return diagnostics.error(expr->loc, "'." + expr->name + "' names a result of a def, but this is none"), nullptr;
  Term *term = build.make(TermKind::Component, expr->loc, {tuple});
  term->integer = place;
  return term;
}

//===-- calls --------------------------------------------------------------------------------------------------------

Term *Resolver::resolveCall(const Expr *expr, Scope &scope) {
  StringRef name = expr->name;
  if (isUseOfDef(expr)) {
    if (scope.isUniform)
      return diagnostics.error(expr->loc, "def '" + name + "' cannot be used here"), nullptr;
    Tensor *tensor = useDef(expr, scope);
    return tensor ? build.readWhole(*tensor, expr->loc) : nullptr;
  }
  if (name == "extent")
    return resolveExtentCall(expr, scope);
  if (name == "old")
    return resolveOld(expr, scope);
  if (name == "rand")
    return resolveRand(expr, scope);
  SmallVector<Term *> args;
  bool complete = resolveAll(expr->operands, scope, args);
  auto expects = [&](unsigned low, unsigned high) {
    if (args.size() >= low && args.size() <= high)
      return true;
    std::string wanted = low == high ? std::to_string(low) : "at least " + std::to_string(low);
    diagnostics.error(expr->loc, "'" + name + "' expects " + wanted +
                                     (low == 1 && high == 1 ? " argument" : " arguments") + ", found " +
                                     Twine(args.size()));
    return false;
  };
  if (name == "len" || name == "pos") {
    unsigned count = name == "len" ? 1 : 2;
    return expects(count, count) && complete
               ? build.make(name == "len" ? TermKind::Len : TermKind::Pos, expr->loc, args)
               : nullptr;
  }
  if (Element element = elementNamed(name); element != Element::Inferred || is_contained(kernel.typeParams, name)) {
    if (!expects(1, 1) || !complete)
      return nullptr;
    Term *term = build.make(TermKind::Convert, expr->loc, args);
    term->element = element != Element::Inferred ? ElementType{element, {}} : ElementType{Element::Param, name};
    return term;
  }
  const Function *function = findFunction(name);
  if (!function) {
    Diagnostic &error = diagnostics.error(expr->loc, "unknown function '" + name + "'");
    if (findReducer(name) || findSelection(name))
      error.help = "a reducer takes its indices in brackets: " + name.str() + "[i] ...";
    else if (tensors.count(name))
      error.help = "a tensor is read with brackets: " + name.str() + "[...]";
    return nullptr;
  }
  return expects(function->minArgs, function->maxArgs) && complete ? build.map(function->op, expr->loc, args) : nullptr;
}

Term *Resolver::resolveRand(const Expr *expr, Scope &scope) {
  SmallVector<Term *> args;
  if (!resolveAll(expr->operands, scope, args))
    return nullptr;
  if (args.empty() || args.size() > 5)
    return diagnostics.error(expr->loc, "'rand' expects a seed and at most four indices, found " + Twine(args.size()) +
                                            " arguments"),
           nullptr;
  return build.make(TermKind::Rand, expr->loc, args);
}

Term *Resolver::resolveExtentCall(const Expr *expr, Scope &scope) {
  if (expr->operands.size() != 1 || expr->operands[0]->kind != ExprKind::Name)
    return diagnostics.error(expr->loc, "'extent' expects the name of one rank"), nullptr;
  StringRef rank = expr->operands[0]->name;
  if (scope.def) {
    auto pack = scope.def->packs.find(rank);
    if (pack == scope.def->packs.end())
      return diagnostics.error(expr->operands[0]->loc, "'" + rank + "' is not a rank parameter of this def"), nullptr;
    if (pack->second.size() != 1)
      return diagnostics.error(expr->operands[0]->loc, "rank parameter '" + rank + "' stands for several ranks here"),
             nullptr;
    return build.extent(pack->second.front(), expr->loc);
  }
  if (!argumentRanks.count(rank) && !kernel.declaredRank(rank))
    return diagnostics.error(expr->operands[0]->loc, "unknown rank '" + rank + "'"), nullptr;
  return build.extent(rank, expr->loc);
}

Term *Resolver::resolveOld(const Expr *expr, Scope &scope) {
  const Expr *name = expr->operands.size() == 1 ? expr->operands[0] : nullptr;
  auto found = name && name->kind == ExprKind::Name && !scope.def ? tensors.find(name->name) : tensors.end();
  if (found == tensors.end() || !found->second->isInout)
    return diagnostics.error(expr->loc, "'old' expects the name of an inout argument"), nullptr;
  Term *read = build.read(*found->second, {}, expr->loc);
  read->isOld = true;
  return read;
}

//===-- reducers and selections --------------------------------------------------------------------------------------

bool Resolver::bindIndices(const Expr *expr, Scope &scope, SmallVectorImpl<BoundIndex> &result) {
  for (const Binder &binder : expr->binders) {
    Scope::Bound bound{binder.index.name, {}};
    Term *extent = binder.bound ? resolve(binder.bound, scope) : nullptr;
    if (binder.bound && !extent)
      return false;
    if (scope.def && scope.def->packs.count(binder.index.name)) {
      for (StringRef rank : scope.def->packs[binder.index.name])
        bound.indices.push_back({rank, binder.index.loc, extent});
    } else {
      // A def's own index must not capture a rank of an argument.
      StringRef name = binder.index.name;
      if (scope.def && (scope.def->argumentRanks.contains(name) || scope.def->packRanks.contains(name)))
        name = build.save(name + "_" + Twine(++nameCounts[name]));
      if (scalars.count(name) || (!scope.def && tensors.count(name)))
        return diagnostics.error(binder.index.loc,
                                 "'" + name + "' is the name of an argument or tensor and cannot be an index"),
               false;
      bound.indices.push_back({name, binder.index.loc, extent});
    }
    append_range(result, bound.indices);
    scope.bound.push_back(bound);
  }
  return true;
}

Term *Resolver::resolveReduce(const Expr *expr, Scope &scope) {
  if (scope.isUniform)
    return diagnostics.error(expr->loc, "extents, defaults and preconditions hold no reductions"), nullptr;
  size_t outer = scope.bound.size();
  SmallVector<BoundIndex> binders;
  Term *parameter = expr->parameter ? resolve(expr->parameter, scope) : nullptr;
  bool complete = bindIndices(expr, scope, binders) && (!expr->parameter || parameter);
  Term *body = resolve(expr->operands[0], scope);
  Term *condition = expr->condition ? resolve(expr->condition, scope) : nullptr;
  scope.bound.resize(outer);
  if (!complete || !body || (expr->condition && !condition))
    return nullptr;
  const SelectionRow *selection = findSelection(expr->name);
  if ((selection && selection->takesParameter) != (parameter != nullptr)) {
    diagnostics.error(expr->loc, "'" + expr->name + "' expects " +
                                     (parameter ? "no parameter behind ';'" : "a parameter behind ';'"));
    return nullptr;
  }
  Term *term = build.make(selection ? TermKind::Select : TermKind::Reduce, expr->loc, {body});
  if (selection)
    term->selection = selection->kind;
  else
    term->reducer = findReducer(expr->name)->kind;
  term->binders = build.bind(binders);
  term->condition = condition;
  term->parameter = parameter;
  return term;
}

} // namespace attn::spec

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A use of a def becomes equations over tensors of its own (R17-R19). Ranks are not written in a def: a local has the
// ranks its right side mentions, those of the arguments first. Parameters are replaced by their arguments where these
// are reads or scalars; any other argument becomes a tensor. Equal uses share one instance.
#include "compiler/spec/Graph.h"
#include "compiler/spec/Resolve.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace llvm;

namespace attn::spec {

/// Defs that use defs can grow without bound; no sensible kernel comes near this.
static constexpr size_t maxEquations = 20000;

const Expr *Resolver::defCall(const Expr *use, StringRef &result, Loc &resultLoc) const {
  if (use->kind != ExprKind::Member)
    return use;
  result = use->name;
  resultLoc = use->loc;
  return use->operands[0];
}

Tensor *Resolver::useDef(const Expr *use, Scope &scope) {
  StringRef result;
  Loc resultLoc;
  const Expr *call = defCall(use, result, resultLoc);
  const DefSyntax *def = defs.lookup(call->name);
  if (!def) {
    diagnostics.error(call->loc, "unknown def '" + call->name + "'").help =
        "known are: " + join(to_vector(defs.keys()), " ");
    return nullptr;
  }
  if (result.empty() && !def->results.empty())
    result = def->results.front().name;
  DefInstance instance{def, scope.def, {}, {}, {}, {}, {}};
  for (const DefInstance *outer = &instance; (outer = outer->caller);)
    if (outer->syntax == def)
      return nullptr; // reported with the definitions
  bool bound = bindPacks(call, scope, instance);
  if (!bindArguments(call, scope, instance) || !bound || def->broken)
    return nullptr;
  if (none_of(def->results, [&](const Ident &one) { return one.name == result; })) {
    diagnostics.error(resultLoc, "def '" + def->name.name + "' has no result '" + result + "'")
        .notes.push_back({def->name.loc, "declared here"});
    return nullptr;
  }
  std::string key = instanceKey(instance);
  if (!instances.count(key)) {
    if (!instantiate(instance, call->loc))
      return nullptr;
    instances[key] = instance.locals;
  }
  return instances[key].lookup(result);
}

bool Resolver::bindPacks(const Expr *call, Scope &scope, DefInstance &instance) {
  const DefSyntax &def = *instance.syntax;
  if (call->packs.size() != def.packs.size()) {
    diagnostics
        .error(call->loc, "def '" + def.name.name + "' expects " + Twine(def.packs.size()) +
                              (def.packs.size() == 1 ? " rank parameter" : " rank parameters") + ", found " +
                              Twine(call->packs.size()))
        .notes.push_back({def.name.loc, "declared here"});
    return false;
  }
  for (auto [formal, actual] : zip(def.packs, call->packs)) {
    SmallVector<StringRef, 2> ranks;
    for (const Ident &rank : actual) {
      auto pack = scope.def ? scope.def->packs.find(rank.name) : StringMap<SmallVector<StringRef, 2>>::iterator();
      if (scope.def && pack != scope.def->packs.end())
        append_range(ranks, pack->second);
      else if (!scope.def && !names.count(rank.name))
        ranks.push_back(rank.name);
      else
        return diagnostics.error(rank.loc, "'" + rank.name + "' is not a rank here"), false;
    }
    instance.packRanks.insert(ranks.begin(), ranks.end());
    instance.packs[formal.name] = std::move(ranks);
  }
  return true;
}

bool Resolver::bindArguments(const Expr *call, Scope &scope, DefInstance &instance) {
  const DefSyntax &def = *instance.syntax;
  if (call->operands.size() != def.formals.size()) {
    diagnostics
        .error(call->loc, "def '" + def.name.name + "' expects " + Twine(def.formals.size()) +
                              (def.formals.size() == 1 ? " argument" : " arguments") + ", found " +
                              Twine(call->operands.size()))
        .notes.push_back({def.name.loc, "declared here"});
    return false;
  }
  bool complete = true;
  for (auto [formal, argument] : zip(def.formals, call->operands)) {
    Term *term = argumentTerm(argument, formal.name, scope, instance);
    complete &= term != nullptr;
    if (!term)
      continue;
    instance.formals[formal.name] = term;
    for (StringRef index : freeIndices(term))
      instance.argumentRanks.insert(index);
  }
  if (!complete || scope.def)
    return complete;
  for (ArrayRef<Ident> pack : call->packs)
    for (const Ident &rank : pack)
      if (!instance.argumentRanks.contains(rank.name))
        diagnostics.warning(rank.loc, "no argument of '" + def.name.name + "' has rank '" + rank.name + "'");
  return true;
}

static bool isPlainRead(const Term *term) {
  IndexSet seen;
  return term->kind == TermKind::Read &&
         all_of(term->args, [&](const Term *arg) { return arg->kind == TermKind::Index && seen.insert(arg->name); });
}

/// Built of scalars alone, so that a copy costs nothing.
static bool isScalar(Term *term) {
  bool scalar = true;
  walk(term, [&](Term *inner) {
    scalar &= is_contained({TermKind::Int, TermKind::Float, TermKind::Bool, TermKind::Scalar, TermKind::Extent,
                            TermKind::Map, TermKind::Convert, TermKind::Index},
                           inner->kind);
  });
  return scalar;
}

Term *Resolver::argumentTerm(const Expr *argument, StringRef formal, Scope &scope, DefInstance &instance) {
  Term *term = resolve(argument, scope);
  if (!term)
    return nullptr;
  bool isBare = argument->kind == ExprKind::Name;
  if (isBare && (isPlainRead(term) || isScalar(term)))
    return term;
  IndexSet kept;
  for (StringRef index : Placement::valueIndices(term)) {
    bool isBound = any_of(scope.bound, [&](const Scope::Bound &bound) {
      return any_of(bound.indices, [&](const BoundIndex &one) { return one.name == index; });
    });
    if (scope.def || isBound || scope.left.contains(index) || instance.packRanks.contains(index) ||
        isMentionedOutside(index, argument, scope))
      kept.insert(index);
    if (instance.packRanks.contains(index))
      scope.argumentPacks.insert(index);
  }
  term = placement.run(term, kept);
  if (!term || isPlainRead(term) || isScalar(term))
    return term;
  Tensor &tensor = newTensor(build.save(instance.syntax->name.name + "." + formal), argument->loc, TensorRole::Local);
  Equation equation;
  equation.tensor = &tensor;
  equation.loc = argument->loc;
  equation.site = build.site;
  equation.rhs = term;
  tensor.isSet = isSetTerm(term);
  for (StringRef index : kept) {
    tensor.ranks.push_back(index);
    equation.left.push_back(build.index(index, argument->loc));
  }
  for (const Scope::Bound &bound : scope.bound)
    for (const BoundIndex &one : bound.indices)
      if (one.extent && kept.contains(one.name))
        equation.bounds.push_back(one);
  kernel.equations.push_back(std::move(equation));
  return build.readWhole(tensor, argument->loc);
}

/// Mentions of a name in an expression that are not bound in it; those in conditions and in `skipped` do not count.
static bool mentionsName(const Expr *expr, StringRef name, const Expr *skipped) {
  if (!expr || expr == skipped)
    return false;
  if (expr->kind == ExprKind::Name)
    return expr->name == name;
  auto inSubscripts = [&] {
    return any_of(expr->subscripts, [&](const Subscript &one) { return mentionsName(one.value, name, skipped); });
  };
  if (any_of(expr->binders, [&](const Binder &binder) { return binder.index.name == name; }))
    return false;
  if (expr->kind == ExprKind::If)
    return mentionsName(expr->operands[0], name, skipped);
  return any_of(expr->operands, [&](const Expr *operand) { return mentionsName(operand, name, skipped); }) ||
         inSubscripts();
}

bool Resolver::isMentionedOutside(StringRef index, const Expr *argument, const Scope &scope) const {
  return scope.equation && mentionsName(scope.equation->rhs, index, argument);
}

std::string Resolver::instanceKey(const DefInstance &instance) const {
  std::string key = instance.syntax->name.name.str();
  for (const Ident &pack : instance.syntax->packs)
    key += ";" + join(instance.packs.lookup(pack.name), ",");
  for (const Ident &formal : instance.syntax->formals)
    key += "|" + print(instance.formals.lookup(formal.name));
  return key;
}

//===-- the body -----------------------------------------------------------------------------------------------------

static void collectNames(const Expr *expr, function_ref<void(StringRef)> visit) {
  if (!expr)
    return;
  if (expr->kind == ExprKind::Name)
    visit(expr->name);
  for (const Expr *operand : expr->operands)
    collectNames(operand, visit);
  for (const Subscript &subscript : expr->subscripts)
    collectNames(subscript.value, visit);
  for (const Binder &binder : expr->binders)
    collectNames(binder.bound, visit);
  collectNames(expr->condition, visit);
  collectNames(expr->parameter, visit);
}

/// Names of locals, in groups that depend on each other, each after those it depends on.
std::vector<SmallVector<StringRef>> Resolver::localGroups(const DefSyntax &def) const {
  StringMap<unsigned> numbers;
  SmallVector<StringRef> locals;
  for (const EquationSyntax &equation : def.equations)
    if (numbers.try_emplace(equation.name.name, locals.size()).second)
      locals.push_back(equation.name.name);
  Dependences dependences(locals.size());
  for (const EquationSyntax &equation : def.equations)
    collectNames(equation.rhs, [&](StringRef name) {
      if (auto found = numbers.find(name); found != numbers.end())
        dependences[numbers[equation.name.name]].push_back(found->second);
    });
  std::vector<SmallVector<StringRef>> groups;
  for (ArrayRef<unsigned> component : components(dependences)) {
    groups.emplace_back();
    for (unsigned local : component)
      groups.back().push_back(locals[local]);
    if (isCycle(component, dependences))
      groups.back().push_back({}); // marks a recurrence
  }
  return groups;
}

bool Resolver::instantiate(DefInstance &instance, Loc loc) {
  if (kernel.equations.size() > maxEquations)
    return diagnostics.error(loc, "the defs used here expand to more than " + Twine(maxEquations) + " equations"),
           false;
  const CallSite *outer = build.site;
  build.site = new (build.program.arena.Allocate<CallSite>()) CallSite{loc, outer};
  bool complete = true;
  for (ArrayRef<StringRef> group : localGroups(*instance.syntax))
    complete &= resolveGroup(instance, group);
  build.site = outer;
  return complete;
}

/// A recurrence starts from the ranks that the other parts of its equations bring, and is resolved until no more come.
bool Resolver::resolveGroup(DefInstance &instance, ArrayRef<StringRef> group) {
  bool isRecurrence = group.back().empty();
  if (isRecurrence)
    group = group.drop_back();
  for (StringRef name : group) {
    StringRef full = build.save(instance.syntax->name.name + "." + name);
    Loc loc =
        find_if(instance.syntax->equations, [&](const EquationSyntax &one) { return one.name.name == name; })->name.loc;
    instance.locals[name] = &newTensor(full, loc, TensorRole::Local);
  }
  for (;;) {
    size_t numRanks = 0, numAfter = 0;
    for (StringRef name : group)
      numRanks += instance.locals[name]->ranks.size();
    Diagnostics::Mark mark = diagnostics.mark();
    size_t numEquations = kernel.equations.size(), numTensors = kernel.tensors.size();
    StringMap<StringMap<Tensor *>> oldInstances;
    StringMap<unsigned> oldCounts;
    if (isRecurrence)
      oldInstances = instances, oldCounts = nameCounts;
    bool complete = resolveLocals(instance, group);
    for (StringRef name : group)
      numAfter += instance.locals[name]->ranks.size();
    if (!complete)
      for (StringRef name : group)
        instance.locals[name] = nullptr; // silences what depends on it
    if (!complete || !isRecurrence || numAfter == numRanks)
      return complete;
    diagnostics.rollback(mark);
    kernel.equations.erase(kernel.equations.begin() + numEquations, kernel.equations.end());
    kernel.tensors.resize(numTensors);
    instances = std::move(oldInstances);
    nameCounts = std::move(oldCounts);
  }
}

bool Resolver::resolveLocals(DefInstance &instance, ArrayRef<StringRef> group) {
  std::vector<std::pair<Equation, IndexSet>> resolved;
  StringMap<IndexSet> natural;
  for (const EquationSyntax &syntax : instance.syntax->equations) {
    if (!is_contained(group, syntax.name.name))
      continue;
    Scope scope;
    scope.def = &instance;
    scope.equation = &syntax;
    Equation equation;
    equation.tensor = instance.locals[syntax.name.name];
    equation.tensor->type = elementType(syntax.type);
    equation.loc = syntax.name.loc;
    equation.site = build.site;
    equation.rhs = syntax.rhs ? resolve(syntax.rhs, scope) : nullptr;
    if (!equation.rhs)
      return false;
    equation.tensor->isSet = isSetTerm(equation.rhs);
    for (StringRef index : Placement::valueIndices(equation.rhs))
      natural[syntax.name.name].insert(index);
    resolved.push_back({std::move(equation), {}});
  }
  for (StringRef name : group)
    setRanks(instance, *instance.locals[name], natural[name]);
  for (auto &[equation, ranks] : resolved) {
    for (StringRef rank : equation.tensor->ranks) {
      equation.left.push_back(build.index(rank, equation.loc));
      ranks.insert(rank);
    }
    equation.rhs = placement.placeConditions(equation.rhs, ranks);
    if (!equation.rhs)
      return false;
    kernel.equations.push_back(std::move(equation));
  }
  return true;
}

/// R18: a result has the ranks of all arguments, less the rank parameters it no longer carries; ranks that only the
/// body brings come last. A local that is no result has just the ranks it mentions.
void Resolver::setRanks(DefInstance &instance, Tensor &tensor, const IndexSet &natural) {
  bool isResult =
      any_of(instance.syntax->results, [&](const Ident &one) { return instance.locals.lookup(one.name) == &tensor; });
  tensor.ranks.clear();
  for (StringRef rank : instance.argumentRanks)
    if (natural.contains(rank) || (isResult && !instance.packRanks.contains(rank)))
      tensor.ranks.push_back(rank);
  for (StringRef rank : natural)
    if (!instance.argumentRanks.contains(rank))
      tensor.ranks.push_back(rank);
}

} // namespace attn::spec

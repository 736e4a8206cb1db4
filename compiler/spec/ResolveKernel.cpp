// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A kernel's declarations and equations. All names are declared before the first equation is resolved: the order of
// equations carries no meaning.
#include "compiler/spec/Resolve.h"
#include "llvm/ADT/StringExtras.h"

using namespace llvm;

namespace attn::spec {

void Resolver::run() {
  kernel.name = syntax.name.name;
  kernel.loc = syntax.name.loc;
  for (const Ident &type : syntax.typeParams)
    kernel.typeParams.push_back(type.name);
  unsigned before = diagnostics.numErrors();
  declareParams();
  declareStatements();
  resolveUniform();
  resolveEquations();
  kernel.hasErrors = diagnostics.numErrors() != before;
}

bool Resolver::claimName(const Ident &name) {
  auto [entry, isNew] = names.try_emplace(name.name, name.loc);
  if (isNew)
    return true;
  diagnostics.error(name.loc, "'" + name.name + "' is declared twice")
      .notes.push_back({entry->second, "first declared here"});
  return false;
}

Tensor &Resolver::newTensor(StringRef name, Loc loc, TensorRole role) {
  unsigned count = nameCounts[name]++;
  kernel.tensors.push_back(std::make_unique<Tensor>());
  Tensor &tensor = *kernel.tensors.back();
  tensor.name = count ? build.save(name + "." + Twine(count)) : name;
  tensor.loc = loc;
  tensor.site = build.site;
  tensor.role = role;
  return tensor;
}

//===-- the header ---------------------------------------------------------------------------------------------------

void Resolver::declareParams() {
  for (const Param &param : syntax.params) {
    if (!claimName(param.name))
      continue;
    if (param.isTensor || param.isSet)
      declareParam(param, TensorRole::Argument);
    else
      declareScalar(param);
  }
  for (const Param &param : syntax.results) {
    if (!param.isTensor && !param.isSet)
      diagnostics.error(param.name.loc, "a result is a tensor").help =
          "write " + param.name.name.str() + ": " + param.type.name.str() + "[]";
    if (claimName(param.name))
      declareParam(param, TensorRole::Result);
  }
}

void Resolver::declareParam(const Param &param, TensorRole role) {
  Tensor &tensor = newTensor(param.name.name, param.name.loc, role);
  tensor.type = param.isSet ? ElementType{Element::I32, {}} : elementType(param.type);
  tensor.isInout = param.isInout;
  tensor.isOptional = param.isOptional;
  tensor.isSet = param.isSet;
  for (const Ident &member : param.members)
    tensor.members.push_back(member.name);
  if (param.isConst || param.init)
    diagnostics.error(param.name.loc, "'" + param.name.name + "' is a tensor: 'const' and defaults are for scalars");
  declareDims(param, tensor);
  tensors[tensor.name] = &tensor;
  if (role == TensorRole::Result)
    kernel.results.push_back(&tensor);
  else
    kernel.arguments.push_back(&tensor), kernel.parameters.push_back({&tensor, nullptr});
}

void Resolver::declareDims(const Param &param, Tensor &tensor) {
  StringMap<Loc> seen;
  for (Dim dim : param.dims) {
    SmallVector<StringRef, 2> factors;
    for (const Ident &rank : dim) {
      factors.push_back(rank.name);
      tensor.ranks.push_back(rank.name);
      if (any_of(rank.name, [](char c) { return c >= 'A' && c <= 'Z'; }))
        diagnostics.error(rank.loc, "ranks are lower case, found '" + rank.name + "'");
      if (auto [first, isNew] = seen.try_emplace(rank.name, rank.loc); !isNew)
        diagnostics.error(rank.loc, "'" + param.name.name + "' has rank '" + rank.name + "' twice");
      if (tensor.role == TensorRole::Argument)
        argumentRanks.try_emplace(rank.name, rank.loc);
    }
    tensor.dims.push_back(factors);
  }
}

void Resolver::declareScalar(const Param &param) {
  if (param.isInout || param.isOptional)
    diagnostics.error(param.name.loc, "'" + param.name.name + "' is a scalar: 'inout' and '?' are for tensors");
  kernel.scalars.push_back(std::make_unique<ScalarParam>());
  ScalarParam &scalar = *kernel.scalars.back();
  scalar.name = param.name.name;
  scalar.loc = param.name.loc;
  scalar.type = elementType(param.type);
  scalar.isConst = param.isConst;
  kernel.parameters.push_back({nullptr, &scalar});
}

//===-- statements ---------------------------------------------------------------------------------------------------

void Resolver::declareStatements() {
  for (const Statement &statement : syntax.statements) {
    if (statement.kind == StatementKind::Equation) {
      if (statement.equation.name)
        declareLocal(statement.equation);
      continue;
    }
    if (statement.kind != StatementKind::Rank || !statement.rank)
      continue;
    if (const RankDecl *first = kernel.declaredRank(statement.rank.name)) {
      diagnostics.error(statement.rank.loc, "rank '" + statement.rank.name + "' is declared twice")
          .notes.push_back({first->loc, "first declared here"});
      continue;
    }
    RankDecl decl{statement.rank.name, statement.rank.loc, {}, nullptr};
    for (const Ident &rank : statement.over)
      decl.over.push_back(rank.name);
    kernel.ranks.push_back(decl);
  }
  findSets();
}

/// Whether an expression is a set as far as its form tells: selections, tensors of sets, and a choice between sets.
bool Resolver::isSetExpr(const Expr *expr) const {
  if (!expr)
    return false;
  switch (expr->kind) {
  case ExprKind::Select:
    return expr->name != "argmax";
  case ExprKind::If:
  case ExprKind::Else:
    return isSetExpr(expr->operands[0]);
  case ExprKind::Call:
    return expr->name == "select" && expr->operands.size() == 3 && isSetExpr(expr->operands[1]);
  case ExprKind::Name: {
    auto found = tensors.find(expr->name);
    return found != tensors.end() && found->second->isSet;
  }
  case ExprKind::Index:
    return isSetExpr(expr->operands[0]) && expr->operands[0]->kind == ExprKind::Name &&
           expr->subscripts.size() == tensors.lookup(expr->operands[0]->name)->ranks.size();
  default:
    return false;
  }
}

/// Sets that are written as what a later equation makes a set.
void Resolver::findSets() {
  for (bool grew = true; grew;) {
    grew = false;
    for (const Statement &statement : syntax.statements) {
      auto found =
          statement.kind == StatementKind::Equation ? tensors.find(statement.equation.name.name) : tensors.end();
      if (found == tensors.end() || found->second->isSet || found->second->role != TensorRole::Local ||
          !isSetExpr(statement.equation.rhs))
        continue;
      grew = found->second->isSet = true;
    }
  }
}

/// An index on the left is a bare lower-case name that is no tensor or scalar; everything else there is computed.
bool Resolver::isPlainIndex(const Expr *expr) const {
  return expr->kind == ExprKind::Name && !names.count(expr->name) &&
         none_of(expr->name, [](char c) { return c >= 'A' && c <= 'Z'; });
}

void Resolver::declareLocal(const EquationSyntax &equation) {
  StringRef name = equation.name.name;
  auto found = tensors.find(name);
  if (found != tensors.end())
    return checkUnion(*found->second, equation);
  if (names.count(name)) { // declared, and no tensor
    diagnostics.error(equation.name.loc, "'" + name + "' is a scalar argument and cannot be written")
        .notes.push_back({names[name], "declared here"});
    return;
  }
  names.try_emplace(name, equation.name.loc);
  Tensor &tensor = newTensor(name, equation.name.loc, TensorRole::Local);
  tensor.type = elementType(equation.type);
  tensor.isBroken = !equation.rhs;
  for (const Expr *index : equation.indices)
    tensor.ranks.push_back(isPlainIndex(index) ? index->name : StringRef());
  tensor.isSet = isSetExpr(equation.rhs);
  tensors[name] = &tensor;
}

/// A further equation of a tensor, or one of an argument or result.
void Resolver::checkUnion(Tensor &tensor, const EquationSyntax &equation) {
  StringRef name = equation.name.name;
  if (tensor.role == TensorRole::Argument && !tensor.isInout) {
    Diagnostic &error = diagnostics.error(equation.name.loc, "argument '" + name + "' is not written");
    error.help = "declare it 'inout " + name.str() + "'";
    error.notes.push_back({tensor.loc, "declared here"});
    return;
  }
  if (equation.type && tensor.role != TensorRole::Local)
    diagnostics.error(equation.type.loc, "the type of '" + name + "' stands in the header");
  else if (equation.type && tensor.type.kind == Element::Inferred)
    tensor.type = elementType(equation.type);
  else if (equation.type && (elementType(equation.type).kind != tensor.type.kind))
    diagnostics.error(equation.type.loc, "'" + name + "' has two element types")
        .notes.push_back({tensor.loc, "first written here"});
  if (!equation.rhs) {
    tensor.isBroken |= tensor.role == TensorRole::Local;
    return;
  }
  if (equation.indices.size() != tensor.ranks.size()) {
    if (tensor.isBroken)
      return;
    Diagnostic &error =
        diagnostics.error(equation.name.loc, "'" + name + "' expects " + Twine(tensor.ranks.size()) +
                                                 (tensor.ranks.size() == 1 ? " index" : " indices") +
                                                 " on the left, found " + Twine(equation.indices.size()));
    error.notes.push_back({tensor.loc, "declared here"});
    return;
  }
  for (auto [rank, index] : zip(tensor.ranks, equation.indices))
    if (rank.empty() && isPlainIndex(index))
      rank = index->name;
}

//===-- extents, defaults, preconditions -----------------------------------------------------------------------------

void Resolver::resolveUniform() {
  // Defaults may use earlier scalars only: names come into scope one by one.
  for (const Param &param : syntax.params) {
    if (param.isTensor || param.isSet)
      continue;
    auto scalar = find_if(kernel.scalars, [&](const auto &one) { return one->loc == param.name.loc; });
    if (scalar == kernel.scalars.end())
      continue;
    Scope scope;
    scope.isUniform = true;
    if (param.init)
      (*scalar)->init = resolve(param.init, scope);
    scalars[param.name.name] = scalar->get();
  }
  unsigned rank = 0;
  for (const Statement &statement : syntax.statements) {
    Scope scope;
    scope.isUniform = true;
    if (statement.kind == StatementKind::Rank && rank < kernel.ranks.size() &&
        kernel.ranks[rank].loc == statement.rank.loc) {
      RankDecl &decl = kernel.ranks[rank++];
      scope.isUniform = decl.over.empty();
      scope.left.insert(decl.over.begin(), decl.over.end());
      decl.extent = statement.value ? resolve(statement.value, scope) : nullptr;
    } else if (statement.kind == StatementKind::Require && statement.value) {
      if (Term *condition = resolve(statement.value, scope))
        kernel.requirements.push_back({statement.loc, condition});
    }
  }
  for (const Param &param : concat<const Param>(syntax.params, syntax.results)) {
    Scope scope;
    scope.isUniform = true;
    if (param.capacity && tensors.count(param.name.name))
      tensors[param.name.name]->capacity = resolve(param.capacity, scope);
  }
}

//===-- equations ----------------------------------------------------------------------------------------------------

void Resolver::resolveEquations() {
  for (const Statement &statement : syntax.statements)
    if (statement.kind == StatementKind::Equation && statement.equation.rhs)
      resolveEquation(statement.equation);
  bool isIncomplete = any_of(syntax.statements, [](const Statement &one) { // lost even its name
    return one.kind == StatementKind::Equation && !one.equation.name;
  });
  for (const Tensor *result : kernel.results)
    if (!isIncomplete &&
        none_of(syntax.statements, [&](const Statement &one) { return one.equation.name.name == result->name; }))
      diagnostics.error(result->loc, "result '" + result->name + "' has no equation");
}

bool Resolver::resolveLeft(const EquationSyntax &equation, Scope &scope, Equation &result) {
  for (const Expr *index : equation.indices)
    if (isPlainIndex(index))
      scope.left.insert(index->name);
  bool complete = true;
  for (const Expr *index : equation.indices) {
    Term *term = resolve(index, scope);
    complete &= term != nullptr;
    result.left.push_back(term);
    for (StringRef free : term ? freeIndices(term) : IndexSet())
      scope.left.insert(free);
  }
  return complete && equation.indices.size() == result.tensor->ranks.size();
}

void Resolver::resolveEquation(const EquationSyntax &syntax) {
  auto found = tensors.find(syntax.name.name);
  if (found == tensors.end() || (found->second->role == TensorRole::Argument && !found->second->isInout))
    return;
  Scope scope;
  scope.equation = &syntax;
  Equation equation;
  equation.tensor = found->second;
  equation.loc = syntax.name.loc;
  bool complete = resolveLeft(syntax, scope, equation);
  Term *rhs = resolve(syntax.rhs, scope);
  if (rhs && complete) {
    equation.rhs = rhs;
    warnConditionInsideDef(equation, scope);
    equation.rhs = placement.run(rhs, scope.left);
  }
  kernel.equations.push_back(std::move(equation));
}

/// R8: the trailing condition does not reach inside a def's argument.
void Resolver::warnConditionInsideDef(const Equation &equation, const Scope &scope) {
  const Term *rhs = equation.rhs;
  while (rhs->kind == TermKind::Else)
    rhs = rhs->args[0];
  if (rhs->kind != TermKind::If)
    return;
  for (StringRef index : freeIndices(rhs->args[1]))
    if (scope.argumentPacks.contains(index)) {
      diagnostics
          .warning(rhs->loc, "this condition on '" + index +
                                 "' does not reach inside the argument of the def, which reduces over all of it")
          .help = "define the argument in its own equation, with the condition";
      return;
    }
}

} // namespace attn::spec

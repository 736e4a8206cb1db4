// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/spec/Checks.h"
#include "compiler/spec/Graph.h"
#include "compiler/spec/Lexer.h"
#include "llvm/ADT/StringSet.h"

using namespace llvm;

namespace attn::spec {

namespace {

/// Names in the body of one def, before anything is known about its arguments.
class DefNames {
public:
  DefNames(const DefSyntax &def, Diagnostics &diagnostics) : def(def), diagnostics(diagnostics) {}

  void run() {
    claim(def.packs, "rank parameter");
    claim(def.formals, "parameter");
    for (const EquationSyntax &equation : def.equations)
      declareLocal(equation);
    for (const Ident &result : def.results)
      if (!locals.contains(result.name) && !isIncomplete)
        diagnostics.error(result.loc, "result '" + result.name + "' has no equation");
    for (const EquationSyntax &equation : def.equations)
      check(equation.rhs);
  }

private:
  void claim(ArrayRef<Ident> idents, StringRef kind) {
    for (const Ident &ident : idents)
      if (!parameters.insert(ident.name).second)
        diagnostics.error(ident.loc, kind + " '" + ident.name + "' is declared twice");
  }

  void declareLocal(const EquationSyntax &equation) {
    isIncomplete |= !equation.rhs;
    if (!equation.name)
      return;
    if (parameters.contains(equation.name.name))
      diagnostics.error(equation.name.loc, "parameter '" + equation.name.name + "' is not written in its def");
    if (equation.hasIndices)
      diagnostics.error(equation.name.loc, "equations of a def name no indices: the ranks follow from the right side");
    locals.insert(equation.name.name);
  }

  void check(const Expr *expr) {
    if (!expr)
      return;
    if (expr->kind == ExprKind::Name && !parameters.contains(expr->name) && !locals.contains(expr->name) &&
        !is_contained(bound, expr->name))
      diagnostics.error(expr->loc, "unknown name '" + expr->name + "'").help =
          "a def knows its parameters, its own equations and its rank parameters";
    size_t outer = bound.size();
    check(expr->parameter);
    for (const Binder &binder : expr->binders) {
      check(binder.bound);
      bound.push_back(binder.index.name);
    }
    for (const Expr *operand : expr->operands)
      check(operand);
    for (const Subscript &subscript : expr->subscripts)
      check(subscript.value);
    check(expr->condition);
    bound.resize(outer);
  }

  const DefSyntax &def;
  Diagnostics &diagnostics;
  StringSet<> parameters, locals;
  SmallVector<StringRef> bound;
  bool isIncomplete = false;
};

} // namespace

static void collectCalls(const Expr *expr, function_ref<void(const Expr *)> visit) {
  if (!expr)
    return;
  if (expr->kind == ExprKind::Call)
    visit(expr);
  for (const Expr *operand : expr->operands)
    collectCalls(operand, visit);
  for (const Subscript &subscript : expr->subscripts)
    collectCalls(subscript.value, visit);
  collectCalls(expr->condition, visit);
  collectCalls(expr->parameter, visit);
}

static void checkRecursion(ArrayRef<DefSyntax> defs, const DefTable &table, Diagnostics &diagnostics) {
  Dependences dependences(defs.size());
  for (auto [number, def] : enumerate(defs))
    for (const EquationSyntax &equation : def.equations)
      collectCalls(equation.rhs, [&, number = number](const Expr *call) {
        const DefSyntax *callee = table.lookup(call->name);
        if (callee >= defs.begin() && callee < defs.end())
          dependences[number].push_back(callee - defs.begin());
      });
  for (ArrayRef<unsigned> component : components(dependences)) {
    if (!isCycle(component, dependences))
      continue;
    const DefSyntax &def = defs[component.front()];
    Diagnostic &error = diagnostics.error(def.name.loc, "def '" + def.name.name + "' calls itself");
    for (unsigned other : component.drop_front())
      error.notes.push_back({defs[other].name.loc, "through '" + defs[other].name.name.str() + "'"});
  }
}

void checkDefs(ArrayRef<DefSyntax> defs, const DefTable &table, Diagnostics &diagnostics) {
  for (const DefSyntax &def : defs)
    if (!def.broken)
      DefNames(def, diagnostics).run();
  checkRecursion(defs, table, diagnostics);
}

} // namespace attn::spec

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// R7: an index that nobody binds is summed, in each additive term, over the smallest product that holds all its
// mentions there. Products are whole chains of factors, so `Q[e]*K[e]*scale` is summed as one; a quotient ends a chain,
// so `W[m]*V[m] / D` sums the numerator. Calls are opaque to sums: a contraction inside one is summed inside.
#include "compiler/spec/Placement.h"

using namespace llvm;

namespace attn::spec {

static bool isMap(const Term *term, MapOp op) { return term->kind == TermKind::Map && term->op == op; }
static bool isAdditive(const Term *term) { return isMap(term, MapOp::Add) || isMap(term, MapOp::Sub); }
static bool isQuotient(const Term *term) { return isMap(term, MapOp::Div) || isMap(term, MapOp::Mod); }
static bool isLogical(const Term *term) {
  return term->kind == TermKind::In ||
         (term->kind == TermKind::Map && term->op >= MapOp::Less && term->op <= MapOp::Not);
}
static bool isCall(const Term *term) {
  return term->kind == TermKind::Convert || (term->kind == TermKind::Map && term->op > MapOp::Not);
}

static void collectChain(Term *term, bool (*inChain)(const Term *), SmallVectorImpl<Term *> &parts) {
  if (!inChain(term))
    return parts.push_back(term);
  for (Term *arg : term->args)
    collectChain(arg, inChain, parts);
}

static bool isProduct(const Term *term) { return isMap(term, MapOp::Mul); }

static SmallVector<Term *> mentioning(ArrayRef<Term *> terms, StringRef index) {
  SmallVector<Term *> found;
  copy_if(terms, std::back_inserter(found), [&](const Term *term) { return mentions(term, index); });
  return found;
}

/// Replaces the parts of a chain, keeping its shape.
static void replaceInChain(Term *term, bool (*inChain)(const Term *), function_ref<Term *(Term *)> replace) {
  for (Term *&arg : term->args) {
    if (inChain(arg))
      replaceInChain(arg, inChain, replace);
    else
      arg = replace(arg);
  }
}

/// Whether `term` holds, in each of its additive terms, a product with several mentions: then it is summed by itself.
static bool isContraction(Term *term, StringRef index) {
  SmallVector<Term *> parts;
  if (isProduct(term))
    collectChain(term, isProduct, parts);
  else if (term->kind == TermKind::Map || term->kind == TermKind::Convert)
    parts.assign(term->args.begin(), term->args.end());
  else if (term->kind == TermKind::If || term->kind == TermKind::Reduce)
    parts.push_back(term->args[0]);
  SmallVector<Term *> with = mentioning(parts, index);
  if ((isProduct(term) || isQuotient(term)) && with.size() > 1)
    return true;
  return !with.empty() && all_of(with, [&](Term *part) { return isContraction(part, index); });
}

namespace {
struct CallMentions {
  unsigned contractions = 0, others = 0;
};
} // namespace

/// Counts the outermost call arguments that mention the index: contractions of their own, and other mentions.
static void countCallMentions(Term *term, StringRef index, CallMentions &count) {
  if (!mentions(term, index))
    return;
  if (isCall(term)) {
    for (Term *arg : mentioning(term->args, index))
      ++(isContraction(arg, index) ? count.contractions : count.others);
  } else if (term->kind == TermKind::Map || term->kind == TermKind::If || term->kind == TermKind::Else) {
    for (Term *arg : term->args)
      countCallMentions(arg, index, count);
  } else {
    ++count.others;
  }
}

std::string Placement::textOf(const Term *term) const {
  if (term->begin == term->end)
    return print(term);
  return diagnostics.source(term->loc.file).getText().slice(term->begin, term->end).str();
}

Term *Placement::unbound(const Term *where, StringRef index, const Term *help) {
  const Term *mention = findMention(where, index);
  Diagnostic &error =
      diagnostics.error(mention ? mention->loc : where->loc, "index '" + index + "' is neither on the left nor bound");
  if (help)
    error.help = "write sum[" + index.str() + "] " + textOf(help);
  return nullptr;
}

Term *Placement::wrap(Term *term, StringRef index, const Term *call) {
  if (call && !isContraction(term, index))
    return unbound(term, index, call);
  const Term *mention = findMention(term, index);
  BoundIndex binder{index, mention ? mention->loc : term->loc, nullptr};
  if (term->kind != TermKind::Reduce || !term->isImplicit)
    return build.implicitSum(term, {binder});
  SmallVector<BoundIndex> binders(term->binders);
  binders.push_back(binder);
  term->binders = build.bind(binders);
  return term;
}

Term *Placement::place(Term *term, StringRef index, const Term *call) {
  switch (term->kind) {
  case TermKind::Map:
    if (isAdditive(term) || isMap(term, MapOp::Neg))
      return placeInSum(term, index, call);
    if (isProduct(term))
      return placeInProduct(term, index, call);
    if (isQuotient(term))
      return placeInQuotient(term, index, call);
    return isLogical(term) ? unbound(term, index, nullptr) : placeInCall(term, index, call);
  case TermKind::Convert:
    return placeInCall(term, index, call);
  case TermKind::In:
    return unbound(term, index, nullptr);
  case TermKind::If:
  case TermKind::Else:
    return placeInConditional(term, index, call);
  case TermKind::Reduce:
  case TermKind::Select:
    return placeInReduction(term, index, call);
  default:
    return wrap(term, index, call);
  }
}

Term *Placement::placeInEach(Term *term, StringRef index, const Term *call) {
  bool failed = false;
  for (Term *&arg : term->args)
    if (mentions(arg, index)) {
      Term *placed = place(arg, index, call);
      failed |= !placed;
      arg = placed ? placed : arg;
    }
  return failed ? nullptr : term;
}

/// The end of what begins at `begin`, at `end` or behind the parentheses that are open there.
static size_t endOfParentheses(StringRef text, size_t begin, size_t end) {
  int64_t open = text.slice(begin, end).count('(') - int64_t(text.slice(begin, end).count(')'));
  for (; open > 0 && end < text.size(); ++end)
    open += (text[end] == '(') - (text[end] == ')');
  return end;
}

/// R6: in `max[r] A - B[r]` the reducer ends before the minus. Summing B over r would not be what was meant.
bool Placement::checkReducerOfOtherTerm(ArrayRef<Term *> terms, StringRef index) {
  for (auto [i, term] : enumerate(terms)) {
    if (!mentions(term, index))
      continue;
    for (auto [j, other] : enumerate(terms)) {
      Term *reducer = nullptr;
      walk(other, [&](Term *inner) {
        if ((inner->kind == TermKind::Reduce || inner->kind == TermKind::Select) && !inner->isImplicit &&
            !inner->site && any_of(inner->binders, [&](const BoundIndex &binder) { return binder.name == index; }))
          reducer = inner;
      });
      if (i == j || !reducer)
        continue;
      Diagnostic &error = diagnostics.error(
          findMention(term, index)->loc,
          "index '" + index + "' is bound in another term only: a reducer takes the product that follows it");
      StringRef text = diagnostics.source(reducer->loc.file).getText();
      size_t body = reducer->args[0]->begin;
      if (j < i && term->end > body)
        error.help = ("write " + text.slice(reducer->begin, body) + "(" +
                      text.slice(body, endOfParentheses(text, body, term->end)) + ")")
                         .str();
      error.notes.push_back({reducer->loc, "the reducer that binds it"});
      return false;
    }
  }
  return true;
}

Term *Placement::placeInSum(Term *term, StringRef index, const Term *call) {
  SmallVector<Term *> terms;
  collectChain(term, isAdditive, terms);
  if (!checkReducerOfOtherTerm(terms, index))
    return nullptr;
  return placeInEach(term, index, call);
}

Term *Placement::placeInProduct(Term *term, StringRef index, const Term *call) {
  SmallVector<Term *> factors;
  collectChain(term, isProduct, factors);
  SmallVector<Term *> with = mentioning(factors, index);
  if (with.size() > 1)
    return wrapOrEnter(term, index, call);
  TermKind kind = with.front()->kind;
  if (kind != TermKind::Map && kind != TermKind::Convert && kind != TermKind::Reduce && kind != TermKind::If)
    return wrap(term, index, call);
  bool failed = false;
  replaceInChain(term, isProduct, [&](Term *factor) {
    if (factor != with.front())
      return factor;
    Term *placed = place(factor, index, call);
    failed = !placed;
    return placed ? placed : factor;
  });
  return failed ? nullptr : term;
}

Term *Placement::placeInQuotient(Term *term, StringRef index, const Term *call) {
  return mentioning(term->args, index).size() > 1 ? wrapOrEnter(term, index, call) : placeInEach(term, index, call);
}

Term *Placement::wrapOrEnter(Term *term, StringRef index, const Term *call) {
  CallMentions count;
  countCallMentions(term, index, count);
  if (!count.contractions)
    return wrap(term, index, call);
  if (!count.others)
    return placeInEach(term, index, call);
  Diagnostic &error = diagnostics.error(
      findMention(term, index)->loc,
      "index '" + index + "' is mentioned inside and outside of calls that contract it: where to sum is open");
  error.help = "write sum[" + index.str() + "] where it is to be summed";
  return nullptr;
}

Term *Placement::placeInCall(Term *term, StringRef index, const Term *) { return placeInEach(term, index, term); }

Term *Placement::placeInReduction(Term *term, StringRef index, const Term *call) {
  bool inHead =
      (term->condition && mentions(term->condition, index)) || (term->parameter && mentions(term->parameter, index)) ||
      any_of(term->binders, [&](const BoundIndex &binder) { return binder.extent && mentions(binder.extent, index); });
  if (!term->isImplicit && inHead)
    return wrap(term, index, call);
  Term *placed = place(term->args[0], index, call);
  if (!placed)
    return nullptr;
  // Two implicit sums over one product are one sum over two indices.
  if (term->isImplicit && placed->kind == TermKind::Reduce && placed->isImplicit && placed != term->args[0]) {
    SmallVector<BoundIndex> binders(term->binders);
    append_range(binders, placed->binders);
    term->binders = build.bind(binders);
    placed = placed->args[0];
  }
  term->args[0] = placed;
  return term;
}

Term *Placement::placeInConditional(Term *term, StringRef index, const Term *call) {
  bool isIf = term->kind == TermKind::If;
  bool first = mentions(term->args[0], index), second = mentions(term->args[1], index);
  if (isIf && !first)
    return term; // a condition nobody binds is reported where conditions are placed
  if (!isIf && first && second)
    return unbound(term, index, term);
  Term *&arg = term->args[first ? 0 : 1];
  Term *placed = place(arg, index, call);
  if (!placed)
    return nullptr;
  arg = placed;
  return term;
}

//===-- conditions ---------------------------------------------------------------------------------------------------

IndexSet Placement::valueIndices(const Term *term) {
  if (term->kind == TermKind::Else) {
    IndexSet indices = valueIndices(term->args[0]);
    for (StringRef index : valueIndices(term->args[1]))
      indices.insert(index);
    return indices;
  }
  if (term->kind != TermKind::If)
    return freeIndices(term);
  IndexSet indices = valueIndices(term->args[0]), bound;
  walk(term->args[0], [&](Term *inner) {
    for (const BoundIndex &binder : inner->binders)
      bound.insert(binder.name);
  });
  for (StringRef index : freeIndices(term->args[1]))
    if (!bound.contains(index))
      indices.insert(index);
  return indices;
}

/// Adds the conjunct to each reduction below that binds one of its indices once all of them are in scope.
unsigned Placement::attach(Term *term, Term *conjunct, IndexSet scope) {
  bool binds = false;
  IndexSet needed = freeIndices(conjunct);
  for (const BoundIndex &binder : term->binders) {
    binds |= needed.contains(binder.name);
    scope.insert(binder.name);
  }
  if (binds && all_of(needed, [&](StringRef index) { return scope.contains(index); })) {
    term->condition = term->condition ? build.conjunction({term->condition, conjunct}) : conjunct;
    return 1;
  }
  unsigned attached = 0;
  for (Term *arg : term->args)
    attached += attach(arg, conjunct, scope);
  return attached;
}

Term *Placement::placeConditions(Term *term, const IndexSet &scope) {
  IndexSet inner = scope;
  for (const BoundIndex &binder : term->binders)
    inner.insert(binder.name);
  for (Term *&arg : term->args) {
    Term *placed = placeConditions(arg, inner);
    if (!placed)
      return nullptr;
    arg = placed;
  }
  if (term->kind != TermKind::If)
    return term;
  SmallVector<Term *> kept;
  for (Term *conjunct : conjunctsOf(term->args[1])) {
    IndexSet missing = freeIndices(conjunct);
    missing.remove_if([&](StringRef index) { return scope.contains(index); });
    if (missing.empty())
      kept.push_back(conjunct);
    else if (!attach(term->args[0], conjunct, scope)) {
      diagnostics.error(findMention(conjunct, missing.front())->loc,
                        "index '" + missing.front() +
                            "' of this condition is neither on the left nor bound by a reduction that it could filter");
      return nullptr;
    }
  }
  if (kept.empty())
    return term->args[0];
  term->args[1] = build.conjunction(kept);
  return term;
}

Term *Placement::run(Term *term, const IndexSet &scope) {
  IndexSet free = valueIndices(term);
  bool failed = false;
  for (StringRef index : free) {
    if (scope.contains(index))
      continue;
    Term *placed = mentions(term, index) ? place(term, index, nullptr) : term;
    failed |= !placed;
    term = placed ? placed : term;
  }
  return failed ? nullptr : placeConditions(term, scope);
}

} // namespace attn::spec

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/spec/Terms.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;

namespace attn::spec {

const RankDecl *Kernel::declaredRank(StringRef name) const {
  for (const RankDecl &decl : ranks)
    if (decl.name == name)
      return &decl;
  return nullptr;
}

std::string extentName(StringRef rank) { return rank.upper(); }

//===-- making -------------------------------------------------------------------------------------------------------

Term *TermBuilder::make(TermKind kind, Loc loc, ArrayRef<Term *> args) {
  Term *term = new (program.arena.Allocate<Term>()) Term(kind);
  term->loc = loc;
  term->site = site;
  Term **copy = program.arena.Allocate<Term *>(args.size());
  std::copy(args.begin(), args.end(), copy);
  term->args = MutableArrayRef<Term *>(copy, args.size());
  return term;
}

Term *TermBuilder::map(MapOp op, Loc loc, ArrayRef<Term *> args) {
  Term *term = make(TermKind::Map, loc, args);
  term->op = op;
  return term;
}

Term *TermBuilder::index(StringRef name, Loc loc) {
  Term *term = make(TermKind::Index, loc);
  term->name = name;
  return term;
}

Term *TermBuilder::extent(StringRef rank, Loc loc) {
  Term *term = make(TermKind::Extent, loc);
  term->name = rank;
  return term;
}

Term *TermBuilder::integer(int64_t value, Loc loc) {
  Term *term = make(TermKind::Int, loc);
  term->integer = value;
  return term;
}

Term *TermBuilder::read(Tensor &tensor, ArrayRef<Term *> subscripts, Loc loc) {
  Term *term = make(TermKind::Read, loc, subscripts);
  term->tensor = &tensor;
  return term;
}

Term *TermBuilder::readWhole(Tensor &tensor, Loc loc) {
  SmallVector<Term *> subscripts;
  for (StringRef rank : tensor.ranks)
    subscripts.push_back(index(rank, loc));
  return read(tensor, subscripts, loc);
}

Term *TermBuilder::conjunction(ArrayRef<Term *> conjuncts) {
  Term *all = nullptr;
  for (Term *conjunct : conjuncts)
    all = all ? map(MapOp::And, conjunct->loc, {all, conjunct}) : conjunct;
  return all;
}

Term *TermBuilder::implicitSum(Term *body, ArrayRef<BoundIndex> indices) {
  Term *sum = make(TermKind::Reduce, body->loc, {body});
  sum->site = body->site;
  sum->begin = body->begin;
  sum->end = body->end;
  sum->binders = bind(indices);
  sum->isImplicit = true;
  return sum;
}

Term *TermBuilder::substitute(Term *term, function_ref<Term *(StringRef)> replacement) {
  if (!term)
    return nullptr;
  if (term->kind == TermKind::Index)
    if (Term *value = replacement(term->name))
      return value;
  SmallVector<Term *> args;
  for (Term *arg : term->args)
    args.push_back(substitute(arg, replacement));
  Term *copy = make(term->kind, term->loc, args);
  MutableArrayRef<Term *> copied = copy->args;
  *copy = *term;
  copy->args = copied;
  copy->condition = substitute(term->condition, replacement);
  copy->parameter = substitute(term->parameter, replacement);
  return copy;
}

//===-- asking -------------------------------------------------------------------------------------------------------

void walk(Term *term, function_ref<void(Term *)> visit) {
  if (!term)
    return;
  visit(term);
  for (Term *arg : term->args)
    walk(arg, visit);
  for (const BoundIndex &binder : term->binders)
    walk(binder.extent, visit);
  walk(term->condition, visit);
  walk(term->parameter, visit);
}

/// Calls `visit` on each free mention, in order; stops when it returns true.
static bool visitMentions(const Term *term, SmallVectorImpl<StringRef> &bound, function_ref<bool(const Term *)> visit) {
  if (!term)
    return false;
  if (term->kind == TermKind::Index)
    return !is_contained(bound, term->name) && visit(term);
  for (const BoundIndex &binder : term->binders)
    if (visitMentions(binder.extent, bound, visit))
      return true;
  size_t outer = bound.size();
  for (const BoundIndex &binder : term->binders)
    bound.push_back(binder.name);
  bool stop = visitMentions(term->condition, bound, visit) ||
              any_of(term->args, [&](const Term *arg) { return visitMentions(arg, bound, visit); });
  bound.resize(outer);
  return stop || visitMentions(term->parameter, bound, visit);
}

void collectFreeIndices(const Term *term, IndexSet &indices) {
  SmallVector<StringRef> bound;
  visitMentions(term, bound, [&](const Term *mention) { return indices.insert(mention->name), false; });
}

IndexSet freeIndices(const Term *term) {
  IndexSet indices;
  collectFreeIndices(term, indices);
  return indices;
}

const Term *findMention(const Term *term, StringRef index) {
  const Term *found = nullptr;
  SmallVector<StringRef> bound;
  visitMentions(term, bound, [&](const Term *mention) { return mention->name == index && (found = mention); });
  return found;
}

bool mentions(const Term *term, StringRef index) { return findMention(term, index); }

bool isSetTerm(const Term *term) {
  switch (term->kind) {
  case TermKind::Select:
    return true;
  case TermKind::Read:
    return term->tensor->isSet;
  case TermKind::If:
  case TermKind::Else:
    return isSetTerm(term->args[0]);
  case TermKind::Map:
    return term->op == MapOp::Select && isSetTerm(term->args[1]);
  default:
    return false;
  }
}

SmallVector<Term *> conjunctsOf(Term *condition) {
  SmallVector<Term *> conjuncts;
  if (!condition)
    return conjuncts;
  if (condition->kind == TermKind::Map && condition->op == MapOp::And) {
    conjuncts = conjunctsOf(condition->args[0]);
    append_range(conjuncts, conjunctsOf(condition->args[1]));
  } else {
    conjuncts.push_back(condition);
  }
  return conjuncts;
}

//===-- printing -----------------------------------------------------------------------------------------------------

static std::string printList(ArrayRef<Term *> terms, StringRef separator) {
  std::string text; // not llvm::join, which walks its range twice
  for (const Term *term : terms)
    text += (text.empty() ? "" : separator.str()) + print(term);
  return text;
}

static std::string printBinders(const Term *term) {
  std::string text = "[";
  for (const BoundIndex &binder : term->binders) {
    text += (&binder == term->binders.data() ? "" : ", ") + binder.name.str();
    if (binder.extent)
      text += " < " + print(binder.extent);
  }
  if (term->condition)
    text += " if " + print(term->condition);
  if (term->parameter)
    text += "; " + print(term->parameter);
  return text + "]";
}

static std::string printMap(const Term *term) {
  if (term->op == MapOp::Neg)
    return "-" + print(term->args[0]);
  if (term->op == MapOp::Not)
    return "(not " + print(term->args[0]) + ")";
  if (term->op < MapOp::Not)
    return "(" + printList(term->args, (" " + spell(term->op) + " ").str()) + ")";
  return spell(term->op).str() + "(" + printList(term->args, ", ") + ")";
}

static StringRef elementName(const ElementType &type) {
  static constexpr StringLiteral names[] = {"f16", "bf16", "f32", "f64", "f8e4m3", "f8e5m2",
                                            "i8",  "u8",   "i32", "i64", "bool"};
  return type.kind < Element::Param ? StringRef(names[static_cast<size_t>(type.kind)]) : type.param;
}

/// Exact: equal texts are equal numbers of one type.
static std::string printNumber(double number) {
  std::string text;
  raw_string_ostream(text) << format("%.17g", number);
  return StringRef(text).find_first_of(".en") == StringRef::npos ? text + ".0" : text;
}

std::string print(const Term *term) {
  auto arg = [&](unsigned i) { return print(term->args[i]); };
  switch (term->kind) {
  case TermKind::Int:
    return std::to_string(term->integer);
  case TermKind::Float:
    return printNumber(term->number);
  case TermKind::Bool:
    return term->integer ? "true" : "false";
  case TermKind::Index:
    return term->name.str();
  case TermKind::Extent:
    return extentName(term->name);
  case TermKind::Scalar:
    return term->scalar->name.str();
  case TermKind::Read:
    return (term->isOld ? "old(" + term->tensor->name.str() + ")" : term->tensor->name.str()) +
           (term->args.empty() ? "" : "[" + printList(term->args, ",") + "]");
  case TermKind::Map:
    return printMap(term);
  case TermKind::Convert:
    return elementName(term->element).str() + "(" + arg(0) + ")";
  case TermKind::If:
    return "(" + arg(0) + " if " + arg(1) + ")";
  case TermKind::Else:
    return "(" + arg(0) + " else " + arg(1) + ")";
  case TermKind::Reduce:
    return "(" + spell(term->reducer).str() + printBinders(term) + " " + arg(0) + ")";
  case TermKind::Select:
    return "(" + spell(term->selection).str() + printBinders(term) + " " + arg(0) + ")";
  case TermKind::In:
    return "(" + arg(0) + " in " + arg(1) + ")";
  case TermKind::Place:
    return arg(0) + "[" + arg(1) + "]";
  case TermKind::Component:
    return arg(0) + "." + std::to_string(term->integer);
  case TermKind::Len:
    return "len(" + arg(0) + ")";
  case TermKind::Pos:
    return "pos(" + printList(term->args, ", ") + ")";
  case TermKind::Tuple:
    return "(" + printList(term->args, ", ") + ")";
  case TermKind::Rand:
    return "rand(" + printList(term->args, ", ") + ")";
  }
  llvm_unreachable("all kinds are handled");
}

std::string print(const Equation &equation) {
  std::string text = equation.tensor->name.str();
  if (!equation.left.empty())
    text += "[" + printList(equation.left, ",") + "]";
  return text + " = " + (equation.rhs ? print(equation.rhs) : "?");
}

std::string print(const Kernel &kernel) {
  std::string text;
  for (const Equation &equation : kernel.equations)
    text += print(equation) + "\n";
  return text;
}

} // namespace attn::spec

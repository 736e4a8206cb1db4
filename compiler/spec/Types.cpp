// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// R11, R15, R16: numbers and bools do not mix, integers meet floats as floats, nothing becomes an integer by itself.
// The class of a tensor without a declared type is that of its equations; in a recurrence, of the parts that do not
// read it.
#include "compiler/spec/Checks.h"
#include "llvm/ADT/DenseSet.h"

using namespace llvm;

namespace attn::spec {

static StringRef describe(TypeClass type) {
  static constexpr StringLiteral names[] = {"an unknown", "a bool", "an integer", "a float", "a set", "a tuple"};
  return names[static_cast<size_t>(type)];
}

static TypeClass classOf(const ElementType &type) {
  switch (type.kind) {
  case Element::Bool:
    return TypeClass::Bool;
  case Element::I8:
  case Element::U8:
  case Element::I32:
  case Element::I64:
    return TypeClass::Int;
  case Element::Inferred:
    return TypeClass::Unknown;
  default:
    return TypeClass::Float;
  }
}

static bool isNumber(TypeClass type) {
  return type == TypeClass::Int || type == TypeClass::Float || type == TypeClass::Unknown;
}
static bool isBool(TypeClass type) { return type == TypeClass::Bool || type == TypeClass::Unknown; }

/// Longest chain of tensors that take their class from one another.
static constexpr unsigned maxChain = 200;

namespace {

class TypeChecker {
public:
  TypeChecker(Kernel &kernel, Diagnostics &diagnostics) : kernel(kernel), diagnostics(diagnostics) {
    for (Equation &equation : kernel.equations)
      equations[equation.tensor].push_back(&equation);
  }

  void run() {
    for (auto &scalar : kernel.scalars)
      checkScalar(*scalar);
    for (RankDecl &decl : kernel.ranks)
      expect(decl.extent, TypeClass::Int, "an extent is an integer");
    for (Requirement &requirement : kernel.requirements)
      expect(requirement.condition, TypeClass::Bool, "'require' takes a condition");
    for (auto &tensor : kernel.tensors) {
      ofTensor(*tensor);
      expect(tensor->capacity, TypeClass::Int, "the capacity of a set is an integer");
    }
    for (Equation &equation : kernel.equations)
      checkEquation(equation);
  }

private:
  Diagnostic &error(const Term *term, const Twine &message) {
    Diagnostic &report = diagnostics.error(term->loc, message);
    Diagnostics::addUses(report, term->site);
    return report;
  }

  void checkScalar(ScalarParam &scalar) {
    if (!scalar.init)
      return;
    TypeClass type = infer(scalar.init), wanted = classOf(scalar.type);
    if (wanted == TypeClass::Int && type == TypeClass::Float)
      diagnostics.error(scalar.init->loc, "default of integer '" + scalar.name + "' is a float").help =
          "convert it: i64(...)";
    else if (wanted != TypeClass::Unknown && isNumber(wanted) != isNumber(type))
      diagnostics.error(scalar.init->loc,
                        "default of '" + scalar.name + "' is " + describe(type) + ", expected " + describe(wanted));
  }

  TypeClass ofTensor(Tensor &tensor) {
    if (tensor.isSet)
      return tensor.typeClass = TypeClass::Set;
    TypeClass declared = classOf(tensor.type);
    if (declared != TypeClass::Unknown)
      return tensor.typeClass = declared;
    if (tensor.typeClass != TypeClass::Unknown || open.size() > maxChain || !open.insert(&tensor).second)
      return tensor.typeClass;
    TypeClass type = TypeClass::Unknown;
    for (Equation *equation : equations[&tensor]) {
      TypeClass other = equation->rhs ? infer(equation->rhs) : TypeClass::Unknown;
      if (type == TypeClass::Unknown || (type == TypeClass::Int && other == TypeClass::Float))
        type = other;
    }
    open.erase(&tensor);
    return tensor.typeClass = type;
  }

  void checkEquation(Equation &equation) {
    for (Term *left : equation.left)
      expect(left, TypeClass::Int, "an index is an integer");
    for (BoundIndex &bound : equation.bounds)
      expect(bound.extent, TypeClass::Int, "an extent is an integer");
    if (!equation.rhs)
      return;
    TypeClass written = infer(equation.rhs), type = ofTensor(*equation.tensor);
    StringRef name = equation.tensor->name;
    if (type == TypeClass::Set && written == TypeClass::Set)
      checkArity(equation);
    if (type == TypeClass::Set && equation.tensor->role == TensorRole::Local &&
        equation.tensor->type.kind != Element::Inferred)
      diagnostics.error(equation.loc, "'" + name + "' is a set, which has no element type");
    if (type == TypeClass::Int && written == TypeClass::Float)
      diagnostics.error(equation.loc, "'" + name + "' holds integers, but this equation writes a float").help =
          "convert it: i32(...) saturates and rounds to even";
    else if (type != written && type != TypeClass::Unknown && written != TypeClass::Unknown &&
             !(type == TypeClass::Float && written == TypeClass::Int))
      diagnostics
          .error(equation.loc,
                 "'" + name + "' holds " + describe(type) + ", but this equation writes " + describe(written))
          .notes.push_back({equation.tensor->loc, "declared here"});
  }

  /// The members of a result are as its header says.
  void checkArity(const Equation &equation) {
    unsigned expected = equation.tensor->members.size(), found = arityOf(equation.rhs);
    if (expected && found && expected != found)
      diagnostics
          .error(equation.loc, "members of '" + equation.tensor->name + "' have " + Twine(expected) +
                                   (expected == 1 ? " component" : " components") + ", but this equation writes " +
                                   Twine(found))
          .notes.push_back({equation.tensor->loc, "declared here"});
  }

  TypeClass expect(Term *term, TypeClass wanted, const Twine &rule) {
    if (!term)
      return TypeClass::Unknown;
    TypeClass type = infer(term);
    if (type != wanted && type != TypeClass::Unknown)
      error(term, rule + ", found " + describe(type));
    return type;
  }

  TypeClass infer(Term *term) {
    TypeClass type = inferNode(term);
    // In a recurrence a term may be looked at before the class of what it reads is known.
    if (type != TypeClass::Unknown || term->type == TypeClass::Unknown)
      term->type = type;
    return term->type;
  }

  TypeClass inferNode(Term *term) {
    switch (term->kind) {
    case TermKind::Int:
    case TermKind::Index:
    case TermKind::Extent:
      return TypeClass::Int;
    case TermKind::Float:
      return TypeClass::Float;
    case TermKind::Bool:
      return TypeClass::Bool;
    case TermKind::Scalar:
      return classOf(term->scalar->type);
    case TermKind::Read:
      for (Term *subscript : term->args)
        expect(subscript, TypeClass::Int, "an index is an integer");
      return ofTensor(*term->tensor);
    case TermKind::Map:
      return inferMap(term);
    case TermKind::Convert:
      infer(term->args[0]);
      return classOf(term->element);
    case TermKind::If:
      expect(term->args[1], TypeClass::Bool, "'if' takes a condition");
      return infer(term->args[0]);
    case TermKind::Else:
      return merge(term, term->args[0], term->args[1]);
    case TermKind::Reduce:
      return inferReduce(term);
    case TermKind::Select:
      return inferSelect(term);
    default:
      return inferSetTerm(term);
    }
  }

  TypeClass inferSetTerm(Term *term) {
    SmallVector<TypeClass> types;
    for (Term *arg : term->args)
      types.push_back(infer(arg));
    auto wantsSet = [&](unsigned arg, StringRef what) {
      if (types[arg] != TypeClass::Set && types[arg] != TypeClass::Unknown)
        error(term, what + " a set, found " + describe(types[arg]));
    };
    switch (term->kind) {
    case TermKind::In:
      return wantsSet(1, "'in' expects"), checkMember(term->args[0], term->args[1]), TypeClass::Bool;
    case TermKind::Len:
      return wantsSet(0, "'len' expects"), TypeClass::Int;
    case TermKind::Pos:
      return wantsSet(0, "'pos' expects"), checkMember(term->args[1], term->args[0]), TypeClass::Int;
    case TermKind::Place:
      expect(term->args[1], TypeClass::Int, "the place of a member is an integer");
      return memberClass(term->args[0]);
    case TermKind::Component:
      return inferComponent(term);
    case TermKind::Rand:
      for (Term *arg : term->args)
        expect(arg, TypeClass::Int, "'rand' takes integers");
      return TypeClass::Float;
    default:
      return TypeClass::Tuple;
    }
  }

  /// Components of a set's members, 0 where that is not known: as declared, or of the selection that makes it.
  unsigned arityOf(const Term *set, unsigned depth = 0) {
    if (depth > maxChain)
      return 0;
    switch (set->kind) {
    case TermKind::Select:
      if (set->selection != SelectionKind::Set)
        return set->binders.size();
      return set->args[0]->kind == TermKind::Tuple ? set->args[0]->args.size() : 1;
    case TermKind::Read:
      if (!set->tensor->members.empty())
        return set->tensor->members.size();
      for (const Equation *equation : equations[set->tensor])
        if (unsigned arity = equation->rhs ? arityOf(equation->rhs, depth + 1) : 0)
          return arity;
      return 0;
    case TermKind::If:
    case TermKind::Else:
      return arityOf(set->args[0], depth + 1);
    case TermKind::Map:
      return set->op == MapOp::Select ? arityOf(set->args[1], depth + 1) : 0;
    default:
      return 0;
    }
  }

  TypeClass memberClass(const Term *set) {
    unsigned arity = arityOf(set);
    return arity == 0 ? TypeClass::Unknown : arity == 1 ? TypeClass::Int : TypeClass::Tuple;
  }

  /// Components of a member as it is written; 0 where that is not known.
  unsigned componentsOf(const Term *member) {
    if (member->kind == TermKind::Tuple)
      return member->args.size();
    if (member->kind == TermKind::Place)
      return arityOf(member->args[0]);
    return member->type == TypeClass::Int ? 1 : 0;
  }

  void checkMember(const Term *member, const Term *set) {
    if (member->type == TypeClass::Float || member->type == TypeClass::Bool || member->type == TypeClass::Set)
      return void(error(member, "members of a set are integers or tuples of them, found " + describe(member->type)));
    unsigned found = componentsOf(member), expected = arityOf(set);
    if (found && expected && found != expected)
      error(member, "members of this set have " + Twine(expected) + (expected == 1 ? " component" : " components") +
                        ", found " + Twine(found));
  }

  TypeClass inferComponent(const Term *term) {
    const Term *tuple = term->args[0];
    unsigned count = componentsOf(tuple);
    if (tuple->type != TypeClass::Tuple && tuple->type != TypeClass::Unknown)
      error(term, "'." + Twine(term->integer) + "' is a component of a tuple, found " + describe(tuple->type));
    else if (count && term->integer >= int64_t(count))
      error(term, "a tuple of " + Twine(count) + " components has no '." + Twine(term->integer) + "'");
    return TypeClass::Int;
  }

  /// The class of two values of which one is taken.
  TypeClass merge(Term *term, Term *a, Term *b) {
    TypeClass first = infer(a), second = infer(b);
    if (first == second || second == TypeClass::Unknown)
      return first;
    if (first == TypeClass::Unknown)
      return second;
    if (isNumber(first) && isNumber(second))
      return TypeClass::Float;
    error(term, "one value is " + describe(first) + ", the other " + describe(second));
    return TypeClass::Unknown;
  }

  TypeClass inferMap(Term *term) {
    MapOp op = term->op;
    if (op == MapOp::Select) {
      expect(term->args[0], TypeClass::Bool, "'select' takes a condition");
      return merge(term, term->args[1], term->args[2]);
    }
    if (op == MapOp::And || op == MapOp::Or || op == MapOp::Not) {
      for (Term *arg : term->args)
        expect(arg, TypeClass::Bool, "'" + spell(op) + "' takes bools");
      return TypeClass::Bool;
    }
    if (op >= MapOp::Less && op <= MapOp::NotEqual)
      return inferComparison(term);
    return inferArithmetic(term);
  }

  /// `any[n] cu[n] == t`: the reducer took `cu[n]` alone (R6, R11). True after reporting it in place of the error that
  /// the reducer's operand caused after `before`.
  bool endsReducerEarly(Term *term, Diagnostics::Mark before) {
    const Term *reducer = term->args[0];
    if (reducer->kind != TermKind::Reduce || reducer->site || isBool(reducer->args[0]->type) ||
        (reducer->reducer != ReducerKind::Any && reducer->reducer != ReducerKind::All))
      return false;
    diagnostics.rollback(before);
    Diagnostic &report =
        error(term, "'" + spell(reducer->reducer) + "' takes the product that follows it, which ends before '" +
                        spell(term->op) + "'");
    StringRef text = diagnostics.source(reducer->loc.file).getText();
    uint32_t body = reducer->args[0]->begin, end = term->args[1]->end;
    if (reducer->begin < body && body < end)
      report.help = ("write " + text.slice(reducer->begin, body) + "(" + text.slice(body, end) + ")").str();
    return true;
  }

  TypeClass inferComparison(Term *term) {
    Diagnostics::Mark before = diagnostics.mark();
    TypeClass left = infer(term->args[0]);
    bool isReported = endsReducerEarly(term, before);
    TypeClass right = infer(term->args[1]);
    if (isReported)
      return TypeClass::Bool;
    bool isEquality = term->op == MapOp::Equal || term->op == MapOp::NotEqual;
    if (isNumber(left) && isNumber(right))
      return TypeClass::Bool;
    if (isBool(left) && isBool(right) && isEquality)
      return TypeClass::Bool;
    error(term, "'" + spell(term->op) + "' compares " + describe(left) + " with " + describe(right));
    return TypeClass::Bool;
  }

  TypeClass inferArithmetic(Term *term) {
    bool allIntegers = true, anyUnknown = false;
    bool integersOnly = term->op == MapOp::Mod || (term->op >= MapOp::Ilog2 && term->op <= MapOp::BitXor);
    for (Term *arg : term->args) {
      TypeClass type = infer(arg);
      if (!isNumber(type) || (integersOnly && type == TypeClass::Float))
        error(arg, "'" + spell(term->op) + "' takes " + (integersOnly ? "integers" : "numbers") + ", found " +
                       describe(type));
      allIntegers &= type == TypeClass::Int;
      anyUnknown |= type == TypeClass::Unknown;
    }
    warnQuotient(term);
    if (integersOnly)
      return TypeClass::Int;
    if (isFloatFunction(term->op))
      return TypeClass::Float;
    if (allIntegers)
      return TypeClass::Int;
    bool anyFloat = any_of(term->args, [](const Term *arg) { return arg->type == TypeClass::Float; });
    return anyFloat || !anyUnknown ? TypeClass::Float : TypeClass::Unknown;
  }

  static bool isFloatFunction(MapOp op) {
    return op > MapOp::Not && findFunction(spell(op))->signature == Signature::Float;
  }

  /// R15: `x * (p / 2)` rounds p/2 down; often p/2.0 was meant.
  void warnQuotient(Term *term) {
    if (term->op > MapOp::Mod || term->args.size() != 2)
      return;
    for (unsigned i : {0u, 1u})
      if (term->args[i]->kind == TermKind::Map && term->args[i]->op == MapOp::Div &&
          term->args[i]->type == TypeClass::Int && term->args[1 - i]->type == TypeClass::Float)
        diagnostics.warning(term->args[i]->loc, "an integer quotient is rounded down before it meets a float");
  }

  TypeClass inferReduce(Term *term) {
    if (term->condition)
      expect(term->condition, TypeClass::Bool, "'if' takes a condition");
    for (const BoundIndex &binder : term->binders)
      expect(binder.extent, TypeClass::Int, "an extent is an integer");
    TypeClass body = infer(term->args[0]);
    bool takesBools = term->reducer == ReducerKind::Any || term->reducer == ReducerKind::All;
    if (takesBools ? !isBool(body) : !isNumber(body))
      error(term->args[0],
            "'" + spell(term->reducer) + "' takes " + (takesBools ? "bools" : "numbers") + ", found " + describe(body))
          .help = body == TypeClass::Bool ? "count with select(c, 1, 0)" : "";
    if (takesBools)
      return TypeClass::Bool;
    if (term->reducer == ReducerKind::ArgMax && term->binders.size() != 1)
      error(term, "'argmax' takes one index, found " + Twine(term->binders.size())).help =
          "topk[...; 1] selects a tuple";
    if (term->reducer == ReducerKind::ArgMax)
      return TypeClass::Int;
    return term->reducer == ReducerKind::Mean || term->reducer == ReducerKind::LogSumExp ? TypeClass::Float : body;
  }

  /// What `set` collects: integers, or tuples of them that are written out.
  void checkMembers(const Term *body) {
    if (body->kind == TermKind::Tuple) {
      for (const Term *component : body->args)
        checkMembers(component);
      return;
    }
    if (body->type == TypeClass::Tuple)
      error(body, "a tuple as member is written out").help = "write (x.0, x.1)";
    else if (body->type != TypeClass::Int && body->type != TypeClass::Unknown)
      error(body, Twine("members of a set are integers, found ") + describe(body->type));
  }

  TypeClass inferSelect(Term *term) {
    if (term->condition)
      expect(term->condition, TypeClass::Bool, "'if' takes a condition");
    TypeClass body = infer(term->args[0]);
    if (term->selection == SelectionKind::Set) {
      checkMembers(term->args[0]);
    } else if (!isNumber(body)) {
      error(term->args[0], "'" + spell(term->selection) + "' takes numbers, found " + describe(body));
    }
    if (term->selection == SelectionKind::TopK)
      expect(term->parameter, TypeClass::Int, "the number of members is an integer");
    else if (term->parameter && !isNumber(infer(term->parameter)))
      error(term->parameter, "the bound of '" + spell(term->selection) + "' is a number");
    return TypeClass::Set;
  }

  Kernel &kernel;
  Diagnostics &diagnostics;
  DenseMap<const Tensor *, SmallVector<Equation *, 2>> equations;
  DenseSet<const Tensor *> open;
};

} // namespace

void checkTypes(Kernel &kernel, Diagnostics &diagnostics) { TypeChecker(kernel, diagnostics).run(); }

} // namespace attn::spec

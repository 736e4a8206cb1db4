// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Expressions (R6). Both the parser's own recursion and the depth of the trees it makes are limited, so that neither
// nested parentheses nor a long sum can exhaust the stack here or in the analysis.
#include "compiler/spec/Parser.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/ADT/StringSwitch.h"
#include <optional>

using namespace llvm;

namespace attn::spec {

static constexpr unsigned maxNesting = 200;
static constexpr unsigned maxDepth = 600;

bool Parser::tooDeep(Loc loc) {
  diagnostics.error(loc, "expression is nested more than " + Twine(maxNesting) + " levels deep");
  return true;
}

Expr *Parser::node(ExprKind kind, Loc loc, uint32_t begin, ArrayRef<Expr *> operands) {
  Expr *expr = new (result.arena->Allocate<Expr>()) Expr(kind);
  expr->loc = loc;
  expr->begin = begin;
  expr->end = lastEnd();
  expr->operands = copy(operands);
  for (Expr *operand : operands)
    expr->depth = std::max(expr->depth, operand->depth + 1);
  if (expr->depth <= maxDepth)
    return expr;
  diagnostics.error(loc, "expression has more than " + Twine(maxDepth) + " operations in a row").help =
      "split it into several equations";
  return nullptr;
}

Expr *Parser::binary(BinaryOp op, Loc loc, Expr *left, Expr *right) {
  if (!left || !right)
    return nullptr;
  Expr *expr = node(ExprKind::Binary, loc, left->begin, {left, right});
  if (expr)
    expr->op = op;
  return expr;
}

Expr *Parser::expression() {
  if (nesting >= maxNesting)
    return tooDeep(here()), nullptr;
  ++nesting;
  llvm::scope_exit restore([&] { --nesting; });
  Expr *value = conditional();
  while (value && is(Token::KwElse)) {
    Loc loc = here();
    advance();
    Expr *other = conditional();
    value = other ? node(ExprKind::Else, loc, value->begin, {value, other}) : nullptr;
  }
  return value;
}

Expr *Parser::conditional() {
  Expr *value = disjunction();
  if (!value || !is(Token::KwIf))
    return value;
  Loc loc = here();
  advance();
  Expr *condition = disjunction();
  return condition ? node(ExprKind::If, loc, value->begin, {value, condition}) : nullptr;
}

Expr *Parser::disjunction() {
  Expr *value = conjunction();
  while (value && is(Token::KwOr)) {
    Loc loc = here();
    advance();
    value = binary(BinaryOp::Or, loc, value, conjunction());
  }
  return value;
}

Expr *Parser::conjunction() {
  Expr *value = negation();
  while (value && is(Token::KwAnd)) {
    Loc loc = here();
    advance();
    value = binary(BinaryOp::And, loc, value, negation());
  }
  return value;
}

Expr *Parser::negation() {
  SmallVector<Loc> nots;
  for (; is(Token::KwNot); advance())
    nots.push_back(here());
  Expr *value = comparison();
  for (Loc loc : reverse(nots))
    value = value ? node(ExprKind::Not, loc, loc.offset, {value}) : nullptr;
  return value;
}

static std::optional<BinaryOp> comparisonOp(Token token) {
  switch (token) {
  case Token::Less:
    return BinaryOp::Less;
  case Token::LessEqual:
    return BinaryOp::LessEqual;
  case Token::Greater:
    return BinaryOp::Greater;
  case Token::GreaterEqual:
    return BinaryOp::GreaterEqual;
  case Token::Equal:
    return BinaryOp::Equal;
  case Token::NotEqual:
    return BinaryOp::NotEqual;
  case Token::KwIn:
    return BinaryOp::In;
  default:
    return std::nullopt;
  }
}

Expr *Parser::comparison() {
  Expr *value = additive();
  std::optional<BinaryOp> op = comparisonOp(token());
  if (!value || !op)
    return value;
  Loc loc = here();
  advance();
  value = binary(*op, loc, value, additive());
  if (value && comparisonOp(token())) {
    diagnostics.error(here(), "comparisons do not chain").help = "write a < b and b < c";
    return nullptr;
  }
  return value;
}

Expr *Parser::additive() {
  Expr *value = product();
  while (value && (is(Token::Plus) || is(Token::Minus))) {
    BinaryOp op = is(Token::Plus) ? BinaryOp::Add : BinaryOp::Sub;
    Loc loc = here();
    advance();
    value = binary(op, loc, value, product());
  }
  return value;
}

Expr *Parser::product() {
  Expr *value = unary();
  while (value && (is(Token::Star) || is(Token::Slash) || is(Token::Percent))) {
    BinaryOp op = is(Token::Star) ? BinaryOp::Mul : is(Token::Slash) ? BinaryOp::Div : BinaryOp::Mod;
    Loc loc = here();
    advance();
    value = binary(op, loc, value, unary());
  }
  return value;
}

Expr *Parser::unary() {
  SmallVector<Loc> minuses;
  for (; is(Token::Minus); advance())
    minuses.push_back(here());
  bool reduces = (is(Token::Reducer) || is(Token::Select)) && peek(1).token != Token::LParen;
  Expr *value = reduces ? reduction() : postfix();
  for (Loc loc : reverse(minuses))
    value = value ? node(ExprKind::Negate, loc, loc.offset, {value}) : nullptr;
  return value;
}

/// A reducer or selection takes the product that follows.
Expr *Parser::reduction() {
  if (nesting >= maxNesting)
    return tooDeep(here()), nullptr;
  ++nesting;
  llvm::scope_exit restore([&] { --nesting; });
  Expr head(is(Token::Reducer) ? ExprKind::Reduce : ExprKind::Select);
  Loc loc = here();
  StringRef name = text(peek());
  advance();
  if (!expect(Token::LBracket, "before the indices of a reducer or selection") || !binders(head))
    return nullptr;
  Expr *body = product();
  Expr *expr = body ? node(head.kind, loc, loc.offset, {body}) : nullptr;
  if (!expr)
    return nullptr;
  expr->name = name;
  expr->binders = head.binders;
  expr->condition = head.condition;
  expr->parameter = head.parameter;
  return expr;
}

bool Parser::binders(Expr &head) {
  SmallVector<Binder> list;
  do {
    Binder one{{}, nullptr};
    if (!ident(one.index, "for an index"))
      return false;
    if (accept(Token::Less) && !(one.bound = additive()))
      return false;
    list.push_back(one);
  } while (accept(Token::Comma));
  head.binders = copy(ArrayRef<Binder>(list));
  if (accept(Token::KwIf) && !(head.condition = disjunction()))
    return false;
  if (accept(Token::Semicolon) && !(head.parameter = additive()))
    return false;
  return expect(Token::RBracket, "after the indices");
}

Expr *Parser::postfix() {
  uint32_t begin = peek().offset;
  Expr *value = primary();
  while (value && (is(Token::LBracket) || is(Token::Dot))) {
    if (is(Token::LBracket)) {
      value = subscript(value, begin);
      continue;
    }
    advance();
    Loc loc = here();
    if (!is(Token::Name) && !is(Token::Int))
      return unexpected("a result's name or a place in a tuple", "after '.'"), nullptr;
    StringRef name = text(peek());
    advance();
    value = node(ExprKind::Member, loc, begin, {value});
    if (value)
      value->name = name;
  }
  return value;
}

Expr *Parser::subscript(Expr *base, uint32_t begin) {
  SmallVector<Subscript> entries;
  SmallVector<unsigned> ends;
  Loc bracket = here();
  if (!subscripts(entries, ends))
    return nullptr;
  if (ends.size() > 1)
    return diagnostics.error(bracket, "';' separates the rank packs of a call, but this is a read"), nullptr;
  Expr *expr = node(ExprKind::Index, base->loc, begin, {base});
  if (!expr)
    return nullptr;
  expr->subscripts = copy(ArrayRef<Subscript>(entries));
  for (const Subscript &entry : entries)
    expr->depth = std::max(expr->depth, entry.value->depth + 1);
  return expr;
}

/// `[a, b; c]`: `ends` holds the number of entries up to each ';' and to the bracket.
bool Parser::subscripts(SmallVectorImpl<Subscript> &entries, SmallVectorImpl<unsigned> &ends) {
  advance();
  if (!is(Token::RBracket)) {
    for (bool more = true; more;) {
      Subscript one{{}, nullptr};
      if (is(Token::Name) && peek(1).token == Token::Colon) {
        one.label = {text(peek()), here()};
        advance();
        advance();
      }
      if (!(one.value = expression()))
        return false;
      entries.push_back(one);
      more = is(Token::Comma) || is(Token::Semicolon);
      if (is(Token::Semicolon))
        ends.push_back(entries.size());
      if (more)
        advance();
    }
  }
  ends.push_back(entries.size());
  return expect(Token::RBracket, "after the indices");
}

Expr *Parser::primary() {
  switch (token()) {
  case Token::LParen:
    return parenthesized();
  case Token::Name:
  case Token::Reducer:
  case Token::Select:
    return name();
  default:
    return literal();
  }
}

Expr *Parser::literal() {
  Loc loc = here();
  StringRef spelling = text(peek());
  Expr value(ExprKind::Int);
  switch (token()) {
  case Token::Int:
    if (spelling.getAsInteger(10, value.integer))
      return diagnostics.error(loc, "integer does not fit 64 bits"), nullptr;
    break;
  case Token::Float:
    value.kind = ExprKind::Float;
    if (spelling.getAsDouble(value.number))
      return diagnostics.error(loc, "number is out of range"), nullptr;
    break;
  case Token::KwTrue:
  case Token::KwFalse:
    value.kind = ExprKind::Bool;
    value.integer = is(Token::KwTrue);
    break;
  case Token::KwInf:
    value.kind = ExprKind::Inf;
    break;
  case Token::KwPi:
    value.kind = ExprKind::Pi;
    break;
  default:
    return unexpected("an expression", ""), nullptr;
  }
  advance();
  Expr *expr = node(value.kind, loc, loc.offset);
  expr->integer = value.integer;
  expr->number = value.number;
  return expr;
}

Expr *Parser::parenthesized() {
  Loc loc = here();
  advance();
  SmallVector<Expr *> list;
  if (!expressionList(Token::RParen, list, "to close the '('"))
    return nullptr;
  if (list.empty())
    return diagnostics.error(loc, "expected an expression between the parentheses"), nullptr;
  if (list.size() > 1)
    return node(ExprKind::Tuple, loc, loc.offset, list);
  list[0]->begin = loc.offset;
  list[0]->end = lastEnd();
  return list[0];
}

bool Parser::expressionList(Token close, SmallVectorImpl<Expr *> &list, StringRef where) {
  if (!is(close)) {
    do {
      Expr *one = expression();
      if (!one)
        return false;
      list.push_back(one);
    } while (accept(Token::Comma));
  }
  return expect(close, where);
}

Expr *Parser::name() {
  Ident callee{text(peek()), here()};
  bool reserved = !is(Token::Name);
  advance();
  if (is(Token::LParen))
    return call(callee, {});
  if (reserved)
    return unexpected("'('", "after the reducer"), nullptr;
  size_t bracket = at;
  if (is(Token::LBracket)) {
    SmallVector<Subscript> entries;
    SmallVector<unsigned> ends;
    if (!subscripts(entries, ends))
      return nullptr;
    ArrayRef<ArrayRef<Ident>> packs;
    if (is(Token::LParen))
      return callPacks(entries, ends, packs) ? call(callee, packs) : nullptr;
    if (ends.size() > 1)
      return diagnostics.error({lexemes[bracket].offset, file},
                               "';' separates the rank packs of a call, but this is a read"),
             nullptr;
    Expr *base = node(ExprKind::Name, callee.loc, callee.loc.offset);
    base->name = callee.name;
    Expr *expr = node(ExprKind::Index, callee.loc, callee.loc.offset, {base});
    expr->subscripts = copy(ArrayRef<Subscript>(entries));
    for (const Subscript &entry : entries)
      expr->depth = std::max(expr->depth, entry.value->depth + 1);
    return expr;
  }
  Expr *expr = node(ExprKind::Name, callee.loc, callee.loc.offset);
  expr->name = callee.name;
  return expr;
}

bool Parser::callPacks(ArrayRef<Subscript> entries, ArrayRef<unsigned> ends, ArrayRef<ArrayRef<Ident>> &packs) {
  SmallVector<ArrayRef<Ident>> list;
  unsigned begin = 0;
  for (unsigned end : ends) {
    SmallVector<Ident> pack;
    for (const Subscript &entry : entries.slice(begin, end - begin)) {
      if (entry.label || entry.value->kind != ExprKind::Name)
        return diagnostics.error(entry.value->loc, "a rank parameter takes names of ranks"), false;
      pack.push_back({entry.value->name, entry.value->loc});
    }
    if (pack.empty())
      return diagnostics.error(here(), "expected a rank between the brackets of a call"), false;
    list.push_back(copy(ArrayRef<Ident>(pack)));
    begin = end;
  }
  packs = copy(ArrayRef<ArrayRef<Ident>>(list));
  return true;
}

Expr *Parser::call(Ident callee, ArrayRef<ArrayRef<Ident>> packs) {
  advance();
  SmallVector<Expr *> arguments;
  if (!expressionList(Token::RParen, arguments, "after the arguments"))
    return nullptr;
  Expr *expr = node(ExprKind::Call, callee.loc, callee.loc.offset, arguments);
  if (!expr)
    return nullptr;
  expr->name = callee.name;
  expr->packs = packs;
  return expr;
}

} // namespace attn::spec

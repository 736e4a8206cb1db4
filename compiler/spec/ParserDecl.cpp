// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Kernels, defs and their statements. Statements end where the next lexeme cannot continue an expression, so line ends
// carry no meaning; they only help to find the next statement after an error.
#include "compiler/spec/Parser.h"

using namespace llvm;

namespace attn::spec {

bool Parser::startsDeclaration() const { return peek().firstOnLine && (is(Token::KwKernel) || is(Token::KwDef)); }

bool Parser::startsStatement() const {
  if (!peek().firstOnLine)
    return false;
  if (is(Token::KwRank) || is(Token::KwRequire))
    return true;
  Token next = peek(1).token;
  return is(Token::Name) && (next == Token::Assign || next == Token::LBracket || next == Token::Colon);
}

void Parser::skipToStatement() {
  while (!is(Token::End) && !is(Token::RBrace) && !startsDeclaration() && !startsStatement())
    advance();
}

/// An error in a statement that lacks its end is found inside the next one: that one starts where its line does.
void Parser::rewindToLine(size_t start) {
  size_t line = at;
  while (line > start && !lexemes[line].firstOnLine)
    --line;
  if (line <= start || line == at || lexemes[line].token != Token::Name)
    return;
  size_t next = line + 1;
  if (lexemes[next].token == Token::LBracket)
    while (next < at && lexemes[next].token != Token::RBracket)
      ++next;
  next += lexemes[next].token == Token::RBracket;
  if (next < lexemes.size() && lexemes[next].token == Token::Assign)
    at = line;
}

void Parser::skipToBody() {
  while (!is(Token::End) && !is(Token::LBrace) && !startsDeclaration())
    advance();
}

FileSyntax Parser::run() {
  while (!is(Token::End)) {
    if (is(Token::KwKernel)) {
      KernelSyntax one;
      one.broken = !kernel(one);
      result.kernels.push_back(one);
    } else if (is(Token::KwDef)) {
      DefSyntax one;
      one.broken = !def(one);
      result.defs.push_back(one);
    } else {
      unexpected("'kernel' or 'def'", "");
      do
        advance();
      while (!is(Token::End) && !startsDeclaration());
    }
  }
  return std::move(result);
}

/// Statements up to the closing brace; one that cannot be parsed is reported and skipped, but kept for its name.
template <typename T, typename Fn> ArrayRef<T> Parser::body(Fn parseOne) {
  SmallVector<T> list;
  while (!is(Token::RBrace) && !is(Token::End) && !startsDeclaration()) {
    T one{};
    size_t start = at;
    bool parsed = parseOne(one);
    if (!parsed) {
      if (at == start)
        advance();
      rewindToLine(start);
      skipToStatement();
    }
    list.push_back(one);
  }
  expect(Token::RBrace, "at the end of the body");
  return copy(ArrayRef<T>(list));
}

bool Parser::kernel(KernelSyntax &kernel) {
  advance();
  bool headerParsed = kernelHeader(kernel);
  if (!headerParsed)
    skipToBody();
  if (!expect(Token::LBrace, "before the equations"))
    return false;
  kernel.statements = body<Statement>([&](Statement &one) { return statement(one); });
  return headerParsed;
}

bool Parser::kernelHeader(KernelSyntax &kernel) {
  if (!ident(kernel.name, "after 'kernel'"))
    return false;
  if (accept(Token::Less)) {
    SmallVector<Ident> types;
    if (!identList(types, "for an element type") || !expect(Token::Greater, "after the element types"))
      return false;
    kernel.typeParams = copy(ArrayRef<Ident>(types));
  }
  SmallVector<Param> list;
  if (!expect(Token::LParen, "before the arguments"))
    return false;
  if (!is(Token::RParen) && !params(list, /*results=*/false))
    return false;
  kernel.params = copy(ArrayRef<Param>(list));
  if (!expect(Token::RParen, "after the arguments"))
    return false;
  list.clear();
  if (accept(Token::Arrow)) {
    if (!params(list, /*results=*/true))
      return false;
    kernel.results = copy(ArrayRef<Param>(list));
  }
  return true;
}

bool Parser::params(SmallVectorImpl<Param> &list, bool results) {
  do {
    Param one;
    if (!param(one, results))
      return false;
    list.push_back(one);
  } while (accept(Token::Comma));
  return true;
}

bool Parser::param(Param &param, bool isResult) {
  param.isInout = !isResult && accept(Token::KwInout);
  if (!ident(param.name, isResult ? "for a result" : "for an argument"))
    return false;
  param.isOptional = !isResult && accept(Token::Question);
  if (!expect(Token::Colon, "before the type"))
    return false;
  if (is(Token::Select) && text(peek()) == "set")
    return setType(param);
  param.isConst = !isResult && accept(Token::KwConst);
  if (!ident(param.type, "for an element type"))
    return false;
  if (accept(Token::LBracket)) {
    param.isTensor = true;
    if (!dims(param.dims))
      return false;
  }
  if (!isResult && accept(Token::Assign))
    return (param.init = expression()) != nullptr;
  return true;
}

/// `set[b,h] of j, cap` or `set[b] of (i,j), cap`
bool Parser::setType(Param &param) {
  advance();
  param.isSet = true;
  if (accept(Token::LBracket) && !dims(param.dims))
    return false;
  SmallVector<Ident> members;
  if (!expect(Token::KwOf, "in a set type"))
    return false;
  if (accept(Token::LParen)) {
    if (!identList(members, "for a member's rank") || !expect(Token::RParen, "after the members' ranks"))
      return false;
  } else if (Ident one; ident(one, "for a member's rank")) {
    members.push_back(one);
  } else {
    return false;
  }
  param.members = copy(ArrayRef<Ident>(members));
  if (!expect(Token::Comma, "before the capacity of the set"))
    return false;
  return (param.capacity = additive()) != nullptr;
}

bool Parser::dims(ArrayRef<Dim> &result) {
  SmallVector<Dim> list;
  if (!is(Token::RBracket)) {
    do {
      SmallVector<Ident> factors;
      do {
        Ident one;
        if (!ident(one, "for a rank"))
          return false;
        factors.push_back(one);
      } while (accept(Token::Star));
      list.push_back(copy(ArrayRef<Ident>(factors)));
    } while (accept(Token::Comma));
  }
  result = copy(ArrayRef<Dim>(list));
  return expect(Token::RBracket, "after the ranks");
}

bool Parser::def(DefSyntax &def) {
  advance();
  bool headerParsed = defHeader(def);
  if (!headerParsed)
    skipToBody();
  if (!expect(Token::LBrace, "before the equations"))
    return false;
  def.equations = body<EquationSyntax>([&](EquationSyntax &one) {
    if (is(Token::KwRank) || is(Token::KwRequire))
      return diagnostics.error(here(), "'" + text(peek()) + "' stands in kernels, not in defs"), advance(), false;
    return equation(one);
  });
  return headerParsed;
}

bool Parser::defHeader(DefSyntax &def) {
  SmallVector<Ident> list;
  if (!ident(def.name, "after 'def'"))
    return false;
  if (accept(Token::LBracket)) {
    do {
      Ident pack;
      if (!ident(pack, "for a rank parameter"))
        return false;
      list.push_back(pack);
    } while (accept(Token::Semicolon));
    if (!expect(Token::RBracket, "after the rank parameters (each stands for any number of ranks; ';' separates them)"))
      return false;
    def.packs = copy(ArrayRef<Ident>(list));
    list.clear();
  }
  if (!expect(Token::LParen, "before the parameters"))
    return false;
  if (!is(Token::RParen) && !identList(list, "for a parameter"))
    return false;
  def.formals = copy(ArrayRef<Ident>(list));
  list.clear();
  if (!expect(Token::RParen, "after the parameters") || !expect(Token::Arrow, "before the results of a def") ||
      !identList(list, "for a result"))
    return false;
  def.results = copy(ArrayRef<Ident>(list));
  return true;
}

bool Parser::statement(Statement &statement) {
  statement.loc = here();
  if (is(Token::KwRank))
    return rankDecl(statement);
  if (accept(Token::KwRequire)) {
    statement.kind = StatementKind::Require;
    return (statement.value = disjunction()) != nullptr;
  }
  statement.kind = StatementKind::Equation;
  return equation(statement.equation);
}

bool Parser::rankDecl(Statement &statement) {
  advance();
  statement.kind = StatementKind::Rank;
  if (!ident(statement.rank, "after 'rank'"))
    return false;
  if (accept(Token::LBracket)) {
    SmallVector<Ident> over;
    if (!identList(over, "for a rank") || !expect(Token::RBracket, "after the ranks"))
      return false;
    statement.over = copy(ArrayRef<Ident>(over));
  }
  return expect(Token::Assign, "before the extent") && (statement.value = additive()) != nullptr;
}

bool Parser::equation(EquationSyntax &equation) {
  if (!ident(equation.name, "on the left of an equation"))
    return false;
  if (accept(Token::Colon) && !ident(equation.type, "for an element type"))
    return false;
  if (accept(Token::LBracket)) {
    equation.hasIndices = true;
    SmallVector<Expr *> indices;
    if (!expressionList(Token::RBracket, indices, "after the indices"))
      return false;
    equation.indices = copy(ArrayRef<Expr *>(indices));
  }
  return expect(Token::Assign, "in an equation") && (equation.rhs = expression()) != nullptr;
}

} // namespace attn::spec

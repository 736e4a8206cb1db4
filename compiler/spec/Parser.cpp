// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What all parser functions share: looking at lexemes and saying what was expected.
#include "compiler/spec/Parser.h"

using namespace llvm;

namespace attn::spec {

Parser::Parser(uint32_t file, Diagnostics &diagnostics)
    : file(file), diagnostics(diagnostics), source(diagnostics.source(file).getText()),
      lexemes(lex(file, diagnostics)) {}

bool Parser::accept(Token kind) {
  if (!is(kind))
    return false;
  advance();
  return true;
}

bool Parser::unexpected(StringRef expected, StringRef where) {
  std::string found =
      is(Token::End) || text(peek()).size() > 40 ? describe(token()).str() : ("'" + text(peek()) + "'").str();
  diagnostics.error(here(), "expected " + expected + (where.empty() ? "" : " ") + where + ", found " + found);
  return false;
}

bool Parser::expect(Token kind, StringRef where) { return accept(kind) || unexpected(describe(kind), where); }

bool Parser::ident(Ident &result, StringRef where) {
  if (!is(Token::Name)) {
    StringRef spelling = text(peek());
    if (isReserved(spelling))
      return diagnostics.error(here(), "'" + spelling + "' is reserved, expected a name " + where), false;
    return unexpected("a name", where);
  }
  result = {text(peek()), here()};
  advance();
  return true;
}

bool Parser::identList(SmallVectorImpl<Ident> &list, StringRef where) {
  do {
    Ident one;
    if (!ident(one, where))
      return false;
    list.push_back(one);
  } while (accept(Token::Comma));
  return true;
}

FileSyntax parse(uint32_t file, Diagnostics &diagnostics) { return Parser(file, diagnostics).run(); }

} // namespace attn::spec

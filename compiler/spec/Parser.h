// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "compiler/spec/Ast.h"
#include "compiler/spec/Lexer.h"

namespace attn::spec {

/// Parses a source already added to `diagnostics`. Always returns what could be parsed; an error costs the statement it
/// stands in.
FileSyntax parse(uint32_t file, Diagnostics &diagnostics);

/// Recursive descent over the lexemes of one file: the grammar is in grammar.md. A function that fails has reported
/// why and returns null or false; only statements recover.
class Parser {
public:
  Parser(uint32_t file, Diagnostics &diagnostics);
  FileSyntax run();

private:
  // Lexemes (Parser.cpp)
  const Lexeme &peek(unsigned ahead = 0) const { return lexemes[std::min(at + ahead, lexemes.size() - 1)]; }
  Token token() const { return peek().token; }
  bool is(Token kind) const { return token() == kind; }
  Loc here() const { return {peek().offset, file}; }
  llvm::StringRef text(const Lexeme &lexeme) const { return source.substr(lexeme.offset, lexeme.length); }
  uint32_t lastEnd() const { return at ? lexemes[at - 1].offset + lexemes[at - 1].length : 0; }
  void advance() { at += !is(Token::End); }
  bool accept(Token kind);
  bool expect(Token kind, llvm::StringRef where);
  bool unexpected(llvm::StringRef expected, llvm::StringRef where);
  bool ident(Ident &result, llvm::StringRef where);
  bool identList(llvm::SmallVectorImpl<Ident> &list, llvm::StringRef where);

  // Declarations (ParserDecl.cpp)
  bool kernel(KernelSyntax &result);
  bool kernelHeader(KernelSyntax &result);
  bool params(llvm::SmallVectorImpl<Param> &list, bool results);
  bool param(Param &result, bool isResult);
  bool setType(Param &result);
  bool dims(llvm::ArrayRef<Dim> &result);
  bool def(DefSyntax &result);
  bool defHeader(DefSyntax &result);
  bool statement(Statement &result);
  bool rankDecl(Statement &result);
  bool equation(EquationSyntax &result);
  void rewindToLine(size_t start);
  void skipToBody();
  void skipToStatement();
  bool startsStatement() const;
  bool startsDeclaration() const;
  template <typename T, typename Fn> llvm::ArrayRef<T> body(Fn parseOne);

  // Expressions (ParserExpr.cpp), loosest first
  Expr *expression();
  Expr *conditional();
  Expr *disjunction();
  Expr *conjunction();
  Expr *negation();
  Expr *comparison();
  Expr *additive();
  Expr *product();
  Expr *unary();
  Expr *reduction();
  Expr *postfix();
  Expr *primary();
  Expr *name();
  Expr *parenthesized();
  Expr *subscript(Expr *base, uint32_t begin);
  Expr *call(Ident callee, llvm::ArrayRef<llvm::ArrayRef<Ident>> packs);
  bool callPacks(llvm::ArrayRef<Subscript> entries, llvm::ArrayRef<unsigned> ends,
                 llvm::ArrayRef<llvm::ArrayRef<Ident>> &packs);
  bool subscripts(llvm::SmallVectorImpl<Subscript> &entries, llvm::SmallVectorImpl<unsigned> &ends);
  bool binders(Expr &result);
  bool expressionList(Token close, llvm::SmallVectorImpl<Expr *> &list, llvm::StringRef where);
  Expr *literal();
  Expr *node(ExprKind kind, Loc loc, uint32_t begin, llvm::ArrayRef<Expr *> operands = {});
  Expr *binary(BinaryOp op, Loc loc, Expr *left, Expr *right);
  bool tooDeep(Loc loc);

  template <typename T> llvm::ArrayRef<T> copy(llvm::ArrayRef<T> list) { return list.copy(*result.arena); }

  uint32_t file;
  Diagnostics &diagnostics;
  llvm::StringRef source;
  std::vector<Lexeme> lexemes;
  size_t at = 0;
  unsigned nesting = 0;
  FileSyntax result;
};

} // namespace attn::spec

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "compiler/spec/Diagnostics.h"

namespace attn::spec {

enum class Token : uint8_t {
  End,
  Name,
  Int,
  Float,
  LParen,
  RParen,
  LBracket,
  RBracket,
  LBrace,
  RBrace,
  Comma,
  Semicolon,
  Colon,
  Dot,
  Question,
  Arrow,
  Assign,
  Plus,
  Minus,
  Star,
  Slash,
  Percent,
  Less,
  LessEqual,
  Greater,
  GreaterEqual,
  Equal,
  NotEqual,
  KwKernel,
  KwDef,
  KwRank,
  KwRequire,
  KwInout,
  KwConst,
  KwOf,
  KwIf,
  KwElse,
  KwOr,
  KwAnd,
  KwNot,
  KwIn,
  KwTrue,
  KwFalse,
  KwInf,
  KwPi,
  Reducer, ///< sum prod max min any all mean logsumexp
  Select,  ///< argmax topk topp above set
};

struct Lexeme {
  uint32_t offset;
  uint32_t length : 31;
  uint32_t firstOnLine : 1; ///< nothing but blanks stands before it on its line
  Token token;
};

/// Splits a source into lexemes; the last one is `End`. Characters that no lexeme can hold are reported (a run of them
/// once) and skipped, and so is invalid UTF-8, comments included.
std::vector<Lexeme> lex(uint32_t file, Diagnostics &diagnostics);

/// How a token is spelt in messages: `'('`, `a name`.
llvm::StringRef describe(Token token);

/// Names that are not free for tensors, scalars and ranks.
bool isReserved(llvm::StringRef name);

} // namespace attn::spec

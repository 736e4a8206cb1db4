// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "compiler/spec/Ast.h"
#include "compiler/spec/Lexer.h"
#include "llvm/ADT/DenseSet.h"

namespace attn::spec {

/// Which blanks stand between the lexemes of a formatted spec that share a line: `Q[b,h*G/H,t-1] * (p - m)`,
/// `M/2 - 1`, `sum[m if m <= p] X`.
///
/// Arithmetic in subscripts has no blanks, other arithmetic has; but a product of integers (ranks, extents, integer
/// scalars and literals) has none anywhere. Subscripts are separated by ',', or by ', ' if several of them are more
/// than a name or a number.
class FormatSpacing {
public:
  /// The spec must have been parsed without an error.
  FormatSpacing(const FileSyntax &syntax, llvm::ArrayRef<Lexeme> lexemes, llvm::StringRef source);

  /// Whether a blank stands before a lexeme that starts neither a line nor a statement.
  bool hasBlankBefore(size_t i) const;
  bool startsStatement(size_t i) const { return statements.contains(lexemes[i].offset); }
  bool isInBrackets(size_t i) const { return enclosing[i] != none; }

private:
  enum class Bracket : uint8_t { None, Paren, Index, Binder, Types };
  static constexpr size_t none = ~size_t(0);

  Token token(size_t i) const { return lexemes[i].token; }
  void readNames(const FileSyntax &syntax);
  void matchBrackets();
  Bracket bracketAt(size_t i) const;
  bool endsOperand(size_t i) const;
  bool isUnaryMinus(size_t i) const { return token(i) == Token::Minus && (i == 0 || !endsOperand(i - 1)); }
  bool isInSubscript(size_t i) const;
  bool isTight(size_t i) const;
  bool isIntegerProduct(size_t i) const;
  bool isIntegerName(size_t i) const;
  bool endsProduct(size_t i) const;
  bool hasSpacedCommas(size_t bracket) const;

  llvm::ArrayRef<Lexeme> lexemes;
  llvm::StringRef source;
  llvm::DenseSet<uint32_t> statements; ///< offsets at which a statement or equation starts
  /// By the offset of a kernel's name, those of its names that are no integers; by that of a def's, those that are.
  std::vector<std::pair<uint32_t, llvm::DenseSet<llvm::StringRef>>> kernelNames, defNames;
  std::vector<bool> isInteger;        ///< a name of an integer
  std::vector<size_t> enclosing;      ///< the innermost bracket around each lexeme, by the place where it opens
  std::vector<size_t> partner;        ///< of a bracket
  std::vector<Bracket> brackets;      ///< of the lexemes that open or close one
  std::vector<bool> tight, hasCommas; ///< an operator without blanks; a bracket whose commas have blanks
};

} // namespace attn::spec

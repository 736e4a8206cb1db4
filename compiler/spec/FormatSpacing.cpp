// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/spec/FormatSpacing.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace llvm;

namespace attn::spec {

static bool isIntegerType(StringRef type) {
  return type == "int" || ((type.consume_front("i") || type.consume_front("u")) && all_of(type, isDigit));
}

static bool isArithmetic(Token token) {
  return token == Token::Plus || token == Token::Minus || token == Token::Star || token == Token::Slash ||
         token == Token::Percent;
}

static bool isOpening(Token token) { return token == Token::LParen || token == Token::LBracket; }
static bool isClosing(Token token) { return token == Token::RParen || token == Token::RBracket; }

FormatSpacing::FormatSpacing(const FileSyntax &syntax, ArrayRef<Lexeme> lexemes, StringRef source)
    : lexemes(lexemes), source(source), isInteger(lexemes.size()), enclosing(lexemes.size(), none),
      partner(lexemes.size(), none), brackets(lexemes.size(), Bracket::None), tight(lexemes.size()),
      hasCommas(lexemes.size()) {
  readNames(syntax);
  matchBrackets();
  for (size_t i = 0; i < lexemes.size(); ++i) {
    tight[i] = isArithmetic(token(i)) && isTight(i);
    hasCommas[i] = brackets[i] != Bracket::None && !isClosing(token(i)) && hasSpacedCommas(i);
  }
}

void FormatSpacing::readNames(const FileSyntax &syntax) {
  for (const KernelSyntax &kernel : syntax.kernels) {
    DenseSet<StringRef> others;
    for (ArrayRef<Param> list : {kernel.params, kernel.results})
      for (const Param &param : list)
        if (param.isTensor || param.isSet || !isIntegerType(param.type.name))
          others.insert(param.name.name);
    for (const Statement &statement : kernel.statements) {
      statements.insert(statement.loc.offset);
      if (statement.kind == StatementKind::Equation)
        others.insert(statement.equation.name.name);
    }
    kernelNames.emplace_back(kernel.name.loc.offset, std::move(others));
  }
  for (const DefSyntax &def : syntax.defs) {
    DenseSet<StringRef> ranks;
    for (const Ident &pack : def.packs)
      ranks.insert(pack.name);
    for (const EquationSyntax &equation : def.equations)
      statements.insert(equation.name.loc.offset);
    defNames.emplace_back(def.name.loc.offset, std::move(ranks));
  }
}

void FormatSpacing::matchBrackets() {
  SmallVector<size_t> stack;
  size_t kernel = 0, def = 0;
  bool inKernel = false;
  for (size_t i = 0; i < lexemes.size(); ++i) {
    if (isClosing(token(i)) ||
        (token(i) == Token::Greater && !stack.empty() && brackets[stack.back()] == Bracket::Types)) {
      partner[i] = stack.pop_back_val();
      partner[partner[i]] = i;
      brackets[i] = brackets[partner[i]];
    }
    enclosing[i] = stack.empty() ? none : stack.back();
    if (token(i) == Token::KwKernel || token(i) == Token::KwDef) {
      inKernel = token(i) == Token::KwKernel;
      ++(inKernel ? kernel : def);
    } else if (token(i) == Token::Name && kernel + def) {
      const auto &[offset, names] = inKernel ? kernelNames[kernel - 1] : defNames[def - 1];
      isInteger[i] = names.contains(source.substr(lexemes[i].offset, lexemes[i].length)) != inKernel;
    }
    brackets[i] = brackets[i] == Bracket::None ? bracketAt(i) : brackets[i];
    if (partner[i] == none && brackets[i] != Bracket::None)
      stack.push_back(i);
  }
}

FormatSpacing::Bracket FormatSpacing::bracketAt(size_t i) const {
  switch (token(i)) {
  case Token::LParen: // the members of a set are written as ranks are
    return token(i - 1) == Token::KwOf ? Bracket::Index : Bracket::Paren;
  case Token::LBracket: {
    bool isSet = token(i - 1) == Token::Select && token(i - 2) == Token::Colon &&
                 (enclosing[i] == none || brackets[enclosing[i]] == Bracket::Paren);
    return !isSet && (token(i - 1) == Token::Reducer || token(i - 1) == Token::Select) ? Bracket::Binder
                                                                                       : Bracket::Index;
  }
  case Token::Less:
    return i >= 2 && token(i - 2) == Token::KwKernel ? Bracket::Types : Bracket::None;
  default:
    return Bracket::None;
  }
}

bool FormatSpacing::endsOperand(size_t i) const {
  switch (token(i)) {
  case Token::Name:
  case Token::Int:
  case Token::Float:
  case Token::KwTrue:
  case Token::KwFalse:
  case Token::KwInf:
  case Token::KwPi:
  case Token::RParen:
    return true;
  case Token::RBracket:
    return brackets[i] != Bracket::Binder;
  default:
    return false;
  }
}

/// What a reducer in a subscript binds is an expression like those outside.
bool FormatSpacing::isInSubscript(size_t i) const {
  for (size_t at = enclosing[i]; at != none; at = enclosing[at])
    if (brackets[at] == Bracket::Index || brackets[at] == Bracket::Binder)
      return brackets[at] == Bracket::Index;
  return false;
}

bool FormatSpacing::isTight(size_t i) const {
  if (isUnaryMinus(i))
    return false;
  if (isInSubscript(i))
    return true;
  return (token(i) == Token::Star || token(i) == Token::Slash) && isIntegerProduct(i);
}

/// Whether a lexeme cannot be part of a product, brackets in it left out.
bool FormatSpacing::endsProduct(size_t i) const {
  switch (token(i)) {
  case Token::Name:
    return startsStatement(i);
  case Token::Int:
  case Token::Float:
  case Token::KwTrue:
  case Token::KwFalse:
  case Token::KwInf:
  case Token::KwPi:
  case Token::Star:
  case Token::Slash:
  case Token::Percent:
  case Token::Dot:
  case Token::Reducer:
  case Token::Select:
    return false;
  case Token::Minus:
    return !isUnaryMinus(i);
  default:
    return true;
  }
}

bool FormatSpacing::isIntegerName(size_t i) const {
  if (token(i + 1) == Token::LBracket)
    return false;
  if (token(i + 1) == Token::LParen)
    return source.substr(lexemes[i].offset, lexemes[i].length) == "extent";
  return isInteger[i];
}

bool FormatSpacing::isIntegerProduct(size_t i) const {
  size_t begin = i, end = i;
  while (isClosing(token(begin - 1)) || !endsProduct(begin - 1))
    begin = isClosing(token(begin - 1)) ? partner[begin - 1] : begin - 1;
  while (isOpening(token(end + 1)) || !endsProduct(end + 1))
    end = isOpening(token(end + 1)) ? partner[end + 1] : end + 1;
  for (size_t at = begin; at <= end; ++at) {
    switch (token(at)) {
    case Token::Name:
      if (!isIntegerName(at))
        return false;
      break;
    case Token::Percent:
      if (enclosing[at] == enclosing[i])
        return false;
      break;
    case Token::Int:
    case Token::Plus:
    case Token::Minus:
    case Token::Star:
    case Token::Slash:
    case Token::LParen:
    case Token::RParen:
      break;
    default:
      return false;
    }
  }
  return true;
}

bool FormatSpacing::hasSpacedCommas(size_t bracket) const {
  if (brackets[bracket] == Bracket::Paren || brackets[bracket] == Bracket::Types)
    return true;
  unsigned entries = 1, compound = 0;
  bool isCompound = false, hasLabel = false;
  for (size_t i = bracket + 1; i <= partner[bracket] && token(i) != Token::KwIf; ++i) {
    if (i == partner[bracket] ||
        (enclosing[i] == bracket && (token(i) == Token::Comma || token(i) == Token::Semicolon))) {
      compound += isCompound;
      entries += i != partner[bracket];
      isCompound = false;
      continue;
    }
    hasLabel |= enclosing[i] == bracket && token(i) == Token::Colon;
    isCompound |= token(i) != Token::Name && token(i) != Token::Int;
  }
  return compound > 1 || (hasLabel && entries > 1);
}

bool FormatSpacing::hasBlankBefore(size_t i) const {
  if (!i)
    return false;
  Token before = token(i - 1), here = token(i);
  if (isClosing(here) || (here == Token::Greater && brackets[i] == Bracket::Types))
    return false;
  switch (here) {
  case Token::Comma:
  case Token::Semicolon:
  case Token::Colon:
  case Token::Question:
  case Token::LBracket:
    return false;
  case Token::Dot: // not to become a number
    return before == Token::Int && token(i + 1) == Token::Int;
  case Token::RBrace:
    return before != Token::LBrace;
  default:
    break;
  }
  if (before == Token::Comma)
    return enclosing[i] == none || hasCommas[enclosing[i]];
  if (before == Token::Semicolon || before == Token::Colon)
    return true;
  if (isOpening(before) || before == Token::Dot || brackets[i] == Bracket::Types || brackets[i - 1] == Bracket::Types)
    return false;
  if (isUnaryMinus(i - 1) || tight[i - 1] || tight[i])
    return false;
  if (here != Token::LParen)
    return true;
  if (before == Token::RBracket && brackets[i - 1] == Bracket::Binder) // 'logsumexp[m](S)' looks like the use of a def
    return partner[i] != i + 2 || token(i + 1) != Token::Name;
  return before != Token::Name && before != Token::Reducer && before != Token::Select && before != Token::RBracket;
}

} // namespace attn::spec

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Lexemes are offsets into the source: 12 bytes each, so that a large wrong file stays cheap.
#include "compiler/spec/Lexer.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/ConvertUTF.h"

using namespace llvm;

namespace attn::spec {

static Token classifyName(StringRef name) {
  return StringSwitch<Token>(name)
      .Case("kernel", Token::KwKernel)
      .Case("def", Token::KwDef)
      .Case("rank", Token::KwRank)
      .Case("require", Token::KwRequire)
      .Case("inout", Token::KwInout)
      .Case("const", Token::KwConst)
      .Case("of", Token::KwOf)
      .Case("if", Token::KwIf)
      .Case("else", Token::KwElse)
      .Case("or", Token::KwOr)
      .Case("and", Token::KwAnd)
      .Case("not", Token::KwNot)
      .Case("in", Token::KwIn)
      .Case("true", Token::KwTrue)
      .Case("false", Token::KwFalse)
      .Case("inf", Token::KwInf)
      .Case("pi", Token::KwPi)
      .Cases({"sum", "prod", "max", "min", "any", "all", "mean", "logsumexp"}, Token::Reducer)
      .Cases({"argmax", "topk", "topp", "above", "set"}, Token::Select)
      .Default(Token::Name);
}

bool isReserved(StringRef name) { return classifyName(name) != Token::Name; }

StringRef describe(Token token) {
  static constexpr StringLiteral names[] = {"the end of the file",
                                            "a name",
                                            "an integer",
                                            "a number",
                                            "'('",
                                            "')'",
                                            "'['",
                                            "']'",
                                            "'{'",
                                            "'}'",
                                            "','",
                                            "';'",
                                            "':'",
                                            "'.'",
                                            "'?'",
                                            "'->'",
                                            "'='",
                                            "'+'",
                                            "'-'",
                                            "'*'",
                                            "'/'",
                                            "'%'",
                                            "'<'",
                                            "'<='",
                                            "'>'",
                                            "'>='",
                                            "'=='",
                                            "'!='",
                                            "'kernel'",
                                            "'def'",
                                            "'rank'",
                                            "'require'",
                                            "'inout'",
                                            "'const'",
                                            "'of'",
                                            "'if'",
                                            "'else'",
                                            "'or'",
                                            "'and'",
                                            "'not'",
                                            "'in'",
                                            "'true'",
                                            "'false'",
                                            "'inf'",
                                            "'pi'",
                                            "a reducer",
                                            "a selection"};
  return names[static_cast<size_t>(token)];
}

namespace {

class Lexer {
public:
  Lexer(uint32_t file, Diagnostics &diagnostics)
      : file(file), diagnostics(diagnostics), text(diagnostics.source(file).getText()) {}

  std::vector<Lexeme> run() {
    while (skipBlanks(), at < text.size())
      next();
    push(Token::End, 0);
    return std::move(lexemes);
  }

private:
  void push(Token token, uint32_t length) {
    lexemes.push_back({at, length, firstOnLine, token});
    at += length;
    firstOnLine = false;
  }

  /// Length of the valid UTF-8 sequence here; 0 when there is none.
  unsigned sequenceLength() const {
    const auto *begin = reinterpret_cast<const UTF8 *>(text.data() + at);
    const auto *end = reinterpret_cast<const UTF8 *>(text.data() + text.size());
    unsigned length = getNumBytesForUTF8(*begin);
    return begin + length <= end && isLegalUTF8Sequence(begin, end) ? length : 0;
  }

  void skipInvalid() {
    diagnostics.error({at, file}, "invalid UTF-8: byte 0x" + utohexstr(static_cast<unsigned char>(text[at])));
    while (at < text.size() && (text[at] & 0x80) && !sequenceLength())
      ++at;
  }

  void skipComment() {
    while (at < text.size() && text[at] != '\n') {
      if (!(text[at] & 0x80))
        ++at;
      else if (unsigned length = sequenceLength())
        at += length;
      else
        skipInvalid();
    }
  }

  void skipBlanks() {
    for (; at < text.size(); ++at) {
      char c = text[at];
      if (c == '#')
        skipComment();
      if (at == text.size())
        return;
      c = text[at];
      if (c == '\n')
        firstOnLine = true;
      else if (c != ' ' && c != '\t' && c != '\r')
        return;
    }
  }

  void number() {
    StringRef rest = text.drop_front(at);
    auto digits = [&](size_t from) { return rest.find_first_not_of("0123456789", from); };
    auto clip = [&](size_t end) { return std::min(end, rest.size()); };
    size_t end = clip(digits(0));
    bool isFloat = false;
    if (end + 1 < rest.size() && rest[end] == '.' && isDigit(rest[end + 1])) {
      isFloat = true;
      end = clip(digits(end + 1));
    }
    size_t exponent = end;
    if (exponent < rest.size() && (rest[exponent] == 'e' || rest[exponent] == 'E')) {
      ++exponent;
      if (exponent < rest.size() && (rest[exponent] == '+' || rest[exponent] == '-'))
        ++exponent;
      if (exponent < rest.size() && isDigit(rest[exponent])) {
        isFloat = true;
        end = clip(digits(exponent));
      }
    }
    push(isFloat ? Token::Float : Token::Int, end);
  }

  void name() {
    StringRef word = text.drop_front(at).take_while([](char c) { return isAlnum(c) || c == '_'; });
    push(classifyName(word), word.size());
  }

  bool punctuation() {
    StringRef rest = text.drop_front(at);
    static constexpr std::pair<StringLiteral, Token> two[] = {{"->", Token::Arrow},
                                                              {"<=", Token::LessEqual},
                                                              {">=", Token::GreaterEqual},
                                                              {"==", Token::Equal},
                                                              {"!=", Token::NotEqual}};
    for (const auto &[spelling, token] : two)
      if (rest.starts_with(spelling))
        return push(token, 2), true;
    static constexpr StringLiteral one = "()[]{},;:.?=+-*/%<>";
    static constexpr Token tokens[] = {
        Token::LParen,    Token::RParen, Token::LBracket, Token::RBracket, Token::LBrace, Token::RBrace, Token::Comma,
        Token::Semicolon, Token::Colon,  Token::Dot,      Token::Question, Token::Assign, Token::Plus,   Token::Minus,
        Token::Star,      Token::Slash,  Token::Percent,  Token::Less,     Token::Greater};
    size_t which = one.find(rest.front());
    if (which == StringRef::npos)
      return false;
    push(tokens[which], 1);
    return true;
  }

  bool isUnknown() const {
    char c = text[at];
    return !isAlnum(c) && c != '_' && c != '#' && c != ' ' && c != '\t' && c != '\r' && c != '\n' &&
           !StringRef("()[]{},;:.?=+-*/%<>").contains(c);
  }

  /// A run of characters that nothing uses is one error.
  void unknown() {
    if ((text[at] & 0x80) && !sequenceLength())
      return skipInvalid();
    unsigned length = text[at] & 0x80 ? sequenceLength() : 1;
    StringRef character = text.substr(at, length);
    if (length == 1 && !isPrint(character[0]))
      diagnostics.error({at, file}, "unexpected byte 0x" + utohexstr(static_cast<unsigned char>(character[0])));
    else
      diagnostics.error({at, file}, "unexpected character '" + character + "'").help =
          length > 1 ? "names are ASCII letters, digits and '_'; other letters may stand in comments" : "";
    while (at < text.size() && isUnknown()) {
      length = text[at] & 0x80 ? sequenceLength() : 1;
      if (!length)
        return;
      at += length;
    }
  }

  void next() {
    char c = text[at];
    if (isDigit(c))
      return number();
    if (isAlpha(c) || c == '_')
      return name();
    if (!punctuation())
      unknown();
  }

  uint32_t file;
  Diagnostics &diagnostics;
  StringRef text;
  uint32_t at = 0;
  bool firstOnLine = true;
  std::vector<Lexeme> lexemes;
};

} // namespace

std::vector<Lexeme> lex(uint32_t file, Diagnostics &diagnostics) { return Lexer(file, diagnostics).run(); }

} // namespace attn::spec

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The lexemes are cut into pieces (a header, a statement, a comment), each of which starts a line.
#include "compiler/spec/Format.h"
#include "compiler/spec/FormatSpacing.h"
#include "compiler/spec/Parser.h"
#include "llvm/ADT/STLExtras.h"

using namespace llvm;

namespace attn::spec {

static constexpr unsigned bodyIndent = 2;
static constexpr unsigned continuationIndent = 4;
static constexpr unsigned blanksBetweenStatements = 3; ///< of a body on one line
static constexpr unsigned blanksBeforeIf = 6;
/// Columns that may differ by so much are made one.
static constexpr unsigned mostBeforeAssign = 12, mostBeforeIf = 30, mostBeforeComment = 40;

namespace {

struct Comment {
  StringRef text;
  unsigned lineEnds; ///< between what stands before it and the comment
};

/// What stands between two lexemes, blanks left out.
struct Gap {
  SmallVector<Comment, 1> comments;
  unsigned lineEnds = 0; ///< between the last comment, or the lexeme before, and the lexeme behind
  bool breaksLine() const { return lineEnds || !comments.empty(); }
};

enum class PieceKind : uint8_t { Comment, Header, Equation, OtherStatement, Close };

struct Piece {
  PieceKind kind = PieceKind::Equation;
  size_t begin = 0, end = 0; ///< lexemes
  unsigned indent = 0;
  bool afterBlankLine = false;
  StringRef comment; ///< a piece of its own, or behind the lexemes on their last line
  unsigned blanksBeforeAssign = 1;
  unsigned blanksBeforeIf = spec::blanksBeforeIf; ///< before the 'if' at the end of an equation
  unsigned blanksBeforeComment = 2;
};

class Formatter {
public:
  Formatter(const FileSyntax &syntax, ArrayRef<Lexeme> lexemes, StringRef source)
      : lexemes(lexemes), source(source), spacing(syntax, lexemes, source) {}
  std::string run();

private:
  void readGaps();
  void cut();
  void addComments(size_t gap, unsigned depth, bool startsBody);
  bool isOnOneLine(size_t brace) const;
  size_t lastOf(size_t begin) const;
  void align();
  void alignEquations(MutableArrayRef<Piece> group);
  void alignComments();
  size_t assignOf(const Piece &piece) const;
  size_t conditionOf(const Piece &piece) const;
  unsigned blanksBefore(const Piece &piece, size_t i, bool isOneLine) const;
  std::string print(const Piece &piece, size_t end) const;
  std::optional<unsigned> widthBefore(const Piece &piece, size_t i) const;

  ArrayRef<Lexeme> lexemes;
  StringRef source;
  FormatSpacing spacing;
  std::vector<Gap> gaps; ///< before each lexeme
  std::vector<Piece> pieces;
};

} // namespace

static Gap readGap(StringRef text) {
  Gap gap;
  while (!text.empty()) {
    if (text.front() == '#') {
      StringRef comment = text.take_until([](char c) { return c == '\n'; });
      gap.comments.push_back({comment.rtrim(), gap.lineEnds});
      gap.lineEnds = 0;
      text = text.drop_front(comment.size());
      continue;
    }
    gap.lineEnds += text.front() == '\n';
    text = text.drop_front();
  }
  return gap;
}

void Formatter::readGaps() {
  uint32_t end = 0;
  for (const Lexeme &lexeme : lexemes) {
    gaps.push_back(readGap(source.slice(end, lexeme.offset)));
    end = lexeme.offset + lexeme.length;
    if (lexeme.token == Token::LBrace && gaps.back().comments.empty())
      gaps.back().lineEnds = 0; // it ends a line, and starts none
  }
}

bool Formatter::isOnOneLine(size_t brace) const {
  for (size_t i = brace + 1; i < lexemes.size(); ++i) {
    if (gaps[i].breaksLine())
      return false;
    if (lexemes[i].token == Token::RBrace)
      return true;
  }
  return false;
}

/// The last lexeme of the piece that starts here: a header ends with its brace, or with its whole body.
size_t Formatter::lastOf(size_t begin) const {
  Token first = lexemes[begin].token;
  if (first == Token::RBrace)
    return begin;
  size_t i = begin;
  if (first == Token::KwKernel || first == Token::KwDef) {
    while (lexemes[i].token != Token::LBrace)
      ++i;
    if (isOnOneLine(i))
      while (lexemes[i].token != Token::RBrace)
        ++i;
    return i;
  }
  while (lexemes[i + 1].token != Token::RBrace && !spacing.startsStatement(i + 1))
    ++i;
  return i;
}

/// The comments before a piece. One on the line of the piece before belongs to that.
void Formatter::addComments(size_t gap, unsigned depth, bool startsBody) {
  for (const Comment &comment : gaps[gap].comments) {
    if (!comment.lineEnds && !pieces.empty()) {
      pieces.back().comment = comment.text;
      continue;
    }
    Piece piece;
    piece.kind = PieceKind::Comment;
    piece.indent = depth * bodyIndent;
    piece.afterBlankLine = comment.lineEnds > 1 && !startsBody && !pieces.empty();
    piece.comment = comment.text;
    pieces.push_back(piece);
    startsBody = false;
  }
}

void Formatter::cut() {
  unsigned depth = 0;
  for (size_t i = 0; i < lexemes.size();) {
    Token first = lexemes[i].token;
    bool startsBody = depth && lexemes[i - 1].token == Token::LBrace;
    addComments(i, depth, startsBody);
    if (first == Token::End)
      return;
    Piece piece;
    if (first == Token::KwKernel || first == Token::KwDef)
      piece.kind = PieceKind::Header;
    else if (first == Token::KwRank || first == Token::KwRequire)
      piece.kind = PieceKind::OtherStatement;
    else if (first == Token::RBrace)
      piece.kind = PieceKind::Close;
    piece.begin = i;
    piece.end = lastOf(i) + 1;
    depth -= first == Token::RBrace;
    piece.indent = depth * bodyIndent;
    bool followsBrace = startsBody && pieces.back().kind == PieceKind::Header;
    piece.afterBlankLine = gaps[i].lineEnds > 1 && piece.kind != PieceKind::Close && !pieces.empty() && !followsBrace;
    depth += lexemes[piece.end - 1].token == Token::LBrace;
    i = piece.end;
    pieces.push_back(piece);
  }
}

size_t Formatter::assignOf(const Piece &piece) const {
  size_t i = piece.begin;
  while (lexemes[i].token != Token::Assign)
    ++i;
  return i;
}

/// The 'if' at the end of an equation; that of an 'else' chain is none, and neither is one in brackets. 0 if none.
size_t Formatter::conditionOf(const Piece &piece) const {
  size_t found = 0;
  for (size_t i = piece.begin; i < piece.end; ++i) {
    if (spacing.isInBrackets(i))
      continue;
    if (lexemes[i].token == Token::KwElse)
      return 0;
    if (lexemes[i].token == Token::KwIf)
      found = i;
  }
  return found;
}

unsigned Formatter::blanksBefore(const Piece &piece, size_t i, bool isOneLine) const {
  if (isOneLine && spacing.startsStatement(i))
    return lexemes[i - 1].token == Token::LBrace ? 1 : blanksBetweenStatements;
  if (piece.kind == PieceKind::Equation && lexemes[i].token == Token::Assign)
    return piece.blanksBeforeAssign;
  if (piece.kind == PieceKind::Equation && lexemes[i].token == Token::KwIf && i == conditionOf(piece))
    return piece.blanksBeforeIf;
  return spacing.hasBlankBefore(i);
}

/// The lexemes of a piece before `end`. A line that continues one starts where its innermost bracket's contents do.
std::string Formatter::print(const Piece &piece, size_t end) const {
  std::string text(piece.indent, ' ');
  size_t lineStart = 0;
  unsigned lineIndent = piece.indent;
  struct Open {
    unsigned column, closingColumn;
  };
  SmallVector<Open> brackets;
  auto breakLine = [&](unsigned indent) {
    text += '\n';
    lineStart = text.size();
    lineIndent = indent;
    text.append(indent, ' ');
  };
  for (size_t i = piece.begin; i < end; ++i) {
    Token token = lexemes[i].token;
    bool closes = token == Token::RParen || token == Token::RBracket;
    if (i != piece.begin && gaps[i].breaksLine()) {
      unsigned column = brackets.empty() ? piece.indent + continuationIndent : brackets.back().column;
      for (const Comment &comment : gaps[i].comments) {
        if (comment.lineEnds)
          breakLine(column);
        else
          text += "  ";
        text += comment.text;
      }
      breakLine(closes ? brackets.back().closingColumn : column);
    } else if (i != piece.begin) {
      text.append(blanksBefore(piece, i, piece.kind == PieceKind::Header), ' ');
    }
    text += source.substr(lexemes[i].offset, lexemes[i].length);
    if (token == Token::LParen || token == Token::LBracket) {
      unsigned column = text.size() - lineStart;
      bool endsLine = i + 1 < piece.end && gaps[i + 1].breaksLine();
      brackets.push_back(endsLine ? Open{lineIndent + continuationIndent, lineIndent} : Open{column, column});
    } else if (closes) {
      brackets.pop_back();
    }
  }
  return text;
}

/// Columns before a lexeme, if it is on the first line of its piece.
std::optional<unsigned> Formatter::widthBefore(const Piece &piece, size_t i) const {
  for (size_t at = piece.begin + 1; at <= i; ++at)
    if (gaps[at].breaksLine())
      return std::nullopt;
  return print(piece, i).size();
}

/// Cuts a column into runs of entries that differ by at most `most`, and calls `place` with each and the run's largest.
static void forEachInRuns(ArrayRef<std::optional<unsigned>> widths, unsigned most,
                          function_ref<void(size_t, unsigned)> place) {
  for (size_t begin = 0, end; begin < widths.size(); begin = end) {
    unsigned least = ~0u, largest = 0;
    for (end = begin; end < widths.size(); ++end) {
      if (!widths[end])
        continue;
      unsigned newLeast = std::min(least, *widths[end]), newLargest = std::max(largest, *widths[end]);
      if (newLargest - newLeast > most)
        break;
      least = newLeast;
      largest = newLargest;
    }
    for (size_t i = begin; i < end; ++i)
      if (widths[i])
        place(i, largest);
  }
}

void Formatter::alignEquations(MutableArrayRef<Piece> group) {
  SmallVector<std::optional<unsigned>> widths;
  for (const Piece &piece : group)
    widths.push_back(piece.kind == PieceKind::Equation ? widthBefore(piece, assignOf(piece)) : std::nullopt);
  forEachInRuns(widths, mostBeforeAssign,
                [&](size_t i, unsigned largest) { group[i].blanksBeforeAssign = 1 + largest - *widths[i]; });
  for (auto [piece, width] : zip(group, widths)) {
    size_t condition = piece.kind == PieceKind::Equation ? conditionOf(piece) : 0;
    width = condition ? widthBefore(piece, condition) : std::nullopt;
  }
  forEachInRuns(widths, mostBeforeIf,
                [&](size_t i, unsigned largest) { group[i].blanksBeforeIf += largest - *widths[i]; });
}

static bool isStatement(PieceKind kind) { return kind == PieceKind::Equation || kind == PieceKind::OtherStatement; }

/// Comments behind neighbouring statements stand in one column.
void Formatter::alignComments() {
  SmallVector<std::optional<unsigned>> widths(pieces.size());
  for (auto [piece, width] : zip(pieces, widths))
    if (isStatement(piece.kind) && !piece.comment.empty()) {
      std::string text = print(piece, piece.end);
      width = text.size() - (text.rfind('\n') + 1); // npos + 1 is 0
    }
  for (size_t begin = 0, end; begin < pieces.size(); begin = end) {
    end = begin + 1;
    while (end < pieces.size() && widths[begin] && widths[end] && !pieces[end].afterBlankLine)
      ++end;
    forEachInRuns(ArrayRef(widths).slice(begin, end - begin), mostBeforeComment, [&](size_t i, unsigned largest) {
      pieces[begin + i].blanksBeforeComment += largest - *widths[begin + i];
    });
  }
}

void Formatter::align() {
  auto continues = [](const Piece &piece) {
    return piece.kind == PieceKind::Equation || piece.kind == PieceKind::Comment;
  };
  for (size_t begin = 0, end; begin < pieces.size(); begin = end) {
    end = begin + 1;
    while (end < pieces.size() && continues(pieces[begin]) && continues(pieces[end]) && !pieces[end].afterBlankLine)
      ++end;
    alignEquations(MutableArrayRef(pieces).slice(begin, end - begin));
  }
  alignComments();
}

std::string Formatter::run() {
  readGaps();
  cut();
  align();
  std::string text;
  for (const Piece &piece : pieces) {
    if (piece.afterBlankLine)
      text += '\n';
    text += print(piece, piece.end);
    if (piece.kind != PieceKind::Comment && !piece.comment.empty())
      text.append(piece.blanksBeforeComment, ' ');
    text += piece.comment;
    text += '\n';
  }
  return text;
}

/// All that a text says: lexemes and comments, by their spelling.
static std::vector<StringRef> contents(StringRef source, ArrayRef<Lexeme> lexemes) {
  std::vector<StringRef> list;
  uint32_t end = 0;
  for (const Lexeme &lexeme : lexemes) {
    for (const Comment &comment : readGap(source.slice(end, lexeme.offset)).comments)
      list.push_back(comment.text);
    list.push_back(source.substr(lexeme.offset, lexeme.length));
    end = lexeme.offset + lexeme.length;
  }
  return list;
}

std::optional<std::string> format(uint32_t file, Diagnostics &diagnostics) {
  FileSyntax syntax = parse(file, diagnostics);
  if (diagnostics.hasErrors())
    return std::nullopt;
  std::vector<Lexeme> lexemes = lex(file, diagnostics);
  StringRef source = diagnostics.source(file).getText();
  std::string text = Formatter(syntax, lexemes, source).run();

  Diagnostics again;
  uint32_t result = again.addSource("", text);
  std::vector<Lexeme> written = lex(result, again);
  if (again.hasErrors() || contents(source, lexemes) != contents(again.source(result).getText(), written)) {
    diagnostics.error({0, file},
                      "formatted, this would be another spec: nothing is written (a fault of the formatter)");
    return std::nullopt;
  }
  return text;
}

} // namespace attn::spec

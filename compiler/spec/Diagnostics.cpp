// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Messages in the look of a compiler: place, severity, text, the source line, a caret, help behind the caret, notes.
#include "compiler/spec/Diagnostics.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/ConvertUTF.h"
#include "llvm/Support/raw_ostream.h"
#include <algorithm>

using namespace llvm;

namespace attn::spec {

/// Longest part of a source line that is shown, in bytes: a file without line ends must not flood the terminal.
static constexpr size_t shownBytes = 240;

static bool isContinuation(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

Source::Source(std::string name, std::string text) : name(std::move(name)), text(std::move(text)) {
  lines.push_back(0);
  for (uint32_t i = 0, e = this->text.size(); i < e; ++i)
    if (this->text[i] == '\n')
      lines.push_back(i + 1);
}

uint32_t Source::lineStart(uint32_t offset) const { return *std::prev(llvm::upper_bound(lines, offset)); }

LineColumn Source::lineColumn(uint32_t offset) const {
  offset = std::min<uint32_t>(offset, text.size());
  uint32_t start = lineStart(offset);
  unsigned line = std::lower_bound(lines.begin(), lines.end(), start) - lines.begin() + 1;
  unsigned column = 1 + count_if(StringRef(text).slice(start, offset), [](char c) { return !isContinuation(c); });
  return {line, column};
}

StringRef Source::lineText(uint32_t offset) const {
  offset = std::min<uint32_t>(offset, text.size());
  StringRef line = StringRef(text).drop_front(lineStart(offset));
  return line.take_until([](char c) { return c == '\n'; }).rtrim('\r');
}

uint32_t Diagnostics::addSource(std::string name, std::string text) {
  sources.emplace_back(std::move(name), std::move(text));
  return sources.size() - 1;
}

Diagnostic &Diagnostics::report(Severity severity, Loc loc, const Twine &message) {
  std::string text = message.str();
  for (const Diagnostic &old : kept)
    if (old.loc == loc && old.message == text)
      return overflow = Diagnostic{severity, loc, std::move(text), {}, {}};
  ++(severity == Severity::Error ? errors : warnings);
  if (kept.size() >= limit) {
    ++dropped;
    return overflow = Diagnostic{severity, loc, std::move(text), {}, {}};
  }
  kept.push_back({severity, loc, std::move(text), {}, {}});
  return kept.back();
}

void Diagnostics::rollback(Mark mark) {
  kept.resize(std::min(kept.size(), mark.kept));
  errors = mark.errors;
  warnings = mark.warnings;
  dropped = mark.dropped;
}

void Diagnostics::addUses(Diagnostic &diagnostic, const CallSite *site) {
  for (; site; site = site->parent)
    diagnostic.notes.push_back({site->loc, "used here"});
}

static void printPlace(raw_ostream &os, const Source &source, Loc loc, StringRef kind, StringRef message) {
  LineColumn at = source.lineColumn(loc.offset);
  os << source.getName() << ':' << at.line << ':' << at.column << ": " << kind << ": " << message << '\n';
}

/// Shows a part of a line; a byte that is no character becomes a '?'.
static void printShown(raw_ostream &os, StringRef line) {
  while (!line.empty()) {
    const auto *begin = reinterpret_cast<const UTF8 *>(line.begin()), *end = reinterpret_cast<const UTF8 *>(line.end());
    size_t length = getNumBytesForUTF8(*begin);
    bool isLegal = length <= line.size() && isLegalUTF8Sequence(begin, end) && (*begin >= 0x20 || *begin == '\t');
    length = isLegal ? length : 1;
    os << (isLegal ? line.take_front(length) : "?");
    line = line.drop_front(length);
  }
}

static void printCaret(raw_ostream &os, const Source &source, const Diagnostic &diagnostic) {
  StringRef line = source.lineText(diagnostic.loc.offset);
  const char *caret = source.getText().data() + std::min<size_t>(diagnostic.loc.offset, source.getText().size());
  size_t before = std::min<size_t>(caret - line.data(), line.size());
  if (before < shownBytes) {
    printShown(os, line.take_front(shownBytes));
    os << '\n';
    for (char c : line.take_front(before))
      if (!isContinuation(c))
        os << (c == '\t' ? '\t' : ' ');
    os << '^';
    if (!diagnostic.help.empty())
      os << " help: " << diagnostic.help;
    os << '\n';
  } else if (!diagnostic.help.empty()) {
    os << "help: " << diagnostic.help << '\n';
  }
}

std::vector<const Diagnostic *> Diagnostics::inOrder() const {
  std::vector<const Diagnostic *> sorted;
  for (const Diagnostic &diagnostic : kept)
    sorted.push_back(&diagnostic);
  // Reports at one place stay in their order.
  std::sort(sorted.begin(), sorted.end(),
            [](const Diagnostic *a, const Diagnostic *b) { return a->loc == b->loc ? a < b : a->loc < b->loc; });
  return sorted;
}

void Diagnostics::print(raw_ostream &os) const {
  for (const Diagnostic *diagnostic : inOrder()) {
    const Source &source = sources[diagnostic->loc.file];
    printPlace(os, source, diagnostic->loc, diagnostic->severity == Severity::Error ? "error" : "warning",
               diagnostic->message);
    printCaret(os, source, *diagnostic);
    for (const Note &note : diagnostic->notes)
      printPlace(os, sources[note.loc.file], note.loc, "note", note.message);
  }
  if (dropped)
    os << "and " << dropped << " more\n";
  if (errors)
    os << errors << (errors == 1 ? " error\n" : " errors\n");
}

std::string Diagnostics::str() const {
  std::string text;
  raw_string_ostream os(text);
  print(os);
  return text;
}

} // namespace attn::spec

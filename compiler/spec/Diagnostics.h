// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/ADT/Twine.h"
#include <deque>
#include <string>
#include <vector>

namespace llvm {
class raw_ostream;
}

namespace attn::spec {

/// A place in one of the sources of a compilation: a byte offset, and which source.
struct Loc {
  uint32_t offset = 0;
  uint32_t file = 0;
  bool operator==(const Loc &other) const { return offset == other.offset && file == other.file; }
  bool operator<(const Loc &other) const { return file != other.file ? file < other.file : offset < other.offset; }
};

/// Where a def was used, for messages and locations of what its body became; chains through nested defs.
struct CallSite {
  Loc loc;
  const CallSite *parent;
};

struct LineColumn {
  unsigned line;   ///< from 1
  unsigned column; ///< from 1, in code points
};

/// The text of one file, kept whole so that messages can show its lines.
class Source {
public:
  Source(std::string name, std::string text);
  llvm::StringRef getName() const { return name; }
  llvm::StringRef getText() const { return text; }
  LineColumn lineColumn(uint32_t offset) const;
  /// The line that holds `offset`, without its end.
  llvm::StringRef lineText(uint32_t offset) const;

private:
  uint32_t lineStart(uint32_t offset) const;
  std::string name, text;
  std::vector<uint32_t> lines; ///< offset of the first byte of each line
};

enum class Severity : uint8_t { Error, Warning };

struct Note {
  Loc loc;
  std::string message;
};

struct Diagnostic {
  Severity severity;
  Loc loc;
  std::string message;
  std::string help; ///< printed behind the caret; empty when there is none
  std::vector<Note> notes;
};

/// Collects what is wrong with a spec. The sources it points into are numbered in the order they are added.
class Diagnostics {
public:
  /// Messages kept; more are only counted.
  static constexpr unsigned limit = 50;

  uint32_t addSource(std::string name, std::string text);
  const Source &source(uint32_t file) const { return sources[file]; }

  /// Reports and returns the diagnostic for notes and help; the reference is valid until the next report. A second
  /// report with the same text at the same place is dropped.
  Diagnostic &error(Loc loc, const llvm::Twine &message) { return report(Severity::Error, loc, message); }
  Diagnostic &warning(Loc loc, const llvm::Twine &message) { return report(Severity::Warning, loc, message); }

  bool hasErrors() const { return errors != 0; }
  unsigned numErrors() const { return errors; }
  const std::vector<Diagnostic> &all() const { return kept; }

  /// Forgets everything reported after `mark()`, for work that is tried and then redone.
  struct Mark {
    size_t kept;
    unsigned errors, warnings, dropped;
  };
  Mark mark() const { return {kept.size(), errors, warnings, dropped}; }
  void rollback(Mark mark);

  /// Adds the places where the def was used that holds the place of a diagnostic.
  static void addUses(Diagnostic &diagnostic, const CallSite *site);

  /// All messages kept, in the order of their places.
  std::vector<const Diagnostic *> inOrder() const;
  /// The same as text, then the number of errors.
  void print(llvm::raw_ostream &os) const;
  std::string str() const;

private:
  Diagnostic &report(Severity severity, Loc loc, const llvm::Twine &message);
  std::deque<Source> sources; ///< names in syntax and model are parts of these texts
  std::vector<Diagnostic> kept;
  Diagnostic overflow{};
  unsigned errors = 0, warnings = 0, dropped = 0;
};

} // namespace attn::spec

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What the command line asks for, and the commands that answer.
#pragma once
#include "compiler/Options.h"
#include "compiler/driver/Sizes.h"
#include "compiler/driver/Text.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/Error.h"
#include <optional>
#include <string>
#include <vector>

namespace attn::driver {

/// Exit statuses of attnc.
enum Exit { Fine = 0, WrongInput = 1, WrongUsage = 2 };

/// What stands behind an option, as it was written; options that were not given are empty.
struct Request {
  std::string spec;              ///< path of the text; what `new` is to make
  CompileOptions options;        ///< --kernel --target --type --bind --tile --exact-factors --until --dump-dir
  std::string output;            ///< -o
  std::vector<std::string> emit; ///< kinds of files `build` writes
  Sizes sizes;                   ///< --size
  Assignments inputs, outputs;   ///< --in, --out: argument = path, a literal, or - for printing
  Assignments scalars;           ///< --set: argument = number, not read yet
  uint64_t seed = 0;
  int32_t threads = 0;  ///< 0: all cores
  double dataScale = 1; ///< --scale-data
  std::string cacheDir; ///< --cache-dir or its default; empty: no cache
  std::string page;     ///< file for explain's HTML page
  bool json = false, verbose = false;
  bool inPlace = false, checksOnly = false; ///< -i, --check
  bool reference = false;                   ///< the evaluator's results instead of a compiled kernel's
};

Exit runBuild(const Request &request);
Exit runRun(const Request &request);
Exit runCheck(const Request &request);
Exit runExplain(const Request &request);
Exit runBench(const Request &request);
Exit runTargets(const Request &request);
Exit runFormat(const Request &request);
Exit runNew(const Request &request);

/// Prints `attnc: text` to the standard error; returns the status.
Exit fail(Exit status, const llvm::Twine &text);
/// The same for an error: WrongUsage if it is a UsageError, else WrongInput. The text of a ReportedError stands alone.
Exit fail(llvm::Error error);

/// An error of the command line and not of what it names.
class UsageError : public llvm::ErrorInfo<UsageError> {
public:
  static char ID;
  explicit UsageError(const llvm::Twine &text) : text(text.str()) {}
  void log(llvm::raw_ostream &out) const override;
  std::error_code convertToErrorCode() const override { return llvm::inconvertibleErrorCode(); }

private:
  std::string text;
};

/// What the compiler said, as it is to be printed; nothing where that stands on the standard error already.
class ReportedError : public llvm::ErrorInfo<ReportedError> {
public:
  static char ID;
  explicit ReportedError(std::string text = "") : text(std::move(text)) {}
  void log(llvm::raw_ostream &out) const override { out << text; }
  std::error_code convertToErrorCode() const override { return llvm::inconvertibleErrorCode(); }

private:
  std::string text;
};

llvm::Error usageError(const llvm::Twine &text);
llvm::Error inputError(const llvm::Twine &text);

} // namespace attn::driver

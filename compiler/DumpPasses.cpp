// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/DumpPasses.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Pass/PassInstrumentation.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/Path.h"

using namespace mlir;

namespace {

struct DumpPasses : PassInstrumentation {
  std::string directory, before, after; ///< the module before and after the last pass
  const Pass *last = nullptr;
  unsigned number = 0;

  explicit DumpPasses(StringRef directory) : directory(directory) {}

  /// Adaptors run nested passes; the passes inside report themselves.
  void runAfterPass(Pass *pass, Operation *op) override {
    StringRef flag = pass->getArgument();
    if (flag.empty())
      return;
    if (pass != last) { // else it ran on the next function of the module: the same file
      ++number;
      before = std::move(after);
      last = pass;
    }
    std::string text;
    llvm::raw_string_ostream out(text);
    Operation *top = op;
    while (top->getParentOp())
      top = top->getParentOp();
    top->print(out);
    SmallString<128> path(directory);
    llvm::sys::path::append(path, llvm::formatv("{0,0+2}-{1}.mlir", number, flag).str());
    std::error_code error = llvm::sys::fs::create_directories(directory);
    llvm::raw_fd_ostream file(path, error);
    if (error) {
      llvm::errs() << path << ": " << error.message() << '\n';
      return;
    }
    file << (text == before ? "// unchanged\n" : text + "\n");
    after = std::move(text);
  }
};

} // namespace

std::unique_ptr<PassInstrumentation> attn::createDumpPasses(StringRef directory) {
  return std::make_unique<DumpPasses>(directory);
}

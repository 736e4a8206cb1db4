// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/DumpPasses.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Pass/PassInstrumentation.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/Path.h"

using namespace mlir;

namespace {

/// What a pass left of the module.
struct Dump {
  unsigned number; ///< in the order in which passes first end
  std::string file;
  llvm::DenseMap<Operation *, std::string> parts; ///< of the ops it ran on, where these are not the module
};

/// Kernels go through the passes that run on kernels one after the other: kernel by kernel, not pass by pass. A file
/// holds all of them as the pass left them.
struct DumpPasses : PassInstrumentation {
  std::string directory;
  llvm::MapVector<const Pass *, Dump> dumps;
  llvm::DenseMap<Operation *, unsigned> reached; ///< the number of the last pass that ran on an op

  explicit DumpPasses(StringRef directory) : directory(directory) {}

  static std::string print(Operation *op, bool isPart) {
    std::string text;
    llvm::raw_string_ostream out(text);
    OpPrintingFlags flags; // aliases stand before the module, so a part has none
    op->print(out, isPart ? flags.useLocalScope() : flags);
    return text + "\n";
  }

  std::string printModule(Operation *op, Dump &dump) {
    Operation *top = op->getParentOp();
    reached[op] = dump.number;
    if (!top || llvm::hasSingleElement(top->getRegion(0).front()))
      return print(top ? top : op, /*isPart=*/false);
    dump.parts[op] = print(op, /*isPart=*/true);
    if (llvm::none_of(top->getRegion(0).front(), [&](Operation &each) { return reached.lookup(&each) > dump.number; }))
      return print(top, /*isPart=*/false);
    std::string text = "module {\n";
    for (Operation &each : top->getRegion(0).front()) {
      auto part = dump.parts.find(&each);
      text += part == dump.parts.end() ? print(&each, /*isPart=*/true) : part->second;
    }
    return text + "}\n";
  }

  /// Adaptors run nested passes; the passes inside report themselves.
  void runAfterPass(Pass *pass, Operation *op) override {
    StringRef flag = pass->getArgument();
    if (flag.empty())
      return;
    Dump &dump = dumps[pass];
    if (dump.file.empty())
      dump.number = dumps.size();
    dump.file = printModule(op, dump);
    SmallString<128> path(directory);
    llvm::sys::path::append(path, llvm::formatv("{0,0+2}-{1}.mlir", dump.number, flag).str());
    std::error_code error = llvm::sys::fs::create_directories(directory);
    llvm::raw_fd_ostream file(path, error);
    if (error) {
      llvm::errs() << path << ": " << error.message() << '\n';
      return;
    }
    bool isSame = dump.number > 1 && dump.file == dumps.getArrayRef()[dump.number - 2].second.file;
    file << (isSame ? "// unchanged\n" : dump.file);
  }
};

} // namespace

std::unique_ptr<PassInstrumentation> attn::createDumpPasses(StringRef directory) {
  return std::make_unique<DumpPasses>(directory);
}

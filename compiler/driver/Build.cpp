// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// attnc build: an artifact, or what lies on the way to it. Silent if all is well.
#include "compiler/Pipeline.h"
#include "compiler/driver/Progress.h"
#include "compiler/driver/Spec.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FileUtilities.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;
using namespace attn;
using namespace attn::driver;

namespace {

struct KindRow {
  StringLiteral kind, ending;
  Error (*write)(Compilation &, StringRef path);
};

/// "out/my-kernel.o" -> "my_kernel": what the symbols of a linked artifact are called.
std::string stemOf(StringRef path) {
  std::string stem = sys::path::stem(path).str();
  for (char &c : stem)
    if (!isAlnum(c))
      c = '_';
  if (stem.empty() || isDigit(stem[0]))
    stem.insert(0, "_");
  return stem;
}

Error writeText(StringRef path, function_ref<void(raw_ostream &)> print) {
  return writeToOutput(path, [&](raw_ostream &out) {
    print(out);
    return Error::success();
  });
}

Error writeShared(Compilation &compilation, StringRef path) {
  auto object = compileObject(compilation);
  return object ? codegen::writeArtifact(*object, path) : object.takeError();
}

Error writeLinkable(Compilation &compilation, StringRef path) {
  auto object = compileObject(compilation, stemOf(path));
  return object ? codegen::writeObject(*object, path) : object.takeError();
}

Error writeHeader(Compilation &compilation, StringRef path) {
  return codegen::writeHeader(compilation.interfaces, stemOf(path), path);
}

Error writeAssembly(Compilation &compilation, StringRef path) {
  LLVMContext context;
  auto module = translate(compilation, context);
  if (!module)
    return module.takeError();
  const TargetRow &row = *compilation.target;
  auto text = codegen::emitAssembly(**module, {row.cpu.str(), row.features.str(), row.abiFeatures});
  if (!text)
    return text.takeError();
  return writeText(path, [&](raw_ostream &out) { out << *text; });
}

Error writeLlvm(Compilation &compilation, StringRef path) {
  LLVMContext context;
  auto module = translate(compilation, context);
  if (!module)
    return module.takeError();
  return writeText(path, [&](raw_ostream &out) { (*module)->print(out, nullptr); });
}

Error writeMlir(Compilation &compilation, StringRef path) {
  return writeText(path, [&](raw_ostream &out) { compilation.module->print(out); });
}

constexpr KindRow kKinds[] = {{"so", ".so", writeShared},   {"obj", ".o", writeLinkable}, {"header", ".h", writeHeader},
                              {"asm", ".s", writeAssembly}, {"llvm", ".ll", writeLlvm},   {"mlir", ".mlir", writeMlir}};

/// Where a kind of file goes: -o as it is for one kind, with the kind's ending for several.
std::string pathFor(const Request &request, const KindRow &row) {
  if (!request.output.empty() && request.emit.size() <= 1)
    return request.output;
  StringRef base = request.output.empty() ? sys::path::filename(request.spec) : StringRef(request.output);
  SmallString<128> path = base;
  sys::path::replace_extension(path, row.ending);
  return path.str().str();
}

Error checkStop(StringRef until) {
  std::vector<std::string> known;
  forEachStop([&](StringRef name) { known.push_back(name.str()); });
  if (until.empty() || is_contained(known, until))
    return Error::success();
  return usageError("no phase or pass is called '" + until + "'; known: " + listOf(known));
}

Error writeAll(Compilation &compilation, const Request &request) {
  if (!request.options.until.empty())
    return writeMlir(compilation, request.output.empty() ? "-" : StringRef(request.output));
  std::vector<std::string> kinds = request.emit;
  if (kinds.empty())
    kinds = {"so"};
  for (const std::string &kind : kinds) {
    const KindRow &row = *find_if(kKinds, [&](const KindRow &each) { return each.kind == kind; });
    if (Error error = row.write(compilation, pathFor(request, row)))
      return error;
  }
  return Error::success();
}

Error build(const Request &request) {
  if (Error error = checkStop(request.options.until))
    return error;
  Expected<std::string> text = readText(request.spec);
  if (!text)
    return text.takeError();
  if (!request.options.dumpDir.empty())
    if (std::error_code code = sys::fs::create_directories(request.options.dumpDir))
      return inputError(request.options.dumpDir + ": " + code.message());
  Expected<std::unique_ptr<Compilation>> compilation = parse(request.spec, *text, request.options);
  if (!compilation)
    return compilation.takeError();
  Progress progress("compile " + request.spec);
  std::string errors;
  raw_string_ostream out(errors);
  if (!runPasses(**compilation, out))
    return make_error<ReportedError>(std::move(errors));
  if (Error error = writeAll(**compilation, request))
    return error;
  if (request.verbose)
    for (const std::string &remark : (*compilation)->remarks)
      errs() << remark << '\n';
  return Error::success();
}

} // namespace

Exit attn::driver::runBuild(const Request &request) {
  if (Error error = build(request))
    return fail(std::move(error));
  return Fine;
}

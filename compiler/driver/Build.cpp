// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// attnc build: an artifact, or what lies on the way to it. Silent if all is well.
#include "compiler/Pipeline.h"
#include "compiler/driver/Artifacts.h"
#include "compiler/driver/Output.h"
#include "compiler/driver/Progress.h"
#include "compiler/driver/Spec.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FileUtilities.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;
using namespace attn;
using namespace attn::driver;

namespace {

Error writeText(StringRef path, StringRef text) {
  return writeOutput(path, [&](raw_ostream &out) {
    out << text;
    return Error::success();
  });
}

/// Where a kind of file goes: -o as it is for one kind, with the kind's ending for several.
std::string pathFor(const Request &request, const ArtifactKind &kind) {
  if (!request.output.empty() && request.emit.size() <= 1)
    return request.output;
  StringRef base = request.output.empty() ? sys::path::filename(request.spec) : StringRef(request.output);
  SmallString<128> path = base;
  sys::path::replace_extension(path, kind.ending);
  return path.str().str();
}

Error checkStop(StringRef until) {
  std::vector<std::string> known;
  forEachStop([&](StringRef name) { known.push_back(name.str()); });
  if (until.empty() || is_contained(known, until))
    return Error::success();
  return usageError("no phase or pass is called '" + until + "'; known: " + listOf(known));
}

/// The IR, where the user wants the passes to stop.
Error writeIr(const Request &request, StringRef text, raw_ostream &errors) {
  std::unique_ptr<Compilation> compilation = parseSpec(request.spec, text, request.options, errors);
  if (!compilation || !runPasses(*compilation, errors))
    return make_error<ReportedError>();
  Expected<std::string> ir = findArtifactKind("mlir")->make(*compilation, "");
  if (!ir)
    return ir.takeError();
  if (request.verbose)
    for (const std::string &remark : compilation->remarks)
      errors << remark << '\n';
  return writeText(request.output.empty() ? "-" : StringRef(request.output), *ir);
}

Error writeKinds(const Request &request, StringRef text, raw_ostream &errors) {
  Cache cache(request.cacheDir);
  Artifacts artifacts(request.spec, text, request.options, cache);
  std::vector<std::string> kinds = request.emit;
  if (kinds.empty())
    kinds = {"so"};
  std::vector<std::string> remarks;
  for (const std::string &name : kinds) {
    const ArtifactKind &kind = *findArtifactKind(name);
    std::string path = pathFor(request, kind);
    Expected<Artifact> artifact = artifacts.make(kind, stemOf(path), errors);
    if (!artifact)
      return artifact.takeError();
    if (Error error = writeText(path, artifact->bytes))
      return error;
    remarks = std::move(artifact->remarks);
    if (request.verbose && !artifact->cacheNote.empty())
      errors << "cache: " << artifact->cacheNote << '\n';
  }
  if (request.verbose)
    for (const std::string &remark : remarks)
      errors << remark << '\n';
  return Error::success();
}

Error build(const Request &request, raw_ostream &errors) {
  if (Error error = checkStop(request.options.until))
    return error;
  Expected<std::string> text = readText(request.spec);
  if (!text)
    return text.takeError();
  if (!request.options.dumpDir.empty())
    if (std::error_code code = sys::fs::create_directories(request.options.dumpDir))
      return inputError(request.options.dumpDir + ": " + code.message());
  Progress progress("compile " + request.spec);
  return request.options.until.empty() ? writeKinds(request, *text, errors) : writeIr(request, *text, errors);
}

} // namespace

Exit attn::driver::runBuild(const Request &request) {
  std::string said; // printed when the line of the progress is gone
  raw_string_ostream out(said);
  Error error = build(request, out);
  errs() << said;
  if (error)
    return fail(std::move(error));
  return Fine;
}

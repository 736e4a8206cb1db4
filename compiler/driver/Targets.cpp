// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// attnc targets: what runs here; for a spec, which targets compile it and where it stops on the others.
#include "compiler/driver/Progress.h"
#include "compiler/driver/Spec.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;
using namespace attn;
using namespace attn::driver;

/// Whether code for the target runs on this machine. Drivers of GPUs are not asked for: there is no back end yet.
static std::string here(const TargetRow &row) {
  const TargetRow *host = hostTarget();
  if (row.lowering != Lowering::Cpu)
    return "no back end yet";
  if (!host || (row.abiFeatures & ~host->abiFeatures))
    return "this CPU lacks instructions";
  return &row == host ? "runs (default)" : "runs";
}

static std::string coverage(const Spec &spec, const TargetRow &row) {
  CompileOptions options = spec.options;
  options.target = row.name.str();
  if (row.lowering != Lowering::Cpu)
    options.until = "attn-tile"; // the last pass for any target
  std::string errors;
  raw_string_ostream out(errors);
  std::unique_ptr<Compilation> compilation = parseSpec(spec.path, spec.text, options, out);
  if (compilation && runPasses(*compilation, out)) {
    if (row.lowering != Lowering::Cpu)
      return "not lowered yet: stops after attn-tile";
    Expected<SmallVector<char, 0>> object = compileObject(*compilation);
    if (object)
      return "compiled";
    return toString(object.takeError());
  }
  return firstError(errors);
}

static Error listTargets(const Request &request) {
  std::optional<Spec> spec;
  if (!request.spec.empty()) {
    Expected<Spec> opened = openSpec(request);
    if (!opened)
      return opened.takeError();
    spec = std::move(*opened);
  }
  std::string text = formatv("  {0,-18} {1,-28} {2}", "target", "here", spec ? spec->kernel->name : "").str();
  std::string table = StringRef(text).rtrim().str() + '\n';
  {
    Progress progress("compile " + request.spec);
    for (const TargetRow &row : targets())
      if (request.options.target.empty() || request.options.target == row.name)
        table +=
            StringRef(formatv("  {0,-18} {1,-28} {2}", row.name, here(row), spec ? coverage(*spec, row) : "").str())
                .rtrim()
                .str() +
            '\n';
  }
  outs() << table;
  return Error::success();
}

Exit attn::driver::runTargets(const Request &request) {
  if (Error error = listTargets(request))
    return fail(std::move(error));
  return Fine;
}

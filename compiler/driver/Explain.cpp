// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// attnc explain: in how many passes, why so many, what was derived, which blocks are visited, how much work that is.
#include "compiler/driver/Arguments.h"
#include "compiler/driver/Explanation.h"
#include "compiler/driver/Progress.h"

using namespace llvm;
using namespace attn;
using namespace attn::driver;

namespace {

/// Routes and tilings come from the passes themselves.
void compileUntilTiling(Explanation &e, const Extents &extents, const StringMap<reference::Scalar> &scalars,
                        bool isSized) {
  CompileOptions options = e.spec->options;
  options.until = "attn-select-tiling";
  options.bound = withInnerRanks(options.bound, *e.spec->kernel, extents);
  std::string errors;
  raw_string_ostream out(errors);
  std::unique_ptr<Compilation> compilation = parseSpec(e.spec->path, e.spec->text, options, out);
  if (!compilation || !runPasses(*compilation, out)) {
    e.stopped = firstError(errors);
    return;
  }
  KernelOp kernel = *compilation->module->getOps<KernelOp>().begin();
  kernel.walk([&](GroupOp) { ++e.groups; });
  e.visits = visitsOf(kernel, isSized ? &extents : nullptr, scalars);
  for (StringRef remark : compilation->remarks)
    if (size_t at = remark.find("tiling "); at != StringRef::npos)
      e.tilings.push_back(remark.substr(at + 7).str());
    else if (size_t at = remark.find(": block "); at != StringRef::npos)
      e.tilings.push_back("  " + remark.substr(at + 8).str());
    else
      e.remarks.push_back(remark.str());
}

Error explain(const Request &request) {
  Expected<Spec> spec = openSpec(request);
  if (!spec)
    return spec.takeError();
  Expected<StringMap<reference::Scalar>> scalars = readScalars(*spec->kernel, request.scalars);
  if (!scalars)
    return scalars.takeError();
  Extents extents(*spec->kernel);
  if (Error error = extents.addSizes(request.sizes))
    return error;
  Explanation e;
  {
    Progress progress("analyse " + request.spec);
    e.spec = &*spec;
    e.width = terminalWidth();
    e.isVerbose = request.verbose;
    e.cascade = explainCascade(kernelOf(*spec));
    e.work = workOf(kernelOf(*spec));
    compileUntilTiling(e, extents, *scalars, !request.sizes.empty());
    e.extents = rankExtents(kernelOf(*spec), extents, *scalars);
    e.flops = evaluate(e.work.flops, e.extents, mainVisits(e.visits));
    e.functions = evaluate(e.work.functions, e.extents, mainVisits(e.visits));
    e.bytes = evaluate(e.work.bytes, e.extents, nullptr);
  }
  if (!request.page.empty())
    if (Error error = writePage(e, request.page))
      return error;
  if (request.json)
    printJson(e);
  else if (request.page.empty())
    printText(e);
  return Error::success();
}

} // namespace

Exit attn::driver::runExplain(const Request &request) {
  if (Error error = explain(request))
    return fail(std::move(error));
  return Fine;
}

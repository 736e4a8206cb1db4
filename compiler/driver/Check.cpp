// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// attnc check: a compiled kernel against the reference evaluator, which walks the IR as it was parsed.
#include "compiler/driver/Arguments.h"
#include "compiler/driver/CheckReport.h"
#include "compiler/driver/Progress.h"
#include "compiler/driver/RunReference.h"
#include "compiler/reference/Evaluate.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;
using namespace attn;
using namespace attn::driver;
using codegen::KernelArgument;

/// Of the drawn shapes, so many get a kernel of their own, as `run` would make it. The others share the one with
/// nothing bound but what the user binds, which is what `build` makes; compiling is most of a check's time.
static constexpr size_t kMostSpecialised = 3;

namespace {

class Check {
public:
  Check(const Request &request, const Spec &spec, attnc::Context &context)
      : request(request), spec(spec), context(context) {}

  Error run();
  bool isOk() const { return report.isOk(); }
  void print() const;

private:
  Expected<std::vector<reference::Case>> makeCases();
  Error runCase(const reference::Case &each);
  Expected<const LoadedKernel *> kernelFor(const Sizes &bound);
  Sizes boundFor(const Extents &extents) const;
  std::string shapeOf(const reference::Case &each, const Extents &extents) const;

  const Request &request;
  const Spec &spec;
  attnc::Context &context;
  std::map<Sizes, LoadedKernel> kernels; ///< by what is bound
  CheckReport report;
  std::vector<std::string> leftOut; ///< drawn shapes of which there is no legal call
};
} // namespace

Expected<std::vector<reference::Case>> Check::makeCases() {
  reference::DataOptions data;
  data.seed = request.seed;
  data.scale = request.dataScale;
  Expected<StringMap<reference::Scalar>> scalars = readScalars(*spec.kernel, request.scalars);
  if (!scalars)
    return scalars.takeError();
  data.scalars = std::move(*scalars);
  std::vector<reference::Case> cases;
  if (request.sizes.empty()) {
    for (unsigned i = 0, n = reference::numCases(kernelOf(spec)); i < n; ++i) {
      Expected<reference::Case> each = reference::makeCase(kernelOf(spec), i, data);
      if (!each)
        return each.takeError();
      cases.push_back(std::move(*each));
    }
    return cases;
  }
  Extents extents(*spec.kernel);
  if (Error error = extents.addSizes(request.sizes))
    return std::move(error);
  if (Error error = extents.requireAll())
    return std::move(error);
  bool hasOptional = any_of(spec.kernel->args,
                            [](const KernelArgument &each) { return each.kind == ATTNC_ARG_TENSOR && each.optional; });
  SmallVector<bool, 2> alternatives{true};
  if (hasOptional)
    alternatives.push_back(false);
  for (bool givesOptional : alternatives) {
    data.givesOptional = givesOptional;
    Expected<std::vector<reference::Argument>> arguments = drawArguments(spec, extents, data);
    if (!arguments)
      return arguments.takeError();
    reference::Case &each = cases.emplace_back();
    for (StringRef rank : reference::freeRanks(kernelOf(spec)))
      each.extents[rank] = *extents.get(rank);
    each.arguments = std::move(*arguments);
  }
  return cases;
}

Expected<const LoadedKernel *> Check::kernelFor(const Sizes &bound) {
  if (auto at = kernels.find(bound); at != kernels.end())
    return &at->second;
  CompileOptions options = spec.options;
  options.bound = bound;
  Expected<LoadedKernel> kernel = LoadedKernel::compile(spec, options, context);
  if (!kernel)
    return kernel.takeError();
  return &kernels.emplace(bound, std::move(*kernel)).first->second;
}

Sizes Check::boundFor(const Extents &extents) const {
  Sizes bound = withInnerRanks(spec.options.bound, *spec.kernel, extents);
  bool isShared = request.sizes.empty() && !kernels.count(bound) &&
                  kernels.size() >= kMostSpecialised + kernels.count(spec.options.bound);
  return isShared ? spec.options.bound : bound;
}

/// Extents, and the scalars that were drawn or set.
std::string Check::shapeOf(const reference::Case &each, const Extents &extents) const {
  std::string text = extents.print();
  for (auto [i, argument] : enumerate(each.arguments))
    if (const KernelArgument &row = spec.kernel->args[i]; argument && row.kind == ATTNC_ARG_SCALAR) {
      reference::Scalar value = argument->get(0);
      text += " " + row.name + "=" + (isFloat(row.element) ? number(value.real, 6) : std::to_string(value.integer));
    }
  return text;
}

Error Check::runCase(const reference::Case &each) {
  Extents extents(*spec.kernel);
  Sizes sizes;
  for (const auto &entry : each.extents)
    sizes[extentName(entry.getKey())] = entry.getValue();
  if (Error error = extents.addSizes(sizes))
    return error;
  Expected<const LoadedKernel *> kernel = kernelFor(boundFor(extents));
  if (!kernel)
    return kernel.takeError();
  std::string shape = shapeOf(each, extents);
  reference::Options options;
  options.exactFactors = request.options.exactFactors;
  Expected<std::vector<reference::Tensor>> want = reference::evaluate(kernelOf(spec), each.arguments, options);
  if (!want) {
    Error error = want.takeError();
    if (!request.sizes.empty() || !error.isA<reference::EmptyRankError>())
      return error;
    leftOut.push_back(shape + ": " + toString(std::move(error)));
    return Error::success();
  }
  Call call(*spec.kernel);
  call.fill(each.arguments);
  Error error = call.makeResults(***kernel);
  if (!error)
    error = call.run(***kernel);
  if (error)
    return inputError(shape + ": " + toString(std::move(error)));
  reference::GivenSelections selections = selectionsOf(spec, call);
  if (!selections.ofResult.empty()) { // R21: the oracle goes on from what the kernel selected
    options.selections = &selections;
    want = reference::evaluate(kernelOf(spec), each.arguments, options);
    if (!want)
      return want.takeError();
  }
  reference::Comparison comparison;
  size_t first = spec.kernel->args.size() - want->size();
  for (auto [i, tensor] : enumerate(*want)) {
    Expected<reference::Tensor> stored = storedResult(kernelOf(spec), i, tensor, each.arguments);
    if (!stored)
      return stored.takeError();
    comparison.add(spec.kernel->args[first + i].name, *stored, call.tensor(first + i).data());
  }
  report.add(shape, comparison, selections.faults);
  return Error::success();
}

void Check::print() const {
  outs() << "  shapes  " << report.getNumShapes() << "   types  " << elementTypes(*spec.kernel);
  if (request.verbose)
    outs() << "   kernels compiled  " << kernels.size();
  outs() << '\n';
  for (const std::string &shape : leftOut)
    outs() << "  left out  " << shape << '\n';
  report.print(outs());
}

Error Check::run() {
  Progress progress("check " + spec.kernel->name);
  Expected<std::vector<reference::Case>> cases = makeCases();
  if (!cases)
    return cases.takeError();
  for (const reference::Case &each : *cases) {
    progress.say(formatv("check {0}: shape {1} of {2}", spec.kernel->name, report.getNumShapes() + leftOut.size() + 1,
                         cases->size()));
    if (Error error = runCase(each))
      return error;
  }
  return Error::success();
}

/// What no pass lowers is said before arguments are drawn, which may fail for other reasons.
static Error checkLowered(const Spec &spec) {
  CompileOptions options = spec.options;
  options.until = "attn-normalize";
  std::string errors;
  raw_string_ostream out(errors);
  std::unique_ptr<Compilation> compilation = parseSpec(spec.path, spec.text, options, out);
  if (compilation && runPasses(*compilation, out))
    return Error::success();
  errs() << errors;
  return make_error<ReportedError>();
}

static Expected<bool> check(const Request &request) {
  Expected<Spec> spec = openSpec(request);
  if (!spec)
    return spec.takeError();
  if (Error error = checkLowered(*spec))
    return std::move(error);
  Expected<attnc::Context> context = createContext(request.threads);
  if (!context)
    return context.takeError();
  Check check(request, *spec, *context);
  if (Error error = check.run())
    return std::move(error);
  check.print();
  return check.isOk();
}

Exit attn::driver::runCheck(const Request &request) {
  Expected<bool> isOk = check(request);
  if (!isOk)
    return fail(isOk.takeError());
  return *isOk ? Fine : WrongInput;
}

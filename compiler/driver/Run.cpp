// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// attnc run: one call on tensors from files or literals, or on random ones.
#include "compiler/driver/Arguments.h"
#include "compiler/driver/Literal.h"
#include "compiler/driver/Npy.h"
#include "compiler/driver/Progress.h"
#include "compiler/driver/RunReference.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/raw_ostream.h"
#include <chrono>

using namespace llvm;
using namespace attn;
using namespace attn::driver;
using codegen::KernelArgument;
using codegen::KernelInterface;

/// The number of the tensor that --in or --out names.
static Expected<size_t> findTensor(const KernelInterface &kernel, StringRef name, bool result) {
  std::vector<std::string> known;
  for (auto [i, argument] : enumerate(kernel.args))
    if (argument.kind == ATTNC_ARG_TENSOR && isResult(argument) == result) {
      if (argument.name == name)
        return i;
      known.push_back(argument.name);
    }
  return usageError("'" + name + "' is not " + (result ? "a result" : "an input tensor") + " of kernel '" +
                    kernel.name + "'; known: " + listOf(known));
}

/// `text` is a path or a literal.
static Expected<HostTensor> readInput(const KernelArgument &argument, StringRef text, Extents &extents) {
  bool isText = isLiteral(text, argument.dims.size());
  std::string source = isText ? "--in " + argument.name : text.str();
  size_t numDims = argument.dims.size() + (argument.components > 1);
  Expected<HostTensor> tensor = isText ? parseLiteral(text, argument.element, numDims) : readNpy(text);
  if (!tensor)
    return isText ? usageError(source + ": " + toString(tensor.takeError())) : tensor.takeError();
  if (tensor->getElement() != argument.element)
    return inputError(source + ": argument '" + argument.name + "' has element type " +
                      attnc_element_name(argument.element) + ", found " + numpyName(tensor->getElement()));
  if (Error error = extents.addShape(argument, tensor->getSizes(), source))
    return std::move(error);
  return tensor;
}

static Error readInputs(const Request &request, const Spec &spec, Call &call, Extents &extents) {
  if (Error error = extents.addSizes(request.sizes))
    return error;
  for (const auto &[name, path] : request.inputs) {
    Expected<size_t> argument = findTensor(*spec.kernel, name, false);
    if (!argument)
      return argument.takeError();
    Expected<HostTensor> tensor = readInput(spec.kernel->args[*argument], path, extents);
    if (!tensor)
      return tensor.takeError();
    call.setTensor(*argument, std::move(*tensor));
  }
  if (Error error = extents.solve())
    return error;
  extents.assumeEmpty();
  Expected<StringMap<reference::Scalar>> scalars = readScalars(*spec.kernel, request.scalars);
  if (!scalars)
    return scalars.takeError();
  call.setScalars(*scalars);
  if (Error error = requireScalars(*spec.kernel, *scalars))
    return error;
  if (Error error = extents.requireAll())
    return error;
  if (call.hasAllInputs())
    return Error::success();
  reference::DataOptions data;
  data.seed = request.seed;
  data.givesOptional = false; // --in gives them
  data.scalars = std::move(*scalars);
  Expected<std::vector<reference::Argument>> drawn = drawArguments(spec, extents, data);
  if (!drawn)
    return drawn.takeError();
  call.fill(*drawn);
  return Error::success();
}

/// Seconds of a call; of a second one if the first was short, because that one also touches memory and starts threads.
static Expected<double> timeCall(const Call &call, const LoadedKernel &kernel) {
  using Clock = std::chrono::steady_clock;
  double seconds = 0;
  for (int i = 0; i < 2 && seconds < 0.5; ++i) {
    auto start = Clock::now();
    if (Error error = call.run(*kernel))
      return std::move(error);
    seconds = std::chrono::duration<double>(Clock::now() - start).count();
  }
  return seconds;
}

static std::string describeResults(const Request &request, const Spec &spec, const Call &call) {
  std::string text;
  for (auto [i, argument] : enumerate(spec.kernel->args)) {
    if (!isResult(argument))
      continue;
    text += "   " + argument.name;
    for (const auto &[name, path] : request.outputs)
      if (name == argument.name)
        text += " -> " + path + " ";
    std::string sizes;
    for (int64_t size : call.tensor(i).getSizes())
      sizes += (sizes.empty() ? "" : ",") + std::to_string(size);
    text += " [" + sizes + "]";
  }
  return text;
}

static std::vector<std::string> boundNames(const Sizes &bound) {
  std::vector<std::string> names;
  for (const auto &entry : bound)
    names.push_back(entry.first);
  return names;
}

/// Compiles for the extents of this call, and runs; the time it took.
static Expected<double> runCompiled(const Request &request, const Spec &spec, Call &call, const Sizes &bound,
                                    Progress &progress) {
  Expected<attnc::Context> context = createContext(request.threads);
  if (!context)
    return context.takeError();
  CompileOptions options = spec.options;
  options.bound = bound;
  progress.say("compile " + request.spec);
  Expected<LoadedKernel> kernel = LoadedKernel::compile(spec, options, *context);
  if (!kernel)
    return kernel.takeError();
  if (Error error = call.makeResults(**kernel))
    return std::move(error);
  progress.say("run " + spec.kernel->name);
  return timeCall(call, *kernel);
}

static Error run(const Request &request) {
  Expected<Spec> spec = openSpec(request);
  if (!spec)
    return spec.takeError();
  std::vector<std::pair<size_t, std::string>> outputs;
  for (const auto &[name, path] : request.outputs) {
    Expected<size_t> argument = findTensor(*spec->kernel, name, true);
    if (!argument)
      return argument.takeError();
    outputs.emplace_back(*argument, path);
  }
  Extents extents(*spec->kernel);
  Call call(*spec->kernel);
  std::optional<Progress> progress(std::in_place, "read the inputs of " + spec->kernel->name);
  if (Error error = readInputs(request, *spec, call, extents))
    return error;
  Sizes bound = withInnerRanks(spec->options.bound, *spec->kernel, extents);
  std::string how = "reference";
  if (request.reference) {
    progress->say("evaluate " + spec->kernel->name);
    if (Error error = evaluateCall(request, *spec, call))
      return error;
  } else {
    Expected<double> seconds = runCompiled(request, *spec, call, bound, *progress);
    if (!seconds)
      return seconds.takeError();
    how = duration(*seconds);
  }
  progress.reset();
  bool printed = false;
  for (const auto &[argument, path] : outputs) {
    if (path == "-") {
      outs() << spec->kernel->args[argument].name << " = " << printLiteral(call.tensor(argument)) << '\n';
      printed = true;
    } else if (Error error = writeNpy(call.tensor(argument), path)) {
      return error;
    }
  }
  if (printed) // the output is data
    return Error::success();
  outs() << spec->kernel->name << "  " << elementTypes(*spec->kernel) << "  " << extents.print()
         << describeResults(request, *spec, call) << "   " << how << '\n';
  if (request.verbose && !request.reference)
    outs() << "  bound when compiling  " << printSizes(boundNames(bound), bound) << '\n';
  return Error::success();
}

Exit attn::driver::runRun(const Request &request) {
  if (Error error = run(request))
    return fail(std::move(error));
  return Fine;
}

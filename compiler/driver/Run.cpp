// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// attnc run: one call on tensors from files, or on random ones.
#include "compiler/driver/Arguments.h"
#include "compiler/driver/Npy.h"
#include "compiler/driver/Progress.h"
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

static Expected<HostTensor> readInput(const KernelArgument &argument, StringRef path, Extents &extents) {
  Expected<HostTensor> tensor = readNpy(path);
  if (!tensor)
    return tensor;
  if (tensor->getElement() != argument.element)
    return inputError(path + ": argument '" + argument.name + "' has element type " +
                      attnc_element_name(argument.element) + ", found " + numpyName(tensor->getElement()));
  if (Error error = extents.addShape(argument, tensor->getSizes(), path))
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
  Expected<attnc::Context> context = createContext(request.threads);
  if (!context)
    return context.takeError();
  CompileOptions options = spec->options;
  options.bound = withInnerRanks(options.bound, *spec->kernel, extents);
  progress->say("compile " + request.spec);
  Expected<LoadedKernel> kernel = LoadedKernel::compile(*spec, options, *context);
  if (!kernel)
    return kernel.takeError();
  if (Error error = call.makeResults(**kernel))
    return error;
  progress->say("run " + spec->kernel->name);
  Expected<double> seconds = timeCall(call, *kernel);
  if (!seconds)
    return seconds.takeError();
  for (const auto &[argument, path] : outputs)
    if (Error error = writeNpy(call.tensor(argument), path))
      return error;
  progress.reset();
  outs() << spec->kernel->name << "  " << elementTypes(*spec->kernel) << "  " << extents.print()
         << describeResults(request, *spec, call) << "   " << duration(*seconds) << '\n';
  if (request.verbose)
    outs() << "  bound when compiling  " << printSizes(boundNames(options.bound), options.bound) << '\n';
  return Error::success();
}

Exit attn::driver::runRun(const Request &request) {
  if (Error error = run(request))
    return fail(std::move(error));
  return Fine;
}

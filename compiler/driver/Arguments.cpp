// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/driver/Arguments.h"
#include "compiler/reference/Sets.h"
#include "llvm/ADT/StringExtras.h"
#include <cstring>

using namespace llvm;
using namespace attn;
using namespace attn::driver;
using codegen::KernelArgument;
using codegen::KernelInterface;
using reference::Scalar;

bool attn::driver::isResult(const KernelArgument &argument) { return argument.direction == ATTNC_OUT; }
bool attn::driver::isFloat(attnc_element element) { return element <= ATTNC_F64; }

static Expected<Scalar> readScalar(const KernelArgument &argument, StringRef text) {
  if (isFloat(argument.element)) {
    double value;
    if (text.getAsDouble(value))
      return usageError("scalar '" + argument.name + "' expects a number, found '" + text + "'");
    return Scalar::of(value);
  }
  int64_t value;
  if (argument.element == ATTNC_BOOL && (text == "true" || text == "false"))
    return Scalar::of(int64_t(text == "true"));
  if (text.getAsInteger(10, value))
    return usageError("scalar '" + argument.name + "' expects an integer, found '" + text + "'");
  return Scalar::of(value);
}

Expected<StringMap<Scalar>> attn::driver::readScalars(const KernelInterface &kernel, const Assignments &scalars) {
  StringMap<Scalar> values;
  std::vector<std::string> known;
  for (const KernelArgument &argument : kernel.args)
    if (argument.kind == ATTNC_ARG_SCALAR)
      known.push_back(argument.name);
  for (const auto &[name, text] : scalars) {
    auto argument = find_if(kernel.args, [&, &name = name](const KernelArgument &each) { return each.name == name; });
    if (argument == kernel.args.end() || argument->kind != ATTNC_ARG_SCALAR)
      return usageError("'" + name + "' is not a scalar of kernel '" + kernel.name + "'; " +
                        (known.empty() ? "it has none" : "known: " + listOf(known)));
    Expected<Scalar> value = readScalar(*argument, text);
    if (!value)
      return value.takeError();
    values[name] = *value;
  }
  return values;
}

Error attn::driver::requireScalars(const KernelInterface &kernel, const StringMap<Scalar> &scalars) {
  std::vector<std::string> missing;
  for (const KernelArgument &argument : kernel.args)
    if (argument.kind == ATTNC_ARG_SCALAR && !argument.optional && !scalars.count(argument.name))
      missing.push_back(argument.name);
  if (missing.empty())
    return Error::success();
  return usageError("--set is needed for " + listOf(missing));
}

KernelOp attn::driver::kernelOf(const Spec &spec) { return *spec.compilation->module->getOps<KernelOp>().begin(); }

Expected<std::vector<reference::Argument>> attn::driver::drawArguments(const Spec &spec, const Extents &extents,
                                                                       const reference::DataOptions &options) {
  reference::Symbols::Extents free;
  for (StringRef rank : reference::freeRanks(kernelOf(spec)))
    if (std::optional<int64_t> extent = extents.get(rank))
      free[rank] = *extent;
  return reference::makeArguments(kernelOf(spec), free, options);
}

HostTensor attn::driver::hostTensor(attnc_element element, const reference::Tensor &from) {
  HostTensor tensor(element, from.shape);
  std::vector<char> bytes = reference::encode(from);
  if (!bytes.empty())
    std::memcpy(tensor.data(), bytes.data(), bytes.size());
  return tensor;
}

Call::Call(const KernelInterface &kernel) : kernel(kernel), tensors(kernel.args.size()), scalars(kernel.args.size()) {}

void Call::fill(ArrayRef<reference::Argument> arguments) {
  for (auto [i, argument] : enumerate(arguments)) {
    const KernelArgument &row = kernel.args[i];
    if (!argument || tensors[i] || scalars[i])
      continue;
    if (row.kind == ATTNC_ARG_SCALAR) {
      scalars[i] = argument->get(0);
      continue;
    }
    if (row.components)
      tensors[i] = hostTensor(row.element, reference::listOf(*argument, reference::largestSet(*argument)));
    else
      tensors[i] = hostTensor(row.element, *argument);
  }
}

void Call::setScalars(const StringMap<Scalar> &values) {
  for (auto [i, argument] : enumerate(kernel.args))
    if (auto at = values.find(argument.name); at != values.end())
      scalars[i] = at->second;
}

bool Call::hasAllInputs() const {
  for (auto [i, argument] : enumerate(kernel.args))
    if (argument.kind == ATTNC_ARG_TENSOR && !isResult(argument) && !argument.optional && !tensors[i])
      return false;
  return true;
}

std::vector<attnc::Arg> Call::list() const {
  std::vector<attnc::Arg> args;
  for (auto [i, argument] : enumerate(kernel.args)) {
    const char *name = argument.name.c_str();
    if (tensors[i])
      args.emplace_back(name, tensors[i]->view());
    else if (scalars[i] && isFloat(argument.element))
      args.emplace_back(name, scalars[i]->real);
    else if (scalars[i])
      args.emplace_back(name, scalars[i]->integer);
  }
  return args;
}

Error Call::makeResults(const attnc::Kernel &loaded) {
  for (auto [i, argument] : enumerate(kernel.args)) {
    if (!isResult(argument))
      continue;
    attnc::Result<std::vector<int64_t>> shape = loaded.shape(argument.name.c_str(), list());
    if (!shape)
      return inputError(shape.status().message);
    tensors[i] = HostTensor(argument.element, *shape);
    // Something that no kernel writes, so that an element left out shows.
    std::memset(tensors[i]->data(), 0x7b, tensors[i]->getNumBytes());
  }
  return Error::success();
}

Error Call::run(const attnc::Kernel &loaded) const {
  attnc::Status status = loaded.call(list());
  return status.ok() ? Error::success() : inputError(status.message);
}

std::string attn::driver::elementTypes(const KernelInterface &kernel) {
  std::vector<std::string> names;
  for (const KernelArgument &argument : kernel.args)
    if (StringRef name = attnc_element_name(argument.element);
        argument.kind == ATTNC_ARG_TENSOR && isFloat(argument.element) && !is_contained(names, name))
      names.push_back(name.str());
  return join(names, " and ");
}

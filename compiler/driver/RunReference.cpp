// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// attnc run --reference: a call of the reference evaluator instead of a compiled kernel.
#include "compiler/driver/RunReference.h"
#include "compiler/reference/Evaluate.h"
#include <cstring>

using namespace llvm;
using namespace attn;
using namespace attn::driver;
using reference::Tensor;

/// The element types and the order are those of the kernel's arguments as parsed.
static std::vector<reference::Argument> argumentsOf(KernelOp kernel, const Call &call) {
  std::vector<reference::Argument> arguments;
  for (auto [i, type] : enumerate(kernel.getArgumentTypes())) {
    auto tensor = dyn_cast<mlir::RankedTensorType>(type);
    if (tensor && call.hasTensor(i)) {
      HostTensor rows = call.tensor(i).rowMajor();
      arguments.push_back(reference::decode(tensor.getElementType(), rows.getSizes(), rows.data()));
    } else if (!tensor && call.scalar(i)) {
      arguments.push_back(Tensor::scalar(type, *call.scalar(i)));
    } else {
      arguments.push_back(std::nullopt);
    }
  }
  return arguments;
}

Error attn::driver::evaluateCall(const Request &request, const Spec &spec, Call &call) {
  KernelOp kernel = kernelOf(spec);
  reference::Options options;
  options.exactFactors = request.options.exactFactors;
  Expected<std::vector<Tensor>> results = reference::evaluate(kernel, argumentsOf(kernel, call), options);
  if (!results)
    return results.takeError();
  size_t first = spec.kernel->args.size() - results->size();
  for (auto [i, result] : enumerate(*results)) {
    HostTensor tensor(spec.kernel->args[first + i].element, result.shape);
    std::vector<char> bytes = reference::encode(result);
    if (!bytes.empty())
      std::memcpy(tensor.data(), bytes.data(), bytes.size());
    call.setTensor(first + i, std::move(tensor));
  }
  return Error::success();
}

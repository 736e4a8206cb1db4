// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// attnc run --reference: a call of the reference evaluator instead of a compiled kernel.
#include "compiler/driver/RunReference.h"
#include "compiler/reference/Evaluate.h"
#include "compiler/reference/Sets.h"

using namespace llvm;
using namespace attn;
using namespace attn::driver;
using reference::Tensor;

/// An argument of the kernel, or a result of a call.
static Tensor decodeTensor(const HostTensor &tensor, mlir::Type element) {
  HostTensor rows = tensor.rowMajor();
  if (!isa<IndexSetType>(element))
    return reference::decode(element, rows.getSizes(), rows.data());
  return reference::setsOf(
      reference::decode(mlir::IntegerType::get(element.getContext(), 32), rows.getSizes(), rows.data()), element);
}

/// The element types and the order are those of the kernel's arguments as parsed.
static std::vector<reference::Argument> argumentsOf(KernelOp kernel, const Call &call) {
  std::vector<reference::Argument> arguments;
  for (auto [i, type] : enumerate(kernel.getArgumentTypes())) {
    auto tensor = dyn_cast<mlir::RankedTensorType>(type);
    if (tensor && call.hasTensor(i)) {
      arguments.push_back(decodeTensor(call.tensor(i), tensor.getElementType()));
    } else if (!tensor && call.scalar(i)) {
      arguments.push_back(Tensor::scalar(type, *call.scalar(i)));
    } else {
      arguments.push_back(std::nullopt);
    }
  }
  return arguments;
}

Expected<Tensor> attn::driver::storedResult(KernelOp kernel, unsigned number, const Tensor &result,
                                            ArrayRef<reference::Argument> arguments) {
  auto capacity = kernel.getResultAttrOfType<mlir::StringAttr>(number, KernelOp::kCapacityAttr);
  if (!capacity)
    return result;
  Expected<reference::Symbols> symbols = reference::Symbols::solve(kernel, arguments);
  Expected<int64_t> most = symbols ? symbols->extent(capacity) : symbols.takeError();
  if (!most)
    return most.takeError();
  return reference::listOf(result, *most);
}

reference::GivenSelections attn::driver::selectionsOf(const Spec &spec, const Call &call) {
  KernelOp kernel = kernelOf(spec);
  reference::GivenSelections given;
  size_t first = kernel.getArgumentTypes().size();
  for (auto [i, value] : enumerate(kernel.getYield().getValues()))
    if (value.getDefiningOp<SelectOp>())
      given.ofResult[kernel.getResultName(i)] =
          decodeTensor(call.tensor(first + i), cast<mlir::RankedTensorType>(value.getType()).getElementType());
  return given;
}

Error attn::driver::evaluateCall(const Request &request, const Spec &spec, Call &call) {
  KernelOp kernel = kernelOf(spec);
  reference::Options options;
  options.exactFactors = request.options.exactFactors;
  std::vector<reference::Argument> arguments = argumentsOf(kernel, call);
  Expected<std::vector<Tensor>> results = reference::evaluate(kernel, arguments, options);
  if (!results)
    return results.takeError();
  size_t first = spec.kernel->args.size() - results->size();
  for (auto [i, result] : enumerate(*results)) {
    Expected<Tensor> stored = storedResult(kernel, i, result, arguments);
    if (!stored)
      return stored.takeError();
    call.setTensor(first + i, hostTensor(spec.kernel->args[first + i].element, *stored));
  }
  return Error::success();
}

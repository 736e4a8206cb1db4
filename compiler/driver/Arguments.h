// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a kernel is called with: tensors from files, random ones, results.
#pragma once
#include "compiler/driver/Extents.h"
#include "compiler/driver/HostTensor.h"
#include "compiler/driver/Spec.h"
#include "compiler/reference/Data.h"
#include "dialects/attn/Attn.h"

namespace attn::driver {

/// The values of --set, read as their arguments' types. Fails with a UsageError for an unknown name or a wrong value.
llvm::Expected<llvm::StringMap<reference::Scalar>> readScalars(const codegen::KernelInterface &kernel,
                                                               const Assignments &scalars);
/// Fails with a UsageError if a scalar without a default is not set.
llvm::Error requireScalars(const codegen::KernelInterface &kernel, const llvm::StringMap<reference::Scalar> &scalars);

/// The kernel of a spec as parsed, for the reference evaluator.
KernelOp kernelOf(const Spec &spec);
/// Random arguments of these extents.
llvm::Expected<std::vector<reference::Argument>> drawArguments(const Spec &spec, const Extents &extents,
                                                               const reference::DataOptions &options);

/// The elements as a kernel sees them.
HostTensor hostTensor(attnc_element element, const reference::Tensor &tensor);

/// One call: tensors and scalars of all arguments, in the kernel's order.
class Call {
public:
  explicit Call(const codegen::KernelInterface &kernel);

  /// Takes the inputs that were not set yet from `arguments`.
  void fill(llvm::ArrayRef<reference::Argument> arguments);
  void setTensor(size_t argument, HostTensor tensor) { tensors[argument] = std::move(tensor); }
  void setScalars(const llvm::StringMap<reference::Scalar> &scalars);
  bool hasAllInputs() const;
  /// Allocates the results.
  llvm::Error makeResults(const attnc::Kernel &kernel);

  llvm::Error run(const attnc::Kernel &kernel) const;
  bool hasTensor(size_t argument) const { return tensors[argument].has_value(); }
  const HostTensor &tensor(size_t argument) const { return *tensors[argument]; }
  const std::optional<reference::Scalar> &scalar(size_t argument) const { return scalars[argument]; }

private:
  std::vector<attnc::Arg> list() const;

  const codegen::KernelInterface &kernel;
  std::vector<std::optional<HostTensor>> tensors;
  std::vector<std::optional<reference::Scalar>> scalars;
};

bool isResult(const codegen::KernelArgument &argument);
bool isFloat(attnc_element element);
/// "f32", "f16 and f32": the element types of the kernel's tensors of numbers.
std::string elementTypes(const codegen::KernelInterface &kernel);

} // namespace attn::driver

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once
#include "compiler/driver/Arguments.h"
#include "compiler/reference/Evaluate.h"

namespace attn::driver {

/// Evaluates the kernel as parsed on the call's inputs, and leaves its results in the call.
llvm::Error evaluateCall(const Request &request, const Spec &spec, Call &call);

/// Result `number` as a kernel stores it: sets as lists with room for as many members as the kernel says.
llvm::Expected<reference::Tensor> storedResult(KernelOp kernel, unsigned number, const reference::Tensor &result,
                                               llvm::ArrayRef<reference::Argument> arguments);

/// What the kernel of a call selected itself, where a selection is a result as it stands (R21).
reference::GivenSelections selectionsOf(const Spec &spec, const Call &call);

} // namespace attn::driver

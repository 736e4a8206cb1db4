// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once
#include "compiler/driver/Arguments.h"

namespace attn::driver {

/// Evaluates the kernel as parsed on the call's inputs, and leaves its results in the call.
llvm::Error evaluateCall(const Request &request, const Spec &spec, Call &call);

} // namespace attn::driver

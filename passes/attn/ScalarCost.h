// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What the scalar operations of a region cost, as far as formulas of work tell them apart.
#pragma once
#include "dialects/attn/Attn.h"

namespace attn {

/// How many operations of an Einsum's map take a polynomial or more (exp, log, tanh, rand), not an instruction or two
/// (abs, sqrt, floor).
unsigned countFunctions(EinsumOp op);

} // namespace attn

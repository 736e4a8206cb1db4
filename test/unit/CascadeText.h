// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef ATTNC_TEST_UNIT_CASCADETEXT_H
#define ATTNC_TEST_UNIT_CASCADETEXT_H
#include "test/unit/AlgebraDraw.h"

namespace attn::algebra::test {

/// A cascade as an attn.kernel in f64: one Einsum an equation or reduction. Its arguments are the inputs in the order
/// of their names, then the parameters.
std::string kernelText(const Cascade &cascade);

} // namespace attn::algebra::test
#endif

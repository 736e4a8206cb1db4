// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Tensors as text: `[[1, 2.5], [inf, -3]]`, what `--in A=[...]` takes and `--out A=-` prints.
#pragma once
#include "compiler/driver/HostTensor.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

namespace attn::driver {

/// Whether the text is meant as a literal and not as a path, for a tensor of so many dimensions.
bool isLiteral(llvm::StringRef text, size_t numDims);

/// Nested lists of equal length. Floats are rounded to the element type; integers must fit; bools are true, false, 1
/// and 0. A list without elements has the extent 0 in its own and all inner dimensions.
llvm::Expected<HostTensor> parseLiteral(llvm::StringRef text, attnc_element element, size_t numDims);

/// Integers below 10^9 in all digits, other floats in the fewest that give the same value again. The tensor is
/// row-major.
std::string printLiteral(const HostTensor &tensor);

} // namespace attn::driver

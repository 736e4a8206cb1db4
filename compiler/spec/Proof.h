// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What can be proved about conditions of a spec, whatever the arguments are.
#pragma once
#include "compiler/spec/Terms.h"

namespace attn::spec {

/// A condition, or that it fails.
struct Literal {
  const Term *condition;
  bool holds = true;
};

/// True only if no values of the indices meet all literals; false also where nothing can be proved. Indices lie in
/// their extents; comparisons of integers are understood where they are linear, everything else as a name.
bool isImpossible(llvm::ArrayRef<Literal> literals, llvm::ArrayRef<BoundIndex> indices, const Kernel &kernel);

/// `term` as `extent + n` or `n`: the offset, and whether the extent is in it; nothing where it is neither.
struct Offset {
  int64_t distance;
  bool fromEnd;
};
std::optional<Offset> offsetFrom(const Term *term, const Term *extent, const Kernel &kernel);

} // namespace attn::spec

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include <vector>

namespace attn::spec {

/// For each node the nodes it depends on.
using Dependences = std::vector<llvm::SmallVector<unsigned, 4>>;

/// Strongly connected components, each after those it depends on; nodes keep their order inside one.
std::vector<llvm::SmallVector<unsigned, 4>> components(const Dependences &dependences);

/// Whether the component is a cycle: several nodes, or one that depends on itself.
bool isCycle(llvm::ArrayRef<unsigned> component, const Dependences &dependences);

} // namespace attn::spec

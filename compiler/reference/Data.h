// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Arguments to check a kernel with: the sizes and values where compilers go wrong. The same on every machine.
#pragma once
#include "compiler/reference/Symbols.h"

namespace attn::reference {

struct DataOptions {
  uint64_t seed = 0;
  /// Floats are normal with this standard deviation.
  double scale = 1;
  /// Whether optional tensors are given.
  bool givesOptional = true;
  /// Scalar arguments by name. The others keep their defaults or, without one, are drawn from 0, 1, 7 and an extent.
  llvm::StringMap<Scalar> scalars;
};

/// One call.
struct Case {
  Symbols::Extents extents; ///< of freeRanks()
  std::vector<Argument> arguments;
};

/// Ranks whose extents the shapes of arguments give: neither bound nor declared.
llvm::SmallVector<llvm::StringRef> freeRanks(KernelOp kernel);

/// Tensors of these extents, and scalars drawn until every `require` holds. An error after 1000 tries, with the last
/// requirement that failed, or if an extent is missing.
llvm::Expected<std::vector<Argument>> makeArguments(KernelOp kernel, const Symbols::Extents &extents,
                                                    const DataOptions &options);

/// How many cases makeCase() knows for a kernel: with 1, 7 and 33 everywhere, with each rank at 130 and with each
/// empty.
unsigned numCases(KernelOp kernel);
/// Case `number`, in every other one of which optional tensors are not given: sizes from 1, 7, 33 and 130, which are
/// different from rank to rank, as large as some 10^6 points allow. Where `require` does not hold, sizes and scalars
/// are drawn anew, 1000 times at most.
llvm::Expected<Case> makeCase(KernelOp kernel, unsigned number, const DataOptions &options);

} // namespace attn::reference

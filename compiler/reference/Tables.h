// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What the elements of an integer tensor are for, read off the IR: random tables must make sense.
#pragma once
#include "compiler/reference/Symbols.h"

namespace attn::reference {

struct TableUse {
  enum Kind : uint8_t {
    Value,             ///< a number
    ComparedWithTable, ///< ids: compared with elements of integer tensors
    ComparedWithIndex, ///< a bound of indices
    Position,          ///< an index of a tensor
  };
  Kind kind = Value;
  int64_t low = 0, high = 0; ///< the values that make sense, both included; none if low > high. Not for Value
};

/// The most demanding use of an integer argument, followed through regions and through tensors computed from it.
llvm::Expected<TableUse> findUse(mlir::BlockArgument argument, Symbols &symbols);

} // namespace attn::reference

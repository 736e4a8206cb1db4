// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Packing once what every block of queries reads.
#pragma once
#include "dialects/route/Route.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

namespace attn::tile {

/// A fragment that `loop` makes from read-only memory, in another layout than rows, is made anew by every task of
/// `launch` that visits its block. Where it depends on the task only through index values that address dimensions of
/// the memory, an earlier launch can make it once for each of their values. This writes that launch, and in the loop
///     scf.if %packed and the index values are inside { a view of the workspace } else { as before }
/// `packed` is decided once a call: where few tasks share a block, or the workspace would exceed `workspaceLimit`
/// bytes, the first launch has no tasks and the workspace no bytes. The loop is over an affine set.
void hoistPacks(mlir::scf::ForallOp launch, route::ForOp loop, int64_t workspaceLimit);

} // namespace attn::tile

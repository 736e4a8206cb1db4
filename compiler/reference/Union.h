// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Tensors that several equations write, or one at computed positions.
#pragma once
#include "compiler/reference/Symbols.h"
#include "dialects/attn/Attn.h"
#include "llvm/ADT/STLFunctionalExtras.h"

namespace attn::reference {

/// What the parts write; an error at `loc` where two have a value at one point. Where none has, `otherwise` if it is
/// given. Parts may hold less than the result, which holds the indices of all.
llvm::Expected<Tensor> unite(llvm::ArrayRef<const Tensor *> parts, const Tensor *otherwise, mlir::Location loc,
                             llvm::StringRef name);

/// `result`, of zeros, with the values at their positions; errors where two have one point or none is there for one.
llvm::Expected<Tensor> scatter(ScatterOp op, Tensor result, const Tensor &values,
                               llvm::ArrayRef<const Tensor *> positions);

/// The same elements in a tensor of these indices; points that `tensor` has not are absent.
Tensor withIndices(const Tensor &tensor, llvm::ArrayRef<int64_t> origin, llvm::ArrayRef<int64_t> shape);

/// The element at `offset` in indices of the tensor: "[0, -1]".
std::string pointText(const Tensor &tensor, int64_t offset);

} // namespace attn::reference

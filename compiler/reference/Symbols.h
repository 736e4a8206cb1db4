// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Extents of ranks and values of scalars: what is known of a call before any element is.
#pragma once
#include "compiler/reference/Program.h"
#include "compiler/reference/Tensor.h"
#include "dialects/attn/Attn.h"
#include "llvm/ADT/StringMap.h"
#include <optional>

namespace attn::reference {

/// One argument of a call, a scalar as a tensor without dimensions; nothing for a scalar that is not given.
using Argument = std::optional<Tensor>;

/// Evaluates an index expression, by R15 where it divides.
int64_t evaluateIndex(mlir::AffineExpr expr, llvm::ArrayRef<int64_t> dims, llvm::ArrayRef<int64_t> symbols);

class Symbols : public Leaves {
public:
  using Extents = llvm::StringMap<int64_t>;

  /// Solves extents from the shapes of tensor arguments, a product's last unknown factor by division. An error names
  /// the argument, the rank and both extents.
  static llvm::Expected<Symbols> solve(KernelOp kernel, llvm::ArrayRef<Argument> arguments);
  /// With the extents of the ranks that are neither bound nor declared, and the scalars by number of the argument.
  Symbols(KernelOp kernel, Extents extents, llvm::DenseMap<unsigned, Scalar> scalars);

  llvm::Expected<int64_t> extent(llvm::StringRef rank);
  llvm::Expected<int64_t> dimension(llvm::StringRef product);
  /// A scalar of the kernel's body or of a region that captures it.
  llvm::Expected<Scalar> captured(mlir::Value value) override;
  /// An error with the text of the condition where an `attn.require` of the kernel fails.
  llvm::Error check(RequireOp require);

private:
  llvm::Expected<int64_t> declared(RankAttr rank);
  llvm::Expected<Scalar> argument(unsigned number);
  llvm::Error checkShape(unsigned number, const Tensor &tensor);
  llvm::Expected<Scalar> named(llvm::StringRef scalar);
  llvm::Error enter(llvm::StringRef name);

  KernelOp kernel;
  Extents extents;
  llvm::DenseMap<unsigned, Scalar> scalars;
  llvm::DenseMap<mlir::Value, Scalar> known;
  llvm::SmallVector<llvm::StringRef> pending; ///< declared ranks and defaults being evaluated, to find circles
};

} // namespace attn::reference

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One attn.einsum: first its operands, index maps and points are collected from the terms, making Einsums for what must
// stand outside; then the op is built and its regions are filled.
#pragma once
#include "compiler/spec/KernelEmitter.h"

namespace attn::spec {

class EinsumMaker {
public:
  EinsumMaker(KernelEmitter &kernel, const EinsumRequest &request) : kernel(kernel), request(request) {}
  /// Null after reporting an error.
  mlir::Value run();

private:
  /// A condition that the Einsum tests, and whether an operand made outside carries it already.
  struct Conjunct {
    const Term *term;
    bool isCarried = false;
  };

  bool openReduction();
  void keepGuards();
  bool collect(const Term *term, bool isStrict);
  bool collectMap(const Term *term, bool isStrict);
  bool collectElse(const Term *term, bool isStrict);
  bool collectRead(const Term *term);
  bool collectPoint(const Term *term);
  std::optional<unsigned> addOperand(mlir::Value tensor, llvm::ArrayRef<mlir::AffineExpr> indices);
  /// Makes an Einsum for a term over the indices it mentions and reads it here.
  std::optional<unsigned> makeOutside(const Term *term, bool isStrict);

  mlir::AffineExpr position(const Term *term);
  mlir::AffineExpr affine(const Term *term);
  mlir::AffineExpr gather(unsigned operand);
  mlir::AffineExpr symbol(const Term *term);
  llvm::SmallVector<mlir::AffineExpr> storedPositions(mlir::Value value, const Tensor &tensor,
                                                      llvm::ArrayRef<mlir::AffineExpr> positions);

  mlir::Value build();
  mlir::Value emitScalar(mlir::OpBuilder &builder, const Term *term, mlir::ValueRange args, bool isConjunct = false);
  mlir::Value leaf(mlir::OpBuilder &builder, const Term *term, mlir::ValueRange args);
  mlir::Type mappedType();
  std::optional<unsigned> iteratorOf(llvm::StringRef index) const;

  KernelEmitter &kernel;
  const EinsumRequest &request;
  llvm::SmallVector<Iterator> iterators; ///< those on the left, then the reduced ones
  const Term *mapped = nullptr;
  std::optional<ReducerKind> reducer;
  llvm::SmallVector<Conjunct> conjuncts;

  llvm::SmallVector<mlir::Value> operands;
  llvm::SmallVector<llvm::SmallVector<mlir::AffineExpr>> indices;
  llvm::SmallVector<mlir::Value> symbols;
  llvm::SmallVector<int64_t> gathers, points;
  llvm::DenseMap<const Term *, unsigned> operandOf;        ///< reads, and terms made outside
  llvm::DenseMap<const Term *, const Term *> replacements; ///< terms that are emitted as another term
};

} // namespace attn::spec

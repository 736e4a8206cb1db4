// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef ATTNC_PASSES_ATTN_SCALAREMISSION_H
#define ATTNC_PASSES_ATTN_SCALAREMISSION_H
#include "passes/attn/KernelTerms.h"

namespace attn {

/// Writes a term as arith, math and attn operations. Floats are computed in `floatType`, integers as index, conditions
/// as i1. Exponentials become exp2, and what R13 says of 0/0 and -inf - -inf is written out.
class ScalarEmitter {
public:
  using Leaf = llvm::function_ref<mlir::Value(algebra::TermRef)>;
  /// A term that is the value of a maximum, or built on one: subtracting it wants the guard.
  using Predicate = llvm::function_ref<bool(algebra::TermRef)>;
  /// `leaf` gives the values of reads (in the tensor's element type), indices, parameters and extents (integers as
  /// index).
  ScalarEmitter(mlir::OpBuilder &builder, mlir::Location loc, algebra::TermContext &context, mlir::Type floatType,
                Leaf leaf, Predicate isMaximum)
      : b(builder), loc(loc), context(context), floatType(floatType), leaf(leaf), isMaximum(isMaximum) {}

  /// In a tensor's element type.
  mlir::Value emitAs(algebra::TermRef t, mlir::Type type);
  mlir::Value emitBool(algebra::TermRef t);
  /// Set where a term could not be written.
  std::string error;

private:
  mlir::Value emitFloat(algebra::TermRef t);
  mlir::Value emitInt(algebra::TermRef t);
  mlir::Value computeFloat(algebra::TermRef t);
  mlir::Value computeInt(algebra::TermRef t);
  mlir::Value computeBool(algebra::TermRef t);
  mlir::Value sum(algebra::TermRef t);
  mlir::Value product(algebra::TermRef t);
  mlir::Value power(mlir::Value base, const algebra::Number &n);
  mlir::Value random(algebra::TermRef t);
  mlir::Value function(algebra::TermRef t);
  mlir::Value compare(algebra::TermRef t);
  mlir::Value constant(const algebra::Number &n);
  mlir::Value index(int64_t n);
  mlir::Value isEqual(mlir::Value x, double v);
  mlir::Value both(mlir::Value c, mlir::Value d);
  mlir::Value fail(const llvm::Twine &what);

  mlir::OpBuilder &b;
  mlir::Location loc;
  algebra::TermContext &context;
  mlir::Type floatType;
  Leaf leaf;
  Predicate isMaximum;
  llvm::DenseMap<algebra::TermRef, mlir::Value> floats, ints, bools;
};

} // namespace attn
#endif

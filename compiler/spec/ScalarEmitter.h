// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Terms without reductions as arith, math and attn ops on scalars. Values are bools (i1), integers (index), or floats
// in the compute type: f32, or f64 as soon as an operand is f64 (R16).
#pragma once
#include "compiler/spec/Model.h"
#include "mlir/IR/Builders.h"

namespace attn::spec {

class ScalarEmitter {
public:
  /// What a term that is no map stands for: an element, an index, an extent, a scalar. In any type; it is extended
  /// here. Of an `else`: null where it is no leaf.
  using Leaf = llvm::function_ref<mlir::Value(mlir::OpBuilder &, const Term *)>;

  struct Context {
    llvm::function_ref<mlir::Location(const Term *)> locate;
    llvm::function_ref<bool(const Term *)> isMaximum; ///< R13: whether `x - y` guards against -inf - -inf
    llvm::function_ref<mlir::Type(const ElementType &)> elementType;
    llvm::function_ref<bool(const Term *)> isPartial; ///< whether a value may be absent
  };

  ScalarEmitter(mlir::OpBuilder &builder, Leaf leaf, const Context &context)
      : builder(builder), leaf(leaf), context(context) {}

  mlir::Value emit(const Term *term);
  /// A condition whose point is removed where it is absent.
  mlir::Value emitConjunct(const Term *term) {
    conjunct = term;
    return emit(term);
  }

  /// As a value of a stored type: integers and floats saturate and round to even.
  static mlir::Value store(mlir::OpBuilder &builder, mlir::Location loc, mlir::Value value, mlir::Type type);
  /// An element or scalar argument in its compute type.
  static mlir::Value extend(mlir::OpBuilder &builder, mlir::Location loc, mlir::Value value);
  /// As a float: integers become `type`, or f32.
  static mlir::Value toFloat(mlir::OpBuilder &builder, mlir::Location loc, mlir::Value value, mlir::Type type = {});

private:
  mlir::Value emitMap(const Term *term);
  llvm::SmallVector<mlir::Value> emitArgs(const Term *term);
  mlir::Value arithmetic(const Term *term, mlir::Value a, mlir::Value b);
  mlir::Value integerArithmetic(MapOp op, mlir::Location loc, mlir::Value a, mlir::Value b);
  mlir::Value comparison(MapOp op, mlir::Location loc, mlir::Value a, mlir::Value b);
  mlir::Value function(const Term *term, llvm::MutableArrayRef<mlir::Value> args);
  mlir::Value unaryFunction(MapOp op, mlir::Location loc, mlir::Value x);
  mlir::Value integerFunction(MapOp op, mlir::Location loc, llvm::ArrayRef<mlir::Value> args);
  mlir::Value sign(mlir::Location loc, mlir::Value x);
  llvm::SmallVector<mlir::Value> emitMember(const Term *term);
  mlir::Value emitSetTerm(const Term *term);
  mlir::Value emitElse(const Term *term);
  mlir::Value orFalse(const Term *term, mlir::Value condition);
  mlir::Value constant(mlir::Location loc, mlir::Type type, double value);
  void unify(mlir::Location loc, llvm::MutableArrayRef<mlir::Value> values);

  mlir::OpBuilder &builder;
  Leaf leaf;
  const Context &context;
  const Term *conjunct = nullptr;
};

} // namespace attn::spec

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Common to the tests of the reference evaluator: IR from text, tensors from formulas.
#pragma once
#include "compiler/reference/Evaluate.h"
#include "dialects/attn/Attn.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Parser/Parser.h"
#include "gtest/gtest.h"
#include <functional>

namespace attn::reference {

class ReferenceTest : public testing::Test {
protected:
  ReferenceTest() { context.loadDialect<AttnDialect, mlir::arith::ArithDialect, mlir::math::MathDialect>(); }

  /// The first kernel of `text`, in which `$name(..)` is a tensor type: $f32(p, m) is tensor<?x?xf32, #attn.ranks<p,
  /// m>>.
  KernelOp parse(const std::string &text);
  Tensor floats(llvm::ArrayRef<int64_t> shape, llvm::function_ref<double(llvm::ArrayRef<int64_t>)> element);
  Tensor integers(llvm::ArrayRef<int64_t> shape, llvm::ArrayRef<int64_t> elements, unsigned width = 32);
  Tensor scalar(double value) { return Tensor::scalar(mlir::Float32Type::get(&context), Scalar::of(value)); }
  Tensor scalar(int64_t value) { return Tensor::scalar(mlir::IntegerType::get(&context, 64), Scalar::of(value)); }
  /// Results, or none and a failure of the test.
  std::vector<Tensor> run(KernelOp kernel, llvm::ArrayRef<Argument> arguments, const Options &options = {});
  /// The text of the error, empty if there is none.
  std::string errorOf(KernelOp kernel, llvm::ArrayRef<Argument> arguments, const Options &options = {});

  mlir::MLIRContext context;
  std::vector<mlir::OwningOpRef<mlir::ModuleOp>> modules;
};

/// The maximum X, the weights N and their sum D of scores S, all over h, p and m: the middle of a kernel's text.
constexpr const char kWeights[] = R"(
  %X = attn.einsum [h, p] = max [m] ins(%s = %S[h, p, m] : $f32(h, p, m)) map { attn.yield %s : f32 } : $f32(h, p)
  %N = attn.einsum [h, p, m] = ins(%s = %S[h, p, m] : $f32(h, p, m), %x = %X[h, p] : $f32(h, p)) map {
    %d = attn.sub %s, %x : f32
    %n = math.exp %d : f32
    attn.yield %n : f32
  } : $f32(h, p, m)
  %D = attn.einsum [h, p] = sum [m] ins(%n = %N[h, p, m] : $f32(h, p, m)) map { attn.yield %n : f32 } : $f32(h, p)
)";

/// A reproducible number in [-1, 1).
double noise(int64_t i, int64_t j = 0, int64_t k = 0);

} // namespace attn::reference

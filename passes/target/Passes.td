// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
def TargetExpandApproximations : Pass<"target-expand-approximations"> {
  let summary = "functions of f32 and f64 become arithmetic";
  let description = [{
    A math function that is no instruction would end in a call of the C library, which an artifact cannot make, and
    one lane at a time. Each is replaced by its own approximation, on scalars and vectors of any shape, with the
    bounds that the table in test/unit/ApproximationTest.cpp states. `arith.truncf` from f32 to bf16 and from f64 to
    f16 and bf16 is replaced, too. `exp2-degree` chooses the polynomial of `math.exp2` for f32: 3, 5 or 6. Functions
    of f16 and bf16, and arithmetic on bf16, are errors: they are computed in f32. Example:
    test/passes/target/expand-approximations.mlir.

    After this pass the math operations left are `absf`, `absi`, `ceil`, `copysign`, `ctlz`, `ctpop`, `cttz`,
    `floor`, `fma`, `isfinite`, `isinf`, `isnan`, `isnormal`, `roundeven`, `sqrt` and `trunc`, the floats among them
    f32 or f64; no operation of math or arith needs a function of a library on a CPU with FMA, SSE 4.1 and F16C.
  }];
  let options = [Option<"exp2Degree", "exp2-degree", "int", "5", "degree of the polynomial of exp2 for f32">];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::math::MathDialect"];
}

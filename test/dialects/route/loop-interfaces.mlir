// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Upstream passes work through the loop's interfaces.
// RUN: attn-opt %s --loop-invariant-code-motion | FileCheck %s

// CHECK-LABEL: func @hoist
func.func @hoist(%p0: index, %M: index, %f: f32) -> f32 {
  %r = route.affine [p, m] symbols(M = %M) where [M - 1 - m]
  // CHECK: arith.mulf
  // CHECK: route.for
  // CHECK-NOT: arith.mulf
  %s = route.for (%m0, %full) in %r at (%p0) block [4, 8] iter_args(%a = %f : f32) {
    %c = arith.mulf %f, %f : f32
    %b = arith.addf %a, %c : f32
    route.yield %b : f32
  }
  return %s : f32
}

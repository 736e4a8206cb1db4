// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: attn-opt %s --target-expand-approximations --split-input-file --verify-diagnostics
// RUN: not attn-opt %s --target-expand-approximations=exp2-degree=4 2>&1 | FileCheck %s
// CHECK: error: exp2-degree: expected 3, 5 or 6, found 4

func.func @two_errors(%x: f32) -> f32 {
  // expected-error@+1 {{'math.tan' has no expansion}}
  %0 = math.tan %x : f32
  // expected-error@+1 {{'math.atan' has no expansion}}
  %1 = math.atan %0 : f32
  return %1 : f32
}

// -----

func.func @half(%x: vector<8xf16>, %y: bf16) -> (vector<8xf16>, bf16) {
  // expected-error@+1 {{'math.exp2' on 'vector<8xf16>' has no expansion: expected scalars or vectors of f32 or f64}}
  %0 = math.exp2 %x : vector<8xf16>
  // expected-error@+1 {{'math.floor' on 'bf16' has no expansion: expected scalars or vectors of f32 or f64}}
  %1 = math.floor %y : bf16
  return %0, %1 : vector<8xf16>, bf16
}

// -----

func.func @tensor(%x: tensor<8xf32>) -> tensor<8xf32> {
  // expected-error@+1 {{'math.exp2' on 'tensor<8xf32>' has no expansion: expected scalars or vectors of f32 or f64}}
  %0 = math.exp2 %x : tensor<8xf32>
  return %0 : tensor<8xf32>
}

// -----

func.func @library_calls(%x: f32, %y: bf16, %i: i64) -> (f32, bf16, bf16) {
  // expected-error@+1 {{'arith.remf' has no expansion}}
  %0 = arith.remf %x, %x : f32
  // expected-error@+1 {{'arith.addf' on bf16 has no expansion: expected f32 or f64}}
  %1 = arith.addf %y, %y : bf16
  // expected-error@+1 {{'arith.sitofp' on bf16 has no expansion: expected f32 or f64}}
  %2 = arith.sitofp %i : i64 to bf16
  return %0, %1, %2 : f32, bf16, bf16
}

// -----

func.func @rounding(%x: f32) -> bf16 {
  // expected-error@+1 {{'arith.truncf' from 'f32' to 'bf16' has no expansion: expected f32 or f64, rounded to}}
  %0 = arith.truncf %x to_nearest_away : f32 to bf16
  return %0 : bf16
}

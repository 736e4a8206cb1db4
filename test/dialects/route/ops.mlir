// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: attn-opt %s | attn-opt | FileCheck %s

// CHECK-LABEL: func @sets
func.func @sets(%P: index, %M: index, %w: index) -> (!route.set, !route.set) {
  // CHECK: %[[A:.*]] = route.affine [p, m] symbols(P = %{{.*}}, M = %{{.*}}, w = %{{.*}}) where [p + M - P - m, m + w - p - 1, M - m - 1] within [P - p - 1]
  %a = route.affine [p, m] symbols(P = %P, M = %M, w = %w) where [p + M - P - m, m - p + w - 1, M - 1 - m] within [P - 1 - p]
  // CHECK: %[[B:.*]] = route.affine [p, m] symbols(w = %{{.*}}) where [p floordiv 64 - (m floordiv w), -((m - p) mod 4)] inexact
  %b = route.affine [p, m] symbols(w = %w) where [p floordiv 64 - m floordiv w, -((m - p) mod 4)] inexact
  // CHECK: route.union %[[A]], %[[B]]
  %c = route.union %a, %b
  // CHECK: route.affine [m] where [7 - m, -m]
  %d = route.affine [m] where [7 - m, -m]
  // CHECK: route.affine [m] where []
  %e = route.affine [m] where []
  return %c, %d : !route.set, !route.set
}

// CHECK-LABEL: func @tables
func.func @tables(%len: tensor<?xi32>, %M: index) -> !route.set {
  // CHECK: %[[N:.*]] = route.element %{{.*}}["b"] : tensor<?xi32>
  %n = route.element %len["b"] : tensor<?xi32>
  // CHECK: route.affine [m] symbols(len = %[[N]])
  %r = route.affine [m] symbols(len = %n) where [len - 1 - m]
  return %r : !route.set
}

// CHECK-LABEL: func @loop
func.func @loop(%p0: index, %M: index, %init: f32) -> (f32, index) {
  %r = route.affine [p, m] symbols(M = %M) where [p - m, M - 1 - m]
  %zero = arith.constant 0 : index
  // CHECK: route.for (%{{.*}}, %{{.*}}) in %{{.*}} at (%{{.*}}) block [64, 256] iter_args(%{{.*}} = %{{.*}} : f32, %{{.*}} = %{{.*}} : index) {
  %st:2 = route.for (%m0, %full) in %r at (%p0) block [64, 256] iter_args(%x = %init : f32, %n = %zero : index) {
    %y = arith.addf %x, %x : f32
    // CHECK: route.yield %{{.*}}, %{{.*}} : f32, index
    route.yield %y, %m0 : f32, index
  }
  // CHECK: route.for (%{{.*}}, %{{.*}}, %{{.*}}) in %{{.*}} at () block [8, 16] {
  route.for (%u0, %v0, %full) in %r at () block [8, 16] {
    // CHECK: route.yield
    route.yield
  }
  return %st#0, %st#1 : f32, index
}

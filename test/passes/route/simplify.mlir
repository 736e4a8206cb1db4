// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: attn-opt %s --allow-unregistered-dialect --route-simplify | FileCheck %s

// CHECK-LABEL: func @constants_and_equal_symbols
func.func @constants_and_equal_symbols(%M: index) -> !route.set {
  %eight = arith.constant 8 : index
  // CHECK: route.affine [p, m] symbols(M = %{{.*}}) where [p floordiv 8 - m + 7, M - m - 1]{{$}}
  %r = route.affine [p, m] symbols(w = %eight, M = %M, N = %M) where [p floordiv w - m + w - 1, M - 1 - m, N - m - 1]
  return %r : !route.set
}

// CHECK-LABEL: func @always_true
func.func @always_true(%M: index, %w: index) -> !route.set {
  // CHECK: route.affine [p, m] symbols(M = %{{.*}}) where [M - m - 1]{{$}}
  %r = route.affine [p, m] symbols(M = %M, w = %w) where [m, p + 2 * m, (m - p) mod w, (m floordiv 4) + 1, M - 1 - m, 3]
  return %r : !route.set
}

// A single constraint implies another; what only several imply stays (a block is judged one constraint at a time), and so
// does what only `within` implies (rows beyond the extent are masked, too).
// CHECK-LABEL: func @implied
func.func @implied(%P: index, %M: index) -> !route.set {
  // CHECK: route.affine [p, m] symbols(P = %{{.*}}) where [p - m - 2, 10 - p, 8 - m, P - m - 1] within [P - p - 1]{{$}}
  %r = route.affine [p, m] symbols(P = %P) where [p - m, p - m - 2, 10 - p, 8 - m, P - 1 - m] within [P - 1 - p]
  return %r : !route.set
}

// CHECK-LABEL: func @dilated
func.func @dilated(%M: index, %d: index) -> !route.set {
  // CHECK: route.affine [p, m] symbols(M = %{{.*}}, d = %{{.*}}) where [-((m - p) mod d), M - m - 1] inexact{{$}}
  %r = route.affine [p, m] symbols(M = %M, d = %d) where [-((m - p) mod d), M - 1 - m, -((m - p) mod d)] inexact
  return %r : !route.set
}

// CHECK-LABEL: func @unions
func.func @unions(%M: index) -> !route.set {
  // CHECK: %[[A:.*]] = route.affine [p, m] symbols(M = %{{.*}}) where [p - m, M - m - 1]
  %a = route.affine [p, m] symbols(M = %M) where [p - m, M - 1 - m]
  %empty = route.affine [p, m] symbols(M = %M) where [p - m, m - p - 1, M - 1 - m]
  // CHECK: %[[B:.*]] = route.affine [p, m] symbols(M = %{{.*}}) where [m - p - 1, M - m - 1]
  %b = route.affine [p, m] symbols(M = %M) where [m - p - 1, M - 1 - m]
  // CHECK-NEXT: %[[U:.*]] = route.union %[[A]], %[[B]]
  // CHECK-NEXT: return %[[U]]
  %inner = route.union %empty, %b
  %u = route.union %a, %inner
  return %u : !route.set
}

// CHECK-LABEL: func @union_of_one
func.func @union_of_one(%M: index) -> !route.set {
  // CHECK-NEXT: %[[A:.*]] = route.affine
  // CHECK-NEXT: return %[[A]]
  %a = route.affine [p, m] symbols(M = %M) where [p - m, M - 1 - m]
  %empty = route.affine [p, m] symbols(M = %M) where [-3 - m, M - 1 - m]
  %u = route.union %a, %empty
  return %u : !route.set
}

// Extents are not negative; other symbols may be.
// CHECK-LABEL: attn.kernel @signs
attn.kernel @signs(%A: tensor<?x?xf32, #attn.ranks<p, m>> {attn.name = "A"}, %w: i64 {attn.name = "w"}) -> ()
    attributes {ranks = [#attn.rank<p>, #attn.rank<m>]} {
  %M = attn.extent "m"
  %v = arith.index_cast %w : i64 to index
  // CHECK: route.affine [p, m] symbols(v = %{{.*}}) where [p + v]{{$}}
  %r = route.affine [p, m] symbols(M = %M, v = %v) where [p + M, p + v]
  "test.use"(%r) : (!route.set) -> ()
  attn.yield
}

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: attn-opt %s --split-input-file --pass-pipeline='builtin.module(attn-tile,canonicalize,cse)' | FileCheck %s

!Q = tensor<?x?x16xf32, #attn.ranks<b, p, e>>
!K = tensor<?x?x16xf32, #attn.ranks<b, m, e>>
!R = tensor<?x?xf32, #attn.ranks<b, p>>
!S = tensor<?x?x?xf32, #attn.ranks<b, p, m>>

// The largest score of each row, causal: a dot, one mask with the identity of max that %full makes superfluous, a reduction
// carried from block to block.
// CHECK-LABEL: func.func @best
// CHECK-SAME: (%[[Q:.*]]: memref<?x?x16xf32, strided<[?, ?, ?], offset: ?>>, %[[K:.*]]: memref<{{.*}}>, %[[O:.*]]: memref<?x?xf32, strided<[?, ?], offset: ?>>, %{{.*}}: i64, %[[B:.*]]: index, %[[P:.*]]: index, %[[M:.*]]: index, %{{.*}}: index) attributes {tile.kernel}
// CHECK: %[[R:.*]] = route.affine [p, m]
// CHECK: scf.forall (%[[b:.*]], %[[i:.*]]) in (%[[B]], %{{.*}}) {
// CHECK: %[[P0:.*]] = affine.apply #{{.*}}(%[[i]])
// CHECK: route.for (%[[M0:.*]], %[[FULL:.*]]) in %[[R]] at (%[[P0]]) block [8, 32] iter_args(%[[X:.*]] = %{{.*}} : !tile.frag<8xf32>) {
// CHECK-DAG: tile.load %[[Q]]{{.*}} pad 0.000000e+00 : f32 : {{.*}} -> <8x16xf32>
// CHECK-DAG: tile.load %[[K]]{{.*}} pad 0.000000e+00 : f32 : {{.*}} -> <32x16xf32>
// CHECK: %[[S:.*]] = tile.dot
// CHECK: %[[SM:.*]] = tile.mask %[[S]]{{.*}} full %[[FULL]] else 0xFF800000 : f32
// CHECK: %[[X1:.*]] = tile.reduce <maximumf> over [8, 32] ins(%[[SM]] {{.*}} acc %[[X]] : !tile.frag<8xf32>
// CHECK: route.yield %[[X1]]
// CHECK: tile.store %{{.*}}, %[[O]]
// CHECK-NOT: attn.
attn.kernel @best(%Q: !Q {attn.name = "Q"}, %K: !K {attn.name = "K"}) -> (!R {attn.name = "X"})
    attributes {ranks = [#attn.rank<b>, #attn.rank<p>, #attn.rank<m>, #attn.rank<e = 16>]} {
  %P = attn.extent "p"
  %M = attn.extent "m"
  %g = attn.group tiling {b = 1 : i64, p = 8 : i64, m = 32 : i64, e = 16 : i64} -> (!R) {
    %r = route.affine [p, m] symbols(P = %P, M = %M) where [p - m, M - 1 - m] within [P - 1 - p]
    %x = attn.stream over ["m"] route %r : !route.set identities [0xFF800000 : f32] step {
    ^bb0(%x: !R):
      %s = attn.einsum [b, p, m] = sum [e] ins(%q = %Q[b, p, e] : !Q, %k = %K[b, m, e] : !K) points(%ip = p, %im = m) where {
        %c = arith.cmpi sle, %im, %ip : index
        attn.yield %c : i1
      } map {
        %y = arith.mulf %q, %k : f32
        attn.yield %y : f32
      } : !S
      %x1 = attn.einsum [b, p] = max [m] ins(%v = %s[b, p, m] : !S) acc %x : !R map { attn.yield %v : f32 } : !R
      attn.yield %x1 : !R
    } merge {
    ^bb0(%x: !R, %y: !R):
      attn.yield %x : !R
    } final {
    ^bb0(%x: !R):
      attn.yield %x : !R
    } : !R
    attn.yield %x : !R
  }
  attn.yield %g : !R
}

// -----

// min-plus with a table deciding: no dot, the mapped element is not materialised, the predicate is computed beside it.
!A = tensor<?xf32, #attn.ranks<m>>
!D = tensor<?xf32, #attn.ranks<p>>
!T = tensor<?xi32, #attn.ranks<m>>
!C = tensor<?x?xf32, #attn.ranks<p, m>>

// CHECK-LABEL: func.func @min_plus
// CHECK: route.for
// CHECK: %[[T:.*]] = tile.load {{.*}} -> <32xi32>
// CHECK: %[[C:.*]] = tile.map ins(%[[T]] : !tile.frag<32xi32>) [{{.*}}] points
// CHECK: arith.cmpi
// CHECK: -> !tile.frag<8x32xi1>
// CHECK: %[[S:.*]] = tile.mask %{{.*}} and %[[C]] : !tile.frag<8x32xi1> else 0x7F800000 : f32
// CHECK: tile.reduce <minimumf> over [8, 32] ins(%[[S]]
attn.kernel @min_plus(%A: !A {attn.name = "A"}, %B: !D {attn.name = "B"}, %T: !T {attn.name = "T"}) -> (!D {attn.name = "X"})
    attributes {ranks = [#attn.rank<p>, #attn.rank<m>]} {
  %P = attn.extent "p"
  %M = attn.extent "m"
  %g = attn.group tiling {p = 8 : i64, m = 32 : i64} -> (!D) {
    %r = route.affine [p, m] symbols(P = %P, M = %M) where [M - 1 - m] within [P - 1 - p] inexact
    %x = attn.stream over ["m"] route %r : !route.set identities [0x7F800000 : f32] step {
    ^bb0(%x: !D):
      %x1 = attn.einsum [p] = min [m] ins(%a = %A[m] : !A, %b = %B[p] : !D, %t = %T[m] : !T) points(%ip = p) acc %x : !D where {
        %i = arith.index_cast %ip : index to i32
        %c = arith.cmpi ne, %t, %i : i32
        attn.yield %c : i1
      } map {
        %y = arith.addf %a, %b : f32
        attn.yield %y : f32
      } : !D
      attn.yield %x1 : !D
    } merge {
    ^bb0(%x: !D, %y: !D):
      attn.yield %x : !D
    } final {
    ^bb0(%x: !D):
      attn.yield %x : !D
    } : !D
    attn.yield %x : !D
  }
  attn.yield %g : !D
}

// -----

// An extent that is not bound is walked in blocks, the sum carried; a zero pad needs no mask.
!X = tensor<?x?xf32, #attn.ranks<p, e>>
!Y = tensor<?xf32, #attn.ranks<p>>
// CHECK-LABEL: func.func @blocked
// CHECK: scf.for %{{.*}} iter_args(%[[A:.*]] = %{{.*}}) -> (!tile.frag<8xf32>) {
// CHECK-NOT: tile.mask
// CHECK: tile.reduce <add> over [8, 4] {{.*}} acc %[[A]]
// CHECK: tile.store
attn.kernel @blocked(%X: !X {attn.name = "X"}) -> (!Y {attn.name = "Y"}) attributes {ranks = [#attn.rank<p>, #attn.rank<e>]} {
  %g = attn.group tiling {p = 8 : i64, e = 4 : i64} -> (!Y) {
    %y = attn.einsum [p] = sum [e] ins(%x = %X[p, e] : !X) map {
      %z = arith.mulf %x, %x : f32
      attn.yield %z : f32
    } : !Y
    attn.yield %y : !Y
  }
  attn.yield %g : !Y
}

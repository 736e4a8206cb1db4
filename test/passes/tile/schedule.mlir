// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: attn-opt %s --tile-schedule | FileCheck %s

#rows = #tile.layout<(i) -> (i), "scratch", [64]>
!mem = memref<?xf32, strided<[?], offset: ?>>

// Full blocks lose their mask, and what does not change leaves the loops; a launch of one task stays.
// CHECK-LABEL: func @peeled
func.func @peeled(%A: !mem, %B: !mem, %given: i64, %M: index) attributes {tile.kernel} {
  %one = arith.constant 1 : index
  // CHECK: scf.forall
  scf.forall (%t) in (%one) {
    %c0 = arith.constant 0 : index
    %zero = tile.map [] {
      %z = arith.constant 0.0 : f32
      tile.yield %z : f32
    } -> !tile.frag<64xf32, #rows>
    %r = route.affine [p, m] symbols(M = %M) where [M - 1 - m]
    // CHECK: tile.load
    // CHECK: scf.for
    // CHECK-NOT: tile.load
    // CHECK-NOT: tile.mask
    // CHECK: tile.map ins
    // CHECK: scf.for
    // CHECK: tile.mask
    // CHECK-NOT: route.
    %s = route.for (%m0, %full) in %r at (%c0) block [1, 64] iter_args(%x = %zero : !tile.frag<64xf32, #rows>) {
      %a = tile.load %A[affine_map<(i) -> (i)>]() limits(%M) pad 0.0 : f32 : !mem -> !tile.frag<64xf32, #rows>
      %m = tile.mask %a [affine_map<(i)[m0, M] -> (M - 1 - i - m0)>](%m0, %M) full %full else 0.0 : f32
           : !tile.frag<64xf32, #rows> -> !tile.frag<64xf32, #rows>
      %n = tile.map ins(%x, %m : !tile.frag<64xf32, #rows>, !tile.frag<64xf32, #rows>) [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>] {
      ^bb0(%p: f32, %q: f32):
        %u = arith.addf %p, %q : f32
        tile.yield %u : f32
      } -> !tile.frag<64xf32, #rows>
      route.yield %n : !tile.frag<64xf32, #rows>
    }
    tile.store %s, %B[affine_map<(i) -> (i)>]() limits(%M) : !tile.frag<64xf32, #rows>, !mem
  }
  return
}

// The loop writes to memory, so a load stays where it is.
// CHECK-LABEL: func @not_hoisted
func.func @not_hoisted(%A: !mem, %n: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  // CHECK: scf.for
  // CHECK: tile.load
  scf.for %i = %c0 to %n step %c1 {
    %a = tile.load %A[affine_map<(i) -> (i)>]() limits(%n) pad 0.0 : f32 : !mem -> !tile.frag<64xf32, #rows>
    tile.store %a, %A[affine_map<(i)[s] -> (i + s)>](%i) limits(%n) : !tile.frag<64xf32, #rows>, !mem
  }
  return
}

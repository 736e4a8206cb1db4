// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: attn-opt %s -tile-allocate-scratch | FileCheck %s
// What a loop carries and a branch may replace has one place: the branch that keeps it reads it, but the other does not.

// CHECK-LABEL: func.func @k
func.func @k(%c: i1, %n: index, %scratch: memref<?xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %init = tile.map [] {
    %x = arith.constant 0.0 : f32
    tile.yield %x : f32
  } -> !tile.frag<64xf32, <(d0) -> (d0), "scratch", [64]>>
  %r = scf.for %i = %c0 to %n step %c1 iter_args(%s = %init) -> (!tile.frag<64xf32, <(d0) -> (d0), "scratch", [64]>>) {
    // CHECK: scf.if
    %b = scf.if %c -> (!tile.frag<64xf32, <(d0) -> (d0), "scratch", [64]>>) {
      // CHECK: tile.map
      // CHECK: {tile.offset = array<i64: [[AT:[0-9]+]]>}
      // CHECK-NOT: tile.convert
      %t = tile.map ins(%s : !tile.frag<64xf32, <(d0) -> (d0), "scratch", [64]>>) [affine_map<(d0) -> (d0)>] {
      ^bb0(%x: f32):
        %y = arith.addf %x, %x : f32
        tile.yield %y : f32
      } -> !tile.frag<64xf32, <(d0) -> (d0), "scratch", [64]>>
      scf.yield %t : !tile.frag<64xf32, <(d0) -> (d0), "scratch", [64]>>
    } else {
      scf.yield %s : !tile.frag<64xf32, <(d0) -> (d0), "scratch", [64]>>
    // CHECK: tile.offset = array<i64: [[AT]]>
    }
    scf.yield %b : !tile.frag<64xf32, <(d0) -> (d0), "scratch", [64]>>
  // CHECK: tile.offset = array<i64: [[AT]]>
  }
  tile.store %r, %scratch[affine_map<(d0) -> (d0)>] () limits(%n) : <64xf32, <(d0) -> (d0), "scratch", [64]>>, memref<?xf32>
  return
}

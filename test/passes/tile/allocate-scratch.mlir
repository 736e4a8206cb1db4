// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: attn-opt %s --tile-allocate-scratch | FileCheck %s

#rows = #tile.layout<(i) -> (i), "scratch", [64]>
!f = !tile.frag<64xf32, #rows>
!mem = memref<?xf32, strided<[?], offset: ?>>
#id = affine_map<(i) -> (i)>

// A carried value, what it starts with and what follows it lie in one place; the operand next to it elsewhere.
// CHECK-LABEL: func @carried_in_place
// CHECK-SAME: tile.scratch_bytes = 512
func.func @carried_in_place(%A: !mem, %n: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  // CHECK: tile.map
  // CHECK: {tile.offset = array<i64: [[X:[0-9]+]]>}
  %x0 = tile.map [] {
    %z = arith.constant 0.0 : f32
    tile.yield %z : f32
  } -> !f
  // CHECK-NOT: tile.convert
  %x = scf.for %i = %c0 to %n step %c1 iter_args(%c = %x0) -> !f {
    // CHECK: tile.load {{.*}} {tile.offset = array<i64: [[Y:[0-9]+]]>}
    %a = tile.load %A[affine_map<(i)[s] -> (i + s)>](%i) limits(%n) pad 0.0 : f32 : !mem -> !f
    %s = tile.map ins(%c, %a : !f, !f) [#id, #id] {
    ^bb0(%p: f32, %q: f32):
      %u = arith.addf %p, %q : f32
      tile.yield %u : f32
      // CHECK: } {tile.offset = array<i64: [[X]]>} -> !tile.frag<64xf32
    } -> !f
    scf.yield %s : !f
    // CHECK: } {tile.offset = array<i64: [[X]]>}
  }
  tile.store %x, %A[#id]() limits(%n) : !f, !mem
  return
}

// Both copies of an exchange read before either is written: one goes through a third place.
// CHECK-LABEL: func @exchange
// CHECK-SAME: tile.scratch_bytes = 768
func.func @exchange(%A: !mem, %n: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %a = tile.load %A[affine_map<(i)[s] -> (i + s)>](%c0) limits(%n) pad 0.0 : f32 : !mem -> !f
  %b = tile.load %A[affine_map<(i)[s] -> (i + s)>](%n) limits(%n) pad 0.0 : f32 : !mem -> !f
  // CHECK: scf.for {{.*}} iter_args(%[[X:.*]] = %{{.*}}, %[[Y:.*]] = %{{.*}})
  // CHECK-NEXT: %[[Y1:.*]] = tile.convert %[[Y]] {tile.offset
  // CHECK-NEXT: %[[X1:.*]] = tile.convert %[[X]] {tile.offset
  // CHECK-NEXT: %[[Y2:.*]] = tile.convert %[[Y1]] {tile.offset = array<i64: [[OX:[0-9]+]]>}
  // CHECK-NEXT: %[[X2:.*]] = tile.convert %[[X1]] {tile.offset = array<i64: [[OY:[0-9]+]]>}
  // CHECK-NEXT: scf.yield %[[Y2]], %[[X2]]
  // CHECK-NEXT: } {tile.offset = array<i64: [[OX]], [[OY]]>}
  %r:2 = scf.for %i = %c0 to %n step %c1 iter_args(%x = %a, %y = %b) -> (!f, !f) {
    scf.yield %y, %x : !f, !f
  }
  tile.store %r#0, %A[#id]() limits(%n) : !f, !mem
  tile.store %r#1, %A[#id]() limits(%n) : !f, !mem
  return
}

// A value from outside is read in every iteration: nothing in the loop may lie there.
// CHECK-LABEL: func @outside_the_loop
func.func @outside_the_loop(%A: !mem, %n: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  // CHECK: tile.load {{.*}} {tile.offset = array<i64: 0>}
  %a = tile.load %A[affine_map<(i)[s] -> (i + s)>](%c0) limits(%n) pad 0.0 : f32 : !mem -> !f
  scf.for %i = %c0 to %n step %c1 {
    tile.store %a, %A[#id]() limits(%n) : !f, !mem
    // CHECK: tile.load {{.*}} {tile.offset = array<i64: 256>}
    %b = tile.load %A[affine_map<(i)[s] -> (i + s)>](%i) limits(%n) pad 0.0 : f32 : !mem -> !f
    tile.store %b, %A[#id]() limits(%n) : !f, !mem
  }
  return
}

// A view needs no place, and what may be one is never worked on in place.
// CHECK-LABEL: func @view
// CHECK-SAME: tile.scratch_bytes = 512
func.func @view(%A: !mem, %W: memref<?x64xf32>, %n: index, %packed: i1) {
  // CHECK: scf.if
  // CHECK: tile.load {{.*}} view : memref<?x64xf32>
  // CHECK: tile.load {{.*}} {tile.offset = array<i64: [[X:[0-9]+]]>}
  %a = scf.if %packed -> !f {
    %v = tile.load %W[affine_map<(i)[s] -> (s, i)>](%n) limits(%n) pad 0.0 : f32 view : memref<?x64xf32> -> !f
    scf.yield %v : !f
  } else {
    %l = tile.load %A[#id]() limits(%n) pad 0.0 : f32 : !mem -> !f
    scf.yield %l : !f
  }
  // CHECK: tile.map
  // CHECK-NOT: tile.offset = array<i64: [[X]]>
  // CHECK: tile.store
  %s = tile.map ins(%a : !f) [#id] {
  ^bb0(%p: f32):
    %u = arith.addf %p, %p : f32
    tile.yield %u : f32
  } -> !f
  tile.store %s, %A[#id]() limits(%n) : !f, !mem
  return
}

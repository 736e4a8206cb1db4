// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: attn-opt %s --tile-schedule | FileCheck %s
// RUN: attn-opt %s --tile-schedule=workspace-limit=4096 | FileCheck %s --check-prefix=LIMIT

#rows = #tile.layout<(i, j) -> (i, j), "scratch", [4, 8]>
#out = #tile.layout<(i, j) -> (i, j), "scratch", [4, 16]>
#panels = #tile.layout<(i, j) -> (j floordiv 16, i, j mod 16), "scratch", [1, 8, 16]>
!k = memref<?x?x8xf32, strided<[?, ?, ?], offset: ?>>
!o = memref<?x4x16xf32, strided<[?, ?, ?], offset: ?>>

// Blocks of B are panels that all tasks with one value of h floordiv 4 share. An earlier launch makes them; with less
// than four tasks a block, or too little space, that launch has no tasks.
// CHECK-LABEL: func @shared
// CHECK-SAME: (%[[K:[^:]*]]: memref
// CHECK: %[[SHARES:.*]] = memref.dim %[[K]]
// CHECK: arith.cmpi sge
// CHECK: %[[PACKED:.*]] = arith.andi
// CHECK: %[[BLOCKS:.*]] = arith.select %[[PACKED]]
// CHECK: %[[SPACE:.*]] = memref.alloc(%[[SHARES]], %[[BLOCKS]]) : memref<?x?x1x8x16xf32>
// CHECK: scf.forall (%[[G:.*]], %[[BLOCK:.*]]) in (%[[SHARES]], %[[BLOCKS]])
// CHECK:   %[[MADE:.*]] = tile.load %[[K]]
// CHECK:   tile.store %[[MADE]], %[[SPACE]]
// CHECK: scf.forall
// CHECK:   scf.for
// CHECK:     %[[INSIDE:.*]] = arith.cmpi ult
// CHECK:     %[[THERE:.*]] = arith.andi %[[PACKED]], %[[INSIDE]]
// CHECK:     %[[B:.*]] = scf.if %[[THERE]]
// CHECK:       tile.load %[[SPACE]]{{.*}} view
// CHECK:     } else {
// CHECK:       tile.load %[[K]]
// CHECK:     tile.dot %{{.*}}, %[[B]]
// LIMIT-LABEL: func @shared
// LIMIT: arith.constant 4096
func.func @shared(%K: !k, %O: !o, %given: i64, %H: index, %M: index) attributes {tile.kernel} {
  %c8 = arith.constant 8 : index
  %c4 = arith.constant 4 : index
  %c16 = arith.constant 16 : index
  scf.forall (%h) in (%H) {
    %g = affine.apply affine_map<(h) -> (h floordiv 4)>(%h)
    %one = tile.map [] {
      %c = arith.constant 1.0 : f32
      tile.yield %c : f32
    } -> !tile.frag<4x8xf32, #rows>
    %zero = tile.map [] {
      %c = arith.constant 0.0 : f32
      tile.yield %c : f32
    } -> !tile.frag<4x16xf32, #out>
    %r = route.affine [h, m] symbols(M = %M) where [M - 1 - m]
    %s = route.for (%m0, %full) in %r at (%h) block [1, 16] iter_args(%x = %zero : !tile.frag<4x16xf32, #out>) {
      %left = arith.subi %M, %m0 : index
      %b = tile.load %K[affine_map<(e, j)[g, m0] -> (g, m0 + j, e)>](%g, %m0) limits(%c8, %left) pad 0.0 : f32
           : !k -> !tile.frag<8x16xf32, #panels>
      %y = tile.dot %one, %b [affine_map<(i, j, e) -> (i, e)>, affine_map<(i, j, e) -> (e, j)>, affine_map<(i, j, e) -> (i, j)>]
           acc %x : !tile.frag<4x16xf32, #out> : !tile.frag<4x8xf32, #rows>, !tile.frag<8x16xf32, #panels> -> !tile.frag<4x16xf32, #out>
      route.yield %y : !tile.frag<4x16xf32, #out>
    }
    tile.store %s, %O[affine_map<(i, j)[h] -> (h, i, j)>](%h) limits(%c4, %c16) : !tile.frag<4x16xf32, #out>, !o
  }
  return
}

// What is read differs from task to task in another way than by an index: nothing to share.
// CHECK-LABEL: func @own
// CHECK-NOT: memref.alloc
// CHECK: return
func.func @own(%K: !k, %O: !o, %given: i64, %H: index, %M: index) attributes {tile.kernel} {
  %c0 = arith.constant 0 : index
  %c4 = arith.constant 4 : index
  %c16 = arith.constant 16 : index
  scf.forall (%h) in (%H) {
    %one = tile.map [] {
      %c = arith.constant 1.0 : f32
      tile.yield %c : f32
    } -> !tile.frag<4x8xf32, #rows>
    %zero = tile.map [] {
      %c = arith.constant 0.0 : f32
      tile.yield %c : f32
    } -> !tile.frag<4x16xf32, #out>
    %r = route.affine [h, m] symbols(M = %M) where [M - 1 - m]
    %s = route.for (%m0, %full) in %r at (%h) block [1, 16] iter_args(%x = %zero : !tile.frag<4x16xf32, #out>) {
      %b = tile.load %K[affine_map<(e, j)[m0] -> (0, m0 + j, e)>](%m0) limits(%h, %c16) pad 0.0 : f32
           : !k -> !tile.frag<8x16xf32, #panels>
      %y = tile.dot %one, %b [affine_map<(i, j, e) -> (i, e)>, affine_map<(i, j, e) -> (e, j)>, affine_map<(i, j, e) -> (i, j)>]
           acc %x : !tile.frag<4x16xf32, #out> : !tile.frag<4x8xf32, #rows>, !tile.frag<8x16xf32, #panels> -> !tile.frag<4x16xf32, #out>
      route.yield %y : !tile.frag<4x16xf32, #out>
    }
    tile.store %s, %O[affine_map<(i, j)[h] -> (h, i, j)>](%h) limits(%c4, %c16) : !tile.frag<4x16xf32, #out>, !o
  }
  return
}

// What a mask asks only the task knows, so the factor under it is packed; where a block is full the mask is nothing, and
// the product reads the view.
// CHECK-LABEL: func @masked
// CHECK: memref.alloc
// CHECK: scf.forall
// CHECK-NOT: tile.mask
// CHECK: scf.forall
// CHECK: scf.for
// CHECK: %[[B:.*]] = scf.if
// CHECK: tile.dot %{{.*}}, %[[B]]
// CHECK: scf.for
// CHECK: %[[P:.*]] = scf.if
// CHECK: %[[M:.*]] = tile.mask %[[P]]
// CHECK: tile.dot %{{.*}}, %[[M]]
func.func @masked(%K: !k, %O: !o, %given: i64, %H: index, %M: index) attributes {tile.kernel} {
  %c8 = arith.constant 8 : index
  %c4 = arith.constant 4 : index
  %c16 = arith.constant 16 : index
  scf.forall (%h) in (%H) {
    %one = tile.map [] {
      %c = arith.constant 1.0 : f32
      tile.yield %c : f32
    } -> !tile.frag<4x8xf32, #rows>
    %zero = tile.map [] {
      %c = arith.constant 0.0 : f32
      tile.yield %c : f32
    } -> !tile.frag<4x16xf32, #out>
    %r = route.affine [h, m] symbols(M = %M) where [M - 1 - m, h - m]
    %s = route.for (%m0, %full) in %r at (%h) block [1, 16] iter_args(%x = %zero : !tile.frag<4x16xf32, #out>) {
      %left = arith.subi %M, %m0 : index
      %l = tile.load %K[affine_map<(e, j)[m0] -> (0, m0 + j, e)>](%m0) limits(%c8, %left) pad 0.0 : f32
           : !k -> !tile.frag<8x16xf32, #panels>
      %b = tile.mask %l [affine_map<(e, j)[m0, h] -> (h - j - m0)>](%m0, %h) full %full else 0.0 : f32
           : !tile.frag<8x16xf32, #panels> -> !tile.frag<8x16xf32, #panels>
      %y = tile.dot %one, %b [affine_map<(i, j, e) -> (i, e)>, affine_map<(i, j, e) -> (e, j)>, affine_map<(i, j, e) -> (i, j)>]
           acc %x : !tile.frag<4x16xf32, #out> : !tile.frag<4x8xf32, #rows>, !tile.frag<8x16xf32, #panels> -> !tile.frag<4x16xf32, #out>
      route.yield %y : !tile.frag<4x16xf32, #out>
    }
    tile.store %s, %O[affine_map<(i, j)[h] -> (h, i, j)>](%h) limits(%c4, %c16) : !tile.frag<4x16xf32, #out>, !o
  }
  return
}

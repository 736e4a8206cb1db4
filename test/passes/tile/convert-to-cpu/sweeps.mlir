// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: attn-opt %s --pass-pipeline='builtin.module(func.func(tile-assign-layouts,tile-allocate-scratch,tile-convert-to-cpu))' | FileCheck %s

!mem = memref<?x?xf32, strided<[?, ?], offset: ?>>
!row = memref<?xf32, strided<[?], offset: ?>>
#ik = affine_map<(i, j, k) -> (i, k)>
#kj = affine_map<(i, j, k) -> (k, j)>
#ij = affine_map<(i, j, k) -> (i, j)>
#id = affine_map<(i, j) -> (i, j)>
#i = affine_map<(i, j) -> (i)>

// The largest of each row of a product is found while the product's tiles are in registers, a vector a row; a NaN
// anywhere sends the block to the loop that keeps NaNs.
// CHECK-LABEL: func @product_then_maximum
// CHECK-DAG: memref.alloca() {{.*}} : memref<32xf32>
// CHECK-DAG: memref.alloca() {{.*}} : memref<8xi32>
// CHECK: vector.fma {{.*}} : vector<16xf32>
// CHECK: vector.extract_strided_slice {{.*}} : vector<16xf32> to vector<8xf32>
// CHECK: arith.cmpf ogt, {{.*}} : vector<8xf32>
// CHECK: arith.cmpf uno, {{.*}} : vector<8xf32>
// CHECK: vector.reduction <or>
// CHECK: scf.if
func.func @product_then_maximum(%call: !llvm.ptr, %task: i64, %worker: i32, %A: !mem, %B: !mem, %C: !mem, %D: !row, %n: index) {
  %a = tile.load %A[#id]() limits(%n, %n) pad 0.0 : f32 : !mem -> !tile.frag<4x8xf32>
  %b = tile.load %B[#id]() limits(%n, %n) pad 0.0 : f32 : !mem -> !tile.frag<8x16xf32>
  %c = tile.dot %a, %b [#ik, #kj, #ij] : !tile.frag<4x8xf32>, !tile.frag<8x16xf32> -> !tile.frag<4x16xf32>
  %m = tile.reduce <maximumf> over [4, 16] ins(%c : !tile.frag<4x16xf32>) [#id] identity 0xFF800000 : f32 {
  ^bb0(%x: f32):
    tile.yield %x : f32
  } -> !tile.frag<4xf32>
  tile.store %c, %C[#id]() limits(%n, %n) : !tile.frag<4x16xf32>, !mem
  tile.store %m, %D[affine_map<(i) -> (i)>]() limits(%n) : !tile.frag<4xf32>, !row
  return
}

// One loop makes the powers, stores them and adds them up.
// CHECK-LABEL: func @powers_and_their_sum
// CHECK: scf.for
// CHECK: math.exp2
// CHECK-NOT: scf.for
// CHECK: vector.store
// CHECK-NEXT: arith.addf
func.func @powers_and_their_sum(%call: !llvm.ptr, %task: i64, %worker: i32, %A: !mem, %C: !mem, %D: !row, %n: index) {
  %a = tile.load %A[#id]() limits(%n, %n) pad 0.0 : f32 : !mem -> !tile.frag<4x64xf32>
  %p = tile.map ins(%a : !tile.frag<4x64xf32>) [#id] {
  ^bb0(%x: f32):
    %y = math.exp2 %x : f32
    tile.yield %y : f32
  } -> !tile.frag<4x64xf32>
  %s = tile.reduce <add> over [4, 64] ins(%p : !tile.frag<4x64xf32>) [#id] identity 0.0 : f32 {
  ^bb0(%x: f32):
    tile.yield %x : f32
  } -> !tile.frag<4xf32>
  tile.store %p, %C[#id]() limits(%n, %n) : !tile.frag<4x64xf32>, !mem
  tile.store %s, %D[affine_map<(i) -> (i)>]() limits(%n) : !tile.frag<4xf32>, !row
  return
}

// Accumulators begin as the scaled rows, which no loop of their own makes.
// CHECK-LABEL: func @scaled_start
// CHECK-NOT: arith.mulf {{.*}} : vector<8xf32>
// CHECK: arith.mulf {{.*}} : vector<16xf32>
// CHECK: vector.fma
func.func @scaled_start(%call: !llvm.ptr, %task: i64, %worker: i32, %A: !mem, %B: !mem, %C: !mem, %D: !row, %n: index) {
  %a = tile.load %A[#id]() limits(%n, %n) pad 0.0 : f32 : !mem -> !tile.frag<4x8xf32>
  %b = tile.load %B[#id]() limits(%n, %n) pad 0.0 : f32 : !mem -> !tile.frag<8x16xf32>
  %c = tile.load %C[#id]() limits(%n, %n) pad 0.0 : f32 : !mem -> !tile.frag<4x16xf32>
  %d = tile.load %D[affine_map<(i) -> (i)>]() limits(%n) pad 0.0 : f32 : !row -> !tile.frag<4xf32>
  %s = tile.map ins(%c, %d : !tile.frag<4x16xf32>, !tile.frag<4xf32>) [#id, #i] {
  ^bb0(%x: f32, %y: f32):
    %z = arith.mulf %x, %y : f32
    tile.yield %z : f32
  } -> !tile.frag<4x16xf32>
  %e = tile.dot %a, %b [#ik, #kj, #ij] acc %s : !tile.frag<4x16xf32>
       : !tile.frag<4x8xf32>, !tile.frag<8x16xf32> -> !tile.frag<4x16xf32>
  tile.store %e, %C[#id]() limits(%n, %n) : !tile.frag<4x16xf32>, !mem
  return
}

// In a partial block nothing is masked, compared, raised or multiplied beyond where a row's mask lets its readers go: ends
// are values, not extents. What is outside is overwritten with constants, not chosen element by element.
// CHECK-LABEL: func @ends_of_rows
// CHECK: vector.fma
// CHECK: scf.for {{.*}} to %{{[0-9]+}} step %{{.*}} {
// CHECK-NEXT: arith.constant dense<0xFF800000>
// CHECK-NEXT: affine.apply
// CHECK-NEXT: vector.store
// CHECK: scf.for {{.*}} to %{{[0-9]+}} step %{{.*}} iter_args
// CHECK: arith.cmpf ogt
// CHECK: scf.for {{.*}} to %{{[0-9]+}} step %{{.*}} iter_args
// CHECK: math.exp2
// CHECK: scf.for {{.*}} to %{{[0-9]+}} step %{{.*}} iter_args
// CHECK-COUNT-32: vector.fma
func.func @ends_of_rows(%call: !llvm.ptr, %task: i64, %worker: i32, %A: !mem, %B: !mem, %C: !mem, %D: !row, %n: index) {
  %a = tile.load %A[#id]() limits(%n, %n) pad 0.0 : f32 : !mem -> !tile.frag<4x8xf32>
  %b = tile.load %B[#id]() limits(%n, %n) pad 0.0 : f32 : !mem -> !tile.frag<8x32xf32>
  %c = tile.dot %a, %b [#ik, #kj, #ij] : !tile.frag<4x8xf32>, !tile.frag<8x32xf32> -> !tile.frag<4x32xf32>
  %k = tile.mask %c [affine_map<(i, j)[n] -> (i + n - j)>](%n) else 0xFF800000 : f32 : !tile.frag<4x32xf32> -> !tile.frag<4x32xf32>
  %m = tile.reduce <maximumf> over [4, 32] ins(%k : !tile.frag<4x32xf32>) [#id] identity 0xFF800000 : f32 {
  ^bb0(%x: f32):
    tile.yield %x : f32
  } -> !tile.frag<4xf32>
  %y = tile.map ins(%m : !tile.frag<4xf32>) [affine_map<(i) -> (i)>] {
  ^bb0(%x: f32):
    %inf = arith.constant 0xFF800000 : f32
    %zero = arith.constant 0.0 : f32
    %none = arith.cmpf oeq, %x, %inf : f32
    %r = arith.select %none, %zero, %x : f32
    tile.yield %r : f32
  } -> !tile.frag<4xf32>
  %p = tile.map ins(%k, %y : !tile.frag<4x32xf32>, !tile.frag<4xf32>) [#id, #i] {
  ^bb0(%x: f32, %z: f32):
    %d = arith.subf %x, %z : f32
    %e = math.exp2 %d : f32
    tile.yield %e : f32
  } -> !tile.frag<4x32xf32>
  %s = tile.reduce <add> over [4, 32] ins(%p : !tile.frag<4x32xf32>) [#id] identity 0.0 : f32 {
  ^bb0(%x: f32):
    tile.yield %x : f32
  } -> !tile.frag<4xf32>
  %v = tile.load %B[#id]() limits(%n, %n) pad 0.0 : f32 : !mem -> !tile.frag<32x16xf32>
  %o = tile.dot %p, %v [#ik, #kj, #ij] : !tile.frag<4x32xf32>, !tile.frag<32x16xf32> -> !tile.frag<4x16xf32>
  tile.store %o, %C[#id]() limits(%n, %n) : !tile.frag<4x16xf32>, !mem
  tile.store %s, %D[affine_map<(i) -> (i)>]() limits(%n) : !tile.frag<4xf32>, !row
  return
}

// One row times a matrix whose rows lie along the contracted dimension: eight results at once, lanes along that dimension,
// and a tree that turns eight vectors of partial sums into one of results.
// CHECK-LABEL: func @inner
// CHECK: scf.for {{.*}} iter_args({{.*}}) -> (vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>)
// CHECK-COUNT-8: vector.fma {{.*}} : vector<8xf32>
// CHECK-COUNT-14: vector.shuffle
// CHECK: vector.store {{.*}} vector<8xf32>
func.func @inner(%call: !llvm.ptr, %task: i64, %worker: i32, %A: !row, %B: !mem, %C: !row, %n: index) {
  %a = tile.load %A[affine_map<(k) -> (k)>]() limits(%n) pad 0.0 : f32 : !row -> !tile.frag<32xf32>
  %b = tile.load %B[#id]() limits(%n, %n) pad 0.0 : f32 : !mem -> !tile.frag<16x32xf32>
  %c = tile.dot %a, %b [affine_map<(j, k) -> (k)>, affine_map<(j, k) -> (j, k)>, affine_map<(j, k) -> (j)>]
       : !tile.frag<32xf32>, !tile.frag<16x32xf32> -> !tile.frag<16xf32>
  tile.store %c, %C[affine_map<(i) -> (i)>]() limits(%n) : !tile.frag<16xf32>, !row
  return
}

// A factor whose elements are used once each is read where it lies, if all of the block is inside and contiguous along its
// last dimension; else it is moved to scratch first.
// CHECK-LABEL: func @in_place
// CHECK: scf.if
// CHECK-NOT: scf.if
// CHECK: vector.load {{.*}} : memref<?xf32, strided<[1], offset: ?>>, vector<8xf32>
// CHECK: } else {
// CHECK: vector.load {{.*}} : memref<512xf32>, vector<8xf32>
func.func @in_place(%call: !llvm.ptr, %task: i64, %worker: i32, %A: !row, %B: !mem, %C: !row, %n: index) {
  %a = tile.map [] {
    %one = arith.constant 1.0 : f32
    tile.yield %one : f32
  } -> !tile.frag<32xf32>
  %b = tile.load %B[#id]() limits(%n, %n) pad 0.0 : f32 : !mem -> !tile.frag<16x32xf32>
  %c = tile.dot %a, %b [affine_map<(j, k) -> (k)>, affine_map<(j, k) -> (j, k)>, affine_map<(j, k) -> (j)>]
       : !tile.frag<32xf32>, !tile.frag<16x32xf32> -> !tile.frag<16xf32>
  tile.store %c, %C[affine_map<(i) -> (i)>]() limits(%n) : !tile.frag<16xf32>, !row
  return
}

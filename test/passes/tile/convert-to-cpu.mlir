// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: attn-opt %s --pass-pipeline='builtin.module(func.func(tile-assign-layouts,tile-allocate-scratch,tile-convert-to-cpu))' --split-input-file \
// RUN:   | FileCheck %s --implicit-check-not='tile.{{load|store|map|mask|reduce|dot|convert}} '
// RUN: attn-opt %s --pass-pipeline='builtin.module(func.func(tile-assign-layouts{target=cpu:x86-64-v4},tile-allocate-scratch,tile-convert-to-cpu{target=cpu:x86-64-v4}))' --split-input-file \
// RUN:   | FileCheck %s --check-prefix=V4

// The factor that is read in vectors: whole blocks of rows are transposed in registers, others go by element.
// Six rows are a tile of four and one of two; 20 columns a panel of 16 and one of 8 that holds 4.
!mem = memref<?x?xf32, strided<[?, ?], offset: ?>>
// CHECK-LABEL: func @contraction
// V4-LABEL: func @contraction
func.func @contraction(%call: !llvm.ptr, %task: i64, %worker: i32, %A: !mem, %B: !mem, %C: !mem, %n: index) {
  %a = tile.load %A[affine_map<(i, k) -> (i, k)>]() limits(%n, %n) pad 0.0 : f32 : !mem -> !tile.frag<6x16xf32>
  // CHECK: vector.shuffle
  // CHECK: memref.load
  %b = tile.load %B[affine_map<(j, k) -> (j, k)>]() limits(%n, %n) pad 0.0 : f32 : !mem -> !tile.frag<20x16xf32>
  // CHECK: scf.for {{.*}} iter_args({{.*}}) -> (vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>)
  // CHECK-COUNT-32: vector.fma {{.*}} : vector<16xf32>
  // CHECK: scf.for {{.*}} iter_args({{.*}}) -> (vector<16xf32>, vector<16xf32>)
  // CHECK-COUNT-16: vector.fma {{.*}} : vector<16xf32>
  // CHECK: scf.for {{.*}} iter_args({{.*}}) -> (vector<4xf32>, vector<4xf32>, vector<4xf32>, vector<4xf32>)
  // V4: vector.fma {{.*}} : vector<20xf32>
  %c = tile.dot %a, %b [affine_map<(i, j, k) -> (i, k)>, affine_map<(i, j, k) -> (j, k)>, affine_map<(i, j, k) -> (i, j)>]
       : !tile.frag<6x16xf32>, !tile.frag<20x16xf32> -> !tile.frag<6x20xf32>
  // CHECK: vector.store {{.*}} strided
  tile.store %c, %C[affine_map<(i, j) -> (i, j)>]() limits(%n, %n) : !tile.frag<6x20xf32>, !mem
  return
}

// -----

// Two whole vectors of a row, and the three elements left in one of their own. What `full` cannot promise is found in scalar
// code once a row. A maximum is one comparison an element, its NaNs are collected beside.
!mem = memref<?x?xf32, strided<[?, ?], offset: ?>>
// CHECK-LABEL: func @rows
func.func @rows(%call: !llvm.ptr, %task: i64, %worker: i32, %A: !mem, %C: memref<?xf32, strided<[?], offset: ?>>, %n: index, %full: i1) {
  %a = tile.load %A[affine_map<(i, k) -> (i, k)>]() limits(%n, %n) pad 0.0 : f32 : !mem -> !tile.frag<5x19xf32>
  // CHECK: vector.load {{.*}} vector<8xf32>
  // CHECK: math.exp2 {{.*}} : vector<8xf32>
  // CHECK: vector.load {{.*}} vector<3xf32>
  // CHECK: math.exp2 {{.*}} : vector<3xf32>
  %e = tile.map ins(%a : !tile.frag<5x19xf32>) [affine_map<(i, k) -> (i, k)>] points affine_map<(i, k)[s] -> (k + s)>(%n) {
  ^bb0(%x: f32, %p: index):
    %i = arith.index_cast %p : index to i32
    %f = arith.sitofp %i : i32 to f32
    %y = arith.addf %x, %f : f32
    %z = math.exp2 %y : f32
    tile.yield %z : f32
  } -> !tile.frag<5x19xf32>
  // CHECK: %[[PARTIAL:.*]] = arith.xori %{{.*}}, %true
  // CHECK: scf.if %[[PARTIAL]]
  // CHECK: arith.minsi
  // CHECK: arith.select {{.*}} : vector<8xi1>, vector<8xf32>
  %m = tile.mask %e [affine_map<(i, k)[s] -> (i + s - k)>](%n) full %full else 0xFF800000 : f32
       : !tile.frag<5x19xf32> -> !tile.frag<5x19xf32>
  // CHECK: arith.cmpf ogt, {{.*}} : vector<8xf32>
  // CHECK: arith.cmpf uno, {{.*}} : vector<8xf32>
  // CHECK: arith.maximumf {{.*}} : vector<4xf32>
  %r = tile.reduce <maximumf> over [5, 19] ins(%m : !tile.frag<5x19xf32>) [affine_map<(i, k) -> (i, k)>] identity 0xFF800000 : f32 {
  ^bb0(%x: f32):
    tile.yield %x : f32
  } -> !tile.frag<5xf32>
  tile.store %r, %C[affine_map<(i) -> (i)>]() limits(%n) : !tile.frag<5xf32>, memref<?xf32, strided<[?], offset: ?>>
  return
}

// -----

// Tiles of the result that the mask replaces are skipped; the contraction ends where the masked factor is zero from there on.
!mem = memref<?x?xf32, strided<[?, ?], offset: ?>>
// CHECK-LABEL: func @absent_points
func.func @absent_points(%call: !llvm.ptr, %task: i64, %worker: i32, %C: !mem, %n: index, %M: index) {
  %a = tile.map [] {
    %z = arith.constant 2.0 : f32
    tile.yield %z : f32
  } -> !tile.frag<8x16xf32>
  %b = tile.map [] {
    %z = arith.constant 3.0 : f32
    tile.yield %z : f32
  } -> !tile.frag<32x16xf32>
  // CHECK: %[[NEEDED:.*]] = arith.cmpi sge
  // CHECK-NEXT: scf.if %[[NEEDED]] {
  // CHECK: vector.fma
  %s = tile.dot %a, %b [affine_map<(i, j, k) -> (i, k)>, affine_map<(i, j, k) -> (j, k)>, affine_map<(i, j, k) -> (i, j)>]
       : !tile.frag<8x16xf32>, !tile.frag<32x16xf32> -> !tile.frag<8x32xf32>
  %m = tile.mask %s [affine_map<(i, j)[M] -> (i + M - j)>](%M) else 0xFF800000 : f32 : !tile.frag<8x32xf32> -> !tile.frag<8x32xf32>
  %p = tile.map ins(%m : !tile.frag<8x32xf32>) [affine_map<(i, j) -> (i, j)>] {
  ^bb0(%x: f32):
    %one = arith.constant 1.0 : f32
    %y = arith.subf %x, %one : f32
    %z = math.exp2 %y : f32
    tile.yield %z : f32
  } -> !tile.frag<8x32xf32>
  %v = tile.map [] {
    %z = arith.constant 5.0 : f32
    tile.yield %z : f32
  } -> !tile.frag<32x16xf32>
  // CHECK: math.exp2
  // CHECK: arith.minsi
  // CHECK: %[[END:.*]] = arith.minsi %{{.*}}, %{{.*}} : index
  // CHECK-NEXT: arith.constant 0 : index
  // CHECK-NEXT: arith.constant 8 : index
  // CHECK-NEXT: scf.for %{{.*}} to %[[END]] step {{.*}} iter_args
  // CHECK: vector.fma
  %o = tile.dot %p, %v [affine_map<(i, f, j) -> (i, j)>, affine_map<(i, f, j) -> (j, f)>, affine_map<(i, f, j) -> (i, f)>]
       : !tile.frag<8x32xf32>, !tile.frag<32x16xf32> -> !tile.frag<8x16xf32>
  tile.store %o, %C[affine_map<(i, f) -> (i, f)>]() limits(%n, %n) : !tile.frag<8x16xf32>, !mem
  return
}

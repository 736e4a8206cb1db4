// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: attn-opt %s --tile-assign-layouts | FileCheck %s --check-prefixes=CHECK,V3
// RUN: attn-opt %s --tile-assign-layouts=target=cpu:x86-64-v4 | FileCheck %s --check-prefixes=CHECK,V4


!mem = memref<?x?xf32, strided<[?, ?], offset: ?>>
!mem16 = memref<?x?xf16, strided<[?, ?], offset: ?>>

// CHECK-LABEL: func @load_makes_panels
func.func @load_makes_panels(%A: !mem, %B: !mem, %C: !mem, %n: index) {
  // CHECK: tile.load {{.*}} -> <32x64xf32, <(d0, d1) -> (d0, d1), "scratch", [32, 64]>>
  %a = tile.load %A[affine_map<(i, k) -> (i, k)>]() limits(%n, %n) pad 0.0 : f32 : !mem -> !tile.frag<32x64xf32>
  // V3: tile.load {{.*}} -> <40x64xf32, <(d0, d1) -> (d0 floordiv 16, d1, d0 mod 16), "scratch", [3, 64, 16]>>
  // V4: tile.load {{.*}} -> <40x64xf32, <(d0, d1) -> (d0 floordiv 64, d1, d0 mod 64), "scratch", [1, 64, 64]>>
  %b = tile.load %B[affine_map<(j, k) -> (j, k)>]() limits(%n, %n) pad 0.0 : f32 : !mem -> !tile.frag<40x64xf32>
  // CHECK-NOT: tile.convert
  // CHECK: tile.dot {{.*}} -> <32x40xf32, <(d0, d1) -> (d0, d1), "scratch", [32, 40]>>
  %c = tile.dot %a, %b [affine_map<(i, j, k) -> (i, k)>, affine_map<(i, j, k) -> (j, k)>, affine_map<(i, j, k) -> (i, j)>]
       : !tile.frag<32x64xf32>, !tile.frag<40x64xf32> -> !tile.frag<32x40xf32>
  tile.store %c, %C[affine_map<(i, j) -> (i, j)>]() limits(%n, %n) : !tile.frag<32x40xf32>, !mem
  return
}

// Somebody else reads the factor as rows.
// CHECK-LABEL: func @shared_factor_is_converted
func.func @shared_factor_is_converted(%A: !mem, %C: !mem, %n: index) {
  %a = tile.load %A[affine_map<(i, k) -> (i, k)>]() limits(%n, %n) pad 0.0 : f32 : !mem -> !tile.frag<40x64xf32>
  // CHECK: %[[P:.*]] = tile.convert %[[A:.*]] :
  // CHECK: tile.dot %[[A]], %[[P]]
  %c = tile.dot %a, %a [affine_map<(i, j, k) -> (i, k)>, affine_map<(i, j, k) -> (j, k)>, affine_map<(i, j, k) -> (i, j)>]
       : !tile.frag<40x64xf32>, !tile.frag<40x64xf32> -> !tile.frag<40x40xf32>
  tile.store %c, %C[affine_map<(i, j) -> (i, j)>]() limits(%n, %n) : !tile.frag<40x40xf32>, !mem
  return
}

// Packing serves rows; one row reads each element once.
// CHECK-LABEL: func @one_row_is_not_packed
func.func @one_row_is_not_packed(%A: !mem, %B: !mem, %C: !mem, %n: index) {
  %a = tile.load %A[affine_map<(i, k) -> (i, k)>]() limits(%n, %n) pad 0.0 : f32 : !mem -> !tile.frag<1x64xf32>
  // CHECK: tile.load {{.*}} -> <64x40xf32, <(d0, d1) -> (d0, d1), "scratch", [64, 40]>>
  %b = tile.load %B[affine_map<(k, j) -> (k, j)>]() limits(%n, %n) pad 0.0 : f32 : !mem -> !tile.frag<64x40xf32>
  %c = tile.dot %a, %b [affine_map<(i, j, k) -> (i, k)>, affine_map<(i, j, k) -> (k, j)>, affine_map<(i, j, k) -> (i, j)>]
       : !tile.frag<1x64xf32>, !tile.frag<64x40xf32> -> !tile.frag<1x40xf32>
  tile.store %c, %C[affine_map<(i, j) -> (i, j)>]() limits(%n, %n) : !tile.frag<1x40xf32>, !mem
  return
}

// Narrow factors are widened where they are; the result's last dimension may be in the first factor.
// CHECK-LABEL: func @narrow_factors
func.func @narrow_factors(%A: !mem16, %B: !mem, %C: !mem, %n: index) {
  // V3: %[[A:.*]] = tile.load {{.*}} -> <64x40xf16, <(d0, d1) -> (d1 floordiv 16, d0, d1 mod 16), "scratch", [3, 64, 16]>>
  %a = tile.load %A[affine_map<(k, i) -> (k, i)>]() limits(%n, %n) pad 0.0 : f16 : !mem16 -> !tile.frag<64x40xf16>
  %b = tile.load %B[affine_map<(j, k) -> (j, k)>]() limits(%n, %n) pad 0.0 : f32 : !mem -> !tile.frag<32x64xf32>
  // V3: %[[W:.*]] = tile.map ins(%[[A]] :
  // V3: arith.extf
  // V3: -> !tile.frag<64x40xf32, <(d0, d1) -> (d1 floordiv 16, d0, d1 mod 16)
  // V3: tile.dot %[[W]],
  %c = tile.dot %a, %b [affine_map<(i, j, k) -> (k, i)>, affine_map<(i, j, k) -> (j, k)>, affine_map<(i, j, k) -> (j, i)>]
       : !tile.frag<64x40xf16>, !tile.frag<32x64xf32> -> !tile.frag<32x40xf32>
  tile.store %c, %C[affine_map<(i, j) -> (i, j)>]() limits(%n, %n) : !tile.frag<32x40xf32>, !mem
  return
}

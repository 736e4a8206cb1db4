// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: attn-opt %s | attn-opt | FileCheck %s

#panels = #tile.layout<(n, k) -> (n floordiv 16, k, n mod 16), "scratch", [16, 128, 16]>
!mem = memref<?x?x?x?xf32, strided<[?, ?, ?, ?], offset: ?>>

// CHECK-LABEL: func @block
func.func @block(%K: !mem, %V: !mem, %O: !mem, %b: index, %g: index, %p0: index, %m0: index, %M: index, %E: index,
                 %full: i1, %q: !tile.frag<64x128xf32>, %table: !tile.frag<256xi32>) {
  %left = arith.subi %M, %m0 : index
  // CHECK: tile.load %{{.*}}[#{{.*}}] (%{{.*}}, %{{.*}}, %{{.*}}) limits(%{{.*}}, %{{.*}}) pad 0.000000e+00 : f32 : memref<{{.*}}> -> <256x128xf32, <{{.*}}, "scratch", [16, 128, 16]>>
  %k = tile.load %K[affine_map<(j, e)[b, g, m0] -> (b, g, m0 + j, e)>](%b, %g, %m0) limits(%left, %E) pad 0.0 : f32
       : !mem -> !tile.frag<256x128xf32, #panels>
  // CHECK: tile.load {{.*}} gathers(%{{.*}} : !tile.frag<256xi32>) [#{{.*}}] limits
  %v = tile.load %V[affine_map<(j, f, t)[b, g] -> (t, g, j, f)>](%b, %g) gathers(%table : !tile.frag<256xi32>) [affine_map<(j, f) -> (j)>]
       limits(%left, %E) pad 0.0 : f32 : !mem -> !tile.frag<256x128xf32>
  // CHECK: tile.dot
  %s = tile.dot %q, %k [affine_map<(i, j, e) -> (i, e)>, affine_map<(i, j, e) -> (j, e)>, affine_map<(i, j, e) -> (i, j)>]
       : !tile.frag<64x128xf32>, !tile.frag<256x128xf32, #panels> -> !tile.frag<64x256xf32>
  // CHECK: tile.mask {{.*}} full %{{.*}} else 0xFF800000 : f32
  %sm = tile.mask %s [affine_map<(i, j)[p0, m0, M] -> (i + p0 - j - m0, M - 1 - j - m0)>](%p0, %m0, %M) full %full else 0xFF800000 : f32
        : !tile.frag<64x256xf32> -> !tile.frag<64x256xf32>
  // CHECK: tile.reduce <maximumf> over [64, 256] ins({{.*}}) {{.*}} identity 0xFF800000 : f32 {
  %x = tile.reduce <maximumf> over [64, 256] ins(%sm : !tile.frag<64x256xf32>) [affine_map<(i, j) -> (i, j)>]
       identity 0xFF800000 : f32 {
  ^bb0(%a: f32):
    tile.yield %a : f32
  } -> !tile.frag<64xf32>
  // CHECK: tile.map ins({{.*}}) [{{.*}}] points #{{.*}}(%{{.*}}) {
  %n = tile.map ins(%sm, %x : !tile.frag<64x256xf32>, !tile.frag<64xf32>) [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i)>]
       points affine_map<(i, j)[p0] -> (i + p0)>(%p0) {
  ^bb0(%a: f32, %y: f32, %p: index):
    %d = arith.subf %a, %y : f32
    %e = math.exp2 %d : f32
    tile.yield %e : f32
  } -> !tile.frag<64x256xf32>
  %zero = tile.map [] {
    %z = arith.constant 0.0 : f32
    tile.yield %z : f32
  } -> !tile.frag<64x128xf32>
  %o = tile.dot %n, %v [affine_map<(i, f, j) -> (i, j)>, affine_map<(i, f, j) -> (j, f)>, affine_map<(i, f, j) -> (i, f)>]
       acc %zero : !tile.frag<64x128xf32> : !tile.frag<64x256xf32>, !tile.frag<256x128xf32> -> !tile.frag<64x128xf32>
  // CHECK: tile.convert
  %c = tile.convert %o : !tile.frag<64x128xf32> -> !tile.frag<64x128xf32, #tile.layout<(i, f) -> (i, f), "scratch", [64, 128]>>
  // CHECK: tile.store
  tile.store %c, %O[affine_map<(i, f)[b, h, p0] -> (b, h, p0 + i, f)>](%b, %g, %p0) limits(%left, %E)
    : !tile.frag<64x128xf32, #tile.layout<(i, f) -> (i, f), "scratch", [64, 128]>>, !mem
  return
}

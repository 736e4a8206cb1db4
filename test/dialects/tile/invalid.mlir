// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: attn-opt %s --split-input-file --verify-diagnostics

// expected-error@+1 {{fragment of more than 2^22 elements, or of none}}
func.func @frag_c1(%a: !tile.frag<4096x4096xf32>) { return }

// -----

// expected-error@+1 {{layout has 1 dimensions != 2}}
func.func @frag_c2(%a: !tile.frag<4x8xf32, <(i) -> (i), "scratch", [4]>>) { return }

// -----

// expected-error@+2 {{unknown space 'moon'; known: scratch, workspace, regs}}
// expected-error@+1 {{failed to parse FragType parameter 'layout'}}
func.func @layout_space(%a: !tile.frag<4xf32, <(i) -> (i), "moon", [4]>>) { return }

// -----

func.func @load_c1(%m: memref<?x?xf32>, %i: index) {
  // expected-error@+1 {{has not 1 dimensions, 1 symbols and 2 results}}
  %0 = tile.load %m[affine_map<(i)[a] -> (a + i)>](%i) limits(%i) pad 0.0 : f32 : memref<?x?xf32> -> !tile.frag<4xf32>
  return
}

// -----

func.func @load_c2(%m: memref<?xf32>, %i: index) {
  // expected-error@+1 {{0 limits != 1 dimensions}}
  %0 = tile.load %m[affine_map<(i)[a] -> (a + i)>](%i) limits() pad 0.0 : f32 : memref<?xf32> -> !tile.frag<4xf32>
  return
}

// -----

func.func @load_c3(%m: memref<?xf64>, %i: index) {
  // expected-error@+1 {{fragment of 'f32' != memory of 'f64'}}
  %0 = tile.load %m[affine_map<(i)[a] -> (a + i)>](%i) limits(%i) pad 0.0 : f32 : memref<?xf64> -> !tile.frag<4xf32>
  return
}

// -----

func.func @load_c4(%m: memref<?xf32>, %i: index, %t: !tile.frag<4xf32>) {
  // expected-error@+1 {{gather 0 of 'f32', expected an integer}}
  %0 = tile.load %m[affine_map<(i, t) -> (t)>]() gathers(%t : !tile.frag<4xf32>) [affine_map<(i) -> (i)>] limits(%i) pad 0.0 : f32 : memref<?xf32> -> !tile.frag<4xf32>
  return
}

// -----

func.func @load_c5(%m: memref<?x8x4xf32>, %i: index) {
  // expected-error@+1 {{view of memory that is not in the layout of '!tile.frag<4x8xf32, <(d0, d1) -> (d1, d0), "scratch", [8, 4]>>'}}
  %0 = tile.load %m[affine_map<(i, j)[s] -> (s, i, j)>](%i) limits(%i, %i) pad 0.0 : f32 view
       : memref<?x8x4xf32> -> !tile.frag<4x8xf32, <(i, j) -> (j, i), "scratch", [8, 4]>>
  return
}

// -----

func.func @map_c1(%a: !tile.frag<4x8xf32>) {
  // expected-error@+1 {{operand 0 has extent 4 in dimension 1, expected 8}}
  %0 = tile.map ins(%a : !tile.frag<4x8xf32>) [affine_map<(i, j) -> (j, i)>] {
  ^bb0(%x: f32):
    tile.yield %x : f32
  } -> !tile.frag<4x8xf32>
  return
}

// -----

func.func @map_c3(%a: !tile.frag<4xf32>) {
  // expected-error@+1 {{region takes ('f64') != ('f32')}}
  %0 = tile.map ins(%a : !tile.frag<4xf32>) [affine_map<(i) -> (i)>] {
  ^bb0(%x: f64):
    tile.yield %x : f64
  } -> !tile.frag<4xf64>
  return
}

// -----

func.func @map_c4(%a: !tile.frag<4xf32>) {
  // expected-error@+1 {{region yields ('f32') != ('f64')}}
  %0 = tile.map ins(%a : !tile.frag<4xf32>) [affine_map<(i) -> (i)>] {
  ^bb0(%x: f32):
    tile.yield %x : f32
  } -> !tile.frag<4xf64>
  return
}

// -----

func.func @reduce_c2(%a: !tile.frag<4x8xf32>) {
  // expected-error@+1 {{space [4, 8] does not extend the result's shape [8]}}
  %0 = tile.reduce <add> over [4, 8] ins(%a : !tile.frag<4x8xf32>) [affine_map<(i, j) -> (i, j)>] identity 0.0 : f32 {
  ^bb0(%x: f32):
    tile.yield %x : f32
  } -> !tile.frag<8xf32>
  return
}

// -----

func.func @reduce_c4(%a: !tile.frag<4x8xf32>) {
  // expected-error@+1 {{identity of 'f64' or acc does not fit}}
  %0 = tile.reduce <add> over [4, 8] ins(%a : !tile.frag<4x8xf32>) [affine_map<(i, j) -> (i, j)>] identity 0.0 : f64 {
  ^bb0(%x: f32):
    tile.yield %x : f32
  } -> !tile.frag<4xf32>
  return
}

// -----

func.func @dot_c1(%a: !tile.frag<4x8xf32>, %b: !tile.frag<8xf32>) {
  // expected-error@+1 {{2 maps != 3}}
  %0 = tile.dot %a, %b [affine_map<(i, k) -> (i, k)>, affine_map<(i, k) -> (k)>] : !tile.frag<4x8xf32>, !tile.frag<8xf32> -> !tile.frag<4xf32>
  return
}

// -----

func.func @dot_c2(%a: !tile.frag<4x8xf32>, %b: !tile.frag<4xf32>) {
  // expected-error@+1 {{dimension 1 is in 1 of the three maps, expected at least 2}}
  %0 = tile.dot %a, %b [affine_map<(i, k) -> (i, k)>, affine_map<(i, k) -> (i)>, affine_map<(i, k) -> (i)>]
       : !tile.frag<4x8xf32>, !tile.frag<4xf32> -> !tile.frag<4xf32>
  return
}

// -----

func.func @dot_c3(%a: !tile.frag<4x8xf16>, %b: !tile.frag<8xf16>) {
  // expected-error@+1 {{'f16' times 'f16' does not accumulate in 'f16'}}
  %0 = tile.dot %a, %b [affine_map<(i, k) -> (i, k)>, affine_map<(i, k) -> (k)>, affine_map<(i, k) -> (i)>]
       : !tile.frag<4x8xf16>, !tile.frag<8xf16> -> !tile.frag<4xf16>
  return
}

// -----

func.func @mask_c1(%a: !tile.frag<4xf32>) {
  // expected-error@+1 {{has not 1 dimensions and 0 symbols}}
  %0 = tile.mask %a[affine_map<(i)[p] -> (p - i)>]() else 0.0 : f32 : !tile.frag<4xf32> -> !tile.frag<4xf32>
  return
}

// -----

func.func @mask_c2(%a: !tile.frag<4xf32>, %c: !tile.frag<8xi1>) {
  // expected-error@+1 {{condition '!tile.frag<8xi1>' for '!tile.frag<4xf32>'}}
  %0 = tile.mask %a[affine_map<(i) -> (i)>]() and %c : !tile.frag<8xi1> else 0.0 : f32 : !tile.frag<4xf32> -> !tile.frag<4xf32>
  return
}

// -----

func.func @mask_c3(%a: !tile.frag<4xf32>) {
  // expected-error@+1 {{else of 'f64' for elements 'f32'}}
  %0 = tile.mask %a[affine_map<(i) -> (i)>]() else 0.0 : f64 : !tile.frag<4xf32> -> !tile.frag<4xf32>
  return
}

// -----

func.func @convert_c1(%a: !tile.frag<4xf32>) {
  // expected-error@+1 {{but for the layout}}
  %0 = tile.convert %a : !tile.frag<4xf32> -> !tile.frag<4xf64>
  return
}

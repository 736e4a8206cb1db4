// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: attn-opt %s --tile-allocate-scratch=limit=300 --verify-diagnostics

#rows = #tile.layout<(i) -> (i), "scratch", [64]>
#four = #tile.layout<(i) -> (i), "scratch", [16]>
!mem = memref<?xf32, strided<[?], offset: ?>>

// expected-error @+1 {{scratch of 320 bytes a worker exceeds 300}}
func.func @too_much(%A: !mem, %n: index) {
  // expected-note @+1 {{256 bytes for '!tile.frag<64xf32}}
  %a = tile.load %A[affine_map<(i) -> (i)>]() limits(%n) pad 0.0 : f32 : !mem -> !tile.frag<64xf32, #rows>
  // expected-note @+1 {{64 bytes for '!tile.frag<16xf32}}
  %b = tile.load %A[affine_map<(i) -> (i)>]() limits(%n) pad 0.0 : f32 : !mem -> !tile.frag<16xf32, #four>
  tile.store %a, %A[affine_map<(i) -> (i)>]() limits(%n) : !tile.frag<64xf32, #rows>, !mem
  tile.store %b, %A[affine_map<(i) -> (i)>]() limits(%n) : !tile.frag<16xf32, #four>, !mem
  return
}

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: attn-opt %s --pass-pipeline='builtin.module(func.func(tile-convert-to-cpu))' --split-input-file --verify-diagnostics

#rows = #tile.layout<(i) -> (i), "scratch", [64]>
!f = !tile.frag<64xf32, #rows>

func.func @no_offset(%call: !llvm.ptr, %task: i64, %worker: i32) attributes {tile.scratch_bytes = 256 : i64} {
  // expected-error @+1 {{fragment without a layout or 'tile.offset'}}
  %x = tile.map [] {
    %z = arith.constant 0.0 : f32
    tile.yield %z : f32
  } -> !f
  return
}

// -----

#rows = #tile.layout<(i) -> (i), "scratch", [64]>
!f = !tile.frag<64xf32, #rows>

func.func @wrong_place(%call: !llvm.ptr, %task: i64, %worker: i32, %n: index) attributes {tile.scratch_bytes = 256 : i64} {
  %x = tile.map [] {
    %z = arith.constant 0.0 : f32
    tile.yield %z : f32
  } {tile.offset = array<i64: 0>} -> !f
  // expected-error @+1 {{carried fragment is not at the 'tile.offset' of what it becomes}}
  %y = scf.for %i = %n to %n step %n iter_args(%c = %x) -> !f {
    scf.yield %c : !f
  } {tile.offset = array<i64: 256>}
  return
}

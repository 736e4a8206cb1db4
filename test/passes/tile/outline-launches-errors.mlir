// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: attn-opt %s --tile-outline-launches --split-input-file --verify-diagnostics

// expected-error @+1 {{kernel without 'tile.scratch_bytes'; run tile-allocate-scratch first}}
func.func @no_scratch(%given: i64) attributes {tile.kernel} {
  return
}

// -----

// expected-error @+1 {{kernel returns 1 extents, but 'tile.declared' does not name as many}}
func.func @undeclared(%given: i64, %P: index) -> index attributes {tile.kernel, tile.scratch_bytes = 0 : i64} {
  return %P : index
}

// -----

// expected-error @+1 {{kernel of several blocks is not outlined}}
func.func @blocks(%given: i64) attributes {tile.kernel, tile.scratch_bytes = 0 : i64} {
  cf.br ^next
^next:
  return
}

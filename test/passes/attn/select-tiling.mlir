// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: attn-opt %s --pass-pipeline='builtin.module(attn.kernel(attn-select-tiling))' 2>/dev/null | FileCheck %s
// RUN: attn-opt %s --pass-pipeline='builtin.module(attn.kernel(attn-select-tiling{tile=p=16,m=32}))' 2>/dev/null | FileCheck %s --check-prefix=PINNED
// RUN: attn-opt %s --pass-pipeline='builtin.module(attn.kernel(attn-select-tiling{target=nvidia:sm_90a}))' 2>/dev/null | FileCheck %s --check-prefix=SIMT
// RUN: attn-opt %s --pass-pipeline='builtin.module(attn.kernel(attn-select-tiling))' 2>&1 >/dev/null | FileCheck %s --check-prefix=REMARK

// b is in both factors: one point. p is in one: a block of rows. f stands beside the keys and is small: whole.
// CHECK: attn.group tiling {b = 1 : i64, e = 16 : i64, f = 24 : i64, m = 256 : i64, p = 64 : i64}
// PINNED: attn.group tiling {b = 1 : i64, e = 16 : i64, f = 24 : i64, m = 32 : i64, p = 16 : i64}
// SIMT: m = 64 : i64, p = 64 : i64
// REMARK: remark: tiling m = 256, b = 1, p = 64, f = 24, e = 16
// REMARK: remark: block m = 256: streamed: 64 x 256 scores, 64 KiB of 512 KiB scratch
// REMARK: remark: block b = 1: its points share no factor
// REMARK: remark: block p = 64: rows, which read each block of the other factor once
// REMARK: remark: block f = 24: the whole extent
!Q = tensor<?x?x16xf32, #attn.ranks<b, p, e>>
!K = tensor<?x?x16xf32, #attn.ranks<b, m, e>>
!V = tensor<?x?x24xf32, #attn.ranks<b, m, f>>
!S = tensor<?x?x?xf32, #attn.ranks<b, p, m>>
!O = tensor<?x?x24xf32, #attn.ranks<b, p, f>>
attn.kernel @linear(%Q: !Q {attn.name = "Q"}, %K: !K {attn.name = "K"}, %V: !V {attn.name = "V"}) -> (!O {attn.name = "O"})
    attributes {ranks = [#attn.rank<b>, #attn.rank<p>, #attn.rank<m>, #attn.rank<e = 16>, #attn.rank<f = 24>]} {
  %g = attn.group -> (!O) {
    %x = attn.stream over ["m"] identities [0.0 : f32] step {
    ^bb0(%x: !O):
      %s = attn.einsum [b, p, m] = sum [e] ins(%q = %Q[b, p, e] : !Q, %k = %K[b, m, e] : !K) map {
        %y = arith.mulf %q, %k : f32
        attn.yield %y : f32
      } : !S
      %x1 = attn.einsum [b, p, f] = sum [m] ins(%v = %s[b, p, m] : !S, %w = %V[b, m, f] : !V) acc %x : !O map {
        %y = arith.mulf %v, %w : f32
        attn.yield %y : f32
      } : !O
      attn.yield %x1 : !O
    } merge {
    ^bb0(%x: !O, %y: !O):
      attn.yield %x : !O
    } final {
    ^bb0(%x: !O):
      attn.yield %x : !O
    } : !O
    attn.yield %x : !O
  }
  attn.yield %g : !O
}

// A bias of the keys is along the reduced rank alone: b stays a batch rank.
// CHECK: attn.group tiling {b = 1 : i64, e = 16 : i64, m = 256 : i64, p = 64 : i64}
!R = tensor<?x?xf32, #attn.ranks<b, p>>
!B = tensor<?xf32, #attn.ranks<m>>
attn.kernel @biased(%Q: !Q {attn.name = "Q"}, %K: !K {attn.name = "K"}, %B: !B {attn.name = "B"}) -> (!R {attn.name = "X"})
    attributes {ranks = [#attn.rank<b>, #attn.rank<p>, #attn.rank<m>, #attn.rank<e = 16>]} {
  %g = attn.group -> (!R) {
    %x = attn.stream over ["m"] identities [0xFF800000 : f32] step {
    ^bb0(%x: !R):
      %s = attn.einsum [b, p, m] = sum [e] ins(%q = %Q[b, p, e] : !Q, %k = %K[b, m, e] : !K) map {
        %y = arith.mulf %q, %k : f32
        attn.yield %y : f32
      } : !S
      %x1 = attn.einsum [b, p] = max [m] ins(%v = %s[b, p, m] : !S, %w = %B[m] : !B) acc %x : !R map {
        %y = arith.addf %v, %w : f32
        attn.yield %y : f32
      } : !R
      attn.yield %x1 : !R
    } merge {
    ^bb0(%x: !R, %y: !R):
      attn.yield %x : !R
    } final {
    ^bb0(%x: !R):
      attn.yield %x : !R
    } : !R
    attn.yield %x : !R
  }
  attn.yield %g : !R
}

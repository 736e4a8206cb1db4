// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: attn-opt %s --tile-schedule --verify-diagnostics

func.func @unbounded(%A: memref<64xf32>, %given: i64) attributes {tile.kernel} {
  %one = arith.constant 1 : index
  scf.forall (%t) in (%one) {
    %r = route.affine [p, m] where [m - p]
    // expected-error @+1 {{nothing bounds 'm' from above in closed form}}
    route.for (%m0, %full) in %r at (%t) block [1, 64] {
      %a = tile.map [] {
        %z = arith.constant 0.0 : f32
        tile.yield %z : f32
      } -> !tile.frag<64xf32>
      tile.store %a, %A[affine_map<(i)[s] -> (i + s)>](%m0) limits(%one) : !tile.frag<64xf32>, memref<64xf32>
      route.yield
    }
  }
  return
}

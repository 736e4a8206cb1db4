// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: attn-opt %s --tile-schedule --verify-diagnostics

func.func @unbounded(%given: i64) attributes {tile.kernel} {
  %one = arith.constant 1 : index
  scf.forall (%t) in (%one) {
    %r = route.affine [p, m] where [m - p]
    // expected-error @+1 {{}}
    route.for (%m0, %full) in %r at (%t) block [1, 64] {
      route.yield
    }
  }
  return
}

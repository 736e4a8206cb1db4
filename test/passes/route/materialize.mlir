// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Affine routes pass through, inexact ones too: the table stays in the predicates.
// RUN: attn-opt %s --route-materialize | FileCheck %s

// CHECK-LABEL: attn.kernel @affine
attn.kernel @affine(%A: tensor<?x?xf32, #attn.ranks<p, m>> {attn.name = "A"})
    -> (tensor<?xf32, #attn.ranks<p>> {attn.name = "X"}) attributes {ranks = [#attn.rank<p>, #attn.rank<m>]} {
  %g = attn.group -> (tensor<?xf32, #attn.ranks<p>>) {
    %M = attn.extent "m"
    // CHECK: %[[A:.*]] = route.affine
    // CHECK: %[[B:.*]] = route.affine {{.*}} inexact
    // CHECK: %[[U:.*]] = route.union %[[A]], %[[B]]
    // CHECK: attn.stream over ["m"] route %[[U]]
    %u = route.affine [p, m] symbols(M = %M) where [p - m, M - 1 - m]
    %v = route.affine [p, m] symbols(M = %M) where [m - p - 1, M - 1 - m] inexact
    %w = route.union %u, %v
    %r = attn.stream over ["m"] route %w : !route.set identities [0xFF800000 : f32] step {
    ^bb0(%x: tensor<?xf32, #attn.ranks<p>>):
      %x1 = attn.einsum [p] = max [m] ins(%a = %A[p, m] : tensor<?x?xf32, #attn.ranks<p, m>>)
            acc %x : tensor<?xf32, #attn.ranks<p>> map { attn.yield %a : f32 } : tensor<?xf32, #attn.ranks<p>>
      attn.yield %x1 : tensor<?xf32, #attn.ranks<p>>
    } merge {
    ^bb0(%x: tensor<?xf32, #attn.ranks<p>>, %y: tensor<?xf32, #attn.ranks<p>>):
      attn.yield %x : tensor<?xf32, #attn.ranks<p>>
    } final {
    ^bb0(%x: tensor<?xf32, #attn.ranks<p>>):
      attn.yield %x : tensor<?xf32, #attn.ranks<p>>
    } : tensor<?xf32, #attn.ranks<p>>
    attn.yield %r : tensor<?xf32, #attn.ranks<p>>
  }
  attn.yield %g : tensor<?xf32, #attn.ranks<p>>
}

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: attn-opt %s --allow-unregistered-dialect --route-materialize --split-input-file --verify-diagnostics

attn.kernel @no_route(%A: tensor<?x?xf32, #attn.ranks<p, m>> {attn.name = "A"})
    -> (tensor<?xf32, #attn.ranks<p>> {attn.name = "X"}) attributes {ranks = [#attn.rank<p>, #attn.rank<m>]} {
  %g = attn.group -> (tensor<?xf32, #attn.ranks<p>>) {
    // expected-error @+1 {{has no route; route-infer comes first}}
    %r = attn.stream over ["m"] identities [0xFF800000 : f32] step {
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

// -----

attn.kernel @list(%A: tensor<?x?xf32, #attn.ranks<p, m>> {attn.name = "A"})
    -> (tensor<?xf32, #attn.ranks<p>> {attn.name = "X"}) attributes {ranks = [#attn.rank<p>, #attn.rank<m>]} {
  %g = attn.group -> (tensor<?xf32, #attn.ranks<p>>) {
    // expected-note @+1 {{the route is made here}}
    %l = "test.list"() : () -> !route.set
    // expected-error @+1 {{needs a list of blocks, which is not lowered yet}}
    %r = attn.stream over ["m"] route %l : !route.set identities [0xFF800000 : f32] step {
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

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: attn-opt %s -attn-normalize -verify-diagnostics

attn.kernel @unknown_scalar(%S: tensor<?xf32, #attn.ranks<p>> {attn.name = "S"}) -> (tensor<?xf32, #attn.ranks<p>> {attn.name = "O"})
    attributes {ranks = [#attn.rank<p>]} {
  %O = attn.einsum [p] = ins(%s = %S[p] : tensor<?xf32, #attn.ranks<p>>) map {
    %t = math.cbrt %s : f32 // expected-error {{'math.cbrt' is not known to the cascade algebra yet}}
    attn.yield %t : f32
  } : tensor<?xf32, #attn.ranks<p>>
  attn.yield %O : tensor<?xf32, #attn.ranks<p>>
}

attn.kernel @recurrence(%U: tensor<?xf32, #attn.ranks<t>> {attn.name = "U"}) -> (tensor<?xf32, #attn.ranks<t>> {attn.name = "H"})
    attributes {ranks = [#attn.rank<t>]} {
  // expected-error@+1 {{the recurrence of 'H' over rank 't' is not lowered yet}}
  %H = attn.iterate over "t" margins [array<i64: 1, 0>] {
  ^bb0(%h: tensor<?xf32, #attn.ranks<t>>):
    %s = attn.einsum [t] = ins(%x = %h[t - 1] : tensor<?xf32, #attn.ranks<t>>, %u = %U[t] : tensor<?xf32, #attn.ranks<t>>) map {
      %y = arith.addf %x, %u : f32
      attn.yield %y : f32
    } : tensor<?xf32, #attn.ranks<t>>
    attn.yield %s : tensor<?xf32, #attn.ranks<t>>
  } attributes {names = ["H"]} : tensor<?xf32, #attn.ranks<t>>
  attn.yield %H : tensor<?xf32, #attn.ranks<t>>
}

attn.kernel @scattered(%U: tensor<?xf32, #attn.ranks<t>> {attn.name = "U"}, %at: tensor<?xi64, #attn.ranks<t>> {attn.name = "at"})
    -> (tensor<4xf32, #attn.ranks<m>> {attn.name = "C"}) attributes {ranks = [#attn.rank<t>, #attn.rank<m = 4>]} {
  // expected-error@+1 {{a computed position on the left of 'C' is not lowered yet}}
  %C = attn.scatter %U at [0] positions(%at) attributes {name = "C"}
         : (tensor<?xf32, #attn.ranks<t>>, tensor<?xi64, #attn.ranks<t>>) -> tensor<4xf32, #attn.ranks<m>>
  attn.yield %C : tensor<4xf32, #attn.ranks<m>>
}

attn.kernel @parts(%U: tensor<?xf32, #attn.ranks<t>> {attn.name = "U"}) -> (tensor<?xf32, #attn.ranks<t>> {attn.name = "C"})
    attributes {ranks = [#attn.rank<t>]} {
  // expected-error@+1 {{the union of equations of 'C' that are not proved disjoint is not lowered yet}}
  %C = attn.union %U, %U attributes {name = "C"} : tensor<?xf32, #attn.ranks<t>>
  attn.yield %C : tensor<?xf32, #attn.ranks<t>>
}

// expected-error@+1 {{inout argument 'C' is not lowered yet}}
attn.kernel @updated(%C: tensor<?xf32, #attn.ranks<t>> {attn.inout, attn.name = "C"}) -> (tensor<?xf32, #attn.ranks<t>> {attn.name = "C"})
    attributes {ranks = [#attn.rank<t>]} {
  attn.yield %C : tensor<?xf32, #attn.ranks<t>>
}

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: attn-opt %s -split-input-file -attn-one-pass -verify-diagnostics

attn.kernel @unknown_scalar(%S: tensor<?x?xf32, #attn.ranks<p, m>> {attn.name = "S"}) -> (tensor<?xf32, #attn.ranks<p>> {attn.name = "O"})
    attributes {ranks = [#attn.rank<p>, #attn.rank<m>]} {
  %O = attn.einsum [p] = sum [m] ins(%s = %S[p, m] : tensor<?x?xf32, #attn.ranks<p, m>>) map {
    %t = math.cbrt %s : f32 // expected-error {{'math.cbrt' is not known to the cascade algebra yet}}
    attn.yield %t : f32
  } : tensor<?xf32, #attn.ranks<p>>
  attn.yield %O : tensor<?xf32, #attn.ranks<p>>
}

// -----
attn.kernel @twice(%S: tensor<?xf32, #attn.ranks<p>> {attn.name = "S"}) -> (tensor<?xf32, #attn.ranks<p>> {attn.name = "O"})
    attributes {ranks = [#attn.rank<p>]} {
  // expected-error @+1 {{attn-one-pass runs before there are streams and groups}}
  %g = attn.group -> (tensor<?xf32, #attn.ranks<p>>) {
    attn.yield %S : tensor<?xf32, #attn.ranks<p>>
  }
  attn.yield %g : tensor<?xf32, #attn.ranks<p>>
}

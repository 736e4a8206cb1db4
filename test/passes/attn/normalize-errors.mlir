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

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: attn-opt %s -attn-reassociate | FileCheck %s
// RUN: attn-opt %s > %t.as-written && attn-opt %s -attn-reassociate | diff %t.as-written -

// (q k) v costs M * (E + F) for each query, q (k v) costs E * F: choosing is not done yet, so the order stays as written.
// CHECK-LABEL: attn.kernel @contractions
// CHECK: %[[S:.*]] = attn.einsum [p, m] = sum [e]
// CHECK: attn.einsum [p, f] = sum [m] ins(%{{.*}} = %[[S]][p, m]
attn.kernel @contractions(
    %Q: tensor<?x?xf32, #attn.ranks<p, e>> {attn.name = "Q"}, %K: tensor<?x?xf32, #attn.ranks<m, e>> {attn.name = "K"},
    %V: tensor<?x?xf32, #attn.ranks<m, f>> {attn.name = "V"}) -> (tensor<?x?xf32, #attn.ranks<p, f>> {attn.name = "O"})
    attributes {ranks = [#attn.rank<p>, #attn.rank<e>, #attn.rank<m>, #attn.rank<f>]} {
  %S = attn.einsum [p, m] = sum [e] ins(%q = %Q[p, e] : tensor<?x?xf32, #attn.ranks<p, e>>,
                                        %k = %K[m, e] : tensor<?x?xf32, #attn.ranks<m, e>>) map {
    %y = arith.mulf %q, %k : f32
    attn.yield %y : f32
  } : tensor<?x?xf32, #attn.ranks<p, m>>
  %O = attn.einsum [p, f] = sum [m] ins(%s = %S[p, m] : tensor<?x?xf32, #attn.ranks<p, m>>,
                                        %v = %V[m, f] : tensor<?x?xf32, #attn.ranks<m, f>>) map {
    %y = arith.mulf %s, %v : f32
    attn.yield %y : f32
  } : tensor<?x?xf32, #attn.ranks<p, f>>
  attn.yield %O : tensor<?x?xf32, #attn.ranks<p, f>>
}

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: attn-opt %s -split-input-file -attn-reassociate -verify-diagnostics | FileCheck %s

// (q k) v costs M * (E + F) for each row, q (k v) costs E * F: many rows are assumed, so k v comes first, and is stored.
// CHECK-LABEL: attn.kernel @many_rows
// CHECK: %[[KV:.*]] = attn.einsum [e, f] = sum [m]
// CHECK: attn.stored
// CHECK: attn.einsum [p, f] = sum [e] ins(%{{.*}} = %Q[p, e] : {{.*}}, %{{.*}} = %[[KV]][e, f]
// CHECK-NOT: attn.einsum
attn.kernel @many_rows(
    %Q: tensor<?x?xf32, #attn.ranks<p, e>> {attn.name = "Q"}, %K: tensor<?x?xf32, #attn.ranks<m, e>> {attn.name = "K"},
    %V: tensor<?x?xf32, #attn.ranks<m, f>> {attn.name = "V"}) -> (tensor<?x?xf32, #attn.ranks<p, f>> {attn.name = "O"})
    attributes {ranks = [#attn.rank<p>, #attn.rank<e>, #attn.rank<m>, #attn.rank<f>]} {
  %S = attn.einsum [p, m] = sum [e] ins(%q = %Q[p, e] : tensor<?x?xf32, #attn.ranks<p, e>>,
                                        %k = %K[m, e] : tensor<?x?xf32, #attn.ranks<m, e>>) map {
    %y = arith.mulf %q, %k : f32
    attn.yield %y : f32
  } : tensor<?x?xf32, #attn.ranks<p, m>>
  // expected-remark@+2 {{contracted in another order: 134217728 operations in place of 2147483648 (assuming p = 2048, f = 128, m = 2048, e = 128)}}
  // expected-remark@+1 {{stored: what reads it would compute it again}}
  %O = attn.einsum [p, f] = sum [m] ins(%s = %S[p, m] : tensor<?x?xf32, #attn.ranks<p, m>>,
                                        %v = %V[m, f] : tensor<?x?xf32, #attn.ranks<m, f>>) map {
    %y = arith.mulf %s, %v : f32
    attn.yield %y : f32
  } : tensor<?x?xf32, #attn.ranks<p, f>>
  attn.yield %O : tensor<?x?xf32, #attn.ranks<p, f>>
}

// -----
// One row: as written.
// CHECK-LABEL: attn.kernel @one_row
// CHECK: %[[S:.*]] = attn.einsum [p, m] = sum [e]
// CHECK: attn.einsum [p, f] = sum [m] ins(%{{.*}} = %[[S]][p, m]
attn.kernel @one_row(
    %Q: tensor<1x?xf32, #attn.ranks<p, e>> {attn.name = "Q"}, %K: tensor<?x?xf32, #attn.ranks<m, e>> {attn.name = "K"},
    %V: tensor<?x?xf32, #attn.ranks<m, f>> {attn.name = "V"}) -> (tensor<1x?xf32, #attn.ranks<p, f>> {attn.name = "O"})
    attributes {ranks = [#attn.rank<p = 1>, #attn.rank<e>, #attn.rank<m>, #attn.rank<f>]} {
  %S = attn.einsum [p, m] = sum [e] ins(%q = %Q[p, e] : tensor<1x?xf32, #attn.ranks<p, e>>,
                                        %k = %K[m, e] : tensor<?x?xf32, #attn.ranks<m, e>>) map {
    %y = arith.mulf %q, %k : f32
    attn.yield %y : f32
  } : tensor<1x?xf32, #attn.ranks<p, m>>
  %O = attn.einsum [p, f] = sum [m] ins(%s = %S[p, m] : tensor<1x?xf32, #attn.ranks<p, m>>,
                                        %v = %V[m, f] : tensor<?x?xf32, #attn.ranks<m, f>>) map {
    %y = arith.mulf %s, %v : f32
    attn.yield %y : f32
  } : tensor<1x?xf32, #attn.ranks<p, f>>
  attn.yield %O : tensor<1x?xf32, #attn.ranks<p, f>>
}

// -----
// The same chain over (min, +): addition distributes over the minimum. A constant joins the last step.
// CHECK-LABEL: attn.kernel @shortest_paths
// CHECK: %[[BC:.*]] = attn.einsum [e, f] = min [m]
// CHECK: arith.addf
// CHECK: attn.einsum [p, f] = min [e] ins(%{{.*}} = %A[p, e] : {{.*}}, %{{.*}} = %[[BC]][e, f]
// CHECK: arith.constant 2.5
// CHECK-NOT: attn.einsum
attn.kernel @shortest_paths(
    %A: tensor<4096x8xf32, #attn.ranks<p, e>> {attn.name = "A"}, %B: tensor<4096x8xf32, #attn.ranks<m, e>> {attn.name = "B"},
    %C: tensor<4096x8xf32, #attn.ranks<m, f>> {attn.name = "C"}) -> (tensor<4096x8xf32, #attn.ranks<p, f>> {attn.name = "D"})
    attributes {ranks = [#attn.rank<p = 4096>, #attn.rank<e = 8>, #attn.rank<m = 4096>, #attn.rank<f = 8>]} {
  %S = attn.einsum [p, m] = min [e] ins(%q = %A[p, e] : tensor<4096x8xf32, #attn.ranks<p, e>>,
                                        %k = %B[m, e] : tensor<4096x8xf32, #attn.ranks<m, e>>) map {
    %c = arith.constant 2.5 : f32
    %x = arith.addf %q, %c : f32
    %y = arith.addf %x, %k : f32
    attn.yield %y : f32
  } : tensor<4096x4096xf32, #attn.ranks<p, m>>
  // expected-remark@+2 {{contracted in another order: 1048576 operations in place of 536870912}}
  // expected-remark@+1 {{stored}}
  %D = attn.einsum [p, f] = min [m] ins(%s = %S[p, m] : tensor<4096x4096xf32, #attn.ranks<p, m>>,
                                        %v = %C[m, f] : tensor<4096x8xf32, #attn.ranks<m, f>>) map {
    %y = arith.addf %s, %v : f32
    attn.yield %y : f32
  } : tensor<4096x8xf32, #attn.ranks<p, f>>
  attn.yield %D : tensor<4096x8xf32, #attn.ranks<p, f>>
}

// -----
// A sum of minima: the sum does not distribute over them, so the order stays.
// CHECK-LABEL: attn.kernel @no_semiring
// CHECK: attn.einsum [p, m] = min [e]
// CHECK: attn.einsum [p, f] = sum [m]
attn.kernel @no_semiring(
    %A: tensor<4096x8xf32, #attn.ranks<p, e>> {attn.name = "A"}, %B: tensor<4096x8xf32, #attn.ranks<m, e>> {attn.name = "B"},
    %C: tensor<4096x8xf32, #attn.ranks<m, f>> {attn.name = "C"}) -> (tensor<4096x8xf32, #attn.ranks<p, f>> {attn.name = "D"})
    attributes {ranks = [#attn.rank<p = 4096>, #attn.rank<e = 8>, #attn.rank<m = 4096>, #attn.rank<f = 8>]} {
  %S = attn.einsum [p, m] = min [e] ins(%q = %A[p, e] : tensor<4096x8xf32, #attn.ranks<p, e>>,
                                        %k = %B[m, e] : tensor<4096x8xf32, #attn.ranks<m, e>>) map {
    %y = arith.addf %q, %k : f32
    attn.yield %y : f32
  } : tensor<4096x4096xf32, #attn.ranks<p, m>>
  %D = attn.einsum [p, f] = sum [m] ins(%s = %S[p, m] : tensor<4096x4096xf32, #attn.ranks<p, m>>,
                                        %v = %C[m, f] : tensor<4096x8xf32, #attn.ranks<m, f>>) map {
    %y = arith.mulf %s, %v : f32
    attn.yield %y : f32
  } : tensor<4096x8xf32, #attn.ranks<p, f>>
  attn.yield %D : tensor<4096x8xf32, #attn.ranks<p, f>>
}

// -----
// A condition on the inner contraction joins the ranks that another order would part: as written.
// CHECK-LABEL: attn.kernel @conditioned
// CHECK: attn.einsum [p, m] = sum [e]
// CHECK: attn.einsum [p, f] = sum [m]
attn.kernel @conditioned(
    %Q: tensor<?x?xf32, #attn.ranks<p, e>> {attn.name = "Q"}, %K: tensor<?x?xf32, #attn.ranks<m, e>> {attn.name = "K"},
    %V: tensor<?x?xf32, #attn.ranks<m, f>> {attn.name = "V"}) -> (tensor<?x?xf32, #attn.ranks<p, f>> {attn.name = "O"})
    attributes {ranks = [#attn.rank<p>, #attn.rank<e>, #attn.rank<m>, #attn.rank<f>]} {
  %S = attn.einsum [p, m] = sum [e] ins(%q = %Q[p, e] : tensor<?x?xf32, #attn.ranks<p, e>>,
                                        %k = %K[m, e] : tensor<?x?xf32, #attn.ranks<m, e>>) points(%ip = p, %im = m) where {
    %c = arith.cmpi sle, %im, %ip : index
    attn.yield %c : i1
  } map {
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

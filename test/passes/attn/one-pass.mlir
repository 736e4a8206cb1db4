// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: attn-opt %s -split-input-file -attn-one-pass -verify-diagnostics | FileCheck %s

// exp(S - max S) / sum, weighted: three passes as written. The scale goes to Q with log2(e); the predicate to the scores.
// CHECK-LABEL: attn.kernel @normalised
// CHECK: %[[Q:.*]] = attn.einsum [p, e] = ins(%{{.*}} = %Q[p, e]
// CHECK: arith.mulf
// CHECK: arith.constant 1.44269502 : f32
// CHECK: attn.stream over ["m"] identities [0xFF800000 : f32, 0.000000e+00 : f32, 0.000000e+00 : f32] step {
// CHECK: %[[S:.*]] = attn.einsum [p, m] = sum [e] ins(%{{.*}} = %K[m, e] : {{.*}}, %{{.*}} = %[[Q]][p, e]
// CHECK-SAME: where {
// CHECK: arith.cmpi sle
// CHECK: %[[X:.*]] = attn.einsum [p] = max [m] ins(%{{.*}} = %[[S]][p, m] : {{.*}}) acc %{{.*}} map {
// CHECK: %[[Y:.*]] = attn.einsum [p] = ins(%{{.*}} = %[[X]][p]
// CHECK: arith.constant 0xFF800000 : f32
// CHECK: arith.select
// CHECK: %[[C:.*]] = attn.einsum [p] =
// CHECK: math.exp2
// CHECK: %[[N:.*]] = attn.einsum [p, m] = ins(%{{.*}} = %[[S]][p, m] : {{.*}}, %{{.*}} = %[[Y]][p]
// CHECK: math.exp2
// CHECK: attn.einsum [p] = sum [m] ins(%{{.*}} = %[[N]][p, m] : {{.*}}) acc
// CHECK: attn.einsum [p, f] = sum [m] ins(%{{.*}} = %V[m, f] : {{.*}}, %{{.*}} = %[[N]][p, m] : {{.*}}) acc
// CHECK: } merge {
// CHECK: arith.maximumf
// CHECK: } final {
// CHECK: arith.divf
// CHECK: arith.select
// CHECK-NOT: math.exp %
attn.kernel @normalised(%Q: tensor<?x4xf32, #attn.ranks<p, e>> {attn.name = "Q"}, %K: tensor<?x4xf32, #attn.ranks<m, e>> {attn.name = "K"},
                        %V: tensor<?x4xf32, #attn.ranks<m, f>> {attn.name = "V"}, %scale: f32 {attn.name = "scale"})
    -> (tensor<?x4xf32, #attn.ranks<p, f>> {attn.name = "O"})
    attributes {ranks = [#attn.rank<p>, #attn.rank<m>, #attn.rank<e = 4>, #attn.rank<f = 4>]} {
  %S = attn.einsum [p, m] = sum [e] ins(%q = %Q[p, e] : tensor<?x4xf32, #attn.ranks<p, e>>, %k = %K[m, e] : tensor<?x4xf32, #attn.ranks<m, e>>)
         points(%ip = p, %im = m) where {
    %c = arith.cmpi sle, %im, %ip : index
    attn.yield %c : i1
  } map {
    %x = arith.mulf %q, %k : f32
    %y = arith.mulf %x, %scale : f32
    attn.yield %y : f32
  } : tensor<?x?xf32, #attn.ranks<p, m>>
  %X = attn.einsum [p] = max [m] ins(%s = %S[p, m] : tensor<?x?xf32, #attn.ranks<p, m>>) map { attn.yield %s : f32 } : tensor<?xf32, #attn.ranks<p>>
  %N = attn.einsum [p, m] = ins(%s = %S[p, m] : tensor<?x?xf32, #attn.ranks<p, m>>, %x = %X[p] : tensor<?xf32, #attn.ranks<p>>) map {
    %d = attn.sub %s, %x : f32
    %n = math.exp %d : f32
    attn.yield %n : f32
  } : tensor<?x?xf32, #attn.ranks<p, m>>
  %D = attn.einsum [p] = sum [m] ins(%n = %N[p, m] : tensor<?x?xf32, #attn.ranks<p, m>>) map { attn.yield %n : f32 } : tensor<?xf32, #attn.ranks<p>>
  %O = attn.einsum [p, f] = sum [m] ins(%n = %N[p, m] : tensor<?x?xf32, #attn.ranks<p, m>>, %d = %D[p] : tensor<?xf32, #attn.ranks<p>>,
         %v = %V[m, f] : tensor<?x4xf32, #attn.ranks<m, f>>) map {
    %a = attn.div %n, %d : f32
    %x = arith.mulf %a, %v : f32
    attn.yield %x : f32
  } : tensor<?x4xf32, #attn.ranks<p, f>>
  attn.yield %O : tensor<?x4xf32, #attn.ranks<p, f>>
}

// -----
// min(S - min S + V): the shift passes through the minimum; two passes as written. The points are counted: over none the
// minimum is inf, and inf - inf is not.
// CHECK-LABEL: attn.kernel @min_plus
// CHECK: attn.stream over ["m"] identities [0x7F800000 : f32, 0x7F800000 : f32, 0.000000e+00 : f32] step {
// CHECK: attn.einsum [p] = min [m]
// CHECK: attn.einsum [p, f] = min [m]
// CHECK: } merge {
// CHECK-COUNT-2: arith.minimumf
// CHECK-NOT: attn.stream
attn.kernel @min_plus(%S: tensor<?x?xf32, #attn.ranks<p, m>> {attn.name = "S"}, %V: tensor<?x4xf32, #attn.ranks<m, f>> {attn.name = "V"})
    -> (tensor<?x4xf32, #attn.ranks<p, f>> {attn.name = "O"}) attributes {ranks = [#attn.rank<p>, #attn.rank<m>, #attn.rank<f = 4>]} {
  %X = attn.einsum [p] = min [m] ins(%s = %S[p, m] : tensor<?x?xf32, #attn.ranks<p, m>>) map { attn.yield %s : f32 } : tensor<?xf32, #attn.ranks<p>>
  %O = attn.einsum [p, f] = min [m] ins(%s = %S[p, m] : tensor<?x?xf32, #attn.ranks<p, m>>, %x = %X[p] : tensor<?xf32, #attn.ranks<p>>,
         %v = %V[m, f] : tensor<?x4xf32, #attn.ranks<m, f>>) map {
    %a = arith.subf %s, %x : f32
    %b = arith.addf %a, %v : f32
    attn.yield %b : f32
  } : tensor<?x4xf32, #attn.ranks<p, f>>
  attn.yield %O : tensor<?x4xf32, #attn.ranks<p, f>>
}

// -----
// (or, and): what no point of the stream changes leaves the reduction.
// CHECK-LABEL: attn.kernel @or_and
// CHECK: attn.stream over ["m"] identities [false, false] step {
// CHECK: } merge {
// CHECK-COUNT-2: arith.ori
// CHECK: } final {
// CHECK: arith.andi
attn.kernel @or_and(%S: tensor<?x?xi1, #attn.ranks<p, m>> {attn.name = "S"}, %L: tensor<?xi1, #attn.ranks<m>> {attn.name = "L"})
    -> (tensor<?xi1, #attn.ranks<p>> {attn.name = "O"}) attributes {ranks = [#attn.rank<p>, #attn.rank<m>]} {
  %X = attn.einsum [] = any [m] ins(%l = %L[m] : tensor<?xi1, #attn.ranks<m>>) map { attn.yield %l : i1 } : tensor<i1, #attn.ranks<>>
  %O = attn.einsum [p] = any [m] ins(%s = %S[p, m] : tensor<?x?xi1, #attn.ranks<p, m>>, %x = %X[] : tensor<i1, #attn.ranks<>>) map {
    %a = arith.andi %s, %x : i1
    attn.yield %a : i1
  } : tensor<?xi1, #attn.ranks<p>>
  attn.yield %O : tensor<?xi1, #attn.ranks<p>>
}

// -----
// CHECK-LABEL: attn.kernel @product
// CHECK: attn.stream over ["m"] identities [1.000000e+00 : f32] step {
// CHECK: attn.einsum [p] = prod [m]
// CHECK: } merge {
// CHECK: arith.mulf
attn.kernel @product(%S: tensor<?x?xf32, #attn.ranks<p, m>> {attn.name = "S"}) -> (tensor<?xf32, #attn.ranks<p>> {attn.name = "O"})
    attributes {ranks = [#attn.rank<p>, #attn.rank<m>]} {
  %O = attn.einsum [p] = prod [m] ins(%s = %S[p, m] : tensor<?x?xf32, #attn.ranks<p, m>>) map {
    %t = math.tanh %s : f32
    attn.yield %t : f32
  } : tensor<?xf32, #attn.ranks<p>>
  attn.yield %O : tensor<?xf32, #attn.ranks<p>>
}

// -----
// Where no rule applies there are two streams, and a remark at the operation that broke streaming.
// CHECK-LABEL: attn.kernel @cut
// CHECK: %[[X:.*]] = attn.stream over ["m"]
// CHECK: attn.stream over ["m"]
// CHECK: %[[X]][p]
attn.kernel @cut(%S: tensor<?x?xf32, #attn.ranks<p, m>> {attn.name = "S"}, %V: tensor<?x4xf32, #attn.ranks<m, f>> {attn.name = "V"})
    -> (tensor<?x4xf32, #attn.ranks<p, f>> {attn.name = "O"}) attributes {ranks = [#attn.rank<p>, #attn.rank<m>, #attn.rank<f = 4>]} {
  %X = attn.einsum [p] = sum [m] ins(%s = %S[p, m] : tensor<?x?xf32, #attn.ranks<p, m>>) map { attn.yield %s : f32 } : tensor<?xf32, #attn.ranks<p>>
  %O = attn.einsum [p, f] = sum [m] ins(%s = %S[p, m] : tensor<?x?xf32, #attn.ranks<p, m>>, %x = %X[p] : tensor<?xf32, #attn.ranks<p>>,
         %v = %V[m, f] : tensor<?x4xf32, #attn.ranks<m, f>>) map {
    %a = arith.mulf %s, %x : f32
    %t = math.tanh %a : f32 // expected-remark {{passes over m: sum[m] waits for pass 2: tanh of streamed data and a summary: tanh(sum[m](S[p,m])*S[p,m])}}
    %b = arith.mulf %t, %v : f32
    attn.yield %b : f32
  } : tensor<?x4xf32, #attn.ranks<p, f>>
  attn.yield %O : tensor<?x4xf32, #attn.ranks<p, f>>
}

// -----
// A contraction as written stays an Einsum.
// CHECK-LABEL: attn.kernel @contraction
// CHECK-NOT: attn.stream
// CHECK: attn.einsum [p, m] = sum [e]
attn.kernel @contraction(%Q: tensor<?x4xf32, #attn.ranks<p, e>> {attn.name = "Q"}, %K: tensor<?x4xf32, #attn.ranks<m, e>> {attn.name = "K"})
    -> (tensor<?x?xf32, #attn.ranks<p, m>> {attn.name = "S"}) attributes {ranks = [#attn.rank<p>, #attn.rank<m>, #attn.rank<e = 4>]} {
  %S = attn.einsum [p, m] = sum [e] ins(%q = %Q[p, e] : tensor<?x4xf32, #attn.ranks<p, e>>, %k = %K[m, e] : tensor<?x4xf32, #attn.ranks<m, e>>) map {
    %x = arith.mulf %q, %k : f32
    attn.yield %x : f32
  } : tensor<?x?xf32, #attn.ranks<p, m>>
  attn.yield %S : tensor<?x?xf32, #attn.ranks<p, m>>
}

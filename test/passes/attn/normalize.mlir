// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: attn-opt %s -attn-normalize | FileCheck %s

// Two spellings of one reduction are one value, and so is what is built on them; what nobody reads goes.
// CHECK-LABEL: attn.kernel @equal
// CHECK: %[[X:.*]] = attn.einsum [p] = min [m]
// CHECK-NOT: attn.einsum
// CHECK: %[[Y:.*]] = attn.einsum [p] = ins(%{{.*}} = %[[X]][p]
// CHECK-NOT: attn.einsum
// CHECK: attn.yield %[[Y]], %[[Y]]
attn.kernel @equal(%S: tensor<?x?xf32, #attn.ranks<p, m>> {attn.name = "S"}, %a: f32 {attn.name = "a"})
    -> (tensor<?xf32, #attn.ranks<p>> {attn.name = "Y"}, tensor<?xf32, #attn.ranks<p>> {attn.name = "Z"})
    attributes {ranks = [#attn.rank<p>, #attn.rank<m>]} {
  %X = attn.einsum [p] = min [m] ins(%s = %S[p, m] : tensor<?x?xf32, #attn.ranks<p, m>>) map {
    %y = arith.mulf %s, %a : f32
    attn.yield %y : f32
  } : tensor<?xf32, #attn.ranks<p>>
  %X2 = attn.einsum [p] = min [m] ins(%s = %S[p, m] : tensor<?x?xf32, #attn.ranks<p, m>>) map {
    %two = arith.constant 2.0 : f32
    %d = arith.mulf %two, %a : f32
    %e = arith.subf %d, %a : f32
    %y = arith.mulf %e, %s : f32
    attn.yield %y : f32
  } : tensor<?xf32, #attn.ranks<p>>
  %unread = attn.einsum [p] = prod [m] ins(%s = %S[p, m] : tensor<?x?xf32, #attn.ranks<p, m>>) map { attn.yield %s : f32 } : tensor<?xf32, #attn.ranks<p>>
  %Y = attn.einsum [p] = ins(%x = %X[p] : tensor<?xf32, #attn.ranks<p>>) map {
    %t = math.tanh %x : f32
    attn.yield %t : f32
  } : tensor<?xf32, #attn.ranks<p>>
  %Z = attn.einsum [p] = ins(%x = %X2[p] : tensor<?xf32, #attn.ranks<p>>) map {
    %t = math.tanh %x : f32
    attn.yield %t : f32
  } : tensor<?xf32, #attn.ranks<p>>
  attn.yield %Y, %Z : tensor<?xf32, #attn.ranks<p>>, tensor<?xf32, #attn.ranks<p>>
}

// Other points are another value.
// CHECK-LABEL: attn.kernel @other_points
// CHECK-COUNT-2: any [m]
attn.kernel @other_points(%S: tensor<?x?xi1, #attn.ranks<p, m>> {attn.name = "S"})
    -> (tensor<?xi1, #attn.ranks<p>> {attn.name = "Y"}, tensor<?xi1, #attn.ranks<p>> {attn.name = "Z"})
    attributes {ranks = [#attn.rank<p>, #attn.rank<m>]} {
  %Y = attn.einsum [p] = any [m] ins(%s = %S[p, m] : tensor<?x?xi1, #attn.ranks<p, m>>) map { attn.yield %s : i1 } : tensor<?xi1, #attn.ranks<p>>
  %Z = attn.einsum [p] = any [m] ins(%s = %S[p, m] : tensor<?x?xi1, #attn.ranks<p, m>>) points(%ip = p, %im = m) where {
    %c = arith.cmpi slt, %im, %ip : index
    attn.yield %c : i1
  } map { attn.yield %s : i1 } : tensor<?xi1, #attn.ranks<p>>
  attn.yield %Y, %Z : tensor<?xi1, #attn.ranks<p>>, tensor<?xi1, #attn.ranks<p>>
}

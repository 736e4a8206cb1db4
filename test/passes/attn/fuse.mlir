// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: attn-opt %s -attn-fuse | FileCheck %s

// Each result that no stream yields is a group of its own.
// CHECK-LABEL: attn.kernel @join
// CHECK: attn.group
// CHECK: attn.einsum [p] = min [m]
// CHECK: attn.group
// CHECK: attn.einsum [p] = prod [m]
// CHECK: attn.group
attn.kernel @join(%S: tensor<?x?xf32, #attn.ranks<p, m>> {attn.name = "S"})
    -> (tensor<?xf32, #attn.ranks<p>> {attn.name = "X"}, tensor<?xf32, #attn.ranks<p>> {attn.name = "Y"}, tensor<?x?xf32, #attn.ranks<p, m>> {attn.name = "Z"})
    attributes {ranks = [#attn.rank<p>, #attn.rank<m>]} {
  %X = attn.einsum [p] = min [m] ins(%s = %S[p, m] : tensor<?x?xf32, #attn.ranks<p, m>>) map { attn.yield %s : f32 } : tensor<?xf32, #attn.ranks<p>>
  %Y = attn.einsum [p] = prod [m] ins(%s = %S[p, m] : tensor<?x?xf32, #attn.ranks<p, m>>) map { attn.yield %s : f32 } : tensor<?xf32, #attn.ranks<p>>
  %Z = attn.einsum [p, m] = ins(%s = %S[p, m] : tensor<?x?xf32, #attn.ranks<p, m>>) map {
    %t = math.tanh %s : f32
    attn.yield %t : f32
  } : tensor<?x?xf32, #attn.ranks<p, m>>
  attn.yield %X, %Y, %Z : tensor<?xf32, #attn.ranks<p>>, tensor<?xf32, #attn.ranks<p>>, tensor<?x?xf32, #attn.ranks<p, m>>
}

// Two streams over one rank that do not read each other become one; their merges stay side by side.
// CHECK-LABEL: attn.kernel @two_streams
// CHECK: %[[G:.*]]:2 = attn.group
// CHECK: attn.stream over ["m"] identities [0x7F800000 : f32, 0xFF800000 : f32] step {
// CHECK: ^bb0(%[[A:.*]]: {{.*}}, %[[B:.*]]: {{.*}}):
// CHECK: min [m] {{.*}} acc %[[A]]
// CHECK: max [m] {{.*}} acc %[[B]]
// CHECK: } merge {
// CHECK: ^bb0(%[[A1:.*]]: {{.*}}, %[[B1:.*]]: {{.*}}, %[[A2:.*]]: {{.*}}, %[[B2:.*]]: {{.*}}):
// CHECK: ins(%{{.*}} = %[[A1]][p] : {{.*}}, %{{.*}} = %[[A2]][p]
// CHECK: ins(%{{.*}} = %[[B1]][p] : {{.*}}, %{{.*}} = %[[B2]][p]
// CHECK-NOT: attn.stream
// CHECK: attn.yield %[[G]]#0, %[[G]]#1
attn.kernel @two_streams(%S: tensor<?x?xf32, #attn.ranks<p, m>> {attn.name = "S"})
    -> (tensor<?xf32, #attn.ranks<p>> {attn.name = "X"}, tensor<?xf32, #attn.ranks<p>> {attn.name = "Y"})
    attributes {ranks = [#attn.rank<p>, #attn.rank<m>]} {
  %X = attn.stream over ["m"] identities [0x7F800000 : f32] step {
  ^bb0(%x: tensor<?xf32, #attn.ranks<p>>):
    %n = attn.einsum [p] = min [m] ins(%s = %S[p, m] : tensor<?x?xf32, #attn.ranks<p, m>>) acc %x : tensor<?xf32, #attn.ranks<p>> map { attn.yield %s : f32 } : tensor<?xf32, #attn.ranks<p>>
    attn.yield %n : tensor<?xf32, #attn.ranks<p>>
  } merge {
  ^bb0(%x: tensor<?xf32, #attn.ranks<p>>, %y: tensor<?xf32, #attn.ranks<p>>):
    %n = attn.einsum [p] = ins(%a = %x[p] : tensor<?xf32, #attn.ranks<p>>, %b = %y[p] : tensor<?xf32, #attn.ranks<p>>) map {
      %c = arith.minimumf %a, %b : f32
      attn.yield %c : f32
    } : tensor<?xf32, #attn.ranks<p>>
    attn.yield %n : tensor<?xf32, #attn.ranks<p>>
  } final {
  ^bb0(%x: tensor<?xf32, #attn.ranks<p>>):
    attn.yield %x : tensor<?xf32, #attn.ranks<p>>
  } : tensor<?xf32, #attn.ranks<p>>
  %Y = attn.stream over ["m"] identities [0xFF800000 : f32] step {
  ^bb0(%x: tensor<?xf32, #attn.ranks<p>>):
    %n = attn.einsum [p] = max [m] ins(%s = %S[p, m] : tensor<?x?xf32, #attn.ranks<p, m>>) acc %x : tensor<?xf32, #attn.ranks<p>> map { attn.yield %s : f32 } : tensor<?xf32, #attn.ranks<p>>
    attn.yield %n : tensor<?xf32, #attn.ranks<p>>
  } merge {
  ^bb0(%x: tensor<?xf32, #attn.ranks<p>>, %y: tensor<?xf32, #attn.ranks<p>>):
    %n = attn.einsum [p] = ins(%a = %x[p] : tensor<?xf32, #attn.ranks<p>>, %b = %y[p] : tensor<?xf32, #attn.ranks<p>>) map {
      %c = arith.maximumf %a, %b : f32
      attn.yield %c : f32
    } : tensor<?xf32, #attn.ranks<p>>
    attn.yield %n : tensor<?xf32, #attn.ranks<p>>
  } final {
  ^bb0(%x: tensor<?xf32, #attn.ranks<p>>):
    attn.yield %x : tensor<?xf32, #attn.ranks<p>>
  } : tensor<?xf32, #attn.ranks<p>>
  attn.yield %X, %Y : tensor<?xf32, #attn.ranks<p>>, tensor<?xf32, #attn.ranks<p>>
}

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: attn-opt %s --split-input-file --pass-pipeline='builtin.module(attn.kernel(attn-one-pass))' | FileCheck %s --check-prefix=STREAM
// RUN: attn-opt %s --split-input-file --pass-pipeline='builtin.module(attn.kernel(attn-one-pass,attn-fuse,route-infer,attn-select-tiling),attn-tile)' 2>/dev/null | FileCheck %s

// A minimum over two ranks: one stream, one loop over blocks of both, one point of the outer rank in a block.
// STREAM-LABEL: attn.kernel @two_ranks
// STREAM: attn.stream over ["u", "v"] identities [0x7F800000 : f32]
// STREAM: attn.einsum [y] = min [u, v]
// CHECK-LABEL: func.func @two_ranks
// CHECK: %[[R:.*]] = route.affine [y, u, v]
// CHECK: route.for (%[[U:.*]], %[[V:.*]], %{{.*}}) in %[[R]] at (%{{.*}}) block [1, 1, 256]
// CHECK: tile.load %{{.*}} (%[[U]], %[[V]]) {{.*}} -> <256xf32>
// CHECK: tile.reduce <minimumf>
attn.kernel @two_ranks(%A: tensor<?xf32, #attn.ranks<y>> {attn.name = "A"}, %B: tensor<?x?xf32, #attn.ranks<u, v>> {attn.name = "B"})
    -> (tensor<?xf32, #attn.ranks<y>> {attn.name = "O"}) attributes {ranks = [#attn.rank<y>, #attn.rank<u>, #attn.rank<v>]} {
  %O = attn.einsum [y] = min [u, v] ins(%a = %A[y] : tensor<?xf32, #attn.ranks<y>>, %b = %B[u, v] : tensor<?x?xf32, #attn.ranks<u, v>>)
         points(%iy = y, %iu = u) where {
    %c = arith.cmpi sle, %iu, %iy : index
    attn.yield %c : i1
  } map {
    %d = arith.subf %a, %b : f32
    %e = math.absf %d : f32
    attn.yield %e : f32
  } : tensor<?xf32, #attn.ranks<y>>
  attn.yield %O : tensor<?xf32, #attn.ranks<y>>
}

// -----
// X[p,e] * sum[m] tanh(K[m,e]): the state lacks the result's rank p, so it is finished once and read by an Einsum of its own.
// STREAM-LABEL: attn.kernel @state_of_other_ranks
// STREAM: %[[K:.*]] = attn.stream over ["m"]
// STREAM: attn.einsum [p, e] = ins({{.*}}%[[K]][e]
// CHECK-LABEL: func.func @state_of_other_ranks
// CHECK: scf.forall
// CHECK: route.for
// CHECK: scf.forall
attn.kernel @state_of_other_ranks(%X: tensor<?x?xf32, #attn.ranks<p, e>> {attn.name = "X"}, %K: tensor<?x?xf32, #attn.ranks<m, e>> {attn.name = "K"})
    -> (tensor<?x?xf32, #attn.ranks<p, e>> {attn.name = "O"}) attributes {ranks = [#attn.rank<p>, #attn.rank<e>, #attn.rank<m>]} {
  %D = attn.einsum [e] = sum [m] ins(%k = %K[m, e] : tensor<?x?xf32, #attn.ranks<m, e>>) map {
    %t = math.tanh %k : f32
    attn.yield %t : f32
  } : tensor<?xf32, #attn.ranks<e>>
  %O = attn.einsum [p, e] = ins(%x = %X[p, e] : tensor<?x?xf32, #attn.ranks<p, e>>, %d = %D[e] : tensor<?xf32, #attn.ranks<e>>) map {
    %y = arith.mulf %x, %d : f32
    attn.yield %y : f32
  } : tensor<?x?xf32, #attn.ranks<p, e>>
  attn.yield %O : tensor<?x?xf32, #attn.ranks<p, e>>
}

// -----
// sum[l,s] V[s,f] tanh(A[p,l,s]): the rank that V lacks is summed before they meet. Not where a condition joins it with V's.
// STREAM-LABEL: attn.kernel @own_rank
// STREAM: %[[W:.*]] = attn.einsum [p, s] = sum [l]
// STREAM: attn.einsum [p, f] = sum [s] ins(%{{.*}} = %V[s, f] : {{.*}}, %{{.*}} = %[[W]][p, s]
attn.kernel @own_rank(%A: tensor<?x?x?xf32, #attn.ranks<p, l, s>> {attn.name = "A"}, %V: tensor<?x?xf32, #attn.ranks<s, f>> {attn.name = "V"})
    -> (tensor<?x?xf32, #attn.ranks<p, f>> {attn.name = "O"}) attributes {ranks = [#attn.rank<p>, #attn.rank<l>, #attn.rank<s>, #attn.rank<f>]} {
  %O = attn.einsum [p, f] = sum [l, s] ins(%a = %A[p, l, s] : tensor<?x?x?xf32, #attn.ranks<p, l, s>>, %v = %V[s, f] : tensor<?x?xf32, #attn.ranks<s, f>>) map {
    %t = math.tanh %a : f32
    %y = arith.mulf %t, %v : f32
    attn.yield %y : f32
  } : tensor<?x?xf32, #attn.ranks<p, f>>
  attn.yield %O : tensor<?x?xf32, #attn.ranks<p, f>>
}

// -----
// STREAM-LABEL: attn.kernel @joined_by_a_condition
// STREAM: attn.einsum [p, f] = sum [l, s] ins(%{{.*}} = %V[s, f]
attn.kernel @joined_by_a_condition(%A: tensor<?x?x?xf32, #attn.ranks<p, l, s>> {attn.name = "A"}, %V: tensor<?x?xf32, #attn.ranks<s, f>> {attn.name = "V"})
    -> (tensor<?x?xf32, #attn.ranks<p, f>> {attn.name = "O"}) attributes {ranks = [#attn.rank<p>, #attn.rank<l>, #attn.rank<s>, #attn.rank<f>]} {
  %O = attn.einsum [p, f] = sum [l, s] ins(%a = %A[p, l, s] : tensor<?x?x?xf32, #attn.ranks<p, l, s>>, %v = %V[s, f] : tensor<?x?xf32, #attn.ranks<s, f>>)
         points(%il = l, %if = f) where {
    %c = arith.cmpi sle, %il, %if : index
    attn.yield %c : i1
  } map {
    %t = math.tanh %a : f32
    %y = arith.mulf %t, %v : f32
    attn.yield %y : f32
  } : tensor<?x?xf32, #attn.ranks<p, f>>
  attn.yield %O : tensor<?x?xf32, #attn.ranks<p, f>>
}

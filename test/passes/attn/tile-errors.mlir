// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: attn-opt %s --split-input-file --attn-tile --verify-diagnostics

!Y = tensor<?xf32, #attn.ranks<p>>
attn.kernel @no_tiling(%Y: !Y {attn.name = "Y"}) -> (!Y {attn.name = "Z"}) attributes {ranks = [#attn.rank<p>]} {
  // expected-error@+1 {{has no tiling: attn-select-tiling comes first}}
  %g = attn.group -> (!Y) {
    %z = attn.einsum [p] = ins(%y = %Y[p] : !Y) map { attn.yield %y : f32 } : !Y
    attn.yield %z : !Y
  }
  attn.yield %g : !Y
}

// -----

!Y = tensor<?xf32, #attn.ranks<p>>
attn.kernel @outside_a_group(%Y: !Y {attn.name = "Y"}) -> (!Y {attn.name = "Z"}) attributes {ranks = [#attn.rank<p>]} {
  // expected-error@+1 {{stands outside a group: attn-fuse comes first}}
  %z = attn.einsum [p] = ins(%y = %Y[p] : !Y) map { attn.yield %y : f32 } : !Y
  %g = attn.group tiling {p = 8 : i64} -> (!Y) {
    %w = attn.einsum [p] = ins(%y = %Y[p] : !Y) map { attn.yield %y : f32 } : !Y
    attn.yield %w : !Y
  }
  attn.yield %g : !Y
}

// -----

!Y = tensor<?xf32, #attn.ranks<p>>
// expected-error@+1 {{result 'Z' that is an argument or another result is not lowered yet}}
attn.kernel @argument_as_result(%Y: !Y {attn.name = "Y"}) -> (!Y {attn.name = "Z"}) attributes {ranks = [#attn.rank<p>]} {
  attn.yield %Y : !Y
}

// -----

!Y = tensor<?xf32, #attn.ranks<p>>
attn.kernel @no_route(%Y: !Y {attn.name = "Y"}) -> (tensor<f32, #attn.ranks<>> {attn.name = "Z"}) attributes {ranks = [#attn.rank<p>]} {
  %g = attn.group tiling {p = 8 : i64} -> (tensor<f32, #attn.ranks<>>) {
    // expected-error@+1 {{has no route: route-infer comes first}}
    %x = attn.stream over ["p"] identities [0.0 : f32] step {
    ^bb0(%x: tensor<f32, #attn.ranks<>>):
      %x1 = attn.einsum [] = sum [p] ins(%v = %Y[p] : !Y) acc %x : tensor<f32, #attn.ranks<>> map { attn.yield %v : f32 } : tensor<f32, #attn.ranks<>>
      attn.yield %x1 : tensor<f32, #attn.ranks<>>
    } merge {
    ^bb0(%x: tensor<f32, #attn.ranks<>>, %y: tensor<f32, #attn.ranks<>>):
      attn.yield %x : tensor<f32, #attn.ranks<>>
    } final {
    ^bb0(%x: tensor<f32, #attn.ranks<>>):
      attn.yield %x : tensor<f32, #attn.ranks<>>
    } : tensor<f32, #attn.ranks<>>
    attn.yield %x : tensor<f32, #attn.ranks<>>
  }
  attn.yield %g : tensor<f32, #attn.ranks<>>
}

// -----

!Y = tensor<?x?xf32, #attn.ranks<h, p>>
attn.kernel @other_head(%Y: !Y {attn.name = "Y"}) -> (!Y {attn.name = "Z"}) attributes {ranks = [#attn.rank<h>, #attn.rank<p>, #attn.rank<i>]} {
  %g = attn.group tiling {h = 1 : i64, p = 8 : i64, i = 4 : i64} -> (!Y) {
    %s = attn.einsum [h, p] = ins(%y = %Y[h, p] : !Y) map { attn.yield %y : f32 } : !Y
    // expected-error@+1 {{reading rank 'h' of a tensor of the same group at another block, 'i', is not lowered yet}}
    %w = attn.einsum [h, p] = sum [i] ins(%y = %s[i, p] : !Y) map { attn.yield %y : f32 } : !Y
    attn.yield %w : !Y
  }
  attn.yield %g : !Y
}

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: attn-opt %s --split-input-file --verify-diagnostics

// expected-error@+1 {{1 rank names != 2 dimensions}}
func.func @ranks_c1(%a: tensor<?x4xf32, #attn.ranks<b>>) { return }

// -----

// expected-error@+1 {{argument 0 has no #attn.ranks: 'tensor<?xf32>'}}
attn.kernel @kernel_c1(%Q: tensor<?xf32> {attn.name = "Q"}) -> () attributes {ranks = []} {
  attn.yield
}

// -----

// expected-error@+1 {{lists rank 'p' twice}}
attn.kernel @kernel_c2() -> () attributes {ranks = [#attn.rank<p>, #attn.rank<p>]} {
  attn.yield
}

// -----

// expected-error@+1 {{argument 0 has rank 'm', which is not listed in `ranks`}}
attn.kernel @kernel_c3_unlisted(%Q: tensor<?xf32, #attn.ranks<m>> {attn.name = "Q"}) -> () attributes {ranks = [#attn.rank<p>]} {
  attn.yield
}

// -----

// expected-error@+1 {{argument 0 has extent ? in rank 'h*e', expected 64}}
attn.kernel @kernel_c3_extent(%Q: tensor<?xf32, #attn.ranks<"h*e">> {attn.name = "Q"}) -> ()
    attributes {ranks = [#attn.rank<h = 4>, #attn.rank<e = 16>]} {
  attn.yield
}

// -----

// expected-error@+1 {{yields () != ('tensor<?xf32, #attn.ranks<p>>')}}
attn.kernel @kernel_c4() -> (tensor<?xf32, #attn.ranks<p>> {attn.name = "O"}) attributes {ranks = [#attn.rank<p>]} {
  attn.yield
}

// -----

// expected-error@+1 {{argument 0 has no attn.name}}
attn.kernel @kernel_c5(%s: f32) -> () attributes {ranks = []} {
  attn.yield
}

// -----

attn.kernel @extent_c1() -> () attributes {ranks = [#attn.rank<p>]} {
  // expected-error@+1 {{the kernel has no rank 'm'}}
  %0 = attn.extent "m"
  attn.yield
}

// -----

attn.kernel @default_c1() -> () attributes {ranks = []} {
  %0 = arith.constant 1.0 : f32
  // expected-error@+1 {{operand is not a scalar argument of the kernel}}
  %1 = attn.default %0 : f32 {
    attn.yield %0 : f32
  }
  attn.yield
}

// -----

attn.kernel @require_c1() -> () attributes {ranks = []} {
  // expected-error@+1 {{yields () != ('i1')}}
  attn.require "P == M" {
    attn.yield
  }
  attn.yield
}

// -----

// expected-error@+2 {{unknown reducer 'median'; known: sum prod max min any all mean}}
attn.kernel @einsum_reducer(%Q: tensor<?xf32, #attn.ranks<p>> {attn.name = "Q"}) -> () attributes {ranks = [#attn.rank<p>]} {
  %0 = attn.einsum [] = median [p] ins(%q = %Q[p] : tensor<?xf32, #attn.ranks<p>>) map { attn.yield %q : f32 } : tensor<f32, #attn.ranks<>>
  attn.yield
}

// -----

attn.kernel @einsum_c1(%Q: tensor<?xf32, #attn.ranks<p>> {attn.name = "Q"}) -> () attributes {ranks = [#attn.rank<p>]} {
  // expected-error@+1 {{the kernel has no rank 'm'}}
  %0 = attn.einsum [m] = ins(%q = %Q[m] : tensor<?xf32, #attn.ranks<p>>) map { attn.yield %q : f32 } : tensor<?xf32, #attn.ranks<m>>
  attn.yield
}

// -----

attn.kernel @einsum_c2(%Q: tensor<?xf32, #attn.ranks<p>> {attn.name = "Q"}) -> () attributes {ranks = [#attn.rank<p>, #attn.rank<m>]} {
  // expected-error@+1 {{rank 0 of the result is 'm', expected 'p'}}
  %0 = attn.einsum [p] = ins(%q = %Q[p] : tensor<?xf32, #attn.ranks<p>>) map { attn.yield %q : f32 } : tensor<?xf32, #attn.ranks<m>>
  attn.yield
}

// -----

attn.kernel @einsum_c3(%Q: tensor<?xf32, #attn.ranks<p>> {attn.name = "Q"}) -> () attributes {ranks = [#attn.rank<p>]} {
  // expected-error@+1 {{operand 0: map affine_map<(d0) -> (d0, d0)> has not 1 dimensions, 0 symbols and 1 results}}
  %0 = attn.einsum [p] = ins(%q = %Q[p, p] : tensor<?xf32, #attn.ranks<p>>) map { attn.yield %q : f32 } : tensor<?xf32, #attn.ranks<p>>
  attn.yield
}

// -----

attn.kernel @einsum_c4(%Q: tensor<?xf32, #attn.ranks<p>> {attn.name = "Q"}) -> () attributes {ranks = [#attn.rank<p>]} {
  // expected-error@+1 {{gather 0 names operand 0, which is no integer tensor}}
  %0 = attn.einsum [p] gathers(t = 0) = ins(%q = %Q[p] : tensor<?xf32, #attn.ranks<p>>) map { attn.yield %q : f32 } : tensor<?xf32, #attn.ranks<p>>
  attn.yield
}

// -----

attn.kernel @einsum_c5(%Q: tensor<?xf32, #attn.ranks<p>> {attn.name = "Q"}) -> () attributes {ranks = [#attn.rank<p>]} {
  // expected-error@+1 {{reducer "any" does not take 'f32'}}
  %0 = attn.einsum [] = any [p] ins(%q = %Q[p] : tensor<?xf32, #attn.ranks<p>>) map { attn.yield %q : f32 } : tensor<f32, #attn.ranks<>>
  attn.yield
}

// -----

attn.kernel @einsum_c7(%Q: tensor<?xf32, #attn.ranks<p>> {attn.name = "Q"}) -> () attributes {ranks = [#attn.rank<p>]} {
  // expected-error@+1 {{where yields 'f32', expected i1}}
  %0 = attn.einsum [p] = ins(%q = %Q[p] : tensor<?xf32, #attn.ranks<p>>) where { attn.yield %q : f32 } map { attn.yield %q : f32 } : tensor<?xf32, #attn.ranks<p>>
  attn.yield
}

// -----

attn.kernel @einsum_c8(%Q: tensor<?xf32, #attn.ranks<p>> {attn.name = "Q"}) -> () attributes {ranks = [#attn.rank<p>]} {
  // expected-error@+1 {{map yields ('f32') != ('f64')}}
  %0 = attn.einsum [p] = ins(%q = %Q[p] : tensor<?xf32, #attn.ranks<p>>) map { attn.yield %q : f32 } : tensor<?xf64, #attn.ranks<p>>
  attn.yield
}

// -----

attn.kernel @einsum_c9(%Q: tensor<?xf32, #attn.ranks<p>> {attn.name = "Q"}) -> () attributes {ranks = [#attn.rank<p>]} {
  // expected-error@+1 {{acc of type 'tensor<?xf32, #attn.ranks<p>>' for a result 'tensor<?xf32, #attn.ranks<p>>' without reducer}}
  %0 = attn.einsum [p] = ins(%q = %Q[p] : tensor<?xf32, #attn.ranks<p>>) acc %Q : tensor<?xf32, #attn.ranks<p>> map { attn.yield %q : f32 } : tensor<?xf32, #attn.ranks<p>>
  attn.yield
}

// -----

attn.kernel @einsum_c10(%Q: tensor<?xf32, #attn.ranks<p>> {attn.name = "Q"}) -> () attributes {ranks = [#attn.rank<p>]} {
  // expected-error@+1 {{else has type 'f64', expected 'f32'}}
  %0 = attn.einsum [p] = ins(%q = %Q[p] : tensor<?xf32, #attn.ranks<p>>) map { attn.yield %q : f32 } else 0.0 : f64 : tensor<?xf32, #attn.ranks<p>>
  attn.yield
}

// -----

attn.kernel @stream_c1(%Q: tensor<?xf32, #attn.ranks<p>> {attn.name = "Q"}) -> () attributes {ranks = [#attn.rank<p>, #attn.rank<m>]} {
  // expected-error@+1 {{state 0 of type 'tensor<?xf32, #attn.ranks<p>>' has identity 0.000000e+00 : f64}}
  %r = attn.stream over ["m"] identities [0.0 : f64] step {
  ^bb0(%x: tensor<?xf32, #attn.ranks<p>>):
    attn.yield %x : tensor<?xf32, #attn.ranks<p>>
  } merge {
  ^bb0(%x: tensor<?xf32, #attn.ranks<p>>, %y: tensor<?xf32, #attn.ranks<p>>):
    attn.yield %x : tensor<?xf32, #attn.ranks<p>>
  } final {
  ^bb0(%x: tensor<?xf32, #attn.ranks<p>>):
    attn.yield %x : tensor<?xf32, #attn.ranks<p>>
  } : tensor<?xf32, #attn.ranks<p>>
  attn.yield
}

// -----

attn.kernel @stream_c2(%Q: tensor<?xf32, #attn.ranks<p>> {attn.name = "Q"}) -> () attributes {ranks = [#attn.rank<p>, #attn.rank<m>]} {
  // expected-error@+1 {{merge takes ('tensor<?xf32, #attn.ranks<p>>') != ('tensor<?xf32, #attn.ranks<p>>', 'tensor<?xf32, #attn.ranks<p>>')}}
  %r = attn.stream over ["m"] identities [0.0 : f32] step {
  ^bb0(%x: tensor<?xf32, #attn.ranks<p>>):
    attn.yield %x : tensor<?xf32, #attn.ranks<p>>
  } merge {
  ^bb0(%x: tensor<?xf32, #attn.ranks<p>>):
    attn.yield %x : tensor<?xf32, #attn.ranks<p>>
  } final {
  ^bb0(%x: tensor<?xf32, #attn.ranks<p>>):
    attn.yield %x : tensor<?xf32, #attn.ranks<p>>
  } : tensor<?xf32, #attn.ranks<p>>
  attn.yield
}

// -----

attn.kernel @stream_c4(%Q: tensor<?xf32, #attn.ranks<m>> {attn.name = "Q"}) -> () attributes {ranks = [#attn.rank<m>]} {
  // expected-error@+1 {{state 0 carries the streamed rank 'm'}}
  %r = attn.stream over ["m"] identities [0.0 : f32] step {
  ^bb0(%x: tensor<?xf32, #attn.ranks<m>>):
    attn.yield %x : tensor<?xf32, #attn.ranks<m>>
  } merge {
  ^bb0(%x: tensor<?xf32, #attn.ranks<m>>, %y: tensor<?xf32, #attn.ranks<m>>):
    attn.yield %x : tensor<?xf32, #attn.ranks<m>>
  } final {
  ^bb0(%x: tensor<?xf32, #attn.ranks<m>>):
    attn.yield %x : tensor<?xf32, #attn.ranks<m>>
  } : tensor<?xf32, #attn.ranks<m>>
  attn.yield
}

// -----

// expected-error@+1 {{members of a set have at least one component}}
func.func @set_c1(%s: !attn.set<0>) { return }

// -----

// expected-error@+1 {{argument 0 has no attn.capacity: 'tensor<?x!attn.set<1>, #attn.ranks<p>>'}}
attn.kernel @kernel_c6_missing(%S: tensor<?x!attn.set<1>, #attn.ranks<p>> {attn.name = "S"}) -> () attributes {ranks = [#attn.rank<p>, #attn.rank<m>, #attn.rank<cap = 4>]} {
  attn.yield
}

// -----

// expected-error@+1 {{argument 0 has a capacity but no sets: 'tensor<?x?xf32, #attn.ranks<p, m>>'}}
attn.kernel @kernel_c6_no_sets(%R: tensor<?x?xf32, #attn.ranks<p, m>> {attn.name = "R", attn.capacity = "cap"}) -> () attributes {ranks = [#attn.rank<p>, #attn.rank<m>, #attn.rank<cap = 4>]} {
  attn.yield
}

// -----

// expected-error@+1 {{argument 0 has capacity 'many', which is not listed in `ranks`}}
attn.kernel @kernel_c6_unlisted(%S: tensor<?x!attn.set<1>, #attn.ranks<p>> {attn.name = "S", attn.capacity = "many"}) -> () attributes {ranks = [#attn.rank<p>, #attn.rank<m>, #attn.rank<cap = 4>]} {
  attn.yield
}

// -----

attn.kernel @select_c1(%R: tensor<?x?xf32, #attn.ranks<p, m>> {attn.name = "R"}) -> () attributes {ranks = [#attn.rank<p>, #attn.rank<m>, #attn.rank<cap = 4>]} {
  %k = arith.constant 2 : index
  // expected-error@+1 {{unknown selection 'best'; known: topk topp above argmax set}}
  %0 = attn.select "best" ["m"] of (%R : tensor<?x?xf32, #attn.ranks<p, m>>) by %k : index : tensor<?x!attn.set<1>, #attn.ranks<p>>
  attn.yield
}

// -----

attn.kernel @select_c2_several(%R: tensor<?x?xf32, #attn.ranks<p, m>> {attn.name = "R"}) -> () attributes {ranks = [#attn.rank<p>, #attn.rank<m>, #attn.rank<cap = 4>]} {
  %k = arith.constant 2 : index
  // expected-error@+1 {{topk of 2 tensors}}
  %0 = attn.select "topk" ["m"] of (%R, %R : tensor<?x?xf32, #attn.ranks<p, m>>, tensor<?x?xf32, #attn.ranks<p, m>>) by %k : index : tensor<?x!attn.set<1>, #attn.ranks<p>>
  attn.yield
}

// -----

attn.kernel @select_c2_ranks(%I: tensor<?x?xi32, #attn.ranks<p, m>> {attn.name = "I"}, %J: tensor<?xi32, #attn.ranks<m>> {attn.name = "J"}) -> () attributes {ranks = [#attn.rank<p>, #attn.rank<m>, #attn.rank<cap = 4>]} {
  // expected-error@+1 {{values over different ranks}}
  %0 = attn.select "set" ["m"] of (%I, %J : tensor<?x?xi32, #attn.ranks<p, m>>, tensor<?xi32, #attn.ranks<m>>) : tensor<?x!attn.set<2>, #attn.ranks<p>>
  attn.yield
}

// -----

attn.kernel @select_c3_unknown(%R: tensor<?x?xf32, #attn.ranks<p, m>> {attn.name = "R"}) -> () attributes {ranks = [#attn.rank<p>, #attn.rank<m>, #attn.rank<cap = 4>]} {
  %k = arith.constant 2 : index
  // expected-error@+1 {{'c' is no rank of the values, or stands twice}}
  %0 = attn.select "topk" ["c"] of (%R : tensor<?x?xf32, #attn.ranks<p, m>>) by %k : index : tensor<?x!attn.set<1>, #attn.ranks<p>>
  attn.yield
}

// -----

attn.kernel @select_c3_argmax(%R: tensor<?x?xf32, #attn.ranks<p, m>> {attn.name = "R"}) -> () attributes {ranks = [#attn.rank<p>, #attn.rank<m>, #attn.rank<cap = 4>]} {
  // expected-error@+1 {{argmax over 2 ranks}}
  %0 = attn.select "argmax" ["m", "p"] of (%R : tensor<?x?xf32, #attn.ranks<p, m>>) : tensor<i64, #attn.ranks<>>
  attn.yield
}

// -----

attn.kernel @select_c4(%R: tensor<?x?xf32, #attn.ranks<p, m>> {attn.name = "R"}) -> () attributes {ranks = [#attn.rank<p>, #attn.rank<m>, #attn.rank<cap = 4>]} {
  %k = arith.constant 2 : index
  // expected-error@+1 {{result has type 'tensor<?x!attn.set<2>, #attn.ranks<p>>', expected '!attn.set<1>' over [p]}}
  %0 = attn.select "topk" ["m"] of (%R : tensor<?x?xf32, #attn.ranks<p, m>>) by %k : index : tensor<?x!attn.set<2>, #attn.ranks<p>>
  attn.yield
}

// -----

attn.kernel @select_c5_missing(%R: tensor<?x?xf32, #attn.ranks<p, m>> {attn.name = "R"}) -> () attributes {ranks = [#attn.rank<p>, #attn.rank<m>, #attn.rank<cap = 4>]} {
  // expected-error@+1 {{topk needs a value after `by`}}
  %0 = attn.select "topk" ["m"] of (%R : tensor<?x?xf32, #attn.ranks<p, m>>) : tensor<?x!attn.set<1>, #attn.ranks<p>>
  attn.yield
}

// -----

attn.kernel @select_c5_float(%R: tensor<?x?xf32, #attn.ranks<p, m>> {attn.name = "R"}) -> () attributes {ranks = [#attn.rank<p>, #attn.rank<m>, #attn.rank<cap = 4>]} {
  %k = arith.constant 2.0 : f32
  // expected-error@+1 {{topk by 'f32', expected an integer}}
  %0 = attn.select "topk" ["m"] of (%R : tensor<?x?xf32, #attn.ranks<p, m>>) by %k : f32 : tensor<?x!attn.set<1>, #attn.ranks<p>>
  attn.yield
}

// -----

attn.kernel @select_c6(%R: tensor<?x?xf32, #attn.ranks<p, m>> {attn.name = "R"}, %t: tensor<?xf32, #attn.ranks<m>> {attn.name = "t"}) -> () attributes {ranks = [#attn.rank<p>, #attn.rank<m>, #attn.rank<cap = 4>]} {
  // expected-error@+1 {{the result has no rank 'm'}}
  %0 = attn.select "above" ["m"] of (%R : tensor<?x?xf32, #attn.ranks<p, m>>) by %t : tensor<?xf32, #attn.ranks<m>> : tensor<?x!attn.set<1>, #attn.ranks<p>>
  attn.yield
}

// -----

attn.kernel @select_c7(%R: tensor<?x?xf32, #attn.ranks<p, m>> {attn.name = "R"}) -> () attributes {ranks = [#attn.rank<p>, #attn.rank<m>, #attn.rank<cap = 4>]} {
  // expected-error@+1 {{set does not take 'f32'}}
  %0 = attn.select "set" ["m"] of (%R : tensor<?x?xf32, #attn.ranks<p, m>>) : tensor<?x!attn.set<1>, #attn.ranks<p>>
  attn.yield
}

// -----

func.func @contains_c1(%s: !attn.set<2>, %i: index) {
  // expected-error@+1 {{a member of '!attn.set<2>' has 2 components, found 1}}
  %0 = attn.contains %s[%i] : !attn.set<2>
  return
}

// -----

func.func @place_c1(%s: !attn.set<2>, %i: index) {
  // expected-error@+1 {{a member of '!attn.set<2>' has 2 components, found 3}}
  %0 = attn.place %s of [%i, %i, %i] : !attn.set<2>
  return
}

// -----

func.func @member_c1(%s: !attn.set<2>, %i: index) {
  // expected-error@+1 {{members of '!attn.set<2>' have no component 2}}
  %0 = attn.member %s at %i {component = 2 : i64} : !attn.set<2>
  return
}

// -----

func.func @rand_c1(%s: !attn.set<2>, %i: index) {
  // expected-error@+1 {{5 indices, expected at most 4}}
  %0 = attn.rand %i[%i, %i, %i, %i, %i]
  return
}

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

// -----

// expected-error@+1 {{no result updates the inout argument 'A'}}
attn.kernel @kernel_c7(%A: tensor<?xf32, #attn.ranks<p>> {attn.inout, attn.name = "A"}) -> () attributes {ranks = [#attn.rank<p>]} {
  attn.yield
}

// -----

// expected-error@+1 {{yields ('tensor<?x?xf32, #attn.ranks<p, e>>') != ('tensor<?xf32, #attn.ranks<"e*p">>')}}
attn.kernel @kernel_c4_product(%A: tensor<?x?xf32, #attn.ranks<p, e>> {attn.name = "A"})
    -> (tensor<?xf32, #attn.ranks<"e*p">> {attn.name = "O"}) attributes {ranks = [#attn.rank<p>, #attn.rank<e>]} {
  attn.yield %A : tensor<?x?xf32, #attn.ranks<p, e>>
}

// -----

attn.kernel @scatter_c1_count(%A: tensor<?x?xf32, #attn.ranks<p, e>> {attn.name = "A"}, %t: tensor<?xi64, #attn.ranks<p>> {attn.name = "t"}) -> ()
    attributes {ranks = [#attn.rank<p>, #attn.rank<e>, #attn.rank<b>]} {
  // expected-error@+1 {{1 positions != 2 dimensions}}
  %0 = attn.scatter %A at ["p"] : (tensor<?x?xf32, #attn.ranks<p, e>>) -> tensor<?x?xf32, #attn.ranks<p, e>>
  attn.yield
}

// -----

attn.kernel @scatter_c1_number(%A: tensor<?x?xf32, #attn.ranks<p, e>> {attn.name = "A"}, %t: tensor<?xi64, #attn.ranks<p>> {attn.name = "t"}) -> ()
    attributes {ranks = [#attn.rank<p>, #attn.rank<e>, #attn.rank<b>]} {
  // expected-error@+1 {{position 1 : i64 is neither a rank of the values nor one of 1 operands}}
  %0 = attn.scatter %A at [1, "e"] positions(%t) : (tensor<?x?xf32, #attn.ranks<p, e>>, tensor<?xi64, #attn.ranks<p>>) -> tensor<?x?xf32, #attn.ranks<p, e>>
  attn.yield
}

// -----

attn.kernel @scatter_c2(%A: tensor<?x?xf32, #attn.ranks<p, e>> {attn.name = "A"}, %t: tensor<?xi64, #attn.ranks<p>> {attn.name = "t"}) -> ()
    attributes {ranks = [#attn.rank<p>, #attn.rank<e>, #attn.rank<b>]} {
  // expected-error@+1 {{no position depends on rank 'e' of the values}}
  %0 = attn.scatter %A at ["p"] : (tensor<?x?xf32, #attn.ranks<p, e>>) -> tensor<?xf32, #attn.ranks<b>>
  attn.yield
}

// -----

attn.kernel @scatter_c3(%A: tensor<?x?xf32, #attn.ranks<p, e>> {attn.name = "A"}, %t: tensor<?xi64, #attn.ranks<p>> {attn.name = "t"}) -> ()
    attributes {ranks = [#attn.rank<p>, #attn.rank<e>, #attn.rank<b>]} {
  // expected-error@+1 {{position of type 'tensor<?x?xf32, #attn.ranks<p, e>>' is no integer tensor over ranks of the values}}
  %0 = attn.scatter %A at [0, "e"] positions(%A) : (tensor<?x?xf32, #attn.ranks<p, e>>, tensor<?x?xf32, #attn.ranks<p, e>>) -> tensor<?x?xf32, #attn.ranks<p, e>>
  attn.yield
}

// -----

attn.kernel @scatter_c4(%A: tensor<?x?xf32, #attn.ranks<p, e>> {attn.name = "A"}, %t: tensor<?xi64, #attn.ranks<p>> {attn.name = "t"}) -> ()
    attributes {ranks = [#attn.rank<p>, #attn.rank<e>, #attn.rank<b>]} {
  // expected-error@+1 {{writes 'tensor<?x?xf32, #attn.ranks<p, e>>' into 'tensor<?x?xi64, #attn.ranks<p, e>>'}}
  %0 = attn.scatter %A at ["p", "e"] : (tensor<?x?xf32, #attn.ranks<p, e>>) -> tensor<?x?xi64, #attn.ranks<p, e>>
  attn.yield
}

// -----

attn.kernel @scatter_c5(%A: tensor<?x?xf32, #attn.ranks<p, e>> {attn.name = "A"}, %t: tensor<?xi64, #attn.ranks<p>> {attn.name = "t"}) -> ()
    attributes {ranks = [#attn.rank<p>, #attn.rank<e>, #attn.rank<b>]} {
  // expected-error@+1 {{margins array<i64: 1, -1, 0, 0> are not two a dimension, none negative}}
  %0 = attn.scatter %A at ["p", "e"] margins [1, -1, 0, 0] : (tensor<?x?xf32, #attn.ranks<p, e>>) -> tensor<?x?xf32, #attn.ranks<p, e>>
  attn.yield
}

// -----

attn.kernel @iterate_c1(%A: tensor<?x?xf32, #attn.ranks<p, e>> {attn.name = "A"}, %t: tensor<?xi64, #attn.ranks<p>> {attn.name = "t"}) -> ()
    attributes {ranks = [#attn.rank<p>, #attn.rank<e>, #attn.rank<b>]} {
  // expected-error@+1 {{the kernel has no rank 'q'}}
  %0 = attn.iterate over "q" margins [array<i64: 0, 0, 0, 0>] {
  ^bb0(%h: tensor<?x?xf32, #attn.ranks<p, e>>):
    attn.yield %h : tensor<?x?xf32, #attn.ranks<p, e>>
  } : tensor<?x?xf32, #attn.ranks<p, e>>
  attn.yield
}

// -----

attn.kernel @iterate_c2(%A: tensor<?x?xf32, #attn.ranks<p, e>> {attn.name = "A"}, %t: tensor<?xi64, #attn.ranks<p>> {attn.name = "t"}) -> ()
    attributes {ranks = [#attn.rank<p>, #attn.rank<e>, #attn.rank<b>]} {
  // expected-error@+1 {{takes ('tensor<?x?xf32, #attn.ranks<p, e>>') and yields ('tensor<?xi64, #attn.ranks<p>>') != ('tensor<?x?xf32, #attn.ranks<p, e>>')}}
  %0 = attn.iterate over "p" margins [array<i64: 0, 0, 0, 0>] {
  ^bb0(%h: tensor<?x?xf32, #attn.ranks<p, e>>):
    attn.yield %t : tensor<?xi64, #attn.ranks<p>>
  } : tensor<?x?xf32, #attn.ranks<p, e>>
  attn.yield
}

// -----

attn.kernel @iterate_c2_rank(%A: tensor<?x?xf32, #attn.ranks<p, e>> {attn.name = "A"}, %t: tensor<?xi64, #attn.ranks<p>> {attn.name = "t"}) -> ()
    attributes {ranks = [#attn.rank<p>, #attn.rank<e>, #attn.rank<b>]} {
  // expected-error@+1 {{state of type 'tensor<?x?xf32, #attn.ranks<p, e>>' has not the rank 'b'}}
  %0 = attn.iterate over "b" margins [array<i64: 0, 0, 0, 0>] {
  ^bb0(%h: tensor<?x?xf32, #attn.ranks<p, e>>):
    attn.yield %h : tensor<?x?xf32, #attn.ranks<p, e>>
  } : tensor<?x?xf32, #attn.ranks<p, e>>
  attn.yield
}

// -----

attn.kernel @iterate_c3(%A: tensor<?x?xf32, #attn.ranks<p, e>> {attn.name = "A"}, %t: tensor<?xi64, #attn.ranks<p>> {attn.name = "t"}) -> ()
    attributes {ranks = [#attn.rank<p>, #attn.rank<e>, #attn.rank<b>]} {
  // expected-error@+1 {{start of type 'tensor<?xi64, #attn.ranks<p>>' for state 0}}
  %0 = attn.iterate over "p" starts(%t : tensor<?xi64, #attn.ranks<p>>) of [0] margins [array<i64: 0, 0, 0, 0>] {
  ^bb0(%h: tensor<?x?xf32, #attn.ranks<p, e>>):
    attn.yield %h : tensor<?x?xf32, #attn.ranks<p, e>>
  } : tensor<?x?xf32, #attn.ranks<p, e>>
  attn.yield
}

// -----

attn.kernel @iterate_c4(%A: tensor<?x?xf32, #attn.ranks<p, e>> {attn.name = "A"}, %t: tensor<?xi64, #attn.ranks<p>> {attn.name = "t"}) -> ()
    attributes {ranks = [#attn.rank<p>, #attn.rank<e>, #attn.rank<b>]} {
  // expected-error@+1 {{margins array<i64: 0, 0> are not two a dimension of 'tensor<?x?xf32, #attn.ranks<p, e>>', none negative}}
  %0 = attn.iterate over "p" margins [array<i64: 0, 0>] {
  ^bb0(%h: tensor<?x?xf32, #attn.ranks<p, e>>):
    attn.yield %h : tensor<?x?xf32, #attn.ranks<p, e>>
  } : tensor<?x?xf32, #attn.ranks<p, e>>
  attn.yield
}

// -----

attn.kernel @union_c1(%A: tensor<?xf32, #attn.ranks<p>> {attn.name = "A"}, %B: tensor<?xf32, #attn.ranks<e>> {attn.name = "B"}) -> ()
    attributes {ranks = [#attn.rank<p>, #attn.rank<e>]} {
  // expected-error@+1 {{requires the same encoding for all operands and results}}
  %0 = "attn.union"(%A, %B) <{operandSegmentSizes = array<i32: 2, 0>}> : (tensor<?xf32, #attn.ranks<p>>, tensor<?xf32, #attn.ranks<e>>) -> tensor<?xf32, #attn.ranks<p>>
  attn.yield
}

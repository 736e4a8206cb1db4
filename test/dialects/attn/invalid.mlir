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

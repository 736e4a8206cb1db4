// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: attn-opt %s --split-input-file --verify-diagnostics

func.func @affine_c1() {
  // expected-error @+1 {{has two dimensions or symbols named 'p'}}
  %r = route.affine [p, p] where []
  return
}

// -----

func.func @affine_c2(%P: index) {
  // expected-error @+1 {{map affine_map<(d0) -> ()> has not 1 dimensions and 1 symbols, each with a name}}
  %r = "route.affine"(%P) {dims = ["p"], symbolNames = ["P"], constraints = affine_map<(d0) -> ()>, within = affine_map<(d0)[s0] -> ()>} : (index) -> !route.set
  return
}

// -----

func.func @affine_c3(%P: index) {
  // expected-error @+1 {{an expression of 'within' is not linear in one dimension, with a constant coefficient}}
  %r = route.affine [p, m] symbols(P = %P) where [] within [p - m]
  return
}

// -----

func.func @affine_c3_coefficient(%P: index) {
  // expected-error @+1 {{an expression of 'within' is not linear in one dimension, with a constant coefficient}}
  %r = route.affine [p, m] symbols(P = %P) where [] within [8 - p * P]
  return
}

// -----

func.func @affine_c4() {
  // expected-error @+1 {{divides by a constant that is not positive: m floordiv 0}}
  %r = "route.affine"() {dims = ["m"], symbolNames = [], constraints = affine_map<(d0) -> (d0 floordiv 0)>, within = affine_map<(d0) -> ()>} : () -> !route.set
  return
}

// -----

func.func @union_c1() {
  // expected-error @+1 {{has no members}}
  %r = "route.union"() : () -> !route.set
  return
}

// -----

func.func @union_c2() {
  %a = route.affine [p, m] where []
  // expected-note @+1 {{the second is made here}}
  %b = route.affine [m] where []
  // expected-error @+1 {{has members over ["p", "m"] and ["m"]}}
  %r = route.union %a, %b
  return
}

// -----

func.func @for_c1(%p0: index) {
  %r = route.affine [p, m] where [7 - m]
  // expected-error @+1 {{1 block sizes != 2 dimensions of the set}}
  route.for (%m0, %full) in %r at () block [4] { route.yield }
  return
}

// -----

func.func @for_c1_positive(%p0: index) {
  %r = route.affine [p, m] where [7 - m]
  // expected-error @+1 {{has a block size that is not positive}}
  route.for (%m0, %full) in %r at (%p0) block [4, 0] { route.yield }
  return
}

// -----

func.func @for_c2(%p0: index) {
  %r = route.affine [p, m] where [7 - m]
  // expected-error @+1 {{loops over no dimension: 2 of 2 are fixed}}
  route.for (%full) in %r at (%p0, %p0) block [4, 4] { route.yield }
  return
}

// -----

func.func @for_c3(%p0: index) {
  %r = route.affine [p, m] where [7 - m]
  // expected-error @+1 {{body takes ('index', 'i8') != ('index', 'i1')}}
  "route.for"(%r, %p0) <{block = array<i64: 4, 4>, operandSegmentSizes = array<i32: 1, 1, 0>}> ({
  ^bb0(%m0: index, %full: i8):
    "route.yield"() : () -> ()
  }) : (!route.set, index) -> ()
  return
}

// -----

func.func @for_c3_yield(%p0: index, %x: f32) {
  %r = route.affine [p, m] where [7 - m]
  // expected-error @+1 {{region branch point has 0 operands, but region successor needs 1 inputs}}
  %s = route.for (%m0, %full) in %r at (%p0) block [4, 4] iter_args(%y = %x : f32) {
    // expected-note @+1 {{region branch point}}
    route.yield
  }
  return
}

// -----

func.func @for_c4(%p0: index) {
  %r = route.affine [p, m] where [7 - m] within [5 - m]
  // expected-error @+1 {{loops over 'm', which 'within' bounds}}
  route.for (%m0, %full) in %r at (%p0) block [4, 4] { route.yield }
  return
}

// -----

func.func @for_c5(%r: !route.set, %p0: index) {
  // expected-error @+1 {{loops over a set that no route op makes}}
  route.for (%m0, %full) in %r at (%p0) block [4, 4] { route.yield }
  return
}

// -----

func.func @element_c1(%len: tensor<?x?xi32>) {
  // expected-error @+1 {{table of 'tensor<?x?xi32>' read at ["b"], expected integers at a rank a dimension}}
  %n = route.element %len["b"] : tensor<?x?xi32>
  return
}

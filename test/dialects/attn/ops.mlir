// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: attn-opt %s | attn-opt | FileCheck %s

// CHECK-LABEL: attn.kernel @causal
// CHECK-SAME: %Q: tensor<?x?x64xf32, #attn.ranks<h, p, e>>
// CHECK-SAME: ranks = [#attn.rank<h>, #attn.rank<g>, #attn.rank<p>, #attn.rank<m>, #attn.rank<e = 64>, #attn.rank<c = #{{.*}} of ranks(m) scalars(block)>]
attn.kernel @causal(%Q: tensor<?x?x64xf32, #attn.ranks<h, p, e>> {attn.name = "Q"},
                    %K: tensor<?x?x64xf32, #attn.ranks<g, m, e>> {attn.name = "K"},
                    %scale: f32 {attn.name = "scale"}, %block: i64 {attn.name = "block"})
    -> (tensor<?x?x?xf32, #attn.ranks<h, p, m>> {attn.name = "S", attn.pad = 0.0 : f32})
    attributes {ranks = [#attn.rank<h>, #attn.rank<g>, #attn.rank<p>, #attn.rank<m>, #attn.rank<e = 64>,
                         #attn.rank<c = affine_map<()[s0, s1] -> (s0 floordiv s1)> of ranks(m) scalars(block)>]} {
  // CHECK: attn.default %scale : f32
  %sc = attn.default %scale : f32 {
    // CHECK: %E = attn.extent "e"
    %E = attn.extent "e"
    %e = arith.index_cast %E : index to i64
    %f = arith.sitofp %e : i64 to f32
    %r = math.rsqrt %f : f32
    attn.yield %r : f32
  }
  // CHECK: attn.require "P <= M"
  attn.require "P <= M" {
    %P = attn.extent "p"
    %M = attn.extent "m"
    %c = arith.cmpi sle, %P, %M : index
    attn.yield %c : i1
  }
  %H = attn.extent "h"
  %G = attn.extent "g"
  %P = attn.extent "p"
  %M = attn.extent "m"
  // CHECK: %S = attn.einsum [h, p, m] symbols(G = %G, H = %H) = sum [e] ins(%{{.*}} = %Q[h, p, e] : {{.*}}, %{{.*}} = %K[(h * G) floordiv H, m, e]
  // CHECK-SAME: points(%{{.*}} = p, %{{.*}} = m) where {
  // CHECK: attn.yield %{{.*}} : i1
  // CHECK: } map {
  // CHECK: attn.yield %{{.*}} : f32
  // CHECK: } {{.*}}name = "S"{{.*}} : tensor<?x?x?xf32, #attn.ranks<h, p, m>>
  %S = attn.einsum [h, p, m] symbols(G = %G, H = %H) = sum [e]
         ins(%q = %Q[h, p, e] : tensor<?x?x64xf32, #attn.ranks<h, p, e>>,
             %k = %K[(h * G) floordiv H, m, e] : tensor<?x?x64xf32, #attn.ranks<g, m, e>>)
         points(%ip = p, %im = m)
         where {
    %0 = arith.addi %ip, %M : index
    %1 = arith.subi %0, %P : index
    %c = arith.cmpi sle, %im, %1 : index
    attn.yield %c : i1
  } map {
    %x = arith.mulf %q, %k : f32
    %y = arith.mulf %x, %sc : f32
    attn.yield %y : f32
  } attributes {name = "S"} : tensor<?x?x?xf32, #attn.ranks<h, p, m>>
  // CHECK: attn.einsum [h, p, m] gathers(t0 = 0) = ins(%{{.*}} = %{{.*}}[m] : {{.*}}, %{{.*}} = %S[h, p, t0 - 1]
  // CHECK: else 1.000000e+00 : f32
  %T = attn.einsum [m] = ins() points(%im = m) map {
    %c = arith.index_cast %im : index to i64
    attn.yield %c : i64
  } : tensor<?xi64, #attn.ranks<m>>
  %U = attn.einsum [h, p, m] gathers(t = 0) = ins(%t = %T[m] : tensor<?xi64, #attn.ranks<m>>,
         %s = %S[h, p, t - 1] : tensor<?x?x?xf32, #attn.ranks<h, p, m>>) map {
    %d = attn.div %s, %s : f32
    attn.yield %d : f32
  } else 1.0 : f32 : tensor<?x?x?xf32, #attn.ranks<h, p, m>>
  attn.yield %U : tensor<?x?x?xf32, #attn.ranks<h, p, m>>
}

// CHECK-LABEL: attn.kernel @stream
attn.kernel @stream(%A: tensor<?x?xf32, #attn.ranks<p, m>> {attn.name = "A"})
    -> (tensor<?xf32, #attn.ranks<p>> {attn.name = "X"}) attributes {ranks = [#attn.rank<p>, #attn.rank<m>]} {
  %g = attn.group -> (tensor<?xf32, #attn.ranks<p>>) {
    // CHECK: attn.stream over ["m"] identities [0xFF800000 : f32] step {
    // CHECK: attn.einsum [p] = max [m] ins({{.*}}) acc %{{.*}} : tensor<?xf32, #attn.ranks<p>> map
    // CHECK: } merge {
    // CHECK: } final {
    // CHECK: } : tensor<?xf32, #attn.ranks<p>>
    %x = attn.stream over ["m"] identities [0xFF800000 : f32] step {
    ^bb0(%x: tensor<?xf32, #attn.ranks<p>>):
      %x1 = attn.einsum [p] = max [m] ins(%a = %A[p, m] : tensor<?x?xf32, #attn.ranks<p, m>>)
            acc %x : tensor<?xf32, #attn.ranks<p>> map { attn.yield %a : f32 } : tensor<?xf32, #attn.ranks<p>>
      attn.yield %x1 : tensor<?xf32, #attn.ranks<p>>
    } merge {
    ^bb0(%x: tensor<?xf32, #attn.ranks<p>>, %x2: tensor<?xf32, #attn.ranks<p>>):
      %m = attn.einsum [p] = ins(%a = %x[p] : tensor<?xf32, #attn.ranks<p>>, %b = %x2[p] : tensor<?xf32, #attn.ranks<p>>) map {
        %y = arith.maximumf %a, %b : f32
        attn.yield %y : f32
      } : tensor<?xf32, #attn.ranks<p>>
      attn.yield %m : tensor<?xf32, #attn.ranks<p>>
    } final {
    ^bb0(%x: tensor<?xf32, #attn.ranks<p>>):
      attn.yield %x : tensor<?xf32, #attn.ranks<p>>
    } : tensor<?xf32, #attn.ranks<p>>
    attn.yield %x : tensor<?xf32, #attn.ranks<p>>
  }
  attn.yield %g : tensor<?xf32, #attn.ranks<p>>
}

// CHECK-LABEL: attn.kernel @sets
// CHECK-SAME: attn.optional
// CHECK-SAME: attn.capacity = "Given.cap", attn.members = ["m"]
attn.kernel @sets(%R: tensor<?x?xf32, #attn.ranks<p, m>> {attn.name = "R", attn.optional},
                  %I: tensor<?x?xi32, #attn.ranks<p, m>> {attn.name = "I"},
                  %U: tensor<?xui8, #attn.ranks<p>> {attn.name = "U"},
                  %Given: tensor<?x!attn.set<1>, #attn.ranks<p>> {attn.name = "Given", attn.capacity = "Given.cap", attn.members = ["m"]},
                  %t: tensor<?xf32, #attn.ranks<p>> {attn.name = "t"})
    -> (tensor<?xf32, #attn.ranks<p>> {attn.name = "O"})
    attributes {ranks = [#attn.rank<p>, #attn.rank<m>, #attn.rank<Given.cap = 4>]} {
  %k = arith.constant 2 : index
  // CHECK: %Top = attn.select "topk" ["m"] of(%R : tensor<?x?xf32, #attn.ranks<p, m>>) by %{{.*}} : index {name = "Top"} : tensor<?x!attn.set<1>, #attn.ranks<p>>
  %Top = attn.select "topk" ["m"] of (%R : tensor<?x?xf32, #attn.ranks<p, m>>) by %k : index {name = "Top"} : tensor<?x!attn.set<1>, #attn.ranks<p>>
  // CHECK: attn.select "topp" ["m"] of(%R : {{.*}}) by %t : tensor<?xf32, #attn.ranks<p>> : tensor<?x!attn.set<1>, #attn.ranks<p>>
  %Mass = attn.select "topp" ["m"] of (%R : tensor<?x?xf32, #attn.ranks<p, m>>) by %t : tensor<?xf32, #attn.ranks<p>> : tensor<?x!attn.set<1>, #attn.ranks<p>>
  // CHECK: attn.select "argmax" ["m"] of(%R : {{.*}}) : tensor<?xi64, #attn.ranks<p>>
  %Best = attn.select "argmax" ["m"] of (%R : tensor<?x?xf32, #attn.ranks<p, m>>) : tensor<?xi64, #attn.ranks<p>>
  // CHECK: attn.select "set" ["m", "p"] of(%I, %I : {{.*}}) : tensor<!attn.set<2>, #attn.ranks<>>
  %Pairs = attn.select "set" ["m", "p"] of (%I, %I : tensor<?x?xi32, #attn.ranks<p, m>>, tensor<?x?xi32, #attn.ranks<p, m>>) : tensor<!attn.set<2>, #attn.ranks<>>
  %O = attn.einsum [p] = ins(%top = %Top[p] : tensor<?x!attn.set<1>, #attn.ranks<p>>, %given = %Given[p] : tensor<?x!attn.set<1>, #attn.ranks<p>>,
                             %pairs = %Pairs[] : tensor<!attn.set<2>, #attn.ranks<>>, %u = %U[p] : tensor<?xui8, #attn.ranks<p>>)
         points(%ip = p) map {
    // CHECK: attn.from_u8
    %b = attn.from_u8 %u
    // CHECK: attn.contains %{{.*}}[%{{.*}}, %{{.*}}] : <2>
    %in = attn.contains %pairs[%ip, %b] : <2>
    // CHECK: attn.member %{{.*}} at %{{.*}} {component = 1 : i64} : <2>
    %m = attn.member %pairs at %ip {component = 1 : i64} : <2>
    // CHECK: attn.place %{{.*}} of[%{{.*}}] : <1>
    %at = attn.place %top of [%ip] : <1>
    // CHECK: attn.size %{{.*}} : <1>
    %n = attn.size %given : <1>
    // CHECK: attn.otherwise %{{.*}}, %{{.*}} : index
    %x = attn.otherwise %at, %n : index
    // CHECK: attn.rand %{{.*}}[%{{.*}}, %{{.*}}]
    %r = attn.rand %x[%m, %ip]
    attn.yield %r : f32
  } : tensor<?xf32, #attn.ranks<p>>
  attn.yield %O : tensor<?xf32, #attn.ranks<p>>
}

// CHECK-LABEL: attn.kernel @parts(%Q: {{.*}} {attn.inout, attn.name = "Q"}, %t:
attn.kernel @parts(%Q: tensor<?x?xf32, #attn.ranks<p, e>> {attn.inout, attn.name = "Q"},
                   %t: tensor<?xi64, #attn.ranks<b>> {attn.name = "t"}, %v: tensor<?x?xf32, #attn.ranks<b, e>> {attn.name = "v"})
    -> (tensor<?x?xf32, #attn.ranks<p, e>> {attn.name = "Q"}, tensor<?xf32, #attn.ranks<"p*e">> {attn.name = "O"})
    attributes {ranks = [#attn.rank<p>, #attn.rank<e>, #attn.rank<b>]} {
  // CHECK: %w = attn.scatter %v at [0, "e"] positions(%t) attributes {name = "w"} : (tensor<?x?xf32, #attn.ranks<b, e>>, tensor<?xi64, #attn.ranks<b>>) -> tensor<?x?xf32, #attn.ranks<p, e>>
  %w = attn.scatter %v at [0, "e"] positions(%t) attributes {name = "w"}
         : (tensor<?x?xf32, #attn.ranks<b, e>>, tensor<?xi64, #attn.ranks<b>>) -> tensor<?x?xf32, #attn.ranks<p, e>>
  // CHECK: attn.scatter %v at [0, "e"] positions(%t) margins [1, 0, 0, 0] :
  %x = attn.scatter %v at [0, "e"] positions(%t) margins [1, 0, 0, 0]
         : (tensor<?x?xf32, #attn.ranks<b, e>>, tensor<?xi64, #attn.ranks<b>>) -> tensor<?x?xf32, #attn.ranks<p, e>>
  // CHECK: %u = attn.union %w, %{{.*}} attributes {name = "u"} : tensor<?x?xf32, #attn.ranks<p, e>>
  %u = attn.union %w, %x attributes {name = "u"} : tensor<?x?xf32, #attn.ranks<p, e>>
  // CHECK: attn.union %u else %Q : tensor<?x?xf32, #attn.ranks<p, e>>
  %n = attn.union %u else %Q : tensor<?x?xf32, #attn.ranks<p, e>>
  // CHECK: %H = attn.iterate over "p" down starts(%{{.*}} : tensor<?x?xf32, #attn.ranks<p, e>>) of [0] margins [array<i64: 1, 0, 0, 0>] {
  // CHECK-NEXT: ^bb0(%[[EARLIER:.*]]: tensor<?x?xf32, #attn.ranks<p, e>>):
  // CHECK-NEXT: attn.einsum [p, e] = ins(%{{.*}} = %[[EARLIER]][p + 1, e]
  // CHECK: } attributes {names = ["H"]} : tensor<?x?xf32, #attn.ranks<p, e>>
  %H = attn.iterate over "p" down starts(%x : tensor<?x?xf32, #attn.ranks<p, e>>) of [0] margins [array<i64: 1, 0, 0, 0>] {
  ^bb0(%h: tensor<?x?xf32, #attn.ranks<p, e>>):
    %s = attn.einsum [p, e] = ins(%y = %h[p + 1, e] : tensor<?x?xf32, #attn.ranks<p, e>>) map {
      attn.yield %y : f32
    } : tensor<?x?xf32, #attn.ranks<p, e>>
    attn.yield %s : tensor<?x?xf32, #attn.ranks<p, e>>
  } attributes {names = ["H"]} : tensor<?x?xf32, #attn.ranks<p, e>>
  // CHECK: attn.iterate over "p" margins [array<i64: 0, 0, 0, 0>] {
  %G = attn.iterate over "p" margins [array<i64: 0, 0, 0, 0>] {
  ^bb0(%h: tensor<?x?xf32, #attn.ranks<p, e>>):
    attn.yield %h : tensor<?x?xf32, #attn.ranks<p, e>>
  } : tensor<?x?xf32, #attn.ranks<p, e>>
  // CHECK: attn.yield %{{.*}}, %H : tensor<?x?xf32, #attn.ranks<p, e>>, tensor<?x?xf32, #attn.ranks<p, e>>
  attn.yield %n, %H : tensor<?x?xf32, #attn.ranks<p, e>>, tensor<?x?xf32, #attn.ranks<p, e>>
}

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: attn-opt %s --route-infer | FileCheck %s

// Aligned to the end of the streamed rank.
// CHECK-LABEL: attn.kernel @offset
attn.kernel @offset(%A: tensor<?x?xf32, #attn.ranks<p, m>> {attn.name = "A"})
    -> (tensor<?xf32, #attn.ranks<p>> {attn.name = "X"}) attributes {ranks = [#attn.rank<p>, #attn.rank<m>]} {
  %P = attn.extent "p"
  %M = attn.extent "m"
  %g = attn.group -> (tensor<?xf32, #attn.ranks<p>>) {
    // CHECK: %[[R:.*]] = route.affine [p, m] symbols(P = %{{.*}}, M = %{{.*}}) where [p + M - m - P, M - m - 1] within [P - p - 1]{{$}}
    // CHECK: attn.stream over ["m"] route %[[R]] : !route.set
    %r = attn.stream over ["m"] identities [0xFF800000 : f32] step {
    ^bb0(%x: tensor<?xf32, #attn.ranks<p>>):
      %x1 = attn.einsum [p] = max [m] ins(%a = %A[p, m] : tensor<?x?xf32, #attn.ranks<p, m>>)
            points(%ip = p, %im = m) acc %x : tensor<?xf32, #attn.ranks<p>> where {
        %0 = arith.addi %ip, %M : index
        %1 = arith.subi %0, %P : index
        %c = arith.cmpi sle, %im, %1 : index
        attn.yield %c : i1
      } map { attn.yield %a : f32 } : tensor<?xf32, #attn.ranks<p>>
      attn.yield %x1 : tensor<?xf32, #attn.ranks<p>>
    } merge {
    ^bb0(%x: tensor<?xf32, #attn.ranks<p>>, %y: tensor<?xf32, #attn.ranks<p>>):
      attn.yield %x : tensor<?xf32, #attn.ranks<p>>
    } final {
    ^bb0(%x: tensor<?xf32, #attn.ranks<p>>):
      attn.yield %x : tensor<?xf32, #attn.ranks<p>>
    } : tensor<?xf32, #attn.ranks<p>>
    attn.yield %r : tensor<?xf32, #attn.ranks<p>>
  }
  attn.yield %g : tensor<?xf32, #attn.ranks<p>>
}

// Two conjuncts, one in 64-bit integers with a scalar argument.
// CHECK-LABEL: attn.kernel @window
attn.kernel @window(%A: tensor<?x?xf32, #attn.ranks<p, m>> {attn.name = "A"}, %window: i64 {attn.name = "window"})
    -> (tensor<?xf32, #attn.ranks<p>> {attn.name = "X"}) attributes {ranks = [#attn.rank<p>, #attn.rank<m>]} {
  %P = attn.extent "p"
  %M = attn.extent "m"
  %g = attn.group -> (tensor<?xf32, #attn.ranks<p>>) {
    // CHECK: route.affine [p, m] symbols(P = %{{.*}}, M = %{{.*}}, window = %{{.*}}) where [p - m, m + window - p - 1, M - m - 1] within [P - p - 1]{{$}}
    %r = attn.stream over ["m"] identities [0xFF800000 : f32] step {
    ^bb0(%x: tensor<?xf32, #attn.ranks<p>>):
      %x1 = attn.einsum [p] = max [m] ins(%a = %A[p, m] : tensor<?x?xf32, #attn.ranks<p, m>>)
            points(%ip = p, %im = m) acc %x : tensor<?xf32, #attn.ranks<p>> where {
        %c = arith.cmpi sle, %im, %ip : index
        %d = arith.subi %ip, %im : index
        %di = arith.index_cast %d : index to i64
        %e = arith.cmpi slt, %di, %window : i64
        attn.yield %c, %e : i1, i1
      } map { attn.yield %a : f32 } : tensor<?xf32, #attn.ranks<p>>
      attn.yield %x1 : tensor<?xf32, #attn.ranks<p>>
    } merge {
    ^bb0(%x: tensor<?xf32, #attn.ranks<p>>, %y: tensor<?xf32, #attn.ranks<p>>):
      attn.yield %x : tensor<?xf32, #attn.ranks<p>>
    } final {
    ^bb0(%x: tensor<?xf32, #attn.ranks<p>>):
      attn.yield %x : tensor<?xf32, #attn.ranks<p>>
    } : tensor<?xf32, #attn.ranks<p>>
    attn.yield %r : tensor<?xf32, #attn.ranks<p>>
  }
  attn.yield %g : tensor<?xf32, #attn.ranks<p>>
}

// |p - m| <= 3, as an absolute value and as a negated comparison.
// CHECK-LABEL: attn.kernel @band
attn.kernel @band(%A: tensor<?x?xf32, #attn.ranks<p, m>> {attn.name = "A"})
    -> (tensor<?xf32, #attn.ranks<p>> {attn.name = "X"}) attributes {ranks = [#attn.rank<p>, #attn.rank<m>]} {
  %P = attn.extent "p"
  %M = attn.extent "m"
  %g = attn.group -> (tensor<?xf32, #attn.ranks<p>>) {
    // CHECK: route.affine [p, m] {{.*}} where [m - p + 3, p - m + 3, M - m - 1] within [P - p - 1]{{$}}
    %r = attn.stream over ["m"] identities [0xFF800000 : f32] step {
    ^bb0(%x: tensor<?xf32, #attn.ranks<p>>):
      %x1 = attn.einsum [p] = max [m] ins(%a = %A[p, m] : tensor<?x?xf32, #attn.ranks<p, m>>)
            points(%ip = p, %im = m) acc %x : tensor<?xf32, #attn.ranks<p>> where {
        %three = arith.constant 3 : index
        %true = arith.constant true
        %d = arith.subi %ip, %im : index
        %a1 = math.absi %d : index
        %c = arith.cmpi sgt, %a1, %three : index
        %n = arith.xori %c, %true : i1
        attn.yield %n : i1
      } map { attn.yield %a : f32 } : tensor<?xf32, #attn.ranks<p>>
      attn.yield %x1 : tensor<?xf32, #attn.ranks<p>>
    } merge {
    ^bb0(%x: tensor<?xf32, #attn.ranks<p>>, %y: tensor<?xf32, #attn.ranks<p>>):
      attn.yield %x : tensor<?xf32, #attn.ranks<p>>
    } final {
    ^bb0(%x: tensor<?xf32, #attn.ranks<p>>):
      attn.yield %x : tensor<?xf32, #attn.ranks<p>>
    } : tensor<?xf32, #attn.ranks<p>>
    attn.yield %r : tensor<?xf32, #attn.ranks<p>>
  }
  attn.yield %g : tensor<?xf32, #attn.ranks<p>>
}

// What a table of the keys says is left out: the set has no p, and no block of it is full.
// CHECK-LABEL: attn.kernel @prefix
attn.kernel @prefix(%A: tensor<?x?xf32, #attn.ranks<p, m>> {attn.name = "A"}, %L: tensor<?xi32, #attn.ranks<m>> {attn.name = "L"})
    -> (tensor<?xf32, #attn.ranks<p>> {attn.name = "X"}) attributes {ranks = [#attn.rank<p>, #attn.rank<m>]} {
  %P = attn.extent "p"
  %M = attn.extent "m"
  %g = attn.group -> (tensor<?xf32, #attn.ranks<p>>) {
    // CHECK: route.affine [m] symbols(M = %{{.*}}) where [M - m - 1] inexact{{$}}
    %r = attn.stream over ["m"] identities [0xFF800000 : f32] step {
    ^bb0(%x: tensor<?xf32, #attn.ranks<p>>):
      %x1 = attn.einsum [p] = max [m] ins(%a = %A[p, m] : tensor<?x?xf32, #attn.ranks<p, m>>, %l = %L[m] : tensor<?xi32, #attn.ranks<m>>)
            points(%ip = p, %im = m) acc %x : tensor<?xf32, #attn.ranks<p>> where {
        %i = arith.index_cast %im : index to i32
        %c = arith.cmpi slt, %i, %l : i32
        attn.yield %c : i1
      } map { attn.yield %a : f32 } : tensor<?xf32, #attn.ranks<p>>
      attn.yield %x1 : tensor<?xf32, #attn.ranks<p>>
    } merge {
    ^bb0(%x: tensor<?xf32, #attn.ranks<p>>, %y: tensor<?xf32, #attn.ranks<p>>):
      attn.yield %x : tensor<?xf32, #attn.ranks<p>>
    } final {
    ^bb0(%x: tensor<?xf32, #attn.ranks<p>>):
      attn.yield %x : tensor<?xf32, #attn.ranks<p>>
    } : tensor<?xf32, #attn.ranks<p>>
    attn.yield %r : tensor<?xf32, #attn.ranks<p>>
  }
  attn.yield %g : tensor<?xf32, #attn.ranks<p>>
}

// A table on one side of `and`: the other side counts.
// CHECK-LABEL: attn.kernel @table_and_diagonal
attn.kernel @table_and_diagonal(%A: tensor<?x?xf32, #attn.ranks<p, m>> {attn.name = "A"}, %L: tensor<?xi32, #attn.ranks<m>> {attn.name = "L"})
    -> (tensor<?xf32, #attn.ranks<p>> {attn.name = "X"}) attributes {ranks = [#attn.rank<p>, #attn.rank<m>]} {
  %P = attn.extent "p"
  %M = attn.extent "m"
  %g = attn.group -> (tensor<?xf32, #attn.ranks<p>>) {
    // CHECK: route.affine [p, m] {{.*}} where [p - m, M - m - 1] within [P - p - 1] inexact{{$}}
    %r = attn.stream over ["m"] identities [0xFF800000 : f32] step {
    ^bb0(%x: tensor<?xf32, #attn.ranks<p>>):
      %x1 = attn.einsum [p] = max [m] ins(%a = %A[p, m] : tensor<?x?xf32, #attn.ranks<p, m>>, %l = %L[m] : tensor<?xi32, #attn.ranks<m>>)
            points(%ip = p, %im = m) acc %x : tensor<?xf32, #attn.ranks<p>> where {
        %i = arith.index_cast %im : index to i32
        %c = arith.cmpi slt, %i, %l : i32
        %d = arith.cmpi sle, %im, %ip : index
        %b = arith.andi %c, %d : i1
        attn.yield %b : i1
      } map { attn.yield %a : f32 } : tensor<?xf32, #attn.ranks<p>>
      attn.yield %x1 : tensor<?xf32, #attn.ranks<p>>
    } merge {
    ^bb0(%x: tensor<?xf32, #attn.ranks<p>>, %y: tensor<?xf32, #attn.ranks<p>>):
      attn.yield %x : tensor<?xf32, #attn.ranks<p>>
    } final {
    ^bb0(%x: tensor<?xf32, #attn.ranks<p>>):
      attn.yield %x : tensor<?xf32, #attn.ranks<p>>
    } : tensor<?xf32, #attn.ranks<p>>
    attn.yield %r : tensor<?xf32, #attn.ranks<p>>
  }
  attn.yield %g : tensor<?xf32, #attn.ranks<p>>
}

// A or B: A, then B and not A. The piece of B above the diagonal is proved empty.
// CHECK-LABEL: attn.kernel @window_or_sinks
attn.kernel @window_or_sinks(%A: tensor<?x?xf32, #attn.ranks<p, m>> {attn.name = "A"}, %window: i64 {attn.name = "window"})
    -> (tensor<?xf32, #attn.ranks<p>> {attn.name = "X"}) attributes {ranks = [#attn.rank<p>, #attn.rank<m>]} {
  %P = attn.extent "p"
  %M = attn.extent "m"
  %g = attn.group -> (tensor<?xf32, #attn.ranks<p>>) {
    // CHECK: %[[A:.*]] = route.affine [p, m] {{.*}} where [p - m, m + window - p - 1, M - m - 1] within [P - p - 1]{{$}}
    // CHECK: %[[B:.*]] = route.affine [p, m] {{.*}} where [p - m, 3 - m, M - m - 1, p - m - window] within [P - p - 1]{{$}}
    // CHECK: %[[U:.*]] = route.union %[[A]], %[[B]]
    // CHECK: attn.stream over ["m"] route %[[U]] : !route.set
    %r = attn.stream over ["m"] identities [0xFF800000 : f32] step {
    ^bb0(%x: tensor<?xf32, #attn.ranks<p>>):
      %x1 = attn.einsum [p] = max [m] ins(%a = %A[p, m] : tensor<?x?xf32, #attn.ranks<p, m>>)
            points(%ip = p, %im = m) acc %x : tensor<?xf32, #attn.ranks<p>> where {
        %four = arith.constant 4 : index
        %w = arith.index_cast %window : i64 to index
        %c = arith.cmpi sle, %im, %ip : index
        %d = arith.subi %ip, %im : index
        %e = arith.cmpi slt, %d, %w : index
        %s = arith.cmpi slt, %im, %four : index
        %o = arith.ori %e, %s : i1
        attn.yield %c, %o : i1, i1
      } map { attn.yield %a : f32 } : tensor<?xf32, #attn.ranks<p>>
      attn.yield %x1 : tensor<?xf32, #attn.ranks<p>>
    } merge {
    ^bb0(%x: tensor<?xf32, #attn.ranks<p>>, %y: tensor<?xf32, #attn.ranks<p>>):
      attn.yield %x : tensor<?xf32, #attn.ranks<p>>
    } final {
    ^bb0(%x: tensor<?xf32, #attn.ranks<p>>):
      attn.yield %x : tensor<?xf32, #attn.ranks<p>>
    } : tensor<?xf32, #attn.ranks<p>>
    attn.yield %r : tensor<?xf32, #attn.ranks<p>>
  }
  attn.yield %g : tensor<?xf32, #attn.ranks<p>>
}

// One side of the `or` contains the other.
// CHECK-LABEL: attn.kernel @or_of_nested
attn.kernel @or_of_nested(%A: tensor<?x?xf32, #attn.ranks<p, m>> {attn.name = "A"})
    -> (tensor<?xf32, #attn.ranks<p>> {attn.name = "X"}) attributes {ranks = [#attn.rank<p>, #attn.rank<m>]} {
  %P = attn.extent "p"
  %M = attn.extent "m"
  %g = attn.group -> (tensor<?xf32, #attn.ranks<p>>) {
    // CHECK: route.affine [p, m] {{.*}} where [p - m + 4, M - m - 1] within [P - p - 1]{{$}}
    // CHECK-NEXT: attn.stream
    %r = attn.stream over ["m"] identities [0xFF800000 : f32] step {
    ^bb0(%x: tensor<?xf32, #attn.ranks<p>>):
      %x1 = attn.einsum [p] = max [m] ins(%a = %A[p, m] : tensor<?x?xf32, #attn.ranks<p, m>>)
            points(%ip = p, %im = m) acc %x : tensor<?xf32, #attn.ranks<p>> where {
        %four = arith.constant 4 : index
        %d = arith.addi %ip, %four : index
        %c = arith.cmpi sle, %im, %ip : index
        %e = arith.cmpi sle, %im, %d : index
        %o = arith.ori %c, %e : i1
        attn.yield %o : i1
      } map { attn.yield %a : f32 } : tensor<?xf32, #attn.ranks<p>>
      attn.yield %x1 : tensor<?xf32, #attn.ranks<p>>
    } merge {
    ^bb0(%x: tensor<?xf32, #attn.ranks<p>>, %y: tensor<?xf32, #attn.ranks<p>>):
      attn.yield %x : tensor<?xf32, #attn.ranks<p>>
    } final {
    ^bb0(%x: tensor<?xf32, #attn.ranks<p>>):
      attn.yield %x : tensor<?xf32, #attn.ranks<p>>
    } : tensor<?xf32, #attn.ranks<p>>
    attn.yield %r : tensor<?xf32, #attn.ranks<p>>
  }
  attn.yield %g : tensor<?xf32, #attn.ranks<p>>
}

// Cheapest path through a dilated band: min of sums, of any reducer.
// CHECK-LABEL: attn.kernel @dilated_band
attn.kernel @dilated_band(%A: tensor<?x?xf32, #attn.ranks<p, m>> {attn.name = "A"}, %window: i64 {attn.name = "window"})
    -> (tensor<?xf32, #attn.ranks<p>> {attn.name = "X"}) attributes {ranks = [#attn.rank<p>, #attn.rank<m>]} {
  %P = attn.extent "p"
  %M = attn.extent "m"
  %g = attn.group -> (tensor<?xf32, #attn.ranks<p>>) {
    // CHECK: route.affine [p, m] {{.*}} where [p + window * 3 - m, m + window * 3 - p, (m - p) mod 3, -((m - p) mod 3), M - m - 1] within [P - p - 1]{{$}}
    %r = attn.stream over ["m"] identities [0x7F800000 : f32] step {
    ^bb0(%x: tensor<?xf32, #attn.ranks<p>>):
      %x1 = attn.einsum [p] = min [m] ins(%a = %A[p, m] : tensor<?x?xf32, #attn.ranks<p, m>>)
            points(%ip = p, %im = m) acc %x : tensor<?xf32, #attn.ranks<p>> where {
        %three = arith.constant 3 : index
        %w = arith.index_cast %window : i64 to index
        %d = arith.subi %im, %ip : index
        %reach = arith.muli %three, %w : index
        %a1 = math.absi %d : index
        %c = arith.cmpi sle, %a1, %reach : index
        %di = arith.index_cast %d : index to i64
        %three_i = arith.constant 3 : i64
        %rest = attn.imod %di, %three_i : i64
        %zero = arith.constant 0 : i64
        %e = arith.cmpi eq, %rest, %zero : i64
        attn.yield %c, %e : i1, i1
      } map { attn.yield %a : f32 } : tensor<?xf32, #attn.ranks<p>>
      attn.yield %x1 : tensor<?xf32, #attn.ranks<p>>
    } merge {
    ^bb0(%x: tensor<?xf32, #attn.ranks<p>>, %y: tensor<?xf32, #attn.ranks<p>>):
      attn.yield %x : tensor<?xf32, #attn.ranks<p>>
    } final {
    ^bb0(%x: tensor<?xf32, #attn.ranks<p>>):
      attn.yield %x : tensor<?xf32, #attn.ranks<p>>
    } : tensor<?xf32, #attn.ranks<p>>
    attn.yield %r : tensor<?xf32, #attn.ranks<p>>
  }
  attn.yield %g : tensor<?xf32, #attn.ranks<p>>
}

// A quotient by a scalar is read only where it is required to be positive.
// CHECK-LABEL: attn.kernel @blocks_required
attn.kernel @blocks_required(%A: tensor<?x?xf32, #attn.ranks<p, m>> {attn.name = "A"}, %window: i64 {attn.name = "window"})
    -> (tensor<?xf32, #attn.ranks<p>> {attn.name = "X"}) attributes {ranks = [#attn.rank<p>, #attn.rank<m>]} {
  %P = attn.extent "p"
  %M = attn.extent "m"
  attn.require "window > 0" {
    %zero = arith.constant 0 : i64
    %c = arith.cmpi sgt, %window, %zero : i64
    attn.yield %c : i1
  }
  %g = attn.group -> (tensor<?xf32, #attn.ranks<p>>) {
    // CHECK: route.affine [p, m] symbols(window = %{{.*}}, P = %{{.*}}, M = %{{.*}}) where [p floordiv window - (m floordiv window), M - m - 1] within [P - p - 1]{{$}}
    %r = attn.stream over ["m"] identities [0xFF800000 : f32] step {
    ^bb0(%x: tensor<?xf32, #attn.ranks<p>>):
      %x1 = attn.einsum [p] = max [m] ins(%a = %A[p, m] : tensor<?x?xf32, #attn.ranks<p, m>>)
            points(%ip = p, %im = m) acc %x : tensor<?xf32, #attn.ranks<p>> where {
        %pi = arith.index_cast %ip : index to i64
        %mi = arith.index_cast %im : index to i64
        %i = attn.idiv %pi, %window : i64
        %j = attn.idiv %mi, %window : i64
        %c = arith.cmpi sle, %j, %i : i64
        attn.yield %c : i1
      } map { attn.yield %a : f32 } : tensor<?xf32, #attn.ranks<p>>
      attn.yield %x1 : tensor<?xf32, #attn.ranks<p>>
    } merge {
    ^bb0(%x: tensor<?xf32, #attn.ranks<p>>, %y: tensor<?xf32, #attn.ranks<p>>):
      attn.yield %x : tensor<?xf32, #attn.ranks<p>>
    } final {
    ^bb0(%x: tensor<?xf32, #attn.ranks<p>>):
      attn.yield %x : tensor<?xf32, #attn.ranks<p>>
    } : tensor<?xf32, #attn.ranks<p>>
    attn.yield %r : tensor<?xf32, #attn.ranks<p>>
  }
  attn.yield %g : tensor<?xf32, #attn.ranks<p>>
}

// CHECK-LABEL: attn.kernel @blocks_unproved
attn.kernel @blocks_unproved(%A: tensor<?x?xf32, #attn.ranks<p, m>> {attn.name = "A"}, %window: i64 {attn.name = "window"})
    -> (tensor<?xf32, #attn.ranks<p>> {attn.name = "X"}) attributes {ranks = [#attn.rank<p>, #attn.rank<m>]} {
  %P = attn.extent "p"
  %M = attn.extent "m"
  %g = attn.group -> (tensor<?xf32, #attn.ranks<p>>) {
    // CHECK: route.affine [m] symbols(M = %{{.*}}) where [M - m - 1] inexact{{$}}
    %r = attn.stream over ["m"] identities [0xFF800000 : f32] step {
    ^bb0(%x: tensor<?xf32, #attn.ranks<p>>):
      %x1 = attn.einsum [p] = max [m] ins(%a = %A[p, m] : tensor<?x?xf32, #attn.ranks<p, m>>)
            points(%ip = p, %im = m) acc %x : tensor<?xf32, #attn.ranks<p>> where {
        %pi = arith.index_cast %ip : index to i64
        %mi = arith.index_cast %im : index to i64
        %i = attn.idiv %pi, %window : i64
        %j = attn.idiv %mi, %window : i64
        %c = arith.cmpi sle, %j, %i : i64
        attn.yield %c : i1
      } map { attn.yield %a : f32 } : tensor<?xf32, #attn.ranks<p>>
      attn.yield %x1 : tensor<?xf32, #attn.ranks<p>>
    } merge {
    ^bb0(%x: tensor<?xf32, #attn.ranks<p>>, %y: tensor<?xf32, #attn.ranks<p>>):
      attn.yield %x : tensor<?xf32, #attn.ranks<p>>
    } final {
    ^bb0(%x: tensor<?xf32, #attn.ranks<p>>):
      attn.yield %x : tensor<?xf32, #attn.ranks<p>>
    } : tensor<?xf32, #attn.ranks<p>>
    attn.yield %r : tensor<?xf32, #attn.ranks<p>>
  }
  attn.yield %g : tensor<?xf32, #attn.ranks<p>>
}

// Nothing can contribute.
// CHECK-LABEL: attn.kernel @nothing
attn.kernel @nothing(%A: tensor<?x?xf32, #attn.ranks<p, m>> {attn.name = "A"})
    -> (tensor<?xf32, #attn.ranks<p>> {attn.name = "X"}) attributes {ranks = [#attn.rank<p>, #attn.rank<m>]} {
  %P = attn.extent "p"
  %M = attn.extent "m"
  %g = attn.group -> (tensor<?xf32, #attn.ranks<p>>) {
    // CHECK: route.affine [m] symbols(M = %{{.*}}) where [M - m - 1, -1]{{$}}
    %r = attn.stream over ["m"] identities [0xFF800000 : f32] step {
    ^bb0(%x: tensor<?xf32, #attn.ranks<p>>):
      %x1 = attn.einsum [p] = max [m] ins(%a = %A[p, m] : tensor<?x?xf32, #attn.ranks<p, m>>)
             acc %x : tensor<?xf32, #attn.ranks<p>> where {
        %c = arith.constant false
        attn.yield %c : i1
      } map { attn.yield %a : f32 } : tensor<?xf32, #attn.ranks<p>>
      attn.yield %x1 : tensor<?xf32, #attn.ranks<p>>
    } merge {
    ^bb0(%x: tensor<?xf32, #attn.ranks<p>>, %y: tensor<?xf32, #attn.ranks<p>>):
      attn.yield %x : tensor<?xf32, #attn.ranks<p>>
    } final {
    ^bb0(%x: tensor<?xf32, #attn.ranks<p>>):
      attn.yield %x : tensor<?xf32, #attn.ranks<p>>
    } : tensor<?xf32, #attn.ranks<p>>
    attn.yield %r : tensor<?xf32, #attn.ranks<p>>
  }
  attn.yield %g : tensor<?xf32, #attn.ranks<p>>
}

// Conditions come with operands made in the step, renamed through index maps; the bound of a rank that is known is a number.
// A reduction along another rank (h) consumes only the conditions that mention it.
// CHECK-LABEL: attn.kernel @carried
attn.kernel @carried(%A: tensor<?x?x512xf32, #attn.ranks<h, p, m>> {attn.name = "A"})
    -> (tensor<?x?xf32, #attn.ranks<i, p>> {attn.name = "X"})
    attributes {ranks = [#attn.rank<h>, #attn.rank<i>, #attn.rank<p>, #attn.rank<m = 512>]} {
  %g = attn.group -> (tensor<?x?xf32, #attn.ranks<i, p>>) {
    // CHECK: route.affine [p, m] symbols(P = %{{.*}}) where [p - m - 1, 511 - m] within [P - p - 1] inexact{{$}}
    // CHECK: attn.stream
    %r = attn.stream over ["m"] identities [0.0 : f32] step {
    ^bb0(%x: tensor<?x?xf32, #attn.ranks<i, p>>):
      %s = attn.einsum [h, p, m] = ins(%a = %A[h, p, m] : tensor<?x?x512xf32, #attn.ranks<h, p, m>>)
             points(%ih = h, %ip = p, %im = m) where {
        %c = arith.cmpi slt, %im, %ip : index
        %d = arith.cmpi sle, %ih, %im : index
        attn.yield %c, %d : i1, i1
      } map { attn.yield %a : f32 } : tensor<?x?x512xf32, #attn.ranks<h, p, m>>
      %x1 = attn.einsum [i, p] = sum [m, h] ins(%a = %s[h, p, m] : tensor<?x?x512xf32, #attn.ranks<h, p, m>>)
            acc %x : tensor<?x?xf32, #attn.ranks<i, p>> map { attn.yield %a : f32 } : tensor<?x?xf32, #attn.ranks<i, p>>
      attn.yield %x1 : tensor<?x?xf32, #attn.ranks<i, p>>
    } merge {
    ^bb0(%x: tensor<?x?xf32, #attn.ranks<i, p>>, %y: tensor<?x?xf32, #attn.ranks<i, p>>):
      attn.yield %x : tensor<?x?xf32, #attn.ranks<i, p>>
    } final {
    ^bb0(%x: tensor<?x?xf32, #attn.ranks<i, p>>):
      attn.yield %x : tensor<?x?xf32, #attn.ranks<i, p>>
    } : tensor<?x?xf32, #attn.ranks<i, p>>
    attn.yield %r : tensor<?x?xf32, #attn.ranks<i, p>>
  }
  attn.yield %g : tensor<?x?xf32, #attn.ranks<i, p>>
}

// Two reductions with different conditions: their union, in which no block may drop its masks. A shifted read shifts the
// condition: m - 1 <= p.
// CHECK-LABEL: attn.kernel @differing
attn.kernel @differing(%A: tensor<?x?xf32, #attn.ranks<p, m>> {attn.name = "A"})
    -> (tensor<?xf32, #attn.ranks<p>> {attn.name = "X"}) attributes {ranks = [#attn.rank<p>, #attn.rank<m>]} {
  %g = attn.group -> (tensor<?xf32, #attn.ranks<p>>) {
    // CHECK: route.affine [p, m] {{.*}} where [p - m + 1, M - m - 1] within [P - p - 1] inexact{{$}}
    // CHECK: attn.stream
    %r = attn.stream over ["m"] identities [0.0 : f32, 0.0 : f32] step {
    ^bb0(%x: tensor<?xf32, #attn.ranks<p>>, %y: tensor<?xf32, #attn.ranks<p>>):
      %s = attn.einsum [p, m] = ins(%a = %A[p, m] : tensor<?x?xf32, #attn.ranks<p, m>>) points(%ip = p, %im = m) where {
        %c = arith.cmpi sle, %im, %ip : index
        attn.yield %c : i1
      } map { attn.yield %a : f32 } : tensor<?x?xf32, #attn.ranks<p, m>>
      %x1 = attn.einsum [p] = sum [m] ins(%a = %s[p, m] : tensor<?x?xf32, #attn.ranks<p, m>>)
            acc %x : tensor<?xf32, #attn.ranks<p>> map { attn.yield %a : f32 } : tensor<?xf32, #attn.ranks<p>>
      %y1 = attn.einsum [p] = sum [m] ins(%a = %s[p, m - 1] : tensor<?x?xf32, #attn.ranks<p, m>>)
            acc %y : tensor<?xf32, #attn.ranks<p>> map { attn.yield %a : f32 } : tensor<?xf32, #attn.ranks<p>>
      attn.yield %x1, %y1 : tensor<?xf32, #attn.ranks<p>>, tensor<?xf32, #attn.ranks<p>>
    } merge {
    ^bb0(%x: tensor<?xf32, #attn.ranks<p>>, %y: tensor<?xf32, #attn.ranks<p>>, %u: tensor<?xf32, #attn.ranks<p>>, %v: tensor<?xf32, #attn.ranks<p>>):
      attn.yield %x, %y : tensor<?xf32, #attn.ranks<p>>, tensor<?xf32, #attn.ranks<p>>
    } final {
    ^bb0(%x: tensor<?xf32, #attn.ranks<p>>, %y: tensor<?xf32, #attn.ranks<p>>):
      attn.yield %x : tensor<?xf32, #attn.ranks<p>>
    } : tensor<?xf32, #attn.ranks<p>>
    attn.yield %r : tensor<?xf32, #attn.ranks<p>>
  }
  attn.yield %g : tensor<?xf32, #attn.ranks<p>>
}

// An operand behind a select may be unread at a present point, and a value with `else` is always present: neither narrows.
// CHECK-LABEL: attn.kernel @lazy
attn.kernel @lazy(%A: tensor<?x?xf32, #attn.ranks<p, m>> {attn.name = "A"})
    -> (tensor<?xf32, #attn.ranks<p>> {attn.name = "X"}) attributes {ranks = [#attn.rank<p>, #attn.rank<m>]} {
  %zero = arith.constant 0.0 : f32
  %g = attn.group -> (tensor<?xf32, #attn.ranks<p>>) {
    // CHECK: route.affine [m] symbols(M = %{{.*}}) where [M - m - 1] inexact{{$}}
    // CHECK: attn.stream
    %r = attn.stream over ["m"] identities [0.0 : f32] step {
    ^bb0(%x: tensor<?xf32, #attn.ranks<p>>):
      %s = attn.einsum [p, m] = ins(%a = %A[p, m] : tensor<?x?xf32, #attn.ranks<p, m>>) points(%ip = p, %im = m) where {
        %c = arith.cmpi sle, %im, %ip : index
        attn.yield %c : i1
      } map { attn.yield %a : f32 } : tensor<?x?xf32, #attn.ranks<p, m>>
      %t = attn.einsum [p, m] = ins(%a = %A[p, m] : tensor<?x?xf32, #attn.ranks<p, m>>) points(%ip = p, %im = m) where {
        %c = arith.cmpi sgt, %im, %ip : index
        attn.yield %c : i1
      } map { attn.yield %a : f32 } else 0.0 : f32 : tensor<?x?xf32, #attn.ranks<p, m>>
      %x1 = attn.einsum [p] = sum [m] ins(%a = %A[p, m] : tensor<?x?xf32, #attn.ranks<p, m>>,
              %b = %s[p, m] : tensor<?x?xf32, #attn.ranks<p, m>>, %e = %t[p, m] : tensor<?x?xf32, #attn.ranks<p, m>>)
            acc %x : tensor<?xf32, #attn.ranks<p>> map {
        %c = arith.cmpf ogt, %a, %zero : f32
        %v = arith.select %c, %a, %b : f32
        %w = arith.addf %v, %e : f32
        attn.yield %w : f32
      } : tensor<?xf32, #attn.ranks<p>>
      attn.yield %x1 : tensor<?xf32, #attn.ranks<p>>
    } merge {
    ^bb0(%x: tensor<?xf32, #attn.ranks<p>>, %y: tensor<?xf32, #attn.ranks<p>>):
      attn.yield %x : tensor<?xf32, #attn.ranks<p>>
    } final {
    ^bb0(%x: tensor<?xf32, #attn.ranks<p>>):
      attn.yield %x : tensor<?xf32, #attn.ranks<p>>
    } : tensor<?xf32, #attn.ranks<p>>
    attn.yield %r : tensor<?xf32, #attn.ranks<p>>
  }
  attn.yield %g : tensor<?xf32, #attn.ranks<p>>
}

// Conditions that relate the query's own ranks, and two streamed ranks.
// CHECK-LABEL: attn.kernel @neighbourhood
attn.kernel @neighbourhood(%A: tensor<?x?x?x?xf32, #attn.ranks<y, x, u, v>> {attn.name = "A"})
    -> (tensor<?x?xf32, #attn.ranks<y, x>> {attn.name = "X"})
    attributes {ranks = [#attn.rank<y>, #attn.rank<x>, #attn.rank<u>, #attn.rank<v>]} {
  %g = attn.group -> (tensor<?x?xf32, #attn.ranks<y, x>>) {
    // CHECK: route.affine [y, x, u, v] {{.*}} where [y - u + 2, u - y + 2, x - v, U - u - 1, V - v - 1] within [Y - y - 1, X - x - 1]{{$}}
    // CHECK: attn.stream over ["u", "v"]
    %r = attn.stream over ["u", "v"] identities [0.0 : f32] step {
    ^bb0(%s: tensor<?x?xf32, #attn.ranks<y, x>>):
      %s1 = attn.einsum [y, x] = sum [u, v] ins(%a = %A[y, x, u, v] : tensor<?x?x?x?xf32, #attn.ranks<y, x, u, v>>)
            points(%iy = y, %ix = x, %iu = u, %iv = v) acc %s : tensor<?x?xf32, #attn.ranks<y, x>> where {
        %two = arith.constant 2 : index
        %d = arith.subi %iu, %iy : index
        %ad = math.absi %d : index
        %c = arith.cmpi sle, %ad, %two : index
        %e = arith.cmpi sge, %ix, %iv : index
        attn.yield %c, %e : i1, i1
      } map { attn.yield %a : f32 } : tensor<?x?xf32, #attn.ranks<y, x>>
      attn.yield %s1 : tensor<?x?xf32, #attn.ranks<y, x>>
    } merge {
    ^bb0(%s: tensor<?x?xf32, #attn.ranks<y, x>>, %t: tensor<?x?xf32, #attn.ranks<y, x>>):
      attn.yield %s : tensor<?x?xf32, #attn.ranks<y, x>>
    } final {
    ^bb0(%s: tensor<?x?xf32, #attn.ranks<y, x>>):
      attn.yield %s : tensor<?x?xf32, #attn.ranks<y, x>>
    } : tensor<?x?xf32, #attn.ranks<y, x>>
    attn.yield %r : tensor<?x?xf32, #attn.ranks<y, x>>
  }
  attn.yield %g : tensor<?x?xf32, #attn.ranks<y, x>>
}

// A table read at a rank that all of the stream's operands carry is a symbol; `seg`, over a rank that 'K' lacks, is tested
// point by point.
// CHECK-LABEL: attn.kernel @tables
attn.kernel @tables(%K: tensor<?x?xf32, #attn.ranks<b, m>> {attn.name = "K"}, %len: tensor<?xi32, #attn.ranks<b>> {attn.name = "len"},
                    %seg: tensor<?xi32, #attn.ranks<p>> {attn.name = "seg"})
    -> (tensor<?x?xf32, #attn.ranks<b, p>> {attn.name = "X"})
    attributes {ranks = [#attn.rank<b>, #attn.rank<p>, #attn.rank<m>]} {
  %g = attn.group -> (tensor<?x?xf32, #attn.ranks<b, p>>) {
    // CHECK: %[[LEN:.*]] = route.element %{{.*}}["b"] : tensor<?xi32, #attn.ranks<b>>
    // CHECK-NOT: route.element
    // CHECK: route.affine [m] symbols(M = %{{.*}}, len = %[[LEN]]) where [len - m - 1, M - m - 1] inexact
    %r = attn.stream over ["m"] identities [0.0 : f32] step {
    ^bb0(%s: tensor<?x?xf32, #attn.ranks<b, p>>):
      %s1 = attn.einsum [b, p] = sum [m] ins(%k = %K[b, m] : tensor<?x?xf32, #attn.ranks<b, m>>,
                                             %n = %len[b] : tensor<?xi32, #attn.ranks<b>>,
                                             %t = %seg[p] : tensor<?xi32, #attn.ranks<p>>)
            points(%im = m) acc %s : tensor<?x?xf32, #attn.ranks<b, p>> where {
        %nx = arith.index_cast %n : i32 to index
        %c = arith.cmpi slt, %im, %nx : index
        %tx = arith.index_cast %t : i32 to index
        %d = arith.cmpi sge, %im, %tx : index
        attn.yield %c, %d : i1, i1
      } map { attn.yield %k : f32 } : tensor<?x?xf32, #attn.ranks<b, p>>
      attn.yield %s1 : tensor<?x?xf32, #attn.ranks<b, p>>
    } merge {
    ^bb0(%s: tensor<?x?xf32, #attn.ranks<b, p>>, %t: tensor<?x?xf32, #attn.ranks<b, p>>):
      attn.yield %s : tensor<?x?xf32, #attn.ranks<b, p>>
    } final {
    ^bb0(%s: tensor<?x?xf32, #attn.ranks<b, p>>):
      attn.yield %s : tensor<?x?xf32, #attn.ranks<b, p>>
    } : tensor<?x?xf32, #attn.ranks<b, p>>
    attn.yield %r : tensor<?x?xf32, #attn.ranks<b, p>>
  }
  attn.yield %g : tensor<?x?xf32, #attn.ranks<b, p>>
}

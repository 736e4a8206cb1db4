// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: attn-opt %s --tile-outline-launches | FileCheck %s

!mem = memref<?x?xf32, strided<[?, ?], offset: ?>>

// CHECK-NOT: tile.kernel
func.func @k(%A: !mem, %O: !mem, %scale: f32, %given: i64, %P: index, %W: index) -> index
    attributes {tile.kernel, tile.declared = array<i64: 1>, tile.scratch_bytes = 4096 : i64} {
  %c0 = arith.constant 0 : index
  %c2 = arith.constant 2 : index
  %positive = arith.cmpi sgt, %P, %c0 : index
  cf.assert %positive, "P > 0"
  %w = arith.divui %P, %c2 : index
  %even = arith.cmpi eq, %w, %P : index
  cf.assert %even, "even"
  %x = memref.alloc(%P) : memref<?x3xf32>
  %y = memref.alloc(%w) : memref<?xf64>
  scf.forall (%i, %j) in (%P, %w) {
    %v = memref.load %A[%i, %j] : !mem
    %s = arith.mulf %v, %scale : f32
    memref.store %s, %x[%i, %c0] : memref<?x3xf32>
  }
  scf.forall (%i) = (%c2) to (%P) step (%c2) {
    %z = arith.constant 1.0 : f64
    memref.store %z, %y[%i] : memref<?xf64>
  }
  return %w : index
}

// A failed check returns its number before anything is computed from what it checks.
// CHECK: func.func @k.prepare(%[[CALL:.*]]: !llvm.ptr) -> i32 attributes {tile.launches = 2 : i64}
// CHECK: cf.cond_br %{{.*}}, ^[[NEXT:.*]], ^[[FAIL:.*]]
// CHECK: ^[[FAIL]]:
// CHECK-NEXT: %[[ZERO:.*]] = arith.constant 0 : i32
// CHECK-NEXT: return %[[ZERO]]
// CHECK: ^[[NEXT]]:
// CHECK-NEXT: arith.divui
// CHECK: arith.constant 1 : i32
// CHECK-NEXT: return
// Tasks of the first launch, of the second, the declared extent, workspace, scratch.
// CHECK: llvm.store
// CHECK: arith.ceildivsi
// CHECK: llvm.store
// CHECK: llvm.getelementptr inbounds %{{.*}}[8]
// CHECK-NEXT: llvm.store
// CHECK: llvm.store
// CHECK: arith.constant 4096 : index
// CHECK: llvm.store
// CHECK: arith.constant -1 : i32
// CHECK-NEXT: return

// CHECK: func.func @k.launch0(%{{.*}}: !llvm.ptr, %[[TASK:.*]]: i64, %{{.*}}: i32) attributes {tile.scratch_bytes = 4096 : i64}
// CHECK: %[[X:.*]] = memref.view %{{.*}} to memref<?x3xf32>
// CHECK: %[[T:.*]] = arith.index_cast %[[TASK]] : i64 to index
// CHECK: %[[J:.*]] = arith.remui %[[T]]
// CHECK: %[[I:.*]] = arith.divui %[[T]]
// CHECK: memref.load %{{.*}}[%[[I]], %[[J]]]
// CHECK: memref.store %{{.*}}, %[[X]][%[[I]],

// The second workspace lies behind the first; the launch begins at its lower bound.
// CHECK: func.func @k.launch1
// CHECK-NOT: cf.assert
// CHECK: %[[Y:.*]] = memref.view %{{.*}} to memref<?xf64>
// CHECK: %[[STEP:.*]] = arith.muli
// CHECK: %[[AT:.*]] = arith.addi %[[STEP]]
// CHECK: memref.store %{{.*}}, %[[Y]][%[[AT]]]

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: attn-opt %s --target-expand-approximations | FileCheck %s
// RUN: attn-opt %s --target-expand-approximations=exp2-degree=6 | FileCheck %s --check-prefix=DEGREE6
// RUN: attn-opt %s --target-expand-approximations --convert-vector-to-llvm --convert-math-to-llvm \
// RUN:   --convert-arith-to-llvm --convert-func-to-llvm --reconcile-unrealized-casts \
// RUN:   | mlir-translate --mlir-to-llvmir | llc -O3 -mtriple=x86_64-linux-gnu -mcpu=x86-64-v3 \
// RUN:   | FileCheck %s --check-prefix=ASM

// Two clamps that let NaN through, the reduction, five FMAs, one factor; twelve instructions beside the constants.
// CHECK-LABEL: @exp2
// CHECK-SAME: %[[X:.*]]: vector<8xf32>
// CHECK: %[[LOW:.*]] = arith.cmpf ogt, %{{.*}}, %[[X]]
// CHECK: arith.select %[[LOW]], %{{.*}}, %[[X]]
// CHECK: arith.cmpf olt
// CHECK: arith.select
// CHECK: arith.addf %{{[^:]*}} : vector<8xf32>
// CHECK-COUNT-2: arith.subf %{{[^:]*}} : vector<8xf32>
// CHECK-COUNT-5: math.fma
// CHECK-NOT: math.fma
// CHECK: arith.shli
// CHECK: arith.mulf
// CHECK: return
// DEGREE6-LABEL: @exp2
// DEGREE6-COUNT-6: math.fma
// DEGREE6-NOT: math.fma
// DEGREE6: return
// ASM-LABEL: exp2:
// ASM: vmaxps
// ASM: vminps
// ASM: vaddps
// ASM-COUNT-2: vsubps
// ASM-COUNT-5: vfmadd
// ASM-NOT: {{vfmadd|call|vcmp|vblend|vadd|vsub}}
// ASM: vpslld $23
// ASM: vmulps
// ASM: ret
func.func @exp2(%x: vector<8xf32>) -> vector<8xf32> {
  %r = math.exp2 %x : vector<8xf32>
  return %r : vector<8xf32>
}

// Any shape, and scalars.
// CHECK-LABEL: @shapes
// CHECK-NOT: math.exp2
// CHECK: math.fma {{.*}} : vector<4x1x16xf64>
// CHECK: math.fma {{.*}} : f32
// CHECK: return
func.func @shapes(%x: vector<4x1x16xf64>, %y: f32) -> (vector<4x1x16xf64>, f32) {
  %r = math.exp2 %x : vector<4x1x16xf64>
  %s = math.exp2 %y : f32
  return %r, %s : vector<4x1x16xf64>, f32
}

// CHECK-LABEL: @every_function
// CHECK-NOT: math.{{exp|log|tanh|erf|sin|cos|pow|rsqrt|round }}
// CHECK: return
// ASM-LABEL: every_function:
// ASM-NOT: call
// ASM: ret
func.func @every_function(%a: vector<8xf32>, %y: vector<8xf32>) -> vector<8xf32> {
  %0 = math.exp %a : vector<8xf32>
  %1 = math.expm1 %0 : vector<8xf32>
  %2 = math.log %1 : vector<8xf32>
  %3 = math.log2 %2 : vector<8xf32>
  %4 = math.log1p %3 : vector<8xf32>
  %5 = math.tanh %4 : vector<8xf32>
  %6 = math.erf %5 : vector<8xf32>
  %7 = math.sin %6 : vector<8xf32>
  %8 = math.cos %7 : vector<8xf32>
  %9 = math.powf %8, %y : vector<8xf32>
  %10 = math.rsqrt %9 : vector<8xf32>
  %11 = math.round %10 : vector<8xf32>
  return %11 : vector<8xf32>
}

// What is an instruction stays.
// CHECK-LABEL: @kept
// CHECK: math.sqrt
// CHECK-NEXT: math.floor
// CHECK-NEXT: math.ceil
// CHECK-NEXT: math.trunc
// CHECK-NEXT: math.roundeven
// CHECK-NEXT: math.absf
// CHECK-NEXT: math.copysign
// CHECK-NEXT: math.fma
// CHECK-NEXT: return
// ASM-LABEL: kept:
// ASM: vsqrtps
// ASM: vroundps
// ASM-NOT: call
// ASM: ret
func.func @kept(%x: vector<8xf32>) -> vector<8xf32> {
  %0 = math.sqrt %x : vector<8xf32>
  %1 = math.floor %0 : vector<8xf32>
  %2 = math.ceil %1 : vector<8xf32>
  %3 = math.trunc %2 : vector<8xf32>
  %4 = math.roundeven %3 : vector<8xf32>
  %5 = math.absf %4 : vector<8xf32>
  %6 = math.copysign %5, %x : vector<8xf32>
  %7 = math.fma %6, %x, %x : vector<8xf32>
  return %7 : vector<8xf32>
}

// CHECK-LABEL: @narrow
// CHECK-NOT: arith.truncf {{.*}} to vector<8xbf16>
// CHECK: arith.bitcast {{.*}} : vector<8xi16> to vector<8xbf16>
// CHECK: arith.truncf {{.*}} : vector<8xf32> to vector<8xf16>
// CHECK-NEXT: return
// ASM-LABEL: narrow:
// ASM-NOT: call
// ASM: vcvtps2ph
// ASM: ret
func.func @narrow(%x: vector<8xf32>) -> (vector<8xbf16>, vector<8xf16>) {
  %0 = arith.truncf %x : vector<8xf32> to vector<8xbf16>
  %1 = arith.truncf %x : vector<8xf32> to vector<8xf16>
  return %0, %1 : vector<8xbf16>, vector<8xf16>
}

// f64 goes through f32 rounded to odd, never through a direct conversion, which rounds twice or calls.
// CHECK-LABEL: @narrow_once
// CHECK: arith.truncf {{.*}} : f64 to f32
// CHECK: arith.ori {{.*}} : i32
// CHECK: arith.truncf {{.*}} : f32 to f16
func.func @narrow_once(%x: f64) -> f16 {
  %0 = arith.truncf %x : f64 to f16
  return %0 : f16
}

// Widening and moving 16-bit floats needs nothing.
// CHECK-LABEL: @widen
// CHECK-NEXT: arith.extf
// CHECK-NEXT: arith.extf
// CHECK-NEXT: return
func.func @widen(%x: vector<8xbf16>, %y: f16) -> (vector<8xf32>, f64) {
  %0 = arith.extf %x : vector<8xbf16> to vector<8xf32>
  %1 = arith.extf %y : f16 to f64
  return %0, %1 : vector<8xf32>, f64
}

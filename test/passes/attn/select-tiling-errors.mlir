// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: attn-opt %s --pass-pipeline='builtin.module(attn.kernel(attn-select-tiling{tile=q=16}))' --verify-diagnostics -split-input-file
// RUN: not attn-opt %s --pass-pipeline='builtin.module(attn.kernel(attn-select-tiling{tile=p=0}))' 2>&1 | FileCheck %s --check-prefix=SIZE
// RUN: not attn-opt %s --pass-pipeline='builtin.module(attn.kernel(attn-select-tiling{target=cpu:z80}))' 2>&1 | FileCheck %s --check-prefix=TARGET
// SIZE: error: tile 'p=0': expected RANK=SIZE with a size from 1 to 4096
// TARGET: error: unknown target 'cpu:z80'

// expected-error@+1 {{tile 'q=16': the kernel has no rank 'q'}}
attn.kernel @k() -> () attributes {ranks = [#attn.rank<p>]} {
  attn.yield
}

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: attn-opt %s --tile-assign-layouts=target=abacus --verify-diagnostics

// expected-error @+1 {{unknown target 'abacus'}}
func.func @unknown_target() {
  return
}

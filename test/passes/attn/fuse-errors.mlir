// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: attn-opt %s -attn-fuse -verify-diagnostics

attn.kernel @twice(%S: tensor<?xf32, #attn.ranks<p>> {attn.name = "S"}) -> (tensor<?xf32, #attn.ranks<p>> {attn.name = "O"})
    attributes {ranks = [#attn.rank<p>]} {
  // expected-error @+1 {{attn-fuse runs before there are groups}}
  %g = attn.group -> (tensor<?xf32, #attn.ranks<p>>) {
    attn.yield %S : tensor<?xf32, #attn.ranks<p>>
  }
  attn.yield %g : tensor<?xf32, #attn.ranks<p>>
}

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// attn-reassociate: see the pass description for what it does not do yet.
#include "dialects/attn/Attn.h"
#include "passes/Passes.h"

namespace attn {
#define GEN_PASS_DEF_ATTNREASSOCIATE
#include "passes/Passes.h.inc"
} // namespace attn

namespace {
struct Reassociate : attn::impl::AttnReassociateBase<Reassociate> {
  void runOnOperation() override { markAllAnalysesPreserved(); }
};
} // namespace

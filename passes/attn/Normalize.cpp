// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// attn-normalize. Needs: an attn kernel without what Unlowered.cpp names. Guarantees: no two Einsums compute one term;
// every scalar is known to the algebra; no construct is left that only the evaluator runs.
//
// Einsums are compared as terms, in the order of the kernel: operands that are one value read the same name, so a chain
// of equal Einsums folds from its start.
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "passes/Passes.h"
#include "passes/attn/KernelTerms.h"
#include "passes/attn/Unlowered.h"

namespace attn {
#define GEN_PASS_DEF_ATTNNORMALIZE
#include "passes/Passes.h.inc"
} // namespace attn

using namespace mlir;
using namespace attn;
using algebra::TermRef;

namespace {
struct Normalize : attn::impl::AttnNormalizeBase<Normalize> {
  void runOnOperation() override;
};

} // namespace

void Normalize::runOnOperation() {
  KernelOp kernel = getOperation();
  if (failed(checkLowered(kernel)))
    return signalPassFailure();
  KernelTerms terms(kernel);
  llvm::DenseMap<std::pair<TermRef, TermRef>, SmallVector<EinsumOp>> known;
  for (EinsumOp op : llvm::make_early_inc_range(kernel.getBody().front().getOps<EinsumOp>())) {
    auto meaning = terms.einsum(op, KernelTerms::Inline::Nothing);
    if (!meaning)
      return signalPassFailure();
    TermRef conditions = terms.getContext().conjunction(meaning->conditions);
    auto &same = known[{meaning->term, conditions}];
    auto twin = llvm::find_if(same, [&](EinsumOp other) { return other.getType() == op.getType(); });
    if (twin == same.end()) {
      same.push_back(op);
      continue;
    }
    op.replaceAllUsesWith(twin->getResult());
    op.erase();
  }
  SmallVector<EinsumOp> all(kernel.getBody().front().getOps<EinsumOp>());
  for (EinsumOp op : llvm::reverse(all))
    if (op->use_empty())
      op.erase();
}

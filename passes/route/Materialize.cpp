// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// route-materialize. Needs: simplified routes. Guarantees: each stream's route is made of affine sets. A route that
// depends on data would become a list here, made by a launch before; until then it is an error. (A table that only
// narrows an affine set is no such route: the set is inexact and the table stays in the predicates.)
#include "dialects/attn/Attn.h"
#include "dialects/route/Route.h"
#include "passes/Passes.h"

namespace attn {
#define GEN_PASS_DEF_ROUTEMATERIALIZE
#include "passes/Passes.h.inc"
} // namespace attn

using namespace mlir;
using namespace attn;

namespace {

struct Materialize : attn::impl::RouteMaterializeBase<Materialize> {
  static LogicalResult check(StreamOp stream) {
    if (!stream.getRoute())
      return stream.emitOpError() << "has no route; route-infer comes first";
    if (isa<route::SetType>(stream.getRoute().getType()) && succeeded(route::affineMembers(stream.getRoute())))
      return success();
    InFlightDiagnostic diagnostic = stream.emitOpError() << "needs a list of blocks, which is not lowered yet";
    diagnostic.attachNote(stream.getRoute().getLoc()) << "the route is made here";
    return diagnostic;
  }

  void runOnOperation() override {
    bool ok = true;
    getOperation().walk([&](StreamOp stream) { ok &= succeeded(check(stream)); });
    if (!ok)
      signalPassFailure();
  }
};

} // namespace

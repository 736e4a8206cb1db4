// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
def RouteInfer : Pass<"route-infer", "::attn::KernelOp"> {
  let summary = "gives each stream the set of points that can contribute";
  let description = [{
    The set is over the parallel ranks that conditions mention, then the streamed ranks: the union, over the step's reductions
    along the streamed ranks, of the conditions under which a point contributes. Conditions over ranks that are reduced within the step are left out. `or` becomes a union of disjoint sets. What
    is not affine (tables, comparisons of ids) is left out, and where it is, or where two reductions differ, the set is
    inexact: its blocks are never full. Example: test/passes/route/infer.mlir.

    After this pass every stream has a route, made by route.affine or route.union. Predicates stay in the Einsums.
  }];
  let dependentDialects = ["::attn::route::RouteDialect", "::mlir::arith::ArithDialect"];
}

def RouteSimplify : Pass<"route-simplify"> {
  let summary = "affine routes in their shortest form";
  let description = [{
    Constant symbols become numbers, equal symbols one; constraints that always hold, and those that a single other one
    implies, go; so do members of unions that are proved empty, and unions of one. Example: test/passes/route/simplify.mlir.

    After this pass no union is a member of a union, and no set has a constraint twice.
  }];
  let dependentDialects = ["::attn::route::RouteDialect"];
}

def RouteMaterialize : Pass<"route-materialize", "::attn::KernelOp"> {
  let summary = "routes that depend on data become lists";
  let description = [{
    Lists are not lowered yet: this pass checks that no route needs one. Example: test/passes/route/materialize.mlir.

    After this pass every stream has a route made of affine sets.
  }];
}

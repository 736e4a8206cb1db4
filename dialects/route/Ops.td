// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef ROUTE_OPS_TD
#define ROUTE_OPS_TD
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/OpBase.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"
include "mlir/Interfaces/LoopLikeInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def RouteDialect : Dialect {
  let name = "route";
  let cppNamespace = "::attn::route";
  let summary = "which blocks: sets of (query point, key point) pairs as values, and the loop over the blocks that meet them";
  let useDefaultTypePrinterParser = 1;
}

def SetType : TypeDef<RouteDialect, "Set"> {
  let mnemonic = "set";
  let summary = "a set of points over named ranks";
}

class RouteOp<string mnemonic, list<Trait> traits = []> : Op<RouteDialect, mnemonic, traits>;

//===-- sets --------------------------------------------------------------------------------------------------------===//

def AffineOp : RouteOp<"affine", [Pure]> {
  let summary = "the points where affine expressions are not negative";
  let description = [{
    ```mlir
    %r = route.affine [p, m] symbols(P = %P, M = %M) where [p + M - P - m, M - 1 - m] within [P - 1 - p]
    ```
    Dimensions are ranks, hence never negative, query ranks first; symbols are index values. A point is in the set if every
    expression listed is >= 0. Expressions may be semi-affine: products with symbols, `floordiv` and `mod` by constants or by
    symbols, which are > 0 by contract. `within` bounds what is asked about: points outside are in no set, but nobody observes
    them, so a block is cut to them before it is called full (query rows beyond the extent). `inexact` says that the set is a
    superset of what is allowed, because something that is no affine condition decides the rest: no block of it is full.

    Constraints: affine_c1 dimensions and symbols have distinct names; affine_c2 both maps have a dimension for each name, and
    a symbol for each symbol operand; affine_c3 an expression of `within` is linear in one dimension, with a constant
    coefficient, and mentions no other; affine_c4 a constant divisor is > 0.
  }];
  let arguments = (ins Variadic<Index>:$symbols, StrArrayAttr:$dims, StrArrayAttr:$symbolNames, AffineMapAttr:$constraints,
                       AffineMapAttr:$within, UnitAttr:$inexact);
  let results = (outs SetType:$result);
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
  let skipDefaultBuilders = 1;
  let builders = [
    OpBuilder<(ins "::llvm::ArrayRef<::llvm::StringRef>":$dims, "::llvm::ArrayRef<::llvm::StringRef>":$symbolNames,
                   "::mlir::ValueRange":$symbols, "::llvm::ArrayRef<::mlir::AffineExpr>":$constraints,
                   "::llvm::ArrayRef<::mlir::AffineExpr>":$within, CArg<"bool", "false">:$inexact)>];
  let extraClassDeclaration = [{
    ::llvm::SmallVector<::llvm::StringRef> getDimNames();
    /// The names of dimensions and symbols, for printNamedAffine.
    ::attn::AffineNames getNames();
    unsigned getNumDims() { return getDims().size(); }
  }];
}

def UnionOp : RouteOp<"union", [Pure]> {
  let summary = "disjoint sets, visited in this order";
  let description = [{
    `route.union %a, %b`. Blocks of different members may overlap, so each member's mask is that member's set.
    Constraints: union_c1 at least one member; union_c2 members that are affine have the same dimensions.
  }];
  let arguments = (ins Variadic<SetType>:$members);
  let results = (outs SetType:$result);
  let assemblyFormat = "$members attr-dict";
  let hasVerifier = 1;
}

def ElementOp : RouteOp<"element", [Pure]> {
  let summary = "the element of an integer table at the point of the launch, as a symbol of a set";
  let description = [{
    ```mlir
    %n = route.element %len["b"] : tensor<?xi32, #attn.ranks<b>>
    %r = route.affine [m] symbols(len = %n) where [len - 1 - m]
    ```
    Blocks of the launch have one point of each rank named, so the element is one number for all of a block.

    Constraints: element_c1 the table has integers and a name for each dimension.
  }];
  let arguments = (ins AnyRankedTensor:$table, StrArrayAttr:$at);
  let results = (outs Index:$result);
  let assemblyFormat = "$table `` $at attr-dict `:` type($table)";
  let hasVerifier = 1;
}

//===-- the loop ----------------------------------------------------------------------------------------------------===//

def ForOp : RouteOp<"for", [SingleBlock, RecursiveMemoryEffects, RecursivelySpeculatable, AttrSizedOperandSegments,
    DeclareOpInterfaceMethods<LoopLikeOpInterface, ["getLoopInductionVars", "getInitsMutable", "getRegionIterArgs",
                                                    "getYieldedValuesMutable", "getLoopResults"]>,
    DeclareOpInterfaceMethods<RegionBranchOpInterface, ["getEntrySuccessorOperands"]>]> {
  let summary = "the loop over the blocks that meet a set";
  let description = [{
    ```mlir
    %st = route.for (%m0, %full) in %r at (%p0) block [64, 256] iter_args(%x = %init : f32) { ... route.yield %y : f32 }
    ```
    `at` is the first point of the block in the leading dimensions of the set; the loop goes over blocks of the others, in
    ascending order, the last dimension fastest. Body arguments: the first point of the block in each of those, whether all of
    its points (within the set's `within`) are in the set, the carried values. Every point of the set with leading coordinates
    in the block is visited once; blocks start at multiples of their size and may reach beyond extents.

    Constraints: for_c1 a positive block size for each dimension of the set; for_c2 at least one dimension is looped over;
    for_c3 the body takes an index for each dimension looped over,
    an i1 and the carried values, and yields the latter (the loop interfaces check this part); for_c4 `within` bounds only leading dimensions; for_c5 the set is
    made by a route op.
  }];
  let arguments = (ins SetType:$set, Variadic<Index>:$at, Variadic<AnyType>:$initArgs, DenseI64ArrayAttr:$block);
  let results = (outs Variadic<AnyType>:$results);
  let regions = (region SizedRegion<1>:$body);
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
  let hasRegionVerifier = 1;
  let skipDefaultBuilders = 1;
  let builders = [
    // Makes the body with its arguments; the caller fills it and ends it with route.yield.
    OpBuilder<(ins "::mlir::Value":$set, "::mlir::ValueRange":$at, "::llvm::ArrayRef<int64_t>":$block,
                   "::mlir::ValueRange":$initArgs)>];
  let extraClassDeclaration = [{
    /// How many dimensions `at` fixes; the loop goes over the others.
    unsigned getNumLeading() { return getAt().size(); }
    unsigned getNumStreamed() { return getBlock().size() - getNumLeading(); }
    ::mlir::BlockArgument getFull() { return getBody().getArgument(getNumStreamed()); }
    YieldOp getYield();
  }];
}

def YieldOp : RouteOp<"yield", [Pure, Terminator, ReturnLike, HasParent<"ForOp">]> {
  let summary = "hands the carried values to the next block";
  let arguments = (ins Variadic<AnyType>:$values);
  let assemblyFormat = "($values^ `:` type($values))? attr-dict";
}
#endif

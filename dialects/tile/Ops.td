// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef TILE_OPS_TD
#define TILE_OPS_TD
include "dialects/tile/Dialect.td"
include "mlir/Dialect/Vector/IR/VectorAttributes.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

class TileOp<string mnemonic, list<Trait> traits = []> : Op<TileDialect, mnemonic, traits>;

def LoadOp : TileOp<"load", [AttrSizedOperandSegments]> {
  let summary = "reads a fragment from memory";
  let description = [{
    ```mlir
    %k = tile.load %K[affine_map<(j, e)[b, g, m0] -> (b, g, m0 + j, e)>](%b, %g, %m0) limits(%left, %E) pad 0.0 : f32
         : memref<?x?x?x?xf32, strided<[?, ?, ?, ?], offset: ?>> -> !tile.frag<256x128xf32>
    ```
    result[d] = source[map(d)]. The map's dimensions are those of the result, then the elements of `gathers` (each an integer
    fragment read through its map of `gatherMaps`); its symbols are `indices`. An element whose d is not below `limits`, or
    whose place is outside the memref, is `pad` and is not read.

    With `view`, the source already holds the fragment in the fragment's own layout: nothing is moved, the fragment is a part
    of the source. All of the fragment is inside the source, which nobody writes meanwhile.

    Constraints: load_c1 the map has a dimension for each of the result's and for each gather, a symbol for each index, a
    result for each dimension of the memref; load_c2 as many limits as the result has dimensions; load_c3 element types
    agree, `pad` included; load_c4 gathers are integers, with a map each from the result's dimensions;
    load_c5 of a `view` the source is contiguous, and the map's last results and their extents are those of the layout.
  }];
  let arguments = (ins Arg<AnyMemRef, "", [MemRead]>:$source, Variadic<Index>:$indices, Variadic<FragType>:$gathers,
                       Variadic<Index>:$limits, AffineMapAttr:$map, OptionalAttr<AffineMapArrayAttr>:$gatherMaps,
                       TypedAttrInterface:$pad, UnitAttr:$view);
  let results = (outs FragType:$result);
  let assemblyFormat = [{
    $source `[` $map `]` `(` $indices `)` (`gathers` `(` $gathers^ `:` type($gathers) `)` $gatherMaps)?
    `limits` `(` $limits `)` `pad` $pad (`view` $view^)? attr-dict `:` type($source) `->` type($result)
  }];
  let hasVerifier = 1;
}

def StoreOp : TileOp<"store", [AttrSizedOperandSegments]> {
  let summary = "writes a fragment to memory";
  let description = [{
    The inverse of `tile.load`: target[map(d)] = value[d] where d is below `limits` and the place inside the memref; nothing
    else is written. The map is injective there.

    Constraints: store_c1, store_c2, store_c3 as for `tile.load`.
  }];
  let arguments = (ins FragType:$value, Arg<AnyMemRef, "", [MemWrite]>:$target, Variadic<Index>:$indices,
                       Variadic<Index>:$limits, AffineMapAttr:$map);
  let assemblyFormat = [{
    $value `,` $target `[` $map `]` `(` $indices `)` `limits` `(` $limits `)` attr-dict `:` type($value) `,` type($target)
  }];
  let hasVerifier = 1;
}

def MapOp : TileOp<"map", [Pure, AttrSizedOperandSegments, SingleBlock]> {
  let summary = "elementwise; operands are broadcast by projections";
  let description = [{
    ```mlir
    %n = tile.map ins(%s, %y : !tile.frag<64x256xf32>, !tile.frag<64xf32>) [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i)>]
         points affine_map<(i, j)[p0] -> (i + p0)>(%p0) {
    ^bb0(%a: f32, %b: f32, %p: index): ... tile.yield %r : f32
    } -> !tile.frag<64x256xf32>
    ```
    All results have the shape of the iteration space. The region takes the operands' elements, then the index values of
    `points`; it captures scalars. Without operands a splat.

    Constraints: map_c1 operand maps are projections of the space whose extents agree with the operands'; map_c2 all results
    have one shape; map_c3 region arguments are the elements, then an index a point; map_c4 it yields the results' elements.
  }];
  let arguments = (ins Variadic<FragType>:$inputs, Variadic<Index>:$indices, AffineMapArrayAttr:$maps, OptionalAttr<AffineMapAttr>:$points);
  let results = (outs Variadic<FragType>:$results);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = [{
    (`ins` `(` $inputs^ `:` type($inputs) `)`)? $maps (`points` $points^ `(` $indices `)`)? $body attr-dict `->` type($results)
  }];
  let hasRegionVerifier = 1;
  let extraClassDeclaration = [{
    ::mlir::ArrayRef<int64_t> getSpace();
    ::mlir::AffineMap getOperandMap(unsigned i);
  }];
}

def ReduceOp : TileOp<"reduce", [Pure, AttrSizedOperandSegments, SingleBlock]> {
  let summary = "maps, then combines over the last dimensions of the space";
  let description = [{
    ```mlir
    %x = tile.reduce <maximumf> over [64, 256] ins(%s : !tile.frag<64x256xf32>) [affine_map<(i, j) -> (i, j)>] identity 0xFF800000 : f32
         acc %x0 { ^bb0(%a: f32): tile.yield %a : f32 } -> !tile.frag<64xf32>
    ```
    The space is the result's shape, then the extents that are combined. The mapped value is never materialised. `acc` starts
    the combination in place of `identity`.

    Constraints: reduce_c1 operand maps as map_c1; reduce_c2 the space begins with the result's shape and has more dimensions;
    reduce_c3 region arguments as map_c3, one value of the result's element type is yielded; reduce_c4 `identity` and `acc`
    have the result's type.
  }];
  let arguments = (ins Variadic<FragType>:$inputs, Variadic<Index>:$indices, Optional<FragType>:$acc,
                       Vector_CombiningKindAttr:$kind, DenseI64ArrayAttr:$space, AffineMapArrayAttr:$maps,
                       OptionalAttr<AffineMapAttr>:$points, TypedAttrInterface:$identity);
  let results = (outs FragType:$result);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = [{
    $kind `over` $space (`ins` `(` $inputs^ `:` type($inputs) `)`)? $maps (`points` $points^ `(` $indices `)`)?
    `identity` $identity (`acc` $acc^ `:` type($acc))? $body attr-dict `->` type($result)
  }];
  let hasRegionVerifier = 1;
  let extraClassDeclaration = [{
    ::mlir::AffineMap getOperandMap(unsigned i);
  }];
}

def DotOp : TileOp<"dot", [Pure]> {
  let summary = "contraction of two fragments: c = acc + sum a * b over the dimensions that c lacks";
  let description = [{
    ```mlir
    %s = tile.dot %q, %k [affine_map<(i, j, e) -> (i, e)>, affine_map<(i, j, e) -> (j, e)>, affine_map<(i, j, e) -> (i, j)>]
         : !tile.frag<64x128xf32>, !tile.frag<256x128xf32> -> !tile.frag<64x256xf32>
    ```
    Constraints: dot_c1 three maps over one space, projected permutations whose extents agree; dot_c2 each dimension in at
    least two of them; dot_c3 element types: f16, bf16, f32 (also mixed) accumulate in f32, f64 in f64, i8 in i32, i32 and
    i64 in their own; dot_c4 `acc` has the result's type.
  }];
  let arguments = (ins FragType:$lhs, FragType:$rhs, Optional<FragType>:$acc, AffineMapArrayAttr:$maps);
  let results = (outs FragType:$result);
  let assemblyFormat = [{
    $lhs `,` $rhs $maps (`acc` $acc^ `:` type($acc))? attr-dict `:` type($lhs) `,` type($rhs) `->` type($result)
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// 0: lhs, 1: rhs, 2: result.
    ::mlir::AffineMap getOperandMap(unsigned i);
    /// Extents of the iteration space.
    ::llvm::SmallVector<int64_t> getSpace();
  }];
}

def MaskOp : TileOp<"mask", [Pure, AttrSizedOperandSegments]> {
  let summary = "the value where a set holds, `else` elsewhere";
  let description = [{
    ```mlir
    %m = tile.mask %s [affine_map<(i, j)[p0, m0, M] -> (i + p0 - j - m0, M - 1 - j - m0)>](%p0, %m0, %M) full %full else 0xFF800000 : f32
         : !tile.frag<64x256xf32>
    ```
    An element stays where every result of the map is >= 0 and `condition`, an i1 fragment of the same shape, holds. Where
    `full` is true every result is >= 0 for the whole fragment, and only `condition` is looked at.

    Constraints: mask_c1 the map's dimensions are the fragment's, its symbols the indices; mask_c2 `condition` has i1 elements
    and the same shape; mask_c3 `else` has the element type.
  }];
  let arguments = (ins FragType:$input, Variadic<Index>:$indices, Optional<FragType>:$condition, Optional<I1>:$full,
                       AffineMapAttr:$set, TypedAttrInterface:$otherwise);
  let results = (outs FragType:$result);
  let assemblyFormat = [{
    $input `[` $set `]` `(` $indices `)` (`and` $condition^ `:` type($condition))? (`full` $full^)? `else` $otherwise attr-dict
    `:` type($input) `->` type($result)
  }];
  let hasVerifier = 1;
  let hasFolder = 1;
}

def ConvertOp : TileOp<"convert", [Pure]> {
  let summary = "the same value in another layout; never changes a number or an element type";
  let description = [{ Constraint convert_c1: same shape and element type. }];
  let arguments = (ins FragType:$input);
  let results = (outs FragType:$result);
  let assemblyFormat = "$input attr-dict `:` type($input) `->` type($result)";
  let hasVerifier = 1;
}

def YieldOp : TileOp<"yield", [Pure, Terminator, ReturnLike]> {
  let summary = "the values of a region";
  let arguments = (ins Variadic<AnyType>:$values);
  let assemblyFormat = "($values^ `:` type($values))? attr-dict";
}
#endif

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef TILE_DIALECT_TD
#define TILE_DIALECT_TD
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/BuiltinAttributeInterfaces.td"
include "mlir/IR/OpBase.td"

def TileDialect : Dialect {
  let name = "tile";
  let cppNamespace = "::attn::tile";
  let summary = "how: blocks of static shape, their layouts and the loops around them";
  let useDefaultAttributePrinterParser = 1;
  let useDefaultTypePrinterParser = 1;
  let dependentDialects = ["::mlir::vector::VectorDialect"];  // the kinds of tile.reduce
  let extraClassDeclaration = [{ void registerAttributes(); void registerTypes(); }];
}

def LayoutAttr : AttrDef<TileDialect, "Layout"> {
  let mnemonic = "layout";
  let summary = "where each element of a fragment lies";
  let description = [{
    `#tile.layout<(k, n) -> (n floordiv 16, k, n mod 16), scratch>`: an affine map from element to place, injective, and the
    memory the places are in: `scratch` (of one worker), `workspace` (shared by the launches of a call) or `regs`. Places may
    exceed elements; the rest holds the pad. `extents` are the sizes of the places' dimensions.
  }];
  let parameters = (ins "::mlir::AffineMap":$map, "::mlir::StringAttr":$space, ArrayRefParameter<"int64_t">:$extents);
  let assemblyFormat = "`<` $map `,` $space `,` `[` $extents `]` `>`";
  let genVerifyDecl = 1;
}

def FragType : TypeDef<TileDialect, "Frag"> {
  let mnemonic = "frag";
  let summary = "an immutable value of static shape: !tile.frag<64x256xf32, #layout>, !tile.frag<f32> for one element";
  let description = [{
    Constraints: frag_c1 extents are positive and their product is at most 2^22; frag_c2 a layout has as many dimensions as
    the fragment.
  }];
  let parameters = (ins ArrayRefParameter<"int64_t">:$shape, "::mlir::Type":$elementType,
                        OptionalParameter<"::attn::tile::LayoutAttr">:$layout);
  let assemblyFormat = "`<` custom<Shape>($shape, $elementType) (`,` $layout^)? `>`";
  let genVerifyDecl = 1;
  let builders = [TypeBuilderWithInferredContext<(ins "::mlir::ArrayRef<int64_t>":$shape, "::mlir::Type":$elementType), [{
    return $_get(elementType.getContext(), shape, elementType, LayoutAttr());
  }]>];
  let extraClassDeclaration = [{
    unsigned getRank() const { return getShape().size(); }
    int64_t getNumElements() const;
    FragType withLayout(LayoutAttr layout) const;
    FragType withElementType(::mlir::Type element) const;
  }];
}
#endif

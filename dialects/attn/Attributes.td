// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef ATTN_ATTRIBUTES_TD
#define ATTN_ATTRIBUTES_TD
include "dialects/attn/Dialect.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/TensorEncoding.td"

class AttnAttr<string name, list<Trait> traits = []> : AttrDef<AttnDialect, name, traits>;

def RanksAttr : AttnAttr<"Ranks", [DeclareAttrInterfaceMethods<VerifiableTensorEncoding>]> {
  let mnemonic = "ranks";
  let summary = "names of a tensor's ranks, as its encoding";
  let description = [{
    `tensor<?x4xf32, #attn.ranks<p, e>>`. A dimension that holds a product of ranks is named by a string: `"h*e"`.
    Constraint ranks_c1: as many names as the tensor has dimensions.
  }];
  let parameters = (ins ArrayRefParameter<"::mlir::StringAttr">:$names);
  let hasCustomAssemblyFormat = 1;
}

def RankAttr : AttnAttr<"Rank"> {
  let mnemonic = "rank";
  let summary = "a rank of a kernel and where its extent comes from";
  let description = [{
    `#attn.rank<m>`: solved from the shapes of the arguments. `#attn.rank<e = 128>`: bound at compile time.
    `#attn.rank<c = affine_map<()[s0, s1] -> (s0 floordiv s1)> of ranks(m) scalars(block)>`: declared, a function of
    other extents and of integer scalar arguments.
    `extent` is a map without dimensions and with one result; its symbols are the extents of `ranks`, then the values of `scalars`.
  }];
  let parameters = (ins "::mlir::StringAttr":$name, OptionalParameter<"::mlir::AffineMap">:$extent,
                        OptionalArrayRefParameter<"::mlir::StringAttr">:$ranks,
                        OptionalArrayRefParameter<"::mlir::StringAttr">:$scalars);
  let hasCustomAssemblyFormat = 1;
  let extraClassDeclaration = [{
    /// The extent bound at compile time, if it is.
    std::optional<int64_t> getConstantExtent() const;
    /// Computed from other extents and scalars (R2), and not solved from shapes.
    bool isDeclared() const { return getExtent() && !getConstantExtent(); }
  }];
}

def ReducerAttr : AttnAttr<"Reducer"> {
  let mnemonic = "reducer";
  let summary = "how an Einsum combines the points of its reduced ranks: a row of the table in Reducers.h";
  let parameters = (ins "::mlir::StringAttr":$name);
  let assemblyFormat = "`<` $name `>`";
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    const Reducer &getRow() const;
  }];
}
#endif

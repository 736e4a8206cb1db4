// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef ATTN_OPS_TD
#define ATTN_OPS_TD
include "dialects/attn/Attributes.td"
include "dialects/attn/Types.td"
include "mlir/IR/BuiltinAttributeInterfaces.td"
include "mlir/IR/OpAsmInterface.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"
include "mlir/Interfaces/FunctionInterfaces.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

class AttnOp<string mnemonic, list<Trait> traits = []> : Op<AttnDialect, mnemonic, traits>;
def Scalar : AnyTypeOf<[AnyFloat, AnySignlessInteger, UI8, Index], "scalar">;
def RankedTensor : RankedTensorOf<[AnyFloat, AnySignlessInteger, UI8, IndexSetType]>;

//===-- around Einsums ----------------------------------------------------------------------------------------------===//

def KernelOp : AttnOp<"kernel", [FunctionOpInterface, IsolatedFromAbove, SingleBlock, AffineScope,
    DeclareOpInterfaceMethods<OpAsmOpInterface, ["getAsmBlockArgumentNames"]>]> {
  let summary = "a cascade of Einsums from tensors with named ranks and scalars to tensors";
  let description = [{
    Function-like. Each argument and result carries its name in the attribute `attn.name`; a result may carry `attn.pad`,
    the value stored at points that no equation writes (R13; 0 without it). `ranks` lists every rank: those of the
    arguments and one for each further index; the extent of an iterator is that of the rank of its name. A tensor argument
    with the unit attribute `attn.optional` may not be given: it then has no points, and a rank that only such arguments have has
    the extent 0. An argument or result that holds sets is passed as a list of members with the capacity of the rank that
    `attn.capacity` names; `attn.members` names the ranks that the members index.

    Constraints: kernel_c1 each tensor argument and result has `#attn.ranks`; kernel_c2 rank names are distinct;
    kernel_c3 each rank of an argument is listed, with the extent its dimension has; kernel_c4 the yielded types are the
    result types, but that a product of ranks may be yielded as its ranks, which lie in the product outer first;
    kernel_c5 arguments and results are named; kernel_c6 tensors of sets, and only they, have a capacity, which is
    listed in `ranks`; kernel_c7 an argument with `attn.inout` is a tensor, and a result of its name and type holds what it
    is afterwards.

    Example: test/dialects/attn/ops.mlir.
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, TypeAttrOf<FunctionType>:$function_type,
                       TypedArrayAttrBase<RankAttr, "ranks">:$ranks, OptionalAttr<DictArrayAttr>:$arg_attrs,
                       OptionalAttr<DictArrayAttr>:$res_attrs);
  let regions = (region SizedRegion<1>:$body);
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
  let hasRegionVerifier = 1;
  let extraClassDeclaration = [{
    static constexpr llvm::StringLiteral kNameAttr = "attn.name", kPadAttr = "attn.pad", kInoutAttr = "attn.inout",
                                    kOptionalAttr = "attn.optional", kCapacityAttr = "attn.capacity", kMembersAttr = "attn.members";
    ::mlir::ArrayRef<::mlir::Type> getArgumentTypes() { return getFunctionType().getInputs(); }
    ::mlir::ArrayRef<::mlir::Type> getResultTypes() { return getFunctionType().getResults(); }
    ::mlir::Region *getCallableRegion() { return &getBody(); }
    ::llvm::StringRef getArgName(unsigned i);
    ::llvm::StringRef getResultName(unsigned i);
    /// Whether the caller's tensor is updated: a result has the argument's name.
    bool isInout(unsigned argument) { return bool(getArgAttr(argument, kInoutAttr)); }
    /// What result `i` holds at points without a value; null for 0.
    ::mlir::TypedAttr getResultPad(unsigned i);
    bool isOptional(unsigned argument) { return bool(getArgAttr(argument, kOptionalAttr)); }
    /// Null if the kernel has no such rank.
    RankAttr findRank(::llvm::StringRef name);
    /// Position in `ranks`, the number of the extent among the symbols of the ABI.
    std::optional<unsigned> getRankIndex(::llvm::StringRef name);
    YieldOp getYield();
  }];
}

def ExtentOp : AttnOp<"extent", [Pure, DeclareOpInterfaceMethods<OpAsmOpInterface, ["getAsmResultNames"]>]> {
  let summary = "the extent of a rank of the kernel";
  let description = [{ Constraint extent_c1: the enclosing kernel has the rank. Always the whole extent, also in a stream. }];
  let arguments = (ins StrAttr:$rank);
  let results = (outs Index:$result);
  let assemblyFormat = "$rank attr-dict";
  let builders = [OpBuilder<(ins "::llvm::StringRef":$rank), [{
    build($_builder, $_state, $_builder.getIndexType(), $_builder.getStringAttr(rank));
  }]>];
  let hasVerifier = 1;
}

def DefaultOp : AttnOp<"default", [RecursiveMemoryEffects, SingleBlock, AllTypesMatch<["argument", "result"]>]> {
  let summary = "a scalar argument, or the value of the region where the caller gives none (R5)";
  let description = [{ Constraints: default_c1 the operand is a scalar argument of the kernel; default_c2 its type is yielded. }];
  let arguments = (ins Scalar:$argument);
  let results = (outs Scalar:$result);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "$argument attr-dict-with-keyword `:` type($result) $body";
  let hasVerifier = 1;
  let hasRegionVerifier = 1;
}

def RequireOp : AttnOp<"require", [SingleBlock]> {
  let summary = "a precondition on extents and scalars, checked at launch (R4)";
  let description = [{ Constraint require_c1: one i1 is yielded. `text` is the condition as the spec writes it. }];
  let arguments = (ins StrAttr:$text);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "$text attr-dict-with-keyword $body";
  let hasRegionVerifier = 1;
}

def GroupOp : AttnOp<"group", [RecursiveMemoryEffects, SingleBlock]> {
  let summary = "one fused group: what becomes one kernel of the target";
  let description = [{
    Captures what it reads. Constraint group_c1: yields its results. `tiling`, set by attn-select-tiling, says how it is cut.
  }];
  let arguments = (ins OptionalAttr<DictionaryAttr>:$tiling);
  let results = (outs Variadic<RankedTensor>:$results);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "(`tiling` $tiling^)? attr-dict-with-keyword `->` `(` type($results) `)` $body";
  let hasRegionVerifier = 1;
}

def YieldOp : AttnOp<"yield", [Pure, Terminator, ReturnLike]> {
  let summary = "hands values to the enclosing op";
  let arguments = (ins Variadic<AnyType>:$values);
  let assemblyFormat = "($values^ `:` type($values))? attr-dict";
}

//===-- Einsums -----------------------------------------------------------------------------------------------------===//

def EinsumOp : AttnOp<"einsum", [RecursiveMemoryEffects, RecursivelySpeculatable, AttrSizedOperandSegments,
    DeclareOpInterfaceMethods<OpAsmOpInterface, ["getAsmResultNames"]>]> {
  let summary = "one extended Einsum: map, then reduce";
  let description = [{
    ```mlir
    %S = attn.einsum [b, h, p, m] symbols(G = %G, H = %H) = sum [e]
           ins(%q = %Q[b, h, p, e] : tensor<...>, %k = %K[b, (h * G) floordiv H, m, e] : tensor<...>)
           points(%ip = p, %im = m)
           where { ...  attn.yield %c : i1 } map { ...  attn.yield %x : f32 } : tensor<?x?x?x?xf32, #attn.ranks<b, h, p, m>>
    ```
    `iterators` are ranks of the kernel: first those of the result, in its order, then the reduced ones. Operands are read
    through affine maps (semi-affine: products with and quotients by symbols) over the iterators, the gathers and the symbols.
    `gathers(t = 0)` makes the element of operand 0, an integer tensor, an index `t` that maps of later operands may use.

    Both regions take the operands' elements, in the tensors' element types, then the index values named in `points`; they
    capture scalars and extents. `where` yields conjuncts, tested from left to right: one that depends on no reduced iterator
    removes the result point, the others filter the reduction (R8). An operand without a value at a point removes it in the
    same way, condition by condition (R11, R12). Elements are read lazily. `map` yields a value of the result's element type,
    which is the type that accumulates. `acc` starts the reduction in place of the reducer's identity. `else` gives removed
    result points a value (R10).

    Constraints: einsum_c1 iterators are distinct ranks of the kernel; einsum_c2 the result's ranks are the first iterators;
    einsum_c3 a map has a dimension for each iterator and gather, a symbol for each symbol operand, a result for each rank of
    its operand; einsum_c4 a gather names an integer operand, and maps use only gathers of earlier operands; einsum_c5
    a reducer stands where there is a reduced iterator, and only there, and takes the element type; einsum_c6 regions take
    the operands' elements, then an index for each point; einsum_c7 `where` yields i1s; einsum_c8 `map` yields the result's
    element type; einsum_c9 `acc` has the result's type and needs a reducer with a step; einsum_c10 `else` has the result's
    element type.
  }];
  let arguments = (ins Variadic<RankedTensor>:$inputs, Variadic<Index>:$symbols, Optional<RankedTensor>:$acc,
                       StrArrayAttr:$iterators, AffineMapArrayAttr:$maps, DenseI64ArrayAttr:$gathers,
                       DenseI64ArrayAttr:$points, OptionalAttr<ReducerAttr>:$reducer, OptionalAttr<TypedAttrInterface>:$otherwise,
                       OptionalAttr<StrAttr>:$name);
  let results = (outs RankedTensor:$result);
  let regions = (region AnyRegion:$where, SizedRegion<1>:$map);
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
  let hasRegionVerifier = 1;
  let hasCanonicalizer = 1;
  let skipDefaultBuilders = 1;
  let builders = [
    // A null `where` means that no point is removed.
    OpBuilder<(ins "const EinsumSpec &":$spec,
                   "::llvm::function_ref<void(::mlir::OpBuilder &, ::mlir::Location, ::mlir::ValueRange)>":$where,
                   "::llvm::function_ref<void(::mlir::OpBuilder &, ::mlir::Location, ::mlir::ValueRange)>":$map)>];
  let extraClassDeclaration = [{
    ::mlir::RankedTensorType getType() { return ::llvm::cast<::mlir::RankedTensorType>(getResult().getType()); }
    unsigned getNumParallel() { return getType().getRank(); }
    unsigned getNumIterators() { return getIterators().size(); }
    ::llvm::StringRef getIterator(unsigned i);
    ::llvm::SmallVector<::llvm::StringRef> getIteratorNames();
    ::mlir::AffineMap getIndexMap(unsigned input);
    /// Iterators that the indices of `input` use, also through gathers, as bits.
    ::llvm::SmallBitVector getIteratorsOf(unsigned input);
    /// The body arguments that stand for points follow those of the operands.
    ::mlir::Block &getMapBody() { return getMap().front(); }
    bool hasWhere() { return !getWhere().empty(); }
    ::mlir::Block &getWhereBody() { return getWhere().front(); }
    /// Iterators on which a value of a region of this op depends, through the operands' elements and the points, as bits.
    ::llvm::SmallBitVector getIteratorsOf(::mlir::Value scalar);
    /// The scalar that `map` yields.
    ::mlir::Value getMapped() { return getMapBody().getTerminator()->getOperand(0); }
    /// The conjuncts that `where` yields.
    ::mlir::OperandRange getConjuncts();
    /// A copy of everything that defines this op but for the regions.
    EinsumSpec getSpec();
  }];
}

def StreamOp : AttnOp<"stream", [RecursiveMemoryEffects]> {
  let summary = "the running form of reductions over a rank: state, step, merge, finalisation";
  let description = [{
    ```mlir
    %O = attn.stream over ["m"] identities [0xFF800000 : f32, 0.0 : f32] step {
    ^bb0(%x: tensor<..>, %d: tensor<..>):
      ...
      attn.yield %x1, %d1 : tensor<..>, tensor<..>
    } merge {
    ^bb0(%x: tensor<..>, %d: tensor<..>, %x2: tensor<..>, %d2: tensor<..>):
      ...
    } final {
    ^bb0(%x: tensor<..>, %d: tensor<..>):
      ...
    } : tensor<..>
    ```
    In `step` the streamed ranks range over some chunk of their points; Einsums in it that iterate them see only the chunk, and
    tensors made there carry it. `step` yields the state after the chunk; `merge` takes two states and yields one; `final`
    takes the state and yields the results. The state before the first chunk is filled with `identities`. Regions capture what
    they read. `route`, set by route-infer, is the set of points that can contribute.

    Constraints (waist.md S1-S7 are what attn-one-pass guarantees; these are checked): stream_c1 an identity a state, of its
    element type; stream_c2 `step` and `merge` yield the state types, `merge` takes two states, `final` one; stream_c3 `final`
    yields the result types; stream_c4 no state carries a streamed rank.
  }];
  let arguments = (ins Optional<AnyType>:$route, StrArrayAttr:$over, ArrayAttr:$identities);
  let results = (outs Variadic<RankedTensor>:$results);
  let regions = (region SizedRegion<1>:$step, SizedRegion<1>:$merge, SizedRegion<1>:$finalize);
  let assemblyFormat = [{
    `over` $over (`route` $route^ `:` type($route))? `identities` $identities `step` $step `merge` $merge `final` $finalize
    attr-dict-with-keyword `:` type($results)
  }];
  let hasRegionVerifier = 1;
  let skipDefaultBuilders = 1;
  let builders = [
    // Makes the three regions with their arguments; the caller fills them and ends each with attn.yield.
    OpBuilder<(ins "::mlir::TypeRange":$results, "::llvm::ArrayRef<::llvm::StringRef>":$over, "::mlir::TypeRange":$state,
                   "::llvm::ArrayRef<::mlir::Attribute>":$identities)>];
  let extraClassDeclaration = [{
    unsigned getNumState() { return getIdentities().size(); }
    ::mlir::TypeRange getStateTypes() { return getStep().getArgumentTypes(); }
    bool isOver(::llvm::StringRef rank);
  }];
}

//===-- several equations of one tensor -----------------------------------------------------------------------------===//

def TensorUnionOp : AttnOp<"union", [Pure, AttrSizedOperandSegments, SameOperandsAndResultType,
    DeclareOpInterfaceMethods<OpAsmOpInterface, ["getAsmResultNames"]>]> {
  let summary = "a tensor that several equations write, each at points of its own (R24)";
  let description = [{
    ```mlir
    %K = attn.union %a, %b : tensor<?x?xf32, #attn.ranks<j, e>>
    %C = attn.union %written else %old : tensor<?x?xf32, #attn.ranks<m, e>>
    ```
    A point has the value of the part that has one there. Two parts with a value at one point are an error: the evaluator
    finds it, the compiler takes only what is proved disjoint. Where no part has a value, `else` gives its own (R10, and
    what an `inout` tensor keeps); without it the point is absent, by these conditions: for each choice of one condition a
    part, that one of the chosen holds. So a condition that all parts have is one of the union (R12).

    Constraint union_c1: parts, `else` and result have one type.
  }];
  let arguments = (ins Variadic<RankedTensor>:$parts, Optional<RankedTensor>:$otherwise, OptionalAttr<StrAttr>:$name);
  let results = (outs RankedTensor:$result);
  let assemblyFormat = "$parts (`else` $otherwise^)? attr-dict-with-keyword `:` type($result)";
  let extraClassDeclaration = [{
    ::mlir::RankedTensorType getType() { return ::llvm::cast<::mlir::RankedTensorType>(getResult().getType()); }
  }];
}

def ScatterOp : AttnOp<"scatter", [Pure, DeclareOpInterfaceMethods<OpAsmOpInterface, ["getAsmResultNames"]>]> {
  let summary = "a tensor written at computed positions (R24)";
  let description = [{
    ```mlir
    %C = attn.scatter %kn at ["b", 0, "e"] positions(%pos) : (tensor<.., #attn.ranks<b, p, e>>, tensor<?x?xi64, #attn.ranks<b, p>>)
           -> tensor<.., #attn.ranks<b, m, e>>
    ```
    Each dimension of the result is indexed by a rank of the values or by the element of an integer tensor over ranks of the
    values. Points that nothing writes are absent; a value that is absent, or whose position is, writes nothing. A position
    outside, and two values for one point, are errors. `margins` are as for attn.iterate: a position may lie in them.

    Constraints: scatter_c1 `at` has an entry for each rank of the result, a rank of the values or the number of an operand
    of `positions`; scatter_c2 every rank of the values stands in `at` or in a position; scatter_c3 positions are integer
    tensors over ranks of the values; scatter_c4 the element type stays; scatter_c5 two margins a dimension, none negative.
  }];
  let arguments = (ins RankedTensor:$values, Variadic<RankedTensor>:$positions, ArrayAttr:$at,
                       OptionalAttr<DenseI64ArrayAttr>:$margins, OptionalAttr<StrAttr>:$name);
  let results = (outs RankedTensor:$result);
  let assemblyFormat = [{
    $values `at` $at (`positions` `(` $positions^ `)`)? (`margins` $margins^)? attr-dict-with-keyword `:`
    functional-type(operands, results)
  }];
  let extraClassDeclaration = [{
    ::mlir::RankedTensorType getType() { return ::llvm::cast<::mlir::RankedTensorType>(getResult().getType()); }
  }];
  let hasVerifier = 1;
}

def IterateOp : AttnOp<"iterate", [RecursiveMemoryEffects, SingleBlock,
    DeclareOpInterfaceMethods<OpAsmOpInterface, ["getAsmResultNames"]>]> {
  let summary = "tensors that read earlier steps of one rank (R22, R23)";
  let description = [{
    ```mlir
    %H = attn.iterate over "t" starts(%h0) of [0] margins [array<i64: 0, 0, 1, 0>] {
    ^bb0(%earlier: tensor<?x?xf32, #attn.ranks<b, t>>):
      %h = attn.einsum [b, t] = ins(%x = %earlier[b, t - 1] : .., %u = %U[b, t] : ..) ...
      attn.yield %h : tensor<?x?xf32, #attn.ranks<b, t>>
    } : tensor<?x?xf32, #attn.ranks<b, t>>
    ```
    The region runs once for each point of the rank, upwards, or with `down` downwards. In it the rank has this one point:
    Einsums that iterate it see the step only, and tensors made there carry it. An argument holds what a state is at earlier
    steps, and outside the rank what `starts` gives, else 0; the yielded tensors are this step of the states.

    `margins`: for each state, how many points it has before and behind each of its dimensions. What reads a state, or the
    result, may read them. Iterations over other ranks nest.

    Constraints: iterate_c1 the kernel has the rank; iterate_c2 the region takes and yields the types of the results, all with
    the rank; iterate_c3 a start has the type of its state, and a state one start at most; iterate_c4 two margins a dimension
    of a state, none negative.
  }];
  let arguments = (ins StrAttr:$over, UnitAttr:$down, Variadic<RankedTensor>:$starts, DefaultValuedAttr<DenseI64ArrayAttr, "{}">:$started,
                       TypedArrayAttrBase<DenseI64ArrayAttr, "margins">:$margins, OptionalAttr<StrArrayAttr>:$names);
  let results = (outs Variadic<RankedTensor>:$results);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = [{
    `over` $over (`down` $down^)? (`starts` `(` $starts^ `:` type($starts) `)` `of` $started)? `margins` $margins $body
    attr-dict-with-keyword `:` type($results)
  }];
  let hasVerifier = 1;
  let hasRegionVerifier = 1;
  let extraClassDeclaration = [{
    /// Points before and behind dimension `dim` of a state.
    std::pair<int64_t, int64_t> getMargin(unsigned state, unsigned dim);
    /// What the spec calls a state; empty where nothing says it.
    ::llvm::StringRef getStateName(unsigned state);
  }];
}

//===-- scalar ops for what arith cannot say ------------------------------------------------------------------------===//

class AttnFloatOp<string mnemonic> : AttnOp<mnemonic, [Pure, SameOperandsAndResultType, Elementwise, Vectorizable, Tensorizable, Scalarizable]> {
  let arguments = (ins AnyFloat:$lhs, AnyFloat:$rhs);
  let results = (outs AnyFloat:$result);
  let assemblyFormat = "$lhs `,` $rhs attr-dict `:` type($result)";
}
class AttnIntegerOp<string mnemonic> : AttnOp<mnemonic, [Pure, SameOperandsAndResultType, Elementwise, Vectorizable, Tensorizable, Scalarizable]> {
  let arguments = (ins SignlessIntegerLike:$lhs, SignlessIntegerLike:$rhs);
  let results = (outs SignlessIntegerLike:$result);
  let assemblyFormat = "$lhs `,` $rhs attr-dict `:` type($result)";
}

def DivOp : AttnFloatOp<"div"> {
  let summary = "x / y, where 0 / 0 = 0 (R13)";
  let description = [{ Makes deferring a division exact. Elsewhere IEEE. `arith` has folders that make 0 / 0 NaN, hence an op. }];
}
def SubOp : AttnFloatOp<"sub"> {
  let summary = "x - y, where -inf - -inf = -inf (R13)";
  let description = [{ Used where y is the value of a max or logsumexp: a score of -inf weighs 0. Elsewhere IEEE. }];
}
def IDivOp : AttnIntegerOp<"idiv"> {
  let summary = "floor division, where x / 0 = 0 (R15)";
}
def IModOp : AttnIntegerOp<"imod"> {
  let summary = "remainder of floor division, where x % 0 = 0 (R15)";
}

include "dialects/attn/Sets.td"
#endif

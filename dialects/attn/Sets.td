// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Selections and what is asked of sets (R20); included by Ops.td.
#ifndef ATTN_SETS_TD
#define ATTN_SETS_TD

def SelectOp : AttnOp<"select", [Pure, AttrSizedOperandSegments, DeclareOpInterfaceMethods<OpAsmOpInterface, ["getAsmResultNames"]>]> {
  let summary = "for each point of the other ranks, the set of points of `over` that a selection picks";
  let description = [{
    ```mlir
    %Sel = attn.select "topk" ["c"] of (%R : tensor<?x?xf32, #attn.ranks<p, c>>) by %k : index : tensor<?x!attn.set<1>, #attn.ranks<p>>
    ```
    `topk`: the `by` best points; `topp`: the shortest best-first prefix whose weights, divided by the sum of all, reach `by`,
    all points where `by` is at least 1; `above`: the points with more than `by`, best first; `argmax`: the best point, an i64, -1
    if there is none; `set`: the values themselves as members, one component an operand, in the order of `over`, where equal
    members are one and those with a negative component are left out. Best is the largest value, of equal ones the first in the
    order of `over`; NaN is never selected. A point at which a value is absent is not there. Conditions that mention a rank of
    `over` are consumed, the others stay on the result (R12).

    `by` is a scalar or a tensor over some of the result's ranks.

    Constraints: select_c1 a known selection; select_c2 the values have one list of ranks, and only `set` takes several;
    select_c3 `over` names distinct ranks of the values, for argmax one; select_c4 the result has the other ranks, in order, and sets
    with a component for each rank of `over` (`set`: each value) or, for argmax, i64s; select_c5 `by` stands with topk, topp and above,
    and is an integer for topk; select_c6 the ranks of a tensor `by` are ranks of the result; select_c7 `set` takes integers.
  }];
  let arguments = (ins Variadic<RankedTensor>:$values, Optional<AnyTypeOf<[Scalar, RankedTensor]>>:$parameter,
                       StrAttr:$kind, StrArrayAttr:$over, OptionalAttr<StrAttr>:$name);
  let results = (outs RankedTensor:$result);
  let assemblyFormat = [{
    $kind $over `of` `(` $values `:` type($values) `)` (`by` $parameter^ `:` type($parameter))? attr-dict `:` type($result)
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    ::mlir::RankedTensorType getType() { return ::llvm::cast<::mlir::RankedTensorType>(getResult().getType()); }
    /// One position, not a set of them.
    bool yieldsPosition() { return !::llvm::isa<IndexSetType>(getType().getElementType()); }
  }];
}

def ContainsOp : AttnOp<"contains", [Pure]> {
  let summary = "whether a set has a member";
  let description = [{ Constraint contains_c1: an index for each component of the set's members. }];
  let arguments = (ins IndexSetType:$set, Variadic<Index>:$member);
  let results = (outs I1:$result);
  let assemblyFormat = "$set `[` $member `]` attr-dict `:` type($set)";
  let hasVerifier = 1;
}

def MemberOp : AttnOp<"member", [Pure]> {
  let summary = "a component of the member at a place of a set; absent where the set has no such place";
  let description = [{ Constraint member_c1: the members have that component. }];
  let arguments = (ins IndexSetType:$set, Index:$place, DefaultValuedAttr<I64Attr, "0">:$component);
  let results = (outs Index:$result);
  let assemblyFormat = "$set `at` $place attr-dict `:` type($set)";
  let hasVerifier = 1;
}

def PlaceOp : AttnOp<"place", [Pure]> {
  let summary = "the place of a member in a set; absent where it is none";
  let description = [{ Constraint place_c1: an index for each component of the set's members. }];
  let arguments = (ins IndexSetType:$set, Variadic<Index>:$member);
  let results = (outs Index:$result);
  let assemblyFormat = "$set `of` `[` $member `]` attr-dict `:` type($set)";
  let hasVerifier = 1;
}

def SizeOp : AttnOp<"size", [Pure]> {
  let summary = "how many members a set has";
  let arguments = (ins IndexSetType:$set);
  let results = (outs Index:$result);
  let assemblyFormat = "$set attr-dict `:` type($set)";
}

//===-- other scalars -----------------------------------------------------------------------------------------------===//

def OtherwiseOp : AttnOp<"otherwise", [Pure, AllTypesMatch<["value", "other", "result"]>]> {
  let summary = "a value, or another one where it is absent (R10); the other is read only there";
  let arguments = (ins AnyType:$value, AnyType:$other);
  let results = (outs AnyType:$result);
  let assemblyFormat = "$value `,` $other attr-dict `:` type($result)";
}

def RandOp : AttnOp<"rand", [Pure]> {
  let summary = "a uniform f32 in [0, 1), a function of seed and indices";
  let description = [{
    Philox-4x32-10 with the low and the high word of the seed as key and the low words of the indices as counter, 0 for missing
    ones; the upper 24 bits of the first word, times 2^-24. Constraint rand_c1: at most four indices.
  }];
  let arguments = (ins Index:$seed, Variadic<Index>:$indices);
  let results = (outs F32:$result);
  let assemblyFormat = "$seed `[` $indices `]` attr-dict";
  let hasVerifier = 1;
}

def FromU8Op : AttnOp<"from_u8", [Pure]> {
  let summary = "an unsigned byte as an index";
  let arguments = (ins UI8:$value);
  let results = (outs Index:$result);
  let assemblyFormat = "$value attr-dict";
}

def ToU8Op : AttnOp<"to_u8", [Pure]> {
  let summary = "the lowest byte of an index as an unsigned byte";
  let arguments = (ins Index:$value);
  let results = (outs UI8:$result);
  let assemblyFormat = "$value attr-dict";
}
#endif

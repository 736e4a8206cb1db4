// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
def AttnNormalize : Pass<"attn-normalize", "::attn::KernelOp"> {
  let summary = "equal Einsums become one; what nobody reads goes";
  let description = [{
    Reads the kernel as terms in the normal form of the cascade algebra: affine sums, products of powers, at most one
    exponential in a product, reductions with canonical bound indices. Einsums that are one term under the same conditions are one
    value, whatever the spelling of their regions and the names of their reduced ranks' uses. The regions themselves are left as
    written: each later cascade pass reads them as terms again. Example: test/passes/attn/normalize.mlir.

    A construct that only the evaluator runs (recurrences, unions that are not proved disjoint, computed positions on the left,
    inout arguments) is refused here with one error at its place in the spec.

    After this pass no two Einsums of a kernel compute the same term, each is read, and every scalar operation is known to the
    algebra; the kernel holds Einsums and scalars only.
  }];
}

def AttnReassociate : Pass<"attn-reassociate", "::attn::KernelOp"> {
  let summary = "contractions of contractions in the cheapest order; what is worth storing is marked";
  let description = [{
    *Orders.* An Einsum whose map is a product that distributes over its reducer, (sum, *), (max, +), (min, +) or (any, and), and
    whose operands are such Einsums in turn, is one reduction of several factors, which may be multiplied pairwise in any order; a
    rank is reduced as soon as no other factor has it. The order with the fewest points over all steps replaces the one as written
    if it saves a quarter: C[m,c] Wk[e,c] moves from the keys to the queries where there are few of these, k v is formed before
    q (k v) where there are many. Not through an inner Einsum with conditions, and a condition's ranks must reach the last step.

    *Storage.* An Einsum with a reducer is marked `attn.stored` if every reduction that reads it (through maps too) would compute it
    again in each block of a rank that it lacks, at a quarter or more of the reader's own points in such a block, and it is no larger
    than all that the kernel reads and writes, has no absent points and is no summary for which attn-one-pass makes a stream anyway:
    projected keys, latents that queries read. A stored tensor is a result of the cascade for the passes that follow.

    Costs are taken at the extents that are bound; others are assumed: 128 for a rank that is the last dimension of at least as many
    tensors of the kernel as not, 2048 for the rest. A remark says what was chosen and what was assumed.
    Example: test/passes/attn/reassociate.mlir.

    After this pass no order of a chain of contractions that the pass can read is cheaper by more than a quarter.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect"];
}

def AttnOnePass : Pass<"attn-one-pass", "::attn::KernelOp"> {
  let summary = "reductions become streams in as few passes as the algebra allows";
  let description = [{
    The kernel is read as terms, derived (passes/attn/algebra/Derivation.cpp) and written again: `attn.stream` with states, their
    corrections, merge and finalisation as Einsums, the plain Einsums that feed it before it. Exponentials are exp2; log2(e) is
    folded into the scale of the contraction below (onto an f32 operand without the streamed rank, if there is one). Guards for
    R13 are written out. Every accumulator's step and merge are made from one formula (algebra::changeOfReference).

    Which ranks are streamed. A *closed* reduction over rank r is one whose free ranks occur together, pairwise, in a tensor argument,
    a result or a stored tensor (so its value is no larger than what the kernel reads or writes). r is streamed if such a reduction exists and the cascade as written needs
    two passes over r or more, or an outermost reduction over r is not a plain contraction (a sum of products of tensors as they are
    read). Ranks that one closed reduction binds together are streamed together, outer first. Other reductions, the contraction
    over a head dim among them, stay Einsums inside a step or before it. Ranks are taken from the inside out: a stream whose states read a
    reduction over another streamed rank waits for that one's stream. A result whose ranks are those of the states it reads is finished in
    their stream; any other (the states lack a rank of it, or have one of their own) is an Einsum that reads the states as results.

    A selected position (argmax) is a state beside the largest value that is no NaN: the lowest position in the chunk whose value is
    the new largest, an older one where that is the old largest.

    A reduction inside the cascade that several streams need (scores) is computed by each, or marked `attn.stored` and computed
    once, by the formula in passes/attn/SharedReductions.cpp; a remark at it says which and why. To count, a copy of the kernel is
    rewritten first.

    A reduction that no rule can join to the pass of the summaries it reads is a stream of its own, after theirs; a remark at the operation that broke
    streaming says why. Example: test/passes/attn/one-pass.mlir.

    After this pass every reduction over a streamed rank is in an `attn.stream` that holds everything S1 to S7 of waist.md ask for; two
    streams over one rank follow each other only where a remark says why.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::math::MathDialect"];
}

def AttnFuse : Pass<"attn-fuse", "::attn::KernelOp"> {
  let summary = "streams and the Einsums around them become groups";
  let description = [{
    Each group is one kernel of the target. Streams over one rank that do not read each other are joined into one stream. An Einsum
    that only streams of one group read moves into it; one that several groups read is computed again in each (this pass always recomputes
    and never buffers), but one that is read at computed positions is a table: a group of its own. Einsums between groups and results make a
    group of their own. Example: test/passes/attn/fuse.mlir.

    After this pass every Einsum and stream of a kernel is in an `attn.group`, and the groups are in an order in which each reads results of
    earlier ones only.
  }];
}

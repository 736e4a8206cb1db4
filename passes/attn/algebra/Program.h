// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef ATTNC_PASSES_ATTN_ALGEBRA_PROGRAM_H
#define ATTNC_PASSES_ATTN_ALGEBRA_PROGRAM_H
#include "passes/attn/algebra/Derivation.h"

namespace attn::algebra {

/// A tensor that the cascade yields: one term for each point of `dims`, present where the conditions hold.
struct Value {
  std::string name;
  llvm::SmallVector<TermRef> dims; // free indices
  TermRef term;
  llvm::SmallVector<TermRef> conditions;
};

/// One addend of an accumulator moved to new references: coefficient * prod d_i^powers[i] * lower, all of it times
/// exp(d_i) for each reference of kind Max, where d_i = old reference - new reference.
/// The same formula serves the step and the merge, so that they cannot disagree.
struct Correction {
  Number coefficient;
  llvm::SmallVector<unsigned> powers;
  TermRef lower; // an accumulator of the same stream
};
/// The change of reference of an accumulator; one trivial addend for a plain reduction.
/// For max and min accumulators an accumulator at its identity stays there.
llvm::SmallVector<Correction> changeOfReference(TermContext &context, TermRef accumulator);

struct ProgramOutput {
  Value value;                  ///< over accumulators
  TermRef whereAssumptionFails; ///< right in rows where one of the program's assumptions is 0
};

/// What a cascade becomes: streams over the fibre, one after the other, and outputs over what they accumulate.
/// An accumulator is a Reduce (state: its reducer's; mean: count and mean; argmax: the first position of the best
/// value, which is an accumulator before it: a position whose value is no longer the best is lost) or a Relative
/// (state: one value, moved by changeOfReference when its references move). A stream's state is a commutative monoid:
/// new references, move both sides, combine by the reducer.
struct Program {
  Fibre fibre;
  Passes written, derived;
  llvm::SmallVector<llvm::SmallVector<TermRef>> streams; ///< accumulators of each stream, references before dependents
  llvm::SmallVector<ProgramOutput> outputs;
  /// Terms that `value` took for nonzero; where one is 0, whereAssumptionFails holds.
  llvm::SmallVector<TermRef> assumptions;
  llvm::SmallVector<Step> log, remarks;

  void print(llvm::raw_ostream &os) const;
};

Program deriveProgram(TermContext &context, llvm::ArrayRef<Value> values, const Fibre &fibre,
                      DerivationOptions options = {});

} // namespace attn::algebra
#endif

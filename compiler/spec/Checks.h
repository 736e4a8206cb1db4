// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The checks of analyze(), each a question about a whole kernel. They run in this order; each may rely on the earlier
// ones, but not on the absence of errors: what could not be understood is null and skipped.
#pragma once
#include "compiler/spec/Ast.h"
#include "compiler/spec/Terms.h"
#include "llvm/ADT/StringMap.h"

namespace attn::spec {

using DefTable = llvm::StringMap<const DefSyntax *>;

/// R17: names in a def, results without equations, defs that reach themselves. Needs no use of the def.
void checkDefs(llvm::ArrayRef<DefSyntax> defs, const DefTable &table, Diagnostics &diagnostics);

/// R2: gives every dimension, left index and bound index its extent; adds the requirements that make two sources of one
/// extent agree.
void checkExtents(Kernel &kernel, TermBuilder &build, Diagnostics &diagnostics);

/// R3: writes the predicates of ragged ranks out; reports those that no argument has.
void applyRaggedRanks(Kernel &kernel, TermBuilder &build, Diagnostics &diagnostics);

/// R11, R15, R16: what each term is.
void checkTypes(Kernel &kernel, Diagnostics &diagnostics);

/// R22, R23: finds the loops and marks their tensors as iterative; reports cycles that no rank orders.
void checkCycles(Kernel &kernel, Diagnostics &diagnostics);
/// To which side a read in a loop is shifted along its rank (-1, 1), 0 where it is not; nothing if that is not known.
std::optional<int> shiftAlong(const Equation &equation, const Term *read, llvm::StringRef rank);
/// By which constant `position` differs from `index`.
std::optional<int64_t> constantShift(const Term *position, llvm::StringRef index);

/// R13, R14, R24: prefix sums subtracted, reads provably outside, points written twice.
void checkPoints(Kernel &kernel, Diagnostics &diagnostics);

/// R24: equations of one tensor that are proved to write disjoint points become one that selects. Of a kernel without
/// errors; changes what the tensors are no further.
void joinUnions(Kernel &kernel, TermBuilder &build);

} // namespace attn::spec

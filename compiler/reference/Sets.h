// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Sets of the reference evaluator. An element of a tensor of sets is the number of an interned set: equal sets have one
// number, 0 is the empty set, and the number is copied about like an integer.
#pragma once
#include "compiler/reference/Tensor.h"

namespace attn::reference {

/// The number of the set with these members, each of `arity` components that stand together. Of equal members the first
/// counts; those with a negative component are left out (R20).
int64_t internSet(llvm::ArrayRef<int64_t> members, unsigned arity);
/// All components of all members, in the order of their places.
llvm::ArrayRef<int64_t> membersOf(int64_t set);
/// Absent where the set has no such member.
std::optional<int64_t> placeOf(int64_t set, llvm::ArrayRef<int64_t> member);

/// Components of a member of a tensor's sets.
unsigned arityOf(const Tensor &sets);
/// Members of the largest set at a present point.
int64_t largestSet(const Tensor &sets);

/// Sets as kernels and files hold them: an i32 list of `capacity` members, padded with -1, behind the tensor's
/// dimensions; the components of tuples innermost. Absent points hold empty sets. No set has more members.
Tensor listOf(const Tensor &sets, int64_t capacity);
/// The inverse; `type` is the type of the sets.
Tensor setsOf(const Tensor &list, mlir::Type type);

} // namespace attn::reference

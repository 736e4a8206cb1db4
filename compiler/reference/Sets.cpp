// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/reference/Sets.h"
#include "dialects/attn/Attn.h"
#include <mutex>
#include <set>

using namespace mlir;
using namespace attn;
using namespace attn::reference;

using Members = std::vector<int64_t>;

/// Interned sets stay where they are, so that reading one takes no lock.
static int64_t keep(Members members) {
  static std::set<Members> known;
  static std::mutex mutex;
  std::lock_guard<std::mutex> guard(mutex);
  return reinterpret_cast<int64_t>(&*known.insert(std::move(members)).first);
}

static std::optional<int64_t> findMember(ArrayRef<int64_t> members, ArrayRef<int64_t> member) {
  for (size_t at = 0; at + member.size() <= members.size(); at += member.size())
    if (members.slice(at, member.size()) == member)
      return at / member.size();
  return std::nullopt;
}

int64_t attn::reference::internSet(ArrayRef<int64_t> members, unsigned arity) {
  Members kept;
  for (size_t at = 0; at + arity <= members.size(); at += arity) {
    ArrayRef<int64_t> member = members.slice(at, arity);
    if (llvm::all_of(member, [](int64_t component) { return component >= 0; }) && !findMember(kept, member))
      kept.insert(kept.end(), member.begin(), member.end());
  }
  return kept.empty() ? 0 : keep(std::move(kept));
}

ArrayRef<int64_t> attn::reference::membersOf(int64_t set) {
  return set ? ArrayRef<int64_t>(*reinterpret_cast<const Members *>(set)) : ArrayRef<int64_t>();
}

std::optional<int64_t> attn::reference::placeOf(int64_t set, ArrayRef<int64_t> member) {
  return findMember(membersOf(set), member);
}

unsigned attn::reference::arityOf(const Tensor &sets) { return cast<IndexSetType>(sets.elementType).getArity(); }

int64_t attn::reference::largestSet(const Tensor &sets) {
  size_t largest = 0;
  for (int64_t i = 0; i < sets.size(); ++i)
    if (sets.isPresent(i))
      largest = std::max(largest, membersOf(sets.integers[i]).size());
  return largest / arityOf(sets);
}

Tensor attn::reference::listOf(const Tensor &sets, int64_t capacity) {
  unsigned arity = arityOf(sets);
  SmallVector<int64_t> shape(sets.shape);
  shape.push_back(capacity);
  if (arity > 1)
    shape.push_back(arity);
  Tensor list(IntegerType::get(sets.elementType.getContext(), 32), shape);
  std::fill(list.integers.begin(), list.integers.end(), -1);
  for (int64_t i = 0; i < sets.size(); ++i) {
    if (!sets.isPresent(i))
      continue;
    ArrayRef<int64_t> members = membersOf(sets.integers[i]);
    assert(int64_t(members.size()) <= capacity * arity && "the capacity was checked");
    llvm::copy(members, list.integers.begin() + i * capacity * arity);
  }
  return list;
}

Tensor attn::reference::setsOf(const Tensor &list, Type type) {
  unsigned arity = cast<IndexSetType>(type).getArity(), inner = arity > 1 ? 2 : 1;
  ArrayRef<int64_t> shape = ArrayRef(list.shape).drop_back(inner);
  int64_t length = list.shape[shape.size()] * arity;
  Tensor sets(type, shape);
  for (int64_t i = 0; i < sets.size(); ++i)
    sets.integers[i] = internSet(ArrayRef(list.integers).slice(i * length, length), arity);
  return sets;
}

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// R21: scores that are closer than their errors may come in either order, and so may what is selected by them. Whatever
// is further apart must be as the oracle has it, and so must exact ties.
#include "compiler/reference/Compare.h"
#include "compiler/reference/Select.h"
#include "llvm/ADT/SmallBitVector.h"
#include <cmath>

using namespace mlir;
using namespace attn::reference;

namespace {

class Judge {
public:
  Judge(const SelectionRow &row, ArrayRef<int64_t> listed) : row(row), listed(listed) {}

  std::optional<std::string> run() {
    if (row.kind == "set")
      return checkExactly();
    for (auto check : {&Judge::findMembers, &Judge::checkCount, &Judge::checkOrder, &Judge::checkRest})
      if (std::optional<std::string> fault = (this->*check)())
        return fault;
    return std::nullopt;
  }

private:
  double score(unsigned i) const {
    return row.isFloat ? row.candidates[i].score.real : double(row.candidates[i].score.integer);
  }
  double margin(unsigned a, unsigned b) const {
    return kTolerance * std::hypot(row.candidates[a].score.error, row.candidates[b].score.error);
  }
  /// Whether `a` may stand before `b`: it is better, nearly as good, or an exact tie with the lower index.
  bool mayPrecede(unsigned a, unsigned b) const {
    double ahead = score(a) - score(b), slack = margin(a, b);
    if (score(a) == score(b)) // infinities too
      return a < b || slack > 0;
    return ahead >= -slack;
  }
  std::string name(unsigned i) const {
    std::string text;
    for (int64_t component : row.candidates[i].index)
      text += (text.empty() ? "" : ",") + std::to_string(component);
    return (row.candidates[i].index.size() > 1 ? "(" + text + ")" : text) + " of score " + std::to_string(score(i));
  }

  std::optional<std::string> checkExactly() {
    SmallVector<int64_t> wanted;
    SmallVector<ArrayRef<int64_t>> seen;
    for (const Candidate &candidate : row.candidates) {
      ArrayRef<int64_t> member(candidate.index);
      bool isNegative = llvm::any_of(member, [](int64_t component) { return component < 0; });
      if (isNegative || llvm::is_contained(seen, member))
        continue;
      seen.push_back(member);
      wanted.append(member.begin(), member.end());
    }
    return ArrayRef<int64_t>(wanted) == listed ? std::nullopt : std::optional<std::string>("other members");
  }

  std::optional<std::string> findMembers() {
    size_t arity = row.candidates.empty() ? 1 : row.candidates[0].index.size();
    isPicked.resize(row.candidates.size());
    for (size_t at = 0; at + arity <= listed.size(); at += arity) {
      ArrayRef<int64_t> member = listed.slice(at, arity);
      auto found = llvm::find_if(row.candidates, [&](const Candidate &each) { return ArrayRef(each.index) == member; });
      if (found == row.candidates.end())
        return "member " + std::to_string(listed[at]) + " is absent or NaN";
      picked.push_back(found - row.candidates.begin());
      if (isPicked[picked.back()])
        return name(picked.back()) + " stands twice";
      isPicked.set(picked.back());
    }
    return std::nullopt;
  }

  std::optional<std::string> checkCount() {
    size_t all = row.candidates.size();
    auto wrong = [&](size_t wanted) -> std::optional<std::string> {
      if (picked.size() == wanted)
        return std::nullopt;
      return std::to_string(picked.size()) + " members, expected " + std::to_string(wanted);
    };
    if (row.kind == "topk")
      return wrong(std::clamp<int64_t>(row.by.integer, 0, all));
    if (row.kind == "argmax")
      return wrong(std::min<size_t>(all, 1));
    return row.kind == "above" ? checkBound() : bound() >= 1 ? wrong(all) : checkPrefix();
  }

  double bound() const { return row.isBoundFloat ? row.by.real : double(row.by.integer); }

  std::optional<std::string> checkBound() {
    for (unsigned i = 0; i < row.candidates.size(); ++i) {
      double slack = kTolerance * std::hypot(row.candidates[i].score.error, row.by.error);
      bool isAbove = score(i) > bound();
      if (isAbove != isPicked[i] && !(std::fabs(score(i) - bound()) <= slack && slack > 0))
        return name(i) + (isAbove ? " is missing" : " is not above the bound");
    }
    return std::nullopt;
  }

  /// The prefix reaches the bound, and does not without its last member, up to the errors of the weights and of their
  /// sum in f32.
  std::optional<std::string> checkPrefix() {
    double total = 0, variance = 0, reached = 0, before = 0;
    for (unsigned i = 0; i < row.candidates.size(); ++i) {
      total += score(i);
      variance += row.candidates[i].score.error * row.candidates[i].score.error;
    }
    for (unsigned i : picked) {
      before = reached;
      reached += score(i);
    }
    auto share = [&](double weight) { return total == 0 ? 0 : weight / total; };
    double slack = kTolerance * std::hypot(share(std::sqrt(variance)), row.by.error);
    slack += row.isFloat ? double(row.candidates.size()) * 0x1p-24 : 0;
    if (picked.size() < row.candidates.size() && share(reached) < bound() - slack)
      return std::to_string(picked.size()) + " members do not reach the bound";
    if (!picked.empty() && (slack > 0 ? share(before) > bound() + slack : share(before) >= bound()))
      return std::to_string(picked.size() - 1) + " members reach the bound already";
    return std::nullopt;
  }

  std::optional<std::string> checkOrder() {
    for (size_t i = 1; i < picked.size(); ++i)
      if (!mayPrecede(picked[i - 1], picked[i]))
        return name(picked[i - 1]) + " stands before " + name(picked[i]);
    return std::nullopt;
  }

  /// Nothing that is left out is better than what is picked.
  std::optional<std::string> checkRest() {
    for (unsigned other = 0; other < row.candidates.size(); ++other)
      for (unsigned i : picked)
        if (!isPicked[other] && !mayPrecede(i, other))
          return name(i) + " is picked, " + name(other) + " is not";
    return std::nullopt;
  }

  const SelectionRow &row;
  ArrayRef<int64_t> listed;
  SmallVector<unsigned> picked;
  llvm::SmallBitVector isPicked;
};

} // namespace

std::optional<std::string> attn::reference::judge(const SelectionRow &row, ArrayRef<int64_t> picked) {
  return Judge(row, picked).run();
}

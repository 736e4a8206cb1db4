// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What counts as work: the contractions as the spec has them (a sum of products of at least two operands), so that a
// kernel that computes something twice gets no credit for it. Of an Einsum whose points a condition removes only those
// that are left count, which the route of its stream tells.
#include "compiler/driver/Work.h"
#include "compiler/driver/HostTensor.h"
#include "passes/attn/ScalarCost.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace attn;
using namespace attn::driver;

/// The map multiplies elements of different operands.
static bool isContraction(EinsumOp op) {
  if (!op.getReducerAttr() || op.getReducerAttr().getName() != "sum")
    return false;
  unsigned numRead = llvm::count_if(op.getMapBody().getArguments().take_front(op.getInputs().size()),
                                    [](Value element) { return !element.use_empty(); });
  return numRead >= 2 &&
         llvm::any_of(op.getMapBody(), [](Operation &each) { return isa<arith::MulFOp, arith::MulIOp>(each); });
}

static std::vector<std::string> rankList(RankedTensorType type) {
  std::vector<std::string> ranks;
  for (StringAttr dimension : rankNames(type))
    for (StringRef rank : factorsOf(dimension.getValue()))
      ranks.push_back(rank.str());
  return ranks;
}

void attn::driver::addTo(std::vector<Monomial> &sum, Monomial term) {
  auto same = llvm::find_if(
      sum, [&](const Monomial &other) { return other.ranks == term.ranks && other.isMasked == term.isMasked; });
  if (same == sum.end())
    sum.push_back(std::move(term));
  else
    same->factor += term.factor;
}

static void addTensor(Type type, std::vector<Monomial> &bytes) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (!tensor)
    return;
  addTo(bytes, {reference::byteWidth(tensor.getElementType()), rankList(tensor), false});
}

Work attn::driver::workOf(KernelOp kernel) {
  Work work;
  llvm::DenseSet<Value> masked; // tensors some of whose points are absent
  kernel.walk([&](EinsumOp op) {
    bool isMasked = op.hasWhere() || llvm::any_of(op.getInputs(), [&](Value input) { return masked.contains(input); });
    if (isMasked && !op.getOtherwiseAttr())
      masked.insert(op.getResult());
    std::vector<std::string> ranks;
    for (StringRef rank : op.getIteratorNames())
      ranks.push_back(rank.str());
    if (int64_t calls = countFunctions(op))
      addTo(work.functions, {calls, ranks, isMasked});
    if (isContraction(op))
      addTo(work.flops, {2, ranks, isMasked});
  });
  for (Type type : kernel.getArgumentTypes())
    addTensor(type, work.bytes);
  for (Type type : kernel.getResultTypes())
    addTensor(type, work.bytes);
  return work;
}

std::string attn::driver::print(ArrayRef<Monomial> sum, ArrayRef<std::string> visibleRanks) {
  std::string text;
  for (const Monomial &term : sum) {
    bool isVisible = term.isMasked && !visibleRanks.empty() && llvm::all_of(visibleRanks, [&](const std::string &rank) {
                       return llvm::is_contained(term.ranks, rank);
                     });
    SmallVector<std::string> factors;
    if (term.factor != 1)
      factors.push_back(std::to_string(term.factor));
    for (const std::string &rank : term.ranks)
      if (!isVisible || !llvm::is_contained(visibleRanks, rank))
        factors.push_back(extentName(rank));
    if (isVisible)
      factors.push_back("visible");
    text += (text.empty() ? "" : " + ") + (factors.empty() ? "1" : llvm::join(factors, "*"));
  }
  return text.empty() ? "0" : text;
}

std::optional<double> attn::driver::evaluate(ArrayRef<Monomial> sum, const RankExtents &extents, const Visits *visits) {
  double total = 0;
  for (const Monomial &term : sum) {
    double value = static_cast<double>(term.factor);
    for (const std::string &rank : term.ranks) {
      auto at = extents.find(rank);
      if (at == extents.end())
        return std::nullopt;
      value *= static_cast<double>(at->second);
    }
    if (term.isMasked && visits &&
        llvm::all_of(visits->ranks, [&](const std::string &rank) { return llvm::is_contained(term.ranks, rank); })) {
      if (!visits->isCounted)
        return std::nullopt;
      if (visits->allPoints)
        value *= static_cast<double>(visits->points) / static_cast<double>(visits->allPoints);
    }
    total += value;
  }
  return total;
}

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/driver/WrittenPasses.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;
using namespace attn;
using namespace attn::driver;

namespace {

/// When a tensor is there: `carries` says that it has a value for each point of the rank, which is there as that point
/// is visited in pass `passes` + 1; else it is there after `passes` passes.
struct Availability {
  bool carries = false;
  unsigned passes = 0;
};

/// The passes over one rank.
class Counter {
public:
  Counter(KernelOp kernel, StringRef rank) : kernel(kernel), rank(rank) {}

  StreamReport count() {
    StreamReport report;
    report.ranks = rank.str();
    report.isDerived = false;
    for (Operation &op : kernel.getBody().getOps()) {
      if (auto einsum = dyn_cast<EinsumOp>(op))
        add(einsum, report);
      else if (auto select = dyn_cast<SelectOp>(op))
        add(select, report);
      else // scalars, recurrences: whatever they read is complete
        for (Value result : op.getResults())
          available[result] = {false, mostOf(op.getOperands())};
    }
    unsigned most = 0;
    for (const SummaryRow &row : report.summaries)
      most = std::max(most, row.pass);
    report.written.halves = 2 * most;
    return report;
  }

private:
  unsigned mostOf(OperandRange values) {
    unsigned most = 0;
    for (Value value : values)
      most = std::max(most, available.lookup(value).passes);
    return most;
  }

  void add(EinsumOp op, StreamReport &report) {
    SmallVector<StringRef> iterators = op.getIteratorNames();
    Availability body;
    SmallVector<Value> operands;
    for (auto [i, input] : llvm::enumerate(op.getInputs())) {
      llvm::SmallBitVector used = op.getIteratorsOf(i);
      body.carries |= llvm::any_of(used.set_bits(), [&](unsigned k) { return iterators[k] == rank; });
      body.passes = std::max(body.passes, available.lookup(input).passes);
      operands.push_back(input);
    }
    auto at = llvm::find(iterators, rank);
    bool hasRank = at != iterators.end();
    body.carries |= hasRank;
    bool reduces = hasRank && at - iterators.begin() >= op.getNumParallel();
    finish(op, op.getResult(), reduces, body, operands, report);
  }

  void add(SelectOp op, StreamReport &report) {
    bool reduces =
        llvm::any_of(op.getOver(), [&](Attribute name) { return cast<StringAttr>(name).getValue() == rank; });
    Availability body;
    SmallVector<Value> operands(op->getOperands());
    for (Value operand : operands) {
      body.carries |= available.lookup(operand).carries;
      body.passes = std::max(body.passes, available.lookup(operand).passes);
    }
    body.carries |= reduces;
    finish(op, op->getResult(0), reduces, body, operands, report);
  }

  void finish(Operation *op, Value result, bool reduces, Availability body, ArrayRef<Value> operands,
              StreamReport &report) {
    if (reduces) {
      body = {false, body.passes + 1};
      summaries[result] = report.summaries.size();
      report.summaries.push_back(summary(op, body.passes, waitsOf(operands, report), report));
    }
    available[result] = body;
    if (!reduces)
      parts[result] = SmallVector<Value>(operands);
  }

  /// The summaries that the operands read, through maps.
  std::vector<unsigned> waitsOf(ArrayRef<Value> operands, const StreamReport &report) {
    std::vector<unsigned> waits;
    SmallVector<Value> open(operands);
    llvm::DenseSet<Value> seen;
    while (!open.empty()) {
      Value value = open.pop_back_val();
      if (!seen.insert(value).second)
        continue;
      if (auto it = summaries.find(value); it != summaries.end())
        waits.push_back(it->second);
      else if (auto it = parts.find(value); it != parts.end())
        llvm::append_range(open, it->second);
    }
    llvm::sort(waits);
    return waits;
  }

  static SummaryRow summary(Operation *op, unsigned pass, std::vector<unsigned> waits, const StreamReport &report) {
    std::string what = isa<SelectOp>(op) ? cast<SelectOp>(op).getKind().str() : "reduction";
    if (auto name = op->getAttrOfType<StringAttr>("name"))
      what = name.getValue().str();
    SmallVector<std::string> names;
    for (unsigned other : waits)
      names.push_back(report.summaries[other].what);
    std::string place;
    if (auto at = op->getLoc()->findInstanceOf<FileLineColLoc>()) {
      auto own = op->getParentOp()->getLoc()->findInstanceOf<FileLineColLoc>();
      bool isKernels = own && own.getFilename() == at.getFilename();
      place = (isKernels ? "line " : at.getFilename().str() + " ") + std::to_string(at.getLine());
    }
    return {pass, what, place, waits.empty() ? "waits for nothing" : "waits for " + llvm::join(names, ", "),
            std::move(waits)};
  }

  KernelOp kernel;
  StringRef rank;
  llvm::DenseMap<Value, Availability> available;
  llvm::DenseMap<Value, unsigned> summaries;       ///< rows of the report
  llvm::DenseMap<Value, SmallVector<Value>> parts; ///< what a map reads
};

} // namespace

std::vector<StreamReport> attn::driver::writtenPasses(KernelOp kernel) {
  llvm::StringSet<> selected;
  kernel.walk([&](SelectOp op) {
    for (Attribute name : op.getOver())
      selected.insert(cast<StringAttr>(name).getValue());
  });
  std::vector<StreamReport> reports;
  for (RankAttr rank : kernel.getRanks().getAsRange<RankAttr>()) {
    StringRef name = rank.getName().getValue();
    StreamReport report = Counter(kernel, name).count();
    if (report.written.whole() > 1 || selected.contains(name))
      reports.push_back(std::move(report));
  }
  return reports;
}

std::vector<std::string> attn::driver::walkedRanks(KernelOp kernel) {
  std::vector<std::string> walked;
  kernel.walk([&](IterateOp op) {
    walked.push_back("rank " + op.getOver().str() + "     walked in order, a step of " + op.getStateName(0).str() +
                     " waits for the one before");
  });
  return walked;
}

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/driver/WrittenPasses.h"
#include "mlir/Transforms/RegionUtils.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/SetVector.h"
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
      else if (auto iterate = dyn_cast<IterateOp>(op); iterate && iterate.getOver() == rank)
        add(iterate, report);
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
      Availability whole = available.lookup(input);
      // At one position of the rank, a computed tensor is read once the traversal is over.
      bool isElsewhere =
          whole.carries && llvm::none_of(used.set_bits(), [&](unsigned k) { return iterators[k] == rank; });
      body.passes = std::max(body.passes, whole.passes + isElsewhere);
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

  /// A step needs what the steps before made, which the same traversal has.
  void add(IterateOp op, StreamReport &report) {
    llvm::SetVector<Value> captured;
    getUsedValuesDefinedAbove(op->getRegions(), captured);
    unsigned most = 0;
    for (Value value : captured)
      most = std::max(most, available.lookup(value).passes);
    std::vector<unsigned> waits = waitsOf(captured.getArrayRef(), report);
    for (auto [i, result] : llvm::enumerate(op->getResults())) {
      SummaryRow row = summary(op, op.getStateName(i), most + 1, waits, report);
      row.why = "each step waits for the one before" + (waits.empty() ? "" : ", " + row.why);
      report.summaries.push_back(std::move(row));
      available[result] = {true, most};
      parts[result] = SmallVector<Value>(captured.getArrayRef());
    }
  }

  void finish(Operation *op, Value result, bool reduces, Availability body, ArrayRef<Value> operands,
              StreamReport &report) {
    if (reduces) {
      body = {false, body.passes + 1};
      summaries[result] = report.summaries.size();
      auto name = op->getAttrOfType<StringAttr>("name");
      StringRef what = name ? name.getValue() : isa<SelectOp>(op) ? cast<SelectOp>(op).getKind() : "reduction";
      report.summaries.push_back(summary(op, what, body.passes, waitsOf(operands, report), report));
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

  static SummaryRow summary(Operation *op, StringRef what, unsigned pass, std::vector<unsigned> waits,
                            const StreamReport &report) {
    SmallVector<std::string> names;
    for (unsigned other : waits)
      names.push_back(report.summaries[other].what);
    std::string place;
    if (auto at = op->getLoc()->findInstanceOf<FileLineColLoc>()) {
      auto own = op->getParentOp()->getLoc()->findInstanceOf<FileLineColLoc>();
      bool isKernels = own && own.getFilename() == at.getFilename();
      place = (isKernels ? "line " : at.getFilename().str() + " ") + std::to_string(at.getLine());
    }
    return {pass, what.str(), place, waits.empty() ? "waits for nothing" : "waits for " + llvm::join(names, ", "),
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
  llvm::StringSet<> named; // ranks that are reported whatever is found
  kernel.walk([&](Operation *op) {
    if (auto select = dyn_cast<SelectOp>(op))
      for (Attribute name : select.getOver())
        named.insert(cast<StringAttr>(name).getValue());
    if (auto iterate = dyn_cast<IterateOp>(op))
      named.insert(iterate.getOver());
  });
  std::vector<StreamReport> reports;
  for (RankAttr rank : kernel.getRanks().getAsRange<RankAttr>()) {
    StringRef name = rank.getName().getValue();
    StreamReport report = Counter(kernel, name).count();
    if (report.written.whole() > 1 || named.contains(name))
      reports.push_back(std::move(report));
  }
  return reports;
}

std::vector<StreamReport> attn::driver::walkedPasses(KernelOp kernel) {
  llvm::SetVector<StringRef> walked;
  kernel.walk([&](IterateOp op) { walked.insert(op.getOver()); });
  std::vector<StreamReport> reports;
  for (StringRef rank : walked)
    reports.push_back(Counter(kernel, rank).count());
  return reports;
}

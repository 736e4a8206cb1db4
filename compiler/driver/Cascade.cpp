// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/driver/Cascade.h"
#include "compiler/driver/Formulas.h"
#include "mlir/IR/Diagnostics.h"
#include "passes/attn/StreamedRanks.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace attn;
using namespace attn::driver;
using algebra::Fibre, algebra::PassCount, algebra::Program, algebra::TermRef;

/// The summaries that a term reads, itself excluded, of a list.
static SmallVector<TermRef> summariesIn(TermRef term, ArrayRef<PassCount::Summary> summaries) {
  SmallVector<TermRef> found;
  std::function<void(TermRef)> visit = [&](TermRef t) {
    for (TermRef child : t->getChildren()) {
      bool isSummary = llvm::any_of(summaries, [&](const PassCount::Summary &s) { return s.reduction == child; });
      if (isSummary && !llvm::is_contained(found, child))
        found.push_back(child);
      else if (!isSummary)
        visit(child);
    }
  };
  visit(term);
  return found;
}

/// Arguments of the kernel alone: a name of anything else stands for what it reads.
static void readTensors(KernelTerms &terms, TermRef term, SmallVectorImpl<std::string> &names) {
  auto argument = dyn_cast_or_null<BlockArgument>(terms.valueOf(term->getName()));
  bool isRead =
      term->is(algebra::TermKind::Read) && argument && argument.getOwner()->getParentOp() == terms.getKernel();
  if (isRead && !llvm::is_contained(names, term->getName()))
    names.push_back(term->getName().str());
  for (TermRef child : term->getChildren())
    readTensors(terms, child, names);
}

static std::vector<SummaryRow> summaryRows(KernelTerms &terms, const PassCount &count, const Formulas &formulas) {
  std::vector<SummaryRow> rows;
  for (const PassCount::Summary &summary : count.summaries) {
    SummaryRow row{summary.completed.whole(),
                   summary.completed.hasBlockPass(),
                   formulas.nameOfReduction(summary.reduction),
                   formulas.placeOf(summary.reduction),
                   "",
                   {}};
    SmallVector<std::string> waits, needs;
    for (TermRef other : summariesIn(summary.reduction, count.summaries))
      if (std::string name = formulas.nameOfReduction(other); !llvm::is_contained(waits, name))
        waits.push_back(std::move(name));
    readTensors(terms, summary.reduction, needs);
    row.why = waits.empty() ? "needs " + llvm::join(needs, ", ") : "waits for " + llvm::join(waits, ", ");
    bool isSaid = llvm::any_of(rows, [&](const SummaryRow &other) { // the same summary read at other positions
      return std::tie(other.pass, other.what, other.place, other.why) ==
             std::tie(row.pass, row.what, row.place, row.why);
    });
    for (auto [i, other] : llvm::enumerate(rows))
      if (llvm::is_contained(waits, other.what))
        row.waits.push_back(i);
    if (!isSaid)
      rows.push_back(std::move(row));
  }
  return rows;
}

/// Whether two ranks stand in one position of a tensor, as in K[j*block+i]: they are parts of the rank that it has
/// there.
static bool standTogether(TermRef term, StringRef a, StringRef b, DenseSet<TermRef> &seen) {
  if (!seen.insert(term).second)
    return false;
  auto mentions = [](TermRef position, StringRef rank) {
    return llvm::any_of(position->getFreeIndices(), [&](TermRef index) { return index->getName() == rank; });
  };
  return llvm::any_of(term->getChildren(), [&](TermRef child) {
    bool isPosition = term->is(algebra::TermKind::Read) && child->is(algebra::TermKind::Add) && child->isInteger();
    return (isPosition && mentions(child, a) && mentions(child, b)) || standTogether(child, a, b, seen);
  });
}

/// A walk over blocks, and in each step the rank inside a block: what the rank that was split is passed by.
static Fibre withInnerRank(KernelTerms &terms, const Fibre &fibre, ArrayRef<TermRef> values,
                           const StreamedRanks &streamed) {
  if (fibre.getLists().size() != 1 || fibre.getLists()[0].size() != 1)
    return fibre;
  StringRef outer = fibre.getLists()[0][0];
  bool isWalked = false;
  terms.getKernel().walk([&](IterateOp walk) { isWalked |= walk.getOver() == outer; });
  if (!isWalked)
    return fibre;
  for (RankAttr rank : terms.getKernel().getRanks().getAsRange<RankAttr>()) {
    StringRef inner = rank.getName().getValue();
    DenseSet<TermRef> seen;
    bool isFree = llvm::none_of(streamed.getFibres(), [&](const Fibre &other) { return other.contains(inner); });
    if (isFree && llvm::any_of(values, [&](TermRef t) { return standTogether(t, outer, inner, seen); }))
      return Fibre::of({SmallVector<StringRef>{outer, inner}});
  }
  return fibre;
}

static std::vector<StepRow> stepRows(ArrayRef<algebra::Step> steps, const Formulas &formulas) {
  std::vector<StepRow> rows;
  for (const algebra::Step &step : steps)
    rows.push_back({step.rule.str(), formulas.abbreviate(step.text)});
  return rows;
}

static StreamReport reportOn(KernelTerms &terms, const Formulas &formulas, ArrayRef<algebra::Value> values,
                             const Fibre &fibre, bool isWrittenOnly) {
  algebra::TermContext &context = terms.getContext();
  SmallVector<TermRef> flat;
  for (const algebra::Value &value : values) {
    flat.push_back(value.term);
    llvm::append_range(flat, value.conditions);
  }
  StreamReport report;
  report.ranks = fibre.str();
  PassCount count = algebra::countPasses(context, flat, fibre);
  report.written = count.passes;
  report.isWrittenWithBlockPass =
      llvm::any_of(count.summaries, [](const PassCount::Summary &each) { return each.completed.hasBlockPass(); });
  report.summaries = summaryRows(terms, count, formulas);
  if (isWrittenOnly)
    return report;
  Program program = algebra::deriveProgram(context, values, fibre);
  report.derived = program.derived;
  report.remarks = stepRows(program.remarks, formulas);
  Formulas steps = formulas, final = formulas;
  for (const algebra::Value &value : values) // a result is what is said here
    final.forget(value.name);
  for (ArrayRef<TermRef> accumulators : program.streams) {
    StateFormulas state(terms, formulas, accumulators);
    for (unsigned i = 0; i < accumulators.size(); ++i) {
      report.state.push_back(state.definition(i));
      report.merge.push_back(state.merge(i));
      final.name(accumulators[i], state.nameOf(i));
      if (!state.isNamedInSpec(i))
        steps.name(accumulators[i], state.nameOf(i));
    }
    llvm::append_range(report.stateRanks, state.ranksInRow());
  }
  report.steps = stepRows(program.log, steps);
  SmallVector<std::string> assumptions;
  for (TermRef assumption : program.assumptions)
    assumptions.push_back(final.print(assumption));
  for (const algebra::ProgramOutput &output : program.outputs) {
    report.final.push_back(output.value.name + " = " + final.print(output.value.term));
    if (output.value.term != output.whereAssumptionFails)
      report.final.push_back(output.value.name + " = " + final.print(output.whereAssumptionFails) + " where " +
                             llvm::join(assumptions, " or ") + " is 0");
  }
  return report;
}

/// Every reduced rank that no stream has.
static void countOthers(KernelTerms &terms, ArrayRef<TermRef> values, ArrayRef<Fibre> streamed, CascadeReport &report) {
  for (RankAttr rank : terms.getKernel().getRanks().getAsRange<RankAttr>()) {
    StringRef name = rank.getName().getValue();
    if (llvm::any_of(streamed, [&](const Fibre &fibre) { return fibre.contains(name); }))
      continue;
    PassCount count = algebra::countPasses(terms.getContext(), values, Fibre(name));
    if (!count.summaries.empty())
      report.others.emplace_back(name.str(), count.passes);
  }
}

static CascadeReport explainAs(KernelOp kernel, KernelTerms::Inline inlining) {
  CascadeReport report;
  report.isWrittenOnly = inlining == KernelTerms::Inline::Dependences;
  ScopedDiagnosticHandler handler(kernel.getContext(), [&](Diagnostic &diagnostic) {
    if (report.problem.empty()) {
      report.problem = diagnostic.str();
      if (auto at = diagnostic.getLocation()->findInstanceOf<FileLineColLoc>())
        report.problem += " (" + at.getFilename().str() + ":" + std::to_string(at.getLine()) + ":" +
                          std::to_string(at.getColumn()) + ")";
    }
    return success();
  });
  KernelTerms terms(kernel);
  std::vector<algebra::Value> values;
  SmallVector<TermRef> flat;
  for (auto [i, result] : llvm::enumerate(kernel.getYield().getValues())) {
    std::optional<Present> value = terms.tensor(result, inlining);
    if (!value) {
      if (report.problem.empty())
        report.problem = "the algebra does not know an operation of this kernel";
      return report;
    }
    values.push_back({kernel.getResultName(i).str(), terms.indicesOf(result), value->term, value->conditions});
    flat.push_back(value->term);
    llvm::append_range(flat, value->conditions);
  }
  StreamedRanks streamed(terms, flat);
  Formulas formulas(terms, inlining);
  SmallVector<Fibre> fibres;
  for (const Fibre &fibre : streamed.getFibres())
    fibres.push_back(withInnerRank(terms, fibre, flat, streamed));
  for (const Fibre &fibre : fibres)
    report.streams.push_back(reportOn(terms, formulas, values, fibre, report.isWrittenOnly));
  countOthers(terms, flat, fibres, report);
  return report;
}

using Walks = std::vector<std::pair<std::string, std::string>>;

/// An iterative rank and the states that are walked along it.
static void addWalk(IterateOp walk, Walks &walks) {
  auto it = llvm::find_if(walks, [&](const auto &other) { return other.first == walk.getOver(); });
  if (it == walks.end())
    it = walks.insert(walks.end(), {walk.getOver().str(), ""});
  for (unsigned i = 0; i < walk.getNumResults(); ++i)
    it->second += (it->second.empty() ? "" : ", ") + walk.getStateName(i).str();
}

CascadeReport attn::driver::explainCascade(KernelOp kernel) {
  bool isKnown = true;
  Walks walks;
  kernel.walk<WalkOrder::PreOrder>([&](Operation *op) {
    if (auto walk = dyn_cast<IterateOp>(op))
      addWalk(walk, walks);
    auto select = dyn_cast<SelectOp>(op);
    isKnown &= !isa<IterateOp, ScatterOp>(op) && !(select && !select.yieldsPosition());
  });
  CascadeReport report;
  if (isKnown)
    report = explainAs(kernel, KernelTerms::Inline::Everything);
  if (!isKnown || !report.problem.empty())
    report = explainAs(kernel, KernelTerms::Inline::Dependences);
  report.walks = std::move(walks);
  return report;
}

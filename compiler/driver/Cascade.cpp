// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/driver/Cascade.h"
#include "compiler/driver/Formulas.h"
#include "compiler/driver/WrittenPasses.h"
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

static void readTensors(TermRef term, SmallVectorImpl<std::string> &names) {
  if (term->is(algebra::TermKind::Read) && !llvm::is_contained(names, term->getName()))
    names.push_back(term->getName().str());
  for (TermRef child : term->getChildren())
    readTensors(child, names);
}

static std::vector<SummaryRow> summaryRows(const PassCount &count, const Formulas &formulas) {
  std::vector<SummaryRow> rows;
  for (const PassCount::Summary &summary : count.summaries) {
    SummaryRow row{summary.completed.whole(), formulas.print(summary.reduction), formulas.placeOf(summary.reduction),
                   "", {}};
    SmallVector<std::string> waits, needs;
    for (TermRef other : summariesIn(summary.reduction, count.summaries)) {
      waits.push_back(formulas.print(other));
      auto at = llvm::find_if(count.summaries, [&](const PassCount::Summary &s) { return s.reduction == other; });
      row.waits.push_back(at - count.summaries.begin());
    }
    readTensors(summary.reduction, needs);
    row.why = waits.empty() ? "needs " + llvm::join(needs, ", ") : "waits for " + llvm::join(waits, ", ");
    rows.push_back(std::move(row));
  }
  return rows;
}

static std::vector<StepRow> stepRows(ArrayRef<algebra::Step> steps, const Formulas &formulas) {
  std::vector<StepRow> rows;
  for (const algebra::Step &step : steps)
    rows.push_back({step.rule.str(), formulas.abbreviate(step.text)});
  return rows;
}

static StreamReport reportOn(KernelTerms &terms, const Formulas &formulas, ArrayRef<algebra::Value> values,
                             const Fibre &fibre) {
  algebra::TermContext &context = terms.getContext();
  SmallVector<TermRef> flat;
  for (const algebra::Value &value : values) {
    flat.push_back(value.term);
    llvm::append_range(flat, value.conditions);
  }
  Program program = algebra::deriveProgram(context, values, fibre);
  StreamReport report;
  report.ranks = fibre.str();
  report.written = program.written;
  report.derived = program.derived;
  report.summaries = summaryRows(algebra::countPasses(context, flat, fibre), formulas);
  report.steps = stepRows(program.log, formulas);
  report.remarks = stepRows(program.remarks, formulas);
  Formulas final = formulas;
  for (const algebra::Value &value : values) // a result is what is said here
    final.forget(value.name);
  for (ArrayRef<TermRef> accumulators : program.streams) {
    StateFormulas state(terms, formulas, accumulators);
    for (unsigned i = 0; i < accumulators.size(); ++i) {
      report.state.push_back(state.definition(i));
      report.merge.push_back(state.merge(i));
      final.name(accumulators[i], state.nameOf(i));
    }
    llvm::append_range(report.stateRanks, state.ranksInRow());
  }
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
static void countOthers(KernelTerms &terms, ArrayRef<TermRef> values, const StreamedRanks &streamed,
                        CascadeReport &report) {
  for (RankAttr rank : terms.getKernel().getRanks().getAsRange<RankAttr>()) {
    StringRef name = rank.getName().getValue();
    if (llvm::any_of(streamed.getFibres(), [&](const Fibre &fibre) { return fibre.contains(name); }))
      continue;
    PassCount count = algebra::countPasses(terms.getContext(), values, Fibre(name));
    if (!count.summaries.empty())
      report.others.emplace_back(name.str(), count.passes);
  }
}

CascadeReport attn::driver::explainCascade(KernelOp kernel) {
  CascadeReport report;
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
    std::optional<Present> value = terms.tensor(result, KernelTerms::Inline::Everything);
    if (!value) {
      if (report.problem.empty())
        report.problem = "the algebra does not know an operation of this kernel";
      report.streams = writtenPasses(kernel);
      return report;
    }
    values.push_back({kernel.getResultName(i).str(), terms.indicesOf(result), value->term, value->conditions});
    flat.push_back(value->term);
    llvm::append_range(flat, value->conditions);
  }
  report.streams = walkedPasses(kernel);
  StreamedRanks streamed(terms, flat);
  Formulas formulas(terms);
  for (const Fibre &fibre : streamed.getFibres())
    report.streams.push_back(reportOn(terms, formulas, values, fibre));
  countOthers(terms, flat, streamed, report);
  return report;
}

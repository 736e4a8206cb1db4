// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Passes as written are counted on the Einsums of the kernel, not on their merged terms: products that would merge are
// still apart in the text. A tensor's availability is over the names of its ranks; a read moves it to the indices at
// which it is read.
#include "passes/attn/PassAnalysis.h"
#include "passes/attn/StreamedRanks.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace attn;
using algebra::Availability, algebra::Fibre, algebra::TermRef;

namespace {
/// Counts the passes of Einsums over one fibre.
class EinsumCounter {
public:
  EinsumCounter(algebra::TermContext &context, const Fibre &fibre) : context(context), fibre(fibre), rules(fibre) {}
  void count(EinsumOp op, FibrePasses &out);

private:
  Availability operand(EinsumOp op, unsigned input);
  algebra::TermContext &context;
  const Fibre &fibre;
  algebra::PassRules rules;
  llvm::DenseMap<Value, Availability> known;
};
} // namespace

Availability EinsumCounter::operand(EinsumOp op, unsigned input) {
  Availability tensor = known.lookup(op.getInputs()[input]);
  SmallVector<Availability> positions;
  llvm::SmallBitVector used = op.getIteratorsOf(input);
  for (unsigned i : used.set_bits())
    positions.push_back(rules.index(context.index(op.getIterator(i))));
  Availability where = rules.map(positions);
  if (where.carried.empty())
    return {{}, tensor.halves}; // an input, or a summary
  if (tensor.carried.empty() && tensor.halves > 0)
    return rules.map({tensor, where}); // a summary read at a position that streams
  where.halves = std::max(where.halves, tensor.halves);
  return where;
}

void EinsumCounter::count(EinsumOp op, FibrePasses &out) {
  SmallVector<Availability> operands;
  for (unsigned i = 0; i < op.getInputs().size(); ++i)
    operands.push_back(operand(op, i));
  for (int64_t p : op.getPoints())
    operands.push_back(rules.index(context.index(op.getIterator(p))));
  Availability body = rules.map(operands);
  SmallVector<algebra::Binder> bound;
  for (unsigned i = op.getNumParallel(); i < op.getNumIterators(); ++i)
    bound.push_back({context.index(op.getIterator(i))});
  Availability result = rules.reduce(body, bound);
  known[op.getResult()] = result;
  out.written.halves = std::max({out.written.halves, result.halves, body.halves});
  if (result.carried.size() != body.carried.size()) {
    std::string name = op.getNameAttr() ? op.getNameAttr().str() : "";
    std::string formula =
        (name + (name.empty() ? "" : " = ") + op.getReducerAttr().getName().getValue() + "[" + fibre.str() + "]").str();
    out.summaries.push_back({formula, {result.halves}, op.getLoc()});
  }
}

static SmallVector<AnalysedStep> located(KernelTerms &terms, ArrayRef<algebra::Step> steps) {
  SmallVector<AnalysedStep> r;
  for (const algebra::Step &s : steps)
    r.push_back({s.rule.str(), s.text, terms.locationOf(s.location)});
  return r;
}

FailureOr<std::vector<FibrePasses>> attn::analysePasses(KernelOp kernel) {
  KernelTerms terms(kernel);
  SmallVector<algebra::Value> values;
  SmallVector<TermRef> all;
  for (auto [i, v] : llvm::enumerate(kernel.getYield().getValues())) {
    auto p = terms.tensor(v, KernelTerms::Inline::Everything);
    if (!p)
      return failure();
    values.push_back({kernel.getResultName(i).str(), terms.indicesOf(v), p->term, p->conditions});
    all.push_back(p->term);
    all.append(p->conditions);
  }
  StreamedRanks ranks(terms, all);
  std::vector<FibrePasses> result;
  for (const Fibre &fibre : ranks.getFibres()) {
    FibrePasses passes;
    for (StringRef rank : fibre.getLists()[0])
      passes.ranks.push_back(rank.str());
    EinsumCounter counter(terms.getContext(), fibre);
    for (EinsumOp op : kernel.getBody().front().getOps<EinsumOp>())
      counter.count(op, passes);
    llvm::sort(passes.summaries, [](const auto &a, const auto &b) { return a.completed.halves < b.completed.halves; });
    algebra::DerivationOptions options;
    options.isForeign = [&](TermRef t) {
      return ranks.isStreamed(t) && !fibre.isReducedBy(t) && !fibre.isCarriedBy(t);
    };
    algebra::Program program = algebra::deriveProgram(terms.getContext(), values, fibre, options);
    passes.derived = program.derived;
    passes.steps = located(terms, program.log);
    passes.remarks = located(terms, program.remarks);
    result.push_back(std::move(passes));
  }
  return result;
}

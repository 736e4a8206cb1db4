// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// From derived terms to streams.
//
// Deferral is exact only where the stream has a point, so the outputs are derived twice: once with b/b = 1, recording
// b, once with b/b = [b != 0] and with the text's value where a reduction has no point. The second is selected in the
// rows where a recorded assumption fails.
#include "passes/attn/algebra/Program.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallVectorExtras.h"

using namespace attn::algebra;

static void forEachLowerPowers(TermRef accumulator, llvm::function_ref<void(llvm::ArrayRef<unsigned>)> f) {
  unsigned n = accumulator->getNumReferences();
  llvm::SmallVector<unsigned> powers(n, 0);
  while (true) {
    f(powers);
    unsigned i = 0;
    while (i < n && powers[i] == accumulator->getReference(i).power)
      powers[i++] = 0;
    if (i == n)
      return;
    ++powers[i];
  }
}

llvm::SmallVector<Correction> attn::algebra::changeOfReference(TermContext &context, TermRef accumulator) {
  llvm::SmallVector<Correction> result;
  if (!accumulator->is(TermKind::Relative) || !getRow(accumulator->getReducer()).affine)
    return {{1, llvm::SmallVector<unsigned>(accumulator->getNumReferences(), 0), accumulator}};
  forEachLowerPowers(accumulator, [&](llvm::ArrayRef<unsigned> powers) {
    Correction c;
    c.coefficient = 1;
    for (auto [i, k] : llvm::enumerate(powers)) {
      unsigned n = accumulator->getReference(i).power;
      c.powers.push_back(n - k);
      for (unsigned j = 0; j < k; ++j) // C(n, k)
        c.coefficient = c.coefficient * Number::fraction(n - j, j + 1);
    }
    c.lower = context.withPowers(accumulator, powers);
    result.push_back(c);
  });
  return result;
}

namespace {
class Builder {
public:
  Builder(TermContext &context, llvm::ArrayRef<Value> values, const Fibre &fibre, DerivationOptions options)
      : context(context), values(values), options(options), derivation(context, fibre, options) {
    program.fibre = fibre;
  }
  Program build();

private:
  void deriveOutputs();
  void layOut();
  void addAccumulator(TermRef leaf, llvm::SmallVectorImpl<TermRef> &todo);
  unsigned passesAfter();

  TermContext &context;
  llvm::ArrayRef<Value> values;
  DerivationOptions options;
  Derivation derivation;
  Program program;
};
} // namespace

void Builder::deriveOutputs() {
  llvm::SmallVector<TermRef> live;
  {
    TermContext::AssumeNonZero assume(context);
    for (const Value &v : values)
      live.push_back(derivation.rewrite(v.term));
    for (TermRef t : assume.terms)
      if (!derivation.leaves(t).empty())
        program.assumptions.push_back(t);
  }
  llvm::sort(program.assumptions, [](TermRef a, TermRef b) { return a->getId() < b->getId(); });
  Derivation safe(context, program.fibre, options);
  for (auto [v, t] : llvm::zip_equal(values, live)) {
    ProgramOutput o{v, t};
    o.value.term = t;
    o.whereAssumptionFails = program.assumptions.empty() ? t : safe.rewrite(v.term);
    for (TermRef &c : o.value.conditions)
      c = derivation.rewrite(c);
    program.outputs.push_back(o);
  }
  for (TermRef a : program.assumptions)
    derivation.note("assume", a->str() + " is not 0; where it is, the finalisation without cancellation is used", a);
}

/// A stream is closed under a change of reference: references and lower powers run in it, even if an earlier one had
/// them.
void Builder::addAccumulator(TermRef leaf, llvm::SmallVectorImpl<TermRef> &todo) {
  unsigned k = derivation.stage(leaf);
  if (program.streams.size() < k)
    program.streams.resize(k);
  auto &stream = program.streams[k - 1];
  auto add = [&](TermRef t) {
    todo.push_back(t);
    if (!llvm::is_contained(stream, t))
      stream.push_back(t);
  };
  if (leaf->is(TermKind::Relative)) {
    for (TermRef r : context.references(leaf))
      add(r);
    for (const Correction &c : changeOfReference(context, leaf))
      add(c.lower);
  }
  if (getRow(leaf->getReducer()).selectsIndex)
    add(context.bestValue(leaf));
  add(leaf);
}

void Builder::layOut() {
  llvm::SmallVector<TermRef> todo(program.assumptions);
  for (const ProgramOutput &o : program.outputs) {
    todo.push_back(o.value.term);
    todo.push_back(o.whereAssumptionFails);
    llvm::append_range(todo, o.value.conditions);
  }
  llvm::DenseSet<TermRef> done;
  while (!todo.empty())
    for (TermRef leaf : derivation.leaves(todo.pop_back_val()))
      if (done.insert(leaf).second) {
        llvm::append_range(todo, leaf->getChildren());
        addAccumulator(leaf, todo);
      }
  auto place = [](TermRef leaf) {
    bool follows = leaf->is(TermKind::Relative) || getRow(leaf->getReducer()).selectsIndex;
    return std::pair(follows, leaf->getId());
  };
  for (auto &stream : program.streams)
    llvm::sort(stream, [&](TermRef a, TermRef b) { return place(a) < place(b); });
}

/// An output that carries the fibre is one more traversal after the summaries it reads.
unsigned Builder::passesAfter() {
  unsigned passes = program.streams.size();
  for (const ProgramOutput &o : program.outputs) {
    if (llvm::none_of(o.value.dims, [&](TermRef d) { return program.fibre.contains(d); }))
      continue;
    unsigned waits = 0;
    for (TermRef l : derivation.leaves(o.value.term))
      waits = std::max(waits, derivation.stage(l));
    passes = std::max(passes, waits + 1);
  }
  return passes;
}

Program Builder::build() {
  llvm::SmallVector<TermRef> all;
  for (const Value &v : values) {
    all.push_back(v.term);
    llvm::append_range(all, v.conditions);
  }
  program.written = countPasses(context, all, program.fibre).passes;
  deriveOutputs();
  layOut();
  program.derived.halves = 2 * passesAfter();
  program.log.assign(derivation.getLog().begin(), derivation.getLog().end());
  program.remarks.assign(derivation.getRemarks().begin(), derivation.getRemarks().end());
  return std::move(program);
}

Program attn::algebra::deriveProgram(TermContext &context, llvm::ArrayRef<Value> values, const Fibre &fibre,
                                     DerivationOptions options) {
  return Builder(context, values, fibre, options).build();
}

void Program::print(llvm::raw_ostream &os) const {
  os << "passes over " << fibre.str() << ": " << written.str() << " as written, " << derived.str() << " after\n";
  for (const Step &s : log)
    os << "  " << s.rule << ": " << s.text << '\n';
  for (auto [k, stream] : llvm::enumerate(streams)) {
    os << "  stream " << k + 1 << ":\n";
    for (TermRef leaf : stream) {
      os << "    state[";
      llvm::interleave(leaf->getFreeIndices(), os, [&](TermRef i) { os << i->getName(); }, ",");
      os << "] = " << leaf->str() << '\n';
    }
  }
  for (const ProgramOutput &o : outputs) {
    os << "  " << o.value.name << " = " << o.value.term->str() << '\n';
    if (o.whereAssumptionFails != o.value.term)
      os << "    else " << o.whereAssumptionFails->str() << '\n';
  }
}

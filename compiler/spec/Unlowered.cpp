// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the language has and the IR has not yet. Each is named at the place where the spec uses it.
#include "compiler/spec/KernelEmitter.h"
#include "llvm/ADT/StringSet.h"

using namespace llvm;

namespace attn::spec {

static StringRef constructOf(const Term *term) { return term->kind == TermKind::Read && term->isOld ? "inout" : ""; }

namespace {

/// Reports each construct once a kernel, at its first use.
class Report {
public:
  explicit Report(Diagnostics &diagnostics) : diagnostics(diagnostics) {}

  void operator()(Loc loc, const CallSite *site, StringRef construct, StringRef name = "") {
    if (!reported.insert((construct + name).str()).second ||
        (name.empty() && reported.contains(("of a " + construct).str())))
      return;
    reported.insert(("of a " + construct).str());
    std::string subject = name.empty() ? construct.str() : (construct + " '" + name + "'").str();
    Diagnostic &error = diagnostics.error(loc, subject + " is not lowered yet");
    Diagnostics::addUses(error, site);
  }

  bool isEmpty() const { return reported.empty(); }

private:
  Diagnostics &diagnostics;
  StringSet<> reported;
};

} // namespace

static void checkTensor(const Tensor &tensor, Report &report) {
  if (tensor.isInout)
    report(tensor.loc, tensor.site, "inout", tensor.name);
  if (tensor.isIterative)
    report(tensor.loc, tensor.site, "iterative rank of", tensor.name);
  if (tensor.role == TensorRole::Result)
    for (ArrayRef<StringRef> dim : tensor.dims)
      if (dim.size() > 1)
        report(tensor.loc, tensor.site, "product dimension of result", tensor.name);
  if (is_contained({Element::F8E4M3, Element::F8E5M2}, tensor.type.kind))
    report(tensor.loc, tensor.site, "element type of", tensor.name);
}

static void checkLeft(const Equation &equation, Report &report) {
  IndexSet seen;
  for (const Term *left : equation.left)
    if (left->kind != TermKind::Index || !seen.insert(left->name))
      report(left->loc, equation.site, "computed position on the left of", equation.tensor->name);
}

bool checkLowered(const Kernel &kernel, Diagnostics &diagnostics) {
  Report report(diagnostics);
  for (const auto &tensor : kernel.tensors)
    checkTensor(*tensor, report);
  for (const RankDecl &rank : kernel.ranks)
    if (!rank.over.empty())
      report(rank.loc, nullptr, "ragged rank", rank.name);
  DenseMap<const Tensor *, unsigned> written;
  for (const Equation &equation : kernel.equations) {
    walk(equation.rhs, [&](const Term *term) {
      if (StringRef construct = constructOf(term); !construct.empty())
        report(term->loc, term->site, construct);
    });
    if (equation.tensor->isIterative || equation.tensor->isInout)
      continue;
    if (++written[equation.tensor] == 2)
      report(equation.loc, equation.site, "union of several equations for", equation.tensor->name);
    checkLeft(equation, report);
  }
  return report.isEmpty();
}

} // namespace attn::spec

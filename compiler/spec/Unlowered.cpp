// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the language has and the IR has not yet. Each is named at the place where the spec uses it.
#include "compiler/spec/KernelEmitter.h"

using namespace llvm;

namespace attn::spec {

static StringRef constructOf(const Term *term) {
  switch (term->kind) {
  case TermKind::Select: return "selection";
  case TermKind::In:
  case TermKind::Place:
  case TermKind::Component:
  case TermKind::Len:
  case TermKind::Pos:
  case TermKind::Tuple: return "set";
  case TermKind::Rand: return "rand";
  case TermKind::Reduce: return term->reducer == ReducerKind::ArgMax ? "argmax" : "";
  case TermKind::Read: return term->isOld ? "inout" : "";
  default: return "";
  }
}

static void checkTensor(const Tensor &tensor, function_ref<void(Loc, const Twine &)> report) {
  if (tensor.isSet)
    report(tensor.loc, "set '" + tensor.name + "'");
  else if (tensor.isInout)
    report(tensor.loc, "inout argument '" + tensor.name + "'");
  else if (tensor.isOptional)
    report(tensor.loc, "optional tensor '" + tensor.name + "'");
  if (tensor.isIterative)
    report(tensor.loc, "iterative tensor '" + tensor.name + "'");
  if (tensor.role == TensorRole::Result)
    for (ArrayRef<StringRef> dim : tensor.dims)
      if (dim.size() > 1)
        report(tensor.loc, "product dimension of result '" + tensor.name + "'");
  if (is_contained({Element::U8, Element::F8E4M3, Element::F8E5M2}, tensor.type.kind))
    report(tensor.loc, "element type of '" + tensor.name + "'");
}

static void checkLeft(const Equation &equation, function_ref<void(Loc, const Twine &)> report) {
  IndexSet seen;
  for (const Term *left : equation.left)
    if (left->kind != TermKind::Index || !seen.insert(left->name))
      report(left->loc, "computed position on the left");
}

bool checkLowered(const Kernel &kernel, Diagnostics &diagnostics) {
  bool lowered = true;
  auto report = [&](Loc loc, const Twine &construct) {
    diagnostics.error(loc, construct + " is not lowered yet");
    lowered = false;
  };
  for (const auto &tensor : kernel.tensors)
    checkTensor(*tensor, report);
  for (const RankDecl &rank : kernel.ranks)
    if (!rank.over.empty())
      report(rank.loc, "ragged rank '" + rank.name + "'");
  DenseMap<const Tensor *, unsigned> written;
  for (const Equation &equation : kernel.equations) {
    if (equation.tensor->isIterative || equation.tensor->isInout || equation.tensor->isSet)
      continue;
    if (++written[equation.tensor] == 2)
      report(equation.loc, "union of several equations for '" + equation.tensor->name + "'");
    checkLeft(equation, report);
    walk(equation.rhs, [&](const Term *term) {
      if (StringRef construct = constructOf(term); !construct.empty())
        report(term->loc, construct);
    });
  }
  return lowered;
}

} // namespace attn::spec

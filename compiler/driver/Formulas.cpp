// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Names are put back into the printed text and not into the terms: a term prints its indices by the names of their ranks,
// whether they are bound or free, so that equal formulas are equal texts everywhere.
#include "compiler/driver/Formulas.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace attn;
using namespace attn::driver;
using algebra::Correction, algebra::ReferenceKind, algebra::TermContext,
    algebra::TermKind, algebra::TermRef;

Formulas::Formulas(KernelTerms &terms) : terms(terms) {
  terms.getKernel().walk([&](EinsumOp op) {
    if (!op.getNameAttr())
      return;
    if (std::optional<Present> value = terms.einsum(op, KernelTerms::Inline::Everything))
      name(value->term, op.getNameAttr().getValue());
  });
}

void Formulas::name(TermRef term, StringRef name) {
  std::string text = term->str(size_t(-1));
  bool isKnown = llvm::any_of(names, [&](auto &other) { return other.first == text; });
  if (text.size() < name.size() + 2 || isKnown)
    return;
  names.emplace_back(text, name.str());
  llvm::sort(names, [](auto &a, auto &b) { return std::make_pair(b.first.size(), a.first) < std::make_pair(a.first.size(), b.first); });
}

/// "... f(g(x ..." with a name for f(g(x)) becomes "... NAME ...".
static void abbreviateCut(std::string &text, StringRef formula, StringRef name) {
  constexpr StringLiteral dots = " ...";
  constexpr size_t least = 12; // shorter beginnings say nothing
  size_t at = text.find(dots);
  if (at == std::string::npos)
    return;
  for (size_t size = std::min(formula.size() - 1, at); size >= least; --size)
    if (StringRef(text).take_front(at).ends_with(formula.take_front(size))) {
      text.replace(at - size, size, name.str());
      return;
    }
}

std::string Formulas::abbreviate(std::string text) const {
  for (const auto &[formula, name] : names) {
    for (size_t at = 0; (at = text.find(formula, at)) != std::string::npos; at += name.size())
      text.replace(at, formula.size(), name);
    abbreviateCut(text, formula, name);
  }
  return text;
}

std::string Formulas::placeOf(TermRef term) const {
  if (!term->getLocation())
    return "";
  auto at = terms.locationOf(term->getLocation())->findInstanceOf<FileLineColLoc>();
  if (!at)
    return "";
  StringRef file = at.getFilename().getValue();
  bool isKernels = [&] {
    auto own = terms.getKernel().getLoc()->findInstanceOf<FileLineColLoc>();
    return own && own.getFilename() == at.getFilename();
  }();
  return (isKernels ? "line " : file.str() + " ") + std::to_string(at.getLine());
}

StateFormulas::StateFormulas(TermContext &context, Formulas &formulas, ArrayRef<TermRef> list)
    : context(context), formulas(formulas), accumulators(list) {
  unsigned next = 1;
  for (TermRef accumulator : accumulators) {
    std::string text = formulas.print(accumulator);
    bool isName = !StringRef(text).contains('(') && !StringRef(text).contains('[');
    names[accumulator] = isName ? text : "s" + std::to_string(next++);
  }
}

std::string StateFormulas::definition(unsigned i) const {
  TermRef accumulator = accumulators[i];
  std::string name = nameOf(accumulator), text = accumulator->str(size_t(-1));
  for (TermRef reference : accumulator->is(TermKind::Relative) ? context.references(accumulator)
                                                               : SmallVector<TermRef>()) {
    size_t at = text.find(" - max)");
    if (at == std::string::npos)
      at = text.find(" - mean)");
    if (at != std::string::npos)
      text.replace(at + 3, text.find(')', at) - at - 3, nameOf(reference));
  }
  text = formulas.abbreviate(text);
  if (text == name) { // called as in the spec: say what it is
    text = algebra::getRow(accumulator->getReducer()).name.str() + " of " +
           formulas.print(context.open(accumulator).body);
  }
  std::string ranks;
  for (TermRef index : accumulator->getFreeIndices())
    ranks += (ranks.empty() ? "" : ",") + index->getName().str();
  return name + (ranks.empty() ? "" : "[" + ranks + "]") + " = " + text;
}

/// One side of a merge, moved to the common references.
std::string StateFormulas::side(unsigned i, StringRef suffix) const {
  TermRef accumulator = accumulators[i];
  if (!accumulator->is(TermKind::Relative))
    return nameOf(accumulator) + suffix.str();
  SmallVector<std::string> moved;
  SmallVector<TermRef> references = context.references(accumulator);
  std::string exponentials;
  for (auto [k, reference] : llvm::enumerate(references))
    if (accumulator->getReference(k).kind == ReferenceKind::Max)
      exponentials += "*exp(" + nameOf(reference) + suffix.str() + " - " + nameOf(reference) + "')";
  for (const Correction &correction : algebra::changeOfReference(context, accumulator)) {
    std::string text = nameOf(correction.lower) + suffix.str() + exponentials;
    if (!correction.coefficient.isOne()) {
      std::string number;
      llvm::raw_string_ostream out(number);
      correction.coefficient.print(out);
      text = number + "*" + text;
    }
    for (auto [k, power] : llvm::enumerate(correction.powers))
      if (power)
        text += "*(" + nameOf(references[k]) + suffix.str() + " - " + nameOf(references[k]) + "')" +
                (power > 1 ? "^" + std::to_string(power) : "");
    moved.push_back(text);
  }
  return moved.size() == 1 ? moved.front() : "(" + llvm::join(moved, " + ") + ")";
}

std::string StateFormulas::merge(unsigned i) const {
  std::string a = side(i, "1"), b = side(i, "2"), name = nameOf(accumulators[i]) + "' = ";
  if (accumulators[i]->getReducer() == algebra::Reducer::Sum)
    return name + a + " + " + b;
  return name + algebra::getRow(accumulators[i]->getReducer()).name.str() + "(" + a + ", " + b + ")";
}

std::string StateFormulas::elementsOfRow() const {
  unsigned single = 0;
  SmallVector<std::string> parts;
  for (TermRef accumulator : accumulators) {
    std::string product;
    for (TermRef index : accumulator->getFreeIndices())
      if (!llvm::all_of(accumulators, [&](TermRef other) { return llvm::is_contained(other->getFreeIndices(), index); }))
        product += (product.empty() ? "" : "*") + index->getName().upper();
    if (product.empty())
      ++single;
    else
      parts.push_back(product);
  }
  if (single)
    parts.insert(parts.begin(), std::to_string(single));
  return llvm::join(parts, " + ");
}

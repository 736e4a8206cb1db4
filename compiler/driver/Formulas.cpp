// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Names are put back into the printed text and not into the terms: a term prints its indices by the names of their
// ranks, whether they are bound or free, so that equal formulas are equal texts everywhere.
#include "compiler/driver/Formulas.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace attn;
using namespace attn::driver;
using algebra::Correction, algebra::ReferenceKind, algebra::TermContext, algebra::TermKind, algebra::TermRef;

Formulas::Formulas(KernelTerms &terms, KernelTerms::Inline inlining) : terms(terms) {
  terms.getKernel().walk([&](EinsumOp op) {
    if (!op.getNameAttr())
      return;
    std::optional<Present> value = terms.einsum(op, inlining);
    if (value && !llvm::is_contained(llvm::make_first_range(names), value->term->str()))
      name(value->term, op.getNameAttr().getValue());
  });
  for (const auto &[term, phrase] : terms.getPhrases())
    name(term, phrase);
}

void Formulas::name(TermRef term, StringRef name) {
  std::string text = term->str();
  llvm::erase_if(names, [&](auto &other) { return other.first == text; });
  if (text.size() < name.size() + 2)
    return;
  names.emplace_back(text, name.str());
  llvm::sort(names, [](auto &a, auto &b) {
    return std::make_pair(b.first.size(), a.first) < std::make_pair(a.first.size(), b.first);
  });
}

void Formulas::forget(StringRef name) {
  llvm::erase_if(names, [&](auto &each) { return each.second == name; });
}

/// Of the parenthesis that opens at `at`; npos if the text ends before.
static size_t closing(StringRef text, size_t at) {
  unsigned depth = 0;
  for (; at < text.size(); ++at)
    if (text[at] == '(')
      ++depth;
    else if (text[at] == ')' && --depth == 0)
      return at;
  return StringRef::npos;
}

/// The term's own printing puts every sum and every condition into parentheses. They say nothing directly inside others
/// or brackets, and around a sum beside a comparison.
static bool isRedundant(StringRef text, size_t open, size_t close) {
  StringRef before = text.take_front(open), after = text.drop_front(close + 1);
  StringRef inside = text.slice(open + 1, close);
  if (before.ends_with("(") && after.starts_with(")"))
    return true;
  if (before.ends_with(" if "))
    return after.starts_with("]");
  bool isCompared = before.ends_with("<= ") || before.ends_with("< ") || before.ends_with("== ");
  bool isSum = inside.find_first_of("<>=") == StringRef::npos && !inside.contains(" and ") && !inside.contains(" or ");
  return isCompared && isSum &&
         (after.empty() || after.starts_with(")") || after.starts_with("]") || after.starts_with(" and "));
}

static std::string tidy(std::string text) {
  for (size_t at = 0; (at = text.find("-1*", at)) != std::string::npos; ++at)
    if (at == 0 || StringRef("( ").contains(text[at - 1]))
      text.replace(at, 3, "-");
  for (size_t at = text.find('('); at != std::string::npos; at = text.find('(', at + 1))
    if (size_t close = closing(text, at); close != std::string::npos && isRedundant(text, at, close)) {
      text.erase(close, 1);
      text.erase(at--, 1);
    }
  return text;
}

std::string Formulas::abbreviate(std::string text) const {
  for (const auto &[formula, name] : names)
    for (size_t at = 0; (at = text.find(formula, at)) != std::string::npos; at += name.size()) {
      bool isArgument = formula.front() == '(' && at > 0 && llvm::isAlnum(text[at - 1]); // exp(S)
      text.replace(at, formula.size(), isArgument ? "(" + name + ")" : name);
    }
  return tidy(std::move(text));
}

std::string Formulas::nameOfReduction(TermRef reduction) const {
  std::string text = print(reduction);
  if (StringRef(text).find_first_of("([") == StringRef::npos || !reduction->getLocation())
    return text;
  StringRef name;
  bool isUnique = true;
  terms.getKernel().walk([&](EinsumOp op) {
    if (!op.getNameAttr() || !op.getReducer() || op.getLoc() != terms.locationOf(reduction->getLocation()))
      return;
    isUnique &= name.empty();
    name = op.getNameAttr().getValue();
  });
  return isUnique && !name.empty() ? name.str() : text;
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

/// "softmax.X" -> "x", if that is free.
std::string StateFormulas::freshName(StringRef like, llvm::StringSet<> &used) const {
  SmallVector<StringRef> parts;
  like.split(parts, '.');
  for (StringRef part : llvm::reverse(parts))
    if (bool isWord = !part.empty() && part.size() <= 3 && llvm::all_of(part, llvm::isAlpha);
        isWord && used.insert(part.lower()).second)
      return part.lower();
  for (StringRef letter : {"s", "t", "u", "v", "w", "y", "z"})
    if (used.insert(letter).second)
      return letter.str();
  for (unsigned i = 1;; ++i)
    if (std::string name = "s_" + std::to_string(i); used.insert(name).second)
      return name;
}

StateFormulas::StateFormulas(KernelTerms &terms, const Formulas &formulas, ArrayRef<TermRef> list)
    : context(terms.getContext()), formulas(formulas), accumulators(list) {
  KernelOp kernel = terms.getKernel();
  llvm::StringSet<> used;
  for (const Reducer &reducer : reducers())
    used.insert(reducer.name);
  for (RankAttr rank : kernel.getRanks().getAsRange<RankAttr>())
    used.insert(rank.getName().getValue());
  for (unsigned i = 0; i < kernel.getArgumentTypes().size(); ++i)
    used.insert(kernel.getArgName(i));
  for (TermRef accumulator : accumulators) {
    std::string text = formulas.print(accumulator);
    bool isName = StringRef(text).find_first_of("([ ") == StringRef::npos;
    names[accumulator] = freshName(isName ? StringRef(text) : StringRef(), used);
  }
}

bool StateFormulas::isNamedInSpec(unsigned i) const {
  return StringRef(formulas.print(accumulators[i])).find_first_of("([ ") == StringRef::npos;
}

/// The accumulator itself, even if the spec has a name for it; its references by their names here.
std::string StateFormulas::definition(unsigned i) const {
  TermRef accumulator = accumulators[i];
  std::string text = formulas.print(accumulator);
  if (StringRef(text).find_first_of("([ ") == StringRef::npos)
    text =
        algebra::getRow(accumulator->getReducer()).name.str() + " of " + formulas.print(context.open(accumulator).body);
  for (TermRef reference :
       accumulator->is(TermKind::Relative) ? context.references(accumulator) : SmallVector<TermRef>()) {
    size_t at = std::min(text.find(" - max)"), text.find(" - mean)"));
    if (at != std::string::npos)
      text.replace(at + 3, text.find(')', at) - at - 3, nameOf(reference));
  }
  std::string ranks;
  for (TermRef index : accumulator->getFreeIndices())
    ranks += (ranks.empty() ? "" : ",") + index->getName().str();
  return nameOf(accumulator) + (ranks.empty() ? "" : "[" + ranks + "]") + " = " + text;
}

/// One side of a merge, moved to the common references.
std::string StateFormulas::side(unsigned i, StringRef suffix) const {
  TermRef accumulator = accumulators[i];
  if (algebra::getRow(accumulator->getReducer()).selectsIndex) {
    std::string best = nameOf(context.bestValue(accumulator));
    return nameOf(accumulator) + suffix.str() + " if " + best + suffix.str() + " == " + best + "'";
  }
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
  const algebra::ReducerRow &row = algebra::getRow(accumulators[i]->getReducer());
  return name + (row.selectsIndex ? "min" : row.name.str()) + "(" + a + ", " + b + ")";
}

/// A row is a point of the ranks that most of the accumulators have.
std::vector<std::vector<std::string>> StateFormulas::ranksInRow() const {
  ArrayRef<TermRef> row;
  int64_t most = 0;
  for (TermRef accumulator : accumulators) {
    auto hasSame = [&](TermRef other) { return other->getFreeIndices() == accumulator->getFreeIndices(); };
    if (int64_t count = llvm::count_if(accumulators, hasSame); count > most)
      most = count, row = accumulator->getFreeIndices();
  }
  std::vector<std::vector<std::string>> all;
  for (TermRef accumulator : accumulators) {
    all.emplace_back();
    for (TermRef index : accumulator->getFreeIndices())
      if (!llvm::is_contained(row, index))
        all.back().push_back(index->getName().str());
  }
  return all;
}

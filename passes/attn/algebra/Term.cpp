// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Identity and printing of terms.
#include "passes/attn/algebra/Term.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace attn::algebra;

void Term::Profile(llvm::FoldingSetNodeID &id, const Term &t) {
  id.AddInteger(unsigned(t.kind));
  id.AddInteger(unsigned(t.type));
  id.AddInteger(unsigned(t.function));
  id.AddInteger(unsigned(t.reducer));
  id.AddInteger(t.tag);
  id.AddInteger(t.conditions);
  id.AddPointer(t.name.data());
  id.AddPointer(t.indexExtent);
  t.number.Profile(id);
  id.AddInteger(t.children.size());
  for (TermRef c : t.children)
    id.AddPointer(c);
  for (const Number &w : t.weights)
    w.Profile(id);
  for (const Binder &b : t.binders) {
    id.AddPointer(b.index);
    id.AddPointer(b.extent);
  }
  for (auto [kind, power] : llvm::zip_equal(t.kinds, t.powers)) {
    id.AddInteger(unsigned(kind));
    id.AddInteger(power);
  }
}

bool Term::mentions(TermRef index) const { return llvm::is_contained(freeIndices, index); }

namespace {
std::string text(TermRef t) {
  std::string s;
  llvm::raw_string_ostream os(s);
  t->print(os);
  return s;
}

std::string power(const std::string &base, const Number &exponent) {
  if (exponent.isOne())
    return base;
  std::string s = base + "^";
  llvm::raw_string_ostream os(s);
  exponent.print(os);
  return s;
}

void printAdd(llvm::raw_ostream &os, const Term &t) {
  bool first = true;
  auto sign = [&](bool negative) {
    os << (first ? (negative ? "-" : "") : (negative ? " - " : " + "));
    first = false;
  };
  os << '(';
  for (bool negative : {false, true}) // positive ones first: S - X, not -X + S
    for (auto [w, c] : llvm::zip_equal(t.getWeights(), t.getChildren())) {
      if (w.isNegative() != negative)
        continue;
      sign(negative);
      Number size = negative ? -w : w;
      if (!size.isOne()) {
        size.print(os);
        os << '*';
      }
      os << *c;
    }
  if (!t.getNumber().isZero()) {
    sign(t.getNumber().isNegative());
    (t.getNumber().isNegative() ? -t.getNumber() : t.getNumber()).print(os);
  }
  os << ')';
}

void printMul(llvm::raw_ostream &os, const Term &t) {
  llvm::SmallVector<std::string> above, below;
  for (auto [w, c] : llvm::zip_equal(t.getWeights(), t.getChildren()))
    (w.isNegative() ? below : above).push_back(power(text(c), w.isNegative() ? -w : w));
  if (!t.getNumber().isOne() || above.empty()) {
    std::string s;
    llvm::raw_string_ostream ss(s);
    t.getNumber().print(ss);
    above.insert(above.begin(), s);
  }
  os << llvm::join(above, "*");
  for (const std::string &s : below)
    os << " / " << s;
}

void printApply(llvm::raw_ostream &os, const Term &t) {
  const FunctionRow &row = getRow(t.getFunction());
  llvm::SmallVector<std::string> arguments(llvm::map_range(t.getChildren(), text));
  if (row.infix)
    os << '(' << llvm::join(arguments, (" " + row.name + " ").str()) << ')';
  else if (arguments.empty())
    os << row.name;
  else
    os << row.name << '(' << llvm::join(arguments, ", ") << ')';
}

void printBound(llvm::raw_ostream &os, const Term &t) {
  os << '[';
  llvm::interleave(t.getBinders(), os, [&](const Binder &b) { os << b.index->getName(); }, ",");
  if (!t.getConditions().empty()) {
    os << " if ";
    llvm::interleave(t.getConditions(), os, [&](TermRef c) { os << *c; }, " and ");
  }
  os << ']';
}

void printRelative(llvm::raw_ostream &os, const Term &t) {
  llvm::SmallVector<std::string> factors;
  for (unsigned i = 0; i < t.getNumReferences(); ++i) {
    Reference r = t.getReference(i);
    std::string shifted = "(" + text(r.term) + (r.kind == ReferenceKind::Max ? " - max)" : " - mean)");
    if (r.kind == ReferenceKind::Max)
      factors.push_back("exp" + shifted);
    if (r.power)
      factors.push_back(power(shifted, r.power));
  }
  if (!t.getBody()->isNumber(1))
    factors.push_back(text(t.getBody()));
  os << getRow(t.getReducer()).name;
  printBound(os, t);
  os << '(' << (factors.empty() ? "1" : llvm::join(factors, "*")) << ')';
}
} // namespace

void Term::print(llvm::raw_ostream &os) const {
  switch (kind) {
  case TermKind::Number:
    return number.print(os);
  case TermKind::Index:
  case TermKind::Parameter:
    os << name;
    return;
  case TermKind::Extent:
    os << name.upper();
    return;
  case TermKind::Read:
    os << name << '[' << llvm::join(llvm::map_range(children, text), ",") << ']';
    return;
  case TermKind::Add:
    return printAdd(os, *this);
  case TermKind::Mul:
    return printMul(os, *this);
  case TermKind::Exp: {
    std::string s = text(children[0]);
    os << "exp" << (children[0]->is(TermKind::Add) ? s : "(" + s + ")");
    return;
  }
  case TermKind::Apply:
    return printApply(os, *this);
  case TermKind::Select:
    os << "select(" << llvm::join(llvm::map_range(children, text), ", ") << ')';
    return;
  case TermKind::Reduce:
    os << getRow(reducer).name;
    printBound(os, *this);
    os << '(' << *getBody() << ')';
    return;
  case TermKind::Relative:
    return printRelative(os, *this);
  case TermKind::Gather:
    os << "table(" << *getBody() << ")[" << llvm::join(llvm::map_range(getPositions(), text), ",") << ']';
    return;
  }
}

std::string Term::str(size_t limit) const {
  std::string s = text(this);
  if (s.size() > limit)
    s = s.substr(0, limit) + " ...";
  return s;
}

llvm::raw_ostream &attn::algebra::operator<<(llvm::raw_ostream &os, const Term &t) {
  t.print(os);
  return os;
}

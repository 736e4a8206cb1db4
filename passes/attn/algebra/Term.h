// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef ATTNC_PASSES_ATTN_ALGEBRA_TERM_H
#define ATTNC_PASSES_ATTN_ALGEBRA_TERM_H
#include "passes/attn/algebra/Number.h"
#include "passes/attn/algebra/Properties.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/FoldingSet.h"
#include "llvm/ADT/SmallVector.h"
#include <string>

namespace attn::algebra {

class Term;
using TermRef = const Term *;

/// What a term is. Everything that a map region or a cascade of them computes is one of these, in one normal form.
enum class TermKind : uint8_t {
  Number,    ///< a constant
  Index,     ///< the position in a rank; free, bound by a reduction, or opened for a rule to look at
  Parameter, ///< a scalar argument
  Extent,    ///< the extent of a rank
  Read,      ///< a tensor argument at index terms (the children)
  Add,       ///< constant + sum of weight * child
  Mul,       ///< coefficient * product of child ^ weight; quotients are negative powers, roots fractional ones
  Exp,       ///< at most one in a product; every other base is brought to it
  Apply,     ///< any other scalar function, known by its row in Properties.h
  Select,    ///< children: condition, value, other value
  Reduce,    ///< conditions and a body under bound indices; points that fail a condition are absent
  Relative,  ///< a reduction of g(A1 - ref1) * ... * rest; see Reference. Made by the derivation, never in its input
  Gather,    ///< a tensor (the body, over bound indices) read at computed positions
};

/// An index that a Reduce, Relative or Gather binds, and its extent where that is not the rank's own.
struct Binder {
  TermRef index;
  TermRef extent = nullptr;
  bool operator==(const Binder &o) const { return index == o.index && extent == o.extent; }
};

/// A factor of a Relative. The reference of kind Max is the running max of `term` over the same points, and the factor
/// is t^power exp(t) with t = term - max; that of kind Mean is the running mean, and the factor is t^power.
enum class ReferenceKind : uint8_t { Max, Mean };
struct Reference {
  ReferenceKind kind;
  TermRef term;
  unsigned power;
};

/// An immutable, uniqued term: equal terms are one object. Made by TermContext alone.
class Term : public llvm::FoldingSetNode {
public:
  TermKind getKind() const { return kind; }
  bool is(TermKind k) const { return kind == k; }
  bool isFunction(Function f) const { return kind == TermKind::Apply && function == f; }
  bool isReduction(Reducer r) const { return kind == TermKind::Reduce && reducer == r; }
  bool isNumber(const Number &n) const { return kind == TermKind::Number && number == n; }
  ValueType getType() const { return type; }
  bool isInteger() const { return type != ValueType::Float; }
  /// Order of creation: a canonical order of operands.
  unsigned getId() const { return id; }
  /// Bound indices are named by height, so that equal reductions are equal terms.
  unsigned getHeight() const { return height; }

  /// Index: its rank. Parameter, Extent, Read: the name.
  llvm::StringRef getName() const { return name; }
  /// Index: 0 free, > 0 bound at that height, < 0 opened.
  int getTag() const { return tag; }
  /// Index: the extent where it is not the rank's own.
  TermRef getIndexExtent() const { return indexExtent; }
  /// Number: the value. Add: the constant. Mul: the coefficient.
  const Number &getNumber() const { return number; }
  Function getFunction() const { return function; }
  /// Reduce and Relative.
  Reducer getReducer() const { return reducer; }

  /// All sub-terms in a fixed order (binders' extents excluded).
  llvm::ArrayRef<TermRef> getChildren() const { return children; }
  TermRef getChild(unsigned i) const { return children[i]; }
  /// Add: the coefficient of each child. Mul: the power of each child.
  llvm::ArrayRef<Number> getWeights() const { return weights; }
  llvm::ArrayRef<Binder> getBinders() const { return binders; }
  llvm::ArrayRef<TermRef> getConditions() const { return children.take_front(conditions); }
  /// Reduce: what is reduced. Relative: the rest. Gather: the tensor.
  TermRef getBody() const { return children[kind == TermKind::Gather ? 0 : children.size() - 1]; }
  /// Relative: the factors; their terms are children between the conditions and the body.
  Reference getReference(unsigned i) const { return {kinds[i], children[conditions + i], powers[i]}; }
  unsigned getNumReferences() const { return kinds.size(); }
  /// Gather: one position for each binder.
  llvm::ArrayRef<TermRef> getPositions() const { return children.drop_front(1); }
  /// Free indices, by id.
  llvm::ArrayRef<TermRef> getFreeIndices() const { return freeIndices; }
  bool mentions(TermRef index) const;
  bool isBinder() const { return kind == TermKind::Reduce || kind == TermKind::Relative || kind == TermKind::Gather; }

  /// The place in the spec that this term was first made for; 0 if none. Opaque to the algebra.
  unsigned getLocation() const { return location; }

  static void Profile(llvm::FoldingSetNodeID &id, const Term &t);
  void Profile(llvm::FoldingSetNodeID &id) const { Profile(id, *this); }

  /// A formula, with the names of the spec.
  void print(llvm::raw_ostream &os) const;
  /// The formula, cut after `limit` characters.
  std::string str(size_t limit = size_t(-1)) const;

private:
  friend class TermContext;
  TermKind kind = TermKind::Number;
  ValueType type = ValueType::Float;
  Function function = Function::True;
  Reducer reducer = Reducer::Sum;
  unsigned id = 0, height = 0, conditions = 0, location = 0;
  int tag = 0;
  llvm::StringRef name;
  TermRef indexExtent = nullptr;
  Number number;
  llvm::ArrayRef<TermRef> children, freeIndices;
  llvm::ArrayRef<Number> weights;
  llvm::ArrayRef<Binder> binders;
  llvm::ArrayRef<ReferenceKind> kinds;
  llvm::ArrayRef<unsigned> powers;
};

llvm::raw_ostream &operator<<(llvm::raw_ostream &os, const Term &t);

} // namespace attn::algebra
#endif

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// R2. The extent of an index is that of the declared rank of its name, else of an argument's rank of its name, else of
// a dimension that it reads directly. Extents of dimensions and of indices depend on each other through the equations,
// so they are found on demand.
#include "compiler/spec/Checks.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/StringSet.h"

using namespace llvm;

namespace attn::spec {

/// Longest chain of tensors that take an extent from one another; keeps the recursion below bounded.
static constexpr unsigned maxChain = 200;

namespace {

class ExtentFinder {
public:
  ExtentFinder(Kernel &kernel, TermBuilder &build, Diagnostics &diagnostics)
      : kernel(kernel), build(build), diagnostics(diagnostics) {
    for (const Tensor *argument : kernel.arguments)
      argumentRanks.insert(argument->ranks.begin(), argument->ranks.end());
    for (Equation &equation : kernel.equations)
      equations[equation.tensor].push_back(&equation);
  }

  void run() {
    for (auto &tensor : kernel.tensors)
      for (unsigned dim = 0; dim < tensor->ranks.size(); ++dim)
        ofDimension(*tensor, dim);
    for (Equation &equation : kernel.equations) {
      fillBinders(equation.rhs);
      fillLeft(equation);
    }
    for (const Tensor *result : kernel.results)
      for (auto [rank, extent] : zip(result->ranks, result->extents))
        if (!extent && !result->isBroken && equations.count(result))
          diagnostics
              .error(result->loc, "the extent of rank '" + rank + "' of result '" + result->name + "' is not known")
              .help = "declare it: rank " + rank.str() + " = ...";
  }

private:
  /// Null for a rank that only equations know.
  Term *ofRank(StringRef name, Loc loc) {
    return kernel.declaredRank(name) || argumentRanks.contains(name) ? build.extent(name, loc) : nullptr;
  }

  Term *ofDimension(Tensor &tensor, unsigned dim) {
    tensor.extents.resize(tensor.ranks.size(), nullptr);
    if (tensor.extents[dim])
      return tensor.extents[dim];
    if (!tensor.ranks[dim].empty() && tensor.role != TensorRole::Local)
      if (Term *extent = ofRank(tensor.ranks[dim], tensor.loc))
        return tensor.extents[dim] = extent;
    if (open.size() > maxChain || !open.insert({&tensor, dim}).second)
      return nullptr;
    Term *extent = nullptr;
    for (Equation *equation : equations[&tensor]) {
      const Term *left = dim < equation->left.size() ? equation->left[dim] : nullptr;
      if (!extent && left && left->kind == TermKind::Index && equation->rhs)
        extent = ofFreeIndex(*equation, left->name, left->loc);
    }
    open.erase({&tensor, dim});
    return tensor.extents[dim] = extent;
  }

  Term *ofFreeIndex(Equation &equation, StringRef name, Loc loc) {
    for (const BoundIndex &bound : equation.bounds)
      if (bound.name == name && bound.extent)
        return bound.extent;
    if (Term *extent = ofRank(name, loc))
      return extent;
    Term *extent = nullptr;
    for (auto [dim, left] : enumerate(equation.left))
      if (left && left->kind == TermKind::Index && left->name == name && equation.tensor->role != TensorRole::Local &&
          dim < equation.tensor->extents.size())
        agree(extent, equation.tensor->extents[dim], left->loc, name);
    for (Term *left : equation.left)
      ofReads(left, name, extent);
    ofReads(equation.rhs, name, extent);
    return extent ? extent : ofPlaces(equation.rhs, name);
  }

  /// A place in a set has the extent of the set's capacity, where nothing else gives one.
  Term *ofPlaces(Term *term, StringRef name) {
    if (!term || any_of(term->binders, [&](const BoundIndex &binder) { return binder.name == name; }))
      return nullptr;
    if (term->kind == TermKind::Place && term->args[1]->kind == TermKind::Index && term->args[1]->name == name)
      return capacityOf(term->args[0], 0);
    for (Term *arg : term->args)
      if (Term *extent = ofPlaces(arg, name))
        return extent;
    Term *extent = ofPlaces(term->condition, name);
    return extent ? extent : ofPlaces(term->parameter, name);
  }

  /// The most members that a set can have: as declared, a literal k of `topk`, else the number of points selected from.
  Term *capacityOf(Term *set, unsigned depth) {
    if (depth > maxChain)
      return nullptr;
    if (set->kind == TermKind::If || set->kind == TermKind::Else)
      return capacityOf(set->args[0], depth + 1);
    if (set->kind == TermKind::Read) {
      if (set->tensor->capacity)
        return set->tensor->capacity;
      for (Equation *equation : equations[set->tensor])
        if (Term *capacity = equation->rhs ? capacityOf(equation->rhs, depth + 1) : nullptr)
          return capacity;
      return nullptr;
    }
    if (set->kind != TermKind::Select)
      return nullptr;
    if (set->selection == SelectionKind::TopK && set->parameter->kind == TermKind::Int)
      return set->parameter; // another k may be negative
    Term *points = nullptr;
    for (const BoundIndex &binder : set->binders) {
      Term *extent = binder.extent ? binder.extent : ofRank(binder.name, binder.loc);
      if (!extent)
        ofReads(set->args[0], binder.name, extent);
      if (!extent)
        return nullptr;
      points = points ? build.map(MapOp::Mul, set->loc, {points, extent}) : extent;
    }
    return points;
  }

  /// Extents of the dimensions that a free index reads directly.
  void ofReads(Term *term, StringRef name, Term *&extent) {
    if (!term || any_of(term->binders, [&](const BoundIndex &binder) { return binder.name == name; }))
      return;
    if (term->kind == TermKind::Read)
      for (auto [dim, subscript] : enumerate(term->args))
        if (subscript->kind == TermKind::Index && subscript->name == name && dim < term->tensor->ranks.size())
          agree(extent, ofDimension(*term->tensor, dim), subscript->loc, name);
    for (Term *arg : term->args)
      ofReads(arg, name, extent);
    ofReads(term->condition, name, extent);
    ofReads(term->parameter, name, extent);
  }

  void agree(Term *&extent, Term *other, Loc loc, StringRef index) {
    if (!other || !extent) {
      extent = extent ? extent : other;
      return;
    }
    std::string first = print(extent), second = print(other);
    if (first == second)
      return;
    if (extent->kind == TermKind::Int && other->kind == TermKind::Int) {
      diagnostics.error(loc, "index '" + index + "' has two extents: " + first + " != " + second);
    } else if (required.insert(first + "==" + second).second) {
      kernel.requirements.push_back({loc, build.map(MapOp::Equal, loc, {extent, other})});
    }
  }

  void missing(StringRef name, Loc loc, const CallSite *site) {
    Diagnostic &error = diagnostics.error(loc, "unknown name '" + name + "'");
    Diagnostics::addUses(error, site);
    error.help = "an index takes its extent from a rank of an argument, from 'rank " + name.str() +
                 " = ...', or from a tensor that it reads directly";
  }

  /// Gives every bound index its extent, outermost first.
  void fillBinders(Term *term) {
    if (!term)
      return;
    SmallVector<BoundIndex> filled;
    for (const BoundIndex &binder : term->binders) {
      BoundIndex one = binder;
      if (!one.extent && !kernel.declaredRank(one.name) && !argumentRanks.contains(one.name)) {
        for (Term *arg : term->args)
          ofReads(arg, one.name, one.extent);
        ofReads(term->condition, one.name, one.extent);
        for (Term *arg : term->args)
          if (!one.extent)
            one.extent = ofPlaces(arg, one.name);
      } else if (!one.extent) {
        one.extent = ofRank(one.name, one.loc);
      }
      if (!one.extent)
        missing(one.name, one.loc, term->site);
      filled.push_back(one);
    }
    if (!filled.empty())
      term->binders = build.bind(filled);
    for (Term *arg : term->args)
      fillBinders(arg);
    fillBinders(term->condition);
    fillBinders(term->parameter);
  }

  /// Leaves in `bounds` the extents of all indices on the left.
  void fillLeft(Equation &equation) {
    if (!equation.rhs)
      return;
    IndexSet left;
    for (const Term *term : equation.left)
      collectFreeIndices(term, left);
    SmallVector<BoundIndex, 2> bounds;
    for (StringRef name : left) {
      Loc loc = equation.loc;
      for (const Term *term : equation.left)
        if (const Term *mention = findMention(term, name))
          loc = mention->loc;
      Term *extent = ofFreeIndex(equation, name, loc);
      if (!extent)
        missing(name, loc, equation.site);
      bounds.push_back({name, loc, extent});
    }
    equation.bounds = bounds;
  }

  Kernel &kernel;
  TermBuilder &build;
  Diagnostics &diagnostics;
  IndexSet argumentRanks;
  DenseMap<const Tensor *, SmallVector<Equation *, 2>> equations;
  DenseSet<std::pair<const Tensor *, unsigned>> open;
  StringSet<> required;
};

} // namespace

void checkExtents(Kernel &kernel, TermBuilder &build, Diagnostics &diagnostics) {
  ExtentFinder(kernel, build, diagnostics).run();
}

} // namespace attn::spec

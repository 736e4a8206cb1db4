// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Conditions become alternatives of conjunctions of linear constraints over integers (quotients by constants are names
// with their two bounds). Fourier-Motzkin elimination, with coefficients divided by what they share and constants
// rounded down, finds the contradiction.
#include "compiler/spec/Proof.h"
#include <map>
#include <numeric>

using namespace llvm;

namespace attn::spec {

/// A proof that needs more constraints or alternatives is given up.
static constexpr size_t maxConstraints = 400, maxAlternatives = 256;
/// What exceeds it is a name; a proof in which numbers grow beyond is given up.
static constexpr int64_t maxNumber = int64_t(1) << 30;

namespace {

/// constant + sum of coefficient * name.
struct Form {
  std::map<std::string, int64_t> coefficients;
  int64_t constant = 0;

  Form() = default;
  explicit Form(int64_t constant) : constant(constant) {}

  /// Products of small forms fit.
  bool isSmall() const {
    auto fits = [](int64_t number) { return number <= maxNumber && number >= -maxNumber; };
    return fits(constant) && all_of(coefficients, [&](const auto &each) { return fits(each.second); });
  }

  void add(const Form &other, int64_t factor) {
    for (const auto &[name, coefficient] : other.coefficients)
      if ((coefficients[name] += factor * coefficient) == 0)
        coefficients.erase(name);
    constant += factor * other.constant;
  }
  Form minus(const Form &other, int64_t more = 0) const {
    Form result = *this;
    result.add(other, -1);
    result.constant += more;
    return result;
  }
  Form scaled(int64_t factor) const {
    Form result;
    result.add(*this, factor);
    return result;
  }
};

using Constraints = std::vector<Form>; ///< each >= 0

class Prover {
public:
  Prover(ArrayRef<BoundIndex> indices, const Kernel &kernel) : kernel(kernel) {
    for (const BoundIndex &index : indices)
      if (index.extent)
        extents[index.name.str()] = index.extent;
  }

  Form linear(const Term *term) {
    auto named = [&](std::string name) {
      Form form;
      form.coefficients[name] = 1;
      return form;
    };
    switch (term->kind) {
    case TermKind::Int:
      if (Form(term->integer).isSmall())
        return Form(term->integer);
      break;
    case TermKind::Extent:
      if (const RankDecl *decl = kernel.declaredRank(term->name); decl && decl->over.empty() && decl->extent)
        return linear(decl->extent);
      break;
    case TermKind::Map:
      if (term->op == MapOp::Neg)
        return linear(term->args[0]).scaled(-1);
      if (term->op <= MapOp::Mod)
        if (Form form = arithmetic(term); form.isSmall())
          return form;
      break;
    default:
      break;
    }
    Form form = named(print(term));
    if (term->kind == TermKind::Extent)
      note(print(term), form);
    if (auto extent = extents.find(print(term)); term->kind == TermKind::Index && extent != extents.end())
      if (note(print(term), form))
        facts.push_back(linear(extent->second).minus(form, -1));
    return form;
  }

  /// Whether the literals from `next` on contradict what is assumed.
  bool refute(SmallVector<Literal> pending, Constraints constraints, std::map<std::string, bool> atoms) {
    if (++alternatives > maxAlternatives)
      return false;
    while (!pending.empty()) {
      Literal literal = pending.pop_back_val();
      const Term *condition = literal.condition;
      bool holds = literal.holds;
      if (condition->kind == TermKind::Bool) {
        if (bool(condition->integer) != holds)
          return true;
        continue;
      }
      MapOp op = condition->kind == TermKind::Map ? condition->op : MapOp::Exp;
      if (op == MapOp::Not) {
        pending.push_back({condition->args[0], !holds});
      } else if (op == MapOp::And || op == MapOp::Or) {
        if ((op == MapOp::And) == holds) {
          for (const Term *arg : condition->args)
            pending.push_back({arg, holds});
          continue;
        }
        return all_of(condition->args, [&](const Term *arg) {
          SmallVector<Literal> one(pending);
          one.push_back({arg, holds});
          return refute(one, constraints, atoms);
        });
      } else if (isComparison(condition) && (holds || !readsTensor(condition))) { // false where the read is absent too
        std::vector<Constraints> either = comparison(condition, holds);
        if (either.size() > 1)
          return all_of(either, [&](const Constraints &one) {
            Constraints more = constraints;
            append_range(more, one);
            return refute(pending, more, atoms);
          });
        append_range(constraints, either.front());
      } else if (auto [known, isNew] = atoms.try_emplace(print(condition), holds); !isNew && known->second != holds) {
        return true;
      }
    }
    append_range(constraints, facts);
    return isEmpty(std::move(constraints));
  }

private:
  static bool readsTensor(const Term *term) {
    bool reads = false;
    walk(const_cast<Term *>(term), [&](Term *inner) { reads |= inner->kind == TermKind::Read; });
    return reads;
  }

  static bool isComparison(const Term *term) {
    return term->kind == TermKind::Map && term->op >= MapOp::Less && term->op <= MapOp::NotEqual &&
           all_of(term->args, [](const Term *arg) { return arg->type == TypeClass::Int; });
  }

  /// Adds that `form`, called `name`, is not negative; false if that is known.
  bool note(std::string name, const Form &form) {
    if (!noted.insert({name, true}).second)
      return false;
    facts.push_back(form);
    return true;
  }

  Form arithmetic(const Term *term) {
    Form a = linear(term->args[0]), b = linear(term->args[1]);
    switch (term->op) {
    case MapOp::Add:
      a.add(b, 1);
      return a;
    case MapOp::Sub:
      return a.minus(b);
    case MapOp::Mul:
      if (a.coefficients.empty() || b.coefficients.empty())
        return a.coefficients.empty() ? b.scaled(a.constant) : a.scaled(b.constant);
      break;
    default:
      if (b.coefficients.empty() && b.constant > 0)
        return quotient(term, a, b.constant);
      break;
    }
    Form form;
    form.coefficients[print(term)] = 1;
    return form;
  }

  /// q = a / n, with 0 <= a - n*q < n; or a - n*q.
  Form quotient(const Term *term, const Form &a, int64_t n) {
    Form q;
    std::string name = "(" + print(term->args[0]) + ")/" + std::to_string(n);
    q.coefficients[name] = 1;
    Form remainder = a.minus(q.scaled(n));
    if (note(name, remainder))
      facts.push_back(Form(n - 1).minus(remainder));
    return term->op == MapOp::Div ? q : remainder;
  }

  /// As alternatives, each a conjunction.
  std::vector<Constraints> comparison(const Term *term, bool holds) {
    Form a = linear(term->args[0]), b = linear(term->args[1]);
    MapOp op = term->op;
    if (op == MapOp::Greater || op == MapOp::GreaterEqual) {
      std::swap(a, b);
      op = op == MapOp::Greater ? MapOp::Less : MapOp::LessEqual;
    }
    if (op == MapOp::Less || op == MapOp::LessEqual) {
      bool isStrict = (op == MapOp::Less) == holds;
      return {{holds ? b.minus(a, isStrict ? -1 : 0) : a.minus(b, isStrict ? 0 : -1)}};
    }
    if ((op == MapOp::Equal) == holds)
      return {{a.minus(b), b.minus(a)}};
    return {{a.minus(b, -1)}, {b.minus(a, -1)}};
  }

  /// Divides by what the coefficients share; false where numbers grow too large to go on.
  static bool reduce(Form &form) {
    int64_t shared = 0;
    if (!form.isSmall())
      return false;
    for (const auto &[name, coefficient] : form.coefficients)
      shared = std::gcd(shared, coefficient);
    if (shared > 1) {
      for (auto &[name, coefficient] : form.coefficients)
        coefficient /= shared;
      int64_t rest = form.constant % shared;
      form.constant = form.constant / shared - (rest < 0);
    }
    return true;
  }

  static bool isEmpty(Constraints constraints) {
    for (;;) {
      std::string name;
      for (Form &form : constraints) {
        if (!reduce(form))
          return false;
        if (form.coefficients.empty() && form.constant < 0)
          return true;
        if (name.empty() && !form.coefficients.empty())
          name = form.coefficients.begin()->first;
      }
      if (name.empty() || constraints.size() > maxConstraints)
        return false;
      constraints = eliminate(constraints, name);
    }
  }

  static Constraints eliminate(const Constraints &constraints, const std::string &name) {
    Constraints rest;
    std::vector<std::pair<const Form *, int64_t>> lower, upper;
    for (const Form &form : constraints) {
      auto found = form.coefficients.find(name);
      if (found == form.coefficients.end())
        rest.push_back(form);
      else
        (found->second > 0 ? lower : upper).push_back({&form, std::abs(found->second)});
    }
    for (auto [low, a] : lower)
      for (auto [high, b] : upper) {
        Form sum = low->scaled(b);
        sum.add(*high, a);
        rest.push_back(std::move(sum));
      }
    return rest;
  }

  const Kernel &kernel;
  std::map<std::string, const Term *> extents; ///< of indices
  std::map<std::string, bool> noted;
  Constraints facts;
  size_t alternatives = 0;
};

} // namespace

bool isImpossible(ArrayRef<Literal> literals, ArrayRef<BoundIndex> indices, const Kernel &kernel) {
  return Prover(indices, kernel).refute(SmallVector<Literal>(literals), {}, {});
}

std::optional<Offset> offsetFrom(const Term *term, const Term *extent, const Kernel &kernel) {
  Prover prover({}, kernel);
  Form position = prover.linear(term);
  if (position.coefficients.empty())
    return Offset{position.constant, false};
  Form distance = position.minus(prover.linear(extent));
  if (distance.coefficients.empty())
    return Offset{distance.constant, true};
  return std::nullopt;
}

} // namespace attn::spec

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "test/unit/AlgebraCascade.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallVectorExtras.h"
#include "llvm/ADT/StringExtras.h"
#include <cmath>

using namespace attn::algebra;
namespace T = attn::algebra::test;
using T::Array, T::Data, T::Expr, T::Node, T::Tensor;

// ---- building

static Expr make(Node node) { return std::make_shared<Node>(std::move(node)); }
static Expr make(Node::Kind kind, std::vector<Expr> children) {
  Node n;
  n.kind = kind;
  n.children = std::move(children);
  return make(std::move(n));
}
static Expr named(Node::Kind kind, const std::string &name, std::vector<Expr> children = {}) {
  Node n;
  n.kind = kind;
  n.name = name;
  n.children = std::move(children);
  return make(std::move(n));
}
static std::vector<Expr> indices(const std::vector<std::string> &names) {
  std::vector<Expr> r;
  for (const std::string &n : names)
    r.push_back(T::index(n));
  return r;
}

Expr T::constant(double v) {
  Node n;
  n.kind = Node::Constant;
  n.value = v;
  return make(n);
}
Expr T::index(const std::string &name) { return named(Node::Index, name); }
Expr T::parameter(const std::string &name) { return named(Node::Parameter, name); }
Expr T::input(const std::string &name, const std::vector<std::string> &at) { return inputAt(name, indices(at)); }
Expr T::inputAt(const std::string &name, const std::vector<Expr> &positions) {
  return named(Node::Input, name, positions);
}
Expr T::operator+(Expr a, Expr b) { return make(Node::Add, {a, b}); }
Expr T::operator-(Expr a, Expr b) { return make(Node::Subtract, {a, b}); }
Expr T::operator*(Expr a, Expr b) { return make(Node::Multiply, {a, b}); }
Expr T::operator/(Expr a, Expr b) { return make(Node::Divide, {a, b}); }
Expr T::exp(Expr a) { return make(Node::Exp, {a}); }
Expr T::power(Expr a, double exponent) {
  Node n;
  n.kind = Node::Power;
  n.value = exponent;
  n.children = {a};
  return make(n);
}
Expr T::apply(Function f, std::vector<Expr> arguments) {
  Node n;
  n.kind = Node::Apply;
  n.function = f;
  n.children = std::move(arguments);
  return make(n);
}
Expr T::select(Expr c, Expr a, Expr b) { return make(Node::Select, {c, a, b}); }
Expr T::onlyIf(Expr a, Expr condition) { return make(Node::If, {a, condition}); }
Expr T::orElse(Expr a, double v) { return make(Node::Else, {a, constant(v)}); }
Expr T::reduce(Reducer op, const std::vector<std::string> &bound, Expr body) {
  Node n;
  n.kind = Node::Reduce;
  n.reducer = op;
  n.bound = bound;
  n.children = {body};
  return make(n);
}
Tensor T::define(const std::string &name, const std::vector<std::string> &dims, Expr body) {
  return std::make_shared<Definition>(Definition{name, dims, body});
}
Expr T::at(Tensor t) { return at(t, t->dims); }
Expr T::at(Tensor t, const std::vector<std::string> &names) { return at(t, indices(names)); }
Expr T::at(Tensor t, const std::vector<Expr> &positions) {
  Node n;
  n.kind = Node::Read;
  n.definition = t;
  n.children = positions;
  return make(n);
}

Tensor T::softmaxOf(Tensor s, const std::vector<std::string> &over) {
  std::vector<std::string> rest;
  for (const std::string &d : s->dims)
    if (!llvm::is_contained(over, d))
      rest.push_back(d);
  Tensor x = define("X", rest, max(over, at(s)));
  Tensor n = define("N", s->dims, exp(at(s) - at(x)));
  Tensor d = define("D", rest, sum(over, at(n)));
  return define("A", s->dims, at(n) / at(d));
}
Expr T::logSumExp(Expr s, const std::vector<std::string> &over) {
  Expr x = max(over, s);
  return x + apply(Function::Log, {sum(over, exp(s - x))});
}

// ---- evaluating as the text says

double Array::at(llvm::ArrayRef<int64_t> position) const {
  int64_t flat = 0;
  for (auto [p, n] : llvm::zip_equal(position, sizes)) {
    if (n == 0)
      return 0;
    flat = flat * n + std::min(std::max<int64_t>(p, 0), n - 1);
  }
  return data[flat];
}

namespace {
/// A value, or the index sets of the conditions that removed the point.
struct Point {
  double value = 0;
  std::vector<std::set<std::string>> removed;
};

class Direct {
public:
  explicit Direct(const Data &data) : data(data) {}
  Point eval(const Expr &e);
  Point read(const Tensor &t, const std::vector<int64_t> &position);

private:
  Point reduce(const Node &n);
  Point access(const Node &n);
  double apply(const Node &n, const std::vector<double> &x);
  static void indicesOf(const Expr &e, std::set<std::string> &out);
  const Data &data;
  std::map<std::string, int64_t> environment;
  std::map<std::pair<const T::Definition *, std::vector<int64_t>>, Point> memo;
};
} // namespace

void Direct::indicesOf(const Expr &e, std::set<std::string> &out) {
  if (e->kind == Node::Index)
    out.insert(e->name);
  for (const Expr &c : e->children)
    indicesOf(c, out);
}

Point Direct::read(const Tensor &t, const std::vector<int64_t> &position) {
  auto [it, isNew] = memo.try_emplace({t.get(), position});
  if (!isNew)
    return it->second;
  std::map<std::string, int64_t> outer;
  std::swap(outer, environment);
  for (auto [d, p] : llvm::zip_equal(t->dims, position))
    environment[d] = p;
  Point r = eval(t->body);
  std::swap(outer, environment);
  return memo[{t.get(), position}] = r;
}

Point Direct::access(const Node &n) {
  std::vector<int64_t> position;
  for (const Expr &c : n.children)
    position.push_back(int64_t(eval(c).value));
  if (n.kind == Node::Input)
    return {data.inputs.at(n.name).at(position), {}};
  Point r = read(n.definition, position);
  for (auto &blame : r.removed) { // in the reader's names
    std::set<std::string> mine;
    for (auto [d, c] : llvm::zip_equal(n.definition->dims, n.children))
      if (blame.count(d))
        indicesOf(c, mine);
    blame = mine;
  }
  return r;
}

static double combine(Reducer op, double a, double b) {
  switch (op) {
  case Reducer::Product:
    return a * b;
  case Reducer::Max:
    return std::isnan(a) || std::isnan(b) ? NAN : std::max(a, b);
  case Reducer::Min:
    return std::isnan(a) || std::isnan(b) ? NAN : std::min(a, b);
  case Reducer::Any:
    return a != 0 || b != 0;
  case Reducer::All:
    return a != 0 && b != 0;
  default:
    return a + b;
  }
}

Point Direct::reduce(const Node &n) {
  double value = getRow(n.reducer).identity, best = -INFINITY;
  int64_t count = 0, where = -1;
  Point kept;
  std::function<void(size_t)> loop = [&](size_t k) {
    if (k < n.bound.size()) {
      auto saved = environment;
      for (int64_t i = 0; i < data.extents.at(n.bound[k]); ++i) {
        environment[n.bound[k]] = i;
        loop(k + 1);
      }
      environment = saved;
      return;
    }
    Point p = eval(n.children[0]);
    for (auto &blame : p.removed) // a condition without the reduced indices stays on the result (R12)
      if (llvm::none_of(n.bound, [&](const std::string &b) { return blame.count(b); }))
        kept.removed.push_back(blame);
    if (!p.removed.empty())
      return;
    ++count;
    if (p.value > best) {
      best = p.value;
      where = environment[n.bound[0]];
    }
    value = combine(n.reducer, value, p.value);
  };
  loop(0);
  if (!kept.removed.empty())
    return kept;
  if (getRow(n.reducer).selectsIndex)
    return {double(std::max<int64_t>(where, 0)), {}};
  return {getRow(n.reducer).ratio ? (count ? value / count : 0) : value, {}};
}

double Direct::apply(const Node &n, const std::vector<double> &x) {
  switch (n.kind) {
  case Node::Add:
    return x[0] + x[1];
  case Node::Subtract:
    return x[0] == -INFINITY && x[1] == -INFINITY ? -INFINITY : x[0] - x[1];
  case Node::Multiply:
    return x[0] * x[1];
  case Node::Divide:
    return x[0] == 0 && x[1] == 0 ? 0 : x[0] / x[1];
  case Node::Exp:
    return std::exp(x[0]);
  case Node::Power:
    return std::pow(x[0], n.value);
  default:
    break;
  }
  switch (n.function) {
  case Function::Log:
    return std::log(x[0]);
  case Function::Tanh:
    return std::tanh(x[0]);
  case Function::Sigmoid:
    return 1 / (1 + std::exp(-x[0]));
  case Function::Relu:
    return std::isnan(x[0]) ? x[0] : std::max(x[0], 0.0);
  case Function::Softplus:
    return std::log1p(std::exp(-std::abs(x[0]))) + std::max(x[0], 0.0);
  case Function::Abs:
    return std::abs(x[0]);
  case Function::Max:
    return combine(Reducer::Max, x[0], x[1]);
  case Function::Less:
    return x[0] < x[1];
  case Function::LessEqual:
    return x[0] <= x[1];
  case Function::Equal:
    return x[0] == x[1];
  case Function::NotEqual:
    return x[0] != x[1];
  case Function::And:
    return x[0] != 0 && x[1] != 0;
  case Function::Or:
    return x[0] != 0 || x[1] != 0;
  case Function::IntMod:
    return x[0] - x[1] * std::floor(x[0] / x[1]);
  default:
    llvm_unreachable("function without a reference");
  }
}

Point Direct::eval(const Expr &e) {
  const Node &n = *e;
  switch (n.kind) {
  case Node::Constant:
    return {n.value, {}};
  case Node::Index:
    return {double(environment.at(n.name)), {}};
  case Node::Extent:
    return {double(data.extents.at(n.name)), {}};
  case Node::Parameter:
    return {data.parameters.at(n.name), {}};
  case Node::Input:
  case Node::Read:
    return access(n);
  case Node::Reduce:
    return reduce(n);
  case Node::Else: {
    Point p = eval(n.children[0]);
    return p.removed.empty() ? p : eval(n.children[1]);
  }
  case Node::If: {
    Point c = eval(n.children[1]), p = eval(n.children[0]);
    llvm::append_range(p.removed, c.removed);
    if (c.removed.empty() && c.value == 0)
      indicesOf(n.children[1], p.removed.emplace_back());
    return p;
  }
  case Node::Select: {
    Point c = eval(n.children[0]);
    return eval(n.children[c.value != 0 ? 1 : 2]);
  }
  default:
    break;
  }
  Point r;
  std::vector<double> x;
  for (const Expr &c : n.children) {
    Point p = eval(c);
    llvm::append_range(r.removed, p.removed);
    x.push_back(p.value);
  }
  r.value = apply(n, x);
  return r;
}

Array T::evaluate(const Tensor &t, const Data &data) {
  Direct direct(data);
  Array r;
  int64_t count = 1;
  for (const std::string &d : t->dims) {
    r.sizes.push_back(data.extents.at(d));
    count *= r.sizes.back();
  }
  for (int64_t flat = 0; flat < count; ++flat) {
    std::vector<int64_t> position(t->dims.size());
    int64_t rest = flat;
    for (size_t i = position.size(); i-- > 0; rest /= r.sizes[i])
      position[i] = rest % r.sizes[i];
    Point p = direct.read(t, position);
    r.data.push_back(p.removed.empty() ? p.value : 0);
  }
  return r;
}

// ---- to terms

namespace {
struct Lowered {
  TermRef term;
  llvm::SmallVector<TermRef> conditions;
};

class Lowering {
public:
  explicit Lowering(TermContext &context) : context(context) {}
  Lowered lower(const Expr &e);
  Lowered lower(const Tensor &t);

private:
  TermRef combine(const Node &n, llvm::ArrayRef<TermRef> x);
  Lowered reduce(const Node &n);
  Lowered select(const Node &n);
  TermContext &context;
  std::map<const T::Definition *, Lowered> memo;
};
} // namespace

Lowered Lowering::lower(const Tensor &t) {
  auto it = memo.find(t.get());
  return it != memo.end() ? it->second : memo[t.get()] = lower(t->body);
}

Lowered Lowering::reduce(const Node &n) {
  Lowered body = lower(n.children[0]), r;
  llvm::SmallVector<Binder> binders;
  for (const std::string &b : n.bound)
    binders.push_back({context.index(b)});
  llvm::SmallVector<TermRef> filters;
  for (TermRef c : body.conditions)
    (mentionsAny(c, binders) ? filters : r.conditions).push_back(c);
  r.term = context.reduce(n.reducer, binders, filters, body.term);
  return r;
}

/// The branch that is not taken is neither read nor missed (R11).
Lowered Lowering::select(const Node &n) {
  Lowered c = lower(n.children[0]), a = lower(n.children[1]), b = lower(n.children[2]);
  llvm::SmallVector<TermRef> ifTaken = {c.term}, ifNot = {context.negation(c.term)};
  for (TermRef x : a.conditions)
    (llvm::is_contained(b.conditions, x) ? c.conditions : ifTaken).push_back(x);
  for (TermRef x : b.conditions)
    if (!llvm::is_contained(a.conditions, x))
      ifNot.push_back(x);
  if (ifTaken.size() + ifNot.size() > 2)
    c.conditions.push_back(context.apply(Function::Or, {context.conjunction(ifTaken), context.conjunction(ifNot)}));
  return {context.select(c.term, a.term, b.term), c.conditions};
}

TermRef Lowering::combine(const Node &n, llvm::ArrayRef<TermRef> x) {
  switch (n.kind) {
  case Node::Add:
    return context.add(x[0], x[1]);
  case Node::Subtract:
    return context.sub(x[0], x[1]);
  case Node::Multiply:
    return context.mul(x[0], x[1]);
  case Node::Divide:
    return context.div(x[0], x[1]);
  case Node::Exp:
    return context.exp(x[0]);
  case Node::Power:
    return context.power(x[0], Number::real(n.value));
  case Node::Input:
    return context.read(n.name, x, ValueType::Float);
  default:
    return context.apply(n.function, x);
  }
}

Lowered Lowering::lower(const Expr &e) {
  const Node &n = *e;
  switch (n.kind) {
  case Node::Constant:
    return {context.number(Number::real(n.value)), {}};
  case Node::Index:
    return {context.index(n.name), {}};
  case Node::Extent:
    return {context.extent(n.name), {}};
  case Node::Parameter:
    return {context.parameter(n.name, ValueType::Float), {}};
  case Node::Reduce:
    return reduce(n);
  default:
    break;
  }
  if (n.kind == Node::Select)
    return select(n);
  Lowered r;
  llvm::SmallVector<TermRef> x;
  for (const Expr &c : n.children) {
    Lowered l = lower(c);
    x.push_back(l.term);
    if (n.kind != Node::Else)
      llvm::append_range(r.conditions, l.conditions);
  }
  if (n.kind == Node::If) {
    r.term = x[0];
    r.conditions.push_back(x[1]);
  } else if (n.kind == Node::Else) {
    auto removable = lower(n.children[0]).conditions;
    r.term = removable.empty() ? x[0] : context.select(context.conjunction(removable), x[0], x[1]);
  } else if (n.kind == Node::Read) {
    Lowered t = lower(n.definition);
    llvm::SmallVector<TermRef> dims;
    Substitution map;
    for (auto [d, p] : llvm::zip_equal(n.definition->dims, x)) {
      dims.push_back(context.index(d));
      map[dims.back()] = p;
    }
    r.term = context.gather(dims, t.term, x);
    for (TermRef c : t.conditions)
      r.conditions.push_back(context.substitute(c, map));
  } else {
    r.term = combine(n, x);
  }
  return r;
}

Value T::lower(TermContext &context, const Tensor &t) {
  Lowered l = Lowering(context).lower(t);
  Value v{t->name, {}, l.term, l.conditions};
  for (const std::string &d : t->dims)
    v.dims.push_back(context.index(d));
  return v;
}

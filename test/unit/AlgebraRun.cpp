// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "test/unit/AlgebraRun.h"
#include "llvm/ADT/STLExtras.h"
#include <cmath>

using namespace attn::algebra;
namespace T = attn::algebra::test;
using T::Array, T::Data;

namespace {
/// A state: a value; with a mean its count, with an argmax the value of the position.
struct Cell {
  double value = 0, other = 0;
};
using Table = std::vector<Cell>; // over the free indices of its term
using State = llvm::DenseMap<TermRef, Table>;

class Evaluator {
public:
  explicit Evaluator(const Data &data) : data(data) {}
  double eval(TermRef t);
  int64_t extent(TermRef index);
  int64_t flat(TermRef t);
  int64_t size(TermRef t);
  /// Calls f at each point of `indices` (bound in the environment).
  void loop(llvm::ArrayRef<TermRef> indices, llvm::function_ref<void()> f);
  double round(double v) const { return data.isFloat32 ? double(float(v)) : v; }
  double difference(double a, double b) const { return a == -INFINITY && b == -INFINITY ? a : round(a - b); }
  llvm::DenseMap<TermRef, int64_t> at;
  State values; // finished accumulators

private:
  double compute(TermRef t);
  double add(TermRef t);
  double mul(TermRef t);
  double apply(TermRef t);
  double reduce(TermRef t);
  const Data &data;
  llvm::DenseMap<TermRef, std::vector<std::optional<double>>> memo;
};

double combine(Reducer op, double a, double b) {
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

Cell identity(Reducer op) {
  if (getRow(op).selectsIndex)
    return {0, -INFINITY};
  return {getRow(op).identity, 0};
}

Cell combine(Reducer op, Cell a, Cell b) {
  if (getRow(op).ratio) {
    double n = a.other + b.other;
    return {n ? a.value + (b.value - a.value) * (b.other / n) : 0, n};
  }
  if (getRow(op).selectsIndex)
    return b.other > a.other || (b.other == a.other && b.value < a.value) ? b : a;
  return {combine(op, a.value, b.value), 0};
}
} // namespace

int64_t Evaluator::extent(TermRef index) {
  return index->getIndexExtent() ? int64_t(eval(index->getIndexExtent())) : data.extents.at(index->getName().str());
}
int64_t Evaluator::flat(TermRef t) {
  int64_t r = 0;
  for (TermRef i : t->getFreeIndices())
    r = r * extent(i) + at.lookup(i);
  return r;
}
int64_t Evaluator::size(TermRef t) {
  int64_t r = 1;
  for (TermRef i : t->getFreeIndices())
    r *= extent(i);
  return r;
}
void Evaluator::loop(llvm::ArrayRef<TermRef> indices, llvm::function_ref<void()> f) {
  if (indices.empty())
    return f();
  for (int64_t i = 0, n = extent(indices[0]); i < n; ++i) {
    at[indices[0]] = i;
    loop(indices.drop_front(), f);
  }
}

double Evaluator::eval(TermRef t) {
  if (t->is(TermKind::Number))
    return t->getNumber().toDouble();
  if (t->is(TermKind::Index))
    return at.lookup(t);
  if (auto it = values.find(t); it != values.end())
    return it->second[flat(t)].value;
  int64_t place = flat(t);
  auto &slots = memo[t];
  if (slots.empty())
    slots.resize(size(t));
  if (slots[place])
    return *slots[place];
  double v = round(compute(t));
  memo[t][place] = v;
  return v;
}

double Evaluator::add(TermRef t) {
  double r = 0;
  bool up = false, down = false, nan = false;
  for (auto [w, c] : llvm::zip_equal(t->getWeights(), t->getChildren())) {
    double v = eval(c);
    (w.isNegative() ? down : up) |= v == -INFINITY;
    nan |= std::isnan(v);
    r = round(r + round(w.toDouble() * v));
  }
  return up && down && !nan ? -INFINITY : r + t->getNumber().toDouble();
}

double Evaluator::mul(TermRef t) {
  double above = t->getNumber().toDouble(), below = 1;
  for (auto [w, c] : llvm::zip_equal(t->getWeights(), t->getChildren())) {
    double v = eval(c), n = std::abs(w.toDouble());
    double p = n == 1 ? v : n == 0.5 ? std::sqrt(v) : std::pow(v, n);
    double &side = w.isNegative() ? below : above;
    side = round(side * p);
  }
  return above == 0 && below == 0 ? 0 : above / below;
}

double Evaluator::apply(TermRef t) {
  auto x = [&](unsigned i) { return eval(t->getChild(i)); };
  auto fold = [&](Reducer op) {
    double r = x(0);
    for (unsigned i = 1; i < t->getChildren().size(); ++i)
      r = ::combine(op, r, x(i));
    return r;
  };
  switch (t->getFunction()) {
  case Function::Log:
    return std::log(x(0));
  case Function::Tanh:
    return std::tanh(x(0));
  case Function::Sigmoid:
    return 1 / (1 + std::exp(-x(0)));
  case Function::Relu:
    return std::isnan(x(0)) ? x(0) : std::max(x(0), 0.0);
  case Function::Softplus:
    return std::log1p(std::exp(-std::abs(x(0)))) + std::max(x(0), 0.0);
  case Function::Abs:
    return std::abs(x(0));
  case Function::NonZero:
    return x(0) != 0;
  case Function::Finite:
    return x(0) == -INFINITY ? 0 : x(0);
  case Function::Max:
    return fold(Reducer::Max);
  case Function::Min:
    return fold(Reducer::Min);
  case Function::And:
    return fold(Reducer::All);
  case Function::Or:
    return fold(Reducer::Any);
  case Function::Not:
    return x(0) == 0;
  case Function::True:
    return 1;
  case Function::Less:
    return x(0) < x(1);
  case Function::LessEqual:
    return x(0) <= x(1);
  case Function::Equal:
    return x(0) == x(1);
  case Function::NotEqual:
    return x(0) != x(1);
  case Function::IntMod:
    return x(0) - x(1) * std::floor(x(0) / x(1));
  default:
    llvm_unreachable("function without a reference");
  }
}

double Evaluator::reduce(TermRef t) {
  Reducer op = t->getReducer();
  llvm::SmallVector<TermRef> bound;
  for (const Binder &b : t->getBinders())
    bound.push_back(b.index);
  Cell r = identity(op);
  loop(bound, [&] {
    if (llvm::all_of(t->getConditions(), [&](TermRef c) { return eval(c) != 0; })) {
      double v = eval(t->getBody());
      r = ::combine(op, r, getRow(op).selectsIndex ? Cell{double(at[bound[0]]), v} : Cell{v, 1});
      r.value = round(r.value);
    }
  });
  return r.value;
}

double Evaluator::compute(TermRef t) {
  switch (t->getKind()) {
  case TermKind::Parameter:
    return data.parameters.at(t->getName().str());
  case TermKind::Extent:
    return data.extents.at(t->getName().str());
  case TermKind::Read: {
    std::vector<int64_t> position;
    for (TermRef c : t->getChildren())
      position.push_back(int64_t(eval(c)));
    return data.inputs.at(t->getName().str()).at(position);
  }
  case TermKind::Add:
    return add(t);
  case TermKind::Mul:
    return mul(t);
  case TermKind::Exp:
    return std::exp(eval(t->getChild(0)));
  case TermKind::Apply:
    return apply(t);
  case TermKind::Select:
    return eval(t->getChild(eval(t->getChild(0)) != 0 ? 1 : 2));
  case TermKind::Reduce:
    return reduce(t);
  case TermKind::Gather: {
    llvm::SmallVector<int64_t> positions;
    for (TermRef p : t->getPositions())
      positions.push_back(int64_t(eval(p)));
    for (auto [b, p] : llvm::zip_equal(t->getBinders(), positions))
      at[b.index] = p;
    return eval(t->getBody());
  }
  default:
    llvm_unreachable("not evaluated");
  }
}

// ---- streams

namespace {
class Runner {
public:
  Runner(TermContext &context, const Program &program, const Data &data)
      : context(context), program(program), data(data), evaluator(data) {}
  std::vector<Array> run(const T::RunOptions &options);
  double peak = 0;

private:
  struct Tile {
    unsigned list;
    int64_t begin, end;
    bool first;
  };
  std::vector<Tile> tiles(const T::RunOptions &options);
  State identityState(llvm::ArrayRef<TermRef> stream);
  void update(State &state, llvm::ArrayRef<TermRef> stream, const Tile &tile);
  Cell accumulate(TermRef leaf, const Tile &tile, const State &references);
  double relativeFactor(TermRef leaf, const State &references);
  State merge(llvm::ArrayRef<TermRef> stream, const State &a, const State &b);
  double moved(TermRef leaf, const State &old, const State &references);
  void forEachPoint(TermRef leaf, llvm::function_ref<void(int64_t)> f);
  bool belongsTo(TermRef leaf, unsigned list);
  Array output(const ProgramOutput &o);

  TermContext &context;
  const Program &program;
  const Data &data;
  Evaluator evaluator;
};
} // namespace

void Runner::forEachPoint(TermRef leaf, llvm::function_ref<void(int64_t)> f) {
  evaluator.loop(leaf->getFreeIndices(), [&] { f(evaluator.flat(leaf)); });
}

bool Runner::belongsTo(TermRef leaf, unsigned list) {
  return llvm::all_of(leaf->getBinders(), [&](const Binder &b) {
    return !program.fibre.contains(b.index) || llvm::is_contained(program.fibre.getLists()[list], b.index->getName());
  });
}

State Runner::identityState(llvm::ArrayRef<TermRef> stream) {
  State s;
  for (TermRef leaf : stream)
    s[leaf].assign(evaluator.size(leaf), identity(leaf->getReducer()));
  return s;
}

/// The accumulator `leaf` of `old` at the current point, relative to the references of another state.
double Runner::moved(TermRef leaf, const State &old, const State &references) {
  double correction = 1;
  llvm::SmallVector<double> shifts;
  for (auto [i, r] : llvm::enumerate(context.references(leaf))) {
    int64_t place = evaluator.flat(r);
    double d = evaluator.difference(old.lookup(r)[place].value, references.lookup(r)[place].value);
    if (leaf->getReference(i).kind == ReferenceKind::Max)
      correction = evaluator.round(correction * evaluator.round(std::exp(d)));
    shifts.push_back(d == -INFINITY ? 0 : d);
  }
  const ReducerRow &row = getRow(leaf->getReducer());
  double result = 0;
  for (const Correction &c : changeOfReference(context, leaf)) {
    double v = old.lookup(c.lower)[evaluator.flat(c.lower)].value;
    if (!row.affine && v == row.identity)
      return v;
    v *= c.coefficient.toDouble();
    for (auto [d, n] : llvm::zip_equal(shifts, c.powers))
      v = evaluator.round(v * std::pow(d, n));
    result = evaluator.round(result + v);
  }
  return evaluator.round(correction * result);
}

double Runner::relativeFactor(TermRef leaf, const State &references) {
  double factor = 1;
  auto refs = context.references(leaf);
  for (unsigned i = 0; i < leaf->getNumReferences(); ++i) {
    Reference r = leaf->getReference(i);
    double t = evaluator.difference(evaluator.eval(r.term), references.lookup(refs[i])[evaluator.flat(refs[i])].value);
    if (r.kind == ReferenceKind::Max) {
      double e = evaluator.round(std::exp(t));
      if (std::isfinite(t))
        peak = std::max(peak, e);
      factor = evaluator.round(factor * e);
    }
    if (r.power)
      factor = evaluator.round(factor * std::pow(t == -INFINITY ? 0 : t, r.power));
  }
  return factor;
}

Cell Runner::accumulate(TermRef leaf, const Tile &tile, const State &references) {
  Cell r = identity(leaf->getReducer());
  llvm::StringRef outer = program.fibre.getLists()[tile.list][0];
  bool streams = llvm::any_of(leaf->getBinders(), [&](const Binder &b) { return b.index->getName() == outer; });
  if (!streams && !tile.first)
    return r;
  llvm::SmallVector<TermRef> bound;
  for (const Binder &b : leaf->getBinders())
    bound.push_back(b.index);
  evaluator.loop(bound, [&] {
    for (TermRef i : bound)
      if (i->getName() == outer && (evaluator.at[i] < tile.begin || evaluator.at[i] >= tile.end))
        return;
    if (!llvm::all_of(leaf->getConditions(), [&](TermRef c) { return evaluator.eval(c) != 0; }))
      return;
    double v = evaluator.eval(leaf->getBody());
    if (leaf->is(TermKind::Relative))
      v = evaluator.round(v * relativeFactor(leaf, references));
    r = combine(leaf->getReducer(), r,
                getRow(leaf->getReducer()).selectsIndex ? Cell{double(evaluator.at[bound[0]]), v} : Cell{v, 1});
    r.value = evaluator.round(r.value);
  });
  return r;
}

void Runner::update(State &state, llvm::ArrayRef<TermRef> stream, const Tile &tile) {
  State old = state;
  for (TermRef leaf : stream) { // references come first
    if (!belongsTo(leaf, tile.list))
      continue;
    Table next = state[leaf];
    forEachPoint(leaf, [&](int64_t place) {
      Cell before = next[place];
      if (leaf->is(TermKind::Relative))
        before.value = moved(leaf, old, state);
      next[place] = combine(leaf->getReducer(), before, accumulate(leaf, tile, state));
      next[place].value = evaluator.round(next[place].value);
    });
    state[leaf] = next;
  }
}

State Runner::merge(llvm::ArrayRef<TermRef> stream, const State &a, const State &b) {
  State r;
  for (TermRef leaf : stream) {
    Table next(evaluator.size(leaf));
    forEachPoint(leaf, [&](int64_t place) {
      Cell x = a.lookup(leaf)[place], y = b.lookup(leaf)[place];
      if (leaf->is(TermKind::Relative)) {
        x.value = moved(leaf, a, r);
        y.value = moved(leaf, b, r);
      }
      next[place] = combine(leaf->getReducer(), x, y);
    });
    r[leaf] = next;
  }
  return r;
}

std::vector<Runner::Tile> Runner::tiles(const T::RunOptions &options) {
  std::vector<Tile> result;
  for (unsigned list = 0; list < program.fibre.getLists().size(); ++list) {
    int64_t n = data.extents.at(program.fibre.getLists()[list][0].str());
    std::set<int64_t> cuts = {0, n};
    if (options.random)
      for (int64_t i = 0; i < n / std::max<int64_t>(options.tile, 1); ++i)
        cuts.insert(int64_t((*options.random)() % (n + 1)));
    else
      for (int64_t i = 0; i < n; i += options.tile)
        cuts.insert(i);
    bool first = true;
    for (auto a = cuts.begin(), b = std::next(a); b != cuts.end(); ++a, ++b, first = false)
      result.push_back({list, *a, *b, first});
    if (first || options.random)
      result.push_back({list, n, n, first}); // no points
  }
  return result;
}

Array Runner::output(const ProgramOutput &o) {
  Array r;
  for (TermRef d : o.value.dims)
    r.sizes.push_back(evaluator.extent(d));
  evaluator.loop(o.value.dims, [&] {
    bool holds = true;
    for (TermRef a : program.assumptions) {
      // An assumption may carry indices that a sum outside it binds: any 0 among them counts.
      llvm::SmallVector<TermRef> others;
      for (TermRef i : a->getFreeIndices())
        if (!llvm::is_contained(o.value.dims, i))
          others.push_back(i);
      auto saved = evaluator.at;
      evaluator.loop(others, [&] { holds &= evaluator.eval(a) != 0; });
      evaluator.at = saved;
    }
    bool present = llvm::all_of(o.value.conditions, [&](TermRef c) { return evaluator.eval(c) != 0; });
    double v = evaluator.eval(holds ? o.value.term : o.whereAssumptionFails);
    r.data.push_back(present ? v : 0);
  });
  return r;
}

std::vector<Array> Runner::run(const T::RunOptions &options) {
  for (const auto &stream : program.streams) {
    std::vector<State> parts;
    for (unsigned i = 0; i < std::max(options.pieces, 1u); ++i)
      parts.push_back(identityState(stream));
    for (const Tile &tile : tiles(options))
      update(parts[parts.size() > 1 ? (*options.random)() % parts.size() : 0], stream, tile);
    while (parts.size() > 1) {
      std::shuffle(parts.begin(), parts.end(), *options.random);
      State b = parts.back();
      parts.pop_back();
      parts.back() = merge(stream, parts.back(), b);
    }
    for (auto &[leaf, table] : parts[0])
      evaluator.values[leaf] = table;
  }
  std::vector<Array> result;
  for (const ProgramOutput &o : program.outputs)
    result.push_back(output(o));
  return result;
}

std::vector<Array> T::run(TermContext &context, const Program &program, const Data &data, const RunOptions &options,
                          double *peak) {
  Runner runner(context, program, data);
  auto r = runner.run(options);
  if (peak)
    *peak = runner.peak;
  return r;
}

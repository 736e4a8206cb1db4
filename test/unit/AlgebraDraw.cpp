// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "test/unit/AlgebraDraw.h"

using namespace attn::algebra;
using namespace attn::algebra::test;

namespace {
Expr abs(Expr a) { return test::apply(Function::Abs, {a}); }
Expr tanh(Expr a) { return test::apply(Function::Tanh, {a}); }
Expr relu(Expr a) { return test::apply(Function::Relu, {a}); }
Expr larger(Expr a, Expr b) { return test::apply(Function::Max, {a, b}); }
Expr modulo(Expr a, double n) { return test::apply(Function::IntMod, {a, constant(n)}); }
Expr equal(Expr a, Expr b) { return test::apply(Function::Equal, {a, b}); }
Expr rsqrt(Expr a) { return test::power(a, -0.5); }

const std::vector<std::string> kMap = {"h", "p", "m"}, kRow = {"h", "p"};

Expr masked(Draw &d, Expr e) {
  Expr p = index("p"), m = index("m");
  switch (d.below(5)) {
  case 1:
    return onlyIf(e, lessEqual(m, p));
  case 2:
    return onlyIf(e, less(m, p));
  case 3:
    return onlyIf(e, test::apply(Function::NotEqual, {modulo(p + m, 3), constant(0)}));
  case 4:
    return onlyIf(
        e, test::apply(Function::And, {test::apply(Function::NotEqual, {m, p}), less(modulo(m, 4), constant(2))}));
  default:
    return e;
  }
}

Expr summaryBody(Draw &d, Expr a, Expr b, const std::vector<Expr> &sums) {
  switch (d.below(sums.empty() ? 7 : 11)) {
  case 2:
    return test::exp(a);
  case 3:
    return a * b;
  case 4:
    return tanh(a) * b;
  case 5:
    return abs(a);
  case 6:
    return a + b;
  case 7:
  case 8:
    return test::exp(a - d.pick(sums));
  case 9:
  case 10:
    return (a - d.pick(sums)) * (b - d.pick(sums));
  default:
    return a;
  }
}

Expr mapBody(Draw &d, Expr a, Expr b, Expr s, Expr t) {
  switch (d.below(14)) {
  case 0:
    return test::exp(a - s);
  case 1:
    return a - s;
  case 2:
    return a / (constant(1) + s * s);
  case 3:
    return a * s;
  case 4:
    return a * rsqrt(s * s + constant(0.5));
  case 5:
    return test::exp(tanh(a) - s);
  case 6:
    return (a - s) * (b - t);
  case 7:
    return relu(a) * abs(s);
  case 8:
    return test::exp(a - s) * (a - t);
  case 9:
    return larger(a, s);
  case 10:
    return test::select(equal(modulo(index("m"), 2), constant(0)), a - s, b);
  case 11:
    return test::exp(a - larger(s, t));
  case 12:
    return test::exp(a - s) / (test::exp(t - s) + constant(1));
  default:
    return test::apply(Function::Log, {constant(1) + abs(a)}) - s;
  }
}

void addRowOutputs(Cascade &c, const std::vector<Expr> &sums) {
  for (size_t i = sums.size() > 2 ? sums.size() - 2 : 0; i < sums.size(); ++i)
    c.outputs.push_back(define("R" + std::to_string(i), kRow, sums[i] * constant(1)));
}

Cascade plain(Draw &d) {
  Cascade c;
  c.fibre = Fibre("m");
  c.data.extents = {{"h", 2}, {"p", 5}, {"m", 7}, {"e", 3}, {"f", 2}, {"i", 2}};
  fill(c.data, "Q", {"h", "p", "e"}, d.random);
  fill(c.data, "K", {"h", "m", "e"}, d.random, 0.5);
  fill(c.data, "V", {"m", "f"}, d.random);
  fill(c.data, "c", {"m"}, d.random);
  fill(c.data, "W", {"h", "i"}, d.random);
  Expr scores = test::sum({"e"}, input("Q", {"h", "p", "e"}) * input("K", {"h", "m", "e"}));
  std::vector<Tensor> maps = {define("S", kMap, masked(d, scores))};
  std::vector<Expr> sums;
  for (unsigned i = 0, n = 2 + d.below(5); i < n; ++i) {
    std::string number = std::to_string(i);
    Expr a = test::at(d.pick(maps)), b = test::at(d.pick(maps));
    if (sums.empty() || d.chance(.5)) {
      Expr body = summaryBody(d, a, b, sums);
      if (d.chance(.3))
        body = body * input("c", {"m"});
      Expr s =
          d.chance(.15)
              ? logSumExp(a, {"m"})
              : test::reduce(d.pick<Reducer>({Reducer::Sum, Reducer::Sum, Reducer::Max, Reducer::Mean, Reducer::Min}),
                             {"m"}, body);
      sums.push_back(test::at(define("X" + number, kRow, s)));
      continue;
    }
    Expr s = d.pick(sums), t = d.pick(sums);
    Expr body = mapBody(d, a, b, s, t);
    if (d.chance(.15)) { // mixed over the heads
      Tensor y = define("Y" + number, kMap, d.pick<Expr>({test::exp(a - s), a * s, a - s}));
      body = test::sum({"i"}, input("W", {"h", "i"}) * test::at(y, std::vector<std::string>{"i", "p", "m"}));
    }
    maps.push_back(define("A" + number, kMap, d.chance(.2) ? masked(d, body) : body));
  }
  c.outputs.push_back(define("O", {"h", "p", "f"}, test::sum({"m"}, test::at(maps.back()) * input("V", {"m", "f"}))));
  addRowOutputs(c, sums);
  return c;
}

Expr blockMasked(Draw &d, Expr e, Expr position) {
  switch (d.below(4)) {
  case 1:
    return onlyIf(e, less(position, index("p")));
  case 2:
    return onlyIf(e, equal(modulo(index("i") + index("j"), 2), constant(0)));
  case 3:
    return onlyIf(e, test::apply(Function::NotEqual, {index("j"), index("p")}));
  default:
    return e;
  }
}

/// Maps over (j,i) with summaries of a block, of the fibre, and of the block values.
Cascade blocked(Draw &d) {
  Cascade c;
  c.needsFinite = true;
  c.fibre = Fibre::of({{"j", "i"}});
  c.data.extents = {{"h", 2}, {"p", 5}, {"m", 12}, {"j", 4}, {"i", 3}, {"e", 3}, {"f", 2}};
  fill(c.data, "Q", {"h", "p", "e"}, d.random);
  fill(c.data, "K", {"h", "m", "e"}, d.random, 0.5);
  fill(c.data, "V", {"m", "f"}, d.random);
  const std::vector<std::string> whole = {"h", "p", "j", "i"}, block = {"h", "p", "j"};
  Expr position = index("j") * constant(3) + index("i");
  Expr scores = test::sum({"e"}, input("Q", {"h", "p", "e"}) * inputAt("K", {index("h"), position, index("e")}));
  std::vector<Tensor> maps = {define("S", whole, blockMasked(d, scores, position))};
  std::vector<Expr> blocks, sums;
  for (unsigned n = 0, count = 3 + d.below(5); n < count; ++n) {
    std::string number = std::to_string(n);
    Expr a = test::at(d.pick(maps));
    Reducer op = d.pick<Reducer>({Reducer::Sum, Reducer::Max, Reducer::Sum, Reducer::Mean, Reducer::Min});
    double k = d.below(100) / 100.0;
    if (k < .3 || (blocks.empty() && k < .5)) {
      Expr body = d.chance(.5)     ? test::reduce(op, {"i"}, a)
                  : blocks.empty() ? test::max({"i"}, a)
                                   : test::sum({"i"}, test::exp(a - d.pick(blocks)));
      blocks.push_back(test::at(define("B" + number, block, body)));
    } else if (k < .55 || sums.empty()) {
      std::vector<Expr> bodies = {test::reduce(op, {"j", "i"}, a)};
      bodies.push_back(blocks.empty() ? test::max({"j", "i"}, a) : test::reduce(op, {"j"}, d.pick(blocks)));
      bodies.push_back(sums.empty() ? test::reduce(op, {"j", "i"}, tanh(a))
                                    : test::sum({"j", "i"}, test::exp(a - d.pick(sums))));
      bodies.push_back(blocks.empty() || sums.empty()
                           ? test::sum({"j", "i"}, abs(a))
                           : test::sum({"j"}, d.pick(blocks) * test::exp(d.pick(blocks) - d.pick(sums))));
      sums.push_back(test::at(define("X" + number, kRow, d.pick(bodies))));
    } else {
      std::vector<Expr> both = sums;
      both.insert(both.end(), blocks.begin(), blocks.end());
      Expr s = d.pick(both), t = d.pick(sums);
      Expr body = d.pick<Expr>({test::exp(a - s), a - s, a / (constant(1) + s * s), (a - s) * (a - t),
                                test::exp(a - s) * test::exp(s - t), a * s});
      maps.push_back(define("A" + number, whole, body));
    }
  }
  c.outputs.push_back(define("O", {"h", "p", "f"},
                             test::sum({"j", "i"}, test::at(maps.back()) * inputAt("V", {position, index("f")}))));
  addRowOutputs(c, sums);
  return c;
}

/// Two sources n and m, and summaries that combine both.
Cascade joined(Draw &d) {
  Cascade c;
  c.fibre = Fibre::of({{"n"}, {"m"}});
  c.data.extents = {{"h", 2}, {"p", 5}, {"n", 7}, {"m", 6}, {"e", 3}, {"f", 2}};
  fill(c.data, "Q", {"h", "p", "e"}, d.random);
  fill(c.data, "K", {"h", "n", "e"}, d.random, 0.5);
  fill(c.data, "Ka", {"h", "m", "e"}, d.random, 0.5);
  fill(c.data, "V", {"n", "f"}, d.random);
  fill(c.data, "Va", {"m", "f"}, d.random);
  const std::vector<std::string> left = {"h", "p", "n"};
  Expr p = index("p"), q = input("Q", {"h", "p", "e"});
  Expr sn = test::sum({"e"}, q * input("K", {"h", "n", "e"})) * constant(0.7),
       sm = test::sum({"e"}, q * input("Ka", {"h", "m", "e"}));
  unsigned maskN = d.below(3), maskM = d.below(3);
  sn = maskN == 1 ? onlyIf(sn, less(index("n"), p)) : maskN == 2 ? onlyIf(sn, less(index("n"), constant(0))) : sn;
  sm = maskM == 1 ? onlyIf(sm, lessEqual(index("m"), p)) : maskM == 2 ? onlyIf(sm, less(index("m"), p)) : sm;
  std::vector<Tensor> as = {define("Sn", left, sn)}, bs = {define("Sm", kMap, sm)};
  std::vector<Expr> sums;
  for (unsigned k = 0, count = 2 + d.below(4); k < count; ++k) {
    std::string number = std::to_string(k);
    Expr a = test::at(d.pick(as)), b = test::at(d.pick(bs));
    if (sums.empty() || d.chance(.5)) {
      sums.push_back(test::at(define(
          "X" + number, kRow,
          d.pick<Expr>({larger(test::max({"n"}, a), test::max({"m"}, b)), test::sum({"n"}, a) + test::sum({"m"}, b),
                        larger(logSumExp(a, {"n"}), logSumExp(b, {"m"}))}))));
      continue;
    }
    Expr s = d.pick(sums);
    auto body = [&, kind = d.below(4)](Expr x) -> Expr {
      switch (kind) {
      case 0:
        return test::exp(x - s);
      case 1:
        return x / (constant(1) + s * s);
      case 2:
        return x - s;
      default:
        return test::exp(x - s) * (x - s);
      }
    };
    as.push_back(define("A" + number, left, body(a)));
    bs.push_back(define("B" + number, kMap, body(b)));
  }
  Tensor total = define("D", kRow, test::sum({"n"}, test::at(as.back())) + test::sum({"m"}, test::at(bs.back())));
  Expr above = test::sum({"n"}, test::at(as.back()) * input("V", {"n", "f"})) +
               test::sum({"m"}, test::at(bs.back()) * input("Va", {"m", "f"}));
  c.outputs = {define("O", {"h", "p", "f"}, above / (test::at(total) * test::at(total) + constant(0.1))), total};
  return c;
}
} // namespace

Cascade attn::algebra::test::draw(unsigned seed, Draw &d) {
  return seed % 4 == 2 ? blocked(d) : seed % 4 == 3 ? joined(d) : plain(d);
}

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/attn/algebra/PassCount.h"
#include <cmath>
#include <gtest/gtest.h>

using namespace attn::algebra;

namespace {
struct AlgebraTerm : testing::Test {
  TermContext c;
  TermRef m = c.index("m"), n = c.index("n"), p = c.index("p");
  TermRef x = c.read("x", {m}, ValueType::Float), y = c.read("y", {p}, ValueType::Float);
  TermRef b = c.read("b", {p}, ValueType::Float);
  TermRef log(TermRef t) { return c.apply(Function::Log, {t}); }
  Number half() { return Number::fraction(1, 2); }
  TermRef sum(TermRef i, TermRef t) { return c.reduce(Reducer::Sum, {{i}}, {}, t); }
};

TEST_F(AlgebraTerm, SumsAreAffine) {
  EXPECT_EQ(c.add({{2, x}, {1, y}, {-2, x}}), y);
  EXPECT_EQ(c.sub(c.add(x, y), c.add(y, x)), c.zero());
  EXPECT_EQ(c.add({{1, c.number(2)}, {3, c.number(4)}}), c.number(14));
  EXPECT_EQ(c.scaled(2, c.add({{3, x}}, 1)), c.add({{6, x}}, 2));
}

TEST_F(AlgebraTerm, ProductsCollectPowers) {
  EXPECT_EQ(c.mul({{x, 2}, {y, 1}, {x, -1}}), c.mul(x, y));
  EXPECT_EQ(c.power(c.power(x, 2), Number::fraction(1, 2)), c.power(c.power(x, 2), Number::fraction(1, 2)));
  EXPECT_NE(c.power(c.power(x, 2), Number::fraction(1, 2)), x) << "the root of a square is not its base";
  EXPECT_EQ(c.power(c.power(c.exp(x), 2), Number::fraction(1, 2)), c.exp(x));
  EXPECT_EQ(c.mul(x, c.zero()), c.zero());
}

TEST_F(AlgebraTerm, AProductHasOneExponential) {
  EXPECT_EQ(c.mul(c.exp(x), c.exp(c.scaled(-1, y))), c.exp(c.sub(x, y)));
  EXPECT_EQ(c.mul(c.exp(x), c.exp(c.scaled(-1, x))), c.one());
  EXPECT_EQ(c.power(c.exp(x), Number::fraction(1, 2)), c.exp(c.scaled(Number::fraction(1, 2), x)));
}

TEST_F(AlgebraTerm, APowerTakesItsExponentialAlong) {
  TermRef g = c.parameter("g", ValueType::Float);
  auto pow = [&](TermRef t) { return c.apply(Function::Power, {t, g}); };
  EXPECT_EQ(pow(c.exp(x)), c.exp(c.mul(g, x)));
  EXPECT_EQ(pow(c.mul(c.exp(x), y)), c.mul(c.exp(c.mul(g, x)), pow(y)));
  EXPECT_EQ(c.mul(pow(c.mul(c.exp(c.scaled(-1, x)), y)), c.exp(c.mul(g, x))), pow(y));
}

TEST_F(AlgebraTerm, EqualNumbersAreOneTerm) {
  Number half = Number::fraction(1, 2);
  EXPECT_EQ(-(-half), half);
  EXPECT_EQ(-Number::fraction(-1, 2), half);
  EXPECT_EQ(c.scaled(-Number(-2), x), c.scaled(2, x));
}

TEST_F(AlgebraTerm, AnInverseRootIsAPowerOnlyWhereItHasNoPole) {
  EXPECT_TRUE(c.isPositive(c.add({{1, c.power(x, 2)}}, half())));
  EXPECT_FALSE(c.isPositive(c.power(x, 2)));
  EXPECT_FALSE(c.isPositive(c.exp(x))) << "it may underflow";
}

TEST_F(AlgebraTerm, LogarithmsAndExponentialsCancel) {
  EXPECT_EQ(log(c.exp(x)), x);
  EXPECT_EQ(log(c.mul(y, c.exp(x))), c.add(x, log(y)));
  EXPECT_EQ(c.exp(c.add({{2, log(y)}, {1, x}})), c.mul({{y, 2}, {c.exp(x), 1}}));
  EXPECT_EQ(c.mul(c.exp(log(y)), c.exp(x)), c.mul(y, c.exp(x)));
}

TEST_F(AlgebraTerm, AQuotientByItselfIsZeroWhereItIsZero) { // R13
  TermRef q = c.div(b, b);
  EXPECT_TRUE(q->isFunction(Function::NonZero));
  EXPECT_EQ(c.mul(b, q), b);
  TermContext::AssumeNonZero assume(c);
  EXPECT_EQ(c.div(b, b), c.one());
  EXPECT_EQ(assume.terms.size(), 1u);
  EXPECT_EQ(assume.terms[0], b);
}

TEST_F(AlgebraTerm, NumbersStayExactAsLongAsTheyCan) {
  EXPECT_EQ(Number::fraction(1, 3) + Number::fraction(1, 6), Number::real(0.5));
  EXPECT_EQ(Number(2).power(-3), Number::fraction(1, 8));
  Number large = int64_t(1) << 62;
  EXPECT_FALSE((large * 4).isExact());
  EXPECT_DOUBLE_EQ((large * 4).toDouble(), 0x1p64);
  EXPECT_FALSE(Number::real(0.1).isExact());
}

TEST_F(AlgebraTerm, EqualReductionsAreOneTerm) {
  TermRef xn = c.read("x", {n}, ValueType::Float);
  TermRef extent = c.parameter("block", ValueType::Integer);
  auto sumTo = [&](TermRef e, TermRef i, TermRef t) { return c.reduce(Reducer::Sum, {{i, e}}, {}, t); };
  TermRef a = c.reduce(Reducer::Sum, {{m}}, {c.apply(Function::Less, {m, p})}, x);
  EXPECT_EQ(a, c.reduce(Reducer::Sum, {{m}}, {c.apply(Function::Less, {m, p})}, x));
  EXPECT_NE(a, sum(m, x)) << "conditions count";
  EXPECT_NE(sum(m, x), sum(n, xn)) << "another rank";
  EXPECT_NE(sumTo(extent, m, x), sum(m, x)) << "another extent";
  EXPECT_TRUE(a->mentions(p));
  EXPECT_FALSE(a->mentions(m));
}

TEST_F(AlgebraTerm, SubstitutionDoesNotCapture) {
  TermRef r = sum(m, c.mul(x, y));       // sum[m] x[m] y[p]
  TermRef s = c.substitute(r, {{p, m}}); // sum[m'] x[m'] y[m]
  EXPECT_TRUE(s->mentions(m));
  EXPECT_EQ(c.substitute(s, {{m, p}}), r);
  Opened o = c.open(s);
  EXPECT_NE(o.binders[0].index, m);
  EXPECT_EQ(c.reduce(Reducer::Sum, o.binders, o.conditions, o.body), s);
}

TEST_F(AlgebraTerm, ATableStaysWhereASummaryIsReadAtAComputedPosition) {
  TermRef g = sum(m, c.mul(x, y)); // over p
  TermRef position = c.apply(Function::IntMod, {n, c.extent("p")});
  EXPECT_EQ(c.gather({p}, g, {c.index("q")}), c.substitute(g, {{p, c.index("q")}}));
  TermRef t = c.gather({p}, g, {position});
  EXPECT_TRUE(t->is(TermKind::Gather));
  EXPECT_TRUE(t->mentions(n));
  EXPECT_EQ(c.gather({p}, y, {position}), c.read("y", {position}, ValueType::Float));
}

TEST_F(AlgebraTerm, SignsAreProved) {
  EXPECT_TRUE(c.isNonNegative(c.power(x, 2)));
  EXPECT_TRUE(c.isNonNegative(c.add({{1, c.exp(x)}, {2, c.power(y, 2)}}, 1)));
  EXPECT_FALSE(c.isNonNegative(c.sub(c.exp(x), c.one())));
  EXPECT_TRUE(c.isNonNegative(sum(m, c.apply(Function::Abs, {x}))));
  EXPECT_FALSE(c.isNonNegative(c.reduce(Reducer::Max, {{m}}, {}, c.exp(x)))) << "over no points it is -inf";
  EXPECT_FALSE(c.isNonNegative(x));
}

TEST_F(AlgebraTerm, FormulasReadLikeTheSpec) {
  TermRef s = c.mul(c.read("Q", {p}, ValueType::Float), c.read("K", {m}, ValueType::Float));
  TermRef e = c.exp(c.sub(s, c.reduce(Reducer::Max, {{m}}, {c.apply(Function::LessEqual, {m, p})}, s)));
  EXPECT_EQ(e->str(), "exp(Q[p]*K[m] - max[m if (m <= p)](Q[p]*K[m]))");
  EXPECT_EQ(c.div(x, c.add(c.power(y, 2), c.number(Number::fraction(1, 2))))->str(), "x[m] / (y[p]^2 + 1/2)");
  EXPECT_EQ(c.relative(Reducer::Sum, {{ReferenceKind::Max, x, 2}}, {{m}}, {}, c.one())->str(),
            "sum[m](exp(x[m] - max)*(x[m] - max)^2)");
}

TEST_F(AlgebraTerm, TermsLeadBackToTheSpec) {
  TermRef r;
  {
    TermContext::At at(c, 7);
    r = sum(m, c.apply(Function::Tanh, {x}));
  }
  EXPECT_EQ(r->getLocation(), 7u);
  EXPECT_EQ(c.substitute(r, {{m, n}})->getLocation(), 7u);
  EXPECT_EQ(x->getLocation(), 0u);
}

TEST_F(AlgebraTerm, PropertyTablesAreInOrder) {
  for (unsigned f = 0; f < kFunctions; ++f)
    EXPECT_FALSE(getRow(Function(f)).name.empty());
  for (unsigned r = 0; r < kReducers; ++r)
    EXPECT_EQ(findReducer(getRow(Reducer(r)).name), Reducer(r));
}

// ---- counting passes

TEST_F(AlgebraTerm, AMapThatWaitsForASummaryStartsAPass) {
  Fibre fibre("m");
  TermRef max = c.reduce(Reducer::Max, {{m}}, {}, x), shifted = c.exp(c.sub(x, max));
  EXPECT_EQ(countPasses(c, {max}, fibre).passes.halves, 2u);
  EXPECT_EQ(countPasses(c, {sum(m, shifted)}, fibre).passes.halves, 4u);
  PassCount three = countPasses(c, {sum(m, c.mul(c.div(shifted, sum(m, shifted)), x))}, fibre);
  EXPECT_EQ(three.passes.halves, 6u);
  ASSERT_EQ(three.summaries.size(), 3u);
  EXPECT_EQ(three.summaries[0].reduction, max);
  EXPECT_EQ(three.summaries[2].completed.whole(), 3u);
  EXPECT_EQ(countPasses(c, {y}, fibre).passes.halves, 0u) << "nothing streams";
}

TEST_F(AlgebraTerm, APassOverTheBlockValuesIsHalfOne) {
  TermRef j = c.index("j"), i = c.index("i");
  Fibre fibre = Fibre::of({{"j", "i"}});
  TermRef s = c.read("S", {j, i}, ValueType::Float);
  TermRef block = c.reduce(Reducer::Max, {{i}}, {}, s), whole = c.reduce(Reducer::Max, {{j}}, {}, block);
  EXPECT_EQ(countPasses(c, {whole}, fibre).passes.halves, 2u) << "a reduction over an inner suffix is local";
  TermRef correction = c.exp(c.sub(block, whole));
  PassCount count = countPasses(c, {c.reduce(Reducer::Sum, {{j}}, {}, correction)}, fibre);
  EXPECT_EQ(count.passes.halves, 3u);
  EXPECT_EQ(count.passes.str(), "1, and one over the block values");
}
} // namespace

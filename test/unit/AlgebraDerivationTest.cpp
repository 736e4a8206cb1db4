// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Cascades with their pass counts, and the rules: each fires where it may, refuses where it must not, and the program
// that it makes gives what the text says.
#include "test/unit/AlgebraCheck.h"

using namespace attn::algebra;
using namespace attn::algebra::test;

namespace {
using Names = std::vector<std::string>;
Expr f(Function g, Expr a) { return test::apply(g, {a}); }
Expr larger(Expr a, Expr b) { return test::apply(Function::Max, {a, b}); }
Expr squared(Expr a) { return a * a; }

struct AlgebraDerivation : testing::Test {
  TermContext context;
  std::mt19937 random{7};
  Data data;
  DerivationOptions options;
  Fibre fibre{"m"};
  Program program;
  std::vector<Tensor> outputs;
  Names row = {"p"}, map = {"p", "m"}, out = {"p", "f"};

  void SetUp() override {
    data.extents = {{"p", 6}, {"m", 11}, {"e", 4}, {"f", 3}, {"n", 5}, {"i", 3}, {"h", 2},
                    {"g", 2}, {"c", 3},  {"j", 4}, {"u", 4}, {"v", 5}, {"d", 4}};
    data.parameters = {{"scale", 0.5}, {"z", 0.3}, {"off", 0}, {"lambda", 0.7}};
    for (auto &[name, ranks] : std::map<std::string, Names>{{"Q", {"p", "e"}},
                                                            {"K", {"m", "e"}},
                                                            {"V", {"m", "f"}},
                                                            {"B", {"p", "m"}},
                                                            {"Q2", {"p", "e"}},
                                                            {"K2", {"m", "e"}},
                                                            {"G", {"p", "m"}}})
      fill(data, name, ranks, random);
  }
  Expr q() { return input("Q", {"p", "e"}); }
  Expr k() { return input("K", {"m", "e"}); }
  Expr v() { return input("V", {"m", "f"}); }
  Expr p() { return index("p"); }
  Expr m() { return index("m"); }
  Expr dot() { return test::sum({"e"}, q() * k()); }
  Tensor scores() { return define("S", map, dot() * parameter("scale")); }
  Tensor causal() { return define("S", map, onlyIf(dot() * parameter("scale"), lessEqual(m(), p()))); }
  Tensor weigh(Tensor a) { return define("O", out, test::sum({"m"}, test::at(a) * v())); }
  /// l1norm of the prelude's family: S / sum S.
  Tensor normalised(Tensor s) {
    return define("A", map, test::at(s) / test::at(define("D", row, test::sum({"m"}, test::at(s)))));
  }

  std::vector<Array> want() {
    std::vector<Array> r;
    for (const Tensor &t : outputs)
      r.push_back(evaluate(t, data));
    return r;
  }
  void derive(std::vector<Tensor> tensors) {
    outputs = std::move(tensors);
    std::vector<Value> values;
    for (const Tensor &t : outputs)
      values.push_back(lower(context, t));
    program = deriveProgram(context, values, fibre, options);
  }
  /// Passes as written and after, in halves of passes; and the values.
  void expect(std::vector<Tensor> tensors, unsigned written, unsigned derived) {
    derive(std::move(tensors));
    std::string proof;
    llvm::raw_string_ostream os(proof);
    program.print(os);
    EXPECT_EQ(program.written.halves, written) << proof;
    EXPECT_EQ(program.derived.halves, derived) << proof;
    EXPECT_LE(disagreement(context, program, want(), data, random), 1e-9) << proof;
  }
  /// In f32, with the data as they are now; the largest exponential of the stream is at most 1.
  void expectStable(std::vector<Tensor> tensors, double tolerance) {
    derive(std::move(tensors));
    data.isFloat32 = true;
    for (auto &[name, a] : data.inputs)
      for (double &x : a.data)
        x = float(x);
    double peak = 0;
    EXPECT_LE(disagreement(context, program, want(), data, random, false, 3, &peak), tolerance);
    EXPECT_LE(peak, 1);
  }
  bool fired(llvm::StringRef rule) {
    return llvm::any_of(program.log, [&](const Step &s) { return s.rule == rule; });
  }
};

// ---- the family of maps normalised by their exponentials

TEST_F(AlgebraDerivation, NormalisedExponentials) {
  expect({weigh(softmaxOf(scores(), {"m"}))}, 6, 2);
  EXPECT_TRUE(fired("defer") && fired("refer"));
  EXPECT_EQ(program.streams[0].size(), 3u) << "the maximum, the normaliser, the weighted sum";
  EXPECT_TRUE(program.assumptions.empty()) << "0/0 = 0 covers rows without points";
}
TEST_F(AlgebraDerivation, Causal) { expect({weigh(softmaxOf(causal(), {"m"}))}, 6, 2); }
TEST_F(AlgebraDerivation, RowsAndTilesWithoutPoints) {
  Expr far = test::apply(Function::And, {less(m(), p()), test::apply(Function::NotEqual, {m(), constant(0)})});
  expect({weigh(softmaxOf(define("S", map, onlyIf(dot(), far)), {"m"}))}, 6, 2);
}
TEST_F(AlgebraDerivation, ASinkIsCountedOnce) {
  Tensor s = causal();
  Expr x = larger(test::max({"m"}, test::at(s)), parameter("z"));
  Tensor X = define("X", row, x), n = define("N", map, test::exp(test::at(s) - test::at(X)));
  Tensor d = define("D", row, test::sum({"m"}, test::at(n)) + test::exp(parameter("z") - test::at(X)));
  expect({weigh(define("A", map, test::at(n) / test::at(d)))}, 6, 2);
}
TEST_F(AlgebraDerivation, WithoutAShiftInTheText) {
  Tensor n = define("N", map, test::exp(test::at(scores())));
  expect({weigh(normalised(n))}, 4, 2);
}
TEST_F(AlgebraDerivation, ShiftedByTheMean) {
  Tensor s = scores(), u = define("U", row, test::reduce(Reducer::Mean, {"m"}, test::at(s)));
  expect({weigh(normalised(define("N", map, test::exp(test::at(s) - test::at(u)))))}, 6, 2);
  for (double &x : data.inputs["Q"].data)
    x *= 1e3; // the text overflows, the derived program must not: it refers to the maximum
  auto wrong = want();
  derive({weigh(softmaxOf(scores(), {"m"}))});
  auto right = want();
  derive({weigh(normalised(define("N", map, test::exp(test::at(s) - test::at(u)))))});
  EXPECT_TRUE(llvm::any_of(wrong[0].data, [](double x) { return std::isnan(x); }));
  EXPECT_LE(disagreement(context, program, right, data, random), 1e-9);
}
TEST_F(AlgebraDerivation, TwoMapsOneValuePass) {
  Tensor s1 = causal();
  Tensor s2 =
      define("S2", map, onlyIf(test::sum({"e"}, input("Q2", {"p", "e"}) * input("K2", {"m", "e"})), less(m(), p())));
  Tensor a = define("A", map,
                    orElse(test::at(softmaxOf(s1, {"m"})), 0) -
                        parameter("lambda") * orElse(test::at(softmaxOf(s2, {"m"})), 0));
  expect({weigh(a)}, 6, 2);
}
TEST_F(AlgebraDerivation, TwoRanksAtOnce) {
  fibre = Fibre::of({{"u", "v"}});
  fill(data, "K3", {"u", "v", "e"}, random);
  fill(data, "V3", {"u", "v", "f"}, random);
  Expr s = onlyIf(test::sum({"e"}, q() * input("K3", {"u", "v", "e"})), less(index("u"), p()));
  Tensor a = softmaxOf(define("S", {"p", "u", "v"}, s), {"u", "v"});
  expect({define("O", out, test::sum({"u", "v"}, test::at(a) * input("V3", {"u", "v", "f"})))}, 6, 2);
}
TEST_F(AlgebraDerivation, ASecondNormaliserTheFirstCancelsIn) {
  Tensor a = softmaxOf(scores(), {"m"});
  expect({weigh(normalised(define("R", map, test::power(test::at(a), 2))))}, 8, 2);
}
TEST_F(AlgebraDerivation, BlocksWrittenOut) { // FuseMax's 2-pass cascade
  fibre = Fibre::of({{"j", "i"}});
  fill(data, "K3", {"j", "i", "e"}, random);
  fill(data, "V3", {"j", "i", "f"}, random);
  const Names whole = {"p", "j", "i"}, block = {"p", "j"};
  Tensor s = define("S", whole, test::sum({"e"}, q() * input("K3", {"j", "i", "e"})));
  Tensor lx = define("LX", block, test::max({"i"}, test::at(s)));
  Tensor ln = define("LN", whole, test::exp(test::at(s) - test::at(lx)));
  Tensor x = define("X", row, test::max({"j"}, test::at(lx)));
  Tensor c = define("C", block, test::exp(test::at(lx) - test::at(x)));
  Tensor d = define("D", row, test::sum({"j"}, test::sum({"i"}, test::at(ln)) * test::at(c)));
  Tensor a = define("A", whole, test::at(ln) * test::at(c) / test::at(d));
  expect({define("O", out, test::sum({"j", "i"}, test::at(a) * input("V3", {"j", "i", "f"})))}, 4, 2);
  EXPECT_TRUE(fired("flatten"));
}

// ---- several summaries

TEST_F(AlgebraDerivation, LogSumExpAsASecondOutput) {
  Tensor s = causal();
  expect({weigh(softmaxOf(s, {"m"})), define("L", row, logSumExp(test::at(s), {"m"}))}, 6, 2);
}
TEST_F(AlgebraDerivation, EntropyInTwoSpellings) {
  Tensor s = causal(), a = softmaxOf(s, {"m"});
  expect({define("Z", row, logSumExp(test::at(s), {"m"}) - test::sum({"m"}, test::at(a) * test::at(s)))}, 6, 2);
  Tensor b = softmaxOf(scores(), {"m"});
  expect({define("Z", row, constant(0) - test::sum({"m"}, test::at(b) * f(Function::Log, test::at(b))))}, 6, 2);
}
TEST_F(AlgebraDerivation, VarianceIsRecentred) {
  Tensor s = scores(), u = define("U", row, test::reduce(Reducer::Mean, {"m"}, test::at(s)));
  expect({define("va", row, test::reduce(Reducer::Mean, {"m"}, squared(test::at(s) - test::at(u))))}, 4, 2);
  EXPECT_TRUE(fired("refer"));
}
TEST_F(AlgebraDerivation, AnIncreasingFunctionOfASummaryInsideTheReduction) {
  Tensor s = scores(), a = softmaxOf(s, {"m"});
  Tensor conf = define("conf", row, test::max({"m"}, test::at(a)));
  expect({conf, weigh(a)}, 6, 2);
  EXPECT_TRUE(fired("order"));
}
TEST_F(AlgebraDerivation, ArgMaxDropsWhatIsIncreasing) {
  Tensor a = softmaxOf(causal(), {"m"});
  expect({define("best", row, test::reduce(Reducer::ArgMax, {"m"}, test::at(a))), weigh(a)}, 6, 2);
}

// ---- other reducers and other products

TEST_F(AlgebraDerivation, MinPlus) {
  Tensor s = define("S", map, onlyIf(test::sum({"e"}, f(Function::Abs, q() - k())), lessEqual(m(), p())));
  Tensor x = define("X", row, test::reduce(Reducer::Min, {"m"}, test::at(s)));
  expect({define("O", out, test::reduce(Reducer::Min, {"m"}, test::at(s) - test::at(x) + v()))}, 4, 2);
}
TEST_F(AlgebraDerivation, MaxPlusOfLogarithms) {
  Tensor s = scores(), l = define("L", row, logSumExp(test::at(s), {"m"}));
  expect({define("O", out, test::max({"m"}, test::at(s) - test::at(l) + v()))}, 6, 2);
}
TEST_F(AlgebraDerivation, MaxOfWeightedSignedValues) {
  Tensor s = define("S", map, onlyIf(dot(), less(m(), p())));
  expect({define("O", out, test::max({"m"}, test::at(softmaxOf(s, {"m"})) * v()))}, 6, 2);
}
TEST_F(AlgebraDerivation, AFactorThatMayBeNegativeCutsAMaximum) {
  Tensor s = scores(), y = define("Y", row, test::sum({"m"}, test::at(s)));
  expect({define("O", out, test::max({"m"}, test::at(softmaxOf(s, {"m"})) * v() * f(Function::Tanh, test::at(y))))}, 6,
         4);
  EXPECT_TRUE(fired("cut"));
}
TEST_F(AlgebraDerivation, OrAnd) {
  Expr live = test::reduce(Reducer::Any, {"m"}, less(constant(0), input("G", {"p", "m"})));
  Tensor l = define("live", row, live);
  Expr both = test::apply(Function::And, {less(constant(0), input("B", {"p", "m"})), test::at(l)});
  expect({define("O", row, test::reduce(Reducer::Any, {"m"}, both))}, 4, 2);
}
TEST_F(AlgebraDerivation, Products) {
  expect(
      {define("O", row, test::reduce(Reducer::Product, {"m"}, onlyIf(f(Function::Tanh, dot()), lessEqual(m(), p()))))},
      2, 2);
}
TEST_F(AlgebraDerivation, EuclideanNorm) {
  Tensor s = scores();
  Tensor norm = define("n", row, test::power(test::sum({"m"}, squared(test::at(s))), -0.5));
  expect({weigh(define("A", map, test::at(s) * test::at(norm)))}, 4, 2);
}
TEST_F(AlgebraDerivation, OneOverItself) {
  Tensor s = define("S", map, onlyIf(dot(), less(m(), p())));
  expect({define("R", row, test::sum({"m"}, test::at(softmaxOf(s, {"m"}))))}, 6, 2); // 1, but 0 in the row without keys
  EXPECT_FALSE(program.assumptions.empty());
}

// ---- other ranks

TEST_F(AlgebraDerivation, AStateThatGrowsByAMixedRank) {
  fill(data, "W", {"h", "g"}, random);
  fill(data, "Qh", {"h", "p", "e"}, random);
  fill(data, "Vh", {"h", "m", "f"}, random);
  Tensor s =
      define("S", {"h", "p", "m"}, onlyIf(test::sum({"e"}, input("Qh", {"h", "p", "e"}) * k()), lessEqual(m(), p())));
  Tensor a = softmaxOf(s, {"m"});
  Tensor mixed =
      define("A2", {"h", "p", "m"}, test::sum({"g"}, input("W", {"h", "g"}) * test::at(a, Names{"g", "p", "m"})));
  std::vector<Tensor> o = {
      define("O", {"h", "p", "f"}, test::sum({"m"}, test::at(mixed) * input("Vh", {"h", "m", "f"})))};
  expect(o, 6, 2);
  EXPECT_TRUE(fired("enlarge"));
  options.enlarge = false;
  expect(o, 6, 4);
}
TEST_F(AlgebraDerivation, TheContractionMovesPastTheStream) {
  Tensor w = define("W", map, test::sum({"e"}, f(Function::Sigmoid, q()) * f(Function::Sigmoid, k())));
  Tensor o = define("O", out, test::sum({"m"}, test::at(w) * v()) / test::sum({"m"}, test::at(w)));
  expect({o}, 2, 2);
  EXPECT_TRUE(fired("reassociate"));
  options.reassociate = false;
  expect({o}, 2, 2);
  EXPECT_FALSE(fired("reassociate"));
}
TEST_F(AlgebraDerivation, AnExponentialOfASumIsNotFactored) {
  Tensor w = define("W", map, test::sum({"e"}, test::exp(q() + k())));
  expect({weigh(w)}, 2, 2);
  EXPECT_FALSE(fired("reassociate"));
}
TEST_F(AlgebraDerivation, AnOutputThatCarriesTheStreamIsOneMoreTraversal) {
  Tensor a = softmaxOf(causal(), {"m"});
  expect({weigh(a), define("C", {"m"}, test::sum({"p"}, test::at(a)))}, 6, 4);
}
TEST_F(AlgebraDerivation, NormalisedOverTheOtherRank) {
  fibre = Fibre("p");
  expect({weigh(softmaxOf(scores(), {"p"}))}, 6, 4);
}
TEST_F(AlgebraDerivation, TwoSources) {
  fibre = Fibre::of({{"n"}, {"m"}});
  fill(data, "Kn", {"n", "e"}, random);
  fill(data, "Vn", {"n", "f"}, random);
  const Names left = {"p", "n"};
  Tensor a = define("Sn", left, test::sum({"e"}, q() * input("Kn", {"n", "e"}))), b = causal();
  Tensor x = define("X", row, larger(test::max({"n"}, test::at(a)), test::max({"m"}, test::at(b))));
  Tensor na = define("Na", left, test::exp(test::at(a) - test::at(x))),
         nb = define("N", map, test::exp(test::at(b) - test::at(x)));
  Tensor d = define("D", row, test::sum({"n"}, test::at(na)) + test::sum({"m"}, test::at(nb)));
  Expr above = test::sum({"n"}, test::at(na) * input("Vn", {"n", "f"})) + test::sum({"m"}, test::at(nb) * v());
  expect({define("O", out, above / test::at(d))}, 4, 2);
}

// ---- what is not streamable, and why

TEST_F(AlgebraDerivation, ANormaliserOverASplitFunctionCutsAndNamesIt) {
  Tensor s = define("S", map, onlyIf(f(Function::Softplus, dot()), lessEqual(m(), p())));
  Tensor r = define("R", map,
                    test::power(f(Function::Relu, (p() + constant(1)) * test::at(normalised(s)) - constant(0.9)), 3));
  expect({weigh(normalised(r))}, 6, 4);
  ASSERT_FALSE(program.remarks.empty());
  EXPECT_NE(program.remarks[0].text.find("relu of streamed data and a summary"), std::string::npos)
      << program.remarks[0].text;
}
TEST_F(AlgebraDerivation, ATemperatureFromTheRowCutsTheExponent) {
  Tensor s = define("S", map, dot()), g = define("G", row, test::power(test::sum({"m"}, squared(test::at(s))), -0.5));
  expect({weigh(softmaxOf(define("U", map, test::at(s) * test::at(g)), {"m"}))}, 8, 4);
  ASSERT_FALSE(program.remarks.empty());
  EXPECT_NE(program.remarks[0].text.find("an exponent that multiplies"), std::string::npos) << program.remarks[0].text;
}
TEST_F(AlgebraDerivation, AConditionThatReadsASummaryCuts) {
  Tensor s = scores(), x = define("X", row, test::max({"m"}, test::at(s)));
  Tensor u = define("U", map, onlyIf(test::at(s), less(test::at(x) - constant(2), test::at(s))));
  expect({weigh(softmaxOf(u, {"m"}))}, 8, 4);
  ASSERT_FALSE(program.remarks.empty());
  EXPECT_NE(program.remarks[0].text.find("a condition waits for a summary"), std::string::npos);
}
TEST_F(AlgebraDerivation, AWeightWithoutSummariesStaysWhole) { // (1 - lambda) A V is one accumulator, not two
  Expr weight = constant(1) - parameter("lambda");
  Tensor a = define("A", map, weight * test::at(softmaxOf(causal(), {"m"})));
  expect({weigh(a)}, 6, 2);
  EXPECT_EQ(program.streams[0].size(), 3u); // the maximum, the sum of exponentials, the weighted values
}

TEST_F(AlgebraDerivation, OneNormSplits) {
  expect({weigh(normalised(define("S", map, onlyIf(f(Function::Softplus, dot()), lessEqual(m(), p())))))}, 4, 2);
}

// ---- numerics, in f32

TEST_F(AlgebraDerivation, ScoresOfTenThousand) {
  for (double &x : data.inputs["Q"].data)
    x *= 1e4;
  expectStable({weigh(softmaxOf(causal(), {"m"}))}, 2e-3);
}
TEST_F(AlgebraDerivation, EntropyOfOffsetScores) {
  data.parameters["off"] = 1e3;
  Tensor s = define("S", map, dot() * parameter("scale") + parameter("off")), a = softmaxOf(s, {"m"});
  expectStable({define("Z", row, logSumExp(test::at(s), {"m"}) - test::sum({"m"}, test::at(a) * test::at(s)))}, 1e-3);
}
TEST_F(AlgebraDerivation, VarianceOfOffsetData) {
  data.parameters["off"] = 1e4;
  Tensor s = define("S", map, dot() + parameter("off")),
         u = define("U", row, test::reduce(Reducer::Mean, {"m"}, test::at(s)));
  expectStable({define("va", row, test::reduce(Reducer::Mean, {"m"}, squared(test::at(s) - test::at(u))))}, 2e-2);
}
TEST_F(AlgebraDerivation, InfiniteScoresAndNaN) {
  Tensor s = define("S", map, dot() + input("B", map)), a = softmaxOf(s, {"m"});
  auto &bias = data.inputs["B"].data;
  for (int i = 0; i < 5; ++i)
    bias[i] = -INFINITY; // the first tiles of row 0
  for (int i = 0; i < 11; ++i)
    bias[11 + i] = -INFINITY; // all of row 1
  bias[22 + 4] = INFINITY;
  bias[33 + 4] = NAN;
  expectStable({weigh(a), define("L", row, logSumExp(test::at(s), {"m"}))}, 1e-5);
}
TEST_F(AlgebraDerivation, AStreamWithoutElements) {
  data.extents["m"] = 0;
  for (const char *name : {"K", "V"})
    data.inputs[name] = {{0, data.inputs[name].sizes[1]}, {}};
  Tensor s = causal();
  expectStable({weigh(softmaxOf(s, {"m"})), define("L", row, logSumExp(test::at(s), {"m"})),
                define("O2", out, test::max({"m"}, test::at(softmaxOf(s, {"m"})) * v()))},
               1e-6);
}

// ---- the proof

TEST_F(AlgebraDerivation, AChangeOfReferenceIsABinomialMatrix) {
  TermRef s = context.read("S", {context.index("m")}, ValueType::Float);
  TermRef r = context.relative(Reducer::Sum, {{ReferenceKind::Max, s, 2}}, {{context.index("m")}}, {}, context.one());
  auto corrections = changeOfReference(context, r);
  ASSERT_EQ(corrections.size(), 3u);
  EXPECT_EQ(corrections[1].coefficient, Number(2)); // 2 d R_1
  EXPECT_EQ(corrections[1].powers[0], 1u);
  EXPECT_EQ(corrections[1].lower->getReference(0).power, 1u);
  EXPECT_EQ(corrections[2].lower, r);
  TermRef max = context.reduce(Reducer::Max, {{context.index("m")}}, {}, s);
  ASSERT_EQ(changeOfReference(context, max).size(), 1u);
}
TEST_F(AlgebraDerivation, ACutLeadsBackToTheSpec) {
  TermRef s = context.read("S", {context.index("p"), context.index("m")}, ValueType::Float), r, bad;
  TermRef total = context.reduce(Reducer::Sum, {{context.index("m")}}, {}, s);
  {
    TermContext::At at(context, 42);
    bad = context.apply(Function::Tanh, {context.mul(s, total)});
  }
  r = context.reduce(Reducer::Sum, {{context.index("m")}}, {}, bad);
  Program cut = deriveProgram(context, {Value{"O", {context.index("p")}, r, {}}}, Fibre("m"));
  ASSERT_EQ(cut.remarks.size(), 1u);
  EXPECT_EQ(cut.remarks[0].location, 42u);
}
} // namespace

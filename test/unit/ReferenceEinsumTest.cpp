// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Reference.h"
#include "compiler/reference/Philox.h"
#include <cmath>

using namespace attn;
using namespace attn::reference;
using llvm::ArrayRef;
using llvm::StringRef;

namespace {

using ReferenceEinsumTest = ReferenceTest;
const double kInf = HUGE_VAL;

/// Grouped causal attention, the queries aligned to the end of the keys.
const std::string kAttention = R"(
attn.kernel @attention(%Q: $f32(h, p, e) {attn.name = "Q"}, %K: $f32(g, m, e) {attn.name = "K"},
                       %V: $f32(g, m, f) {attn.name = "V"}) -> ($f32(h, p, f) {attn.name = "O"})
    attributes {ranks = [#attn.rank<h>, #attn.rank<g>, #attn.rank<p>, #attn.rank<m>, #attn.rank<e>, #attn.rank<f>]} {
  %H = attn.extent "h"
  %G = attn.extent "g"
  %P = attn.extent "p"
  %M = attn.extent "m"
  %S = attn.einsum [h, p, m] symbols(G = %G, H = %H) = sum [e]
         ins(%q = %Q[h, p, e] : $f32(h, p, e), %k = %K[(h * G) floordiv H, m, e] : $f32(g, m, e)) points(%ip = p, %im = m) where {
    %0 = arith.addi %ip, %M : index
    %1 = arith.subi %0, %P : index
    %c = arith.cmpi sle, %im, %1 : index
    attn.yield %c : i1
  } map {
    %x = arith.mulf %q, %k : f32
    attn.yield %x : f32
  } : $f32(h, p, m)
)" + std::string(kWeights) + R"(  %O = attn.einsum [h, p, f] symbols(G = %G, H = %H) = sum [m]
         ins(%n = %N[h, p, m] : $f32(h, p, m), %d = %D[h, p] : $f32(h, p), %v = %V[(h * G) floordiv H, m, f] : $f32(g, m, f)) map {
    %a = attn.div %n, %d : f32
    %y = arith.mulf %a, %v : f32
    attn.yield %y : f32
  } : $f32(h, p, f)
  attn.yield %O : $f32(h, p, f)
})";

TEST_F(ReferenceEinsumTest, ARankWithoutPointsHasNothingToName) {
  KernelOp kernel = parse(kAttention);
  auto zeros = [&](ArrayRef<int64_t> shape) { return floats(shape, [](auto) { return 0; }); };
  auto kindOf = [&](int64_t heads, int64_t groups) {
    auto results = evaluate(kernel, {zeros({heads, 2, 3}), zeros({groups, 2, 3}), zeros({groups, 2, 1})});
    if (results)
      return std::string("none");
    llvm::Error error = results.takeError();
    std::string kind = error.isA<EmptyRankError>() ? "empty rank: " : "other: ";
    return kind + llvm::toString(std::move(error));
  };
  EXPECT_EQ(kindOf(4, 2), "none");
  EXPECT_EQ(kindOf(0, 0), "none");
  EXPECT_NE(kindOf(1, 0).find("empty rank: "), std::string::npos);
  EXPECT_NE(kindOf(1, 0).find("'K' is read at index 0 in rank 'g', outside [0, 0)"), std::string::npos);
}

TEST_F(ReferenceEinsumTest, AReadOutsideARankWithPointsIsAnotherError) {
  KernelOp kernel = parse(R"(
attn.kernel @k(%A: $f32(p) {attn.name = "A"}) -> ($f32(p) {attn.name = "B"}) attributes {ranks = [#attn.rank<p>]} {
  %B = attn.einsum [p] = ins(%a = %A[p + 1] : $f32(p)) map { attn.yield %a : f32 } : $f32(p)
  attn.yield %B : $f32(p)
})");
  auto results = evaluate(kernel, {floats({3}, [](auto) { return 0; })});
  ASSERT_FALSE(bool(results));
  llvm::Error error = results.takeError();
  EXPECT_FALSE(error.isA<EmptyRankError>());
  llvm::consumeError(std::move(error));
}

TEST_F(ReferenceEinsumTest, CausalAttentionMatchesLoops) {
  const int64_t H = 4, G = 2, P = 9, M = 7, E = 5, F = 3; // P > M: the first rows have no key
  Tensor Q = floats({H, P, E}, [](auto i) { return noise(i[0], i[1], i[2]); });
  Tensor K = floats({G, M, E}, [](auto i) { return noise(i[0] + 10, i[1], i[2]); });
  Tensor V = floats({G, M, F}, [](auto i) { return noise(i[0] + 20, i[1], i[2]); });
  std::vector<Tensor> results = run(parse(kAttention), {Q, K, V});
  ASSERT_EQ(results.size(), 1u);
  const Tensor &O = results[0];
  for (int64_t h = 0; h < H; ++h)
    for (int64_t p = 0; p < P; ++p)
      for (int64_t f = 0; f < F; ++f) {
        double sum = 0, weights = 0;
        for (int64_t m = 0; m < M && m <= p + M - P; ++m) {
          double s = 0;
          for (int64_t e = 0; e < E; ++e)
            s += Q.reals[(h * P + p) * E + e] * K.reals[(h / 2 * M + m) * E + e];
          weights += std::exp(s);
          sum += std::exp(s) * V.reals[(h / 2 * M + m) * F + f];
        }
        int64_t at = (h * P + p) * F + f;
        EXPECT_NEAR(O.reals[at], weights == 0 ? 0 : sum / weights, 1e-12);
        EXPECT_TRUE(weights == 0 || (O.error(at) > 1e-9 && O.error(at) < 1e-6)) << O.error(at);
      }
  EXPECT_TRUE(O.conditions.empty()); // the condition mentions m, so the sum over m consumed it
}

TEST_F(ReferenceEinsumTest, RowsOfMinusInfinityAreLikeEmptyOnes) {
  Tensor Q = floats({1, 2, 1}, [](auto i) { return 1; });
  Tensor K = floats({1, 2, 1}, [](auto i) { return -kInf; });
  Tensor V = floats({1, 2, 1}, [](auto i) { return 1 + i[1]; });
  EXPECT_EQ(run(parse(kAttention), {Q, K, V})[0].reals, (std::vector<double>{0, 0}));
}

TEST_F(ReferenceEinsumTest, NanReachesTheRowsThatSeeIt) {
  Tensor Q = floats({1, 3, 1}, [](auto i) { return 1; });
  Tensor K = floats({1, 3, 1}, [](auto i) { return i[1] == 1 ? NAN : 0; });
  Tensor V = floats({1, 3, 1}, [](auto i) { return 1; });
  std::vector<double> O = run(parse(kAttention), {Q, K, V})[0].reals;
  EXPECT_EQ(O[0], 1);
  EXPECT_TRUE(std::isnan(O[1]) && std::isnan(O[2]));
}

/// S is causal over (p, m) and has no head 0; T mixes heads, R sums keys.
TEST_F(ReferenceEinsumTest, ReductionsConsumeOnlyConditionsThatMentionTheirIndex) {
  KernelOp kernel = parse(R"(
attn.kernel @mix(%A: $f32(h, p, m) {attn.name = "A"}, %W: $f32(k, h) {attn.name = "W"})
    -> ($f32(k, p, m) {attn.name = "T", attn.pad = 7.0 : f32}, $f32(h, p) {attn.name = "R"}, $f32(k, p) {attn.name = "U"})
    attributes {ranks = [#attn.rank<h>, #attn.rank<p>, #attn.rank<m>, #attn.rank<k>]} {
  %c0 = arith.constant 0 : index
  %S = attn.einsum [h, p, m] = ins(%a = %A[h, p, m] : $f32(h, p, m)) points(%ih = h, %ip = p, %im = m) where {
    %c = arith.cmpi sle, %im, %ip : index
    %d = arith.cmpi ne, %ih, %c0 : index
    attn.yield %c, %d : i1, i1
  } map { attn.yield %a : f32 } : $f32(h, p, m)
  %T = attn.einsum [k, p, m] = sum [h] ins(%w = %W[k, h] : $f32(k, h), %s = %S[h, p, m] : $f32(h, p, m)) map {
    %x = arith.mulf %w, %s : f32
    attn.yield %x : f32
  } : $f32(k, p, m)
  %R = attn.einsum [h, p] = sum [m] ins(%s = %S[h, p, m] : $f32(h, p, m)) map { attn.yield %s : f32 } : $f32(h, p)
  %U = attn.einsum [k, p] = max [m] ins(%t = %T[k, p, m] : $f32(k, p, m)) points(%im = m) where {
    %d = arith.cmpi ne, %im, %c0 : index
    attn.yield %d : i1
  } map { attn.yield %t : f32 } : $f32(k, p)
  attn.yield %T, %R, %U : $f32(k, p, m), $f32(h, p), $f32(k, p)
})");
  Tensor A = floats({3, 2, 2}, [](auto i) { return 100 * i[0] + 10 * i[1] + i[2]; });
  Tensor W = floats({1, 3}, [](auto i) { return 1; });
  std::vector<Tensor> results = run(kernel, {A, W});
  EXPECT_EQ(results[0].reals, (std::vector<double>{300, 7, 320, 322})); // still causal, head 0 left out
  EXPECT_FALSE(results[0].isPresent(1));
  EXPECT_EQ(results[1].reals, (std::vector<double>{0, 0, 100, 221, 200, 421})); // head 0 absent: stored as 0
  EXPECT_FALSE(results[1].isPresent(0));
  EXPECT_EQ(results[2].reals, (std::vector<double>{-kInf, 322})); // a row without keys has a value
  EXPECT_TRUE(results[2].isPresent(0));
}

TEST_F(ReferenceEinsumTest, ElseGivesRemovedPointsAValueAndEndsTheirConditions) {
  KernelOp kernel = parse(R"(
attn.kernel @k(%A: $f32(p) {attn.name = "A"}) -> ($f32(p) {attn.name = "B"}) attributes {ranks = [#attn.rank<p>]} {
  %z = arith.constant 0.0 : f32
  %B = attn.einsum [p] = ins(%a = %A[p] : $f32(p)) where {
    %c = arith.cmpf ogt, %a, %z : f32
    attn.yield %c : i1
  } map { attn.yield %a : f32 } else 5.0 : f32 : $f32(p)
  attn.yield %B : $f32(p)
})");
  Tensor B = run(kernel, {floats({3}, [](auto i) { return i[0] - 1; })})[0];
  EXPECT_EQ(B.reals, (std::vector<double>{5, 5, 1}));
  EXPECT_TRUE(B.conditions.empty());
}

/// A[p - 1], guarded by a conjunct, by `or`, by `select`, or by nothing.
TEST_F(ReferenceEinsumTest, ReadsAreLazy) {
  auto shifted = [&](StringRef where, StringRef map) {
    return parse((R"(
attn.kernel @k(%A: $f32(p) {attn.name = "A"}) -> ($f32(p) {attn.name = "B"}) attributes {ranks = [#attn.rank<p>]} {
  %z = arith.constant 0.0 : f32
  %c0 = arith.constant 0 : index
  %B = attn.einsum [p] = ins(%a = %A[p - 1] : $f32(p)) points(%ip = p) )" +
                  where + " map { " + map + R"(
    attn.yield %x : f32
  } : $f32(p)
  attn.yield %B : $f32(p)
})")
                     .str());
  };
  StringRef plain = "%x = arith.addf %a, %z : f32";
  Tensor A = floats({3}, [](auto i) { return 10 * (i[0] + 1); });
  std::string error = errorOf(shifted("", plain), {A});
  EXPECT_NE(error.find("test.mlir:5:"), std::string::npos) << error;
  EXPECT_NE(error.find("'A' is read at index -1 in rank 'p', outside [0, 3), at p = 0"), std::string::npos) << error;
  using Values = std::vector<double>;
  EXPECT_EQ(run(shifted("where { %c = arith.cmpi sgt, %ip, %c0 : index attn.yield %c : i1 }", plain), {A})[0].reals,
            (Values{0, 10, 20}));
  EXPECT_EQ(run(shifted("where { %c = arith.cmpi eq, %ip, %c0 : index %d = arith.cmpf ogt, %a, %z : f32 "
                        "%e = arith.ori %c, %d : i1 attn.yield %e : i1 }",
                        "%g = arith.cmpi eq, %ip, %c0 : index %x = arith.select %g, %z, %a : f32"),
                {A})[0]
                .reals,
            (Values{0, 10, 20}));
  // Conjuncts over result iterators remove the point before anything is read, in any order.
  EXPECT_EQ(run(shifted("where { %d = arith.cmpf ogt, %a, %z : f32 %c = arith.cmpi sgt, %ip, %c0 : index "
                        "attn.yield %d, %c : i1, i1 }",
                        plain),
                {A})[0]
                .reals,
            (Values{0, 10, 20}));
}

TEST_F(ReferenceEinsumTest, FiltersAreTestedFromLeftToRight) {
  auto filtered = [&](const std::string &conjuncts) {
    return parse(R"(
attn.kernel @k(%A: $f32(p) {attn.name = "A"}) -> ($f32() {attn.name = "B"}) attributes {ranks = [#attn.rank<p>]} {
  %z = arith.constant 0.0 : f32
  %c0 = arith.constant 0 : index
  %B = attn.einsum [] = sum [p] ins(%a = %A[p - 1] : $f32(p)) points(%ip = p) where {
    %c = arith.cmpi sgt, %ip, %c0 : index
    %d = arith.cmpf ogt, %a, %z : f32
    attn.yield )" +
                 conjuncts + R"( : i1, i1
  } map { attn.yield %a : f32 } : $f32()
  attn.yield %B : $f32()
})");
  };
  Tensor A = floats({3}, [](auto i) { return 10 * (i[0] + 1); });
  EXPECT_EQ(run(filtered("%c, %d"), {A})[0].reals[0], 30);
  EXPECT_NE(errorOf(filtered("%d, %c"), {A}), "");
}

/// Whether an absent operand removes a point depends on whether `select` looks at it.
TEST_F(ReferenceEinsumTest, SelectMissesOnlyTheBranchItTakes) {
  KernelOp kernel = parse(R"(
attn.kernel @k(%A: $f32(p) {attn.name = "A"}, %Z: $f32(m) {attn.name = "Z"}) -> ($f32(m) {attn.name = "R"}, $f32(p, m) {attn.name = "B"})
    attributes {ranks = [#attn.rank<p>, #attn.rank<m>]} {
  %z = arith.constant 0.0 : f32
  %c0 = arith.constant 0 : index
  %S = attn.einsum [p] = ins(%a = %A[p] : $f32(p)) where {
    %c = arith.cmpf ogt, %a, %z : f32
    attn.yield %c : i1
  } map { attn.yield %a : f32 } : $f32(p)
  %R = attn.einsum [m] = sum [p] ins(%s = %S[p] : $f32(p)) points(%im = m) map { attn.yield %s : f32 } : $f32(m)
  %B = attn.einsum [p, m] = ins(%s = %S[p] : $f32(p)) points(%im = m) map {
    %c = arith.cmpi eq, %im, %c0 : index
    %x = arith.select %c, %z, %s : f32
    attn.yield %x : f32
  } : $f32(p, m)
  attn.yield %R, %B : $f32(m), $f32(p, m)
})");
  std::vector<Tensor> results =
      run(kernel, {floats({2}, [](auto i) { return i[0] ? 3 : -1; }), floats({2}, [](auto i) { return 0; })});
  EXPECT_EQ(results[0].reals, (std::vector<double>{3, 3}));
  EXPECT_EQ(results[1].reals, (std::vector<double>{0, 0, 0, 3}));
  EXPECT_TRUE(results[1].isPresent(0));
  EXPECT_FALSE(results[1].isPresent(1));
}

TEST_F(ReferenceEinsumTest, GathersReadThroughTables) {
  KernelOp kernel = parse(R"(
attn.kernel @paged(%K: $f32(n, s) {attn.name = "K"}, %T: $i32(b, l) {attn.name = "T"}, %len: $i32(b) {attn.name = "len"})
    -> ($f32(b) {attn.name = "R"})
    attributes {ranks = [#attn.rank<n>, #attn.rank<s>, #attn.rank<b>, #attn.rank<l>,
                         #attn.rank<m = affine_map<()[s0, s1] -> (s0 * s1)> of ranks(l, s)>]} {
  %S = attn.extent "s"
  %R = attn.einsum [b] symbols(S = %S) gathers(t = 0) = sum [m]
         ins(%t = %T[b, m floordiv S] : $i32(b, l), %k = %K[t, m mod S] : $f32(n, s), %n = %len[b] : $i32(b)) points(%im = m) where {
    %i = arith.index_cast %im : index to i32
    %c = arith.cmpi slt, %i, %n : i32
    attn.yield %c : i1
  } map { attn.yield %k : f32 } : $f32(b)
  attn.yield %R : $f32(b)
})");
  Tensor K = floats({3, 2}, [](auto i) { return 10 * i[0] + i[1]; });
  Tensor T = integers({2, 2}, {2, 0, 1, 99}); // an unused page is never looked up
  Tensor len = integers({2}, {3, 2});
  EXPECT_EQ(run(kernel, {K, T, len})[0].reals, (std::vector<double>{20 + 21 + 0, 10 + 11}));
  EXPECT_NE(errorOf(kernel, {K, T, integers({2}, {3, 3})}).find("'K' is read at index 99 in rank 'n'"),
            std::string::npos);
}

TEST_F(ReferenceEinsumTest, ReducersOverSomeAndOverNoPoints) {
  const std::vector<std::tuple<const char *, const char *, double, double>> cases = {
      // reducer, type, over {2, -3, 4}, over nothing
      {"sum", "f32", 3, 0},     {"prod", "f32", -24, 1}, {"max", "f32", 4, -kInf},
      {"min", "f32", -3, kInf}, {"mean", "f32", 1, 0},   {"sum", "i8", 3, 0},
      {"prod", "i8", -24, 1},   {"max", "i8", 4, -128},  {"min", "i32", -3, 2147483647.0},
  };
  for (const auto &[reducer, type, some, none] : cases) {
    std::string text = R"(
attn.kernel @k(%A: $TYPE(m) {attn.name = "A"}) -> ($TYPE() {attn.name = "R"}) attributes {ranks = [#attn.rank<m>]} {
  %R = attn.einsum [] = REDUCER [m] ins(%a = %A[m] : $TYPE(m)) map { attn.yield %a : TYPE } : $TYPE()
  attn.yield %R : $TYPE()
})";
    for (auto [from, to] : {std::pair<std::string, std::string>("TYPE", type), {"REDUCER", reducer}})
      for (size_t at; (at = text.find(from)) != std::string::npos;)
        text.replace(at, from.size(), to);
    KernelOp kernel = parse(text);
    bool isFloat = StringRef(type) == "f32";
    unsigned width = StringRef(type) == "i8" ? 8 : 32;
    Tensor three = isFloat ? floats({3}, [](auto i) { return i[0] == 0   ? 2
                                                             : i[0] == 1 ? -3
                                                                         : 4; })
                           : integers({3}, {2, -3, 4}, width);
    Tensor empty = isFloat ? floats({0}, [](auto i) { return 0; }) : integers({0}, {}, width);
    auto value = [&](const Tensor &result) { return isFloat ? result.reals[0] : double(result.integers[0]); };
    EXPECT_EQ(value(run(kernel, {three})[0]), some) << reducer;
    EXPECT_EQ(value(run(kernel, {empty})[0]), none) << reducer;
  }
}

TEST_F(ReferenceEinsumTest, AnyAndAllOfBools) {
  for (const char *reducer : {"any", "all"}) {
    KernelOp kernel = parse(std::string(R"(
attn.kernel @k(%A: $i1(p, m) {attn.name = "A"}) -> ($i1(p) {attn.name = "R"}) attributes {ranks = [#attn.rank<p>, #attn.rank<m>]} {
  %R = attn.einsum [p] = )") +
                            reducer + R"( [m] ins(%a = %A[p, m] : $i1(p, m)) map { attn.yield %a : i1 } : $i1(p)
  attn.yield %R : $i1(p)
})");
    bool isAny = StringRef(reducer) == "any";
    EXPECT_EQ(run(kernel, {integers({3, 2}, {0, 0, 0, 1, 1, 1}, 1)})[0].integers, (std::vector<int64_t>{0, isAny, 1}));
    EXPECT_EQ(run(kernel, {integers({1, 0}, {}, 1)})[0].integers[0], !isAny);
  }
}

TEST_F(ReferenceEinsumTest, IntegersAreExactAndDivideByFloor) {
  KernelOp kernel = parse(R"(
attn.kernel @k(%A: $i32(p) {attn.name = "A"}, %B: $i32(p) {attn.name = "B"})
    -> ($i32(p) {attn.name = "Q"}, $i32(p) {attn.name = "R"}, $i8(p) {attn.name = "W"}) attributes {ranks = [#attn.rank<p>]} {
  %Q = attn.einsum [p] = ins(%a = %A[p] : $i32(p), %b = %B[p] : $i32(p)) map {
    %x = attn.idiv %a, %b : i32
    attn.yield %x : i32
  } : $i32(p)
  %R = attn.einsum [p] = ins(%a = %A[p] : $i32(p), %b = %B[p] : $i32(p)) map {
    %x = attn.imod %a, %b : i32
    attn.yield %x : i32
  } : $i32(p)
  %W = attn.einsum [p] = ins(%a = %A[p] : $i32(p)) map {
    %x = arith.trunci %a : i32 to i8
    %y = arith.muli %x, %x : i8
    attn.yield %y : i8
  } : $i8(p)
  attn.yield %Q, %R, %W : $i32(p), $i32(p), $i8(p)
})");
  std::vector<Tensor> results = run(kernel, {integers({5}, {7, -7, 7, -7, 20}), integers({5}, {2, 2, -2, 0, 20})});
  EXPECT_EQ(results[0].integers, (std::vector<int64_t>{3, -4, -4, 0, 1}));
  EXPECT_EQ(results[1].integers, (std::vector<int64_t>{1, 1, -1, 0, 0}));
  EXPECT_EQ(results[2].integers, (std::vector<int64_t>{49, 49, 49, 49, -112})); // 400 in 8 bits
}

/// Philox as integer arithmetic on points, as `rand` becomes.
TEST_F(ReferenceEinsumTest, ExtendedProductsMakePhiloxRounds) {
  KernelOp kernel = parse(R"(
attn.kernel @k(%A: $i32(p) {attn.name = "A"}) -> ($i32(p) {attn.name = "H"}, $f32(p) {attn.name = "U"}) attributes {ranks = [#attn.rank<p>]} {
  %c = arith.constant -766435501 : i32
  %c8 = arith.constant 8 : i32
  %H = attn.einsum [p] = ins(%a = %A[p] : $i32(p)) map {
    %lo, %hi = arith.mului_extended %a, %c : i32
    %x = arith.xori %lo, %hi : i32
    attn.yield %x : i32
  } : $i32(p)
  %U = attn.einsum [p] = ins(%h = %H[p] : $i32(p)) map {
    %s = arith.shrui %h, %c8 : i32
    %f = arith.uitofp %s : i32 to f32
    attn.yield %f : f32
  } : $f32(p)
  attn.yield %H, %U : $i32(p), $f32(p)
})");
  std::vector<Tensor> results = run(kernel, {integers({2}, {-1, 123456789})});
  for (auto [i, a] : llvm::enumerate(std::vector<uint32_t>{0xFFFFFFFFu, 123456789u})) {
    uint64_t product = uint64_t(a) * 0xD2511F53u;
    uint32_t expected = uint32_t(product) ^ uint32_t(product >> 32);
    EXPECT_EQ(results[0].integers[i], int32_t(expected));
    EXPECT_EQ(results[1].reals[i], double(expected >> 8));
    EXPECT_EQ(results[1].error(i), 0); // 24 bits fit
  }
}

TEST_F(ReferenceEinsumTest, UnknownOpsAreNamed) {
  KernelOp kernel = parse(R"(
attn.kernel @k(%A: $f32(p) {attn.name = "A"}) -> ($f32(p) {attn.name = "B"}) attributes {ranks = [#attn.rank<p>]} {
  %B = attn.einsum [p] = ins(%a = %A[p] : $f32(p)) map {
    %x = arith.bitcast %a : f32 to i32
    %y = arith.bitcast %x : i32 to f32
    attn.yield %y : f32
  } : $f32(p)
  attn.yield %B : $f32(p)
})");
  std::string error = errorOf(kernel, {floats({1}, [](auto i) { return 0; })});
  EXPECT_EQ(error, "test.mlir:5:10: the reference evaluator does not know the scalar op 'arith.bitcast'");
}

} // namespace

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Reference.h"
#include "compiler/reference/Compare.h"
#include "compiler/reference/Data.h"
#include "compiler/reference/Philox.h"
#include "compiler/reference/Tables.h"
#include <cmath>
#include <set>

using namespace attn;
using namespace attn::reference;

namespace {

using ReferenceDataTest = ReferenceTest;

/// Known answers of the Random123 distribution.
TEST(ReferencePhilox, KnownAnswers) {
  using Block = std::array<uint32_t, 4>;
  EXPECT_EQ(philox({0, 0, 0, 0}, {0, 0}), (Block{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(philox({~0u, ~0u, ~0u, ~0u}, {~0u, ~0u}), (Block{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (Block{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(ReferencePhilox, NormalsHaveTheirMoments) {
  Random random(3, 1);
  double sum = 0, squares = 0;
  const int n = 20000;
  for (int i = 0; i < n; ++i) {
    double x = random.normal();
    sum += x;
    squares += x * x;
  }
  EXPECT_NEAR(sum / n, 0, 0.03);
  EXPECT_NEAR(squares / n, 1, 0.05);
  Random other(3, 2), same(3, 1);
  EXPECT_NE(other.word(), Random(3, 1).word());
  EXPECT_EQ(same.word(), Random(3, 1).word());
  for (int i = 0; i < 100; ++i) {
    int64_t x = random.below(3);
    EXPECT_TRUE(x >= 0 && x < 3);
  }
}

/// T: pages; N: lengths; D: document ids; X: numbers; keep: a mask; w, s: scalars without default.
const char *const kTables = R"(
attn.kernel @tables(%K: $f32(n, m) {attn.name = "K"}, %T: $i32(b) {attn.name = "T"}, %N: $i32(b) {attn.name = "N"},
                    %D: $i32(m) {attn.name = "D"}, %X: $i8(m) {attn.name = "X"}, %keep: $i1(b, m) {attn.name = "keep"},
                    %w: i64 {attn.name = "w"}, %s: f32 {attn.name = "s"}, %d: f32 {attn.name = "d"})
    -> ($f32(b) {attn.name = "R"}) attributes {ranks = [#attn.rank<n>, #attn.rank<m>, #attn.rank<b>]} {
  %M = attn.extent "m"
  %sd = attn.default %d : f32 {
    %one = arith.constant 1.0 : f32
    attn.yield %one : f32
  }
  attn.require "w > 0" {
    %c0 = arith.constant 0 : i64
    %c = arith.cmpi sgt, %w, %c0 : i64
    attn.yield %c : i1
  }
  %E = attn.einsum [m] = ins(%x = %D[m] : $i32(m)) map {
    %y = arith.extsi %x : i32 to i64
    attn.yield %y : i64
  } : $i64(m)
  %R = attn.einsum [b] gathers(t = 0) = sum [m]
         ins(%t = %T[b] : $i32(b), %k = %K[t - 1, m] : $f32(n, m), %l = %N[b] : $i32(b), %d1 = %E[m] : $i64(m), %d2 = %E[0] : $i64(m),
             %x = %X[m] : $i8(m), %z = %keep[b, m] : $i1(b, m)) points(%im = m) where {
    %i = arith.index_cast %im : index to i32
    %c = arith.cmpi slt, %i, %l : i32
    %e = arith.cmpi eq, %d1, %d2 : i64
    attn.yield %c, %e, %z : i1, i1, i1
  } map {
    %f = arith.sitofp %x : i8 to f32
    %g = arith.mulf %f, %k : f32
    %h = arith.mulf %g, %s : f32
    attn.yield %h : f32
  } : $f32(b)
  attn.yield %R : $f32(b)
})";

TEST_F(ReferenceDataTest, TablesAreDrawnForTheirUse) {
  KernelOp kernel = parse(kTables);
  Symbols::Extents extents;
  extents["n"] = 5;
  extents["m"] = 40;
  extents["b"] = 200;
  DataOptions options;
  options.scale = 100;
  options.scalars["s"] = Scalar::of(2.5);
  llvm::Expected<std::vector<Argument>> drawn = makeArguments(kernel, extents, options);
  ASSERT_TRUE(bool(drawn)) << llvm::toString(drawn.takeError());
  auto range = [&](unsigned i) {
    auto [low, high] = std::minmax_element((*drawn)[i]->integers.begin(), (*drawn)[i]->integers.end());
    return std::pair<int64_t, int64_t>(*low, *high);
  };
  using Pair = std::pair<int64_t, int64_t>;
  EXPECT_EQ(range(1), Pair(1, 5)); // read at t - 1
  EXPECT_EQ(range(2).first, 0);
  EXPECT_TRUE(range(2).second > 35 && range(2).second <= 40);
  EXPECT_EQ(range(3), Pair(0, 3));
  EXPECT_TRUE(range(4).first < -50 && range(4).second > 50);
  EXPECT_EQ(range(5), Pair(0, 1));
  int64_t w = (*drawn)[6]->integers[0];
  EXPECT_TRUE(w == 1 || w == 7 || w == 5 || w == 40 || w == 200) << w;
  EXPECT_EQ((*drawn)[7]->reals[0], 2.5);
  EXPECT_FALSE((*drawn)[8]); // has a default
  double squares = 0;
  for (double x : (*drawn)[0]->reals)
    squares += x * x;
  EXPECT_NEAR(std::sqrt(squares / 200), 100, 20);
  run(kernel, *drawn); // reads nothing outside
}

TEST_F(ReferenceDataTest, MasksHaveEmptyLines) {
  Tensor keep = *makeArguments(parse(kTables),
                               [] {
                                 Symbols::Extents extents;
                                 extents["n"] = 1;
                                 extents["m"] = 16;
                                 extents["b"] = 64;
                                 return extents;
                               }(),
                               {})
                     ->at(5);
  std::set<int> counts;
  for (int64_t b = 0; b < 64; ++b)
    counts.insert(std::accumulate(keep.integers.begin() + 16 * b, keep.integers.begin() + 16 * (b + 1), 0));
  EXPECT_TRUE(counts.count(0) && counts.count(16) && counts.size() > 3);
}

TEST_F(ReferenceDataTest, CasesAreAwkwardAndBearable) {
  KernelOp kernel = parse(kTables);
  ASSERT_EQ(numCases(kernel), 9u);
  std::map<std::string, std::set<int64_t>> seen;
  unsigned unequal = 0;
  for (unsigned i = 0; i < numCases(kernel); ++i) {
    llvm::Expected<Case> drawn = makeCase(kernel, i, {});
    ASSERT_TRUE(bool(drawn)) << llvm::toString(drawn.takeError());
    double points = 1;
    for (const auto &[name, extent] : drawn->extents) {
      seen[name.str()].insert(extent);
      points *= extent;
    }
    unequal += drawn->extents["n"] != drawn->extents["m"];
    EXPECT_LE(points, 1 << 20);
    run(kernel, drawn->arguments);
  }
  EXPECT_GE(unequal, 4u);
  for (const char *rank : {"n", "m", "b"})
    for (int64_t size : {0, 1, 7, 33, 130})
      EXPECT_EQ(seen[rank].count(size), size > 0 || rank[0] != 'n')
          << rank << " = " << size; // T must have a page to name
  EXPECT_EQ(makeCase(kernel, 4, {})->arguments[0]->reals, makeCase(kernel, 4, {})->arguments[0]->reals);
  DataOptions other;
  other.seed = 1;
  EXPECT_NE(makeCase(kernel, 4, {})->arguments[0]->reals, makeCase(kernel, 4, other)->arguments[0]->reals);
}

TEST_F(ReferenceDataTest, RequirementsAreMetOrReported) {
  auto requiring = [&](const std::string &predicate) {
    return parse(R"(
attn.kernel @k(%A: $f32(p, m) {attn.name = "A"}) -> ($f32(p, m) {attn.name = "R"}) attributes {ranks = [#attn.rank<p>, #attn.rank<m>]} {
  %P = attn.extent "p"
  %M = attn.extent "m"
  attn.require "P ? M" {
    %c = arith.cmpi )" +
                 predicate + R"(, %P, %M : index
    attn.yield %c : i1
  }
  attn.yield %A : $f32(p, m)
})");
  };
  KernelOp equal = requiring("eq");
  for (unsigned i = 0; i < numCases(equal); ++i) {
    llvm::Expected<Case> drawn = makeCase(equal, i, {});
    ASSERT_TRUE(bool(drawn)) << llvm::toString(drawn.takeError());
    EXPECT_EQ(drawn->extents["p"], drawn->extents["m"]);
  }
  KernelOp impossible = parse(R"(
attn.kernel @k(%A: $f32(p) {attn.name = "A"}) -> ($f32(p) {attn.name = "R"}) attributes {ranks = [#attn.rank<p>]} {
  attn.require "false" {
    %c = arith.constant false
    attn.yield %c : i1
  }
  attn.yield %A : $f32(p)
})");
  llvm::Expected<Case> drawn = makeCase(impossible, 0, {});
  ASSERT_FALSE(bool(drawn));
  EXPECT_EQ(llvm::toString(drawn.takeError()), "test.mlir:3:3: requirement not met: false (in each of 1000 tries)");
}

TEST_F(ReferenceDataTest, BuffersRoundTrip) {
  for (mlir::Type type :
       {mlir::Type(mlir::Float16Type::get(&context)), mlir::Type(mlir::BFloat16Type::get(&context)),
        mlir::Type(mlir::Float64Type::get(&context)), mlir::Type(mlir::IntegerType::get(&context, 1)),
        mlir::Type(mlir::IntegerType::get(&context, 8)), mlir::Type(mlir::IntegerType::get(&context, 64))}) {
    Tensor tensor(type, {3});
    for (int i = 0; i < 3; ++i)
      tensor.set(i, {1.5 * i - 1, type.isInteger(1) ? i % 2 : -7 * i, 0});
    std::vector<char> bytes = encode(tensor);
    EXPECT_EQ(bytes.size(), 3u * byteWidth(type));
    Tensor back = decode(type, {3}, bytes.data());
    EXPECT_EQ(back.reals, tensor.reals);
    EXPECT_EQ(back.integers, tensor.integers);
  }
  Tensor third(mlir::Float32Type::get(&context), {1});
  third.reals[0] = 1.0 / 3;
  EXPECT_EQ(*reinterpret_cast<const float *>(encode(third).data()), 1.0f / 3);
}

TEST_F(ReferenceDataTest, DefaultsStayWhateverTheirValueIs) {
  KernelOp kernel = parse(R"(
attn.kernel @k(%A: $f32(e) {attn.name = "A"}, %s: f32 {attn.name = "s"}) -> ($f32() {attn.name = "R"}) attributes {ranks = [#attn.rank<e>]} {
  %d = attn.default %s : f32 {
    %E = attn.extent "e"
    %i = arith.index_cast %E : index to i64
    %f = arith.sitofp %i : i64 to f32
    %r = math.rsqrt %f : f32
    attn.yield %r : f32
  }
  %R = attn.einsum [] = sum [e] ins(%a = %A[e] : $f32(e)) map {
    %x = arith.mulf %a, %d : f32
    attn.yield %x : f32
  } : $f32()
  attn.yield %R : $f32()
})");
  Symbols::Extents none;
  none["e"] = 0;
  auto arguments = makeArguments(kernel, none, {});
  ASSERT_TRUE(bool(arguments));
  EXPECT_FALSE((*arguments)[1].has_value());
  EXPECT_EQ(run(kernel, *arguments)[0].reals[0], 0) << "an infinite factor of no addend";
}

} // namespace

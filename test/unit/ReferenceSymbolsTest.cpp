// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Reference.h"
#include <cmath>

using namespace attn;
using namespace attn::reference;

namespace {

using ReferenceSymbolsTest = ReferenceTest;

const char *const kKernel = R"(
attn.kernel @k(%Q: tensor<?x?xf32, #attn.ranks<p, "h*e">> {attn.name = "Q"}, %K: $f32(h, m) {attn.name = "K"},
               %block: i64 {attn.name = "block"}, %scale: f32 {attn.name = "scale"}) -> ($f32(h, c) {attn.name = "R"})
    attributes {ranks = [#attn.rank<p>, #attn.rank<h>, #attn.rank<e>, #attn.rank<m>,
                         #attn.rank<c = affine_map<()[s0, s1] -> (s0 floordiv s1)> of ranks(m) scalars(block)>]} {
  %c2 = arith.constant 2 : i64
  %b = attn.default %block : i64 { attn.yield %c2 : i64 }
  %s = attn.default %scale : f32 {
    %E = attn.extent "e"
    %i = arith.index_cast %E : index to i64
    %f = arith.sitofp %i : i64 to f32
    %r = math.rsqrt %f : f32
    attn.yield %r : f32
  }
  attn.require "M % block == 0" {
    %M = attn.extent "m"
    %m = arith.index_cast %M : index to i64
    %r = attn.imod %m, %b : i64
    %z = arith.constant 0 : i64
    %c = arith.cmpi eq, %r, %z : i64
    attn.yield %c : i1
  }
  %E = attn.extent "e"
  %B = arith.index_cast %b : i64 to index
  %R = attn.einsum [h, c] symbols(E = %E, B = %B) = sum [e]
         ins(%q = %Q[0, h * E + e] : tensor<?x?xf32, #attn.ranks<p, "h*e">>, %k = %K[h, c * B] : $f32(h, m)) map {
    %x = arith.mulf %q, %k : f32
    %y = arith.mulf %x, %s : f32
    attn.yield %y : f32
  } : $f32(h, c)
  attn.yield %R : $f32(h, c)
})";

TEST_F(ReferenceSymbolsTest, ProductsDeclaredRanksAndDefaults) {
  Tensor Q = floats({2, 12}, [](auto i) { return i[1]; }), K = floats({3, 6}, [](auto i) { return i[1]; });
  KernelOp kernel = parse(kKernel);
  Tensor R = run(kernel, {Q, K, std::nullopt, std::nullopt})[0]; // E = 12 / 3
  EXPECT_EQ(R.shape, (llvm::SmallVector<int64_t>{3, 3}));
  EXPECT_EQ(R.reals[0 * 3 + 1], (0 + 1 + 2 + 3) * 2 * 0.5);
  EXPECT_EQ(R.reals[2 * 3 + 2], (8 + 9 + 10 + 11) * 4 * 0.5);
  EXPECT_EQ(run(kernel, {Q, K, scalar(int64_t(3)), scalar(1.0)})[0].reals[1], (0 + 1 + 2 + 3) * 3);
}

TEST_F(ReferenceSymbolsTest, MismatchesAndFailedRequirementsAreErrors) {
  KernelOp kernel = parse(kKernel);
  Tensor Q = floats({2, 12}, [](auto i) { return 0; });
  auto keys = [&](int64_t h, int64_t m) { return floats({h, m}, [](auto i) { return 0; }); };
  EXPECT_EQ(errorOf(kernel, {Q, keys(3, 5), std::nullopt, std::nullopt}),
            "test.mlir:15:3: requirement not met: M % block == 0");
  EXPECT_EQ(errorOf(kernel, {Q, keys(5, 6), std::nullopt, std::nullopt}),
            "test.mlir:2:1: argument 'Q' has extent 12 in rank 'h*e', expected 10");
  EXPECT_NE(errorOf(kernel, {Q, keys(3, 6), std::nullopt}), "");
  EXPECT_NE(errorOf(kernel, {Q, std::nullopt, std::nullopt, std::nullopt}).find("argument 'K' is not given"),
            std::string::npos);
  EXPECT_NE(
      errorOf(kernel, {Q, keys(3, 6), scalar(1.0), std::nullopt}).find("argument 'block' has 0 dimensions of f32"),
      std::string::npos);
}

TEST_F(ReferenceSymbolsTest, SharedRanksMustAgree) {
  KernelOp kernel = parse(R"(
attn.kernel @k(%A: $f32(p, m) {attn.name = "A"}, %B: $f32(m) {attn.name = "B"}) -> ($f32(m) {attn.name = "R"})
    attributes {ranks = [#attn.rank<p>, #attn.rank<m>]} {
  attn.yield %B : $f32(m)
})");
  EXPECT_EQ(errorOf(kernel, {floats({2, 3}, [](auto i) { return 0; }), floats({4}, [](auto i) { return 0; })}),
            "test.mlir:2:1: argument 'B' has extent 4 in rank 'm', expected 3");
}

TEST_F(ReferenceSymbolsTest, ScalarsWithoutDefaultMustBeGiven) {
  KernelOp kernel = parse(R"(
attn.kernel @k(%A: $f32(p) {attn.name = "A"}, %s: f32 {attn.name = "s"}) -> ($f32(p) {attn.name = "R"})
    attributes {ranks = [#attn.rank<p>]} {
  %R = attn.einsum [p] = ins(%a = %A[p] : $f32(p)) map {
    %x = arith.mulf %a, %s : f32
    attn.yield %x : f32
  } : $f32(p)
  attn.yield %R : $f32(p)
})");
  Tensor A = floats({1}, [](auto i) { return 2; });
  EXPECT_EQ(errorOf(kernel, {A, std::nullopt}), "test.mlir:2:1: argument 's' is not given");
  EXPECT_EQ(run(kernel, {A, scalar(3.0)})[0].reals[0], 6);
}

} // namespace

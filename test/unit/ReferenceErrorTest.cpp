// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The error estimates: f32 arithmetic in any sensible order stays within the tolerance, a wrong result does not.
#include "Reference.h"
#include "compiler/reference/Compare.h"
#include "compiler/reference/Philox.h"
#include <chrono>
#include <cmath>
#include <numeric>

using namespace attn;
using namespace attn::reference;

namespace {

using ReferenceErrorTest = ReferenceTest;

const std::string kAttention = R"(
attn.kernel @attention(%Q: $f32(h, p, e) {attn.name = "Q"}, %K: $f32(h, m, e) {attn.name = "K"},
                       %V: $f32(h, m, f) {attn.name = "V"}, %scale: f32 {attn.name = "scale"}) -> ($f32(h, p, f) {attn.name = "O"})
    attributes {ranks = [#attn.rank<h>, #attn.rank<p>, #attn.rank<m>, #attn.rank<e>, #attn.rank<f>]} {
  %P = attn.extent "p"
  %M = attn.extent "m"
  %S = attn.einsum [h, p, m] = sum [e]
         ins(%q = %Q[h, p, e] : $f32(h, p, e), %k = %K[h, m, e] : $f32(h, m, e)) points(%ip = p, %im = m) where {
    %0 = arith.addi %ip, %M : index
    %1 = arith.subi %0, %P : index
    %c = arith.cmpi sle, %im, %1 : index
    attn.yield %c : i1
  } map {
    %x = arith.mulf %q, %k : f32
    %y = arith.mulf %x, %scale : f32
    attn.yield %y : f32
  } : $f32(h, p, m)
)" + std::string(kWeights) + R"(  %O = attn.einsum [h, p, f] = sum [m]
         ins(%n = %N[h, p, m] : $f32(h, p, m), %d = %D[h, p] : $f32(h, p), %v = %V[h, m, f] : $f32(h, m, f)) map {
    %a = attn.div %n, %d : f32
    %y = arith.mulf %a, %v : f32
    attn.yield %y : f32
  } : $f32(h, p, f)
  attn.yield %O : $f32(h, p, f)
})";

/// The order in which an f32 kernel takes the keys, and the one it forgets.
struct Order {
  std::vector<int64_t> keys;
  int64_t dropped = -1;
  int64_t shift = 0; ///< by which its causal mask is off
};

class AttentionError : public ReferenceTest {
protected:
  static constexpr int64_t kRows = 3, kKeys = 2048, kE = 64, kF = 4;

  Tensor normals(llvm::ArrayRef<int64_t> shape, uint32_t stream) {
    Random random(1, stream);
    return floats(shape, [&](auto) { return random.normal(); });
  }

  /// In f32, with online rescaling: what a compiled kernel computes up to the order of its operations.
  Tensor kernel(const Order &order) {
    Tensor result = floats({1, kRows, kF}, [](auto) { return 0; });
    for (int64_t p = 0; p < kRows; ++p) {
      float x = -HUGE_VALF, d = 0, a[kF] = {};
      for (int64_t m : order.keys) {
        if (m == order.dropped || m > p + kKeys - kRows + order.shift)
          continue;
        float s = 0;
        for (int64_t e = 0; e < kE; ++e)
          s += float(Q.reals[p * kE + e] * 0.125f) * float(K.reals[m * kE + e]);
        float x1 = std::max(x, s), c = std::exp(x - x1), n = std::exp(s - x1);
        d = d * c + n;
        for (int64_t f = 0; f < kF; ++f)
          a[f] = a[f] * c + n * float(V.reals[m * kF + f]);
        x = x1;
      }
      for (int64_t f = 0; f < kF; ++f)
        result.reals[p * kF + f] = a[f] / d;
    }
    return result;
  }

  Comparison compare(const Order &order) {
    Comparison comparison;
    comparison.add("O", O, kernel(order));
    return comparison;
  }

  std::vector<int64_t> forward() {
    std::vector<int64_t> keys(kKeys);
    std::iota(keys.begin(), keys.end(), 0);
    return keys;
  }

  Tensor Q = normals({1, kRows, kE}, 1), K = normals({1, kKeys, kE}, 2), V = normals({1, kKeys, kF}, 3);
  Tensor O = run(parse(kAttention), {Q, K, V, scalar(0.125)})[0];
};

TEST_F(AttentionError, RightResultsPassInAnyOrder) {
  std::vector<std::vector<int64_t>> orders(5, forward());
  std::reverse(orders[1].begin(), orders[1].end());
  for (int64_t i = 0; i < kKeys; ++i)
    orders[2][i] = (i * 16) % kKeys + i / (kKeys / 16); // 16 lanes, one after the other
  Random random(5, 0);
  for (int order : {3, 4})
    for (int64_t i = kKeys; i-- > 1;)
      std::swap(orders[order][i], orders[order][random.below(i + 1)]);
  for (const std::vector<int64_t> &order : orders) {
    Comparison comparison = compare({order});
    EXPECT_TRUE(comparison.isAccepted()) << describe(comparison.worst);
    EXPECT_GT(comparison.worst.ratio, 0.01); // not far too generous
  }
}

TEST_F(AttentionError, ADroppedKeyFails) {
  for (int64_t dropped = 0; dropped < kKeys - kRows; dropped += 97) {
    Comparison comparison = compare({forward(), dropped});
    EXPECT_FALSE(comparison.isAccepted()) << "key " << dropped << ": " << describe(comparison.worst);
  }
}

TEST_F(AttentionError, AMaskMovedByOneFails) {
  for (int64_t shift : {-1, 1})
    EXPECT_FALSE(compare({forward(), -1, shift}).isAccepted());
}

/// Sums of terms of one sign, of cancelling terms, and with large intermediate sums.
TEST_F(ReferenceErrorTest, SumsInF32StayWithinTheEstimate) {
  KernelOp kernel = parse(R"(
attn.kernel @k(%A: $f32(m) {attn.name = "A"}) -> ($f32() {attn.name = "R"}) attributes {ranks = [#attn.rank<m>]} {
  %R = attn.einsum [] = sum [m] ins(%a = %A[m] : $f32(m)) map { attn.yield %a : f32 } : $f32()
  attn.yield %R : $f32()
})");
  const int64_t n = 4096;
  for (int kind = 0; kind < 3; ++kind) {
    Tensor A = floats({n}, [&](auto i) {
      double x = noise(i[0], kind);
      return kind == 0 ? 1 + x : kind == 1 ? x : i[0] < n / 2 ? 1 + x : x - 1;
    });
    Tensor R = run(kernel, {A})[0];
    double fourTimes = 4 * R.error(0);
    float forward = 0, backward = 0, lanes[8] = {};
    for (int64_t i = 0; i < n; ++i) {
      forward += float(A.reals[i]);
      backward += float(A.reals[n - 1 - i]);
      lanes[i % 8] += float(A.reals[i]);
    }
    float inLanes = std::accumulate(lanes, lanes + 8, 0.0f);
    for (float sum : {forward, backward, inLanes})
      EXPECT_NEAR(sum, R.reals[0], fourTimes) << kind;
    EXPECT_LT(kTolerance * R.error(0), 0.1); // one term of size 1 is far outside
  }
}

/// (a - n) + b, where a - n vanishes: in another order the sum passes through a + b. Two terms have one order.
TEST_F(ReferenceErrorTest, LongerSumsPassInAnyOrder) {
  KernelOp kernel = parse(R"(
attn.kernel @k(%A: $f32(p) {attn.name = "A"}, %N: $f32(p) {attn.name = "N"}, %B: $f32(p) {attn.name = "B"})
    -> ($f32(p) {attn.name = "R"}, $f32(p) {attn.name = "D"}) attributes {ranks = [#attn.rank<p>]} {
  %R = attn.einsum [p] = ins(%a = %A[p] : $f32(p), %n = %N[p] : $f32(p), %b = %B[p] : $f32(p)) map {
    %d = attn.sub %a, %n : f32
    %r = arith.addf %d, %b : f32
    attn.yield %r : f32
  } : $f32(p)
  %D = attn.einsum [p] = ins(%a = %A[p] : $f32(p), %n = %N[p] : $f32(p)) map {
    %d = attn.sub %a, %n : f32
    attn.yield %d : f32
  } : $f32(p)
  attn.yield %R, %D : $f32(p), $f32(p)
})");
  const int64_t n = 500;
  auto large = [](auto i) { return double(float(1000 + 10 * noise(i[0], 1))); };
  auto nearby = [&](auto i) { return double(float(large(i) + 0.01 * noise(i[0], 2))); };
  Tensor A = floats({n}, large), N = floats({n}, nearby),
         B = floats({n}, [](auto i) { return double(float(noise(i[0], 3))); });
  std::vector<Tensor> results = run(kernel, {A, N, B});
  const Tensor &R = results[0], &D = results[1];
  double worst = 0;
  for (int64_t i = 0; i < n; ++i) {
    float other = (float(A.reals[i]) + float(B.reals[i])) - float(N.reals[i]);
    double ratio = std::fabs(other - R.reals[i]) / (kTolerance * R.error(i));
    worst = std::max(worst, ratio);
    EXPECT_LT(kTolerance * R.error(i), 2e-3); // a term of size 1 is far outside
    EXPECT_LE(D.error(i), 0x1p-24 * std::fabs(D.reals[i]) * 1.01 + 1e-37);
  }
  EXPECT_LE(worst, 1);
  EXPECT_GT(worst, 0.01);
}

TEST_F(ReferenceErrorTest, EstimatesFollowTheOperations) {
  KernelOp kernel = parse(R"(
attn.kernel @k(%A: $f32(p) {attn.name = "A"}) -> ($f32(p) {attn.name = "E"}, $f16(p) {attn.name = "H"}, $i8(p) {attn.name = "I"},
    $f32(p) {attn.name = "Z"}) attributes {ranks = [#attn.rank<p>]} {
  %three = arith.constant 3.0 : f32
  %zero = arith.constant 0.0 : f32
  %B = attn.einsum [p] = ins(%a = %A[p] : $f32(p)) map {
    %x = arith.divf %a, %three : f32
    attn.yield %x : f32
  } : $f32(p)
  %E = attn.einsum [p] = ins(%b = %B[p] : $f32(p)) map {
    %x = math.exp %b : f32
    attn.yield %x : f32
  } : $f32(p)
  %H = attn.einsum [p] = ins(%b = %B[p] : $f32(p)) map {
    %x = arith.truncf %b : f32 to f16
    attn.yield %x : f16
  } : $f16(p)
  %I = attn.einsum [p] = ins(%b = %B[p] : $f32(p)) map {
    %r = math.roundeven %b : f32
    %x = arith.fptosi %r : f32 to i8
    attn.yield %x : i8
  } : $i8(p)
  %Z = attn.einsum [p] = ins(%b = %B[p] : $f32(p)) map {
    %c = arith.cmpf ogt, %b, %three : f32
    %x = arith.select %c, %three, %zero : f32
    attn.yield %x : f32
  } : $f32(p)
  attn.yield %E, %H, %I, %Z : $f32(p), $f16(p), $i8(p), $f32(p)
})");
  const double values[] = {30, 1.5, 9, 400, 1e30, -400};
  std::vector<Tensor> results = run(kernel, {floats({6}, [&](auto i) { return values[i[0]]; })});
  const double u = 0x1p-24;
  const Tensor &E = results[0], &H = results[1], &I = results[2], &Z = results[3];
  EXPECT_NEAR(E.error(0), std::exp(10) * u * std::sqrt(100 + 4),
              0.01 * E.error(0));                                     // 10 u from the quotient, 2 u of its own
  EXPECT_EQ(E.reals[3], std::exp(400 / 3.0) > 3.5e38 ? HUGE_VAL : 0); // beyond f32
  EXPECT_EQ(E.error(4), 0);
  EXPECT_GE(E.error(5), 1e-38); // may be flushed to 0
  EXPECT_EQ(H.reals[3], 133.375);
  EXPECT_NEAR(H.error(3), 133.375 * 0x1p-11, 1e-3);
  EXPECT_EQ(H.reals[4], HUGE_VAL);
  EXPECT_EQ(I.integers, (std::vector<int64_t>{10, 0, 3, 127, 127, -128})); // 0.5 to even; saturated
  EXPECT_EQ(I.error(0), 0);
  EXPECT_GT(I.error(1), 0.5); // a tie: a kernel may round it up
  EXPECT_EQ(Z.error(0), 0);
  EXPECT_EQ(Z.error(2), 3); // 9 / 3 > 3 may come out either way
}

/// A narrow factor lets the other one be rounded (R16).
TEST_F(ReferenceErrorTest, RoundedFactorsAreBudgeted) {
  KernelOp kernel = parse(R"(
attn.kernel @k(%A: $f32(m) {attn.name = "A"}, %V: $f16(m) {attn.name = "V"}) -> ($f32() {attn.name = "R"}) attributes {ranks = [#attn.rank<m>]} {
  %R = attn.einsum [] = sum [m] ins(%a = %A[m] : $f32(m), %v = %V[m] : $f16(m)) map {
    %w = arith.extf %v : f16 to f32
    %x = arith.mulf %a, %w : f32
    attn.yield %x : f32
  } : $f32()
  attn.yield %R : $f32()
})");
  Tensor V(mlir::Float16Type::get(&context), {1});
  V.reals[0] = 2;
  Tensor A = floats({1}, [](auto) { return 3; });
  EXPECT_NEAR(run(kernel, {A, V})[0].error(0), 6 * 0x1p-11, 1e-5);
  Options exact;
  exact.exactFactors = true;
  EXPECT_LT(run(kernel, {A, V}, exact)[0].error(0), 1e-6);
}

TEST_F(ReferenceErrorTest, ComparisonNamesTheWorstElement) {
  Tensor want = floats({2, 3}, [](auto i) { return i[0] * 3 + i[1]; });
  want.errors.assign(6, 0.001);
  want.errors[0] = 0;
  want.reals[2] = NAN;
  want.reals[3] = HUGE_VAL;
  Comparison right;
  right.add("O", want, encode(want).data());
  EXPECT_TRUE(right.isAccepted());
  EXPECT_EQ(right.compared, 6);
  Tensor got = want;
  got.reals[4] += 0.0079;
  got.reals[5] -= 0.008 * 2;
  Comparison wrong;
  wrong.add("O", want, got);
  EXPECT_EQ(wrong.rejected, 1);
  EXPECT_EQ(describe(wrong.worst),
            "O[1, 2] = 4.98400000e+00, expected 5.00000000e+00 (off by 1.60e-02, 2.00 times the tolerance 8.00e-03)");
  for (auto [at, value] : {std::pair<int, double>(0, 1e-30), {2, 0}, {3, 1e38}, {1, NAN}, {1, HUGE_VAL}}) {
    got = want;
    got.reals[at] = value;
    Comparison each;
    each.add("O", want, got);
    EXPECT_EQ(each.rejected, 1) << at;
    EXPECT_EQ(each.worst.ratio, HUGE_VAL);
  }
}

TEST_F(ReferenceErrorTest, FourHeadsOf128TakeSeconds) {
  Tensor Q = floats({4, 128, 64}, [](auto i) { return noise(i[0], i[1], i[2]); });
  auto start = std::chrono::steady_clock::now();
  run(parse(kAttention), {Q, Q, Q, scalar(0.125)});
  double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  RecordProperty("milliseconds", int(seconds * 1000));
  EXPECT_LT(seconds, 20); // the machine may be busy
}

} // namespace

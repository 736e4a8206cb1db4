// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Reference.h"
#include <cmath>

using namespace attn;
using namespace attn::reference;
using Cuts = llvm::SmallVector<int64_t>;

namespace {

using ReferenceStreamTest = ReferenceTest;

/// One pass over the keys of causal attention without heads; rows p = 1 are removed from the scores.
const char *const kOnePass = R"(
attn.kernel @one_pass(%Q: $f32(p, e) {attn.name = "Q"}, %K: $f32(m, e) {attn.name = "K"}, %V: $f32(m, f) {attn.name = "V"})
    -> ($f32(p, f) {attn.name = "O"})
    attributes {ranks = [#attn.rank<p>, #attn.rank<m>, #attn.rank<e>, #attn.rank<f>]} {
  %c1 = arith.constant 1 : index
  %low = arith.constant 0xFF800000 : f32
  %zero = arith.constant 0.0 : f32
  %O = attn.group -> ($f32(p, f)) {
    %O = attn.stream over ["m"] identities [0xFF800000 : f32, 0.0 : f32, 0.0 : f32] step {
    ^bb0(%x: $f32(p), %d: $f32(p), %a: $f32(p, f)):
      %s = attn.einsum [p, m] = sum [e] ins(%q = %Q[p, e] : $f32(p, e), %k = %K[m, e] : $f32(m, e)) points(%ip = p, %im = m) where {
        %c = arith.cmpi sle, %im, %ip : index
        %r = arith.cmpi ne, %ip, %c1 : index
        attn.yield %c, %r : i1, i1
      } map {
        %y = arith.mulf %q, %k : f32
        attn.yield %y : f32
      } : $f32(p, m)
      %x1 = attn.einsum [p] = max [m] ins(%e = %s[p, m] : $f32(p, m)) acc %x : $f32(p) map { attn.yield %e : f32 } : $f32(p)
      %y = attn.einsum [p] = ins(%e = %x1[p] : $f32(p)) map {
        %c = arith.cmpf oeq, %e, %low : f32
        %g = arith.select %c, %zero, %e : f32
        attn.yield %g : f32
      } : $f32(p)
      %c = attn.einsum [p] = ins(%e = %x[p] : $f32(p), %g = %y[p] : $f32(p)) map {
        %t = arith.subf %e, %g : f32
        %w = math.exp %t : f32
        attn.yield %w : f32
      } : $f32(p)
      %n = attn.einsum [p, m] = ins(%e = %s[p, m] : $f32(p, m), %g = %y[p] : $f32(p)) map {
        %t = arith.subf %e, %g : f32
        %w = math.exp %t : f32
        attn.yield %w : f32
      } : $f32(p, m)
      %dc = attn.einsum [p] = ins(%e = %d[p] : $f32(p), %g = %c[p] : $f32(p)) map {
        %t = arith.mulf %e, %g : f32
        attn.yield %t : f32
      } : $f32(p)
      %d1 = attn.einsum [p] = sum [m] ins(%w = %n[p, m] : $f32(p, m)) acc %dc : $f32(p) map { attn.yield %w : f32 } : $f32(p)
      %ac = attn.einsum [p, f] = ins(%e = %a[p, f] : $f32(p, f), %g = %c[p] : $f32(p)) map {
        %t = arith.mulf %e, %g : f32
        attn.yield %t : f32
      } : $f32(p, f)
      %a1 = attn.einsum [p, f] = sum [m] ins(%w = %n[p, m] : $f32(p, m), %v = %V[m, f] : $f32(m, f)) acc %ac : $f32(p, f) map {
        %t = arith.mulf %w, %v : f32
        attn.yield %t : f32
      } : $f32(p, f)
      attn.yield %x1, %d1, %a1 : $f32(p), $f32(p), $f32(p, f)
    } merge {
    ^bb0(%x: $f32(p), %d: $f32(p), %a: $f32(p, f), %x2: $f32(p), %d2: $f32(p), %a2: $f32(p, f)):
      %xm = attn.einsum [p] = ins(%e = %x[p] : $f32(p), %g = %x2[p] : $f32(p)) map {
        %t = arith.maximumf %e, %g : f32
        attn.yield %t : f32
      } : $f32(p)
      %dm = attn.einsum [p] = ins(%z = %xm[p] : $f32(p), %e = %x[p] : $f32(p), %g = %x2[p] : $f32(p), %u = %d[p] : $f32(p), %u2 = %d2[p] : $f32(p)) map {
        %t0 = attn.sub %e, %z : f32
        %t1 = math.exp %t0 : f32
        %t2 = arith.mulf %u, %t1 : f32
        %t3 = attn.sub %g, %z : f32
        %t4 = math.exp %t3 : f32
        %t5 = arith.mulf %u2, %t4 : f32
        %t6 = arith.addf %t2, %t5 : f32
        attn.yield %t6 : f32
      } : $f32(p)
      %am = attn.einsum [p, f] = ins(%z = %xm[p] : $f32(p), %e = %x[p] : $f32(p), %g = %x2[p] : $f32(p), %u = %a[p, f] : $f32(p, f), %u2 = %a2[p, f] : $f32(p, f)) map {
        %t0 = attn.sub %e, %z : f32
        %t1 = math.exp %t0 : f32
        %t2 = arith.mulf %u, %t1 : f32
        %t3 = attn.sub %g, %z : f32
        %t4 = math.exp %t3 : f32
        %t5 = arith.mulf %u2, %t4 : f32
        %t6 = arith.addf %t2, %t5 : f32
        attn.yield %t6 : f32
      } : $f32(p, f)
      attn.yield %xm, %dm, %am : $f32(p), $f32(p), $f32(p, f)
    } final {
    ^bb0(%x: $f32(p), %d: $f32(p), %a: $f32(p, f)):
      %o = attn.einsum [p, f] = ins(%e = %a[p, f] : $f32(p, f), %g = %d[p] : $f32(p)) map {
        %t = attn.div %e, %g : f32
        attn.yield %t : f32
      } : $f32(p, f)
      attn.yield %o : $f32(p, f)
    } : $f32(p, f)
    attn.yield %O : $f32(p, f)
  }
  attn.yield %O : $f32(p, f)
})";

class OnePass : public ReferenceTest {
protected:
  Tensor Q = floats({kP, kE}, [](auto i) { return noise(i[0], i[1]); });
  Tensor K = floats({kM, kE}, [](auto i) { return noise(i[0], i[1], 1); });
  Tensor V = floats({kM, kF}, [](auto i) { return noise(i[0], i[1], 2); });
  static constexpr int64_t kP = 6, kM = 9, kE = 4, kF = 3;

  void expectAttention(const Tensor &O) {
    for (int64_t p = 0; p < kP; ++p)
      for (int64_t f = 0; f < kF; ++f) {
        double sum = 0, weights = 0;
        for (int64_t m = 0; m <= p && m < kM; ++m) {
          double s = 0;
          for (int64_t e = 0; e < kE; ++e)
            s += Q.reals[p * kE + e] * K.reals[m * kE + e];
          weights += std::exp(s);
          sum += std::exp(s) * V.reals[m * kF + f];
        }
        int64_t at = p * kF + f;
        EXPECT_EQ(O.isPresent(at), p != 1);
        EXPECT_NEAR(O.reals[at], p == 1 ? 0 : sum / weights, 1e-12);
        if (p != 1)
          EXPECT_LT(O.error(at), 1e-6);
      }
  }
};

TEST_F(OnePass, WholeChunkedAndMergedAgree) {
  KernelOp kernel = parse(kOnePass);
  for (const Cuts &cuts : {Cuts{}, Cuts{1}, Cuts{0, 0, 3, 3, 4, 8, 9, 9}, Cuts{2, 100}, Cuts{1, 2, 3, 4, 5, 6, 7, 8}})
    for (unsigned pieces : {1, 2, 5})
      for (uint64_t seed : {0, 1, 2}) {
        Options options;
        options.stream = {cuts, pieces, seed};
        expectAttention(run(kernel, {Q, K, V}, options)[0]);
      }
}

TEST_F(OnePass, NoKeysGiveZeros) {
  KernelOp kernel = parse(kOnePass);
  Options options;
  options.stream = {{0, 0}, 3, 1};
  Tensor noK(K.elementType, {0, kE}), noV(V.elementType, {0, kF});
  Tensor O = run(kernel, {Q, noK, noV}, options)[0];
  EXPECT_EQ(O.reals, std::vector<double>(kP * kF, 0.0));
}

/// Chunks keep absolute indices: for points, for tensors made in the step, and for those from outside.
TEST_F(ReferenceStreamTest, ChunksKeepAbsoluteIndices) {
  KernelOp kernel = parse(R"(
attn.kernel @k(%A: $f32(u, v) {attn.name = "A"}, %W: $f32(v) {attn.name = "W"}) -> ($f32() {attn.name = "R"})
    attributes {ranks = [#attn.rank<u>, #attn.rank<v>]} {
  %R = attn.stream over ["u", "v"] identities [0.0 : f32] step {
  ^bb0(%s: $f32()):
    %B = attn.einsum [v, u] = ins(%a = %A[u, v] : $f32(u, v)) points(%iu = u, %iv = v) where {
      %c = arith.cmpi ne, %iu, %iv : index
      attn.yield %c : i1
    } map {
      %i = arith.index_cast %iv : index to i64
      %f = arith.sitofp %i : i64 to f32
      %x = arith.addf %a, %f : f32
      attn.yield %x : f32
    } : $f32(v, u)
    %s1 = attn.einsum [] = sum [u, v] ins(%b = %B[v, u] : $f32(v, u), %w = %W[v] : $f32(v)) acc %s : $f32() map {
      %x = arith.mulf %b, %w : f32
      attn.yield %x : f32
    } : $f32()
    attn.yield %s1 : $f32()
  } merge {
  ^bb0(%s: $f32(), %t: $f32()):
    %m = attn.einsum [] = ins(%a = %s[] : $f32(), %b = %t[] : $f32()) map {
      %x = arith.addf %a, %b : f32
      attn.yield %x : f32
    } : $f32()
    attn.yield %m : $f32()
  } final {
  ^bb0(%s: $f32()):
    attn.yield %s : $f32()
  } : $f32()
  attn.yield %R : $f32()
})");
  Tensor A = floats({5, 4}, [](auto i) { return 10 * i[0] + i[1]; }), W = floats({4}, [](auto i) { return 1 + i[0]; });
  double expected = 0;
  for (int u = 0; u < 5; ++u)
    for (int v = 0; v < 4; ++v)
      expected += u == v ? 0 : (10 * u + 2 * v) * (1 + v);
  for (const Cuts &cuts : {Cuts{}, Cuts{2}, Cuts{1, 3, 3}}) {
    Options options;
    options.stream = {cuts, 2, 7};
    EXPECT_EQ(run(kernel, {A, W}, options)[0].reals[0], expected);
  }
}

} // namespace

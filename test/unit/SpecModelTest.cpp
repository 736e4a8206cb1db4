// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Each rule as the equations it leads to: sums, conditions and def instances are written out in full.
#include "compiler/spec/Analyze.h"
#include "compiler/spec/Terms.h"
#include "gtest/gtest.h"

using namespace attn::spec;

/// The equations of the only kernel, or what is wrong.
static std::string model(std::string text) {
  Diagnostics diagnostics;
  std::unique_ptr<Program> program = analyze("t.attn", std::move(text), diagnostics);
  return diagnostics.all().empty() ? print(program->kernels.front()) : diagnostics.str();
}

static std::string equations(std::string body) {
  return model(
      "kernel k(Q: f32[p,e], K: f32[m,e], W: f32[e,a], s: f32, n: i32, g: i32[m], z: f32[p]) -> O: f32[p] {\n" + body +
      "\nO[p] = z[p]\n}");
}
static std::string first(std::string body) {
  std::string all = equations(std::move(body));
  return all.substr(0, all.find('\n'));
}

TEST(SpecPrecedence, ReducersTakeTheProductThatFollows) {
  EXPECT_EQ(first("X[p] = max[m] K[m,0] * 2.0 - 1.0"), "X[p] = ((max[m < M] (K[m,0] * 2.0)) - 1.0)");
  EXPECT_EQ(first("X[p] = z[p] / sum[m] K[m,0] * K[m,1]"), "X[p] = (z[p] / (sum[m < M] (K[m,0] * K[m,1])))");
  EXPECT_EQ(first("X[p] = -z[p] * 2.0"), "X[p] = (-z[p] * 2.0)");
  EXPECT_EQ(first("X[p] = 1 if p < 3 or p == 5 and not p > 7"),
            "X[p] = (1 if ((p < 3) or ((p == 5) and (not (p > 7)))))");
  EXPECT_EQ(first("X[p] = (1 if p < 3 else 2 if p < 5 else 3)"),
            "X[p] = (((1 if (p < 3)) else (2 if (p < 5))) else 3)");
}

TEST(SpecR7, SumsOverTheProductThatHoldsAllMentions) {
  EXPECT_EQ(first("X[p,m] = Q[p,e] * K[m,e] * s"), "X[p,m] = (sum[e < E] ((Q[p,e] * K[m,e]) * s))");
  EXPECT_EQ(first("X[p] = softcap(Q[p,e] * K[0,e] * s, 50.0)"),
            "X[p] = softcap((sum[e < E] ((Q[p,e] * K[0,e]) * s)), 50.0)");
  EXPECT_EQ(first("X[p] = Q[p,e] * K[0,e] / sum[e] Q[p,e]"),
            "X[p] = ((sum[e < E] (Q[p,e] * K[0,e])) / (sum[e < E] Q[p,e]))");
  EXPECT_EQ(first("X[p] = (Q[p,e] * K[0,e] + Q[p,a2] * K[1,a2]) * s"),
            "X[p] = (((sum[e < E] (Q[p,e] * K[0,e])) + (sum[a2 < E] (Q[p,a2] * K[1,a2]))) * s)");
  EXPECT_EQ(first("X[p] = Q[p,e] * (K[0,e] + K[1,e])"), "X[p] = (sum[e < E] (Q[p,e] * (K[0,e] + K[1,e])))");
  EXPECT_EQ(first("X[p] = exp(Q[p,e]) * K[0,e]"), "X[p] = (sum[e < E] (exp(Q[p,e]) * K[0,e]))");
  EXPECT_EQ(first("X[p] = Q[p,e] * W[e,a]"), "X[p] = (sum[e < E, a < A] (Q[p,e] * W[e,a]))");
}

TEST(SpecR7, EachContractionInsideItsCall) {
  EXPECT_EQ(first("X[p,a] = tanh(Q[p,e]*W[e,a]) * sigmoid(Q[p,e]*W[e,a])"),
            "X[p,a] = (tanh((sum[e < E] (Q[p,e] * W[e,a]))) * sigmoid((sum[e < E] (Q[p,e] * W[e,a]))))");
}

TEST(SpecR8, ConjunctsFilterTheReductionsThatBindThem) {
  EXPECT_EQ(first("X[p] = K[m,0] * K[m,1] / sum[m] K[m,0] if m <= p and p < n"),
            "X[p] = (((sum[m < M if (m <= p)] (K[m,0] * K[m,1])) / (sum[m < M if (m <= p)] K[m,0])) if (p < n))");
  EXPECT_EQ(first("X[p] = sum[m if g[m] == 3] K[m,0] if m <= p"),
            "X[p] = (sum[m < M if ((g[m] == 3) and (m <= p))] K[m,0])");
}

TEST(SpecR9, ABoundIsTheExtentOfItsIndex) {
  EXPECT_EQ(first("X[p] = mean[i < 4] Q[p,i]"), "X[p] = (mean[i < 4] Q[p,i])");
}

TEST(SpecDefs, AnExpressionArgumentTakesRanksByName) {
  std::string text = equations("X[p,m] = softmax[m](Q[p,e] * K[m,e])[p,m]");
  EXPECT_EQ(text.substr(0, text.find('\n')), "softmax.S[p,m] = (sum[e < E] (Q[p,e] * K[m,e]))");
  EXPECT_NE(text.find("softmax.D[p] = (sum[m < M] softmax.N[p,m])"), std::string::npos);
}

TEST(SpecDefs, EqualUsesShareOneInstance) {
  std::string text = equations("X[m] = softmax[e](K)[m,0] + softmax[e](K)[m,1]");
  EXPECT_EQ(text.find("softmax.X.1"), std::string::npos);
  EXPECT_NE(equations("X[m] = softmax[e](K)[m,0] + softmax[m](K)[m,1]").find("softmax.X.1"), std::string::npos);
}

TEST(SpecDefs, PacksHoldSeveralRanks) {
  std::string text = model("kernel k(S: f32[b,u,v]) -> A: f32[b,u,v] { A[b,u,v] = softmax[u,v](S) }");
  EXPECT_NE(text.find("softmax.X[b] = (max[u < U, v < V] S[b,u,v])"), std::string::npos) << text;
}

TEST(SpecDefs, ReindexingAndRecurrences) {
  std::string text =
      model("kernel k(a: f32[b,t], u: f32[b,t,e], z: f32[b,e], c: f32[j]) -> H: f32[b,t,e], Y: f32[b,t,e] {\n"
            "H[b,t,e] = scan_from[t](a, u, z)[b,t,e]   Y[b,t,e] = conv[t; j](u, c)[b,t,e] }");
  EXPECT_NE(
      text.find("scan_from.H[b,t,e] = ((a[b,t] * ((scan_from.H[b,(t - 1),e] if (t > 0)) else z[b,e])) + u[b,t,e])"),
      std::string::npos)
      << text;
  EXPECT_NE(text.find("conv.Y[b,t,e] = (sum[j < J if (j <= t)] (c[j] * u[b,(t - j),e]))"), std::string::npos) << text;
}

TEST(SpecDefs, ARankOfAnArgumentIsNotCapturedByTheBody) {
  std::string text = model("def tail(x) -> y { y = sum[i < 2] x * i }\n"
                           "kernel k(Q: f32[i]) -> O: f32[i] { O[i] = tail(Q)[i] }");
  EXPECT_NE(text.find("tail.y[i] = (sum[i_1 < 2] (Q[i] * i_1))"), std::string::npos) << text;
}

TEST(SpecIteration, OneRankOrdersEachCycle) {
  EXPECT_EQ(model("kernel k(A: f32[t,s], V: f32[t]) -> U: f32[t] { U[t] = V[t] - sum[s if s < t] A[t,s]*U[s] }")
                .find("error"),
            std::string::npos);
  EXPECT_EQ(model("kernel k(V: f32[t]) -> U: f32[t] { X[t] = U[t+1]*2.0  U[t] = V[t] + X[t+2] }").find("error"),
            std::string::npos);
  EXPECT_NE(
      model("kernel k(V: f32[t]) -> U: f32[t] { X[t] = U[t+1]*2.0  U[t] = V[t] + X[t-1] }").find("no rank is shifted"),
      std::string::npos);
}

TEST(SpecExtents, TwoSourcesAreARequirement) {
  Diagnostics diagnostics;
  auto program =
      analyze("t.attn", "kernel k(A: f32[i,k], B: f32[l,j]) -> C: f32[i,j] { C[i,j] = A[i,x] * B[x,j] }", diagnostics);
  ASSERT_FALSE(diagnostics.hasErrors()) << diagnostics.str();
  ASSERT_EQ(program->kernels.front().requirements.size(), 1u);
  EXPECT_EQ(print(program->kernels.front().requirements.front().condition), "(K == L)");
}

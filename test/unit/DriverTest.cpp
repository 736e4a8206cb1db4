// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What the commands make of a kernel's IR: verdicts, formulas.
#include "compiler/driver/Cascade.h"
#include "compiler/driver/CheckReport.h"
#include "compiler/driver/Spec.h"
#include "compiler/driver/Work.h"
#include "llvm/Support/raw_ostream.h"
#include "gtest/gtest.h"
#include <cmath>

using namespace attn;
using namespace attn::driver;

namespace {

reference::Comparison compare(std::vector<double> want, std::vector<double> got, double error) {
  static mlir::MLIRContext context;
  mlir::Type type = mlir::Float64Type::get(&context);
  reference::Tensor a(type, {int64_t(want.size())}), b(type, {int64_t(got.size())});
  for (size_t i = 0; i < want.size(); ++i) {
    a.set(i, {want[i], 0, error});
    b.set(i, reference::Scalar::of(got[i]));
  }
  reference::Comparison comparison;
  comparison.add("O", a, b);
  return comparison;
}

std::string print(const CheckReport &report) {
  std::string text;
  llvm::raw_string_ostream out(text);
  report.print(out);
  return text;
}

TEST(CheckReport, ShowsTheWorstElement) {
  CheckReport report;
  report.add("M=1", compare({1, 2}, {1, 2}, 0.125));
  report.add("M=2", compare({1, 2}, {1.5, 2}, 0.125));
  EXPECT_TRUE(report.isOk());
  EXPECT_EQ(print(report), "  worst   O[0]  M=2   got 1.5  want 1   error 0.5 of tolerance\n"
                           "check: ok  max-error 0.5  tolerance 1  shapes 2\n");
}

TEST(CheckReport, NamesWhatIsWrong) {
  CheckReport report;
  report.add("M=1", compare({1, 2}, {1, 2}, 0.125));
  report.add("M=2", compare({1, 2, 3}, {1, 4, NAN}, 0.125));
  EXPECT_FALSE(report.isOk());
  EXPECT_EQ(print(report), "  wrong   O[2]  M=2   got nan  want 3   error inf of tolerance   2 of 3 elements\n"
                           "check: failed  max-error inf  tolerance 1  shapes 2\n");
}

TEST(CheckReport, CountsShapesThatItDoesNotPrint) {
  CheckReport report;
  for (int i = 0; i < 7; ++i)
    report.add("M=1", compare({1}, {9}, 0.125));
  std::string text = print(report);
  EXPECT_EQ(llvm::StringRef(text).count("wrong"), 5u);
  EXPECT_NE(text.find("  and 2 more shapes\n"), std::string::npos);
}

TEST(CheckReport, ResultsWithoutElements) {
  CheckReport report;
  report.add("M=0", compare({}, {}, 0));
  EXPECT_EQ(print(report), "check: ok  max-error 0  tolerance 0  shapes 1\n");
}

struct Parsed {
  std::unique_ptr<Compilation> compilation;
  explicit Parsed(llvm::StringRef text, llvm::StringRef until = "spec") {
    CompileOptions options;
    options.until = until.str();
    compilation = parseSpec("k.attn", text, options, llvm::errs());
    if (compilation && !runPasses(*compilation, llvm::errs()))
      compilation.reset();
  }
  KernelOp kernel() { return *compilation->module->getOps<KernelOp>().begin(); }
};

constexpr llvm::StringLiteral kCausal = R"(
kernel k(Q: f32[p,e], K: f32[m,e], V: f32[m,f], window: i32) -> O: f32[p,f] {
  S[p,m] = Q[p,e] * K[m,e]    if m <= p and p - m < window
  O[p,f] = softmax[m](S)[p,m] * V[m,f]
})";

TEST(Work, CountsVisiblePoints) {
  Parsed spec(kCausal), tiled(kCausal, "attn-select-tiling");
  ASSERT_TRUE(spec.compilation && tiled.compilation);
  Work work = workOf(spec.kernel());
  EXPECT_EQ(print(work.flops, std::vector<std::string>{"p", "m"}), "2*E*visible + 2*F*visible");
  EXPECT_EQ(print(work.bytes, {}), "4*P*E + 4*M*E + 4*M*F + 4*P*F");

  Extents extents(spec.compilation->interfaces.front());
  ASSERT_FALSE(bool(extents.addSizes({{"P", 10}, {"M", 10}, {"E", 3}, {"F", 5}})));
  llvm::StringMap<reference::Scalar> scalars;
  std::vector<Visits> unknown = visitsOf(tiled.kernel(), &extents, scalars);
  ASSERT_EQ(unknown.size(), 1u);
  EXPECT_FALSE(unknown[0].isCounted) << "nobody knows the window";
  scalars["window"] = reference::Scalar::of(int64_t(2));
  std::vector<Visits> visits = visitsOf(tiled.kernel(), &extents, scalars);
  ASSERT_TRUE(visits[0].isCounted);
  EXPECT_EQ(visits[0].points, 19);
  EXPECT_EQ(visits[0].condition, "m <= p and p < m + window");
  RankExtents all = rankExtents(spec.kernel(), extents, scalars);
  EXPECT_EQ(evaluate(work.flops, all, mainVisits(visits)), 2 * 8 * 19);
  EXPECT_EQ(evaluate(work.bytes, all, nullptr), 4 * (30 + 30 + 50 + 50));
  all.erase("m");
  EXPECT_EQ(evaluate(work.flops, all, nullptr), std::nullopt);
}

TEST(Cascade, ExplainsPasses) {
  Parsed spec(kCausal);
  ASSERT_TRUE(spec.compilation);
  CascadeReport report = explainCascade(spec.kernel());
  ASSERT_EQ(report.streams.size(), 1u);
  const StreamReport &stream = report.streams[0];
  EXPECT_EQ(stream.ranks, "m");
  EXPECT_EQ(stream.written.whole(), 3u);
  EXPECT_EQ(stream.derived.whole(), 1u);
  ASSERT_EQ(stream.summaries.size(), 3u);
  EXPECT_EQ(stream.summaries[0].why, "needs Q, K");
  EXPECT_EQ(stream.summaries[0].place, "prelude 2");
  EXPECT_EQ(stream.summaries[1].why, "waits for softmax.X");
  EXPECT_EQ(stream.summaries[2].place, "line 4");
  EXPECT_EQ(stream.state[0], "x[p] = max of S");
  EXPECT_EQ(stream.merge, (std::vector<std::string>{"x' = max(x1, x2)", "s' = s1*exp(x1 - x') + s2*exp(x2 - x')",
                                                    "t' = t1*exp(x1 - x') + t2*exp(x2 - x')"}));
  EXPECT_EQ(stream.final, (std::vector<std::string>{"O = t / s"}));
  EXPECT_EQ(stream.stateRanks, (std::vector<std::vector<std::string>>{{}, {}, {"f"}}));
  ASSERT_EQ(report.others.size(), 1u);
  EXPECT_EQ(report.others[0].first, "e");
}

TEST(Cascade, SaysWhatBrokeStreaming) {
  Parsed spec(R"(
kernel k(A: f32[p,m], V: f32[m,f]) -> O: f32[p,f] {
  X[p] = max[m] A[p,m]
  O[p,f] = tanh(A[p,m] - X[p]) * V[m,f]
})");
  ASSERT_TRUE(spec.compilation);
  CascadeReport report = explainCascade(spec.kernel());
  ASSERT_EQ(report.streams.size(), 1u);
  EXPECT_EQ(report.streams[0].derived.whole(), 2u);
  ASSERT_FALSE(report.streams[0].remarks.empty());
  EXPECT_NE(report.streams[0].remarks[0].text.find("tanh"), std::string::npos);
}

} // namespace

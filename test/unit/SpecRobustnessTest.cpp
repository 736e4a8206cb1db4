// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Whatever the text, the front end answers, soon, with errors.
#include "compiler/spec/Analyze.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "gtest/gtest.h"
#include <random>

using namespace attn::spec;

static std::string report(std::string text) {
  Diagnostics diagnostics;
  analyze("t.attn", std::move(text), diagnostics);
  return diagnostics.str();
}

static std::string repeat(llvm::StringRef text, size_t times) {
  std::string all;
  for (size_t i = 0; i < times; ++i)
    all += text;
  return all;
}

static const char *head = "kernel k(Q: f32[a]) -> O: f32[a] {\n  O[a] = ";

TEST(SpecRobustness, DeepNestingIsAnError) {
  for (llvm::StringRef open :
       {"(", "Q[", "exp(", "sum[a] ", "-", "not ", "1 else ", "(1 if ", "softmax[a](", "1 + ", "1 < (", "max(1, "})
    EXPECT_NE(report(head + repeat(open, 200000) + "1").find("error: expression "), std::string::npos) << open.str();
  EXPECT_NE(report(head + repeat("(", 200000) + "1" + repeat(")", 200000) + "}").find("error: expression is nested"),
            std::string::npos);
  EXPECT_NE(report(head + ("1" + repeat(" + 1", 200000)) + "}").find("operations in a row"), std::string::npos);
}

TEST(SpecRobustness, GarbageIsAnError) {
  std::mt19937 random(7);
  std::string bytes(10'000'000, ' '), printable = bytes, tokens;
  for (char &c : bytes)
    c = random();
  for (char &c : printable)
    c = ' ' + random() % 95;
  static constexpr const char *words[] = {"kernel", "def", "(",    ")",  "[",    "]",  "{",   "}",      "a",    "Q",
                                          "=",      ":",   ",",    "\n", "+",    "if", "sum", "1",      "else", "in",
                                          "f32",    "->",  "topk", ";",  "rank", "k",  "O",   "require"};
  while (tokens.size() < 3'000'000)
    tokens += std::string(words[random() % std::size(words)]) + " ";
  for (const std::string *text : {&bytes, &printable, &tokens}) {
    std::string said = report(*text);
    EXPECT_NE(said.find("error"), std::string::npos);
    EXPECT_LT(said.size(), 100'000u);
  }
}

TEST(SpecRobustness, DefsThatGrowWithoutBoundAreAnError) {
  std::string text;
  for (unsigned i = 0; i < 40; ++i) {
    std::string next = "f" + std::to_string(i + 1);
    text += "def f" + std::to_string(i) + "(x) -> y { y = " + next + "(x) + " + next + "(x + 1) }\n";
  }
  text += "def f40(x) -> y { y = x }\nkernel k(Q: f32[a]) -> O: f32[a] { O[a] = f0(Q) }";
  EXPECT_NE(report(text).find("expand to more than 20000 equations"), std::string::npos);
}

TEST(SpecRobustness, LongChainsOfEquations) {
  std::string text = "kernel k(Q: f32[a]) -> O: f32[a] {\n";
  for (unsigned i = 0; i < 5000; ++i)
    text += "X" + std::to_string(i) + "[u] = X" + std::to_string(i + 1) + "[u]\n";
  text += "X5000[a] = Q[a]   O[a] = X0[a] }";
  report(text);
}

/// Every prefix of every example: none crashes; at most its last line is complete.
TEST(SpecRobustness, TruncatedExamples) {
  std::error_code error;
  unsigned files = 0;
  for (llvm::sys::fs::directory_iterator file(ATTNC_EXAMPLES, error), end; file != end && !error;
       file.increment(error)) {
    if (!llvm::StringRef(file->path()).ends_with(".attn"))
      continue;
    ++files;
    auto buffer = llvm::MemoryBuffer::getFile(file->path());
    llvm::StringRef text = (*buffer)->getBuffer();
    EXPECT_EQ(report(text.str()), "") << file->path();
    size_t close = text.rfind('}');
    for (size_t length = 0; length < text.size(); ++length)
      if (length <= close)
        EXPECT_NE(report(text.take_front(length).str()).find("error"), std::string::npos)
            << file->path() << " " << length;
  }
  EXPECT_GE(files, 19u);
}

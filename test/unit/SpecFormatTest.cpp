// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/spec/Format.h"
#include "compiler/spec/Lexer.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "gtest/gtest.h"
#include <random>

using namespace attn::spec;

static std::optional<std::string> formatText(std::string text) {
  Diagnostics diagnostics;
  return format(diagnostics.addSource("t.attn", std::move(text)), diagnostics);
}

static std::string kernel(llvm::StringRef body) {
  return ("kernel k<T>(Q: T[p,e], S: T[p,m], n: int, x: f32) -> O: T[p] {\n" + body + "}\n").str();
}

static void expectBody(llvm::StringRef written, llvm::StringRef formatted) {
  EXPECT_EQ(formatText(kernel(written)), kernel(formatted)) << written.str();
  EXPECT_EQ(formatText(kernel(formatted)), kernel(formatted)) << "again: " << formatted.str();
}

TEST(SpecFormat, TellsProductsOfIntegersFromOthers) {
  expectBody("O[p]=S[p,n*2 + 1]*x", "  O[p] = S[p,n*2+1] * x\n");
  expectBody("O[p]=x*n/2", "  O[p] = x * n / 2\n");
  expectBody("O[p]=x - n * 2 / (p+1)", "  O[p] = x - n*2/(p + 1)\n");
  expectBody("O[p]=p%n+p / 2%n", "  O[p] = p % n + p / 2 % n\n");
  expectBody("O[p]=f32( P / 2 )*2.0*n", "  O[p] = f32(P/2) * 2.0 * n\n");
  expectBody("O[p]=sum[ m<n * 2 if m<=p/2 ]-S[p,m]*2", "  O[p] = sum[m < n*2 if m <= p/2] -S[p,m] * 2\n");
}

TEST(SpecFormat, KeepsAMinusOneOrTwoSided) {
  expectBody("O[p]=- x--x*-1", "  O[p] = -x - -x * -1\n");
  expectBody("O[p]=max[m]-S[p,- m]", "  O[p] = max[m] -S[p,-m]\n");
  expectBody("O[p]=S[p,m]-S[p,-m+1]", "  O[p] = S[p,m] - S[p,-m+1]\n");
}

TEST(SpecFormat, ATupleComponentDoesNotBecomeANumber) {
  expectBody("O[p]=x . 0 . 1", "  O[p] = x.0 .1\n");
  expectBody("O[p]=1 .5", "  O[p] = 1 .5\n");
}

TEST(SpecFormat, SeparatesCompoundSubscripts) {
  expectBody("O[p]=S[ p , n/2 ]", "  O[p] = S[p,n/2]\n");
  expectBody("O[p]=S[p-1,n/2]", "  O[p] = S[p-1, n/2]\n");
  expectBody("O[p]=f[ p,m;e ](S)[p:p-1,m:m-1]", "  O[p] = f[p,m; e](S)[p: p-1, m: m-1]\n");
  expectBody("O[p]=logsumexp[m] (S) + sum[m,e](S[p,m]+x)", "  O[p] = logsumexp[m](S) + sum[m,e] (S[p,m] + x)\n");
}

TEST(SpecFormat, AlignsNeighboursUnlessOneIsFarOff) {
  expectBody("A[p,m] = x if m < p\nO[p] = A[p,m]\nlonger[p,m] = x * x if m == 0\n",
             "  A[p,m]      = x          if m < p\n  O[p]        = A[p,m]\n  longer[p,m] = x * x      if m == 0\n");
  expectBody("A = x\n\nlonger = x\nrank j = n\nO[p] = x\n", "  A = x\n\n  longer = x\n  rank j = n\n  O[p] = x\n");
  expectBody("a_name_that_is_very_long[p] = x\nO[p] = x\n", "  a_name_that_is_very_long[p] = x\n  O[p] = x\n");
  expectBody("A = (x if n < 1) else x if n > 2 else 1\nO[p] = (x if n > 1)\n",
             "  A    = (x if n < 1) else x if n > 2 else 1\n  O[p] = (x if n > 1)\n");
}

TEST(SpecFormat, KeepsCommentsWhereTheyStand) {
  expectBody("# own\nA = x # one  \nO[p] = A   # two\n\n\n# last\n",
             "  # own\n  A    = x  # one\n  O[p] = A  # two\n\n  # last\n");
  expectBody("O[p] = x + # why\n# and\nx\n", "  O[p] = x +  # why\n      # and\n      x\n");
  EXPECT_EQ(formatText("\n\n#!\n\n\n# two\nkernel k() {# c\n\n} # d"), "#!\n\n# two\nkernel k() {  # c\n}  # d\n");
  EXPECT_EQ(formatText("# only"), "# only\n");
  EXPECT_EQ(formatText(" \n\n"), "");
}

TEST(SpecFormat, KeepsLineBreaksInStatementsAndBodiesOnOneLine) {
  expectBody("O[p] = exp(x +\nx) *\nx\n", "  O[p] = exp(x +\n             x) *\n      x\n");
  expectBody("O[p] = exp(\nx\n)\nif n > 1", "  O[p] = exp(\n      x\n  )\n      if n > 1\n");
  EXPECT_EQ(formatText("def f[ m ](S)->A,B{A=S B=sum[m]A if S>0}\r\nkernel k(){}"),
            "def f[m](S) -> A, B { A = S   B = sum[m] A if S > 0 }\nkernel k() {}\n");
  EXPECT_EQ(formatText("kernel k< T,U >(\n Q?:T[h*e] ,\n inout Z : set[b]of(i,j),2*n\n)\n->O:U[]\n{O[]=1 rank j=2\n}"),
            "kernel k<T, U>(\n    Q?: T[h*e],\n    inout Z: set[b] of (i,j), 2*n\n)\n    -> O: U[] {\n"
            "  O[] = 1\n  rank j = 2\n}\n");
}

TEST(SpecFormat, RefusesWhatDoesNotParse) {
  Diagnostics diagnostics;
  EXPECT_EQ(format(diagnostics.addSource("t.attn", kernel("  O[p] = = x\n")), diagnostics), std::nullopt);
  EXPECT_NE(diagnostics.str().find("t.attn:2:10: error: expected an expression, found '='"), std::string::npos);
}

/// All lexemes, without what stands between them.
static std::vector<std::string> spelling(const std::string &text) {
  Diagnostics diagnostics;
  uint32_t file = diagnostics.addSource("t.attn", text);
  std::vector<std::string> list;
  for (const Lexeme &lexeme : lex(file, diagnostics))
    list.push_back(text.substr(lexeme.offset, lexeme.length));
  return list;
}

/// The lexemes of `text` with other blanks, line ends and comments between them, where two would not become one.
static std::string scatter(const std::string &text, std::mt19937 &random) {
  static constexpr const char *gaps[] = {" ",      " ",  " ",    "  ",     "\n",
                                         "\n\n\n", "\t", "\r\n", " # c\n", "\n # own\n\n# d\n"};
  std::string result;
  for (const std::string &lexeme : spelling(text))
    result += lexeme + gaps[random() % std::size(gaps)];
  return result;
}

TEST(SpecFormat, IsStableAndKeepsEveryLexemeWhateverTheBlanks) {
  std::mt19937 random(11);
  unsigned specs = 0;
  for (const char *folder : {ATTNC_EXAMPLES, ATTNC_SPEC_TESTS "/rules"}) {
    std::error_code code;
    for (llvm::sys::fs::directory_iterator file(folder, code), end; file != end && !code; file.increment(code)) {
      auto buffer = llvm::MemoryBuffer::getFile(file->path());
      if (!llvm::StringRef(file->path()).ends_with(".attn") || !buffer)
        continue;
      std::string text = (*buffer)->getBuffer().str();
      if (!formatText(text)) // a test of an error
        continue;
      ++specs;
      for (unsigned i = 0; i < 8; ++i) {
        std::string other = scatter(text, random);
        std::optional<std::string> once = formatText(other);
        ASSERT_TRUE(once) << file->path() << '\n' << other;
        EXPECT_EQ(spelling(*once), spelling(text));
        EXPECT_EQ(llvm::StringRef(*once).count('#'), llvm::StringRef(other).count('#'));
        EXPECT_EQ(formatText(*once), once) << file->path();
      }
    }
  }
  EXPECT_GT(specs, 100u);
}

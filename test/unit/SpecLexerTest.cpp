// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/spec/Lexer.h"
#include "gtest/gtest.h"

using namespace attn::spec;

static std::vector<Lexeme> lexText(std::string text, Diagnostics &diagnostics) {
  return lex(diagnostics.addSource("t.attn", std::move(text)), diagnostics);
}

TEST(SpecLexer, SplitsNumbersNamesAndPunctuation) {
  Diagnostics diagnostics;
  std::vector<Token> tokens;
  for (const Lexeme &lexeme : lexText("S[b] = 1e-5*x2 <= 3.0 -> 2 sum topk", diagnostics))
    tokens.push_back(lexeme.token);
  std::vector<Token> expected = {Token::Name,  Token::LBracket, Token::Name,    Token::RBracket,  Token::Assign,
                                 Token::Float, Token::Star,     Token::Name,    Token::LessEqual, Token::Float,
                                 Token::Arrow, Token::Int,      Token::Reducer, Token::Select,    Token::End};
  EXPECT_EQ(tokens, expected);
  EXPECT_FALSE(diagnostics.hasErrors());
}

TEST(SpecLexer, ATupleComponentIsNoNumber) {
  Diagnostics diagnostics;
  std::vector<Lexeme> lexemes = lexText("S[0].0", diagnostics);
  EXPECT_EQ(lexemes[4].token, Token::Dot);
  EXPECT_EQ(lexemes[5].token, Token::Int);
}

TEST(SpecLexer, CommentsHoldAnyUtf8ButNotBrokenUtf8) {
  Diagnostics fine;
  EXPECT_EQ(lexText("# λ 注意 \xF0\x9F\x8E\x89\nx", fine).size(), 2u);
  EXPECT_FALSE(fine.hasErrors());
  Diagnostics broken;
  lexText("# λ\xFFz\n# fine\n\xC3", broken);
  ASSERT_EQ(broken.all().size(), 2u);
  LineColumn at = broken.source(0).lineColumn(broken.all()[0].loc.offset);
  EXPECT_EQ(at.line, 1u);
  EXPECT_EQ(at.column, 4u); // code points, not bytes
  EXPECT_EQ(broken.all()[0].message, "invalid UTF-8: byte 0xFF");
}

TEST(SpecLexer, ARunOfUnknownCharactersIsOneError) {
  Diagnostics diagnostics;
  lexText("a $$$@@ b λλ c", diagnostics);
  EXPECT_EQ(diagnostics.numErrors(), 2u);
}

TEST(SpecDiagnostics, PrintsPlaceLineCaretHelpAndNotes) {
  Diagnostics diagnostics;
  diagnostics.addSource("t.attn", "first\n  Zλ = V[b]\n");
  Diagnostic &error = diagnostics.error({14, 0}, "wrong");
  error.help = "write it right";
  error.notes.push_back({{0, 0}, "declared here"});
  EXPECT_EQ(diagnostics.str(), "t.attn:2:8: error: wrong\n  Zλ = V[b]\n       ^ help: write it right\n"
                               "t.attn:1:1: note: declared here\n1 error\n");
}

TEST(SpecDiagnostics, KeepsFiftyAndCountsTheRest) {
  Diagnostics diagnostics;
  diagnostics.addSource("t.attn", std::string(100, 'x'));
  for (uint32_t i = 0; i < 80; ++i)
    diagnostics.error({i, 0}, "wrong");
  diagnostics.error({3, 0}, "wrong"); // the same again
  EXPECT_EQ(diagnostics.all().size(), 50u);
  EXPECT_EQ(diagnostics.numErrors(), 80u);
  EXPECT_NE(diagnostics.str().find("and 30 more\n80 errors\n"), std::string::npos);
}

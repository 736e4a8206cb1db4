// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The compiler's C interface, through its shared library: what was made runs, what is wrong comes back as data, nothing
// is printed, and threads do not meet.
#include "compiler/capi/attnc_compiler.h"
#include "runtime/attnc.hpp"
#include "gtest/gtest.h"
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

namespace {

struct Free {
  void operator()(attnc_compile_options *options) const { attnc_compile_options_destroy(options); }
  void operator()(attnc_compilation *compilation) const { attnc_compilation_destroy(compilation); }
};
using Options = std::unique_ptr<attnc_compile_options, Free>;
using Compilation = std::unique_ptr<attnc_compilation, Free>;

Options optionsOf(std::vector<std::pair<const char *, const char *>> list) {
  Options options(attnc_compile_options_create());
  attnc_compile_set(options.get(), "no-cache", nullptr);
  for (auto [name, value] : list)
    attnc_compile_set(options.get(), name, value);
  return options;
}

Compilation compile(const std::string &text, const Options &options, attnc_compile_status want = ATTNC_COMPILE_OK) {
  attnc_compilation *made;
  EXPECT_EQ(attnc_compile(text.data(), text.size(), "t.attn", options.get(), &made), want);
  EXPECT_NE(made, nullptr);
  return Compilation(made);
}

std::string bytesOf(const Compilation &made) {
  size_t size;
  const char *bytes = attnc_compilation_bytes(made.get(), &size);
  return bytes ? std::string(bytes, size) : "";
}

const std::string sums = "kernel sums(A: f32[a,b]) -> O: f32[a] {\n  O[a] = sum[b] A[a,b]\n}\n";

TEST(CompilerInterface, WhatItMakesRuns) {
  Compilation made = compile(sums, optionsOf({{"bind", "B=3"}}));
  auto context = attnc::Context::create({1, nullptr, nullptr});
  ASSERT_TRUE(context);
  std::string path = attnc_compilation_path(made.get());
  EXPECT_EQ(path, attnc_compilation_path(made.get()));
  auto module = context->load(path);
  ASSERT_TRUE(module) << module.status().message;
  made.reset(); // the file is gone, the module stays
  EXPECT_NE(access(path.c_str(), F_OK), 0);
  auto kernel = module->find("sums");
  ASSERT_TRUE(kernel);
  float in[] = {1, 2, 3, 4, 5, 6}, out[2];
  attnc::Status status = kernel->call({{"A", attnc::Tensor(in, {2, 3})}, {"O", attnc::Tensor(out, {2})}});
  ASSERT_TRUE(status.ok()) << status.message;
  EXPECT_EQ(out[0], 6);
  EXPECT_EQ(out[1], 15);
}

TEST(CompilerInterface, DiagnosticsAreData) {
  testing::internal::CaptureStderr();
  testing::internal::CaptureStdout();
  Compilation made = compile("kernel k(A: f32[a,b], B: f32[a]) -> O: f32[a] {\n  O[a] = A[a] + B[a]*C[a]\n}\n",
                             optionsOf({}), ATTNC_COMPILE_BAD_SPEC);
  EXPECT_EQ(testing::internal::GetCapturedStderr() + testing::internal::GetCapturedStdout(), "");
  ASSERT_EQ(attnc_compilation_num_diagnostics(made.get()), 2u);
  const attnc_diagnostic *first = attnc_compilation_diagnostic(made.get(), 0);
  EXPECT_EQ(first->severity, ATTNC_SEVERITY_ERROR);
  EXPECT_STREQ(first->file, "t.attn");
  EXPECT_EQ(first->line, 2);
  EXPECT_EQ(first->column, 10);
  EXPECT_STREQ(first->message, "'A' expects 2 indices [a,b], found 1");
  ASSERT_EQ(first->num_notes, 1u);
  EXPECT_STREQ(first->notes[0].message, "declared here");
  EXPECT_EQ(first->notes[0].line, 1);
  EXPECT_EQ(first->notes[0].column, 10);
  EXPECT_EQ(attnc_compilation_diagnostic(made.get(), 1)->column, 22);
  EXPECT_EQ(attnc_compilation_diagnostic(made.get(), 2), nullptr);
  EXPECT_NE(std::strstr(attnc_compilation_text(made.get()), "t.attn:2:10: error: 'A' expects 2"), nullptr);
  EXPECT_EQ(bytesOf(made), "");
  EXPECT_EQ(attnc_compilation_path(made.get()), nullptr);
}

TEST(CompilerInterface, HelpIsData) {
  Compilation made =
      compile("kernel k(A: f32[a,b]) -> O: f32[a] {\n  O[a] = log(A[a,b])\n}\n", optionsOf({}), ATTNC_COMPILE_BAD_SPEC);
  ASSERT_EQ(attnc_compilation_num_diagnostics(made.get()), 1u);
  EXPECT_STRNE(attnc_compilation_diagnostic(made.get(), 0)->help, "");
}

TEST(CompilerInterface, WhatPassesRefuseIsLocatedToo) {
  Compilation made = compile(sums, optionsOf({{"tile", "q=4"}}), ATTNC_COMPILE_BAD_SPEC);
  ASSERT_EQ(attnc_compilation_num_diagnostics(made.get()), 1u);
  const attnc_diagnostic *only = attnc_compilation_diagnostic(made.get(), 0);
  EXPECT_STREQ(only->message, "tile 'q=4': the kernel has no rank 'q'");
  EXPECT_EQ(only->line, 1);
}

TEST(CompilerInterface, RemarksComeLast) {
  Compilation made = compile(sums, optionsOf({}));
  ASSERT_GT(attnc_compilation_num_diagnostics(made.get()), 0u);
  EXPECT_EQ(attnc_compilation_diagnostic(made.get(), 0)->severity, ATTNC_SEVERITY_REMARK);
  EXPECT_STREQ(attnc_compilation_text(made.get()), "");
}

TEST(CompilerInterface, OptionsSpeakAsTheCommandLineDoes) {
  Options options = optionsOf({});
  EXPECT_EQ(attnc_compile_set(options.get(), "target", "cpu:z80"), ATTNC_COMPILE_BAD_OPTION);
  EXPECT_EQ(std::string(attnc_compile_options_message(options.get())).find("unknown target 'cpu:z80'; known: cpu:"),
            0u);
  Compilation made = compile(sums, options, ATTNC_COMPILE_BAD_OPTION);
  EXPECT_STREQ(attnc_compilation_diagnostic(made.get(), 0)->message, attnc_compile_options_message(options.get()));
  EXPECT_STREQ(attnc_compilation_diagnostic(made.get(), 0)->file, "");
  auto said = [](const char *name, const char *value) {
    return std::string(attnc_compile_options_message(optionsOf({{name, value}}).get()));
  };
  EXPECT_EQ(said("bind", "E"), "--bind expects NAME=VALUE, found 'E'");
  EXPECT_EQ(said("tile", "p=0"), "--tile expects an integer of at least 1 for 'p', found '0'");
  EXPECT_EQ(said("type", "T=f12"), "unknown element type 'f12'; known: f16, bf16, f32, f64, i8, u8, i32, i64, bool");
  EXPECT_EQ(said("emit", "exe"), "unknown kind 'exe'; known: so, obj, header, asm, llvm, mlir");
  EXPECT_EQ(said("size", "B=1"), "unknown option '--size'");
  EXPECT_EQ(said("bind", "E=4"), "");
}

TEST(CompilerInterface, ListsOfOptionsAddUp) {
  Compilation one = compile(sums, optionsOf({{"tile", "a=8,b=16"}})),
              two = compile(sums, optionsOf({{"tile", "b=16"}, {"tile", "a=8"}}));
  EXPECT_EQ(bytesOf(one), bytesOf(two));
  EXPECT_NE(bytesOf(one), bytesOf(compile(sums, optionsOf({{"tile", "a=4,b=16"}}))));
}

TEST(CompilerInterface, KindsAreThoseOfTheCommandLine) {
  EXPECT_NE(bytesOf(compile(sums, optionsOf({{"emit", "header"}, {"stem", "mine"}}))).find("attnc_artifact_mine;"),
            std::string::npos);
  EXPECT_NE(bytesOf(compile(sums, optionsOf({{"emit", "header"}}))).find("attnc_artifact_t;"), std::string::npos);
  EXPECT_NE(bytesOf(compile(sums, optionsOf({{"emit", "asm"}}))).find("sums.launch0"), std::string::npos);
  EXPECT_EQ(bytesOf(compile(sums, optionsOf({{"emit", "obj"}}))).substr(0, 4), "\177ELF");
}

TEST(CompilerInterface, WrongUseIsAStatus) {
  attnc_compilation *made;
  EXPECT_EQ(attnc_compile(nullptr, 0, "t.attn", nullptr, &made), ATTNC_COMPILE_INVALID_USE);
  EXPECT_EQ(made, nullptr);
  EXPECT_EQ(attnc_compile("", 0, nullptr, nullptr, nullptr), ATTNC_COMPILE_INVALID_USE);
  EXPECT_EQ(attnc_compile_set(nullptr, "bind", "E=1"), ATTNC_COMPILE_INVALID_USE);
  attnc_compile_options_destroy(nullptr);
  attnc_compilation_destroy(nullptr);
  EXPECT_EQ(attnc_compilation_num_diagnostics(nullptr), 0u);
  EXPECT_STREQ(attnc_compile_status_text(ATTNC_COMPILE_BAD_SPEC), "wrong spec");
}

TEST(CompilerInterface, ThreadsCompileAtOnce) {
  std::vector<std::string> bytes(6);
  std::vector<std::thread> threads;
  for (size_t i = 0; i < bytes.size(); ++i)
    threads.emplace_back([&, i] {
      std::string bound = "B=" + std::to_string(2 + i % 2);
      if (i == 5)
        compile("kernel k(", optionsOf({}), ATTNC_COMPILE_BAD_SPEC);
      else
        bytes[i] = bytesOf(compile(sums, optionsOf({{"bind", bound.c_str()}})));
    });
  for (std::thread &thread : threads)
    thread.join();
  EXPECT_NE(bytes[0], "");
  EXPECT_EQ(bytes[0], bytes[2]);
  EXPECT_EQ(bytes[0], bytes[4]);
  EXPECT_EQ(bytes[1], bytes[3]);
  EXPECT_NE(bytes[0], bytes[1]);
}

TEST(CompilerInterface, TheCacheGivesTheSameWithWarnings) {
  std::string directory = testing::TempDir() + "/attnc-cache-" + std::to_string(getpid());
  Options options = optionsOf({{"cache-dir", directory.c_str()}});
  std::string text = "kernel k(A: f32[a], I: i32[a]) -> O: f32[a] {\n  O[a] = A[a] * (I[a] / 2)\n}\n";
  Compilation cold = compile(text, options), warm = compile(text, options);
  EXPECT_FALSE(attnc_compilation_from_cache(cold.get()));
  EXPECT_TRUE(attnc_compilation_from_cache(warm.get()));
  EXPECT_EQ(std::string(attnc_compilation_cache_note(cold.get())).find("kept as " + directory), 0u);
  EXPECT_EQ(bytesOf(cold), bytesOf(warm));
  ASSERT_EQ(attnc_compilation_num_diagnostics(cold.get()), attnc_compilation_num_diagnostics(warm.get()));
  EXPECT_STREQ(attnc_compilation_diagnostic(cold.get(), 0)->message,
               attnc_compilation_diagnostic(warm.get(), 0)->message);
  const attnc_diagnostic *warning = attnc_compilation_diagnostic(warm.get(), 0);
  EXPECT_EQ(warning->severity, ATTNC_SEVERITY_WARNING);
  EXPECT_EQ(warning->line, 2);
  EXPECT_STREQ(attnc_compilation_text(cold.get()), attnc_compilation_text(warm.get()));
  EXPECT_STRNE(attnc_compilation_text(warm.get()), "");
  EXPECT_EQ(std::system(("rm -r '" + directory + "'").c_str()), 0);
}

} // namespace

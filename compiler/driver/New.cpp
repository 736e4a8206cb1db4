// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// attnc new: a spec to start from.
#include "compiler/driver/Request.h"
#include "compiler/spec/Lexer.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;
using namespace attn;
using namespace attn::driver;

/// What stands before the kernel's name, and behind it.
static constexpr StringLiteral kBefore =
    R"(# Causal attention over padded keys: a spec to start from. `attnc check` compares the compiled kernel with a reference.
#
# A small letter is a rank, an index that runs over a dimension; the capital is its extent. Here: b batch, h heads,
# p queries, m keys, e and f the features of keys and values. T stands for an element type (--type T=f16).
# Arguments are tensors, or scalars, which may have a default.
kernel )";
static constexpr StringLiteral kBehind =
    R"(<T>(Q: T[b,h,p,e], K: T[b,h,m,e], V: T[b,h,m,f], len: i32[b], scale: f32 = rsqrt(E)) -> O: T[b,h,p,f] {
  # One equation a tensor. Ranks that the left side lacks are summed: here e, the features. Where the condition does
  # not hold there is no score, and nothing that reads the scores counts it.
  S[b,h,p,m] = Q[b,h,p,e] * K[b,h,m,e] * scale      if m <= p + M - P and m < len[b]

  # A normaliser over the keys, then the weighted sum over them. Others are written out with sum[m], max[m], mean[m] and
  # the like, or as a def; `attnc explain` says how many passes over the keys are left.
  O[b,h,p,f] = softmax[m](S)[b,h,p,m] * V[b,h,m,f]
}
)";

static bool isName(StringRef name) {
  return !name.empty() && !isDigit(name.front()) && all_of(name, [](char c) { return isAlnum(c) || c == '_'; }) &&
         !spec::isReserved(name);
}

static Error create(StringRef given) {
  given.consume_back(".attn");
  StringRef name = sys::path::filename(given);
  if (!isName(name))
    return usageError("'" + name + "' cannot name a kernel: expected letters, digits and '_', no word of the language");
  std::string path = (given + ".attn").str();
  std::error_code code;
  raw_fd_ostream out(path, code, sys::fs::CD_CreateNew);
  if (code == std::errc::file_exists)
    return inputError(path + " exists; it is left as it is");
  if (code)
    return inputError(path + ": " + code.message());
  out << kBefore << name << kBehind;
  out.close();
  if (!out.has_error())
    return Error::success();
  code = out.error();
  out.clear_error();
  return inputError(path + ": " + code.message());
}

Exit attn::driver::runNew(const Request &request) {
  Error error = create(request.spec);
  return error ? fail(std::move(error)) : Fine;
}

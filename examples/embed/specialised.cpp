// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
/// A kernel made for the shape at hand, by several threads at once: each compiles the attention of examples/mha.attn
/// with its own head size bound, loads it and calls it.
///
/// All queries are 0, so each output is the mean of the two values, 4 and 8.
#include <attnc/attnc.hpp>
#include <attnc/attnc_compiler.h>
#include <cstdio>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

struct Free {
  void operator()(attnc_compile_options *options) const { attnc_compile_options_destroy(options); }
  void operator()(attnc_compilation *compilation) const { attnc_compilation_destroy(compilation); }
};
using Compilation = std::unique_ptr<attnc_compilation, Free>;

static Compilation compile(const std::string &spec, int64_t headSize, std::string &error) {
  std::unique_ptr<attnc_compile_options, Free> options(attnc_compile_options_create());
  std::string bound = "E=" + std::to_string(headSize) + ",F=" + std::to_string(headSize);
  attnc_compile_set(options.get(), "bind", bound.c_str());
  attnc_compilation *made;
  attnc_compile_status status = attnc_compile(spec.data(), spec.size(), "mha.attn", options.get(), &made);
  if (status != ATTNC_COMPILE_OK)
    error = attnc_compilation_text(made);
  return Compilation(made);
}

static std::string attend(attnc::Context &context, const std::string &spec, int64_t size) {
  std::string error;
  Compilation made = compile(spec, size, error);
  if (!error.empty())
    return error;
  auto module = context.load(attnc_compilation_path(made.get()));
  if (!module)
    return module.status().message;
  auto kernel = module->find("mha");
  if (!kernel)
    return kernel.status().message;
  std::vector<float> q(size, 0), k(2 * size, 1), v(2 * size, 4), o(size);
  for (int64_t i = size; i < 2 * size; ++i)
    v[i] = 8;
  attnc::Status status = kernel->call({{"Q", attnc::Tensor(q.data(), {1, 1, 1, size})},
                                       {"K", attnc::Tensor(k.data(), {1, 1, 2, size})},
                                       {"V", attnc::Tensor(v.data(), {1, 1, 2, size})},
                                       {"O", attnc::Tensor(o.data(), {1, 1, 1, size})}});
  if (!status.ok())
    return status.message;
  return "head size " + std::to_string(size) + ": " + std::to_string(static_cast<int>(o[size - 1]));
}

int main(int argc, char **argv) {
  std::stringstream spec;
  if (argc != 2 || !(spec << std::ifstream(argv[1]).rdbuf())) {
    std::fprintf(stderr, "usage: specialised mha.attn\n");
    return 2;
  }
  auto context = attnc::Context::create({});
  if (!context) {
    std::fprintf(stderr, "%s\n", context.status().message.c_str());
    return 1;
  }
  std::vector<std::string> lines(3);
  std::vector<std::thread> threads;
  for (size_t i = 0; i < lines.size(); ++i)
    threads.emplace_back([&, i] { lines[i] = attend(*context, spec.str(), 16 << i); });
  for (std::thread &thread : threads)
    thread.join();
  for (const std::string &line : lines)
    std::printf("%s\n", line.c_str());
}

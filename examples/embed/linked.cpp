// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
/// Multi-head attention (mha.attn) linked into the program, on the program's own threads.
///
/// The scores are 0 and log(3), so the weights are 1/4 and 3/4 and the output is 0.25*4 + 0.75*8 = 7.
#include "mha.h" // written by attnc
#include <attnc/attnc.hpp>
#include <cmath>
#include <cstdio>
#include <thread>

/// Two threads take every other task; a program with a pool hands the tasks to that.
static void onTwoThreads(void *, int64_t count, void (*task)(void *, int64_t, int32_t), void *context) {
  auto work = [=](int32_t worker) {
    for (int64_t i = worker; i < count; i += 2)
      task(context, i, worker);
  };
  std::thread other(work, 1);
  work(0);
  other.join();
}

static attnc::Status run() {
  auto context = attnc::Context::create({/*num_threads=*/2, onTwoThreads, /*user=*/nullptr});
  if (!context)
    return context.status();
  auto module = context->link(attnc_artifact_mha);
  if (!module)
    return module.status();
  auto kernel = module->find("mha");
  if (!kernel)
    return kernel.status();

  const float q[] = {std::log(3.0f)}, k[] = {0, 1}, v[] = {4, 8}; // B = H = P = E = F = 1, M = 2
  std::vector<attnc::Tensor> inputs = {{q, {1, 1, 1, 1}}, {k, {1, 1, 2, 1}}, {v, {1, 1, 2, 1}}};
  std::vector<attnc::Arg> args = {{"Q", inputs[0]}, {"K", inputs[1]}, {"V", inputs[2]}, {"scale", 1.0}};
  auto sizes = kernel->shape("O", args);
  if (!sizes)
    return sizes.status();
  size_t count = 1;
  for (int64_t size : *sizes)
    count *= size;
  std::vector<float> o(count);
  attnc::Tensor output(o.data(), *sizes);
  args.push_back({"O", output});
  attnc::Status status = kernel->call(args);
  if (status.ok())
    std::printf("O has %zu element: %.5g\n", o.size(), o[0]);
  return status;
}

int main() {
  attnc::Status status = run();
  if (!status.ok())
    std::fprintf(stderr, "%s\n", status.message.c_str());
  return !status.ok();
}

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The pool, the embedder's parallel_for, and calls from several threads at once.
#include "runtime/attnc.hpp"
#include "test/unit/RuntimeKernel.h"
#include "gtest/gtest.h"
#include <atomic>
#include <chrono>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <xmmintrin.h>

extern "C" {
#include "runtime/pool.h"
}

namespace {

struct Counts {
  std::vector<std::atomic<int>> ofTask;
  std::atomic<int> worstWorker{0};
  explicit Counts(size_t n) : ofTask(n) {}
  static void task(void *self, int64_t task, int32_t worker) {
    auto *counts = static_cast<Counts *>(self);
    counts->ofTask[static_cast<size_t>(task)]++;
    for (int worst = counts->worstWorker; worker > worst;)
      counts->worstWorker.compare_exchange_weak(worst, worker);
  }
  bool allOnce() const {
    for (const std::atomic<int> &count : ofTask)
      if (count != 1)
        return false;
    return true;
  }
};

TEST(RuntimeThreads, eachTaskRunsOnce) {
  for (int workers : {1, 2, 7}) {
    attnc_pool *pool = attnc_pool_create(workers);
    ASSERT_NE(pool, nullptr);
    for (int64_t n : {0, 1, 2, 3, 64, 1001})
      for (int repeat = 0; repeat < 50; ++repeat) {
        Counts counts(static_cast<size_t>(n));
        attnc_pool_run(pool, n, Counts::task, &counts);
        ASSERT_TRUE(counts.allOnce()) << n << " tasks, " << workers << " workers";
        ASSERT_LT(counts.worstWorker, workers);
      }
    attnc_pool_destroy(pool);
  }
}

TEST(RuntimeThreads, sleepingWorkersWakeAndSleepingCallersToo) {
  attnc_pool *pool = attnc_pool_create(3);
  std::this_thread::sleep_for(std::chrono::milliseconds(30)); // the workers sleep now
  std::atomic<int> meeting{0};
  // Each task waits for the other: both end only if a worker joins. The worker then outlasts the caller's spinning.
  attnc_pool_run(
      pool, 2,
      [](void *p, int64_t, int32_t worker) {
        auto *meeting = static_cast<std::atomic<int> *>(p);
        ++*meeting;
        while (*meeting < 2)
          std::this_thread::yield();
        if (worker != 0)
          std::this_thread::sleep_for(std::chrono::milliseconds(30));
      },
      &meeting);
  EXPECT_EQ(meeting, 2);
  attnc_pool_destroy(pool);
}

TEST(RuntimeThreads, workersRoundAsTheirCallerDoes) {
  attnc_pool *pool = attnc_pool_create(2);
  for (unsigned mode : {_MM_ROUND_UP, _MM_ROUND_NEAREST}) {
    unsigned before = _MM_GET_ROUNDING_MODE();
    _MM_SET_ROUNDING_MODE(mode);
    std::array<std::atomic<unsigned>, 3> state = {}; // how many tasks run, and the mode of each
    attnc_pool_run(
        pool, 2,
        [](void *p, int64_t task, int32_t) {
          auto &state = *static_cast<std::array<std::atomic<unsigned>, 3> *>(p);
          state[1 + task] = _MM_GET_ROUNDING_MODE();
          for (++state[0]; state[0] < 2;) // so that each thread takes one
            std::this_thread::yield();
        },
        &state);
    _MM_SET_ROUNDING_MODE(before);
    EXPECT_EQ(state[1], mode);
    EXPECT_EQ(state[2], mode);
  }
  attnc_pool_destroy(pool);
}

TEST(RuntimeThreads, severalCallersOfOnePool) {
  attnc_pool *pool = attnc_pool_create(3);
  std::atomic<bool> good{true};
  std::atomic<int> ready{0};
  std::vector<std::thread> callers;
  for (int i = 0; i < 4; ++i)
    callers.emplace_back([&] {
      for (++ready; ready < 4;) // or the first is done before the last starts
        std::this_thread::yield();
      for (int repeat = 0; repeat < 5000; ++repeat) {
        Counts counts(17);
        attnc_pool_run(pool, 17, Counts::task, &counts);
        good = good && counts.allOnce();
      }
    });
  for (std::thread &caller : callers)
    caller.join();
  EXPECT_TRUE(good);
  attnc_pool_destroy(pool);
}

/// Backwards, on workers in turn; counts its uses.
void backwards(void *user, int64_t n, void (*fn)(void *, int64_t, int32_t), void *ctx) {
  ++*static_cast<std::atomic<int> *>(user);
  for (int64_t task = n; task-- > 0;)
    fn(ctx, task, static_cast<int32_t>(task % 3));
}

/// Calls with `rows` rows; what is wrong with the result, or "".
std::string callOnce(attnc::Kernel kernel, int64_t rows, float salt) {
  std::vector<float> x(static_cast<size_t>(rows) * 6, salt), y = {1, 2, 3}, o(x.size());
  attnc::Status status = kernel.call({{"X", attnc::Tensor(x.data(), {rows, 6})},
                                      {"Y", attnc::Tensor(y.data(), {3})},
                                      {"O", attnc::Tensor(o.data(), {rows, 6})}});
  if (!status.ok())
    return status.message;
  for (size_t i = 0; i < o.size(); ++i)
    if (o[i] != 2.0f * salt + y[i % 3])
      return "wrong element " + std::to_string(i);
  return "";
}

TEST(RuntimeThreads, embeddersParallelFor) {
  std::atomic<int> uses{0};
  attnc::Result<attnc::Context> context = attnc::Context::create({3, backwards, &uses});
  attnc::Result<attnc::Module> module = context->link(handmade::artifact);
  EXPECT_EQ(callOnce(*module->find("rows"), 10, 3.0f), "");
  EXPECT_EQ(uses, 2);
  EXPECT_EQ(callOnce(*module->find("rows"), 0, 3.0f), "");
  EXPECT_EQ(uses, 3); // the launch without tasks is not started
  EXPECT_EQ(attnc::Context::create({0, backwards, &uses}).status().code, ATTNC_INVALID_USE);
  EXPECT_EQ(attnc::Context::create({-1, nullptr, nullptr}).status().code, ATTNC_INVALID_USE);
}

TEST(RuntimeThreads, eightThreadsCallAtOnce) {
  attnc::Result<attnc::Context> context = attnc::Context::create({3, nullptr, nullptr});
  attnc::Result<attnc::Module> module = context->link(handmade::artifact);
  std::vector<std::string> errors(8);
  std::atomic<int> ready{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t)
    threads.emplace_back([&, t] {
      attnc::Kernel kernel = *module->find("rows");
      for (++ready; ready < 8;)
        std::this_thread::yield();
      for (int i = 0; i < 100 && errors[t].empty(); ++i) {
        errors[t] = callOnce(kernel, (t * 13 + i) % 40, static_cast<float>(t));
      }
    });
  for (std::thread &thread : threads)
    thread.join();
  EXPECT_EQ(errors, std::vector<std::string>(8));
}

TEST(RuntimeThreads, forkedChildrenCallToo) {
  attnc::Result<attnc::Context> context = attnc::Context::create({2, nullptr, nullptr});
  attnc::Result<attnc::Module> module = context->link(handmade::artifact);
  attnc::Kernel kernel = *module->find("rows");
  EXPECT_EQ(callOnce(kernel, 40, 1.0f), "");
  pid_t child = fork();
  if (child == 0)
    _exit(callOnce(kernel, 40, 2.0f).empty() ? 0 : 1);
  int status = -1;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

TEST(RuntimeThreads, messagesBelongToTheirThread) {
  attnc::Result<attnc::Context> context = attnc::Context::create({1, nullptr, nullptr});
  EXPECT_FALSE(context->load("no/such/1.so"));
  std::thread([&] {
    EXPECT_STREQ(attnc_message(context->get()), "");
    EXPECT_FALSE(context->load("no/such/2.so"));
    EXPECT_STREQ(attnc_message(context->get()), "no/such/2.so: No such file or directory");
  }).join();
  EXPECT_STREQ(attnc_message(context->get()), "no/such/1.so: No such file or directory");
}

} // namespace

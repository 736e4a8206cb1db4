// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The line is written by a thread of its own, because the compiler does not return before it is done.
#include "compiler/driver/Progress.h"
#include "llvm/Support/raw_ostream.h"
#include <chrono>
#include <unistd.h>

using namespace llvm;
using namespace attn::driver;

Progress::Progress(const Twine &text) : text(text.str()) {
  if (isatty(STDERR_FILENO))
    writer = std::thread([this] { show(); });
}

Progress::~Progress() {
  {
    std::lock_guard<std::mutex> lock(mutex);
    isDone = true;
  }
  changed.notify_all();
  if (writer.joinable())
    writer.join();
}

void Progress::say(const Twine &next) {
  std::lock_guard<std::mutex> lock(mutex);
  text = next.str();
}

void Progress::show() {
  using namespace std::chrono;
  auto start = steady_clock::now();
  std::unique_lock<std::mutex> lock(mutex);
  bool isShown = false;
  auto wait = seconds(2);
  for (milliseconds pause = wait; !changed.wait_for(lock, pause, [this] { return isDone; });
       pause = milliseconds(200)) {
    auto passed = duration_cast<seconds>(steady_clock::now() - start).count();
    errs() << "\r\x1b[K" << text << " ... " << passed << " s";
    errs().flush();
    isShown = true;
  }
  if (isShown)
    errs() << "\r\x1b[K";
}

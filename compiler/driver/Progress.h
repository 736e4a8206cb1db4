// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once
#include "llvm/ADT/Twine.h"
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

namespace attn::driver {

/// One line on the standard error that says what is going on, rewritten as that changes: only on a terminal, and only
/// once the work has taken two seconds. Gone when the object is.
class Progress {
public:
  explicit Progress(const llvm::Twine &text);
  ~Progress();
  void say(const llvm::Twine &text);

private:
  void show();

  std::mutex mutex;
  std::condition_variable changed;
  std::string text;
  bool isDone = false;
  std::thread writer; ///< none where there is no terminal
};

} // namespace attn::driver

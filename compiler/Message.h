// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a compilation says is wrong, as data.
#pragma once
#include "llvm/ADT/Twine.h"
#include "llvm/Support/raw_ostream.h"
#include <string>
#include <vector>

namespace attn {

struct MessageNote {
  std::string file;              ///< as the compilation was told to call it; empty where the message has no place
  unsigned line = 0, column = 0; ///< from 1, columns in code points; 0 without a place
  std::string text;
};

struct Message : MessageNote {
  bool isError = true; ///< else a warning
  std::string help;    ///< what to write instead, if that is known
  std::vector<MessageNote> notes;
};

/// Takes what a compilation says: as text for a terminal and, where there is a list, as data in the same order.
class MessageSink {
public:
  /*implicit*/ MessageSink(llvm::raw_ostream &text, std::vector<Message> *list = nullptr) : text(text), list(list) {}

  /// An error without a place.
  void error(const llvm::Twine &what) {
    text << what << '\n';
    if (list)
      list->emplace_back().text = what.str();
  }

  llvm::raw_ostream &text;
  std::vector<Message> *list;
};

} // namespace attn

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/driver/Sizes.h"
#include "compiler/driver/Request.h"
#include "llvm/ADT/SmallVector.h"

using namespace llvm;
using namespace attn::driver;

Expected<Assignment> attn::driver::parseAssignment(StringRef text, StringRef what) {
  auto [name, value] = text.split('=');
  name = name.trim();
  value = value.trim();
  if (name.empty() || value.empty())
    return usageError(what + " expects NAME=VALUE, found '" + text + "'");
  return Assignment(name.str(), value.str());
}

/// Calls `each` for every assignment of a list.
static Error forEach(StringRef text, StringRef what, function_ref<Error(Assignment)> each) {
  SmallVector<StringRef> parts;
  text.split(parts, ',');
  for (StringRef part : parts) {
    Expected<Assignment> assignment = parseAssignment(part, what);
    if (!assignment)
      return assignment.takeError();
    if (Error error = each(std::move(*assignment)))
      return error;
  }
  return Error::success();
}

/// Adds a value under a name that is new or has the same value.
template <typename T>
static Error add(StringRef what, std::map<std::string, T> &into, const std::string &name, const T &value) {
  auto [at, isNew] = into.try_emplace(name, value);
  if (!isNew && at->second != value)
    return usageError(what + " gives '" + name + "' two values");
  return Error::success();
}

Error attn::driver::parseAssignments(StringRef text, StringRef what, std::map<std::string, std::string> &into) {
  return forEach(text, what, [&](Assignment each) { return add(what, into, each.first, each.second); });
}

Error attn::driver::parseSizes(StringRef text, StringRef what, int64_t least, Sizes &into) {
  return forEach(text, what, [&](Assignment each) -> Error {
    int64_t number;
    if (StringRef(each.second).getAsInteger(10, number) || number < least)
      return usageError(what + " expects an integer of at least " + Twine(least) + " for '" + each.first +
                        "', found '" + each.second + "'");
    return add(what, into, each.first, number);
  });
}

std::string attn::driver::printSizes(ArrayRef<std::string> names, const Sizes &sizes) {
  std::string text;
  for (const std::string &name : names)
    if (auto at = sizes.find(name); at != sizes.end())
      text += (text.empty() ? "" : " ") + name + "=" + std::to_string(at->second);
  return text;
}

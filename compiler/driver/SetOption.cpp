// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/driver/SetOption.h"
#include "compiler/driver/HostTensor.h"
#include "compiler/driver/Request.h"
#include "compiler/targets/Targets.h"
#include "llvm/ADT/StringExtras.h"

using namespace llvm;
using namespace attn;
using namespace attn::driver;

static Error setTarget(CompileOptions &options, StringRef value) {
  options.target = value.str();
  if (findTarget(value))
    return Error::success();
  std::vector<std::string> known;
  for (const TargetRow &row : targets())
    known.push_back(row.name.str());
  return usageError("unknown target '" + value + "'; known: " + listOf(known));
}

static Error addTypes(CompileOptions &options, StringRef value) {
  if (Error error = parseAssignments(value, "--type", options.types))
    return error;
  std::vector<std::string> known;
  for (int e = ATTNC_F16; e <= ATTNC_BOOL; ++e)
    known.push_back(attnc_element_name(e));
  for (const auto &[name, type] : options.types)
    if (!is_contained(known, type))
      return usageError("unknown element type '" + type + "'; known: " + listOf(known));
  return Error::success();
}

static Error addTiles(CompileOptions &options, StringRef value) {
  std::string all = options.tile.empty() ? value.str() : options.tile + "," + value.str();
  Sizes sizes; // in their text form from here on: the pass that takes them reads it
  if (Error error = parseSizes(all, "--tile", 1, sizes))
    return error;
  std::vector<std::string> parts;
  for (const auto &[rank, size] : sizes)
    parts.push_back(rank + "=" + std::to_string(size));
  options.tile = join(parts, ",");
  return Error::success();
}

Error attn::driver::setOption(CompileOptions &options, StringRef name, StringRef value) {
  if (name == "target")
    return setTarget(options, value);
  if (name == "type")
    return addTypes(options, value);
  if (name == "bind")
    return parseSizes(value, "--bind", INT64_MIN, options.bound);
  if (name == "tile")
    return addTiles(options, value);
  if (name == "kernel")
    options.kernel = value.str();
  else if (name == "exact-factors")
    options.exactFactors = true;
  else
    return usageError("unknown option '--" + name + "'");
  return Error::success();
}

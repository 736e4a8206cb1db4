// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once
#include <cstdint>
#include <map>
#include <string>

namespace attn {

/// What a compilation is asked for; the command line's --target, --kernel, --type, --bind, --tile, --until, --dump-dir.
struct CompileOptions {
  std::string target;                       ///< row of the table of targets; empty: the best that runs here
  std::string kernel;                       ///< only this one; empty: all of the file
  std::map<std::string, std::string> types; ///< element types chosen for the kernels' type parameters: T -> f16
  std::map<std::string, int64_t> bound;     ///< extents (E -> 128) and const scalars (block -> 64)
  std::string tile;                         ///< pinned block sizes: "p=64,m=256"
  bool exactFactors = false;                ///< no factor of a contraction is rounded to the other's type (R16)
  std::string until;                        ///< stop after this phase or pass; empty: go all the way
  std::string dumpDir;                      ///< one file a pass, numbered in order; empty: none
};

} // namespace attn

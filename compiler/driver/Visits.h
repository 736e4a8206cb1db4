// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Which points and blocks of a kernel's streams exist, read off their routes.
#pragma once
#include "compiler/driver/Extents.h"
#include "compiler/driver/Spec.h"
#include "compiler/reference/Data.h"
#include "dialects/attn/Attn.h"

namespace attn::driver {

/// Extents of all ranks that are known, those that the spec declares too.
using RankExtents = std::map<std::string, int64_t>;
RankExtents rankExtents(KernelOp kernel, const Extents &extents, const llvm::StringMap<reference::Scalar> &scalars);

/// Blocks of two ranks of a route, the others at their first block: a character a cell, '#' full, '+' partial, '.' not
/// visited. A cell holds several blocks where there are many.
struct BlockMap {
  std::string rows, columns;       ///< ranks
  int64_t rowPoints, columnPoints; ///< of a cell
  std::vector<std::string> cells;
};

/// The points of one stream: what its route says, with the block sizes chosen.
struct Visits {
  std::vector<std::string> over;  ///< streamed ranks
  std::vector<std::string> ranks; ///< of the set: leading ones, then streamed ones
  std::string condition;          ///< "m <= p + M - P", as the set prints
  std::vector<int64_t> block;     ///< of each rank
  bool isExact = true;            ///< false: the set holds all points that count, and maybe others
  // With extents only:
  int64_t total = 0, visited = 0, full = 0, partial = 0; ///< blocks
  int64_t points = 0, allPoints = 0;                     ///< of the set, and of the whole box
  bool isCounted = false;
  std::vector<std::string> missing; ///< extents and scalars without which nothing is counted
  std::optional<BlockMap> map;
};

/// The routes of the streams of a kernel that went through attn-select-tiling, counted with `extents` unless that is
/// null.
std::vector<Visits> visitsOf(KernelOp kernel, const Extents *extents,
                             const llvm::StringMap<reference::Scalar> &scalars);
/// The one whose points most of the work is about: with the largest box; null if there is none.
const Visits *mainVisits(llvm::ArrayRef<Visits> visits);

} // namespace attn::driver

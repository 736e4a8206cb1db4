// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// How much a kernel has to do, as formulas in its extents, read off the IR as it was parsed; and which of its points
// exist.
#pragma once
#include "compiler/driver/Extents.h"
#include "compiler/driver/Spec.h"
#include "compiler/reference/Data.h"
#include "dialects/attn/Attn.h"

namespace attn::driver {

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

/// factor * extents, times the visible share of the points if it is masked.
struct Monomial {
  int64_t factor = 1;
  std::vector<std::string> ranks;
  bool isMasked = false;
};

/// Extents of all ranks that are known, those that the spec declares too.
using RankExtents = std::map<std::string, int64_t>;
RankExtents rankExtents(KernelOp kernel, const Extents &extents, const llvm::StringMap<reference::Scalar> &scalars);

struct Work {
  std::vector<Monomial> flops;     ///< two for each multiply-add of the contractions
  std::vector<Monomial> bytes;     ///< of all tensors, each once
  std::vector<Monomial> functions; ///< calls of exp, log, tanh and the like
};

/// Adds to a term over the same ranks, if there is one.
void addTo(std::vector<Monomial> &sum, Monomial term);
Work workOf(KernelOp kernel);
/// "2*B*H*E*visible + ..."; `visible` stands for `visibleRanks`.
std::string print(llvm::ArrayRef<Monomial> sum, llvm::ArrayRef<std::string> visibleRanks);
/// Its value; of masked points the share that exists. Nothing if an extent is unknown, or that share.
std::optional<double> evaluate(llvm::ArrayRef<Monomial> sum, const RankExtents &extents, const Visits *visits);

/// The routes of the streams of a kernel that went through attn-select-tiling, counted with `extents` unless that is
/// null.
std::vector<Visits> visitsOf(KernelOp kernel, const Extents *extents,
                             const llvm::StringMap<reference::Scalar> &scalars);
/// The one whose points most of the work is about: with the largest box; null if there is none.
const Visits *mainVisits(llvm::ArrayRef<Visits> visits);

} // namespace attn::driver

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Targets are rows of facts. Passes read facts, never names; the two structural lowerings (CPU, SIMT) are the only
// branch.
#pragma once
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include <cstdint>

namespace attn {

enum class Lowering { Cpu, Simt };

struct TargetRow {
  llvm::StringRef name; ///< as --target names it
  Lowering lowering;
  llvm::StringRef cpu, features; ///< for LLVM's back end
  uint32_t abiFeatures;          ///< ATTNC_CPU_* bits that code for it needs
  unsigned lanes;                ///< f32 elements of a vector register (SIMT: threads of a warp)
  unsigned vectorRegisters;      ///< of a core (SIMT: 32-bit registers a thread)
  unsigned fmaLatency, fmaPipes; ///< cycles; FMA instructions started a cycle
  int64_t scratchBytes;          ///< what one worker's fragments should fit in (SIMT: must fit in)
  int64_t closeCacheBytes;       ///< L1 data cache of a core; 0 where there is none
  double readBytesPerCycle;      ///< that one core reads from memory; 0 where nobody measured it
  llvm::StringRef source;        ///< where the facts come from
};

llvm::ArrayRef<TargetRow> targets();
/// Null if there is no target of that name.
const TargetRow *findTarget(llvm::StringRef name);
/// The best CPU row whose features this processor has; null if it has none.
const TargetRow *hostTarget();

} // namespace attn

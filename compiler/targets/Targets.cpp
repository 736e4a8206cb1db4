// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/targets/Targets.h"
#include "runtime/attnc_abi.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/TargetParser/Host.h"

using namespace llvm;
using namespace attn;

ArrayRef<TargetRow> attn::targets() {
  constexpr uint32_t v3 = ATTNC_CPU_X86_64_V3, v4 = v3 | ATTNC_CPU_X86_64_V4;
  static const TargetRow rows[] = {
      {"cpu:x86-64-v3", Lowering::Cpu, "x86-64-v3", "", v3, 8, 16, 4, 2, 512 << 10, 32 << 10, 6.5,
       "Intel 64 and IA-32 Architectures Software Developer's Manual (AVX2); latency, pipes, caches and reads measured "
       "on Zen 3"},
      {"cpu:x86-64-v4", Lowering::Cpu, "x86-64-v4", "", v4, 16, 32, 4, 1, 1 << 20, 32 << 10, 6,
       "Intel 64 and IA-32 Architectures Software Developer's Manual (AVX-512); latency, pipes, caches and reads "
       "measured on Zen 4"},
      {"nvidia:sm_80", Lowering::Simt, "sm_80", "+ptx80", 0, 32, 255, 4, 1, 163 << 10, 0, 0,
       "CUDA C++ Programming Guide, compute capability 8.0"},
      {"nvidia:sm_90a", Lowering::Simt, "sm_90a", "+ptx83", 0, 32, 255, 4, 1, 227 << 10, 0, 0,
       "CUDA C++ Programming Guide, compute capability 9.0"},
      {"amd:gfx942", Lowering::Simt, "gfx942", "", 0, 64, 512, 4, 1, 64 << 10, 0, 0,
       "AMD Instinct MI300 Instruction Set Architecture"},
  };
  return rows;
}

const TargetRow *attn::findTarget(StringRef name) {
  const TargetRow *row = find_if(targets(), [&](const TargetRow &t) { return t.name == name; });
  return row == targets().end() ? nullptr : row;
}

/// LLVM's name of the feature that tells a level of the x86-64 psABI from the one below.
static bool hostHas(const StringMap<bool> &features, const TargetRow &row) {
  auto has = [&](StringRef name) { return features.lookup(name); };
  if (row.abiFeatures & ATTNC_CPU_X86_64_V4 &&
      !(has("avx512f") && has("avx512bw") && has("avx512cd") && has("avx512dq") && has("avx512vl")))
    return false;
  return has("avx2") && has("fma") && has("f16c") && has("bmi2");
}

const TargetRow *attn::hostTarget() {
  StringMap<bool> features = sys::getHostCPUFeatures();
  const TargetRow *best = nullptr;
  for (const TargetRow &row : targets())
    if (row.lowering == Lowering::Cpu && hostHas(features, row))
      best = &row;
  return best;
}

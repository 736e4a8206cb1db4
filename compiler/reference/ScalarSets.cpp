// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Ops on sets, values that stand in for absent ones, random numbers, unsigned bytes.
#include "compiler/reference/Philox.h"
#include "compiler/reference/ScalarOps.h"
#include "compiler/reference/Sets.h"

using namespace mlir;
using namespace attn::reference;

static void forEachLane(const Instruction &in, Frame &frame,
                        llvm::function_ref<void(ArrayRef<int64_t> operands, Lanes &result, unsigned lane)> each) {
  Lanes &result = frame.registers[in.result];
  SmallVector<int64_t> operands(in.operands.size());
  for (unsigned l = 0; l < frame.lanes; ++l) {
    result.integer[l] = 0;
    result.variance[l] = 0;
    if (result.missingAt(l))
      continue;
    for (auto [value, operand] : llvm::zip(operands, in.operands))
      value = frame.registers[operand].integer[l];
    each(operands, result, l);
  }
}

static void runContains(const Instruction &in, Frame &frame) {
  forEachLane(in, frame, [](ArrayRef<int64_t> operands, Lanes &result, unsigned l) {
    result.integer[l] = placeOf(operands[0], operands.drop_front()).has_value();
  });
}

static void runSize(const Instruction &in, Frame &frame) {
  forEachLane(in, frame, [&](ArrayRef<int64_t> operands, Lanes &result, unsigned l) {
    result.integer[l] = membersOf(operands[0]).size() / in.arity;
  });
}

/// What is not there has the condition of the instruction.
static void store(const Instruction &in, Lanes &result, unsigned l, std::optional<int64_t> value) {
  if (value)
    return void(result.integer[l] = *value);
  result.startMissing();
  result.missing[l] |= in.absent;
}

static void runPlace(const Instruction &in, Frame &frame) {
  forEachLane(in, frame, [&](ArrayRef<int64_t> operands, Lanes &result, unsigned l) {
    store(in, result, l, placeOf(operands[0], operands.drop_front()));
  });
}

static void runMember(const Instruction &in, Frame &frame) {
  forEachLane(in, frame, [&](ArrayRef<int64_t> operands, Lanes &result, unsigned l) {
    ArrayRef<int64_t> members = membersOf(operands[0]);
    bool isInside = operands[1] >= 0 && operands[1] < int64_t(members.size() / in.arity);
    store(in, result, l, isInside ? std::optional(members[operands[1] * in.arity + in.component]) : std::nullopt);
  });
}

//===-- values in place of absent ones -------------------------------------------------------------------------------

/// Only conditions make a value absent; what cannot be read at all stays so.
static bool isAbsent(const Lanes &value, unsigned lane) {
  uint64_t missing = value.missingAt(lane);
  return missing != 0 && !(missing & kUnreadable);
}

static void passOtherwise(const Instruction &in, Frame &frame) {
  const Lanes &value = frame.registers[in.operands[0]], &other = frame.registers[in.operands[1]];
  Lanes &result = frame.registers[in.result];
  result.clearMissing();
  if (!value.anyMissing)
    return;
  result.startMissing();
  for (unsigned l = 0; l < frame.lanes; ++l)
    result.missing[l] = isAbsent(value, l) ? other.missingAt(l) : value.missingAt(l);
}

static void runOtherwise(const Instruction &in, Frame &frame) {
  auto [value, other, result] = binary(in, frame);
  for (unsigned l = 0; l < frame.lanes; ++l) {
    const Lanes &taken = isAbsent(value, l) ? other : value;
    result.integer[l] = taken.integer[l]; // the bits, also of a float
    result.variance[l] = taken.variance[l];
  }
}

//===-- others -------------------------------------------------------------------------------------------------------

static void runRand(const Instruction &in, Frame &frame) {
  forEachLane(in, frame, [](ArrayRef<int64_t> operands, Lanes &result, unsigned l) {
    std::array<uint32_t, 4> counter{};
    for (auto [i, index] : llvm::enumerate(operands.drop_front()))
      counter[i] = uint32_t(index);
    uint64_t seed = operands[0];
    result.real[l] = double(philox(counter, {uint32_t(seed), uint32_t(seed >> 32)})[0] >> 8) * 0x1p-24;
  });
}

static void runFromU8(const Instruction &in, Frame &frame) {
  forEachLane(in, frame,
              [](ArrayRef<int64_t> operands, Lanes &result, unsigned l) { result.integer[l] = operands[0] & 255; });
}

ArrayRef<ScalarOp> attn::reference::setOps() {
  static const ScalarOp rows[] = {
      {"attn.contains", runContains},
      {"attn.size", runSize},
      {"attn.place", runPlace},
      {"attn.member", runMember},
      {"attn.otherwise", runOtherwise, 0, nullptr, nullptr, nullptr, nullptr, passOtherwise},
      {"attn.rand", runRand},
      {"attn.from_u8", runFromU8},
      {"attn.to_u8", runFromU8},
  };
  return rows;
}

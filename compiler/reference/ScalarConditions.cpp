// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Comparisons, `and`, `or` and `select`. They decide what is looked at: operands that are not may be missing (R11), and
// where rounding may have decided a condition, what hangs on it is uncertain.
#include "compiler/reference/ScalarOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include <cmath>

using namespace mlir;
using namespace attn::reference;

//===-- what is looked at --------------------------------------------------------------------------------------------

/// The operand that `choose(in, frame, lane)` gives, or none for -1, is looked at after the first.
template <typename Choose> static void passChosen(const Instruction &in, Frame &frame, Choose choose) {
  Lanes &result = frame.registers[in.result];
  result.clearMissing();
  if (llvm::none_of(in.operands, [&](unsigned operand) { return frame.registers[operand].anyMissing; }))
    return;
  result.startMissing();
  for (unsigned l = 0; l < frame.lanes; ++l) {
    result.missing[l] = frame.registers[in.operands[0]].missingAt(l);
    int chosen = result.missing[l] ? -1 : choose(frame.registers[in.operands[0]].integer[l]);
    if (chosen >= 0)
      result.missing[l] |= frame.registers[in.operands[chosen]].missingAt(l);
  }
}
static void passSelect(const Instruction &in, Frame &frame) {
  passChosen(in, frame, [](int64_t condition) { return condition ? 1 : 2; });
}
static void passAnd(const Instruction &in, Frame &frame) {
  passChosen(in, frame, [](int64_t lhs) { return lhs ? 1 : -1; });
}
static void passOr(const Instruction &in, Frame &frame) {
  passChosen(in, frame, [](int64_t lhs) { return lhs ? -1 : 1; });
}

//===-- values -------------------------------------------------------------------------------------------------------

static bool compareReals(arith::CmpFPredicate predicate, double a, double b) {
  using P = arith::CmpFPredicate;
  bool unordered = std::isnan(a) || std::isnan(b);
  switch (predicate) {
  case P::AlwaysFalse:
    return false;
  case P::AlwaysTrue:
    return true;
  case P::ORD:
    return !unordered;
  case P::UNO:
    return unordered;
  case P::OEQ:
    return a == b;
  case P::OGT:
    return a > b;
  case P::OGE:
    return a >= b;
  case P::OLT:
    return a < b;
  case P::OLE:
    return a <= b;
  case P::ONE:
    return !unordered && a != b;
  case P::UEQ:
    return unordered || a == b;
  case P::UGT:
    return unordered || a > b;
  case P::UGE:
    return unordered || a >= b;
  case P::ULT:
    return unordered || a < b;
  case P::ULE:
    return unordered || a <= b;
  case P::UNE:
    return a != b;
  }
  llvm_unreachable("unknown predicate");
}

/// Values closer than 8 errors compare either way; select then allows for the other branch.
static void runCompareReals(const Instruction &in, Frame &frame) {
  auto [a, b, d] = binary(in, frame);
  auto predicate = static_cast<arith::CmpFPredicate>(in.predicate);
  for (unsigned l = 0; l < frame.lanes; ++l) {
    double spread = a.variance[l] + b.variance[l];
    bool isOpen = spread > 0 && square(a.real[l] - b.real[l]) <= 64 * spread;
    d.integer[l] = compareReals(predicate, a.real[l], b.real[l]);
    d.variance[l] = isOpen;
  }
}

static bool compareIntegers(arith::CmpIPredicate predicate, int64_t a, int64_t b, unsigned width) {
  using P = arith::CmpIPredicate;
  int64_t sa = width == 1 ? -a : a, sb = width == 1 ? -b : b;
  uint64_t ua = zeroExtend(a, width), ub = zeroExtend(b, width);
  switch (predicate) {
  case P::eq:
    return a == b;
  case P::ne:
    return a != b;
  case P::slt:
    return sa < sb;
  case P::sle:
    return sa <= sb;
  case P::sgt:
    return sa > sb;
  case P::sge:
    return sa >= sb;
  case P::ult:
    return ua < ub;
  case P::ule:
    return ua <= ub;
  case P::ugt:
    return ua > ub;
  case P::uge:
    return ua >= ub;
  }
  llvm_unreachable("unknown predicate");
}

static void runCompareIntegers(const Instruction &in, Frame &frame) {
  auto [a, b, d] = binary(in, frame);
  auto predicate = static_cast<arith::CmpIPredicate>(in.predicate);
  for (unsigned l = 0; l < frame.lanes; ++l) {
    d.integer[l] = compareIntegers(predicate, a.integer[l], b.integer[l], in.operandWidth);
    d.variance[l] = 0;
  }
}

/// `and` (absorbing = 0) and `or` (absorbing = 1) of i1: open unless one side decides.
static void runLogic(const Instruction &in, Frame &frame, int64_t absorbing) {
  auto [a, b, d] = binary(in, frame);
  for (unsigned l = 0; l < frame.lanes; ++l) {
    bool openA = a.variance[l] != 0, openB = b.variance[l] != 0;
    bool decidedByA = !openA && a.integer[l] == absorbing, decidedByB = !openB && b.integer[l] == absorbing;
    d.integer[l] = absorbing ? a.integer[l] | b.integer[l] : a.integer[l] & b.integer[l];
    d.variance[l] = (openA || openB) && !decidedByA && !decidedByB;
  }
}
static void runLogicAnd(const Instruction &in, Frame &frame) { runLogic(in, frame, 0); }
static void runLogicOr(const Instruction &in, Frame &frame) { runLogic(in, frame, 1); }
static void runLogicXor(const Instruction &in, Frame &frame) {
  auto [a, b, d] = binary(in, frame);
  for (unsigned l = 0; l < frame.lanes; ++l) {
    d.integer[l] = a.integer[l] ^ b.integer[l];
    d.variance[l] = std::max(a.variance[l], b.variance[l]);
  }
}

static void runSelect(const Instruction &in, Frame &frame) {
  const Lanes &condition = frame.registers[in.operands[0]];
  bool isReal = isa<FloatType>(in.op->getResult(0).getType());
  Lanes &d = frame.registers[in.result];
  for (unsigned l = 0; l < frame.lanes; ++l) {
    const Lanes &taken = frame.registers[in.operands[condition.integer[l] ? 1 : 2]];
    const Lanes &other = frame.registers[in.operands[condition.integer[l] ? 2 : 1]];
    double gap = isReal ? taken.real[l] - other.real[l] : double(taken.integer[l]) - double(other.integer[l]);
    bool mayBeOther = condition.variance[l] != 0 && !other.missingAt(l) && std::isfinite(gap);
    d.integer[l] = taken.integer[l]; // the bits, also of a float
    d.variance[l] = taken.variance[l] + (mayBeOther ? square(gap) : 0);
  }
}

//===-- the table ----------------------------------------------------------------------------------------------------

ArrayRef<ScalarOp> attn::reference::conditionOps() {
  static const ScalarOp rows[] = {
      {"arith.cmpf", runCompareReals},
      {"arith.cmpi", runCompareIntegers},
      {"arith.select", runSelect, 0, nullptr, nullptr, nullptr, nullptr, passSelect},
      {"arith.andi", runLogicAnd, 0, nullptr, nullptr, nullptr, nullptr, passAnd},
      {"arith.ori", runLogicOr, 0, nullptr, nullptr, nullptr, nullptr, passOr},
      {"arith.xori", runLogicXor},
  };
  return rows;
}

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// attn.rand as integer arithmetic: Philox-4x32-10 (Salmon et al., Parallel random numbers: as easy as 1, 2, 3, 2011),
// counter based, so that an element's number depends on nothing but its indices and vectors of them need no state. All
// ops are elementwise with one result: a high half is a 64-bit product shifted, for which targets have an instruction.
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "passes/attn/tiling/Block.h"

using namespace mlir;
using namespace attn;

namespace {
class Philox {
public:
  Philox(OpBuilder &b, Location loc) : b(b), loc(loc) {}

  Value constant(uint32_t value) {
    return arith::ConstantIntOp::create(b, loc, b.getI32Type(), int64_t(int32_t(value)));
  }
  Value lowWord(Value index) { return arith::IndexCastOp::create(b, loc, b.getI32Type(), index); }
  Value highWord(Value index) {
    Value wide = arith::IndexCastOp::create(b, loc, b.getI64Type(), index);
    return high(wide);
  }

  /// The first word of the last round.
  Value firstWord(std::array<Value, 4> c, std::array<Value, 2> key) {
    constexpr uint32_t kMultiplier[] = {0xD2511F53, 0xCD9E8D57}, kWeyl[] = {0x9E3779B9, 0xBB67AE85};
    for (int round = 0; round < 10; ++round) {
      auto [lowA, highA] = product(c[0], kMultiplier[0]);
      auto [lowB, highB] = product(c[2], kMultiplier[1]);
      c = {mixed(highB, c[1], key[0]), lowB, mixed(highA, c[3], key[1]), lowA};
      for (auto [word, step] : llvm::zip(key, kWeyl))
        word = arith::AddIOp::create(b, loc, word, constant(step));
    }
    return c[0];
  }

  /// The upper 24 bits, times 2^-24: exact.
  Value uniform(Value word) {
    Value upper = arith::ShRUIOp::create(b, loc, word, constant(8));
    Value real = arith::SIToFPOp::create(b, loc, b.getF32Type(), upper);
    Value unit = arith::ConstantOp::create(b, loc, b.getF32FloatAttr(0x1p-24f));
    return arith::MulFOp::create(b, loc, real, unit);
  }

private:
  OpBuilder &b;
  Location loc;

  Value high(Value wide) {
    Value shift = arith::ConstantIntOp::create(b, loc, b.getI64Type(), 32);
    return narrowed(arith::ShRUIOp::create(b, loc, wide, shift));
  }
  Value narrowed(Value wide) { return arith::TruncIOp::create(b, loc, b.getI32Type(), wide); }

  std::pair<Value, Value> product(Value word, uint32_t by) {
    Value wide = arith::ExtUIOp::create(b, loc, b.getI64Type(), word);
    Value factor = arith::ConstantIntOp::create(b, loc, b.getI64Type(), int64_t(by));
    Value both = arith::MulIOp::create(b, loc, wide, factor);
    return {narrowed(both), high(both)};
  }

  Value mixed(Value x, Value y, Value z) {
    Value xy = arith::XOrIOp::create(b, loc, x, y);
    return arith::XOrIOp::create(b, loc, xy, z);
  }
};
} // namespace

Value attn::expandRand(OpBuilder &b, RandOp op, ValueRange operands) {
  Philox philox(b, op.getLoc());
  std::array<Value, 4> counter;
  for (unsigned i = 0; i < counter.size(); ++i)
    counter[i] = i + 1 < operands.size() ? philox.lowWord(operands[i + 1]) : philox.constant(0);
  Value seed = operands.front();
  return philox.uniform(philox.firstWord(counter, {philox.lowWord(seed), philox.highWord(seed)}));
}

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// For tests: runs scalar integer IR as written, in 64 bits.
#pragma once
#include "dialects/attn/Attn.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "llvm/Support/MathExtras.h"
#include "gtest/gtest.h"
#include <vector>

namespace attn::test {
using namespace mlir;

/// Runs arith, scf loops and branches, attn.idiv and attn.imod; records the operands of "test.visit".
struct Interpreter {
  llvm::DenseMap<Value, int64_t> values;
  std::vector<std::vector<int64_t>> visits;

  int64_t get(Value v) { return values.at(v); }

  void block(Block &block) {
    for (Operation &op : block)
      run(&op);
  }

  int64_t binary(Operation *op, int64_t x, int64_t y) {
    if (isa<arith::AddIOp>(op))
      return x + y;
    if (isa<arith::SubIOp>(op))
      return x - y;
    if (isa<arith::MulIOp>(op))
      return x * y;
    if (isa<arith::MinSIOp>(op))
      return std::min(x, y);
    if (isa<arith::MaxSIOp>(op))
      return std::max(x, y);
    if (isa<arith::AndIOp>(op))
      return x & y;
    if (isa<arith::FloorDivSIOp>(op)) {
      EXPECT_GT(y, 0) << "traps";
      return llvm::divideFloorSigned(x, y);
    }
    if (isa<arith::OrIOp>(op))
      return x | y;
    if (isa<arith::XOrIOp>(op))
      return x ^ y;
    if (isa<attn::IDivOp>(op))
      return y ? llvm::divideFloorSigned(x, y) : 0;
    if (isa<attn::IModOp>(op))
      return y ? x - y * llvm::divideFloorSigned(x, y) : 0;
    auto compare = cast<arith::CmpIOp>(op);
    return arith::applyCmpPredicate(compare.getPredicate(), APInt(64, x, true), APInt(64, y, true));
  }

  void carry(Block *body, ValueRange results) {
    for (auto [from, to] : llvm::zip(body->getTerminator()->getOperands(), results))
      values[to] = get(from);
  }

  void run(Operation *op) {
    if (auto constant = dyn_cast<arith::ConstantOp>(op)) {
      values[constant] = cast<IntegerAttr>(constant.getValue()).getValue().getZExtValue();
      if (constant.getType().isIndex())
        values[constant] = cast<IntegerAttr>(constant.getValue()).getInt();
    } else if (auto loop = dyn_cast<scf::ForOp>(op)) {
      for (auto [init, argument, result] : llvm::zip(loop.getInitArgs(), loop.getRegionIterArgs(), loop.getResults()))
        values[argument] = values[result] = get(init);
      for (int64_t i = get(loop.getLowerBound()); i < get(loop.getUpperBound()); i += get(loop.getStep())) {
        values[loop.getInductionVar()] = i;
        block(*loop.getBody());
        carry(loop.getBody(), loop.getResults());
        carry(loop.getBody(), ValueRange(loop.getRegionIterArgs()));
      }
    } else if (auto branch = dyn_cast<scf::IfOp>(op)) {
      Region &taken = get(branch.getCondition()) ? branch.getThenRegion() : branch.getElseRegion();
      if (taken.empty())
        return;
      block(taken.front());
      carry(&taken.front(), branch.getResults());
    } else if (auto select = dyn_cast<arith::SelectOp>(op)) {
      values[select] = get(get(select.getCondition()) ? select.getTrueValue() : select.getFalseValue());
    } else if (op->getName().getStringRef() == "test.visit") {
      std::vector<int64_t> &visit = visits.emplace_back();
      for (Value operand : op->getOperands())
        visit.push_back(get(operand));
    } else if (isa<arith::IndexCastOp>(op)) {
      values[op->getResult(0)] = get(op->getOperand(0));
    } else if (isa<math::AbsIOp>(op)) {
      values[op->getResult(0)] = std::abs(get(op->getOperand(0)));
    } else if (op->getNumOperands() == 2 && op->getNumResults() == 1) {
      values[op->getResult(0)] = binary(op, get(op->getOperand(0)), get(op->getOperand(1)));
    }
  }
};

} // namespace attn::test

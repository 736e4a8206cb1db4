// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// tile-allocate-scratch. Needs: layouts, no route op. Gives every fragment an offset in the scratch of its worker.
//
// Values that may share a place are first merged into classes: a loop's carried value, its initial value, what the loop
// yields and its result; an operand that dies in an op that may work in place, and that op's result. Two values of one
// class are never live together. Where a carried value cannot be merged with what is yielded for it, a tile.convert
// copies it; as copies at a yield happen at once, one whose source is the place of another is first copied aside.
// Classes then get the lowest offset at which nothing lies that is live with them, largest first.
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "passes/Passes.h"
#include "passes/tile/Layouts.h"
#include "passes/tile/Liveness.h"
#include "llvm/Support/MathExtras.h"

namespace attn {
#define GEN_PASS_DEF_TILEALLOCATESCRATCH
#include "passes/Passes.h.inc"
} // namespace attn

using namespace mlir;
using namespace attn;
using namespace attn::tile;

static constexpr int64_t alignment = 64;

static Value copyOf(OpBuilder &b, Value value) { return ConvertOp::create(b, value.getLoc(), value.getType(), value); }

static bool isBranchToView(OpOperand &yielded) {
  return isa<scf::IfOp>(yielded.getOwner()->getParentOp()) && mayBeView(yielded.get());
}

/// Copies `operands`, whose values must end in the places of `targets`, where the two are not in one class. A branch
/// may yield a view: its result is then wherever that is.
static void copyAtOnce(OpBuilder &b, MutableArrayRef<OpOperand> operands, ValueRange targets,
                       const ScratchClasses &classes) {
  SmallVector<std::pair<OpOperand *, Value>> moves;
  for (auto [operand, target] : llvm::zip(operands, targets))
    if (isa<FragType>(target.getType()) && !isBranchToView(operand) && !classes.areMerged(operand.get(), target))
      moves.emplace_back(&operand, target);
  auto isTarget = [&](Value value) {
    return !isView(value) && llvm::any_of(moves, [&](auto &move) { return classes.areMerged(move.second, value); });
  };
  for (auto [operand, target] : moves)
    if (isTarget(operand->get()))
      operand->set(copyOf(b, operand->get()));
  for (auto [operand, target] : moves)
    operand->set(copyOf(b, operand->get()));
}

/// After this, whatever enters or is yielded in a loop or branch is in a value of its own or already in the right
/// place.
static void insertCopies(func::FuncOp function) {
  ScratchClasses classes(function);
  classes.mergeControlFlow();
  function.walk([&](scf::ForOp loop) {
    OpBuilder b(loop);
    copyAtOnce(b, loop.getInitArgsMutable(), loop.getRegionIterArgs(), classes);
    b.setInsertionPoint(loop.getBody()->getTerminator());
    copyAtOnce(b, loop.getBody()->getTerminator()->getOpOperands(), loop.getRegionIterArgs(), classes);
  });
  function.walk([&](scf::IfOp branch) {
    for (Region &region : branch->getRegions())
      if (!region.empty()) {
        OpBuilder b(region.front().getTerminator());
        copyAtOnce(b, region.front().getTerminator()->getOpOperands(), branch.getResults(), classes);
      }
  });
}

namespace {
struct AllocateScratch : attn::impl::TileAllocateScratchBase<AllocateScratch> {
  using Base::Base;

  void runOnOperation() override {
    func::FuncOp function = getOperation();
    insertCopies(function);
    ScratchClasses classes(function);
    classes.mergeControlFlow();
    classes.mergeInPlace();
    SmallVector<ScratchClass> members = classes.list();
    int64_t bytes = place(members);
    if (bytes > limit)
      return refuse(members, bytes);
    annotate(members, bytes);
  }

  static int64_t place(SmallVectorImpl<ScratchClass> &classes) {
    llvm::sort(classes, [](auto &a, auto &b) {
      return std::tie(b.bytes, a.ranges[0].begin) < std::tie(a.bytes, b.ranges[0].begin);
    });
    int64_t total = 0;
    for (auto [i, current] : llvm::enumerate(classes)) {
      SmallVector<std::pair<int64_t, int64_t>> taken;
      for (ScratchClass &other : MutableArrayRef<ScratchClass>(classes).take_front(i))
        if (current.isLiveWith(other))
          taken.emplace_back(other.offset, other.offset + other.bytes);
      llvm::sort(taken);
      for (auto [begin, end] : taken)
        if (current.offset + current.bytes > begin)
          current.offset = std::max<int64_t>(current.offset, llvm::alignTo(end, alignment));
      total = std::max<int64_t>(total, llvm::alignTo(current.offset + current.bytes, alignment));
    }
    return total;
  }

  /// `classes` is in order of size.
  void refuse(ArrayRef<ScratchClass> classes, int64_t bytes) {
    InFlightDiagnostic error = getOperation().emitError()
                               << "scratch of " << bytes << " bytes a worker exceeds " << int64_t(limit);
    for (const ScratchClass &current : classes.take_front(3))
      error.attachNote(current.values.front().getLoc())
          << current.bytes << " bytes for " << current.values.front().getType();
    signalPassFailure();
  }

  void annotate(ArrayRef<ScratchClass> classes, int64_t bytes) {
    DenseMap<Value, int64_t> offsets;
    for (const ScratchClass &current : classes)
      for (Value value : current.values)
        offsets[value] = current.offset;
    Builder b(&getContext());
    getOperation().walk([&](Operation *op) {
      SmallVector<int64_t> results;
      for (Value result : op->getResults())
        results.push_back(isa<FragType>(result.getType()) && !isView(result) ? offsets.lookup(result) : -1);
      if (llvm::any_of(results, [](int64_t offset) { return offset >= 0; }))
        op->setAttr("tile.offset", b.getDenseI64ArrayAttr(results));
    });
    getOperation()->setAttr("tile.scratch_bytes", b.getI64IntegerAttr(bytes));
  }
};
} // namespace

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// attn-tile. Needs: groups with routes and tilings. Guarantees: one function a kernel in the form of
// dialects/tile/README.md, no attn op, fragments without layouts.
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "passes/Passes.h"
#include "passes/attn/tiling/Block.h"

namespace attn {
#define GEN_PASS_DEF_ATTNTILE
#include "passes/Passes.h.inc"
} // namespace attn

using namespace mlir;
using namespace attn;

namespace {

/// Bools are bytes in memory.
Type storedType(Type element) { return element.isInteger(1) ? IntegerType::get(element.getContext(), 8) : element; }

MemRefType stridedMemory(RankedTensorType tensor) {
  MLIRContext *context = tensor.getContext();
  SmallVector<int64_t> strides(tensor.getRank(), ShapedType::kDynamic);
  return MemRefType::get(tensor.getShape(), storedType(tensor.getElementType()),
                         StridedLayoutAttr::get(context, ShapedType::kDynamic, strides));
}

struct KernelTiler {
  KernelBlocks kernel;
  func::FuncOp function;
  OpBuilder b;

  explicit KernelTiler(KernelOp op) : kernel(op), b(op) {}
  Location loc() { return kernel.kernel.getLoc(); }

  void makeFunction();
  void declareRanks(ValueRange arguments);
  LogicalResult placeTensors();
  void defaults(Value given);
  void requires_();
  LogicalResult run();
};

} // namespace

/// Tensors, results, scalars, the mask of given scalars, extents.
void KernelTiler::makeFunction() {
  KernelOp op = kernel.kernel;
  SmallVector<Type> types;
  for (ArrayRef<Type> list : {op.getArgumentTypes(), op.getResultTypes()})
    for (Type type : list)
      if (auto tensor = dyn_cast<RankedTensorType>(type))
        types.push_back(stridedMemory(tensor));
  for (Type type : op.getArgumentTypes())
    if (!isa<RankedTensorType>(type))
      types.push_back(type);
  types.push_back(b.getI64Type());
  types.append(op.getRanks().size(), b.getIndexType());
  function = func::FuncOp::create(b, loc(), op.getName(), b.getFunctionType(types, {}));
  function->setAttr("tile.kernel", b.getUnitAttr());
  mlir::Block *entry = function.addEntryBlock();
  b.setInsertionPointToStart(entry);
  Operation *end = func::ReturnOp::create(b, loc()); // declareRanks gives it the extents that are computed
  b.setInsertionPoint(end);
  kernel.scalars.setInsertionPoint(end);
}

/// The value of an extent's formula; a quotient by 0 is 0 (R15).
static Value extentValue(OpBuilder &b, Location loc, AffineExpr e, ArrayRef<Value> symbols) {
  if (auto symbol = dyn_cast<AffineSymbolExpr>(e))
    return symbols[symbol.getPosition()];
  if (auto constant = dyn_cast<AffineConstantExpr>(e))
    return arith::ConstantIndexOp::create(b, loc, constant.getValue());
  auto binary = cast<AffineBinaryOpExpr>(e);
  AffineExpr left = binary.getLHS();
  bool isCeil = e.getKind() == AffineExprKind::CeilDiv; // -floor(-x / d)
  Value x = extentValue(b, loc, isCeil ? -left : left, symbols), y = extentValue(b, loc, binary.getRHS(), symbols);
  if (e.getKind() == AffineExprKind::Add)
    return arith::AddIOp::create(b, loc, x, y);
  if (e.getKind() == AffineExprKind::Mul)
    return arith::MulIOp::create(b, loc, x, y);
  Value zero = arith::ConstantIndexOp::create(b, loc, 0), one = arith::ConstantIndexOp::create(b, loc, 1);
  Value isZero = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, y, zero);
  Value divisor = arith::SelectOp::create(b, loc, isZero, one, y);
  Value quotient = arith::FloorDivSIOp::create(b, loc, x, divisor);
  if (e.getKind() == AffineExprKind::Mod) {
    Value product = arith::MulIOp::create(b, loc, quotient, divisor);
    quotient = arith::SubIOp::create(b, loc, x, product);
  } else if (isCeil) {
    quotient = arith::SubIOp::create(b, loc, zero, quotient);
  }
  return arith::SelectOp::create(b, loc, isZero, zero, quotient);
}

/// Extents bound at compile time are constants; declared ones are computed, in the order of the list (R2).
void KernelTiler::declareRanks(ValueRange arguments) {
  SmallVector<int64_t> declared;
  SmallVector<Value> computed;
  kernel.extents.assign(arguments.begin(), arguments.end());
  for (auto [i, rank] : llvm::enumerate(kernel.kernel.getRanks().getAsRange<RankAttr>())) {
    if (std::optional<int64_t> extent = rank.getConstantExtent()) {
      kernel.extents[i] = arith::ConstantIndexOp::create(b, loc(), *extent);
    } else if (rank.isDeclared()) {
      SmallVector<Value> operands;
      for (StringAttr name : rank.getRanks())
        operands.push_back(kernel.extents[kernel.rankOf(name.getValue())]);
      for (StringAttr name : rank.getScalars())
        for (auto [k, argument] : llvm::enumerate(kernel.kernel.getBody().getArguments()))
          if (kernel.kernel.getArgName(k) == name)
            operands.push_back(kernel.index(argument));
      AffineMap formula = rank.getExtent(); // over symbols alone
      kernel.extents[i] = extentValue(b, loc(), formula.getResult(0), operands);
      declared.push_back(i);
      computed.push_back(kernel.extents[i]);
    }
  }
  if (declared.empty())
    return;
  function->setAttr("tile.declared", b.getDenseI64ArrayAttr(declared));
  function.setFunctionType(b.getFunctionType(function.getArgumentTypes(), TypeRange(ValueRange(computed))));
  function.getBody().front().getTerminator()->setOperands(computed);
}

void KernelTiler::defaults(Value given) {
  unsigned scalar = 0;
  DenseMap<Value, unsigned> numbers;
  for (BlockArgument argument : kernel.kernel.getBody().getArguments())
    if (!isa<RankedTensorType>(argument.getType()))
      numbers[argument] = scalar++;
  for (auto op : kernel.kernel.getBody().getOps<DefaultOp>()) {
    Value bit = arith::ConstantIntOp::create(b, op.getLoc(), int64_t(1) << numbers[op.getArgument()], 64);
    Value zero = arith::ConstantIntOp::create(b, op.getLoc(), 0, 64);
    Value masked = arith::AndIOp::create(b, op.getLoc(), given, bit);
    Value isGiven = arith::CmpIOp::create(b, op.getLoc(), arith::CmpIPredicate::ne, masked, zero);
    IRMapping values;
    Value computed = cloneScalar(b, kernel, op.getBody().front().getTerminator()->getOperand(0), values);
    Value argument = kernel.scalarValues.lookup(op.getArgument());
    kernel.scalarValues.map(op.getResult(), arith::SelectOp::create(b, op.getLoc(), isGiven, argument, computed));
  }
}

void KernelTiler::requires_() {
  for (auto op : kernel.kernel.getBody().getOps<RequireOp>()) {
    IRMapping values;
    Value holds = cloneScalar(b, kernel, op.getBody().front().getTerminator()->getOperand(0), values);
    cf::AssertOp::create(b, op.getLoc(), holds, op.getText());
  }
}

/// Results of the kernel are its last memrefs; what only other groups read gets a workspace.
LogicalResult KernelTiler::placeTensors() {
  unsigned next = 0;
  for (BlockArgument argument : kernel.kernel.getBody().getArguments())
    if (isa<RankedTensorType>(argument.getType()))
      kernel.memory[argument] = function.getArgument(next++);
  for (auto [i, value] : llvm::enumerate(kernel.kernel.getYield().getValues())) {
    if (!value.getDefiningOp<GroupOp>() || kernel.memory.contains(value))
      return kernel.kernel.emitError() << "result '" << kernel.kernel.getResultName(i)
                                       << "' that is an argument or another result is not lowered yet";
    Value memory = kernel.memory[value] = function.getArgument(next++);
    auto stored = cast<RankedTensorType>(kernel.kernel.getResultTypes()[i]);
    if (stored.getRank() != cast<RankedTensorType>(value.getType()).getRank())
      for (StringAttr dimension : rankNames(stored))
        kernel.products[memory].push_back(factorsOf(dimension.getValue()).size());
  }
  for (auto group : kernel.kernel.getBody().getOps<GroupOp>())
    for (Value result : group.getResults()) {
      if (result.use_empty() || kernel.memory.contains(result))
        continue;
      auto tensor = cast<RankedTensorType>(result.getType());
      SmallVector<Value> dynamic;
      for (auto [name, extent] : llvm::zip(rankNames(tensor), tensor.getShape()))
        if (ShapedType::isDynamic(extent))
          dynamic.push_back(kernel.extents[kernel.rankOf(name.getValue())]);
      auto type = MemRefType::get(tensor.getShape(), storedType(tensor.getElementType()));
      kernel.memory[result] = memref::AllocOp::create(b, group.getLoc(), type, dynamic);
    }
  return success();
}

LogicalResult KernelTiler::run() {
  makeFunction();
  KernelOp op = kernel.kernel;
  unsigned position = 0;
  for (ArrayRef<Type> list : {op.getArgumentTypes(), op.getResultTypes()})
    position += llvm::count_if(list, [](Type t) { return isa<RankedTensorType>(t); });
  for (BlockArgument argument : op.getBody().getArguments())
    if (!isa<RankedTensorType>(argument.getType()))
      kernel.scalarValues.map(argument, function.getArgument(position++));
  Value given = function.getArgument(position++);
  declareRanks(function.getArguments().drop_front(position));
  defaults(given);
  requires_();
  if (failed(placeTensors()))
    return failure();
  for (Operation &each : op.getBody().front().without_terminator()) {
    if (auto group = dyn_cast<GroupOp>(each)) {
      if (failed(tileGroup(kernel, group, b)))
        return failure();
      kernel.symbols.clear();
      kernel.elements.clear();
      kernel.scalars.setInsertionPoint(b.getInsertionBlock(), b.getInsertionPoint());
    } else if (isa<EinsumOp, StreamOp>(each)) {
      return each.emitError() << "stands outside a group: attn-fuse comes first";
    }
  }
  op.erase();
  return success();
}

namespace {
struct AttnTile : attn::impl::AttnTileBase<AttnTile> {
  void runOnOperation() override {
    for (KernelOp kernel : llvm::make_early_inc_range(getOperation().getOps<KernelOp>()))
      if (failed(KernelTiler(kernel).run()))
        return signalPassFailure();
  }
};
} // namespace

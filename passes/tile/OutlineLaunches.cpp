// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// tile-outline-launches. Needs: tile.scratch_bytes; a body of straight-line code, asserts, workspaces and launches.
// Makes
//   @NAME.prepare(%call: !llvm.ptr) -> i32              evaluates the straight-line code once a call
//   @NAME.launch<k>(%call, %task: i64, %worker: i32)     one task of a launch
// A launch recomputes the scalars it captures from the call: that costs nanoseconds and keeps the ABI free of a place
// for them. Workspaces lie one after another, so that a launch knows the place of each from the sizes of those before.
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/Transforms/RegionUtils.h"
#include "passes/Passes.h"
#include "passes/tile/CallAbi.h"
#include "llvm/Support/FormatVariadic.h"

namespace attn {
#define GEN_PASS_DEF_TILEOUTLINELAUNCHES
#include "passes/Passes.h.inc"
} // namespace attn

using namespace mlir;
using namespace attn;
using namespace attn::tile;

static constexpr int64_t workspaceAlignment = 64;

/// Clones the straight-line code of a kernel into a function that is handed a call.
namespace {
class KernelCloner {
public:
  KernelCloner(func::FuncOp kernel, ImplicitLocOpBuilder &b, Value call) : b(b), abi(b, call), numSymbols(0) {
    ArrayRef<Type> types = kernel.getArgumentTypes();
    while (numSymbols < types.size() && types[types.size() - 1 - numSymbols].isIndex())
      ++numSymbols;
    for (BlockArgument argument : kernel.getArguments())
      arguments.push_back(argument);
  }

  CallAbi &call() { return abi; }
  Value lookup(Value value) {
    if (auto argument = dyn_cast<BlockArgument>(value); argument && !map.contains(value))
      map.map(value, readArgument(argument.getArgNumber()));
    return map.lookup(value);
  }
  Value lookup(OpFoldResult value) {
    if (auto constant = getConstantIntValue(value))
      return arith::ConstantIndexOp::create(b, *constant);
    return lookup(cast<Value>(value));
  }

  void clone(Operation &op) {
    SetVector<Value> captured;
    getUsedValuesDefinedAbove(op.getRegions(), captured);
    for (Value value : captured)
      lookup(value);
    for (Value value : op.getOperands())
      lookup(value);
    b.clone(op, map);
  }

  /// Advances past a workspace; `space` is the workspace of the call, or null if only sizes are of interest.
  void allocate(memref::AllocOp alloc, Value space) {
    Value begin = workspaceBytes();
    Value bytes = arith::ConstantIndexOp::create(b, llvm::divideCeil(alloc.getType().getElementTypeBitWidth(), 8));
    SmallVector<Value> sizes;
    for (Value size : alloc.getDynamicSizes())
      sizes.push_back(lookup(size));
    auto dynamic = sizes.begin();
    for (int64_t extent : alloc.getType().getShape())
      bytes = arith::MulIOp::create(
          b, bytes, ShapedType::isDynamic(extent) ? *dynamic++ : arith::ConstantIndexOp::create(b, extent).getResult());
    Value slack = arith::ConstantIndexOp::create(b, workspaceAlignment - 1);
    Value mask = arith::ConstantIndexOp::create(b, -workspaceAlignment);
    used = arith::AddIOp::create(b, begin, arith::AndIOp::create(b, arith::AddIOp::create(b, bytes, slack), mask));
    if (space)
      map.map(alloc.getResult(), memref::ViewOp::create(b, alloc.getType(), space, begin, sizes).getResult());
  }
  Value workspaceBytes() { return used ? used : Value(arith::ConstantIndexOp::create(b, 0)); }

  /// The number of steps of each dimension of a launch.
  SmallVector<Value> extentsOf(scf::ForallOp launch) {
    SmallVector<Value> extents;
    for (auto [lower, upper, step] :
         llvm::zip(launch.getMixedLowerBound(), launch.getMixedUpperBound(), launch.getMixedStep())) {
      Value extent = lookup(upper);
      if (!isConstantIntValue(lower, 0))
        extent = arith::SubIOp::create(b, extent, lookup(lower));
      if (!isConstantIntValue(step, 1))
        extent = arith::CeilDivSIOp::create(b, extent, lookup(step));
      extents.push_back(arith::MaxSIOp::create(b, extent, arith::ConstantIndexOp::create(b, 0)));
    }
    return extents;
  }

  IRMapping map;

private:
  ImplicitLocOpBuilder &b;
  CallAbi abi;
  unsigned numSymbols;
  SmallVector<BlockArgument> arguments;
  Value used;

  /// Tensors, scalars, the bits of the scalars given, extents: the contract of dialects/tile/README.md.
  Value readArgument(unsigned index) {
    unsigned numTensors = llvm::count_if(arguments, [](Value a) { return isa<MemRefType>(a.getType()); });
    unsigned given = arguments.size() - numSymbols - 1;
    if (index < numTensors)
      return abi.tensor(index, cast<MemRefType>(arguments[index].getType()));
    if (index < given)
      return abi.scalar(index - numTensors, arguments[index].getType());
    return index == given ? abi.given() : abi.symbol(index - given - 1);
  }
};
} // namespace

static func::FuncOp makeFunction(func::FuncOp kernel, const Twine &suffix, TypeRange inputs, TypeRange results) {
  OpBuilder b(kernel);
  auto function = func::FuncOp::create(b, kernel.getLoc(), (kernel.getSymName() + suffix).str(),
                                       b.getFunctionType(inputs, results));
  function.addEntryBlock();
  return function;
}

static void returnInt(ImplicitLocOpBuilder &b, int32_t value) {
  func::ReturnOp::create(b, Value(arith::ConstantOp::create(b, b.getI32IntegerAttr(value))));
}

/// Goes on in a new block where `holds`, else returns `index`.
static void check(ImplicitLocOpBuilder &b, Value holds, int32_t index) {
  Block *current = b.getBlock();
  Block *failed = b.createBlock(current->getParent());
  returnInt(b, index);
  Block *next = b.createBlock(current->getParent());
  b.setInsertionPointToEnd(current);
  cf::CondBranchOp::create(b, holds, next, failed);
  b.setInsertionPointToEnd(next);
}

static LogicalResult makePrepare(func::FuncOp kernel, int64_t scratchBytes, int64_t numLaunches) {
  MLIRContext *context = kernel.getContext();
  auto declared = kernel->getAttrOfType<DenseI64ArrayAttr>("tile.declared");
  if ((declared ? declared.size() : 0) != kernel.getNumResults())
    return kernel.emitError() << "kernel returns " << kernel.getNumResults()
                              << " extents, but 'tile.declared' does not name as many";
  func::FuncOp prepare =
      makeFunction(kernel, ".prepare", LLVM::LLVMPointerType::get(context), IntegerType::get(context, 32));
  prepare->setAttr("tile.launches", Builder(context).getI64IntegerAttr(numLaunches));
  ImplicitLocOpBuilder b(kernel.getLoc(), context);
  b.setInsertionPointToStart(&prepare.front());
  KernelCloner cloner(kernel, b, prepare.getArgument(0));
  // A check ends a block; what is read in the first one dominates all.
  for (BlockArgument argument : kernel.getArguments())
    cloner.lookup(argument);
  int32_t checks = 0;
  unsigned launches = 0;
  for (Operation &op : kernel.front()) {
    b.setLoc(op.getLoc());
    if (auto assertion = dyn_cast<cf::AssertOp>(op)) {
      check(b, cloner.lookup(assertion.getArg()), checks++);
    } else if (auto launch = dyn_cast<scf::ForallOp>(op)) {
      Value tasks = arith::ConstantIndexOp::create(b, 1);
      for (Value extent : cloner.extentsOf(launch))
        tasks = arith::MulIOp::create(b, tasks, extent);
      cloner.call().setTasks(launches++, tasks);
    } else if (auto alloc = dyn_cast<memref::AllocOp>(op)) {
      cloner.allocate(alloc, Value());
    } else if (auto exit = dyn_cast<func::ReturnOp>(op)) {
      for (auto [i, extent] : llvm::enumerate(exit.getOperands()))
        cloner.call().setSymbol(declared[i], cloner.lookup(extent));
    } else if (!isa<memref::DeallocOp>(op)) {
      cloner.clone(op);
    }
  }
  cloner.call().setWorkspaceBytes(cloner.workspaceBytes());
  cloner.call().setScratchBytes(arith::ConstantIndexOp::create(b, scratchBytes));
  returnInt(b, -1);
  return success();
}

/// The ops of the kernel's body that `launch` needs, in order. Workspaces need the sizes of those before them.
static SetVector<Operation *> sliceOf(scf::ForallOp launch) {
  SetVector<Operation *> slice;
  SmallVector<Operation *> todo{launch};
  Block *body = launch->getBlock();
  while (!todo.empty()) {
    Operation *op = todo.pop_back_val();
    SetVector<Value> values(op->operand_begin(), op->operand_end());
    getUsedValuesDefinedAbove(op->getRegions(), values);
    for (Value value : values)
      if (Operation *definition = value.getDefiningOp(); definition && slice.insert(definition))
        todo.push_back(definition);
    if (isa<memref::AllocOp>(op))
      for (auto earlier : body->getOps<memref::AllocOp>())
        if (earlier->isBeforeInBlock(op) && slice.insert(earlier))
          todo.push_back(earlier);
  }
  return slice;
}

static void makeLaunch(func::FuncOp kernel, scf::ForallOp launch, unsigned number, int64_t scratchBytes) {
  MLIRContext *context = kernel.getContext();
  Builder types(context);
  func::FuncOp function =
      makeFunction(kernel, ".launch" + Twine(number),
                   {LLVM::LLVMPointerType::get(context), types.getI64Type(), types.getI32Type()}, {});
  function->setAttr("tile.scratch_bytes", types.getI64IntegerAttr(scratchBytes));
  ImplicitLocOpBuilder b(launch.getLoc(), context);
  b.setInsertionPointToStart(&function.front());
  KernelCloner cloner(kernel, b, function.getArgument(0));
  SetVector<Operation *> slice = sliceOf(launch);
  Value space;
  for (Operation &op : kernel.front()) {
    if (!slice.contains(&op))
      continue;
    if (auto alloc = dyn_cast<memref::AllocOp>(op))
      cloner.allocate(alloc, space ? space : space = cloner.call().workspace());
    else
      cloner.clone(op);
  }
  // The last dimension varies fastest.
  Value rest = arith::IndexCastOp::create(b, b.getIndexType(), function.getArgument(1));
  SmallVector<Value> extents = cloner.extentsOf(launch);
  for (unsigned d = extents.size(); d-- > 0;) {
    Value index = rest;
    if (d > 0) {
      index = arith::RemUIOp::create(b, rest, extents[d]);
      rest = arith::DivUIOp::create(b, rest, extents[d]);
    }
    if (!isConstantIntValue(launch.getMixedStep()[d], 1))
      index = arith::MulIOp::create(b, index, cloner.lookup(launch.getMixedStep()[d]));
    if (!isConstantIntValue(launch.getMixedLowerBound()[d], 0))
      index = arith::AddIOp::create(b, index, cloner.lookup(launch.getMixedLowerBound()[d]));
    cloner.map.map(launch.getInductionVar(d), index);
  }
  SetVector<Value> captured;
  getUsedValuesDefinedAbove(launch.getRegion(), captured);
  for (Value value : captured)
    cloner.lookup(value);
  for (Operation &op : launch.getBody()->without_terminator())
    b.clone(op, cloner.map);
  func::ReturnOp::create(b);
}

namespace {
struct OutlineLaunches : attn::impl::TileOutlineLaunchesBase<OutlineLaunches> {
  using Base::Base;

  void runOnOperation() override {
    SmallVector<func::FuncOp> kernels;
    for (auto function : getOperation().getOps<func::FuncOp>())
      if (function->hasAttr("tile.kernel"))
        kernels.push_back(function);
    for (func::FuncOp kernel : kernels)
      if (failed(outline(kernel)))
        return signalPassFailure();
  }

  static LogicalResult outline(func::FuncOp kernel) {
    auto scratch = kernel->getAttrOfType<IntegerAttr>("tile.scratch_bytes");
    if (!scratch)
      return kernel.emitError() << "kernel without 'tile.scratch_bytes'; run tile-allocate-scratch first";
    if (!kernel.getBody().hasOneBlock())
      return kernel.emitError() << "kernel of several blocks is not outlined";
    auto launches = llvm::to_vector(kernel.front().getOps<scf::ForallOp>());
    if (failed(makePrepare(kernel, scratch.getInt(), launches.size())))
      return failure();
    for (auto [number, launch] : llvm::enumerate(launches))
      makeLaunch(kernel, launch, number, scratch.getInt());
    kernel.erase();
    return success();
  }
};
} // namespace

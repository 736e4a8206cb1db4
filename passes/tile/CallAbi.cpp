// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/tile/CallAbi.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "runtime/attnc_abi.h"
#include <cstddef>

using namespace mlir;
using namespace attn::tile;

Value CallAbi::at(Value base, int64_t bytes) {
  if (bytes == 0)
    return base;
  return LLVM::GEPOp::create(b, base.getType(), b.getI8Type(), base, ArrayRef<LLVM::GEPArg>{int32_t(bytes)},
                             LLVM::GEPNoWrapFlags::inbounds);
}

Value CallAbi::load(Type type, Value base, int64_t bytes) {
  return LLVM::LoadOp::create(b, type, at(base, bytes), 0, /*isVolatile=*/false, /*isNonTemporal=*/false,
                              /*isInvariant=*/true);
}

Value CallAbi::loadPointer(Value base, int64_t bytes) {
  return load(LLVM::LLVMPointerType::get(b.getContext()), base, bytes);
}

void CallAbi::storeIndex(Value value, Value base, int64_t bytes) {
  Value word = arith::IndexCastOp::create(b, b.getI64Type(), value);
  LLVM::StoreOp::create(b, word, at(base, bytes));
}

Value CallAbi::memref(MemRefType type, Value data, ArrayRef<Value> sizes, ArrayRef<Value> strides) {
  SmallVector<Type> fields{data.getType(), data.getType(), b.getI64Type()};
  if (type.getRank())
    fields.append(2, LLVM::LLVMArrayType::get(b.getI64Type(), type.getRank()));
  Value descriptor = LLVM::PoisonOp::create(b, LLVM::LLVMStructType::getLiteral(b.getContext(), fields));
  auto insert = [&](Value value, ArrayRef<int64_t> position) {
    descriptor = LLVM::InsertValueOp::create(b, descriptor, value, position);
  };
  insert(data, 0);
  insert(data, 1);
  insert(LLVM::ConstantOp::create(b, b.getI64Type(), b.getI64IntegerAttr(0)), 2);
  for (int64_t d = 0; d < type.getRank(); ++d) {
    insert(sizes[d], {3, d});
    insert(strides[d], {4, d});
  }
  return UnrealizedConversionCastOp::create(b, type, descriptor).getResult(0);
}

Value CallAbi::tensor(unsigned index, MemRefType type) {
  Value views = loadPointer(call, offsetof(attnc_frame, tensors)), view = at(views, index * sizeof(attnc_view));
  SmallVector<Value> sizes, strides;
  for (int64_t d = 0; d < type.getRank(); ++d) {
    sizes.push_back(load(b.getI64Type(), view, offsetof(attnc_view, sizes) + 8 * d));
    strides.push_back(load(b.getI64Type(), view, offsetof(attnc_view, strides) + 8 * d));
  }
  return memref(type, loadPointer(view, offsetof(attnc_view, data)), sizes, strides);
}

Value CallAbi::scalar(unsigned index, Type type) {
  Value scalars = loadPointer(call, offsetof(attnc_frame, scalars));
  if (isa<FloatType>(type)) {
    Value word = load(b.getF64Type(), scalars, 8 * index);
    return type.isF64() ? word : arith::TruncFOp::create(b, type, word).getResult();
  }
  Value word = load(b.getI64Type(), scalars, 8 * index);
  if (type.isIndex())
    return arith::IndexCastOp::create(b, type, word);
  return type.isInteger(64) ? word : arith::TruncIOp::create(b, type, word).getResult();
}

Value CallAbi::given() { return load(b.getI64Type(), call, offsetof(attnc_frame, given)); }

Value CallAbi::symbol(unsigned index) {
  Value word = load(b.getI64Type(), loadPointer(call, offsetof(attnc_frame, symbols)), 8 * index);
  return arith::IndexCastOp::create(b, b.getIndexType(), word);
}

void CallAbi::setSymbol(unsigned index, Value extent) {
  storeIndex(extent, loadPointer(call, offsetof(attnc_frame, symbols)), 8 * index);
}
void CallAbi::setTasks(unsigned launch, Value tasks) {
  storeIndex(tasks, loadPointer(call, offsetof(attnc_frame, tasks)), 8 * launch);
}
void CallAbi::setWorkspaceBytes(Value bytes) { storeIndex(bytes, call, offsetof(attnc_frame, workspace_bytes)); }
void CallAbi::setScratchBytes(Value bytes) { storeIndex(bytes, call, offsetof(attnc_frame, scratch_bytes)); }

/// The size of the memref is not looked at: views of it are made at known offsets.
Value CallAbi::bytesAt(Value data) {
  Value one = LLVM::ConstantOp::create(b, b.getI64Type(), b.getI64IntegerAttr(1));
  return memref(MemRefType::get({ShapedType::kDynamic}, b.getI8Type()), data, one, one);
}

Value CallAbi::workspace() { return bytesAt(loadPointer(call, offsetof(attnc_frame, workspace))); }

Value CallAbi::scratch(Value worker) {
  Value stride = load(b.getI64Type(), call, offsetof(attnc_frame, scratch_stride));
  Value offset = arith::MulIOp::create(b, arith::ExtUIOp::create(b, b.getI64Type(), worker), stride);
  Value base = loadPointer(call, offsetof(attnc_frame, scratch));
  return bytesAt(LLVM::GEPOp::create(b, base.getType(), b.getI8Type(), base, ArrayRef<LLVM::GEPArg>{offset},
                                     LLVM::GEPNoWrapFlags::inbounds));
}

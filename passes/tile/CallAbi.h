// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Generated code's view of runtime/attnc_abi.h: reads and writes of the fields of an attnc_call.
#pragma once
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace attn::tile {

/// Builds accesses to the attnc_call at `call`, an LLVM pointer.
class CallAbi {
public:
  CallAbi(mlir::ImplicitLocOpBuilder &b, mlir::Value call) : b(b), call(call) {}

  /// Tensor `index` as a strided memref over its view.
  mlir::Value tensor(unsigned index, mlir::MemRefType type);
  /// Scalar argument `index` out of its 8 bytes: a double for float types, else an int64.
  mlir::Value scalar(unsigned index, mlir::Type type);
  mlir::Value given();
  /// Extents are `index` values.
  mlir::Value symbol(unsigned index);
  void setSymbol(unsigned index, mlir::Value extent);
  void setTasks(unsigned launch, mlir::Value tasks);
  void setWorkspaceBytes(mlir::Value bytes);
  void setScratchBytes(mlir::Value bytes);
  /// The workspace, as bytes.
  mlir::Value workspace();
  /// The scratch of `worker` (i32), as bytes.
  mlir::Value scratch(mlir::Value worker);

private:
  mlir::ImplicitLocOpBuilder &b;
  mlir::Value call;

  mlir::Value at(mlir::Value base, int64_t bytes);
  mlir::Value load(mlir::Type type, mlir::Value base, int64_t bytes);
  mlir::Value loadPointer(mlir::Value base, int64_t bytes);
  void storeIndex(mlir::Value value, mlir::Value base, int64_t bytes);
  mlir::Value memref(mlir::MemRefType type, mlir::Value data, mlir::ArrayRef<mlir::Value> sizes,
                     mlir::ArrayRef<mlir::Value> strides);
  mlir::Value bytesAt(mlir::Value data);
};

} // namespace attn::tile

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The walk over ops that hold others.
#pragma once
#include "compiler/reference/Einsum.h"
#include "compiler/reference/Evaluate.h"
#include "compiler/reference/Philox.h"

namespace attn::reference {

class Evaluator {
public:
  Evaluator(KernelOp kernel, Symbols symbols, const Options &options)
      : kernel(kernel), symbols(std::move(symbols)), options(options) {}

  llvm::Expected<std::vector<Tensor>> run(llvm::ArrayRef<Argument> arguments);

private:
  using Shared = std::shared_ptr<const Tensor>;
  using State = std::vector<Shared>;

  /// Runs the ops of a block; the values of its terminator's operands.
  llvm::Expected<State> runBlock(mlir::Block &block);
  llvm::Error runOp(mlir::Operation &op);
  llvm::Error runEinsum(EinsumOp op);
  llvm::Error runSelect(SelectOp op);
  llvm::Error runGroup(GroupOp op);
  llvm::Error joinDimensions(Tensor &result, mlir::RankedTensorType stored);
  llvm::Error runUnion(TensorUnionOp op);
  llvm::Error runScatter(ScatterOp op);
  llvm::Error checkCapacity(const Tensor &sets, mlir::Attribute capacity, llvm::StringRef name, mlir::Location loc);
  llvm::Expected<Tensor> absentTensor(unsigned argument);
  void bind(mlir::ValueRange values, const State &state);
  void forgetAfter(mlir::Operation &op);
  llvm::Expected<Shared> tensor(mlir::Value value);
  llvm::Expected<Interval> range(llvm::StringRef rank);

  // Streams, in Stream.cpp.
  using Chunk = llvm::StringMap<Interval>;
  llvm::Error runStream(StreamOp op);
  llvm::Expected<std::vector<Chunk>> chunksOf(StreamOp op);
  llvm::Expected<State> identities(StreamOp op);
  llvm::Expected<State> fold(StreamOp op, llvm::ArrayRef<Chunk> chunks);
  llvm::Expected<State> mergeAll(StreamOp op, std::vector<State> states, Random &random);

  // Iterations, in Iterate.cpp.
  llvm::Error runIterate(IterateOp op);
  llvm::Expected<Tensor> makeZeros(mlir::RankedTensorType type, llvm::ArrayRef<int64_t> margins);

  KernelOp kernel;
  Symbols symbols;
  const Options &options;
  llvm::DenseMap<mlir::Value, Shared> tensors;
  Chunk chunk; ///< ranks that range over less than their extent
};

} // namespace attn::reference

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Reading the elements of an Einsum's operand through its index map.
#pragma once
#include "compiler/reference/Program.h"
#include "compiler/reference/Tensor.h"
#include "dialects/attn/Attn.h"

namespace attn::reference {

/// An affine expression with its symbols put in, as postfix code.
class IndexCode {
public:
  IndexCode(mlir::AffineExpr expr, llvm::ArrayRef<int64_t> symbols) { translate(expr, symbols); }
  int64_t evaluate(llvm::ArrayRef<int64_t> dims) const;

private:
  void translate(mlir::AffineExpr expr, llvm::ArrayRef<int64_t> symbols);

  enum Kind : uint8_t { Dim, Constant, Add, Mul, FloorDiv, CeilDiv, Mod };
  llvm::SmallVector<std::pair<Kind, int64_t>> code;
};

class OperandReader : public ElementReader {
public:
  /// The tensor must outlive the reader. Conditions of the tensor have the bits from `firstBit` on in Lanes::missing.
  OperandReader(EinsumOp op, unsigned operand, const Tensor &tensor, llvm::ArrayRef<int64_t> symbols,
                unsigned firstBit);

  void read(const Instruction &load, Frame &frame) const override;
  llvm::Error explain(const Instruction &load, const Frame &frame, unsigned lane) const override;

  const Tensor &getTensor() const { return tensor; }
  unsigned getFirstBit() const { return firstBit; }
  /// The operands whose elements are indices of this one, and where each stands among the map's dimensions.
  llvm::ArrayRef<unsigned> getGatherOperands() const { return gatherOperands; }

private:
  bool readStraight(Frame &frame, Lanes &result) const;
  void readEach(const Instruction &load, Frame &frame, Lanes &result) const;
  llvm::SmallVector<int64_t> pointAt(const Instruction &load, const Frame &frame, unsigned lane,
                                     uint64_t &missing) const;
  void put(Lanes &result, unsigned lane, unsigned lanes, int64_t at, int64_t step) const;
  bool isInside(unsigned dim, int64_t index) const {
    return index >= tensor.origin[dim] && index < tensor.origin[dim] + tensor.shape[dim];
  }

  EinsumOp op;
  unsigned operand, numIterators;
  const Tensor &tensor;
  bool isFloat;
  unsigned firstBit;
  mlir::AffineMap map;
  llvm::SmallVector<IndexCode> indices;
  llvm::SmallVector<int64_t> strides;
  llvm::SmallVector<llvm::SmallVector<int64_t>> conditionStrides; ///< over all dimensions, 0 where not mentioned
  llvm::SmallVector<bool> holdsNowhere;                           ///< a condition: the element is absent at any index
  llvm::SmallVector<unsigned> gatherOperands, gatherDims;
  llvm::SmallVector<bool> straightIn; ///< an iterator: each step of it moves as far through the tensor
};

} // namespace attn::reference

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Tensor values of the reference evaluator.
#pragma once
#include "compiler/reference/Number.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Location.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/Error.h"
#include <vector>

namespace attn::reference {

/// A point of a tensor is absent where one of its conditions fails. Each condition mentions some dimensions only, which
/// is what a later reduction looks at (R12).
struct Condition {
  llvm::SmallVector<unsigned> dims; ///< dimensions of the tensor, ascending
  std::vector<uint8_t> holds;       ///< row-major over these dimensions

  bool operator==(const Condition &other) const { return dims == other.dims && holds == other.holds; }
};

/// Elements are row-major. Dimension d holds the indices origin[d] .. origin[d] + shape[d] - 1; origins are not 0 only
/// in a chunk of a stream.
struct Tensor {
  mlir::Type elementType;
  llvm::SmallVector<int64_t> shape, origin;
  llvm::SmallVector<mlir::StringAttr> ranks; ///< names of the dimensions; empty where nobody needs them
  std::vector<double> reals;                 ///< elements of floats
  std::vector<int64_t> integers;             ///< elements of integers; an i1 is 0 or 1
  std::vector<double> errors;                ///< estimate an element, of one standard deviation; empty: exact
  llvm::SmallVector<Condition> conditions;

  Tensor() = default;
  /// Of zeros, all present, all exact.
  Tensor(mlir::Type elementType, llvm::ArrayRef<int64_t> shape);
  /// Without dimensions.
  static Tensor scalar(mlir::Type elementType, Scalar value);

  bool isFloat() const { return llvm::isa<mlir::FloatType>(elementType); }
  int64_t size() const;
  llvm::SmallVector<int64_t> strides() const;
  Scalar get(int64_t offset) const;
  /// Makes room for errors when one is not 0.
  void set(int64_t offset, Scalar value);
  double error(int64_t offset) const { return errors.empty() ? 0 : errors[offset]; }
  /// Whether every condition holds at the element at `offset`.
  bool isPresent(int64_t offset) const;
  /// Adds a condition unless it always holds or is there already.
  void addCondition(Condition condition);
};

/// The elements as a kernel sees them: contiguous, row-major, floats rounded to the element type, a bool in a byte.
std::vector<char> encode(const Tensor &tensor);
/// The inverse; `bytes` holds as many elements as `shape` says.
Tensor decode(mlir::Type elementType, llvm::ArrayRef<int64_t> shape, const void *bytes);
/// Bytes of one element in a buffer.
unsigned byteWidth(mlir::Type elementType);

/// `file:line:col: text`; the position is left out where it is unknown.
llvm::Error errorAt(mlir::Location loc, const llvm::Twine &text);

/// An index has nothing to name: the rank it reads has no points (a group of heads, but no head). There is no legal
/// call with these extents.
class EmptyRankError : public llvm::ErrorInfo<EmptyRankError> {
public:
  static char ID;
  explicit EmptyRankError(std::string text) : text(std::move(text)) {}
  void log(llvm::raw_ostream &out) const override { out << text; }
  std::error_code convertToErrorCode() const override { return llvm::inconvertibleErrorCode(); }

private:
  std::string text;
};

} // namespace attn::reference

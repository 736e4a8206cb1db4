// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef ATTNC_PASSES_ATTN_EINSUMEMISSION_H
#define ATTNC_PASSES_ATTN_EINSUMEMISSION_H
#include "passes/attn/KernelTerms.h"
#include "llvm/ADT/SetVector.h"

namespace attn {

/// One Einsum to be written: body over `dims`, reduced over `bound`.
struct EinsumRequest {
  llvm::SmallVector<algebra::TermRef> dims;
  llvm::SmallVector<algebra::TermRef> bound;
  std::optional<algebra::Reducer> reducer;
  algebra::TermRef body = nullptr;
  llvm::SmallVector<algebra::TermRef> conditions;
  mlir::Value acc;
  mlir::Type element; ///< null: the compute type
  mlir::TypedAttr otherwise;
};

/// Writes terms as Einsums. Inner reductions, and what is common to all points of a stream, become Einsums of their
/// own, which the rest reads by name; a contraction keeps two operands.
///
/// Two places to write: `outer`, before the stream, for what neither carries a streamed rank nor reads a tensor of the
/// stream; `inner` for the rest. Without a stream both are one.
class EinsumEmitter {
public:
  EinsumEmitter(KernelTerms &terms, mlir::OpBuilder outer)
      : terms(terms), context(terms.getContext()), outer(outer), inner(outer) {}

  /// From here on Einsums of the streamed ranks are written at `builder`; what was written for another place is
  /// forgotten.
  void enter(mlir::OpBuilder builder, llvm::ArrayRef<llvm::StringRef> streamed);

  /// Einsums outside the stream are written at `builder` from here on.
  void place(mlir::OpBuilder builder) { outer = builder; }

  mlir::Value write(const EinsumRequest &request, bool inside);
  /// `t` with its inner reductions written and read by name.
  algebra::TermRef lower(algebra::TermRef t, llvm::ArrayRef<algebra::TermRef> conditions);
  /// Where the request is a sum: at most two operands that each lack a rank of the other's.
  void contract(EinsumRequest &request, llvm::ArrayRef<algebra::TermRef> conditions);
  /// Writes the lowered scalar term `t` over its free indices and reads it by name.
  algebra::TermRef materialise(algebra::TermRef t, llvm::ArrayRef<algebra::TermRef> conditions);
  /// A whole tensor over `dims`.
  mlir::Value writeTensor(algebra::TermRef t, llvm::ArrayRef<algebra::TermRef> dims,
                          llvm::ArrayRef<algebra::TermRef> conditions, mlir::Type element);

  /// A read of a tensor that is made inside the stream (a state, say).
  algebra::TermRef readInside(mlir::Value tensor, llvm::ArrayRef<algebra::TermRef> dims);
  /// Marks a tensor as the value of a maximum: subtracting it is guarded.
  void markMaximum(mlir::Value tensor) { maxima.insert(terms.nameOf(tensor)); }
  bool isMaximum(algebra::TermRef t) const;
  /// Opens a reduction with its indices named after ranks, none of them free in `t`.
  algebra::Opened openNamed(algebra::TermRef t);
  /// The position that a selection found, or -1 (R12) where `position` is what a minimum over no points is.
  algebra::TermRef orNone(algebra::TermRef position);
  static algebra::Number noPosition() { return std::numeric_limits<int64_t>::max(); }
  mlir::Type getFloatType() const { return floatType(); }
  mlir::Type elementTypeOf(algebra::ValueType type);
  mlir::RankedTensorType typeOf(llvm::ArrayRef<algebra::TermRef> dims, mlir::Type element);
  bool streams(algebra::TermRef t) const;
  /// Not worth a tensor: a read, an index expression, a read times scalars.
  bool isCheap(algebra::TermRef t) const;
  /// Makes m.1 a rank of the kernel, of m's extent.
  void declare(llvm::StringRef rank);
  bool failed() const { return !error.empty(); }
  std::string error;

private:
  struct Operands;
  mlir::Type floatType() const;
  bool isInside(algebra::TermRef t) const;
  bool isScalar(algebra::TermRef t) const;
  algebra::TermRef lowerReduce(algebra::TermRef t, llvm::ArrayRef<algebra::TermRef> conditions);
  algebra::TermRef meanAsQuotient(algebra::TermRef t);
  algebra::TermRef positionOfBest(algebra::TermRef t, llvm::ArrayRef<algebra::TermRef> conditions);
  algebra::TermRef lowerMul(algebra::TermRef t, llvm::ArrayRef<algebra::TermRef> conditions);
  algebra::TermRef sumOwn(algebra::TermRef operand, algebra::TermRef other, EinsumRequest &request);
  algebra::TermRef foldScale(algebra::TermRef t);
  algebra::TermRef hoisted(algebra::TermRef t, llvm::ArrayRef<algebra::TermRef> conditions);
  llvm::SmallVector<algebra::TermRef> within(llvm::ArrayRef<algebra::TermRef> conditions,
                                             llvm::ArrayRef<algebra::TermRef> dims);
  llvm::SmallVector<algebra::TermRef> without(llvm::ArrayRef<algebra::TermRef> conditions,
                                              const EinsumRequest &request);
  std::optional<mlir::AffineExpr> affine(algebra::TermRef t, Operands &operands);
  void collect(algebra::TermRef t, Operands &operands);
  mlir::Value scalarValue(algebra::TermRef t);
  algebra::TermRef alias(llvm::StringRef rank, llvm::ArrayRef<algebra::TermRef> used);

  KernelTerms &terms;
  algebra::TermContext &context;
  mlir::OpBuilder outer, inner;
  llvm::SmallVector<llvm::StringRef> streamed;
  using WithConditions = std::pair<algebra::TermRef, algebra::TermRef>;
  llvm::DenseMap<WithConditions, algebra::TermRef> writtenOutside, writtenInside;
  llvm::DenseMap<llvm::StringRef, llvm::SmallVector<algebra::TermRef>> carried; // conditions of written tensors
  llvm::DenseSet<llvm::StringRef> insideNames, maxima;
  llvm::DenseMap<algebra::TermRef, mlir::Value> scalars;
};

} // namespace attn
#endif

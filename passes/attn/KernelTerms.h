// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef ATTNC_PASSES_ATTN_KERNELTERMS_H
#define ATTNC_PASSES_ATTN_KERNELTERMS_H
#include "dialects/attn/Attn.h"
#include "passes/attn/algebra/Program.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/LogicalResult.h"

namespace attn {

/// A scalar or a tensor's element as a term, there where all conditions hold.
struct Present {
  algebra::TermRef term = nullptr;
  llvm::SmallVector<algebra::TermRef> conditions;
};

/// A kernel read as terms: tensors by name, every Einsum as a term over free indices named after its result's ranks.
///
/// Element types extend transparently (extf, sitofp, index_cast); rounding is a function of its own (truncf). One term
/// context serves a kernel through all rewrites; names lead back to IR values, locations to the spec.
class KernelTerms {
public:
  explicit KernelTerms(KernelOp kernel);

  algebra::TermContext &getContext() { return context; }
  KernelOp getKernel() { return kernel; }

  /// Whether a tensor is read by name or replaced by what defines it. One that is marked `attn.stored` is always read.
  /// Dependences: as Everything, and what the algebra does not know (sets, walks, scatters, unions) is an uninterpreted
  /// function of what it reads. Enough to count passes, too little to derive from.
  enum class Inline { Everything, Nothing, Dependences };
  /// The tensor at free indices named after its ranks; null after an error.
  std::optional<Present> tensor(mlir::Value value, Inline inlining);
  /// A selection of one position: the others yield sets, for which there are no terms.
  std::optional<Present> position(SelectOp op, Inline inlining);
  /// Terms that stand for a summary of an operation unknown to the algebra, and what to call them.
  llvm::ArrayRef<std::pair<algebra::TermRef, std::string>> getPhrases() const { return phrases; }
  /// The term of an Einsum, its operands inlined or not.
  std::optional<Present> einsum(EinsumOp op, Inline inlining);
  llvm::SmallVector<algebra::TermRef> indicesOf(mlir::Value tensor);

  /// The name by which terms read a tensor or scalar; made on first use.
  llvm::StringRef nameOf(mlir::Value value);
  mlir::Value valueOf(llvm::StringRef name) { return values.lookup(name); }
  /// From here on `name` means `value`.
  void bind(llvm::StringRef name, mlir::Value value);
  /// A read of `tensor` at its own ranks.
  algebra::TermRef read(mlir::Value tensor);
  mlir::Location locationOf(unsigned id) const { return locations[id]; }
  unsigned idOf(mlir::Location loc);

  /// Whether a reduction over these indices under these conditions has a point whatever the extents are.
  bool hasPoint(llvm::ArrayRef<algebra::TermRef> indices, llvm::ArrayRef<algebra::TermRef> conditions);

private:
  class Region;
  std::optional<Present> access(EinsumOp op, unsigned input, llvm::ArrayRef<algebra::TermRef> dims, Inline inlining);
  algebra::TermRef affine(mlir::AffineExpr e, llvm::ArrayRef<algebra::TermRef> dims,
                          llvm::ArrayRef<algebra::TermRef> symbols);
  std::optional<algebra::TermRef> scalar(mlir::Value value);
  algebra::TermRef reduceTerm(algebra::Reducer op, llvm::ArrayRef<algebra::Binder> binders,
                              llvm::ArrayRef<algebra::TermRef> filters, algebra::TermRef body, algebra::ValueType type);
  Present withElse(EinsumOp op, Present p);
  std::optional<Present> uninterpreted(mlir::Value value);
  std::optional<Present> uninterpreted(SelectOp op);
  std::optional<Present> uninterpreted(IterateOp op, mlir::Value state);
  std::optional<Present> uninterpreted(ScatterOp op);
  bool appendTerms(mlir::ValueRange tensors, llvm::SmallVectorImpl<algebra::TermRef> &out);
  /// A summary over `over` of which nothing is known but what it reads.
  algebra::TermRef summary(llvm::ArrayRef<algebra::TermRef> over, llvm::ArrayRef<algebra::TermRef> read,
                           mlir::Location loc, std::string phrase);

  KernelOp kernel;
  algebra::TermContext context;
  llvm::StringMap<mlir::Value> values;
  llvm::DenseMap<mlir::Value, llvm::StringRef> names;
  llvm::DenseMap<mlir::Value, Present> inlined;
  llvm::SmallVector<mlir::Location> locations;
  llvm::DenseMap<mlir::Location, unsigned> locationIds;
  llvm::SmallVector<std::pair<algebra::TermRef, std::string>> phrases;
};

/// The value type by which the algebra knows elements of `type`.
algebra::ValueType valueTypeOf(mlir::Type type);

/// An extent or an integer argument, which is finite whatever it is.
bool isFiniteScalar(const algebra::Factor &factor);

} // namespace attn
#endif

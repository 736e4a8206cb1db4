// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Emission of one kernel. An equation becomes one Einsum, after Einsums for what an Einsum cannot hold inside: further
// reductions, conditions in the middle of an expression, positions that are not affine.
#pragma once
#include "compiler/spec/Emit.h"
#include "compiler/spec/ScalarEmitter.h"
#include "compiler/spec/Terms.h"
#include "dialects/attn/Attn.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/MapVector.h"

namespace attn::spec {

/// An index of the spec, and the rank of the kernel that iterates it.
struct Iterator {
  llvm::StringRef index;
  mlir::StringAttr rank;
};

/// What an Einsum is to compute.
struct EinsumRequest {
  const Term *value; ///< may be a reduction
  llvm::SmallVector<Iterator> left;
  llvm::SmallVector<const Term *> conjuncts; ///< over indices on the left
  mlir::TypedAttr otherwise;
  std::string name;
};

class KernelEmitter {
public:
  KernelEmitter(Program &program, Kernel &kernel, const EmitOptions &options, mlir::MLIRContext &context,
                Diagnostics &diagnostics);
  /// False after reporting an error; the kernel then is incomplete.
  bool emit(mlir::ModuleOp module);

private:
  friend class EinsumMaker;

  // Signature and what stands before the Einsums (EmitKernel.cpp)
  bool checkOptions();
  bool addRanks();
  bool addRank(llvm::StringRef name, const Term *extent);
  mlir::AffineExpr extentExpr(const Term *term, llvm::SmallVectorImpl<mlir::StringAttr> &ranks,
                              llvm::SmallVectorImpl<mlir::StringAttr> &scalars);
  mlir::Type storedType(const Tensor &tensor) const;
  mlir::DictionaryAttr parameterAttrs(const Tensor &tensor, mlir::TypedAttr pad);
  mlir::StringAttr capacityRank(const Tensor &tensor);
  KernelOp makeKernel(mlir::ModuleOp module);
  void emitDefaults(KernelOp op);
  void emitRequirements();
  void emitRequirement(const Requirement &requirement);
  void emitYield(KernelOp op);
  /// What the kernel yields: its results, then its inout arguments.
  llvm::SmallVector<const Tensor *> yielded() const;

  // Order (EmitOrder.cpp)
  bool emitEquations();
  void findPartial();

  // Equations (EmitEquation.cpp)
  mlir::Value emitEquation(const Equation &equation);
  mlir::Value emitEinsum(const EinsumRequest &request);
  mlir::Value emitLogSumExp(const EinsumRequest &request);
  mlir::Value emitStored(mlir::Value value, mlir::Type element, llvm::StringRef name, mlir::Location loc);
  static bool isSelection(const Term *term);
  mlir::Value emitSelection(const EinsumRequest &request);
  mlir::Value emitParameter(const EinsumRequest &request, mlir::Type scores);
  mlir::Value emitElse(mlir::Value value, mlir::TypedAttr otherwise, const EinsumRequest &request);
  llvm::SmallVector<Iterator> leftIterators(const Equation &equation);
  mlir::StringAttr rankFor(llvm::StringRef index, const Term *extent, llvm::ArrayRef<Iterator> taken);
  /// The ranks of the kernel that are a tensor's dimensions; empty after reporting an error.
  llvm::ArrayRef<mlir::StringAttr> ranksOf(const Tensor &tensor);

  // Tensors of several equations, or written at computed positions (EmitUnion.cpp)
  bool emitTensor(const Tensor &tensor);
  mlir::Value emitParts(const Tensor &tensor, llvm::ArrayRef<const Equation *> parts, mlir::Type element);
  mlir::Value emitScatter(const Equation &equation);
  mlir::Value emitUnion(llvm::MutableArrayRef<mlir::Value> parts, mlir::Value otherwise, llvm::StringRef name,
                        mlir::Location loc);
  mlir::Value oldValue(const Tensor &tensor);

  // Loops (EmitLoop.cpp)
  bool emitLoop(const Loop &loop);
  bool emitStep(const Loop &loop);
  mlir::Value emitStart(const Tensor &tensor, const Loop &loop);
  /// The equations that write at each step of the open loops.
  llvm::SmallVector<const Equation *> stepEquations(const Tensor &tensor) const;
  mlir::Type stateElement(const Tensor &tensor, const Loop &loop) const;
  void findMargins();
  mlir::DenseI64ArrayAttr marginsOf(const Tensor &tensor);
  /// The value that a read sees: inside loops an earlier step, or this one.
  mlir::Value valueOf(const Term *read) const;
  bool isOpen(llvm::StringRef rank) const;
  mlir::TypedAttr constantAttr(const Term *term, mlir::Type type);

  // Facts
  std::optional<int64_t> evaluate(const Term *term) const;
  bool isMaximum(const Term *term);
  bool isPartial(const Term *term) const; ///< whether it may be absent at some point (Absence.cpp)
  static bool isLogSumExp(const Term *term);
  static bool isPlain(const Equation &equation);
  mlir::Type elementType(const ElementType &type) const;
  mlir::Type tensorElementType(const Tensor &tensor) const;
  mlir::Location locate(Loc loc, const CallSite *site) const;
  mlir::Location locate(const Term *term) const { return locate(term->loc, term->site); }
  mlir::ArrayAttr rankList();
  mlir::StringAttr string(llvm::StringRef text) { return mlir::StringAttr::get(&context, text); }
  std::nullptr_t notLowered(Loc loc, const llvm::Twine &construct);

  // Scalars of the kernel, as values outside of Einsums
  mlir::Value scalarLeaf(mlir::OpBuilder &builder, const Term *term);
  mlir::Value extentValue(llvm::StringRef rank);
  mlir::Value positionValue(const Term *term);
  mlir::RankedTensorType typeOf(llvm::ArrayRef<Iterator> left, mlir::Type element);
  ScalarEmitter::Context scalarContext();

  Program &program;
  Kernel &kernel;
  const EmitOptions &options;
  mlir::MLIRContext &context;
  Diagnostics &diagnostics;
  mlir::OpBuilder builder;
  llvm::MapVector<llvm::StringRef, RankAttr> ranks;
  llvm::StringMap<std::string> rankExtents; ///< the text of each rank's extent, to tell indices of one name apart
  llvm::DenseMap<const ScalarParam *, int64_t> constants;
  llvm::DenseMap<const ScalarParam *, mlir::Value> scalars;
  llvm::DenseMap<const ScalarParam *, mlir::Value> positions; ///< integer scalars as index values
  llvm::StringMap<mlir::Value> extents;
  llvm::DenseMap<const Tensor *, mlir::Value> tensors;
  llvm::DenseMap<const Tensor *, mlir::Value> olds; ///< inout arguments on entry
  llvm::DenseMap<const Tensor *, llvm::SmallVector<mlir::StringAttr>> tensorRanks;
  const Equation *current = nullptr; ///< the one being emitted
  llvm::DenseMap<const Tensor *, llvm::SmallVector<const Equation *, 1>> equations;
  llvm::DenseSet<const Tensor *> partial; ///< may have absent points
  llvm::DenseMap<const Tensor *, bool> maxima;
  /// A loop whose step is being emitted, with what each of its tensors is at earlier steps.
  struct OpenLoop {
    const Loop *loop;
    mlir::StringAttr rank;
    llvm::DenseMap<const Tensor *, mlir::Value> earlier;
  };
  llvm::SmallVector<OpenLoop, 2> openLoops; ///< outermost first
  /// Points before and behind each dimension of iterative tensors.
  llvm::DenseMap<const Tensor *, llvm::SmallVector<int64_t>> margins;
  // The callbacks of scalarContext, kept alive with the emitter.
  std::function<mlir::Location(const Term *)> locateFn;
  std::function<bool(const Term *)> isMaximumFn;
  std::function<mlir::Type(const ElementType &)> elementTypeFn;
  std::function<bool(const Term *)> isPartialFn;
};

/// Reports every construct of the kernel that has no IR yet; true if there is none.
bool checkLowered(const Kernel &kernel, Diagnostics &diagnostics);

} // namespace attn::spec

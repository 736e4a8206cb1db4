// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Building blocks of the CPU lowering: loops, places, vectors.
//
// A fragment lies in a 1-D memref of its places (a buffer). Loops go over the elements of a fragment in runs (elements
// side by side); the innermost step is a vector, at the end of a run one of the elements left over, so nothing outside
// a fragment is touched and no code is conditional. Widths are static; width 0 stands for scalar code.
#pragma once
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "passes/tile/Layouts.h"

namespace attn::tile::cpu {

using Coordinates = llvm::SmallVector<mlir::OpFoldResult>;
using Body = llvm::function_ref<void(mlir::OpFoldResult)>;

class Emit : public mlir::ImplicitLocOpBuilder {
public:
  Emit(const TargetRow &row, mlir::Location loc, mlir::MLIRContext *context)
      : mlir::ImplicitLocOpBuilder(loc, context), row(row) {}

  const TargetRow &row;

  /// Where each fragment lies: a 1-D memref of the stored type.
  llvm::DenseMap<mlir::Value, mlir::Value> buffers;

  /// Fragments that are memory of the caller: in place of a layout, the place of their first element in the buffer, and
  /// how far apart elements lie along each dimension.
  struct Strided {
    mlir::Value offset;
    llvm::SmallVector<mlir::Value> strides;
  };
  llvm::DenseMap<mlir::Value, Strided> strided;

  /// Ops without loops of their own, and the op whose loops make them (see Sweeps.h).
  llvm::DenseMap<mlir::Operation *, mlir::Operation *> joined;

  /// Memory of `count` elements on the stack of the task, for the time of one op.
  mlir::Value temporary(int64_t count, mlir::Type element);

  mlir::Value index(int64_t value);
  mlir::Value value(mlir::OpFoldResult value);
  /// `expr` with its dimensions and symbols replaced.
  mlir::OpFoldResult apply(mlir::AffineExpr expr, llvm::ArrayRef<mlir::OpFoldResult> dims,
                           llvm::ArrayRef<mlir::OpFoldResult> symbols = {});
  mlir::OpFoldResult add(mlir::OpFoldResult a, mlir::OpFoldResult b);
  mlir::OpFoldResult scale(mlir::OpFoldResult a, int64_t factor);

  void loop(mlir::OpFoldResult lower, mlir::OpFoldResult upper, int64_t step, Body body);
  /// Loops over dimensions `dims` of a space, which set the coordinates.
  void nest(Coordinates &coordinates, llvm::ArrayRef<unsigned> dims, llvm::ArrayRef<int64_t> space,
            llvm::function_ref<void()> body);
  /// A loop that carries values.
  llvm::SmallVector<mlir::Value>
  carry(mlir::OpFoldResult upper, int64_t step, llvm::ArrayRef<mlir::Value> initial,
        llvm::function_ref<llvm::SmallVector<mlir::Value>(mlir::OpFoldResult, llvm::ArrayRef<mlir::Value>)> body);
  void branch(mlir::Value condition, llvm::function_ref<void()> then, llvm::function_ref<void()> otherwise = nullptr);

  mlir::Value splat(mlir::Value scalar, int64_t width);
  mlir::Value constant(mlir::TypedAttr element, int64_t width);
  /// The same, as it is stored.
  mlir::Value stored(mlir::TypedAttr element, int64_t width);

  /// Place of the element at `coordinates` in the buffer of a fragment of `type`.
  mlir::OpFoldResult placeOf(FragType type, llvm::ArrayRef<mlir::OpFoldResult> coordinates);
  mlir::OpFoldResult placeOf(mlir::Value frag, llvm::ArrayRef<mlir::OpFoldResult> coordinates);
  /// Elements of `buffer` from `offset` on, of type `element` (or as stored).
  mlir::Value read(mlir::Value buffer, mlir::OpFoldResult offset, mlir::Type element, int64_t width);
  void write(mlir::Value value, mlir::Value buffer, mlir::OpFoldResult offset);

  /// Elements of the fragment `frag`, seen from a space by the projection `map`: at `coordinates` of the space and the
  /// next `width` along dimension `lanes`. A scalar if it does not depend on `lanes`.
  mlir::Value readProjected(mlir::Value frag, mlir::AffineMap map, llvm::ArrayRef<mlir::OpFoldResult> coordinates,
                            std::optional<unsigned> lanes, int64_t width);

private:
  llvm::DenseMap<std::pair<int64_t, mlir::Type>, mlir::Value> temporaries;
};

/// Calls `chunk(coordinates, width)` for all elements of a fragment of `type`, once for each `width` of them along its
/// run (width 0: one element, where there is no run or `scalar` is asked for). `enter(coordinates)` comes before the
/// chunks that share all other coordinates.
struct ElementLoop {
  Emit &b;
  FragType type;
  bool scalar = false;
  llvm::function_ref<void(llvm::ArrayRef<mlir::OpFoldResult>)> enter = nullptr;
  llvm::function_ref<void(llvm::ArrayRef<mlir::OpFoldResult>, int64_t)> chunk = nullptr;
  /// In place of chunks: once for all elements that share all other coordinates.
  std::function<void(llvm::ArrayRef<mlir::OpFoldResult>)> row = nullptr;

  void emit();
  std::optional<unsigned> lanes() const;
  /// Vectors of `count` elements that begin at `base` along the run.
  void chunks(Coordinates &coordinates, mlir::OpFoldResult base, int64_t count);

private:
  void nest(Coordinates &coordinates, unsigned dim, mlir::OpFoldResult base, int64_t count);
};

/// The region of a map or reduce at some elements. Arguments that are scalars and what depends on them alone stay
/// scalars.
llvm::SmallVector<mlir::Value> emitRegion(Emit &b, mlir::Block &body, llvm::ArrayRef<mlir::Value> arguments,
                                          int64_t width);
/// The results of `op` at `coordinates` of its space and the next `width` along `lanes`, computed on the spot.
llvm::SmallVector<mlir::Value> emitElements(Emit &b, MapOp op, llvm::ArrayRef<mlir::OpFoldResult> coordinates,
                                            std::optional<unsigned> lanes, int64_t width);
/// The same of a mask, as stored; its `full` is not looked at.
mlir::Value emitElements(Emit &b, MaskOp op, llvm::ArrayRef<mlir::OpFoldResult> coordinates,
                         std::optional<unsigned> lanes, int64_t width);
/// Whether all ops of a region have a form on vectors.
bool hasVectorForm(mlir::Block &body);

/// The 1-D memref of the places of a `view`.
mlir::Value viewOf(LoadOp op, Emit &b);
void lowerLoad(LoadOp op, Emit &b);
/// Where `load` asks for memory as it is: an i1 that says whether all of the fragment may be read there, contiguous
/// along its last dimension, and what the fragment then is. Null if this is never so.
struct InPlace {
  mlir::Value holds, memory;
  Emit::Strided places;
};
std::optional<InPlace> inPlaceOf(LoadOp op, Emit &b);
void lowerStore(StoreOp op, Emit &b);
void lowerConvert(ConvertOp op, Emit &b);
void lowerMap(MapOp op, Emit &b);
void lowerMask(MaskOp op, Emit &b);
void lowerReduce(ReduceOp op, Emit &b);
void lowerDot(DotOp op, Emit &b);

/// The dimension of its space that a contraction's vectors go along: result and one factor lie contiguous there. None
/// if it is scalar code.
std::optional<unsigned> vectorDim(DotOp op);

/// Index values of `points` at `coordinates`, one vector (or scalar, where it does not depend on `lanes`) a result.
llvm::SmallVector<mlir::Value> emitPoints(Emit &b, std::optional<mlir::AffineMap> points, mlir::ValueRange symbols,
                                          llvm::ArrayRef<mlir::OpFoldResult> coordinates, std::optional<unsigned> lanes,
                                          int64_t width);
/// How much result `result` of `map` grows with dimension `dim`, if that is a constant.
std::optional<int64_t> stepAlong(mlir::AffineMap map, unsigned result, unsigned dim);

/// Transposes square blocks: `rows` are as many vectors as each has elements.
llvm::SmallVector<mlir::Value> transpose(Emit &b, llvm::ArrayRef<mlir::Value> rows);

} // namespace attn::tile::cpu

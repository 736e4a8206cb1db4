// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What the passes below attn-tile know about layouts and about the micro-tiles of a contraction.
#pragma once
#include "compiler/targets/Targets.h"
#include "dialects/tile/Tile.h"
#include <optional>

namespace attn::tile {

/// Elements in the order of the dimensions, the last contiguous.
LayoutAttr rowsLayout(mlir::MLIRContext *context, llvm::ArrayRef<int64_t> shape);

/// (.., d floordiv width, .., d mod width): `dim` is cut into panels; `outer` dimensions stand before the panels, the
/// rest between panel and lane. The last panel is padded.
LayoutAttr panelsLayout(mlir::MLIRContext *context, llvm::ArrayRef<int64_t> shape, unsigned dim,
                        llvm::ArrayRef<unsigned> outer, int64_t width);

/// The type of an element in memory: a byte for i1, bits for floats of 16 bits (moving those as floats ends in
/// conversions to f32 and back, by library calls for bf16).
mlir::Type storedType(mlir::Type element);
/// Elements and bytes of the places, padding included. The fragment has a layout.
int64_t numPlaces(FragType type);
int64_t bytesOf(FragType type);

/// Number of the place of an element in memory order, as an expression in the element's dimensions.
mlir::AffineExpr linearPlace(FragType type);

/// Elements that lie side by side: `dim` counts them, `length` (the extent, or the width of a panel) is how many at
/// most.
struct Run {
  unsigned dim;
  int64_t length;
};
/// None where all extents are 1, or the layout is neither rows nor panels.
std::optional<Run> runOf(FragType type);

/// Whether the fragment is a part of memory that exists already: it needs no place in scratch.
bool isView(mlir::Value frag);
/// Whether it is, or a branch chooses between a view and a fragment in scratch.
bool mayBeView(mlir::Value frag);

/// Roles of the dimensions of a contraction. The lanes of vectors go along `lanes`, the last dimension of the result
/// with more than one element, unless both factors have it; `vectors` is the factor that has it (0: lhs, 1: rhs).
struct DotRoles {
  llvm::SmallVector<unsigned> batch, rows, columns,
      contracted; ///< `columns` without `lanes`; `rows`: only in the other factor
  std::optional<unsigned> lanes;
  unsigned vectors = 1;
};
DotRoles rolesOf(DotOp dot);

/// `rows` x `vectors` accumulators that hide the latency of multiply-adds and fit in the registers, with `vectors` of
/// one factor and one broadcast element of the other.
struct MicroTile {
  int64_t rows, vectors;
};
MicroTile microTile(const TargetRow &row, int64_t maxVectors);
/// Rows that all micro-tiles of the target divide: tiles begin at multiples of their rows, so none reaches across a
/// multiple of this.
int64_t commonRows(const TargetRow &row);

/// Elements of a vector register.
int64_t lanesOf(const TargetRow &row, mlir::Type element);

} // namespace attn::tile

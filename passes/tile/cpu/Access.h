// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Memory seen as rows: all elements of a fragment that differ only in one dimension, which alone moves the last index.
#pragma once
#include "passes/tile/cpu/Emit.h"

namespace attn::tile::cpu {

/// One row: `offset` of its first element in the memory, and the elements [lower, upper) of it that exist.
struct Row {
  mlir::Value offset, lower, upper;
};

/// Memory that is read or written by a fragment.
class Access {
public:
  mlir::Value memory;            ///< 1-D, unit strides
  std::optional<unsigned> along; ///< dimension of the fragment
  mlir::OpFoldResult stride;     ///< between elements of a row
  virtual ~Access() = default;
  /// The row through `coordinates`; that along the row is ignored.
  virtual Row row(Emit &b, llvm::ArrayRef<mlir::OpFoldResult> coordinates) const = 0;
};

/// Another fragment.
class FragAccess : public Access {
public:
  FragAccess(Emit &b, mlir::Value frag);
  Row row(Emit &b, llvm::ArrayRef<mlir::OpFoldResult> coordinates) const override;

private:
  FragType type;
};

/// A memref through an affine map, with limits.
class MapAccess : public Access {
public:
  MapAccess(Emit &b, mlir::Value memref, mlir::AffineMap map, FragType type, mlir::ValueRange indices,
            mlir::ValueRange limits, mlir::ValueRange gathers = {}, mlir::ArrayAttr gatherMaps = {});
  Row row(Emit &b, llvm::ArrayRef<mlir::OpFoldResult> coordinates) const override;
  /// The fragment as a part of the memory, if its last dimension is the row and its map's steps are constant and never
  /// go back: what holds at both of its corners then holds at all its rows.
  std::optional<InPlace> inPlace(Emit &b) const;

private:
  mlir::AffineMap map;
  FragType type;
  mlir::ValueRange limits, gathers;
  mlir::ArrayAttr gatherMaps;
  llvm::SmallVector<mlir::OpFoldResult> parameters, sizes, strides;

  void findRows(Emit &b);
};

/// An i1: all of a row of `extent` elements exists.
mlir::Value isWhole(Emit &b, const Row &row, int64_t extent);

} // namespace attn::tile::cpu

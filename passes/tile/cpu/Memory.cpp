// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// tile.load, tile.store and tile.convert.
//
// Memory is walked in rows: all elements that differ only in the dimension `along`, which alone moves the last index of
// the memref, by one element a step. Whether a row may be read, and which part of it, is found once a row in scalar
// code; the rest of an element's address must not depend on `along`. A whole row of unit stride goes in vectors; where
// the fragment's own contiguous dimension is another one, square blocks of rows are transposed in registers. Everything
// else goes by element, and an access without such a dimension (a gather along the last index) has rows of one element.
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "passes/tile/cpu/Access.h"

using namespace mlir;
using namespace attn::tile;
using namespace attn::tile::cpu;

namespace {

/// Moves the elements of a fragment from or to memory.
class Transfer {
public:
  Transfer(Emit &b, const Access &access, Value frag, TypedAttr pad)
      : b(b), access(access), type(cast<FragType>(frag.getType())), buffer(b.buffers.lookup(frag)), pad(pad) {}

  /// `load`: into the fragment, else from it.
  void emit(bool load) {
    isLoad = load;
    std::optional<Run> run = runOf(type);
    std::optional<unsigned> along = access.along;
    auto byRow = [&](bool unit) {
      if (unit && run && along && run->dim != *along && load && canTranspose(*run))
        return transposed(*run);
      rows(unit && run && along && run->dim == *along);
    };
    if (!along || getConstantIntValue(access.stride) == 1)
      return byRow(bool(along));
    Value unit = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, b.value(access.stride), b.index(1));
    b.branch(unit, [&] { byRow(true); }, [&] { byRow(false); });
  }

private:
  Emit &b;
  const Access &access;
  FragType type;
  Value buffer;
  TypedAttr pad;
  bool isLoad = true;

  int64_t extent() const { return access.along ? type.getShape()[*access.along] : 1; }
  OpFoldResult at(Value offset, OpFoldResult i) {
    return b.apply(b.getAffineDimExpr(0) + b.getAffineDimExpr(1), {offset, i});
  }

  /// Loops over the dimensions from `dim` on but for `skipped`.
  void nest(Coordinates &coordinates, unsigned dim, ArrayRef<unsigned> skipped, function_ref<void()> body) {
    if (dim == type.getRank())
      return body();
    if (llvm::is_contained(skipped, dim))
      return nest(coordinates, dim + 1, skipped, body);
    b.loop(b.getIndexAttr(0), b.getIndexAttr(type.getShape()[dim]), 1, [&](OpFoldResult i) {
      coordinates[dim] = i;
      nest(coordinates, dim + 1, skipped, body);
    });
  }

  void rows(bool vectors) {
    Coordinates coordinates(type.getRank(), b.getIndexAttr(0));
    SmallVector<unsigned> skipped;
    if (access.along)
      skipped.push_back(*access.along);
    nest(coordinates, 0, skipped, [&] {
      Row row = access.row(b, coordinates);
      if (vectors)
        b.branch(
            isWhole(b, row, extent()), [&] { wholeRow(coordinates, row); }, [&] { partOfRow(coordinates, row, true); });
      else
        partOfRow(coordinates, row, false);
    });
  }

  void move(ArrayRef<OpFoldResult> coordinates, OpFoldResult offset, int64_t width) {
    OpFoldResult place = b.placeOf(type, coordinates);
    Type element = cast<MemRefType>(buffer.getType()).getElementType();
    if (isLoad)
      b.write(b.read(access.memory, offset, element, width), buffer, place);
    else
      b.write(b.read(buffer, place, element, width), access.memory, offset);
  }

  void wholeRow(Coordinates coordinates, const Row &row) {
    unsigned dim = *access.along;
    ElementLoop loop{b, type};
    auto chunk = [&](ArrayRef<OpFoldResult> element, int64_t width) {
      move(element, at(row.offset, element[dim]), width);
    };
    loop.chunk = chunk;
    Run run = *runOf(type);
    int64_t panels = extent() / run.length;
    b.loop(b.getIndexAttr(0), b.getIndexAttr(panels), 1,
           [&](OpFoldResult panel) { loop.chunks(coordinates, b.scale(panel, run.length), run.length); });
    if (int64_t rest = extent() % run.length)
      loop.chunks(coordinates, b.getIndexAttr(panels * run.length), rest);
  }

  /// `vectors`: what begins the row goes in vectors as long as it lasts.
  void partOfRow(Coordinates coordinates, const Row &row, bool vectors) {
    if (isLoad)
      fillRow(coordinates);
    int64_t width = b.row.lanes;
    Value begin = arith::MaxSIOp::create(b, row.lower, b.index(0)),
          end = arith::MinSIOp::create(b, row.upper, b.index(extent()));
    auto element = [&](OpFoldResult i) {
      Coordinates current(coordinates);
      if (access.along)
        current[*access.along] = i;
      Value step = arith::MulIOp::create(b, b.value(i), b.value(access.stride));
      move(current, arith::AddIOp::create(b, row.offset, step).getResult(), 0);
    };
    if (!vectors || extent() < width)
      return b.loop(begin, end, 1, element);
    Value starts = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, begin, b.index(0));
    Value whole = arith::AndIOp::create(b, arith::MaxSIOp::create(b, end, b.index(0)), b.index(-width));
    whole = arith::SelectOp::create(b, starts, whole, b.index(0));
    b.loop(b.getIndexAttr(0), whole, width, [&](OpFoldResult i) {
      coordinates[*access.along] = i;
      move(coordinates, at(row.offset, i), width);
    });
    b.loop(arith::MaxSIOp::create(b, begin, whole).getResult(), end, 1, element);
  }

  void fillRow(Coordinates coordinates) {
    if (!access.along)
      return b.write(padding(0), buffer, b.placeOf(type, coordinates));
    b.loop(b.getIndexAttr(0), b.getIndexAttr(extent()), 1, [&](OpFoldResult i) {
      coordinates[*access.along] = i;
      b.write(padding(0), buffer, b.placeOf(type, coordinates));
    });
  }

  Value padding(int64_t width) { return b.stored(pad, width); }

  //===-- transposition
  //---------------------------------------------------------------------------------------------===//

  bool canTranspose(Run run) const {
    int64_t width = b.row.lanes;
    bool aligned = run.length == type.getShape()[run.dim] || run.length % width == 0;
    return llvm::isPowerOf2_64(width) && aligned && extent() >= width && type.getShape()[run.dim] >= width;
  }

  /// Blocks of as many rows as a vector has elements; rows left over go by element.
  void transposed(Run run) {
    int64_t width = b.row.lanes, count = type.getShape()[run.dim], whole = count / width * width;
    Coordinates coordinates(type.getRank(), b.getIndexAttr(0));
    nest(coordinates, 0, {run.dim, *access.along}, [&] {
      b.loop(b.getIndexAttr(0), b.getIndexAttr(whole), width, [&](OpFoldResult i) {
        coordinates[run.dim] = i;
        rowBlock(coordinates, run.dim, width);
      });
      b.loop(b.getIndexAttr(whole), b.getIndexAttr(count), 1, [&](OpFoldResult i) {
        coordinates[run.dim] = i;
        partOfRow(coordinates, access.row(b, coordinates), false);
      });
    });
  }

  void rowBlock(Coordinates coordinates, unsigned dim, int64_t width) {
    OpFoldResult first = coordinates[dim];
    SmallVector<Row> block;
    Value whole;
    auto selectRow = [&](int64_t r) { coordinates[dim] = b.add(first, b.getIndexAttr(r)); };
    for (int64_t r = 0; r < width; ++r) {
      selectRow(r);
      block.push_back(access.row(b, coordinates));
      Value rowIsWhole = isWhole(b, block.back(), extent());
      whole = whole ? arith::AndIOp::create(b, whole, rowIsWhole).getResult() : rowIsWhole;
    }
    selectRow(0);
    auto byElement = [&] {
      b.loop(b.getIndexAttr(0), b.getIndexAttr(width), 1, [&](OpFoldResult r) {
        Coordinates current(coordinates);
        current[dim] = b.add(first, r);
        partOfRow(current, access.row(b, current), false);
      });
    };
    b.branch(whole, [&] { transposeBlock(coordinates, dim, block); }, byElement);
  }

  void transposeBlock(Coordinates coordinates, unsigned dim, ArrayRef<Row> block) {
    int64_t width = block.size(), whole = extent() / width * width;
    Type element = cast<MemRefType>(buffer.getType()).getElementType();
    OpFoldResult first = coordinates[dim];
    b.loop(b.getIndexAttr(0), b.getIndexAttr(whole), width, [&](OpFoldResult i) {
      SmallVector<Value> vectors;
      for (const Row &row : block)
        vectors.push_back(b.read(access.memory, at(row.offset, i), element, width));
      for (auto [k, vector] : llvm::enumerate(transpose(b, vectors))) {
        coordinates[*access.along] = b.add(i, b.getIndexAttr(k));
        b.write(vector, buffer, b.placeOf(type, coordinates));
      }
    });
    for (size_t r = 0; r < block.size(); ++r) {
      coordinates[dim] = b.add(first, b.getIndexAttr(r));
      b.loop(b.getIndexAttr(whole), b.getIndexAttr(extent()), 1, [&](OpFoldResult i) {
        coordinates[*access.along] = i;
        move(coordinates, at(block[r].offset, i), 0);
      });
    }
  }
};
} // namespace

//===-- memory in the fragment's own layout ---------------------------------------------------------------------------

/// The 1-D memref of the places that an access by `map` goes to, which keepsLayout.
static Value placesIn(Emit &b, Value memory, AffineMap map, ValueRange indices, FragType type) {
  auto source = cast<MemRefType>(memory.getType());
  auto metadata = memref::ExtractStridedMetadataOp::create(b, memory);
  OpFoldResult offset = metadata.getConstifiedMixedOffset();
  SmallVector<OpFoldResult> parameters(indices.begin(), indices.end());
  Coordinates nowhere(map.getNumDims(), b.getIndexAttr(0)); // the outer places do not depend on the element
  unsigned numOuter = source.getRank() - type.getLayout().getExtents().size();
  for (unsigned i = 0; i < numOuter; ++i) {
    Value place = b.value(b.apply(map.getResult(i), nowhere, parameters));
    Value step = b.value(metadata.getConstifiedMixedStrides()[i]);
    offset = b.add(offset, arith::MulIOp::create(b, place, step).getResult());
  }
  auto places = MemRefType::get({numPlaces(type)}, storedType(type.getElementType()),
                                StridedLayoutAttr::get(b.getContext(), ShapedType::kDynamic, {1}));
  return memref::ReinterpretCastOp::create(b, places, metadata.getBaseBuffer(), b.value(offset),
                                           ArrayRef<OpFoldResult>(b.getIndexAttr(numPlaces(type))),
                                           ArrayRef<OpFoldResult>(b.getIndexAttr(1)));
}

/// Copies a fragment to another place of the same layout.
static void copyPlaces(FragType type, Value source, Value target, cpu::Emit &b) {
  FragType flat = FragType::get({numPlaces(type)}, type.getElementType());
  auto chunk = [&](ArrayRef<OpFoldResult> at, int64_t width) {
    b.write(b.read(source, at.front(), storedType(type.getElementType()), width), target, at.front());
  };
  ElementLoop loop{b, flat.withLayout(rowsLayout(b.getContext(), flat.getShape()))};
  loop.chunk = chunk;
  loop.emit();
}

static bool isWithin(FragType type, ValueRange limits) {
  return llvm::all_of(llvm::zip(limits, type.getShape()), [](auto pair) {
    std::optional<int64_t> limit = getConstantIntValue(std::get<0>(pair));
    return limit && *limit >= std::get<1>(pair);
  });
}

/// A store of all places, if the block is inside of the memory.
static bool storePlaces(StoreOp op, Emit &b) {
  auto type = cast<FragType>(op.getValue().getType());
  auto memory = cast<MemRefType>(op.getTarget().getType());
  if (!keepsLayout(op.getMap(), memory, type) || !isWithin(type, op.getLimits()))
    return false;
  unsigned numOuter = memory.getRank() - type.getLayout().getExtents().size();
  SmallVector<OpFoldResult> parameters(op.getIndices().begin(), op.getIndices().end());
  Coordinates nowhere(op.getMap().getNumDims(), b.getIndexAttr(0));
  Value inside = b.constant(b.getBoolAttr(true), 0);
  for (unsigned i = 0; i < numOuter; ++i) {
    Value place = b.value(b.apply(op.getMap().getResult(i), nowhere, parameters));
    Value size = memref::DimOp::create(b, op.getTarget(), i);
    Value holds = arith::CmpIOp::create(b, arith::CmpIPredicate::ult, place, size);
    inside = arith::AndIOp::create(b, inside, holds);
  }
  b.branch(inside, [&] {
    Value places = placesIn(b, op.getTarget(), op.getMap(), op.getIndices(), type);
    copyPlaces(type, b.buffers.lookup(op.getValue()), places, b);
  });
  return true;
}

Value cpu::viewOf(LoadOp op, Emit &b) {
  return placesIn(b, op.getSource(), op.getMap(), op.getIndices(), op.getType());
}

//===-- ops ----------------------------------------------------------------------------------------------------------

static MapAccess accessOf(LoadOp op, Emit &b) {
  return MapAccess(b, op.getSource(), op.getMap(), op.getType(), op.getIndices(), op.getLimits(), op.getGathers(),
                   op.getGatherMaps().value_or(ArrayAttr()));
}

std::optional<InPlace> cpu::inPlaceOf(LoadOp op, Emit &b) { return accessOf(op, b).inPlace(b); }

void cpu::lowerLoad(LoadOp op, Emit &b) {
  if (op.getView())
    return;
  MapAccess access = accessOf(op, b);
  Transfer(b, access, op.getResult(), cast<TypedAttr>(op.getPad())).emit(true);
}

void cpu::lowerStore(StoreOp op, Emit &b) {
  if (storePlaces(op, b))
    return;
  auto type = cast<FragType>(op.getValue().getType());
  MapAccess access(b, op.getTarget(), op.getMap(), type, op.getIndices(), op.getLimits());
  Transfer(b, access, op.getValue(), TypedAttr()).emit(false);
}

/// Rows are the memory, whichever end they are at; between two other layouts, elements are.
void cpu::lowerConvert(ConvertOp op, Emit &b) {
  FragType from = op.getInput().getType(), to = op.getType();
  Value source = b.buffers.lookup(op.getInput()), target = b.buffers.lookup(op.getResult());
  if (from.getLayout() == to.getLayout()) {
    if (source == target)
      return;
    return copyPlaces(from, source, target, b);
  }
  FragAccess access(b, op.getInput());
  TypedAttr zero = b.getZeroAttr(from.getElementType());
  Transfer(b, access, op.getResult(), zero).emit(true);
}

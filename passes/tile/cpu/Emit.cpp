// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/tile/cpu/Emit.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace attn::tile;
using namespace attn::tile::cpu;

static Type shapedLike(Type shape, Type element) {
  auto vector = dyn_cast<VectorType>(shape);
  return vector ? Type(vector.clone(element)) : element;
}

//===-- scalars and control flow -------------------------------------------------------------------------------------

Value Emit::index(int64_t value) { return arith::ConstantIndexOp::create(*this, value); }

Value Emit::value(OpFoldResult value) {
  std::optional<int64_t> constant = getConstantIntValue(value);
  return constant ? index(*constant) : cast<Value>(value);
}

OpFoldResult Emit::apply(AffineExpr expr, ArrayRef<OpFoldResult> dims, ArrayRef<OpFoldResult> symbols) {
  SmallVector<OpFoldResult> operands(dims);
  operands.append(symbols.begin(), symbols.end());
  return affine::makeComposedFoldedAffineApply(*this, getLoc(), AffineMap::get(dims.size(), symbols.size(), expr),
                                               operands);
}

OpFoldResult Emit::add(OpFoldResult a, OpFoldResult b) {
  return apply(getAffineDimExpr(0) + getAffineDimExpr(1), {a, b});
}
OpFoldResult Emit::scale(OpFoldResult a, int64_t factor) { return apply(getAffineDimExpr(0) * factor, a); }

void Emit::loop(OpFoldResult lower, OpFoldResult upper, int64_t step, Body body) {
  std::optional<int64_t> low = getConstantIntValue(lower), high = getConstantIntValue(upper);
  if (low && high && *high <= *low + step) {
    if (*low < *high)
      body(lower);
    return;
  }
  auto loop = scf::ForOp::create(*this, value(lower), value(upper), index(step));
  OpBuilder::InsertionGuard guard(*this);
  setInsertionPointToStart(loop.getBody());
  body(loop.getInductionVar());
}

void Emit::nest(Coordinates &coordinates, ArrayRef<unsigned> dims, ArrayRef<int64_t> space, function_ref<void()> body) {
  if (dims.empty())
    return body();
  loop(getIndexAttr(0), getIndexAttr(space[dims.front()]), 1, [&](OpFoldResult i) {
    coordinates[dims.front()] = i;
    nest(coordinates, dims.drop_front(), space, body);
  });
}

SmallVector<Value> Emit::carry(OpFoldResult upper, int64_t step, ArrayRef<Value> initial,
                               function_ref<SmallVector<Value>(OpFoldResult, ArrayRef<Value>)> body) {
  if (std::optional<int64_t> constant = getConstantIntValue(upper); constant && *constant <= step)
    return *constant > 0 ? body(getIndexAttr(0), initial) : SmallVector<Value>(initial);
  auto loop = scf::ForOp::create(*this, index(0), value(upper), index(step), initial);
  OpBuilder::InsertionGuard guard(*this);
  setInsertionPointToStart(loop.getBody());
  SmallVector<Value> carried(loop.getRegionIterArgs().begin(), loop.getRegionIterArgs().end());
  scf::YieldOp::create(*this, body(loop.getInductionVar(), carried));
  return SmallVector<Value>(loop.getResults());
}

void Emit::branch(Value condition, function_ref<void()> then, function_ref<void()> otherwise) {
  auto branch = scf::IfOp::create(*this, condition, /*withElseRegion=*/bool(otherwise));
  OpBuilder::InsertionGuard guard(*this);
  setInsertionPointToStart(branch.thenBlock());
  then();
  if (otherwise) {
    setInsertionPointToStart(branch.elseBlock());
    otherwise();
  }
}

//===-- vectors and buffers ------------------------------------------------------------------------------------------

Value Emit::splat(Value scalar, int64_t width) {
  if (width == 0 || isa<VectorType>(scalar.getType()))
    return scalar;
  return vector::BroadcastOp::create(*this, VectorType::get(width, scalar.getType()), scalar);
}

Value Emit::constant(TypedAttr element, int64_t width) {
  if (width)
    element = DenseElementsAttr::get(VectorType::get(width, element.getType()), ArrayRef<Attribute>(element));
  return arith::ConstantOp::create(*this, element);
}

Value Emit::stored(TypedAttr element, int64_t width) {
  Type type = storedType(element.getType());
  if (type == element.getType())
    return constant(element, width);
  APInt bits = isa<FloatAttr>(element) ? cast<FloatAttr>(element).getValue().bitcastToAPInt()
                                       : cast<IntegerAttr>(element).getValue().zext(type.getIntOrFloatBitWidth());
  return constant(IntegerAttr::get(type, bits), width);
}

Value Emit::temporary(int64_t count, Type element) {
  Value &memory = temporaries[{count, element}];
  if (!memory) {
    OpBuilder::InsertionGuard guard(*this);
    setInsertionPointToStart(&getBlock()->getParent()->getParentOfType<func::FuncOp>().front());
    memory = memref::AllocaOp::create(*this, MemRefType::get({count}, element), getI64IntegerAttr(64));
  }
  return memory;
}

OpFoldResult Emit::placeOf(FragType type, ArrayRef<OpFoldResult> coordinates) {
  return apply(linearPlace(type), coordinates);
}

OpFoldResult Emit::placeOf(Value frag, ArrayRef<OpFoldResult> coordinates) {
  auto found = strided.find(frag);
  if (found == strided.end())
    return placeOf(cast<FragType>(frag.getType()), coordinates);
  Value place = found->second.offset;
  for (auto [i, stride] : llvm::zip(coordinates, found->second.strides))
    place = arith::AddIOp::create(*this, place, arith::MulIOp::create(*this, value(i), stride));
  return place;
}

Value Emit::read(Value buffer, OpFoldResult offset, Type element, int64_t width) {
  Type stored = cast<MemRefType>(buffer.getType()).getElementType();
  Value at = value(offset);
  Value elements = width ? vector::LoadOp::create(*this, VectorType::get(width, stored), buffer, at).getResult()
                         : memref::LoadOp::create(*this, buffer, at).getResult();
  if (stored == element)
    return elements;
  if (isa<FloatType>(element))
    return arith::BitcastOp::create(*this, shapedLike(elements.getType(), element), elements);
  return arith::CmpIOp::create(*this, arith::CmpIPredicate::ne, elements, constant(IntegerAttr::get(stored, 0), width));
}

void Emit::write(Value elements, Value buffer, OpFoldResult offset) {
  Type stored = cast<MemRefType>(buffer.getType()).getElementType();
  auto vector = dyn_cast<VectorType>(elements.getType());
  Type element = getElementTypeOrSelf(elements.getType()), shaped = shapedLike(elements.getType(), stored);
  if (isa<FloatType>(element) && element != stored)
    elements = arith::BitcastOp::create(*this, shaped, elements);
  else if (element != stored)
    elements = arith::ExtUIOp::create(*this, shaped, elements);
  if (vector)
    vector::StoreOp::create(*this, elements, buffer, value(offset));
  else
    memref::StoreOp::create(*this, elements, buffer, value(offset));
}

Value Emit::readProjected(Value frag, AffineMap map, ArrayRef<OpFoldResult> coordinates, std::optional<unsigned> lanes,
                          int64_t width) {
  auto type = cast<FragType>(frag.getType());
  Value buffer = buffers.lookup(frag);
  auto at = [&](int64_t lane) {
    Coordinates element(coordinates);
    if (lane)
      element[*lanes] = add(element[*lanes], getIndexAttr(lane));
    Coordinates own;
    for (AffineExpr expr : map.getResults())
      own.push_back(element[cast<AffineDimExpr>(expr).getPosition()]);
    return placeOf(type, own);
  };
  if (!width || !lanes || !map.isFunctionOfDim(*lanes))
    return read(buffer, at(0), type.getElementType(), 0);
  // Vectors begin at multiples of the lanes, so those of a panel do not leave it.
  std::optional<Run> run = runOf(type);
  if (run && map.getDimPosition(run->dim) == *lanes &&
      (run->length == type.getShape()[run->dim] || run->length % row.lanes == 0))
    return read(buffer, at(0), type.getElementType(), width);
  SmallVector<Value> elements;
  for (int64_t lane = 0; lane < width; ++lane)
    elements.push_back(read(buffer, at(lane), type.getElementType(), 0));
  return vector::FromElementsOp::create(*this, VectorType::get(width, type.getElementType()), elements);
}

//===-- loops over elements ------------------------------------------------------------------------------------------

std::optional<unsigned> ElementLoop::lanes() const {
  std::optional<Run> run = scalar ? std::nullopt : runOf(type);
  return run ? std::optional<unsigned>(run->dim) : std::nullopt;
}

void ElementLoop::chunks(Coordinates &coordinates, OpFoldResult base, int64_t count) {
  unsigned dim = *lanes();
  int64_t width = b.row.lanes, whole = count / width * width;
  auto at = [&](OpFoldResult offset, int64_t width) {
    coordinates[dim] = b.add(base, offset);
    chunk(coordinates, width);
  };
  constexpr int64_t unrolled = 4; // chunks of a panel: constant offsets keep places affine
  if (whole <= unrolled * width)
    for (int64_t offset = 0; offset < whole; offset += width)
      at(b.getIndexAttr(offset), width);
  else
    b.loop(b.getIndexAttr(0), b.getIndexAttr(whole), width, [&](OpFoldResult offset) { at(offset, width); });
  if (whole < count)
    at(b.getIndexAttr(whole), count - whole);
}

void ElementLoop::nest(Coordinates &coordinates, unsigned dim, OpFoldResult base, int64_t count) {
  if (dim == type.getRank()) {
    if (enter) {
      if (lanes())
        coordinates[*lanes()] = base;
      enter(coordinates);
    }
    if (row)
      return row(coordinates);
    return lanes() ? chunks(coordinates, base, count) : chunk(coordinates, 0);
  }
  if (lanes() == dim)
    return nest(coordinates, dim + 1, base, count);
  b.loop(b.getIndexAttr(0), b.getIndexAttr(type.getShape()[dim]), 1, [&](OpFoldResult i) {
    coordinates[dim] = i;
    nest(coordinates, dim + 1, base, count);
  });
}

void ElementLoop::emit() {
  Coordinates coordinates(type.getRank(), b.getIndexAttr(0));
  if (!lanes())
    return nest(coordinates, 0, b.getIndexAttr(0), 0);
  Run run = *runOf(type);
  int64_t extent = type.getShape()[run.dim], panels = extent / run.length;
  b.loop(b.getIndexAttr(0), b.getIndexAttr(panels), 1,
         [&](OpFoldResult panel) { nest(coordinates, 0, b.scale(panel, run.length), run.length); });
  if (int64_t rest = extent % run.length)
    nest(coordinates, 0, b.getIndexAttr(panels * run.length), rest);
}

//===-- regions ------------------------------------------------------------------------------------------------------

bool cpu::hasVectorForm(Block &body) {
  return llvm::all_of(body.without_terminator(), [](Operation &op) {
    return op.hasTrait<OpTrait::ConstantLike>() ||
           (OpTrait::hasElementwiseMappableTraits(&op) && op.getNumResults() == 1);
  });
}

/// Ops on bf16 that round are done in f32: rounding its result once more is exact (24 >= 2 * 8 + 2 bits).
static bool roundsToBf16(Operation &op) {
  return op.getResult(0).getType().isBF16() && !isa<arith::SelectOp, arith::BitcastOp, arith::TruncFOp>(op) &&
         llvm::all_of(op.getOperandTypes(), [](Type type) { return type.isBF16() || type.isF32(); });
}

/// A choice between floats of 16 bits is one between their bits.
static Value selectBits(Emit &b, ArrayRef<Value> operands) {
  Type type = operands[1].getType(), bits = shapedLike(type, storedType(getElementTypeOrSelf(type)));
  Value x = arith::BitcastOp::create(b, bits, operands[1]), y = arith::BitcastOp::create(b, bits, operands[2]);
  return arith::BitcastOp::create(b, type, arith::SelectOp::create(b, operands[0], x, y));
}

static Value emitOp(Emit &b, Operation &op, SmallVector<Value> operands) {
  Type result = op.getResult(0).getType();
  if (isa<arith::SelectOp>(op) && isa<FloatType>(result) && result != storedType(result))
    return selectBits(b, operands);
  bool inF32 = roundsToBf16(op);
  if (inF32)
    for (Value &operand : operands)
      if (getElementTypeOrSelf(operand.getType()).isBF16())
        operand = arith::ExtFOp::create(b, shapedLike(operand.getType(), b.getF32Type()), operand);
  Type element = inF32 ? b.getF32Type() : result;
  Operation *made = b.create(op.getLoc(), op.getName().getIdentifier(), operands,
                             shapedLike(operands.front().getType(), element), op.getAttrs());
  if (!inF32)
    return made->getResult(0);
  return arith::TruncFOp::create(b, shapedLike(made->getResult(0).getType(), b.getBF16Type()), made->getResult(0));
}

SmallVector<Value> cpu::emitRegion(Emit &b, Block &body, ArrayRef<Value> arguments, int64_t width) {
  IRMapping map;
  for (auto [argument, value] : llvm::zip(body.getArguments(), arguments))
    map.map(argument, value);
  for (Operation &op : body.without_terminator()) {
    if (op.getNumOperands() == 0 || op.getNumResults() != 1 || !OpTrait::hasElementwiseMappableTraits(&op)) {
      b.clone(op, map);
      continue;
    }
    SmallVector<Value> operands;
    for (Value operand : op.getOperands())
      operands.push_back(map.lookupOrDefault(operand));
    if (llvm::any_of(operands, [](Value value) { return isa<VectorType>(value.getType()); }))
      for (Value &operand : operands)
        operand = b.splat(operand, width);
    map.map(op.getResult(0), emitOp(b, op, operands));
  }
  SmallVector<Value> results;
  for (Value value : body.getTerminator()->getOperands())
    results.push_back(b.splat(map.lookupOrDefault(value), width));
  return results;
}

SmallVector<Value> cpu::emitElements(Emit &b, MapOp op, ArrayRef<OpFoldResult> coordinates,
                                     std::optional<unsigned> lanes, int64_t width) {
  SmallVector<Value> arguments;
  for (unsigned i = 0; i < op.getInputs().size(); ++i)
    arguments.push_back(b.readProjected(op.getInputs()[i], op.getOperandMap(i), coordinates, lanes, width));
  arguments.append(emitPoints(b, op.getPoints(), op.getIndices(), coordinates, lanes, width));
  return emitRegion(b, op.getBody().front(), arguments, width);
}

std::optional<int64_t> cpu::stepAlong(AffineMap map, unsigned result, unsigned dim) {
  AffineExpr expr = map.getResult(result), d = mlir::getAffineDimExpr(dim, map.getContext());
  AffineExpr step = simplifyAffineExpr(expr.replace(d, d + 1) - expr, map.getNumDims(), map.getNumSymbols());
  auto constant = dyn_cast<AffineConstantExpr>(step);
  return constant ? std::optional<int64_t>(constant.getValue()) : std::nullopt;
}

SmallVector<Value> cpu::emitPoints(Emit &b, std::optional<AffineMap> points, ValueRange symbols,
                                   ArrayRef<OpFoldResult> coordinates, std::optional<unsigned> lanes, int64_t width) {
  SmallVector<Value> values;
  if (!points)
    return values;
  SmallVector<OpFoldResult> parameters(symbols.begin(), symbols.end());
  auto at = [&](AffineExpr expr, int64_t lane) {
    Coordinates element(coordinates);
    if (lane)
      element[*lanes] = b.add(element[*lanes], b.getIndexAttr(lane));
    return b.value(b.apply(expr, element, parameters));
  };
  for (auto [i, expr] : llvm::enumerate(points->getResults())) {
    std::optional<int64_t> step = width && lanes ? stepAlong(*points, i, *lanes) : 0;
    if (step == 0) {
      values.push_back(at(expr, 0));
    } else if (step) {
      SmallVector<Attribute> steps;
      for (int64_t lane = 0; lane < width; ++lane)
        steps.push_back(b.getIndexAttr(lane * *step));
      auto type = VectorType::get(width, b.getIndexType());
      Value offsets = arith::ConstantOp::create(b, DenseElementsAttr::get(type, steps));
      values.push_back(arith::AddIOp::create(b, b.splat(at(expr, 0), width), offsets));
    } else {
      SmallVector<Value> elements;
      for (int64_t lane = 0; lane < width; ++lane)
        elements.push_back(at(expr, lane));
      values.push_back(vector::FromElementsOp::create(b, VectorType::get(width, b.getIndexType()), elements));
    }
  }
  return values;
}

//===-- transposition ------------------------------------------------------------------------------------------------

/// log2(n) rounds; round s exchanges bit s of the number of a row with bit s of the position in it, by shuffles of two
/// rows.
SmallVector<Value> cpu::transpose(Emit &b, ArrayRef<Value> rows) {
  SmallVector<Value> current(rows);
  int64_t n = rows.size();
  for (int64_t bit = 1; bit < n; bit *= 2) {
    SmallVector<int64_t> low, high;
    for (int64_t c = 0; c < n; ++c) {
      low.push_back(c & bit ? n + c - bit : c);
      high.push_back(c & bit ? n + c : c + bit);
    }
    for (int64_t r = 0; r < n; ++r)
      if (!(r & bit)) {
        Value x = current[r], y = current[r + bit];
        current[r] = vector::ShuffleOp::create(b, x, y, low);
        current[r + bit] = vector::ShuffleOp::create(b, x, y, high);
      }
  }
  return current;
}

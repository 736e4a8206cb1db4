// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/reference/Reader.h"
#include "compiler/reference/Symbols.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace attn;
using namespace attn::reference;

//===-- index expressions --------------------------------------------------------------------------------------------

void IndexCode::translate(AffineExpr expr, ArrayRef<int64_t> symbols) {
  if (auto dim = dyn_cast<AffineDimExpr>(expr)) {
    code.emplace_back(Dim, dim.getPosition());
    return;
  }
  auto binary = dyn_cast<AffineBinaryOpExpr>(expr);
  if (!binary) {
    code.emplace_back(Constant, evaluateIndex(expr, {}, symbols));
    return;
  }
  translate(binary.getLHS(), symbols);
  translate(binary.getRHS(), symbols);
  switch (binary.getKind()) {
  case AffineExprKind::Add:
    return void(code.emplace_back(Add, 0));
  case AffineExprKind::Mul:
    return void(code.emplace_back(Mul, 0));
  case AffineExprKind::FloorDiv:
    return void(code.emplace_back(FloorDiv, 0));
  case AffineExprKind::CeilDiv:
    return void(code.emplace_back(CeilDiv, 0));
  default:
    return void(code.emplace_back(Mod, 0));
  }
}

int64_t IndexCode::evaluate(ArrayRef<int64_t> dims) const {
  if (code.size() == 1)
    return code[0].first == Dim ? dims[code[0].second] : code[0].second;
  SmallVector<int64_t, 16> stack;
  for (auto [kind, value] : code) {
    if (kind == Dim || kind == Constant) {
      stack.push_back(kind == Dim ? dims[value] : value);
      continue;
    }
    int64_t b = stack.pop_back_val(), &a = stack.back();
    switch (kind) {
    case Add:
      a += b;
      break;
    case Mul:
      a *= b;
      break;
    case FloorDiv:
      a = floorDivide(a, b);
      break;
    case CeilDiv:
      a = -floorDivide(-a, b);
      break;
    default:
      a = floorModulo(a, b);
    }
  }
  return stack.back();
}

/// Whether `expr` grows by the same amount at each step of dimension `dim`.
static bool isStraight(AffineExpr expr, unsigned dim) {
  auto binary = dyn_cast<AffineBinaryOpExpr>(expr);
  if (!binary || !expr.isFunctionOfDim(dim))
    return true;
  if (binary.getKind() == AffineExprKind::Add)
    return isStraight(binary.getLHS(), dim) && isStraight(binary.getRHS(), dim);
  // A product has at most one factor with dimensions.
  return binary.getKind() == AffineExprKind::Mul && isStraight(binary.getLHS(), dim) &&
         isStraight(binary.getRHS(), dim) &&
         !(binary.getLHS().isFunctionOfDim(dim) && binary.getRHS().isFunctionOfDim(dim));
}

//===-- reading ------------------------------------------------------------------------------------------------------

OperandReader::OperandReader(EinsumOp op, unsigned operand, const Tensor &tensor, ArrayRef<int64_t> symbols,
                             unsigned firstBit)
    : op(op), operand(operand), numIterators(op.getNumIterators()), tensor(tensor), isFloat(tensor.isFloat()),
      firstBit(firstBit), map(op.getIndexMap(operand)), strides(tensor.strides()) {
  for (AffineExpr expr : map.getResults())
    indices.emplace_back(expr, symbols);
  for (const Condition &condition : tensor.conditions) {
    SmallVector<int64_t> &each = conditionStrides.emplace_back(tensor.shape.size(), 0);
    int64_t stride = 1;
    for (unsigned d : llvm::reverse(condition.dims)) {
      each[d] = stride;
      stride *= tensor.shape[d];
    }
  }
  for (auto [i, source] : llvm::enumerate(op.getGathers()))
    if (map.isFunctionOfDim(op.getNumIterators() + i)) {
      gatherOperands.push_back(source);
      gatherDims.push_back(op.getNumIterators() + i);
    }
  for (unsigned i = 0; i < op.getNumIterators(); ++i)
    straightIn.push_back(llvm::all_of(map.getResults(), [&](AffineExpr expr) { return isStraight(expr, i); }));
}

/// The elements at `at`, `at + step`, ...
template <typename Element>
static void copyLine(Element *to, const std::vector<Element> &from, unsigned lanes, int64_t at, int64_t step) {
  if (step == 1)
    std::copy_n(from.data() + at, lanes, to);
  else
    for (unsigned l = 0; l < lanes; ++l)
      to[l] = from[at + l * step];
}

/// Into the lanes from `lane` on.
void OperandReader::put(Lanes &result, unsigned lane, unsigned lanes, int64_t at, int64_t step) const {
  if (isFloat)
    copyLine(result.real + lane, tensor.reals, lanes, at, step);
  else
    copyLine(result.integer + lane, tensor.integers, lanes, at, step);
  double *variance = result.variance + lane;
  if (tensor.errors.empty())
    return void(std::fill_n(variance, lanes, 0.0));
  copyLine(variance, tensor.errors, lanes, at, step);
  for (unsigned l = 0; l < lanes; ++l)
    variance[l] *= variance[l];
}

void OperandReader::read(const Instruction &load, Frame &frame) const {
  Lanes &result = frame.registers[load.result];
  result.clearMissing();
  bool mayBeStraight = gatherDims.empty() && (frame.laneIterator < 0 || straightIn[frame.laneIterator]);
  if (!mayBeStraight || !readStraight(frame, result))
    readEach(load, frame, result);
}

/// All lanes along one line through the tensor. False, and nothing done, if the line leaves the tensor.
bool OperandReader::readStraight(Frame &frame, Lanes &result) const {
  SmallVector<int64_t> point(frame.point), conditionAt(tensor.conditions.size(), 0),
      conditionStep(tensor.conditions.size(), 0);
  point.resize(map.getNumDims(), 0);
  int64_t at = 0, step = 0;
  for (auto [d, index] : llvm::enumerate(indices)) {
    int64_t first = index.evaluate(point), grows = 0;
    if (frame.laneIterator >= 0) {
      ++point[frame.laneIterator];
      grows = index.evaluate(point) - first;
      --point[frame.laneIterator];
    }
    if (!isInside(d, first) || !isInside(d, first + grows * (frame.lanes - 1)))
      return false;
    at += (first - tensor.origin[d]) * strides[d];
    step += grows * strides[d];
    for (size_t c = 0; c < conditionAt.size(); ++c) {
      conditionAt[c] += (first - tensor.origin[d]) * conditionStrides[c][d];
      conditionStep[c] += grows * conditionStrides[c][d];
    }
  }
  put(result, 0, frame.lanes, at, step);
  for (auto [c, condition] : llvm::enumerate(tensor.conditions))
    for (unsigned l = 0; l < frame.lanes; ++l)
      if (!condition.holds[conditionAt[c] + l * conditionStep[c]]) {
        result.startMissing();
        result.missing[l] |= uint64_t(1) << (firstBit + c);
      }
  return true;
}

/// The values of the map's dimensions; `missing` collects what is missing of the gathered ones.
SmallVector<int64_t> OperandReader::pointAt(const Instruction &load, const Frame &frame, unsigned lane,
                                            uint64_t &missing) const {
  SmallVector<int64_t> point(map.getNumDims(), 0);
  for (unsigned i = 0; i < numIterators; ++i)
    point[i] = frame.index(i, lane);
  for (auto [dim, source] : llvm::zip(gatherDims, load.operands)) {
    missing |= frame.registers[source].missingAt(lane);
    point[dim] = frame.registers[source].integer[lane];
  }
  return point;
}

/// Lane by lane: an absent element is not read, and one that is outside is unreadable unless it is absent.
void OperandReader::readEach(const Instruction &load, Frame &frame, Lanes &result) const {
  result.startMissing();
  for (unsigned l = 0; l < frame.lanes; ++l) {
    uint64_t missing = 0;
    SmallVector<int64_t> point = pointAt(load, frame, l, missing);
    SmallVector<bool> isKnown; // inside, and no gathered index of it is missing
    int64_t at = 0;
    SmallVector<int64_t> conditionAt(tensor.conditions.size(), 0);
    for (auto [d, index] : llvm::enumerate(indices)) {
      int64_t i = index.evaluate(point) - tensor.origin[d];
      bool reliesOnMissing = false;
      for (auto [dim, source] : llvm::zip(gatherDims, load.operands))
        reliesOnMissing |= frame.registers[source].missingAt(l) != 0 && map.getResult(d).isFunctionOfDim(dim);
      isKnown.push_back(!reliesOnMissing && i >= 0 && i < tensor.shape[d]);
      at += i * strides[d];
      for (size_t c = 0; c < conditionAt.size(); ++c)
        conditionAt[c] += i * conditionStrides[c][d];
    }
    for (auto [c, condition] : llvm::enumerate(tensor.conditions))
      if (llvm::all_of(condition.dims, [&](unsigned d) { return isKnown[d]; }) && !condition.holds[conditionAt[c]])
        missing |= uint64_t(1) << (firstBit + c);
    if (!missing && !llvm::all_of(isKnown, [](bool known) { return known; }))
      missing |= kUnreadable;
    result.missing[l] = missing;
    if (!missing)
      put(result, l, 1, at, 0);
    else
      result.integer[l] = 0, result.variance[l] = 0;
  }
}

static std::string nameOf(Value value) {
  if (auto argument = dyn_cast<BlockArgument>(value))
    if (auto kernel = dyn_cast<KernelOp>(argument.getOwner()->getParentOp()))
      return ("'" + kernel.getArgName(argument.getArgNumber()) + "'").str();
  if (auto einsum = value.getDefiningOp<EinsumOp>(); einsum && einsum.getName())
    return ("'" + *einsum.getName() + "'").str();
  return "a tensor";
}

llvm::Error OperandReader::explain(const Instruction &load, const Frame &frame, unsigned lane) const {
  EinsumOp einsum = op;
  Value tensorValue = einsum.getInputs()[operand];
  uint64_t missing = 0;
  SmallVector<int64_t> point = pointAt(load, frame, lane, missing);
  for (auto [d, index] : llvm::enumerate(indices)) {
    int64_t at = index.evaluate(point);
    if (isInside(d, at))
      continue;
    std::string where;
    for (auto [i, name] : llvm::enumerate(einsum.getIteratorNames()))
      where += (i ? ", " : " at ") + (name + " = " + llvm::Twine(point[i])).str();
    llvm::Error error =
        errorAt(einsum.getLoc(), llvm::formatv("{0} is read at index {1} in rank '{2}', outside [{3}, {4}),{5}",
                                               nameOf(tensorValue), at, rankNames(tensorValue.getType())[d].getValue(),
                                               tensor.origin[d], tensor.origin[d] + tensor.shape[d], where));
    return tensor.shape[d] ? std::move(error) : llvm::make_error<EmptyRankError>(llvm::toString(std::move(error)));
  }
  llvm_unreachable("every index is inside");
}

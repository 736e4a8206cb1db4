// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/attn/Contraction.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/SmallVectorExtras.h"

using namespace mlir;
using namespace attn;

/// The operation that distributes over a reducer, by its element type; empty if none does.
static StringRef productOver(StringRef reducer, Type element) {
  if (reducer == "sum")
    return isa<FloatType>(element) ? arith::MulFOp::getOperationName() : arith::MulIOp::getOperationName();
  if ((reducer == "max" || reducer == "min") && isa<FloatType>(element))
    return arith::AddFOp::getOperationName();
  return reducer == "any" ? arith::AndIOp::getOperationName() : StringRef();
}

namespace {
/// The leaves of a tree of products in a map region.
struct ProductReader {
  EinsumOp op;
  StringRef product;
  SmallVector<unsigned> operands;
  SmallVector<Value> scalars;

  bool read(Value v) {
    auto argument = dyn_cast<BlockArgument>(v);
    Operation *def = v.getDefiningOp();
    if (argument && argument.getOwner() == &op.getMapBody()) {
      operands.push_back(argument.getArgNumber());
      return argument.getArgNumber() < op.getInputs().size();
    }
    if (!def || def->getParentOp() != op || def->hasTrait<OpTrait::ConstantLike>()) {
      scalars.push_back(v);
      return true;
    }
    if (isa<arith::ExtFOp>(def) && isa<BlockArgument>(def->getOperand(0)))
      return read(def->getOperand(0));
    return def->getName().getStringRef() == product && read(def->getOperand(0)) && read(def->getOperand(1));
  }
};
} // namespace

static RankSet ranksOf(ArrayRef<AffineExpr> position, unsigned numIterators) {
  RankSet ranks = 0;
  for (AffineExpr e : position)
    for (unsigned d = 0; d < numIterators; ++d)
      if (e.isFunctionOfDim(d))
        ranks |= RankSet(1) << d;
  return ranks;
}

/// `product`: of the reducer that the Einsum itself has, or, without one, that of the Einsum it is read by.
static std::optional<Contraction> readContraction(EinsumOp op, StringRef product) {
  if (product.empty() || op.getAcc() || op.getOtherwiseAttr() || !op.getGathers().empty() || op.getNumIterators() > 60)
    return std::nullopt;
  Contraction c;
  c.iterators = op.getIteratorNames();
  c.numParallel = op.getNumParallel();
  c.symbols.assign(op.getSymbols().begin(), op.getSymbols().end());
  c.product = product;
  ProductReader reader{op, product, {}, {}};
  if (!reader.read(op.getMapped()))
    return std::nullopt;
  c.scalars = reader.scalars;
  for (unsigned i : reader.operands) {
    auto position = llvm::to_vector(op.getIndexMap(i).getResults());
    c.factors.push_back({op.getInputs()[i], position, ranksOf(position, op.getNumIterators())});
  }
  if (!op.hasWhere())
    return c;
  for (unsigned i = 0; i < op.getInputs().size(); ++i)
    if (!op.getWhereBody().getArgument(i).use_empty())
      return std::nullopt;
  for (int64_t point : op.getPoints())
    c.conditioned |= RankSet(1) << point;
  return c;
}

std::optional<Contraction> Contraction::of(EinsumOp op) {
  if (!op.getReducerAttr())
    return std::nullopt;
  return readContraction(op, productOver(op.getReducerAttr().getName().getValue(), op.getType().getElementType()));
}

std::optional<Contraction> Contraction::inlined(unsigned number) const {
  const Factor &outer = factors[number];
  auto op = outer.tensor.getDefiningOp<EinsumOp>();
  if (!op || op.hasWhere())
    return std::nullopt;
  auto own = op.getReducerAttr() ? productOver(op.getReducerAttr().getName().getValue(), op.getType().getElementType())
                                 : product;
  auto inner = own == product ? readContraction(op, product) : std::nullopt;
  if (!inner)
    return std::nullopt;
  Contraction c = *this;
  MLIRContext *context = op.getContext();
  // Its result's ranks are where it is read; its reduced ones are new.
  SmallVector<AffineExpr> dims, symbolExprs;
  for (unsigned d = 0; d < inner->iterators.size(); ++d) {
    if (d < inner->numParallel) {
      auto dim = dyn_cast<AffineDimExpr>(outer.position[d]);
      if (!dim || llvm::is_contained(dims, dim))
        return std::nullopt;
      dims.push_back(dim);
      continue;
    }
    if (llvm::is_contained(c.iterators, inner->iterators[d]))
      return std::nullopt;
    dims.push_back(getAffineDimExpr(c.iterators.size(), context));
    c.iterators.push_back(inner->iterators[d]);
  }
  for (Value symbol : inner->symbols) {
    symbolExprs.push_back(getAffineSymbolExpr(c.symbols.size(), context));
    c.symbols.push_back(symbol);
  }
  c.factors.erase(c.factors.begin() + number);
  for (Factor f : inner->factors) {
    for (AffineExpr &e : f.position)
      e = e.replaceDimsAndSymbols(dims, symbolExprs);
    f.ranks = ranksOf(f.position, c.iterators.size());
    c.factors.push_back(f);
  }
  c.scalars.append(inner->scalars);
  return c;
}

bool Contraction::isCovered() const {
  RankSet all = 0;
  for (const Factor &f : factors)
    all |= f.ranks;
  return all == (RankSet(1) << iterators.size()) - 1;
}

namespace {
class OrderWriter {
public:
  OrderWriter(const Contraction &c, EinsumOp op) : c(c), op(op), b(op), tensors(c.factors) {}
  SmallVector<EinsumOp> write(const ContractionOrder &order) {
    SmallVector<EinsumOp> steps;
    for (const ContractionStep &step : order.steps)
      steps.push_back(writeStep(step, &step == &order.steps.back()));
    return steps;
  }

private:
  EinsumOp writeStep(const ContractionStep &step, bool isLast);
  /// In the order of the contraction, but the innermost rank of its result last: the columns of what is multiplied
  /// next.
  SmallVector<unsigned> iteratorsOf(RankSet ranks) {
    SmallVector<unsigned> list;
    unsigned columns = c.numParallel - 1;
    for (unsigned i = 0; i < c.iterators.size(); ++i)
      if (i != columns && (ranks >> i & 1))
        list.push_back(i);
    if (c.numParallel && (ranks >> columns & 1))
      list.push_back(columns);
    return list;
  }
  Value fill(OpBuilder &rb, Location loc, ValueRange arguments, bool isLast);

  const Contraction &c;
  EinsumOp op;
  OpBuilder b;
  SmallVector<Contraction::Factor> tensors; ///< the factors, then the results of the steps
};
} // namespace

/// The product of the operands in the type of the result; the scalars join in the last step.
Value OrderWriter::fill(OpBuilder &rb, Location loc, ValueRange arguments, bool isLast) {
  Type element = op.getType().getElementType();
  Value all;
  auto join = [&](Value v) {
    if (v.getType() != element)
      v = arith::ExtFOp::create(rb, loc, element, v);
    if (!all) {
      all = v;
      return;
    }
    OperationState state(loc, c.product);
    state.addOperands({all, v});
    state.addTypes(element);
    all = rb.create(state)->getResult(0);
  };
  llvm::for_each(arguments, join);
  for (Value scalar : isLast ? ArrayRef(c.scalars) : ArrayRef<Value>()) {
    Operation *def = scalar.getDefiningOp();
    bool isLocal = def && isa<EinsumOp>(def->getParentOp());
    join(isLocal ? rb.clone(*def)->getResult(0) : scalar);
  }
  return all;
}

EinsumOp OrderWriter::writeStep(const ContractionStep &step, bool isLast) {
  SmallVector<unsigned> iterators = iteratorsOf(step.result);
  unsigned numParallel = iterators.size();
  iterators.append(iteratorsOf(step.reduced));
  MLIRContext *context = op.getContext();
  SmallVector<AffineExpr> dims(c.iterators.size(), getAffineConstantExpr(0, context));
  for (auto [place, i] : llvm::enumerate(iterators))
    dims[i] = getAffineDimExpr(place, context);
  EinsumSpec spec;
  SmallVector<StringAttr> names =
      llvm::map_to_vector(iterators, [&](unsigned i) { return b.getStringAttr(c.iterators[i]); });
  auto kernel = op->getParentOfType<KernelOp>();
  spec.result =
      isLast ? op.getType()
             : tensorType(ArrayRef(names).take_front(numParallel), op.getType().getElementType(), kernel.getRanks());
  spec.iterators = names;
  spec.reducer = step.reduced ? op.getReducerAttr() : ReducerAttr();
  SmallVector<unsigned> operands{step.left};
  if (step.right)
    operands.push_back(*step.right);
  spec.symbols = c.symbols;
  for (unsigned number : operands) {
    spec.inputs.push_back(tensors[number].tensor);
    auto position = llvm::map_to_vector(tensors[number].position, [&](AffineExpr e) { return e.replaceDims(dims); });
    spec.maps.push_back(AffineMap::get(iterators.size(), c.symbols.size(), position, context));
  }
  if (isLast)
    spec.name = op.getNameAttr();
  auto map = [&](OpBuilder &rb, Location loc, ValueRange arguments) {
    YieldOp::create(rb, loc, fill(rb, loc, arguments.take_front(operands.size()), isLast));
  };
  bool hasWhere = isLast && op.hasWhere();
  if (hasWhere)
    for (int64_t point : op.getPoints())
      spec.points.push_back(llvm::find(iterators, unsigned(point)) - iterators.begin());
  auto where = [&](OpBuilder &rb, Location, ValueRange arguments) {
    IRMapping values;
    unsigned numInputs = op.getInputs().size();
    for (size_t k = 0; k < op.getPoints().size(); ++k)
      values.map(op.getWhereBody().getArgument(numInputs + k), arguments[operands.size() + k]);
    for (Operation &each : op.getWhereBody())
      rb.clone(each, values);
  };
  EinsumOp made = hasWhere ? EinsumOp::create(b, op.getLoc(), spec, where, map)
                           : EinsumOp::create(b, op.getLoc(), spec, nullptr, map);
  SmallVector<AffineExpr> position;
  for (unsigned i : ArrayRef(iterators).take_front(numParallel))
    position.push_back(getAffineDimExpr(i, context));
  tensors.push_back({made.getResult(), position, step.result});
  return made;
}

SmallVector<EinsumOp> attn::writeInOrder(const Contraction &contraction, const ContractionOrder &order, EinsumOp op) {
  return OrderWriter(contraction, op).write(order);
}

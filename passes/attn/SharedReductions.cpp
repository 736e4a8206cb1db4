// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Between traversals: recompute or materialise. A reduction inside the cascade (scores, say) that n > 1 traversals read
// is computed by each, or once into memory:
//
//   recompute     n w                 w: operations for one of its points, 2 for each point that it reduces and 20 for
//                                     each function in between
//   materialise   w + (1 + n) s B     s: bytes of a point, written once and read n times; B: operations in the time
//                                     of a byte
//
// and only if all of it has no more elements than the kernel reads and writes: a kernel's memory does not grow by
// another power of the sequence. B = 16 is what cores that share a memory bus have (f32 FMAs of a Zen 3 server: 100
// GF/s a core, 6 GB/s a core when all of them read). Extents as in RankSizes.h.
//
// Conditions would be lost in memory. Where they depend on nothing but positions, all points are stored and the
// conditions stay on what reads them.
#include "passes/attn/SharedReductions.h"
#include "mlir/IR/IRMapping.h"
#include "passes/attn/RankSizes.h"
#include "passes/attn/ScalarCost.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace attn;
using algebra::TermKind, algebra::TermRef;

TermRef attn::reductionOf(KernelTerms &terms, EinsumOp op) {
  auto whole = op.getReducerAttr() ? terms.einsum(op, KernelTerms::Inline::Everything) : std::nullopt;
  if (!whole)
    return nullptr;
  SmallVector<TermRef> found;
  std::function<void(TermRef)> visit = [&](TermRef t) {
    if (t->is(TermKind::Reduce))
      found.push_back(t);
    else
      llvm::for_each(t->getChildren(), visit);
  };
  visit(whole->term);
  return found.size() == 1 ? found.front() : nullptr;
}

namespace {
class Storage {
public:
  explicit Storage(KernelOp kernel) : kernel(kernel), sizes(kernel), terms(kernel) {}
  void decide(EinsumOp op, unsigned traversals);

private:
  bool isStorable(EinsumOp op);
  double elementsThere();
  void store(EinsumOp op);

  KernelOp kernel;
  RankSizes sizes;
  KernelTerms terms;
};
} // namespace

/// All its points can be computed whatever its conditions are, and these need nothing but positions.
bool Storage::isStorable(EinsumOp op) {
  auto isFree = [&](Value input) {
    auto whole = terms.tensor(input, KernelTerms::Inline::Everything);
    return whole && whole->conditions.empty();
  };
  for (unsigned i = 0; i < op.getInputs().size(); ++i)
    if (!isFree(op.getInputs()[i]) || !op.getIndexMap(i).isProjectedPermutation())
      return false;
  if (!op.hasWhere())
    return true;
  unsigned inputs = op.getInputs().size();
  for (BlockArgument argument : op.getWhereBody().getArguments()) {
    unsigned i = argument.getArgNumber();
    bool isPosition = i >= inputs && op.getPoints()[i - inputs] < int64_t(op.getNumParallel());
    if (!argument.use_empty() && !isPosition)
      return false;
  }
  return true;
}

double Storage::elementsThere() {
  double there = 0;
  for (ArrayRef<Type> types : {kernel.getArgumentTypes(), kernel.getResultTypes()})
    for (Type type : types) {
      if (!isa<RankedTensorType>(type))
        continue;
      double elements = 1;
      for (StringAttr name : rankNames(type))
        elements *= sizes.product(factorsOf(name.getValue()));
      there += elements;
    }
  return there;
}

/// With conditions: the stored tensor, and the Einsum as a map of it that has them.
void Storage::store(EinsumOp op) {
  if (!op.hasWhere()) {
    op->setAttr("attn.stored", UnitAttr::get(op.getContext()));
    return;
  }
  OpBuilder b(op);
  auto whole = cast<EinsumOp>(b.clone(*op));
  whole.getWhere().getBlocks().clear();
  whole.removeOtherwiseAttr();
  whole->setAttr("attn.stored", b.getUnitAttr());
  EinsumSpec spec;
  spec.result = op.getType();
  spec.iterators.assign(rankNames(op.getType()).begin(), rankNames(op.getType()).end());
  spec.inputs.push_back(whole);
  spec.maps.push_back(b.getMultiDimIdentityMap(op.getNumParallel()));
  SmallVector<unsigned> arguments; // of the positions, in the old region
  for (auto [i, point] : llvm::enumerate(op.getPoints()))
    if (point < int64_t(op.getNumParallel())) {
      spec.points.push_back(point);
      arguments.push_back(op.getInputs().size() + i);
    }
  spec.otherwise = op.getOtherwiseAttr();
  spec.name = op.getNameAttr();
  auto where = [&](OpBuilder &inside, Location, ValueRange now) {
    IRMapping map;
    for (auto [i, argument] : llvm::enumerate(arguments))
      map.map(op.getWhereBody().getArgument(argument), now[1 + i]);
    for (Operation &each : op.getWhereBody())
      inside.clone(each, map);
  };
  auto read = [](OpBuilder &inside, Location loc, ValueRange now) { YieldOp::create(inside, loc, now[0]); };
  op.replaceAllUsesWith(EinsumOp::create(b, op.getLoc(), spec, where, read).getResult());
  op.erase();
}

void Storage::decide(EinsumOp op, unsigned traversals) {
  constexpr double kOperationsPerByte = 16, kFunction = 20;
  SmallVector<StringRef> names(op.getIteratorNames());
  double functions = countFunctions(op);
  double reduced = sizes.product(ArrayRef(names).drop_front(op.getNumParallel()));
  double points = sizes.product(ArrayRef(names).take_front(op.getNumParallel()));
  double work = reduced * (2 + kFunction * functions);
  double bytes = (1.0 + traversals) * op.getType().getElementTypeBitWidth() / 8;
  double growth = points / elementsThere();
  bool isDearer = (traversals - 1) * work > bytes * kOperationsPerByte, fits = growth <= 1;
  bool canBe = isStorable(op);
  auto remark = op.emitRemark();
  if (canBe && isDearer && fits)
    remark << "stored: ";
  else
    remark << "computed again: ";
  remark << traversals << " traversals read it, a point of it takes ";
  remark << int64_t(2 + kFunction * functions);
  for (StringRef rank : ArrayRef(names).drop_front(op.getNumParallel()))
    remark << "*" << rank.upper();
  remark << " = " << int64_t(work) << " operations, to keep it " << int64_t(bytes) << " bytes (the time of "
         << int64_t(bytes * kOperationsPerByte) << " operations)";
  if (isDearer && !fits)
    remark << ", but it is " << llvm::formatv("{0:f1}", growth).str() << " times all arguments and results together";
  else if (isDearer && !canBe)
    remark << ", but which points it has depends on more than positions";
  remark.report();
  if (canBe && isDearer && fits)
    store(op);
}

void attn::storeShared(KernelOp kernel, ArrayRef<unsigned> traversals) {
  Storage storage(kernel);
  SmallVector<EinsumOp> all(kernel.getBody().front().getOps<EinsumOp>());
  for (auto [op, count] : llvm::zip_equal(all, traversals))
    if (count > 1 && !op->hasAttr("attn.stored"))
      storage.decide(op, count);
}

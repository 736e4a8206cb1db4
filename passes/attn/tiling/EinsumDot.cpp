// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Sums of products as tile.dot. sum_r a(i, r) b(j, r): the factors of the body that mention reduced iterators are put
// into two sides that share parallel iterators only as batch dimensions; what mentions no reduced iterator stays
// outside. Where a point has no value the product must be 0, without an infinity or NaN on the other side.
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "passes/attn/tiling/EinsumLowering.h"
#include <cmath>

using namespace mlir;
using namespace attn;

namespace {
/// Some factors of the body, multiplied.
struct Factors {
  SmallVector<Value> values;
  llvm::SmallBitVector iterators;
};
} // namespace

static void collectFactors(EinsumOp op, Value v, SmallVectorImpl<Value> &factors) {
  auto product = v.getDefiningOp<arith::MulFOp>();
  if (product && product->getParentOp() == op) {
    collectFactors(op, product.getLhs(), factors);
    collectFactors(op, product.getRhs(), factors);
  } else {
    factors.push_back(v);
  }
}

/// Splits the factors that mention reduced iterators into two groups that share parallel iterators only as batch
/// dimensions; fails to where the body is no such product.
static bool splitFactors(EinsumOp op, Factors (&sides)[2], Factors &rest) {
  SmallVector<Value> factors;
  collectFactors(op, op.getMapped(), factors);
  llvm::SmallBitVector reduced(op.getNumIterators());
  reduced.set(op.getNumParallel(), op.getNumIterators());
  SmallVector<Value> inner;
  for (Value factor : factors) {
    llvm::SmallBitVector used = op.getIteratorsOf(factor);
    if (used.anyCommon(reduced))
      inner.push_back(factor);
    else
      rest.values.push_back(factor);
  }
  for (Factors *side : {&sides[0], &sides[1], &rest})
    side->iterators.resize(op.getNumIterators());
  for (Value factor : inner) {
    llvm::SmallBitVector used = op.getIteratorsOf(factor);
    // Two factors are two sides, but for those that go element by element; what a side covers joins it.
    bool isCovered = !used.test(sides[0].iterators);
    bool joinsFirst =
        sides[0].values.empty() || (isCovered && (!sides[1].values.empty() || used == sides[0].iterators));
    Factors &side = joinsFirst ? sides[0] : sides[1];
    side.values.push_back(factor);
    side.iterators |= used;
  }
  for (Value factor : rest.values)
    rest.iterators |= op.getIteratorsOf(factor);
  if (sides[1].values.empty())
    return false;
  return !reduced.test(sides[0].iterators) && !reduced.test(sides[1].iterators);
}

/// A product of the factors as one value of the region, for `evaluate` and the copies.
static Value product(EinsumOp op, ArrayRef<Value> factors) {
  if (factors.size() == 1)
    return factors.front();
  OpBuilder b(op.getMapBody().getTerminator());
  Value all = factors.front();
  for (Value factor : factors.drop_front())
    all = arith::MulFOp::create(b, op.getLoc(), all, factor);
  return all;
}

/// Makes the product of two sides 0 where `c` fails: one side is 0 there, and the other no infinity or NaN that comes
/// of points without a value. False if the condition is over more ranks than either side has.
FailureOr<bool> EinsumLowering::maskSides(const Condition &c, ArrayRef<Value> scalars,
                                          ArrayRef<SmallVector<unsigned>> dims, MutableArrayRef<Value> frags) {
  bool isZero[2], isSafe[2], covers[2];
  for (unsigned s = 0; s < 2; ++s) {
    Known known = evaluate(scalars[s], argumentsAt(c));
    isZero[s] = known.value && *known.value == 0.0;
    isSafe[s] = known.isClean && (!known.value || std::isfinite(*known.value));
    covers[s] = llvm::all_of(
        c.ranks, [&](unsigned r) { return !block.binding(r).inFragment || llvm::is_contained(dims[s], r); });
    // What no row of the block may see can be anything in memory, NaN too: 0 times it is not 0.
    bool isKnown = known.value && std::isfinite(*known.value);
    isSafe[s] = isSafe[s] && (isKnown || !covers[s] || c.isExtent || block.isMember);
    if (!isKnown && !covers[s] && !block.isMember && c.constraint)
      frags[s] = block.maskUnseen(loc(), BlockTensor{frags[s], dims[s], {}, false}, c.constraint).frag;
  }
  bool isAnyZero = (isZero[0] && isSafe[0]) || (isZero[1] && isSafe[1]);
  for (unsigned s = 0; s < 2; ++s) {
    bool mustBeZero = !isAnyZero && covers[s] && (s == 1 || !covers[1] || !isSafe[s]);
    if (isSafe[s] && !mustBeZero)
      continue;
    if (!covers[s])
      return false;
    BlockTensor unmasked{frags[s], dims[s], {}, false};
    auto zero = cast<TypedAttr>(b().getZeroAttr(cast<tile::FragType>(frags[s].getType()).getElementType()));
    FailureOr<BlockTensor> masked = block.mask(loc(), unmasked, c, zero);
    if (failed(masked))
      return failure();
    frags[s] = masked->frag;
    isAnyZero = true;
  }
  return isAnyZero;
}

/// In one member of a union the other side is 0 where the member's own set fails, whatever the single conditions say.
/// So a side that may hold anything there is made 0 where no row of the block is in the set.
void EinsumLowering::maskMember(ArrayRef<Value> scalars, ArrayRef<SmallVector<unsigned>> dims,
                                MutableArrayRef<Value> frags) {
  for (unsigned s = 0; s < 2; ++s) {
    bool isKnown = llvm::all_of(reducedConditions(), [&](const Condition &c) {
      Known known = evaluate(scalars[s], argumentsAt(c));
      return c.isExtent || (known.value && std::isfinite(*known.value));
    });
    if (isKnown)
      continue;
    frags[s] = block.maskUnseen(loc(), BlockTensor{frags[s], dims[s], {}, false}, block.visited).frag;
  }
}

/// Where the sum's body is a product of two sides, the dot of their fragments; scalars that depend on no reduced
/// iterator are left in `postponed` (null if there are none).
FailureOr<std::optional<Value>> EinsumLowering::lowerDot(Value acc, Value &postponed) {
  Type element = op.getType().getElementType();
  Factors sides[2], rest;
  bool isSum = combiningKind(op.getReducerAttr(), element, loc()) == vector::CombiningKind::ADD;
  if (!isSum || !isa<FloatType>(element) || space.size() == numParallel || !splitFactors(op, sides, rest))
    return std::optional<Value>();
  // A plain scalar goes to the side that no loop walks: it is multiplied once.
  if (rest.iterators.none()) {
    auto isStreamed = [&](const Factors &side) {
      return llvm::any_of(block.streamed, [&](unsigned rank) {
        return llvm::any_of(side.iterators.set_bits(),
                            [&](unsigned i) { return block.kernel.rankOf(op.getIterator(i)) == rank; });
      });
    };
    llvm::append_range(sides[isStreamed(sides[0]) && !isStreamed(sides[1]) ? 1 : 0].values, rest.values);
    rest.values.clear();
  }
  if (!rest.values.empty() && acc)
    return std::optional<Value>(); // the factor would multiply acc too
  SmallVector<Value> frags;
  SmallVector<SmallVector<unsigned>> dims(2);
  SmallVector<Value> scalars;
  for (unsigned s = 0; s < 2; ++s) {
    scalars.push_back(product(op, sides[s].values));
    for (unsigned rank : space)
      for (unsigned i : sides[s].iterators.set_bits())
        if (block.kernel.rankOf(op.getIterator(i)) == rank)
          dims[s].push_back(rank);
    // A plain operand keeps its own order of dimensions: it follows memory.
    auto extended = scalars[s].getDefiningOp<arith::ExtFOp>();
    Value plain = extended && element.isF32() ? extended.getIn() : scalars[s];
    auto argument = dyn_cast<BlockArgument>(plain);
    if (argument && argument.getOwner() == &op.getMapBody() && argument.getArgNumber() < operands.size()) {
      dims[s] = operands[argument.getArgNumber()].dims;
      frags.push_back(operands[argument.getArgNumber()].frag);
    } else {
      frags.push_back(mapped(scalars[s], dims[s]));
    }
  }
  // Both sides must span the space, and a reduced dimension must be on both.
  for (unsigned rank : space) {
    unsigned count = llvm::is_contained(dims[0], rank) + llvm::is_contained(dims[1], rank) + !isReduced(rank);
    if (count < 2)
      return std::optional<Value>();
  }
  if (block.isMember)
    maskMember(scalars, dims, frags);
  for (const Condition &c : reducedConditions()) {
    FailureOr<bool> isSafe = maskSides(c, scalars, dims, frags);
    if (failed(isSafe))
      return failure();
    if (!*isSafe)
      return std::optional<Value>();
  }
  // The side with the result's last dimension, its columns, comes second.
  if (numParallel && llvm::is_contained(dims[0], space[numParallel - 1]) &&
      !llvm::is_contained(dims[1], space[numParallel - 1])) {
    std::swap(dims[0], dims[1]);
    std::swap(frags[0], frags[1]);
  }
  SmallVector<AffineMap> maps = {projection(dims[0], space), projection(dims[1], space), projection(parallel(), space)};
  auto type = tile::FragType::get(block.shape(parallel()), element);
  if (!rest.values.empty())
    postponed = product(op, rest.values);
  return std::optional<Value>(
      tile::DotOp::create(b(), loc(), type, frags[0], frags[1], acc, b().getAffineMapArrayAttr(maps)));
}

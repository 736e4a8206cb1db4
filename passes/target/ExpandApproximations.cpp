// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The table of functions that have an expansion, and the pass that applies it. The expansions themselves are in
// Exponentials, Logarithms, Power, Trigonometry and Rounding; their coefficients in Polynomials.h.
#include "mlir/IR/TypeUtilities.h"
#include "passes/Passes.h"
#include "passes/target/Expansions.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/DenseSet.h"
#include <functional>

using namespace mlir;

namespace attn {
#define GEN_PASS_DEF_TARGETEXPANDAPPROXIMATIONS
#include "passes/Passes.h.inc"

namespace {

using Expansion = std::function<Real(ArrayRef<Real>)>;

/// What happens to each operation of the math dialect; one that is in neither set is an error.
class Table {
public:
  explicit Table(int exp2Degree);
  bool keeps(Operation *op) const { return kept.contains(op->getName().getTypeID()); }
  /// Null if there is none.
  Expansion find(Operation *op) const { return expansions.lookup(op->getName().getTypeID()); }

private:
  template <typename Op> void unary(Real (*function)(Real)) {
    expansions[TypeID::get<Op>()] = [function](ArrayRef<Real> x) { return function(x[0]); };
  }
  template <typename... Ops> void keep() { (kept.insert(TypeID::get<Ops>()), ...); }

  llvm::DenseMap<TypeID, Expansion> expansions;
  llvm::DenseSet<TypeID> kept;
};

Table::Table(int exp2Degree) {
  expansions[TypeID::get<math::Exp2Op>()] = [=](ArrayRef<Real> x) { return expansion::exp2(x[0], exp2Degree); };
  expansions[TypeID::get<math::PowFOp>()] = [](ArrayRef<Real> x) { return expansion::pow(x[0], x[1]); };
  unary<math::ExpOp>(expansion::exp);
  unary<math::ExpM1Op>(expansion::expm1);
  unary<math::TanhOp>(expansion::tanh);
  unary<math::ErfOp>(expansion::erf);
  unary<math::Log2Op>(expansion::log2);
  unary<math::LogOp>(expansion::log);
  unary<math::Log1pOp>(expansion::log1p);
  unary<math::SinOp>(expansion::sin);
  unary<math::CosOp>(expansion::cos);
  unary<math::RsqrtOp>(expansion::rsqrt);
  unary<math::RoundOp>(expansion::round);
  keep<math::AbsFOp, math::AbsIOp, math::CeilOp, math::CopySignOp, math::CountLeadingZerosOp, math::CtPopOp,
       math::CountTrailingZerosOp, math::FloorOp, math::FmaOp, math::IsFiniteOp, math::IsInfOp, math::IsNaNOp,
       math::IsNormalOp, math::RoundEvenOp, math::SqrtOp, math::TruncOp>();
}

bool isScalarOrVector(Type type) { return !isa<ShapedType>(type) || isa<VectorType>(type); }

/// f32 and f64 as scalars and vectors; integers are no question of precision.
bool isComputable(Type type) {
  return isScalarOrVector(type) && (findFormat(type) || getElementTypeOrSelf(type).isIntOrIndex());
}

LogicalResult expandMath(Operation *op, const Table &table) {
  Expansion expansion = table.find(op);
  if (!expansion && !table.keeps(op))
    return op->emitError() << "'" << op->getName() << "' has no expansion";
  for (Type type : op->getOperandTypes())
    if (!isComputable(type))
      return op->emitError() << "'" << op->getName() << "' on " << type
                             << " has no expansion: expected scalars or vectors of f32 or f64";
  if (!expansion)
    return success();
  ImplicitLocOpBuilder builder(op->getLoc(), op);
  SmallVector<Real> operands;
  for (Value operand : op->getOperands())
    operands.push_back(Real(builder, operand));
  op->getResult(0).replaceAllUsesWith(expansion(operands).get());
  op->erase();
  return success();
}

/// The narrowings for which an x86 without AVX512 calls a function: anything to bf16, and f64 to f16.
LogicalResult expandNarrowing(arith::TruncFOp op) {
  auto element = cast<FloatType>(getElementTypeOrSelf(op.getType()));
  if (!element.isBF16() && !element.isF16())
    return success();
  auto mode = op.getRoundingmode().value_or(arith::RoundingMode::to_nearest_even);
  if (!isComputable(op.getIn().getType()) || mode != arith::RoundingMode::to_nearest_even)
    return op->emitError() << "'" << op->getName() << "' from " << op.getIn().getType() << " to " << op.getType()
                           << " has no expansion: expected f32 or f64, rounded to nearest even";
  if (element.isF16() && getElementTypeOrSelf(op.getIn().getType()).isF32())
    return success();
  ImplicitLocOpBuilder builder(op.getLoc(), op);
  op.getResult().replaceAllUsesWith(expansion::narrow(Real(builder, op.getIn()), element));
  op->erase();
  return success();
}

bool isOnBF16(Operation *op) {
  auto isBF16 = [](Type type) { return getElementTypeOrSelf(type).isBF16(); };
  return llvm::any_of(op->getOperandTypes(), isBF16) || llvm::any_of(op->getResultTypes(), isBF16);
}

LogicalResult expandArith(Operation *op) {
  if (auto narrowing = dyn_cast<arith::TruncFOp>(op))
    return expandNarrowing(narrowing);
  if (isa<arith::RemFOp>(op))
    return op->emitError() << "'" << op->getName() << "' has no expansion";
  bool moves = isa<arith::ConstantOp, arith::SelectOp, arith::BitcastOp, arith::ExtFOp, arith::CmpFOp>(op);
  if (!moves && isOnBF16(op))
    return op->emitError() << "'" << op->getName() << "' on bf16 has no expansion: expected f32 or f64";
  return success();
}

struct ExpandApproximations : impl::TargetExpandApproximationsBase<ExpandApproximations> {
  using TargetExpandApproximationsBase::TargetExpandApproximationsBase;

  void runOnOperation() override {
    if (!expansion::isExp2Degree(exp2Degree)) {
      getOperation()->emitError() << "exp2-degree: expected 3, 5 or 6, found " << int(exp2Degree);
      return signalPassFailure();
    }
    Table table(exp2Degree);
    SmallVector<Operation *> math, arith;
    getOperation()->walk([&](Operation *op) {
      if (isa_and_nonnull<math::MathDialect>(op->getDialect()))
        math.push_back(op);
      else if (isa_and_nonnull<arith::ArithDialect>(op->getDialect()))
        arith.push_back(op);
    });
    bool failed = false; // all errors in one run
    for (Operation *op : math)
      failed |= expandMath(op, table).failed();
    for (Operation *op : arith)
      failed |= expandArith(op).failed();
    if (failed)
      signalPassFailure();
  }
};

} // namespace
} // namespace attn

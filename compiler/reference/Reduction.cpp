// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Sums of floats. A kernel adds n terms in some order with n roundings, each off by u times a partial sum; independent,
// so the variance is u^2 sum_k M_k^2 with M_k the magnitude of the k-th partial sum. M_k depends on the order, and
// where terms cancel it may differ much from the one met here. So M_k^2 = S_k^2 + Q_k is taken: S_k the partial sum
// here, Q_k the sum of the squares of its terms, which is what terms of random sign leave. For n equal terms this gives
// u n^1.5 / sqrt(3) of a term, for random signs u n of a term: an order chosen by looking at the values (all positive
// terms first) may exceed it, blocks, lanes, trees and reversals do not. A dropped term is 10^3 times larger at n =
// 2048 (both are tested).
#include "compiler/reference/Reduction.h"
#include "llvm/ADT/STLExtras.h"
#include <cmath>

using namespace mlir;
using namespace attn;
using namespace attn::reference;

static double square(double x) { return x * x; }

struct Reduction::Row {
  llvm::StringLiteral name;
  bool takesFloats;
  double identity; ///< saturated where an integer type is narrower
  void (*add)(Accumulator &, const Lanes &, const bool *live, unsigned lanes);
};

template <void (*each)(Accumulator &, const Lanes &, unsigned)>
static void addLanes(Accumulator &into, const Lanes &values, const bool *live, unsigned lanes) {
  for (unsigned l = 0; l < lanes; ++l)
    if (live[l]) {
      each(into, values, l);
      ++into.count;
    }
}

//===-- one lane -----------------------------------------------------------------------------------------------------

static void addReal(Accumulator &into, const Lanes &values, unsigned l) {
  double term = values.real[l];
  into.real += term;
  into.variance += values.variance[l];
  into.squares += square(term);
  into.partials += square(into.real) + into.squares;
}

static void multiplyReal(Accumulator &into, const Lanes &values, unsigned l) {
  double factor = values.real[l];
  into.variance = into.variance * square(factor) + values.variance[l] * square(into.real);
  into.real *= factor;
  into.partials = into.partials * square(factor) + square(into.real);
}

/// NaN stays; of equal values the less certain one.
template <bool isMax> static void chooseReal(Accumulator &into, const Lanes &values, unsigned l) {
  double value = values.real[l];
  bool isBetter = isMax ? value > into.real : value < into.real;
  if (std::isnan(into.real) || (!isBetter && value != into.real && !std::isnan(value)))
    return;
  into.variance = value == into.real ? std::max(into.variance, values.variance[l]) : values.variance[l];
  into.real = value;
}

static void addInteger(Accumulator &into, const Lanes &values, unsigned l) {
  into.integer = static_cast<int64_t>(static_cast<uint64_t>(into.integer) + static_cast<uint64_t>(values.integer[l]));
  into.variance += values.variance[l];
}

static void multiplyInteger(Accumulator &into, const Lanes &values, unsigned l) {
  double factor = values.integer[l];
  into.variance = into.variance * square(factor) + values.variance[l] * square(double(into.integer));
  into.integer = static_cast<int64_t>(static_cast<uint64_t>(into.integer) * static_cast<uint64_t>(values.integer[l]));
}

template <bool isMax> static void chooseInteger(Accumulator &into, const Lanes &values, unsigned l) {
  int64_t value = values.integer[l];
  if (isMax ? value < into.integer : value > into.integer)
    return;
  into.variance = value == into.integer ? std::max(into.variance, values.variance[l]) : values.variance[l];
  into.integer = value;
}

//===-- the table ----------------------------------------------------------------------------------------------------

const Reduction::Row *Reduction::findRow(StringRef reducer, bool isFloat) {
  static const Row rows[] = {
      {"sum", true, 0, addLanes<addReal>},
      {"mean", true, 0, addLanes<addReal>},
      {"prod", true, 1, addLanes<multiplyReal>},
      {"max", true, -HUGE_VAL, addLanes<chooseReal<true>>},
      {"min", true, HUGE_VAL, addLanes<chooseReal<false>>},
      {"sum", false, 0, addLanes<addInteger>},
      {"prod", false, 1, addLanes<multiplyInteger>},
      {"max", false, -HUGE_VAL, addLanes<chooseInteger<true>>},
      {"min", false, HUGE_VAL, addLanes<chooseInteger<false>>},
      {"any", false, 0, addLanes<chooseInteger<true>>},
      {"all", false, 1, addLanes<chooseInteger<false>>},
  };
  const Row *row = llvm::find_if(rows, [&](const Row &r) { return r.name == reducer && r.takesFloats == isFloat; });
  return row == std::end(rows) ? nullptr : row;
}

static int64_t saturated(double value, unsigned width) {
  int64_t highest = std::numeric_limits<int64_t>::max() >> (64 - width);
  return std::isinf(value) ? (value > 0 ? highest : -highest - 1) : static_cast<int64_t>(value);
}

llvm::Expected<Reduction> Reduction::of(EinsumOp op) {
  Reduction reduction;
  Type element = op.getType().getElementType();
  reduction.isFloat = isa<FloatType>(element);
  reduction.width = widthOf(element);
  StringRef name = op.getReducerAttr().getName().getValue();
  reduction.row = findRow(name, reduction.isFloat);
  if (!reduction.row)
    return errorAt(op.getLoc(), "the reference evaluator does not know the reducer '" + name + "'");
  if (reduction.isFloat) {
    reduction.format = FloatFormat::of(cast<FloatType>(element));
    reduction.identity = Scalar::of(reduction.row->identity);
  } else {
    reduction.identity = Scalar::of(saturated(reduction.row->identity, reduction.width));
  }
  return reduction;
}

Accumulator Reduction::start(const Scalar *from) const {
  const Scalar &value = from ? *from : identity;
  Accumulator accumulator;
  accumulator.real = value.real;
  accumulator.integer = value.integer;
  accumulator.variance = square(value.error);
  accumulator.squares = from ? square(value.real) : 0;
  return accumulator;
}

void Reduction::add(Accumulator &into, const Lanes &values, const bool *live, unsigned lanes) const {
  row->add(into, values, live, lanes);
}

Scalar Reduction::finish(const Accumulator &accumulator) const {
  if (!isFloat)
    return {0, wrap(accumulator.integer, width), std::sqrt(accumulator.variance)};
  double value = accumulator.real, variance = accumulator.variance + square(format.roundoff) * accumulator.partials;
  if (accumulator.count > 0 && row->name == "mean") {
    value /= accumulator.count;
    variance = variance / square(accumulator.count) + square(format.roundoff * value);
  }
  if (std::fabs(value) >= format.limit)
    value = std::copysign(HUGE_VAL, value);
  return {value, 0, std::isfinite(value) && variance == variance ? std::sqrt(variance) : 0};
}

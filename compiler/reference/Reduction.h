// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What the reducers compute, and how far a kernel may be from it.
#pragma once
#include "compiler/reference/Program.h"
#include "compiler/reference/Tensor.h"
#include "dialects/attn/Attn.h"

namespace attn::reference {

struct Accumulator {
  double real = 0;
  int64_t integer = 0;
  double variance = 0; ///< from the errors of what was added
  double squares = 0;  ///< sum of the squares of what was added
  double partials = 0; ///< sum of the squares of the partial sums' likely magnitudes
  int64_t count = 0;
};

class Reduction {
public:
  /// An error for a reducer that the evaluator does not know.
  static llvm::Expected<Reduction> of(EinsumOp op);

  /// Over no points; with `from`, over what `from` was made of.
  Accumulator start(const Scalar *from = nullptr) const;
  /// Adds the lanes that are `live`.
  void add(Accumulator &into, const Lanes &values, const bool *live, unsigned lanes) const;
  Scalar finish(const Accumulator &accumulator) const;

private:
  struct Row;
  static const Row *findRow(llvm::StringRef reducer, bool isFloat);

  const Row *row = nullptr;
  Scalar identity;
  FloatFormat format;
  unsigned width = 0;
  bool isFloat = false;
};

} // namespace attn::reference

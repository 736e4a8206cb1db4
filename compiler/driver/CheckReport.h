// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once
#include "compiler/reference/Compare.h"
#include <string>

namespace attn::driver {

/// What `attnc check` found, shape by shape.
class CheckReport {
public:
  /// `shape` describes the call: extents and scalars. `faults` are what else is wrong with it.
  void add(llvm::StringRef shape, const reference::Comparison &comparison, llvm::ArrayRef<std::string> faults = {});
  bool isOk() const { return numFailed == 0; }
  unsigned getNumShapes() const { return numShapes; }

  /// The worst element, or what is wrong; then the verdict, in the last line.
  void print(llvm::raw_ostream &out) const;

private:
  reference::Deviation worst, largest;
  std::string worstShape, failures;
  unsigned numFailed = 0, numShapes = 0;
};

} // namespace attn::driver

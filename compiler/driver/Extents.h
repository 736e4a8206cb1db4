// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Extents of a kernel's ranks, from --size, --bind and the shapes of files.
#pragma once
#include "compiler/codegen/Codegen.h"
#include "compiler/driver/Sizes.h"
#include <optional>

namespace attn::driver {

/// "M" for the rank "m".
std::string extentName(llvm::StringRef rank);

class Extents {
public:
  /// Knows what is bound already.
  explicit Extents(const codegen::KernelInterface &kernel);

  /// Fails with a UsageError that lists the ranks if a name is none of them.
  llvm::Error addSizes(const Sizes &sizes);
  /// The shape of a tensor argument from a file. An error names file, rank and both extents.
  llvm::Error addShape(const codegen::KernelArgument &argument, llvm::ArrayRef<int64_t> shape, llvm::StringRef path);
  /// Solves dimensions that hold several ranks, once everything was added.
  llvm::Error solve();
  /// Ranks that only optional tensors have, none of which gave their extent, are empty.
  void assumeEmpty();
  /// Fails with a UsageError if a rank that is not declared in the spec has no extent.
  llvm::Error requireAll() const;

  std::optional<int64_t> get(llvm::StringRef rank) const;
  /// Known extents, by extent names.
  Sizes known() const;
  /// "B=1 H=8", in the order of the kernel's ranks.
  std::string print() const;

private:
  struct Given {
    int64_t extent;
    std::string source; ///< "--size", "'Q' in q.npy"
  };
  struct Shape {
    const codegen::KernelArgument *argument;
    std::vector<int64_t> sizes;
    std::string path;
  };
  llvm::Error set(llvm::StringRef rank, int64_t extent, const std::string &source, llvm::StringRef argument,
                  llvm::StringRef path);
  llvm::Expected<bool> solveDim(const Shape &shape, size_t i);

  const codegen::KernelInterface &kernel;
  std::map<std::string, Given> extents; ///< by rank
  std::vector<Shape> shapes;
};

/// Ranks of at most this extent are bound when compiling, if they are inner.
inline constexpr int64_t kMostBound = 512;

/// The inner ranks: each is the last dimension, or the last factor of it, of every tensor that has it.
std::vector<std::string> innerRanks(const codegen::KernelInterface &kernel);

/// `bound` with the inner ranks' extents, where they are known and small.
Sizes withInnerRanks(Sizes bound, const codegen::KernelInterface &kernel, const Extents &extents);

} // namespace attn::driver

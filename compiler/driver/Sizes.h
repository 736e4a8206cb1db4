// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Lists of assignments on the command line: B=1,H=8.
#pragma once
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace attn::driver {

using Assignment = std::pair<std::string, std::string>;
using Assignments = std::vector<Assignment>;
/// Extents by their upper-case names.
using Sizes = std::map<std::string, int64_t>;

/// "a=b"; `what` names the option in errors.
llvm::Expected<Assignment> parseAssignment(llvm::StringRef text, llvm::StringRef what);
/// "a=b,c=d", added to `into`; an error if a name is there already with another value.
llvm::Error parseAssignments(llvm::StringRef text, llvm::StringRef what, std::map<std::string, std::string> &into);
/// The same for integers of at least `least`.
llvm::Error parseSizes(llvm::StringRef text, llvm::StringRef what, int64_t least, Sizes &into);

/// "B=1 H=8", in the order of `names`, which sizes may lack.
std::string printSizes(llvm::ArrayRef<std::string> names, const Sizes &sizes);

} // namespace attn::driver

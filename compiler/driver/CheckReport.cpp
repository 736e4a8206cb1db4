// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/driver/CheckReport.h"
#include "compiler/driver/Text.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;
using namespace attn;
using namespace attn::driver;

/// Failing shapes that are printed; the others are only counted.
static constexpr unsigned kMostPrinted = 5;

/// "O[0,3,17,5]  SHAPE   got X  want Y   error R of tolerance"
static std::string describe(const reference::Deviation &off, StringRef shape) {
  std::string index;
  for (int64_t i : off.index)
    index += (index.empty() ? "" : ",") + std::to_string(i);
  return off.result + "[" + index + "]  " + shape.str() + "   got " + number(off.got, 9) + "  want " +
         number(off.want, 9) + "   error " + number(off.ratio, 2) + " of tolerance";
}

void CheckReport::add(StringRef shape, const reference::Comparison &comparison, ArrayRef<std::string> faults) {
  if (comparison.compared && (comparison.largest.error > largest.error || largest.result.empty()))
    largest = comparison.largest;
  if (comparison.compared && (comparison.worst.ratio > worst.ratio || worst.result.empty()))
    worst = comparison.worst, worstShape = shape.str();
  ++numShapes;
  if (comparison.isAccepted() && faults.empty())
    return;
  if (numFailed++ >= kMostPrinted)
    return;
  if (!faults.empty())
    failures +=
        "  wrong   " + faults[0] + "   " + shape.str() + "   " + std::to_string(faults.size()) + " selections\n";
  if (!comparison.isAccepted())
    failures += "  wrong   " + describe(comparison.worst, shape) + "   " + std::to_string(comparison.rejected) +
                " of " + std::to_string(comparison.compared) + " elements\n";
}

void CheckReport::print(raw_ostream &out) const {
  if (isOk() && !worst.result.empty())
    out << "  worst   " << describe(worst, worstShape) << '\n';
  out << failures;
  if (numFailed > kMostPrinted)
    out << "  and " << numFailed - kMostPrinted << " more shapes\n";
  out << "check: " << (isOk() ? "ok" : "failed") << "  max-error " << number(largest.error, 2) << "  tolerance "
      << number(largest.tolerance, 2) << "  shapes " << numShapes << '\n';
}

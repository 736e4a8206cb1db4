// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the language has and the IR has not yet. Each is named at the place where the spec uses it.
#include "compiler/spec/KernelEmitter.h"
#include "llvm/ADT/StringSet.h"

using namespace llvm;

namespace attn::spec {

namespace {

/// Reports each construct once a kernel, at its first use.
class Report {
public:
  explicit Report(Diagnostics &diagnostics) : diagnostics(diagnostics) {}

  void operator()(Loc loc, const CallSite *site, StringRef construct, StringRef name = "") {
    if (!reported.insert((construct + name).str()).second ||
        (name.empty() && reported.contains(("of a " + construct).str())))
      return;
    reported.insert(("of a " + construct).str());
    std::string subject = name.empty() ? construct.str() : (construct + " '" + name + "'").str();
    Diagnostic &error = diagnostics.error(loc, subject + " is not lowered yet");
    Diagnostics::addUses(error, site);
  }

  bool isEmpty() const { return reported.empty(); }

private:
  Diagnostics &diagnostics;
  StringSet<> reported;
};

} // namespace

static void checkTensor(const Tensor &tensor, Report &report) {
  if (tensor.isIterative && tensor.isInout)
    report(tensor.loc, tensor.site, "recurrence of the inout argument", tensor.name);
  if (tensor.isSet && tensor.isIterative)
    report(tensor.loc, tensor.site, "recurrence of the set", tensor.name);
  if (is_contained({Element::F8E4M3, Element::F8E5M2}, tensor.type.kind))
    report(tensor.loc, tensor.site, "element type of", tensor.name);
}

bool checkLowered(const Kernel &kernel, Diagnostics &diagnostics) {
  Report report(diagnostics);
  for (const auto &tensor : kernel.tensors)
    checkTensor(*tensor, report);
  return report.isEmpty();
}

} // namespace attn::spec

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The C header of an artifact that is linked statically: the symbol, and what the program must pass to its kernels.
#include "compiler/codegen/Codegen.h"
#include "runtime/attnc.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;
using namespace attn::codegen;

static void print(raw_ostream &out, const KernelInterface &kernel, const KernelArgument &arg) {
  static const char *const directions[] = {"in", "out", "inout"};
  out << " *   " << arg.name;
  for (size_t i = 0; i < arg.dims.size(); ++i) {
    const KernelDim &dim = arg.dims[i];
    out << (i ? "," : "[") << dim.name;
    if (dim.symbols.empty()) // bound at compile time
      out << '=' << dim.factor;
    else if (dim.symbols.size() == 1 && kernel.symbols[dim.symbols[0]].extent >= 0)
      out << '=' << dim.factor * kernel.symbols[dim.symbols[0]].extent;
  }
  out << (arg.dims.empty() ? "" : "]") << " : " << attnc_element_name(arg.element) << ", ";
  out << (arg.kind == ATTNC_ARG_SCALAR ? "scalar" : directions[arg.direction - ATTNC_IN]);
  out << (arg.optional ? ", optional\n" : "\n");
}

std::string attn::codegen::headerText(ArrayRef<KernelInterface> kernels, StringRef stem) {
  std::string text;
  raw_string_ostream out(text);
  std::string guard = "ATTNC_ARTIFACT_" + stem.upper() + "_H";
  out << "/* Written by attnc: attnc_link(context, &attnc_artifact_" << stem << ", &module).\n";
  for (const KernelInterface &kernel : kernels) {
    out << " *\n * " << kernel.name << '\n';
    for (const KernelArgument &arg : kernel.args)
      print(out, kernel, arg);
    for (const KernelCheck &check : kernel.checks)
      out << " *   requires " << check.text << '\n';
  }
  out << " */\n#ifndef " << guard << "\n#define " << guard << "\n#include <attnc/attnc_abi.h>\n\n"
      << "#ifdef __cplusplus\nextern \"C\" {\n#endif\nextern const attnc_artifact_descriptor attnc_artifact_" << stem
      << ";\n#ifdef __cplusplus\n}\n#endif\n#endif\n";
  return text;
}

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/spec/KernelEmitter.h"
#include "mlir/IR/Verifier.h"

using namespace mlir;

namespace attn::spec {

static bool checkNames(const Program &program, const EmitOptions &options, Diagnostics &diagnostics) {
  bool known = options.kernel.empty();
  for (const Kernel &kernel : program.kernels)
    known |= kernel.name == options.kernel;
  if (!known) {
    Diagnostic &error = diagnostics.error({0, 0}, "the file has no kernel '" + options.kernel + "'");
    for (const Kernel &kernel : program.kernels)
      error.notes.push_back({kernel.loc, ("it has '" + kernel.name + "'").str()});
    return false;
  }
  for (const auto &[name, value] : options.bound) {
    StringRef bound(name);
    bool used = llvm::any_of(program.kernels, [&](const Kernel &kernel) {
      return llvm::any_of(kernel.arguments,
                          [&](const Tensor *tensor) { return llvm::is_contained(tensor->ranks, bound.lower()); }) ||
             llvm::any_of(kernel.scalars, [&](const auto &scalar) { return scalar->isConst && scalar->name == bound; });
    });
    if (!used) {
      diagnostics.error({0, 0}, "nothing to bind is named '" + name +
                                    "': no argument has such an extent, and no const scalar that name");
      known = false;
    }
  }
  return known;
}

OwningOpRef<ModuleOp> emitProgram(Program &program, const EmitOptions &options, MLIRContext &context,
                                  Diagnostics &diagnostics) {
  context.loadDialect<AttnDialect>();
  context.getOrLoadDialect("arith");
  context.getOrLoadDialect("math");
  if (!checkNames(program, options, diagnostics))
    return nullptr;
  OwningOpRef<ModuleOp> module = ModuleOp::create(FileLineColLoc::get(&context, diagnostics.source(0).getName(), 1, 1));
  bool complete = true;
  for (Kernel &kernel : program.kernels)
    if (options.kernel.empty() || kernel.name == options.kernel)
      complete &= KernelEmitter(program, kernel, options, context, diagnostics).emit(*module);
  if (!complete)
    return nullptr;
  return succeeded(verify(*module)) ? std::move(module) : nullptr;
}

OwningOpRef<ModuleOp> emitFile(StringRef path, StringRef text, const EmitOptions &options, MLIRContext &context,
                               Diagnostics &diagnostics) {
  std::unique_ptr<Program> program = analyze(path.str(), text.str(), diagnostics);
  OwningOpRef<ModuleOp> module;
  if (!diagnostics.hasErrors())
    module = emitProgram(*program, options, context, diagnostics);
  return module;
}

OwningOpRef<ModuleOp> emitFile(StringRef path, StringRef text, const EmitOptions &options, MLIRContext &context,
                               raw_ostream &errors) {
  Diagnostics diagnostics;
  OwningOpRef<ModuleOp> module = emitFile(path, text, options, context, diagnostics);
  diagnostics.print(errors);
  return module;
}

} // namespace attn::spec

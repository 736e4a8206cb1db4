// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/spec/Analyze.h"
#include "compiler/spec/Checks.h"
#include "compiler/spec/Parser.h"
#include "compiler/spec/Resolve.h"

using namespace llvm;

namespace attn::spec {

StringRef preludeText() {
  static constexpr char text[] = {
#include "compiler/spec/prelude.inc"
  };
  return StringRef(text, sizeof(text));
}

template <typename Decl> static void checkTwice(ArrayRef<Decl> decls, StringRef kind, Diagnostics &diagnostics) {
  StringMap<Loc> first;
  for (const Decl &decl : decls) {
    if (!decl.name)
      continue;
    auto [entry, isNew] = first.try_emplace(decl.name.name, decl.name.loc);
    if (!isNew)
      diagnostics.error(decl.name.loc, kind + " '" + decl.name.name + "' is defined twice")
          .notes.push_back({entry->second, "first defined here"});
  }
}

static void analyzeKernel(const KernelSyntax &syntax, const DefTable &defs, Program &program,
                          Diagnostics &diagnostics) {
  unsigned before = diagnostics.numErrors();
  program.kernels.emplace_back();
  Kernel &kernel = program.kernels.back();
  Resolver(syntax, defs, program, kernel, diagnostics).run();
  TermBuilder build(program);
  checkExtents(kernel, build, diagnostics);
  applyRaggedRanks(kernel, build, diagnostics);
  checkTypes(kernel, diagnostics);
  checkCycles(kernel, diagnostics);
  checkPoints(kernel, diagnostics);
  kernel.hasErrors = diagnostics.numErrors() != before;
  if (!kernel.hasErrors)
    joinUnions(kernel, build);
}

std::unique_ptr<Program> analyze(std::string name, std::string text, Diagnostics &diagnostics) {
  uint32_t file = diagnostics.addSource(std::move(name), std::move(text));
  FileSyntax syntax = parse(file, diagnostics);
  FileSyntax prelude = parse(diagnostics.addSource(preludeName.str(), preludeText().str()), diagnostics);
  DefTable defs;
  for (const DefSyntax &def : prelude.defs)
    defs[def.name.name] = &def;
  for (const DefSyntax &def : syntax.defs) // a file's own def hides the prelude's
    if (def.name)
      defs[def.name.name] = &def;
  checkTwice(ArrayRef<KernelSyntax>(syntax.kernels), "kernel", diagnostics);
  checkTwice(ArrayRef<DefSyntax>(syntax.defs), "def", diagnostics);
  checkDefs(syntax.defs, defs, diagnostics);
  auto program = std::make_unique<Program>();
  for (const KernelSyntax &kernel : syntax.kernels)
    if (!kernel.broken)
      analyzeKernel(kernel, defs, *program, diagnostics);
  if (syntax.kernels.empty() && !diagnostics.hasErrors())
    diagnostics.error({0, file}, "the file defines no kernel");
  return program;
}

} // namespace attn::spec

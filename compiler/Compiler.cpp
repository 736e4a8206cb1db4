// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/Compiler.h"
#include "compiler/DumpPasses.h"
#include "compiler/Pipeline.h"
#include "compiler/spec/Emit.h"
#include "dialects/attn/Attn.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/SourceMgr.h"

using namespace mlir;
using namespace attn;

namespace {

MessageNote noteOf(Diagnostic &diagnostic) {
  MessageNote note;
  if (auto at = diagnostic.getLocation()->findInstanceOf<FileLineColLoc>()) {
    note.file = at.getFilename().str();
    note.line = at.getLine();
    note.column = at.getColumn();
  }
  note.text = diagnostic.str();
  return note;
}

Message messageOf(Diagnostic &diagnostic) {
  Message message;
  static_cast<MessageNote &>(message) = noteOf(diagnostic);
  message.isError = diagnostic.getSeverity() == DiagnosticSeverity::Error;
  for (Diagnostic &note : diagnostic.getNotes())
    message.notes.push_back(noteOf(note));
  return message;
}

/// Errors and warnings are printed with the line of the spec; remarks are kept for those who ask.
class Reporter {
public:
  Reporter(Compilation &compilation, MessageSink errors)
      : printer(sources, compilation.context.get(), errors.text),
        remarks(compilation.context.get(), [&compilation, list = errors.list](Diagnostic &diagnostic) {
          if (diagnostic.getSeverity() != DiagnosticSeverity::Remark) {
            if (list)
              list->push_back(messageOf(diagnostic));
            return failure(); // the printer is next
          }
          std::string text;
          llvm::raw_string_ostream out(text);
          if (auto at = diagnostic.getLocation()->findInstanceOf<FileLineColLoc>())
            out << at.getFilename().getValue() << ':' << at.getLine() << ':' << at.getColumn() << ": ";
          out << diagnostic;
          compilation.remarks.push_back(text);
          return success();
        }) {}

private:
  llvm::SourceMgr sources;
  SourceMgrDiagnosticHandler printer;
  ScopedDiagnosticHandler remarks;
};

void report(const spec::Diagnostics &diagnostics, MessageSink errors) {
  diagnostics.print(errors.text);
  if (!errors.list)
    return;
  auto noteOf = [&](spec::Loc loc, StringRef text) -> MessageNote {
    const spec::Source &source = diagnostics.source(loc.file);
    spec::LineColumn at = source.lineColumn(loc.offset);
    return {source.getName().str(), at.line, at.column, text.str()};
  };
  for (const spec::Diagnostic *diagnostic : diagnostics.inOrder()) {
    Message &message = errors.list->emplace_back();
    static_cast<MessageNote &>(message) = noteOf(diagnostic->loc, diagnostic->message);
    message.isError = diagnostic->severity == spec::Severity::Error;
    message.help = diagnostic->help;
    for (const spec::Note &note : diagnostic->notes)
      message.notes.push_back(noteOf(note.loc, note.message));
  }
}

} // namespace

std::unique_ptr<Compilation> attn::parseSpec(StringRef path, StringRef text, const CompileOptions &options,
                                             MessageSink errors) {
  auto compilation = std::make_unique<Compilation>();
  compilation->options = options;
  compilation->target = options.target.empty() ? hostTarget() : findTarget(options.target);
  if (!compilation->target) {
    errors.error(options.target.empty() ? "no target runs on this processor"
                                        : "unknown target '" + options.target + "'");
    return nullptr;
  }
  DialectRegistry registry;
  registerDialects(registry);
  compilation->context = std::make_unique<MLIRContext>(registry, MLIRContext::Threading::DISABLED);
  compilation->context->loadAllAvailableDialects();
  compilation->context->printOpOnDiagnostic(false);
  Reporter reporter(*compilation, errors);
  spec::EmitOptions emit;
  emit.kernel = options.kernel;
  emit.types = options.types;
  emit.bound = options.bound;
  spec::Diagnostics diagnostics;
  compilation->module = spec::emitFile(path, text, emit, *compilation->context, diagnostics);
  report(diagnostics, errors);
  if (!compilation->module)
    return nullptr;
  for (auto kernel : compilation->module->getOps<KernelOp>())
    compilation->interfaces.push_back(kernelInterface(kernel));
  return compilation;
}

bool attn::runPasses(Compilation &compilation, MessageSink errors) {
  Reporter reporter(compilation, errors);
  PassManager pm(compilation.context.get());
  // Verifying after each pass takes a fifth of the compile time: without a look at what each makes, where phases end.
  pm.enableVerifier(!compilation.options.dumpDir.empty());
  if (!buildPipeline(pm, compilation.options, *compilation.target)) {
    std::string known;
    forEachStop([&](StringRef name) { known += " " + name.str(); });
    errors.error("no phase or pass '" + compilation.options.until + "'; known:" + known);
    return false;
  }
  if (!compilation.options.dumpDir.empty())
    pm.addInstrumentation(createDumpPasses(compilation.options.dumpDir));
  if (failed(pm.run(*compilation.module)) || failed(verify(*compilation.module)))
    return false;
  for (codegen::KernelInterface &interface : compilation.interfaces) {
    interface.numLaunches = 0;
    while (compilation.module->lookupSymbol(interface.name + ".launch" + std::to_string(interface.numLaunches)))
      ++interface.numLaunches;
  }
  return true;
}

static codegen::TargetMachineRow machineRow(const TargetRow &target) {
  return {target.cpu.str(), target.features.str(), target.abiFeatures};
}

llvm::Expected<std::unique_ptr<llvm::Module>> attn::translate(Compilation &compilation, llvm::LLVMContext &context,
                                                              StringRef stem) {
  return codegen::translate(*compilation.module, compilation.interfaces, machineRow(*compilation.target), context,
                            stem);
}

llvm::Expected<llvm::SmallVector<char, 0>> attn::compileObject(Compilation &compilation, StringRef stem) {
  llvm::LLVMContext context;
  llvm::Expected<std::unique_ptr<llvm::Module>> module = translate(compilation, context, stem);
  if (!module)
    return module.takeError();
  return codegen::emitObject(**module, machineRow(*compilation.target));
}

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Any bytes taken for a spec: lexer, parser, checks, attn IR and its verifier. They end in IR or in an error.
#include "compiler/spec/Emit.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/MLIRContext.h"
#include "llvm/Support/raw_ostream.h"
#include <cstdlib>
#include <memory>

using namespace mlir;

/// What a context keeps of each spec would add up.
static MLIRContext &context() {
  constexpr unsigned kMostUses = 500;
  static std::unique_ptr<MLIRContext> made;
  static unsigned uses = 0;
  if (!made || ++uses % kMostUses == 0) {
    made = std::make_unique<MLIRContext>(MLIRContext::Threading::DISABLED);
    made->loadDialect<arith::ArithDialect, math::MathDialect>();
    made->getDiagEngine().registerHandler([](Diagnostic &) { return success(); });
  }
  return *made;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  std::string errors;
  llvm::raw_string_ostream out(errors);
  bool saidMore = false;
  {
    ScopedDiagnosticHandler verifier(&context(), [&](Diagnostic &) { return saidMore = true, success(); });
    OwningOpRef<ModuleOp> module = attn::spec::emitFile("fuzz.attn", {reinterpret_cast<const char *>(data), size},
                                                        attn::spec::EmitOptions(), context(), out);
    if (saidMore || (!module && errors.empty())) // IR that the verifier refuses, or a silent failure
      std::abort();
  }
  return 0;
}

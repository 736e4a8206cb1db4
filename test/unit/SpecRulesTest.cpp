// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Emission of all examples in all element types, and canonical shapes of what it makes.
#include "compiler/spec/Emit.h"
#include "dialects/attn/Attn.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "gtest/gtest.h"

using namespace attn;

namespace {

class SpecEmit : public testing::Test {
protected:
  SpecEmit() {
    mlir::DialectRegistry registry;
    registry.insert<AttnDialect, mlir::arith::ArithDialect, mlir::math::MathDialect>();
    context.appendDialectRegistry(registry);
  }

  mlir::OwningOpRef<mlir::ModuleOp> emit(llvm::StringRef text, const spec::EmitOptions &options = {}) {
    said.clear();
    llvm::raw_string_ostream errors(said);
    return spec::emitFile("t.attn", text, options, context, errors);
  }

  mlir::MLIRContext context;
  std::string said;
};

/// A RUN line's file: its CHECK lines stand in the output in this order. Those with FileCheck's patterns are lit's.
void expectChecks(llvm::StringRef output, llvm::StringRef text, llvm::StringRef file) {
  size_t at = 0;
  llvm::SmallVector<llvm::StringRef> lines;
  text.split(lines, '\n');
  for (llvm::StringRef line : lines)
    if (line.consume_front("# CHECK: ") && !line.contains("{{") && !line.contains("[[")) {
      size_t found = output.find(line, at);
      ASSERT_NE(found, llvm::StringRef::npos) << file.str() << ": " << line.str() << "\nin\n"
                                              << output.drop_front(at).str();
      at = found + line.size();
    }
}

template <typename Fn> unsigned forEachSpec(llvm::StringRef folder, Fn fn) {
  std::error_code error;
  unsigned count = 0;
  for (llvm::sys::fs::directory_iterator file(folder, error), end; file != end && !error; file.increment(error))
    if (llvm::StringRef(file->path()).ends_with(".attn")) {
      ++count;
      fn(file->path(), (*llvm::MemoryBuffer::getFile(file->path()))->getBuffer());
    }
  return count;
}

} // namespace

TEST_F(SpecEmit, EveryExampleInEveryType) {
  unsigned count = forEachSpec(ATTNC_EXAMPLES, [&](llvm::StringRef path, llvm::StringRef text) {
    for (const char *type : {"f32", "f16", "bf16", "f64"}) {
      spec::EmitOptions options;
      options.types["T"] = type;
      EXPECT_TRUE(emit(text, options)) << path.str() << "\n" << said;
      EXPECT_EQ(said, "") << path.str();
    }
  });
  EXPECT_GE(count, 19u);
}

TEST_F(SpecEmit, EveryRuleFile) {
  unsigned count = forEachSpec(ATTNC_SPEC_TESTS, [&](llvm::StringRef path, llvm::StringRef text) {
    auto module = emit(text);
    EXPECT_EQ(bool(module), !text.starts_with("# RUN: not ")) << path.str() << "\n" << said;
    std::string output = said;
    if (module) {
      llvm::raw_string_ostream os(output);
      module->print(os);
    }
    expectChecks(output, text, path);
  });
  EXPECT_GE(count, 20u);
}

TEST_F(SpecEmit, BoundExtentsAreStatic) {
  spec::EmitOptions options;
  options.bound = {{"E", 64}, {"block", 8}};
  auto module = emit("kernel k(Q: f32[p,e], block: const int) -> O: f32[p] { rank c = E/block  X[p,c] = Q[p,c*block] "
                     "O[p] = sum[c] X[p,c] }",
                     options);
  ASSERT_TRUE(module) << said;
  auto kernel = *module->getOps<KernelOp>().begin();
  EXPECT_EQ(kernel.findRank("c").getConstantExtent(), 8);
  EXPECT_EQ(kernel.getNumArguments(), 1u); // a const scalar is no argument
  EXPECT_EQ(mlir::cast<mlir::RankedTensorType>(kernel.getArgumentTypes()[0]).getDimSize(1), 64);
}

TEST_F(SpecEmit, OptionsThatNameNothing) {
  const char *text = "kernel k<T>(Q: T[p], w: const int) -> O: T[p] { O[p] = Q[p] * w }";
  spec::EmitOptions options;
  EXPECT_FALSE(emit(text));
  EXPECT_NE(said.find("const 'w' has no value"), std::string::npos);
  options.bound = {{"w", 2}, {"E", 3}};
  EXPECT_FALSE(emit(text, options));
  EXPECT_NE(said.find("nothing to bind is named 'E'"), std::string::npos);
  options.bound.erase("E");
  options.types["T"] = "i7";
  EXPECT_FALSE(emit(text, options));
  EXPECT_NE(said.find("type 'i7' chosen for 'T'"), std::string::npos);
  options.types.clear();
  options.kernel = "other";
  EXPECT_FALSE(emit(text, options));
  EXPECT_NE(said.find("the file has no kernel 'other'"), std::string::npos);
}

TEST_F(SpecEmit, LocationsPointIntoTheSpecAndThePrelude) {
  auto module = emit("kernel k(S: f32[p,m]) -> A: f32[p,m] {\n  A[p,m] = softmax[m](S)\n}");
  ASSERT_TRUE(module) << said;
  bool seen = false;
  module->walk([&](EinsumOp op) {
    if (op.getName() != "softmax.X")
      return;
    auto site = mlir::dyn_cast<mlir::CallSiteLoc>(op.getLoc());
    ASSERT_TRUE(site);
    auto callee = mlir::cast<mlir::FileLineColLoc>(site.getCallee()),
         caller = mlir::cast<mlir::FileLineColLoc>(site.getCaller());
    EXPECT_EQ(callee.getFilename(), "prelude");
    EXPECT_EQ(callee.getLine(), 2u);
    EXPECT_EQ(caller.getFilename(), "t.attn");
    EXPECT_EQ(caller.getLine(), 2u);
    EXPECT_EQ(caller.getColumn(), 12u);
    seen = true;
  });
  EXPECT_TRUE(seen);
}

TEST_F(SpecEmit, AConditionGuardsWhatIsMadeOutside) {
  // The inner sum reads K at j-2 and must not do so where j < 2.
  auto module =
      emit("kernel k(Q: f32[j,e], K: f32[j,e]) -> O: f32[j] { O[j] = exp(Q[j,e] * K[j-2,e]) + 1.0 if j >= 2 }");
  ASSERT_TRUE(module) << said;
  module->walk([&](EinsumOp op) {
    if (op.getReducerAttr())
      EXPECT_TRUE(op.hasWhere());
  });
}

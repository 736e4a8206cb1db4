// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The check at the end of each phase: accepts what the phase promises, names the first op that breaks it.
#include "compiler/PhaseCheck.h"
#include "compiler/Pipeline.h"
#include "dialects/attn/Attn.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Pass/PassManager.h"
#include "gtest/gtest.h"

using namespace attn;

namespace {

/// The first error of the check on a module, or "" if it accepts it. `damage` stands for a pass that broke it.
std::string check(Phase phase, llvm::StringRef text, void (*damage)(mlir::ModuleOp) = nullptr) {
  mlir::DialectRegistry registry;
  registerDialects(registry);
  mlir::MLIRContext context(registry);
  std::string first;
  mlir::ScopedDiagnosticHandler handler(&context, [&](mlir::Diagnostic &diagnostic) {
    if (first.empty())
      first = diagnostic.str();
  });
  mlir::OwningOpRef<mlir::ModuleOp> module = mlir::parseSourceString<mlir::ModuleOp>(text, &context);
  if (!module)
    return "not parsed: " + first;
  if (damage)
    damage(*module);
  mlir::PassManager passes(&context);
  passes.enableVerifier(false); // as in compilations
  passes.addPass(createPhaseCheck(phase));
  bool accepted = mlir::succeeded(passes.run(*module));
  EXPECT_EQ(accepted, first.empty());
  return first;
}

/// A kernel that copies X, with or without a group around its Einsum.
std::string kernel(bool isGrouped) {
  std::string einsum =
      "attn.einsum [p] = ins(%x = %X[p] : tensor<?xf32, #attn.ranks<p>>) map { attn.yield %x : f32 } : "
      "tensor<?xf32, #attn.ranks<p>>\n";
  std::string body = isGrouped ? "%Y = attn.group -> (tensor<?xf32, #attn.ranks<p>>) {\n%Z = " + einsum +
                                     "attn.yield %Z : tensor<?xf32, #attn.ranks<p>>\n}\n"
                               : "%Y = " + einsum;
  return "attn.kernel @k(%X: tensor<?xf32, #attn.ranks<p>> {attn.name = \"X\"}) -> (tensor<?xf32, #attn.ranks<p>> "
         "{attn.name = \"Y\"}) attributes {ranks = [#attn.rank<p>]} {\n" +
         body + "attn.yield %Y : tensor<?xf32, #attn.ranks<p>>\n}";
}

TEST(PhaseCheck, EinsumsStandInGroupsWhenTheCascadeIsDone) {
  EXPECT_EQ(check(Phase::Spec, kernel(false)), "");
  EXPECT_EQ(check(Phase::Cascade, kernel(true)), "");
  EXPECT_EQ(check(Phase::Cascade, kernel(false)), "'attn.einsum' stands outside a group at the end of phase 'cascade'");
  EXPECT_EQ(check(Phase::Route, kernel(false)), "'attn.einsum' stands outside a group at the end of phase 'route'");
}

TEST(PhaseCheck, NoOpOfAnEarlierLevelIsLeft) {
  EXPECT_EQ(check(Phase::Tile, kernel(true)), "'attn.kernel' is left at the end of phase 'tile'");
  EXPECT_EQ(check(Phase::Target, kernel(true)), "'attn.kernel' is left at the end of phase 'target'");
}

TEST(PhaseCheck, IrIsVerifiedWhereAPhaseEnds) {
  auto dropRanks = [](mlir::ModuleOp module) {
    module.walk([](KernelOp kernel) { kernel->removeAttr(kernel.getRanksAttrName()); });
  };
  EXPECT_EQ(check(Phase::Cascade, kernel(true), dropRanks), "'attn.kernel' op requires attribute 'ranks'");
}

TEST(PhaseCheck, RoutesComeAfterTheCascade) {
  const char *route = "func.func private @f()\n";
  EXPECT_EQ(check(Phase::Route, route), "'func.func' is left at the end of phase 'route'");
  EXPECT_EQ(check(Phase::Tile, route), "");
}

TEST(PhaseCheck, FragmentsHaveLayoutsWhenTilesAreDone) {
  auto zeros = [](llvm::StringRef layout) {
    return "func.func @f() {\n%0 = tile.map [] {\n%z = arith.constant 0.0 : f32\ntile.yield %z : f32\n} -> "
           "!tile.frag<4xf32" +
           layout.str() + ">\nreturn\n}";
  };
  EXPECT_EQ(check(Phase::Tile, zeros(", #tile.layout<(i) -> (i), \"scratch\", [4]>")), "");
  EXPECT_EQ(check(Phase::Tile, zeros("")), "'tile.map' makes a fragment without a layout at the end of phase 'tile'");
  EXPECT_EQ(check(Phase::Target, zeros("")), "'tile.map' is left at the end of phase 'target'");
}

} // namespace

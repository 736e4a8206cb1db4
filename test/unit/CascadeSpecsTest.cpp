// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Specs keep their values through the cascade passes: each file of the folders below is evaluated as written and after
// each pass, in whole, in chunks, and in pieces that `merge` joins in random order and grouping, some of them empty:
// merges are associative and have the state without points as their identity. Values are f64, so that a wrong rewrite
// is no rounding.
#include "compiler/reference/Compare.h"
#include "compiler/reference/Data.h"
#include "compiler/reference/Evaluate.h"
#include "compiler/spec/Emit.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Pass/PassManager.h"
#include "passes/Passes.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "gtest/gtest.h"

using namespace mlir;
using namespace attn;
using reference::Symbols;

namespace {

struct SpecFile {
  std::string path, stem;
};

std::vector<SpecFile> specFiles() {
  std::vector<SpecFile> files;
  for (StringRef folder : {ATTNC_EXAMPLES, ATTNC_CASCADES, ATTNC_RUN_CASCADES}) {
    std::error_code error;
    for (llvm::sys::fs::directory_iterator at(folder, error), end; at != end && !error; at.increment(error))
      if (StringRef path = at->path(); path.ends_with(".attn"))
        files.push_back({path.str(), (llvm::sys::path::filename(llvm::sys::path::parent_path(folder)) + "_" +
                                      llvm::sys::path::stem(path))
                                         .str()});
  }
  llvm::sort(files, [](const SpecFile &a, const SpecFile &b) { return a.path < b.path; });
  return files;
}

class CascadeSpecs : public testing::TestWithParam<SpecFile> {
protected:
  CascadeSpecs() { context.loadDialect<AttnDialect, arith::ArithDialect, math::MathDialect>(); }

  KernelOp kernel() { return *module->getOps<KernelOp>().begin(); }
  void addCase(Symbols::Extents extents, uint64_t seed);
  void addCases();
  void expectSame(StringRef when, const reference::Options &options);

  struct Call {
    std::string shape;
    std::vector<reference::Argument> arguments;
    std::vector<reference::Tensor> want;
  };
  MLIRContext context;
  OwningOpRef<ModuleOp> module;
  std::vector<Call> calls;
};

/// Where requirements cannot hold or an index has nothing to name there is no such call.
void CascadeSpecs::addCase(Symbols::Extents extents, uint64_t seed) {
  Call call;
  for (const auto &each : extents)
    call.shape += (each.getKey() + "=" + llvm::Twine(each.getValue()) + " ").str();
  reference::DataOptions data;
  data.seed = seed;
  auto arguments = reference::makeArguments(kernel(), extents, data);
  if (!arguments)
    return llvm::consumeError(arguments.takeError());
  call.arguments = std::move(*arguments);
  auto want = reference::evaluate(kernel(), call.arguments);
  if (!want) {
    llvm::Error error = want.takeError();
    EXPECT_TRUE(error.isA<reference::EmptyRankError>()) << call.shape;
    return llvm::consumeError(std::move(error));
  }
  call.want = std::move(*want);
  calls.push_back(std::move(call));
}

/// Different small extents, each rank with one point and with none; all of one extent, where a spec
/// wants some to be equal.
void CascadeSpecs::addCases() {
  static constexpr int64_t kExtents[] = {4, 8, 2, 5, 3};
  SmallVector<StringRef> ranks = reference::freeRanks(kernel());
  for (unsigned turn = 0; turn < 3; ++turn) {
    Symbols::Extents extents;
    for (auto [i, rank] : llvm::enumerate(ranks))
      extents[rank] = kExtents[(i * (turn + 1) + turn) % std::size(kExtents)];
    addCase(extents, turn);
    for (StringRef rank : ranks) {
      Symbols::Extents edge = extents;
      edge[rank] = turn == 0 ? 0 : turn == 1 ? 1 : 9;
      addCase(edge, turn + 10);
    }
  }
  if (calls.size() >= 2)
    return;
  for (int64_t extent : {4, 6}) {
    Symbols::Extents extents;
    for (StringRef rank : ranks)
      extents[rank] = extent;
    addCase(extents, extent);
  }
}

void CascadeSpecs::expectSame(StringRef when, const reference::Options &options) {
  for (const Call &call : calls) {
    auto got = reference::evaluate(kernel(), call.arguments, options);
    if (!got) {
      ADD_FAILURE() << when.str() << ", " << call.shape << ": " << llvm::toString(got.takeError());
      continue;
    }
    reference::Comparison comparison;
    for (auto [i, want] : llvm::enumerate(call.want))
      comparison.add(kernel().getResultName(i), want, (*got)[i]);
    EXPECT_TRUE(comparison.isAccepted()) << when.str() << ", " << call.shape << ": "
                                         << reference::describe(comparison.worst);
  }
}

/// Empty if the passes succeed.
static std::string errorOf(PassManager &pm, ModuleOp module) {
  std::string said;
  ScopedDiagnosticHandler listen(module.getContext(), [&](Diagnostic &d) {
    if (d.getSeverity() == DiagnosticSeverity::Error)
      said += d.str();
    return success();
  });
  return succeeded(pm.run(module)) ? "" : said.empty() ? "no error was said" : said;
}

TEST_P(CascadeSpecs, KeepTheirValues) {
  auto text = llvm::MemoryBuffer::getFile(GetParam().path);
  ASSERT_TRUE(bool(text));
  spec::EmitOptions options;
  options.types = {{"T", "f64"}};
  if (!(*text)->getBuffer().contains("<T>"))
    options.types.clear();
  std::string said;
  llvm::raw_string_ostream errors(said);
  module = spec::emitFile(GetParam().path, (*text)->getBuffer(), options, context, errors);
  ASSERT_TRUE(module) << said;
  // What is only evaluated so far ends at the first pass, with one error.
  OwningOpRef<ModuleOp> copy = module->clone();
  PassManager first(&context);
  first.nest<KernelOp>().addPass(createAttnNormalize());
  if (StringRef(errorOf(first, *copy)).ends_with(" is not lowered yet"))
    return;
  addCases();
  ASSERT_GE(calls.size(), 2u);
  reference::Options whole, chunks, pieces;
  chunks.stream.cuts = {0, 2, 3, 3, 5};
  pieces.stream = chunks.stream;
  pieces.stream.pieces = 4;
  for (auto [name, add] : {std::pair<const char *, void (*)(OpPassManager &)>{
                               "attn-normalize", [](OpPassManager &pm) { pm.addPass(createAttnNormalize()); }},
                           {"attn-reassociate", [](OpPassManager &pm) { pm.addPass(createAttnReassociate()); }},
                           {"attn-one-pass", [](OpPassManager &pm) { pm.addPass(createAttnOnePass()); }},
                           {"attn-fuse", [](OpPassManager &pm) { pm.addPass(createAttnFuse()); }}}) {
    PassManager pm(&context);
    add(pm.nest<KernelOp>());
    ASSERT_EQ(errorOf(pm, *module), "") << name;
    bool hasStream = module->walk([](StreamOp) { return WalkResult::interrupt(); }).wasInterrupted();
    expectSame(name, whole);
    if (!hasStream)
      continue;
    expectSame(std::string(name) + " in chunks", chunks);
    for (pieces.stream.seed = 0; pieces.stream.seed < 3; ++pieces.stream.seed)
      expectSame(std::string(name) + " in pieces " + std::to_string(pieces.stream.seed), pieces);
    if (HasFailure())
      return;
  }
}

INSTANTIATE_TEST_SUITE_P(Folders, CascadeSpecs, testing::ValuesIn(specFiles()),
                         [](const auto &info) { return info.param.stem; });

} // namespace

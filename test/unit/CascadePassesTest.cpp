// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The cascade passes against the reference evaluator: random cascades give the same results before, after one pass and
// in groups, in whole, in random chunks, and in pieces that `merge` joins in random order. ATTNC_FUZZ=count[,first
// seed] runs more.
#include "compiler/reference/Evaluate.h"
#include "dialects/attn/Attn.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "passes/Passes.h"
#include "test/unit/CascadeText.h"

namespace t = attn::algebra::test;
using namespace mlir;

namespace {
class CascadePasses : public testing::Test {
protected:
  CascadePasses() {
    context.loadDialect<attn::AttnDialect, arith::ArithDialect, math::MathDialect>();
    context.getDiagEngine().registerHandler([this](Diagnostic &d) {
      if (d.getSeverity() == DiagnosticSeverity::Error)
        errors += d.str() + "\n";
      return success();
    });
  }
  OwningOpRef<ModuleOp> parse(const std::string &text) {
    return parseSourceString<ModuleOp>(text, ParserConfig(&context), "cascade.mlir");
  }
  std::vector<attn::reference::Argument> arguments(const t::Data &data);
  /// The largest relative error over all results, where the text gives a finite value; -1 after an error.
  double compare(ModuleOp module, const t::Cascade &c, const attn::reference::Options &options, bool lenient);
  void check(const t::Cascade &c, unsigned seed, bool lenient);

  MLIRContext context;
  std::string errors;
};

std::vector<attn::reference::Argument> CascadePasses::arguments(const t::Data &data) {
  std::vector<attn::reference::Argument> r;
  Type f64 = Float64Type::get(&context);
  for (auto &[name, array] : data.inputs) {
    attn::reference::Tensor tensor(f64, array.sizes);
    tensor.reals = array.data;
    r.push_back(tensor);
  }
  for (auto &[name, value] : data.parameters)
    r.push_back(attn::reference::Tensor::scalar(f64, attn::reference::Scalar::of(value)));
  return r;
}

double CascadePasses::compare(ModuleOp module, const t::Cascade &c, const attn::reference::Options &options,
                              bool lenient) {
  auto kernel = *module.getOps<attn::KernelOp>().begin();
  auto results = attn::reference::evaluate(kernel, arguments(c.data), options);
  if (!results) {
    errors += llvm::toString(results.takeError()) + "\n";
    return -1;
  }
  double worst = 0;
  for (auto [tensor, result] : llvm::zip_equal(c.outputs, *results)) {
    t::Array got{std::vector<int64_t>(result.shape.begin(), result.shape.end()), result.reals};
    worst = std::max(worst, t::error(got, t::evaluate(tensor, c.data), lenient));
  }
  return worst;
}

void CascadePasses::check(const t::Cascade &c, unsigned seed, bool lenient) {
  std::string text = t::kernelText(c);
  errors.clear();
  OwningOpRef<ModuleOp> module = parse(text);
  ASSERT_TRUE(module) << "seed " << seed << errors << text;
  attn::reference::Options whole;
  auto expect = [&](const char *when, const attn::reference::Options &options) {
    double e = compare(*module, c, options, lenient);
    std::string ir;
    llvm::raw_string_ostream os(ir);
    if (e < 0 || e > 1e-6)
      module->print(os);
    EXPECT_TRUE(e >= 0 && e <= 1e-6) << "seed " << seed << ", " << when << ": error " << e << '\n'
                                     << errors << text << ir;
  };
  expect("as written", whole);
  for (auto [name, add] : {std::pair<const char *, void (*)(OpPassManager &)>{
                               "normalized", [](OpPassManager &pm) { pm.addPass(attn::createAttnNormalize()); }},
                           {"in one pass", [](OpPassManager &pm) { pm.addPass(attn::createAttnOnePass()); }},
                           {"fused", [](OpPassManager &pm) { pm.addPass(attn::createAttnFuse()); }}}) {
    PassManager pm(&context);
    add(pm.nest<attn::KernelOp>());
    if (failed(pm.run(*module))) {
      ADD_FAILURE() << "seed " << seed << ", " << name << ": " << errors << text;
      return;
    }
    expect(name, whole);
    attn::reference::Options chunks;
    chunks.stream.cuts = {0, 2, 3, 3, 5};
    expect(name, chunks);
    chunks.stream.pieces = 3;
    chunks.stream.seed = seed;
    expect(name, chunks);
    if (testing::Test::HasFailure())
      return;
  }
}

TEST_F(CascadePasses, RandomCascadesKeepTheirValues) {
  unsigned count = 80, first = 0;
  if (const char *wish = std::getenv("ATTNC_FUZZ")) {
    auto [n, seed] = llvm::StringRef(wish).split(',');
    n.getAsInteger(10, count);
    seed.getAsInteger(10, first);
  }
  for (unsigned seed = first; seed < first + count && !HasFailure(); ++seed) {
    t::Draw d(seed);
    t::Cascade c = t::draw(seed, d);
    bool finite = true;
    for (const t::Tensor &o : c.outputs)
      finite &= llvm::all_of(t::evaluate(o, c.data).data, [](double v) { return std::isfinite(v); });
    if (!c.needsFinite || finite)
      check(c, seed, /*lenient=*/true);
  }
}
} // namespace

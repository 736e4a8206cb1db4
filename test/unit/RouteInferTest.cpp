// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// route-infer on random predicates against the predicate itself, run point by point: every point that contributes lies
// in exactly one member of the route, and a route that claims to be exact has no other points.
#include "ScalarInterpreter.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "passes/Passes.h"
#include "passes/route/PointSet.h"
#include <random>

using namespace mlir;
using namespace attn;
using namespace attn::route;
using attn::test::Interpreter;

namespace {

class RouteInferTest : public ::testing::Test {
protected:
  RouteInferTest() { context.loadDialect<AttnDialect, RouteDialect, arith::ArithDialect, math::MathDialect>(); }

  MLIRContext context;
  std::mt19937 random{11};
  std::string body;
  int names = 0;

  int64_t draw(int64_t lo, int64_t hi) { return std::uniform_int_distribution<int64_t>(lo, hi)(random); }
  std::string op(const std::string &text) {
    std::string name = "%v" + std::to_string(names++);
    body += name + " = " + text + "\n";
    return name;
  }
  std::string constant(int64_t x) { return op("arith.constant " + std::to_string(x) + " : i64"); }
  std::string binary(StringRef mnemonic, const std::string &a, const std::string &b) {
    return op(mnemonic.str() + " " + a + ", " + b + " : i64");
  }

  std::string number(int depth) {
    if (depth == 0 || draw(0, 4) == 0) {
      std::string leaves[] = {"%pi", "%mi", "%w", "%Pi"};
      int64_t which = draw(0, 5);
      return which < 4 ? leaves[which] : constant(draw(-3, 6));
    }
    switch (draw(0, 7)) {
    case 0:
    case 1:
      return binary("arith.addi", number(depth - 1), number(depth - 1));
    case 2:
    case 3:
      return binary("arith.subi", number(depth - 1), number(depth - 1));
    case 4:
      return binary("arith.muli", number(depth - 1), draw(0, 1) ? constant(draw(-2, 3)) : std::string("%w"));
    case 5:
      return binary(draw(0, 1) ? "attn.idiv" : "attn.imod", number(depth - 1),
                    draw(0, 2) ? constant(draw(1, 4)) : std::string("%w"));
    case 6:
      return binary(draw(0, 1) ? "arith.maxsi" : "arith.minsi", number(depth - 1), number(depth - 1));
    default:
      return op("math.absi " + number(depth - 1) + " : i64");
    }
  }

  std::string condition(int depth) {
    if (depth == 0 || draw(0, 2) == 0) {
      const char *predicates[] = {"slt", "sle", "sgt", "sge", "eq", "ne", "ult"};
      return op("arith.cmpi " + std::string(predicates[draw(0, 6)]) + ", " + number(2) + ", " + number(2) + " : i64");
    }
    if (draw(0, 4) == 0)
      return op("arith.xori " + condition(depth - 1) + ", %true : i1");
    return op((draw(0, 1) ? "arith.andi " : "arith.ori ") + condition(depth - 1) + ", " + condition(depth - 1) +
              " : i1");
  }

  /// One reduction with two conjuncts; positive w is required or not.
  std::string kernel(bool isRequired) {
    body.clear();
    names = 0;
    std::string conjuncts = condition(2), second = condition(1);
    std::string require = "attn.require \"w > 0\" {\n%zero = arith.constant 0 : i64\n"
                          "%c = arith.cmpi sgt, %w, %zero : i64\nattn.yield %c : i1\n}\n";
    std::string state = "tensor<?xf32, #attn.ranks<p>>";
    return "attn.kernel @k(%A: tensor<?x?xf32, #attn.ranks<p, m>> {attn.name = \"A\"}, %w: i64 {attn.name = \"w\"}) -> "
           "(" +
           state +
           " {attn.name = \"X\"}) attributes {ranks = [#attn.rank<p>, #attn.rank<m>]} {\n%P = attn.extent \"p\"\n" +
           (isRequired ? require : "") +
           "%r = attn.stream over [\"m\"] identities [0.0 : f32] step {\n^bb0(%x: " + state +
           "):\n%x1 = attn.einsum [p] = sum [m] ins(%a = %A[p, m] : tensor<?x?xf32, #attn.ranks<p, m>>) points(%ip = "
           "p, %im = m) acc %x : " +
           state +
           " where {\n%true = arith.constant true\n%pi = arith.index_cast %ip : index to i64\n"
           "%mi = arith.index_cast %im : index to i64\n%Pi = arith.index_cast %P : index to i64\n" +
           body + "attn.yield " + conjuncts + ", " + second + " : i1, i1\n} map { attn.yield %a : f32 } : " + state +
           "\nattn.yield %x1 : " + state + "\n} merge {\n^bb0(%x: " + state + ", %y: " + state +
           "):\nattn.yield %x : " + state + "\n} final {\n^bb0(%x: " + state + "):\nattn.yield %x : " + state +
           "\n} : " + state + "\nattn.yield %r : " + state + "\n}";
  }
};

/// Runs the predicate of the only Einsum in the stream's step.
bool contributes(EinsumOp op, Value extent, int64_t P, Value scalar, int64_t w, int64_t p, int64_t m) {
  Interpreter interpreter;
  interpreter.values[extent] = P;
  interpreter.values[scalar] = w;
  Block &where = op.getWhereBody();
  interpreter.values[where.getArgument(1)] = p;
  interpreter.values[where.getArgument(2)] = m;
  for (Operation &each : where.without_terminator())
    interpreter.run(&each);
  return llvm::all_of(op.getConjuncts(), [&](Value conjunct) { return interpreter.get(conjunct) & 1; });
}

/// Numbers for the symbols of a member.
SmallVector<int64_t> symbolsOf(AffineOp member, int64_t P, int64_t M, int64_t w) {
  return llvm::map_to_vector(member.getSymbols(), [&](Value value) {
    auto extent = value.getDefiningOp<ExtentOp>();
    return extent ? (extent.getRank() == "p" ? P : M) : w;
  });
}

TEST_F(RouteInferTest, RouteHoldsEveryContributingPointOnce) {
  int exact = 0, unions = 0;
  for (int trial = 0; trial < 400; ++trial) {
    bool isRequired = draw(0, 1);
    std::string text = kernel(isRequired);
    OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(text, &context);
    ASSERT_TRUE(module) << text;
    PassManager passes(&context);
    passes.addNestedPass<KernelOp>(createRouteInfer());
    if (draw(0, 1))
      passes.addPass(createRouteSimplify());
    ASSERT_TRUE(succeeded(passes.run(*module))) << text;
    StreamOp stream;
    EinsumOp reduction;
    module->walk([&](StreamOp each) { stream = each; });
    stream.getStep().walk([&](EinsumOp each) { reduction = each; });
    auto kernelOp = stream->getParentOfType<KernelOp>();
    Value extent = (*kernelOp.getBody().getOps<ExtentOp>().begin()).getResult(),
          scalar = kernelOp.getBody().getArgument(1);
    SmallVector<AffineOp> members = *affineMembers(stream.getRoute());
    unions += members.size() > 1;
    exact += !members.front().getInexact();
    for (auto [P, M, w] :
         {std::tuple<int64_t, int64_t, int64_t>{5, 7, 2}, {7, 4, 1}, {6, 6, 5}, {4, 5, 0}, {5, 3, -2}}) {
      if (isRequired && w <= 0)
        continue;
      for (int64_t p = 0; p < P; ++p)
        for (int64_t m = 0; m < M; ++m) {
          int64_t holds = 0, anyInexact = false;
          for (AffineOp member : members) {
            SmallVector<int64_t> point;
            for (StringRef name : member.getDimNames())
              point.push_back(name == "p" ? p : m);
            holds += PointSet::of(member).bind(symbolsOf(member, P, M, w)).contains(point);
            anyInexact |= member.getInexact();
          }
          bool needed = contributes(reduction, extent, P, scalar, w, p, m);
          ASSERT_LE(holds, 1) << text;
          if (needed) {
            ASSERT_EQ(holds, 1) << "p " << p << " m " << m << " P " << P << " M " << M << " w " << w << "\n" << text;
          } else if (!anyInexact) {
            ASSERT_EQ(holds, 0) << "p " << p << " m " << m << " P " << P << " M " << M << " w " << w << "\n" << text;
          }
        }
    }
  }
  EXPECT_GT(exact, 60);
  EXPECT_GT(unions, 30);
}

} // namespace

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Blocks of sets, decided by intervals, against enumeration of points; the code that visits them, run by a small
// interpreter, against the same enumeration.
#include "ScalarInterpreter.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include "passes/route/BlockRanges.h"
#include "llvm/Support/MathExtras.h"
#include "gtest/gtest.h"
#include <map>
#include <random>

using namespace mlir;
using namespace attn::route;
using attn::test::Interpreter;

namespace {

struct Case {
  PointSet set;
  SmallVector<int64_t> extents, block;
  /// Every constraint is linear in the last dimension or does not mention it: no block may be partial without need.
  bool sharp = true;
};

/// All points of the block within `within`, and how many of them are in the set.
struct Enumerated {
  int64_t present = 0, asked = 0;
};

Enumerated countPoints(const PointSet &set, ArrayRef<int64_t> first, ArrayRef<int64_t> block) {
  Enumerated result;
  SmallVector<int64_t> point(first);
  std::function<void(unsigned)> walk = [&](unsigned d) {
    if (d == set.numDims) {
      result.asked += llvm::all_of(set.within, [&](AffineExpr e) { return evaluate(e, point, {}) >= 0; });
      result.present += set.contains(point);
      return;
    }
    for (point[d] = first[d]; point[d] < first[d] + block[d]; ++point[d])
      walk(d + 1);
  };
  walk(0);
  return result;
}

/// All first points of blocks in the box of extents, and one block beyond in the last dimension.
void forEachBlock(ArrayRef<int64_t> extents, ArrayRef<int64_t> block, function_ref<void(ArrayRef<int64_t>)> visit) {
  SmallVector<int64_t> first(extents.size(), 0);
  std::function<void(unsigned)> walk = [&](unsigned d) {
    if (d == extents.size())
      return visit(first);
    for (first[d] = 0; first[d] < extents[d] + (d + 1 == extents.size() ? block[d] : 0); first[d] += block[d])
      walk(d + 1);
  };
  walk(0);
}

class RouteTest : public ::testing::Test {
protected:
  RouteTest() {
    context.loadDialect<RouteDialect, arith::ArithDialect, scf::SCFDialect, func::FuncDialect>();
    context.allowUnregisteredDialects();
  }

  MLIRContext context;
  std::mt19937 random{7};

  int64_t draw(int64_t lo, int64_t hi) { return std::uniform_int_distribution<int64_t>(lo, hi)(random); }
  AffineExpr dim(unsigned d) { return getAffineDimExpr(d, &context); }
  AffineExpr number(int64_t x) { return getAffineConstantExpr(x, &context); }

  /// A constraint over (p, m) of one of the kinds that specs make.
  AffineExpr constraint(bool &sharp) {
    AffineExpr p = dim(0), m = dim(1);
    AffineExpr shift = number(draw(-9, 9)), d = number(draw(1, 9));
    switch (draw(0, 10)) {
    case 0:
      return p + shift - m;
    case 1:
      return m - p + draw(0, 12);
    case 2:
      return number(draw(0, 20)) - m;
    case 3:
      return m - shift;
    case 4:
      return p * draw(1, 3) + shift - m * draw(1, 4);
    case 5:
      return p.floorDiv(d) - m.floorDiv(d);
    case 6:
      return m.floorDiv(d) - p.floorDiv(d) + draw(0, 2);
    case 7:
      return (p + shift).floorDiv(d) * d - m;
    case 8:
      sharp = false;
      return -((m - p) % d);
    case 9:
      sharp = false;
      return m % d - p.floorDiv(d);
    default:
      return p - draw(0, 12);
    }
  }

  Case drawCase() {
    Case c;
    c.extents = {draw(0, 17), draw(0, 23)};
    c.block = {draw(1, 7), draw(1, 8)};
    c.set.numDims = 2;
    for (int64_t i = draw(0, 3); i > 0; --i)
      c.set.constraints.push_back(constraint(c.sharp));
    c.set.constraints.push_back(number(c.extents[1] - 1) - dim(1));
    c.set.within.push_back(number(c.extents[0] - 1) - dim(0));
    c.set.exact = draw(0, 9) != 0;
    return c;
  }
};

TEST_F(RouteTest, NoBlockIsMisjudged) {
  int64_t needless = 0, sharpBlocks = 0;
  for (int trial = 0; trial < 3000; ++trial) {
    Case c = drawCase();
    forEachBlock(c.extents, c.block, [&](ArrayRef<int64_t> first) {
      SmallVector<Interval<int64_t>> box;
      for (auto [x, size] : llvm::zip(first, c.block))
        box.push_back({x, x + size - 1});
      Enumerated truth = countPoints(c.set, first, c.block);
      BlockState state = classify(c.set, box);
      if (state == BlockState::Empty)
        EXPECT_EQ(truth.present, 0);
      if (state == BlockState::Full)
        EXPECT_TRUE(c.set.exact && truth.present == truth.asked);
      if (c.set.exact && c.sharp && state != BlockState::Full)
        EXPECT_NE(truth.present, truth.asked) << "a full block is called partial";
      sharpBlocks += c.sharp;
      needless += c.sharp && state != BlockState::Empty && truth.present == 0;
    });
  }
  // Constraints are judged one by one: a block that each of several leaves possible may be empty.
  EXPECT_LT(needless, sharpBlocks / 20);
}

TEST_F(RouteTest, OneConstraintIsJudgedExactly) {
  for (int trial = 0; trial < 2000; ++trial) {
    Case c = drawCase();
    c.sharp = true;
    c.set.constraints = {constraint(c.sharp)};
    if (!c.sharp)
      continue;
    forEachBlock(c.extents, c.block, [&](ArrayRef<int64_t> first) {
      Enumerated truth = countPoints(c.set, first, c.block);
      if (truth.asked == 0)
        return;
      BlockState state =
          classify(c.set, {{first[0], first[0] + c.block[0] - 1}, {first[1], first[1] + c.block[1] - 1}});
      EXPECT_EQ(state == BlockState::Empty, truth.present == 0);
    });
  }
}

TEST_F(RouteTest, CountsAgreeWithEnumeration) {
  for (int trial = 0; trial < 1500; ++trial) {
    Case c = drawCase();
    FailureOr<BlockCounts> counts = countBlocks(c.set, c.extents, c.block, /*numLeading=*/1);
    ASSERT_TRUE(succeeded(counts));
    int64_t points = 0, full = 0, visited = 0;
    forEachBlock(c.extents, c.block, [&](ArrayRef<int64_t> first) {
      points += countPoints(c.set, first, c.block).present;
      BlockState state =
          classify(c.set, {{first[0], first[0] + c.block[0] - 1}, {first[1], first[1] + c.block[1] - 1}});
      visited += state != BlockState::Empty;
      full += state == BlockState::Full;
    });
    EXPECT_EQ(counts->points, points);
    EXPECT_EQ(counts->visited, counts->full + counts->partial);
    if (c.sharp) {
      EXPECT_EQ(counts->visited, visited);
      EXPECT_EQ(counts->full, full);
    }
  }
}

TEST_F(RouteTest, CausalSquareHasHalfItsBlocks) {
  Case c;
  c.set.numDims = 2;
  c.set.constraints = {dim(0) - dim(1), number(2047) - dim(1)};
  c.set.within = {number(2047) - dim(0)};
  FailureOr<BlockCounts> counts = countBlocks(c.set, {2048, 2048}, {64, 256}, 1);
  ASSERT_TRUE(succeeded(counts));
  EXPECT_EQ(counts->total, 256);
  EXPECT_EQ(counts->visited, 144);
  EXPECT_EQ(counts->partial, 32);
  EXPECT_EQ(counts->points, 2048 * 2049 / 2);
}

TEST_F(RouteTest, ProductOfTwoIntervals) {
  // |u - y| <= 2 and |v - x| <= 1 in a 9 x 7 image: dimensions y, x, u, v
  Case c;
  c.set.numDims = 4;
  c.set.constraints = {dim(2) - dim(0) + 2, dim(0) - dim(2) + 2, dim(3) - dim(1) + 1,
                       dim(1) - dim(3) + 1, number(8) - dim(2),  number(6) - dim(3)};
  c.set.within = {number(8) - dim(0), number(6) - dim(1)};
  c.extents = {9, 7, 9, 7};
  c.block = {2, 3, 2, 2};
  FailureOr<BlockCounts> counts = countBlocks(c.set, c.extents, c.block, 2);
  ASSERT_TRUE(succeeded(counts));
  int64_t points = 0, full = 0, visited = 0;
  SmallVector<int64_t> padded{9, 7, 10, 8};
  forEachBlock(padded, c.block, [&](ArrayRef<int64_t> first) {
    Enumerated truth = countPoints(c.set, first, c.block);
    points += truth.present;
    visited += truth.present > 0;
    full += truth.present == truth.asked;
  });
  EXPECT_EQ(counts->points, points);
  EXPECT_EQ(counts->visited, visited);
  EXPECT_EQ(counts->full, full);
}

TEST_F(RouteTest, SubtractionSplitsAUnion) {
  // sinks without window, below the diagonal: {m < 4} - {p - m < w}, one piece: p - m >= w
  unsigned s = 0;
  AffineExpr p = dim(0), m = dim(1), w = getAffineSymbolExpr(s, &context);
  PointSet window, sinks;
  window.numDims = sinks.numDims = 2;
  window.numSymbols = sinks.numSymbols = 1;
  window.constraints = {p - m, m - p + w - 1};
  sinks.constraints = {p - m, number(3) - m};
  SmallVector<PointSet> pieces = subtract(sinks, window, NaturalSymbols(1));
  ASSERT_EQ(pieces.size(), 1u);
  for (int64_t width : {0, 1, 5, 40})
    for (int64_t i = 0; i < 12; ++i)
      for (int64_t j = 0; j < 12; ++j) {
        bool inWindow = window.bind({width}).contains({i, j}), inSinks = sinks.bind({width}).contains({i, j});
        EXPECT_EQ(pieces[0].bind({width}).contains({i, j}), inSinks && !inWindow);
      }
}

//===-- the code -----------------------------------------------------------------------------------------------------

/// A function over (p0, symbols.., n) with one route.for that records its blocks and counts them from n.
struct Program {
  OwningOpRef<ModuleOp> module;
  func::FuncOp function;
  ForOp loop;

  Program(MLIRContext *context, StringRef set, StringRef block) {
    std::string text = "func.func @f(%p0: index, %P: index, %M: index, %w: index, %n: index) -> index {\n"
                       "%one = arith.constant 1 : index\n" +
                       set.str() + "\n%r = route.for (%m0, %full) in %set at (%p0) block " + block.str() +
                       " iter_args(%c = %n : index) {\n"
                       "\"test.visit\"(%m0, %full) : (index, i1) -> ()\n%c1 = arith.addi %c, %one : index\n"
                       "route.yield %c1 : index }\nreturn %r : index }";
    module = parseSourceString<ModuleOp>(text, context);
    if (!module)
      return;
    function = *module->getOps<func::FuncOp>().begin();
    function.walk([&](ForOp each) { loop = each; });
  }

  FailureOr<SmallVector<Value>> expand(RouteExpansion strategy) {
    IRRewriter rewriter(module->getContext());
    FailureOr<SmallVector<Value>> results = expandRouteFor(rewriter, loop, strategy);
    EXPECT_TRUE(succeeded(verify(*module)));
    return results;
  }

  std::vector<std::vector<int64_t>> run(ArrayRef<int64_t> arguments) {
    Interpreter interpreter;
    for (auto [argument, value] : llvm::zip(function.getArguments(), arguments))
      interpreter.values[argument] = value;
    interpreter.block(function.getBody().front());
    Value result = function.getBody().front().getTerminator()->getOperand(0);
    EXPECT_EQ(interpreter.get(result), arguments.back() + int64_t(interpreter.visits.size()));
    return interpreter.visits;
  }
  unsigned copies() {
    unsigned n = 0;
    module->walk([&](Operation *op) { n += op->getName().getStringRef() == "test.visit"; });
    return n;
  }
};

/// Members of `set` at (P, M, w), one after the other, as the contract of route.for has it.
void checkVisits(Program &program, ArrayRef<PointSet> members, int64_t P, int64_t M, int64_t w,
                 ArrayRef<int64_t> block) {
  for (int64_t p0 = 0; p0 < P; p0 += block[0]) {
    std::vector<std::vector<int64_t>> visits = program.run({p0, P, M, w, 100});
    std::vector<std::vector<int64_t>> expected;
    for (const PointSet &member : members) {
      PointSet set = member.bind(SmallVector<int64_t>{P, M, w});
      for (int64_t m0 = 0; m0 < M; m0 += block[1]) {
        BlockState state = classify(set, {{p0, p0 + block[0] - 1}, {m0, m0 + block[1] - 1}});
        if (state != BlockState::Empty)
          expected.push_back({m0, state == BlockState::Full});
      }
    }
    EXPECT_EQ(visits, expected) << "p0 " << p0 << " P " << P << " M " << M << " w " << w;
  }
}

TEST_F(RouteTest, CodeVisitsWhatTheFormulasSay) {
  StringRef sets[] = {
      "[p + M - P - m, M - 1 - m] within [P - 1 - p]",
      "[p - m, m - p + w - 1, M - 1 - m] within [P - 1 - p]",
      "[m - p + 3, p - m + 3, M - 1 - m] within [P - 1 - p]",
      "[w - 1 - m, M - 1 - m, p - 5] within [P - 1 - p]",
      "[p floordiv w - (m floordiv w), M - 1 - m] within [P - 1 - p]",
      "[p floordiv w - (m floordiv w), m floordiv w - p floordiv w + 1, M - 1 - m] within [P - 1 - p]",
      "[p * w - m * 2, M - 1 - m] within [P - 1 - p]",
      "[p - m, -((p - m) mod 6), M - 1 - m] within [P - 1 - p]",
      "[p - m, -((p - m) mod w), M - 1 - m] within [P - 1 - p]",
      "[p - m, M - 1 - m] within [P - 1 - p] inexact",
  };
  for (StringRef set : sets)
    for (RouteExpansion strategy : {RouteExpansion::Peel, RouteExpansion::Flag})
      for (auto [text, block] :
           {std::pair("[4, 8]", SmallVector<int64_t>{4, 8}), {"[5, 3]", {5, 3}}, {"[1, 7]", {1, 7}}}) {
        std::string affine = "%set = route.affine [p, m] symbols(P = %P, M = %M, w = %w) where " + set.str();
        Program program(&context, affine, text);
        ASSERT_TRUE(program.module) << set.str();
        PointSet points = PointSet::of(program.loop.getSet().getDefiningOp<AffineOp>());
        ASSERT_TRUE(succeeded(program.expand(strategy)));
        EXPECT_LE(program.copies(), strategy == RouteExpansion::Flag ? 1u : 3u);
        for (auto [P, M, w] : {std::tuple(13, 13, 4), {7, 22, 1}, {22, 7, 9}, {5, 0, 3}, {9, 24, 6}})
          checkVisits(program, points, P, M, w, block);
      }
}

TEST_F(RouteTest, UnionMembersFollowEachOther) {
  std::string text =
      "%a = route.affine [p, m] symbols(P = %P, M = %M, w = %w) where [p - m, m - p + w - 1, M - 1 - m]\n"
      "%b = route.affine [p, m] symbols(P = %P, M = %M, w = %w) where [p - m - w, 3 - m, M - 1 - m]\n"
      "%set = route.union %a, %b";
  for (RouteExpansion strategy : {RouteExpansion::Peel, RouteExpansion::Flag}) {
    Program program(&context, text, "[4, 8]");
    SmallVector<PointSet> members;
    SmallVector<AffineOp> ops = *affineMembers(program.loop.getSet());
    for (AffineOp each : ops)
      members.push_back(PointSet::of(each));
    ASSERT_TRUE(succeeded(program.expand(strategy)));
    EXPECT_EQ(program.copies(), strategy == RouteExpansion::Flag ? 2u : 5u); // sinks have no left edge
    for (auto [P, M, w] : {std::tuple(13, 13, 4), {40, 40, 9}, {3, 3, 100}})
      checkVisits(program, members, P, M, w, {4, 8});
  }
}

TEST_F(RouteTest, PeelCopiesOnlyWhatCanBeFull) {
  auto copies = [&](StringRef set) {
    Program program(&context, "%set = route.affine [p, m] symbols(M = %M, w = %w) where " + set.str(), "[4, 8]");
    EXPECT_TRUE(succeeded(program.expand(RouteExpansion::Peel)));
    return program.copies();
  };
  EXPECT_EQ(copies("[p - m, M - 1 - m]"), 2u); // no left edge: nothing partial before the full blocks
  EXPECT_EQ(copies("[p - m, m - p + w - 1, M - 1 - m]"), 3u);
  EXPECT_EQ(copies("[p - m, -((p - m) mod w), M - 1 - m]"), 1u); // tested block by block
  EXPECT_EQ(copies("[p - m, M - 1 - m] inexact"), 1u);
}

TEST_F(RouteTest, TwoDimensionsNest) {
  std::string text =
      "func.func @f(%y0: index, %x0: index, %n: index) -> index {\n%one = arith.constant 1 : index\n"
      "%set = route.affine [y, x, u, v] where [u - y + 2, y - u + 2, v - x + 1, x - v + 1, 8 - u, 6 - v] within [8 - "
      "y, 6 - x]\n"
      "%r = route.for (%u0, %v0, %full) in %set at (%y0, %x0) block [2, 3, 2, 2] iter_args(%c = %n : index) {\n"
      "\"test.visit\"(%u0, %v0, %full) : (index, index, i1) -> ()\n%c1 = arith.addi %c, %one : index\n"
      "route.yield %c1 : index }\nreturn %r : index }";
  OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(text, &context);
  ASSERT_TRUE(module);
  ForOp loop;
  module->walk([&](ForOp each) { loop = each; });
  PointSet set = PointSet::of(loop.getSet().getDefiningOp<AffineOp>());
  IRRewriter rewriter(&context);
  ASSERT_TRUE(succeeded(expandRouteFor(rewriter, loop, RouteExpansion::Peel)));
  auto function = *module->getOps<func::FuncOp>().begin();
  for (int64_t y0 = 0; y0 < 9; y0 += 2)
    for (int64_t x0 = 0; x0 < 7; x0 += 3) {
      Interpreter interpreter;
      for (auto [argument, value] : llvm::zip(function.getArguments(), SmallVector<int64_t>{y0, x0, 0}))
        interpreter.values[argument] = value;
      interpreter.block(function.getBody().front());
      std::vector<std::vector<int64_t>> expected;
      for (int64_t u0 = 0; u0 < 10; u0 += 2)
        for (int64_t v0 = 0; v0 < 8; v0 += 2) {
          Enumerated truth = countPoints(set, {y0, x0, u0, v0}, {2, 3, 2, 2});
          if (truth.present)
            expected.push_back({u0, v0, truth.present == truth.asked});
        }
      EXPECT_EQ(interpreter.visits, expected);
    }
}

TEST_F(RouteTest, UnboundedDimensionIsAnError) {
  Program program(&context, "%set = route.affine [p, m] where [m - p]", "[4, 8]");
  std::string message;
  ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diagnostic) { message = diagnostic.str(); });
  EXPECT_TRUE(failed(program.expand(RouteExpansion::Flag)));
  EXPECT_EQ(message, "'route.for' op nothing bounds 'm' from above in closed form");
}

} // namespace

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Selections: what is picked, which picks of a kernel pass (R21), sets as lists.
#include "Reference.h"
#include "compiler/reference/Data.h"
#include "compiler/reference/Select.h"
#include "compiler/reference/Sets.h"
#include <cmath>
#include <limits>

using namespace attn;
using namespace attn::reference;

namespace {

using Members = std::vector<int64_t>;

SelectionRow row(llvm::StringRef kind, std::vector<double> scores, Scalar by = {}, double error = 0) {
  SelectionRow row{kind, true, by, kind != "topk", {}};
  for (auto [i, score] : llvm::enumerate(scores)) {
    Scalar value = Scalar::of(score);
    value.error = error;
    row.candidates.push_back({{int64_t(i)}, value});
  }
  return row;
}
SelectionRow topk(int64_t k, std::vector<double> scores, double error = 0) {
  return row("topk", std::move(scores), Scalar::of(k), error);
}

Members picked(const SelectionRow &row) {
  Members members;
  for (unsigned i : pick(row))
    members.push_back(row.candidates[i].index[0]);
  return members;
}

std::string fault(const SelectionRow &row, Members members) { return judge(row, members).value_or(""); }

/// One standard deviation of the scores; Compare.h accepts eight of the difference's.
constexpr double kError = 1e-7;

TEST(ReferenceSelect, WhatIsPickedIsAccepted) {
  double inf = std::numeric_limits<double>::infinity();
  for (double error : {0.0, kError})
    for (auto &scores :
         std::vector<std::vector<double>>{{}, {1}, {3, 1, 3, 2}, {0, 0, 0}, {-inf, 5, -inf}, {inf, inf, 1}}) {
      for (int64_t k : {-1, 0, 1, 2, 9})
        EXPECT_EQ(fault(topk(k, scores, error), picked(topk(k, scores, error))), "");
      EXPECT_EQ(fault(row("argmax", scores, {}, error), picked(row("argmax", scores, {}, error))), "");
      for (double bound : {0.0, 0.4, 1.0, 3.0})
        EXPECT_EQ(fault(row("above", scores, Scalar::of(bound), error),
                        picked(row("above", scores, Scalar::of(bound), error))),
                  "");
    }
  for (double bound : {-1.0, 0.0, 0.3, 0.5, 0.999, 1.0, 2.0})
    for (auto &weights : std::vector<std::vector<double>>{{}, {1}, {1, 4, 2, 1}, {0, 0}})
      EXPECT_EQ(fault(row("topp", weights, Scalar::of(bound)), picked(row("topp", weights, Scalar::of(bound)))), "")
          << bound;
}

TEST(ReferenceSelect, NearTiesMayComeInEitherOrder) {
  SelectionRow near = topk(2, {1, 5, 5 + 4 * kError, 2}, kError);
  EXPECT_EQ(fault(near, {2, 1}), "");
  EXPECT_EQ(fault(near, {1, 2}), "");
  SelectionRow last = topk(1, {1, 5, 5 + 4 * kError, 2}, kError);
  EXPECT_EQ(fault(last, {1}), "");
  EXPECT_EQ(fault(last, {2}), "");
  EXPECT_EQ(fault(row("argmax", {5, 5 + 4 * kError}, {}, kError), {0}), "");
}

TEST(ReferenceSelect, WhatIsFurtherApartMayNot) {
  SelectionRow far = topk(2, {1, 5, 5 + 100 * kError, 2}, kError);
  EXPECT_EQ(fault(far, {2, 1}), "");
  EXPECT_NE(fault(far, {1, 2}), "");
  EXPECT_NE(fault(topk(1, {1, 5, 4, 2}, kError), {2}), "");
  EXPECT_NE(fault(row("argmax", {5, 6}, {}, kError), {0}), "");
  EXPECT_EQ(fault(topk(1, {1, 5, 4, 2}, kError), {2}), "2 of score 4.000000 is picked, 1 of score 5.000000 is not");
}

TEST(ReferenceSelect, ExactTiesGoToTheLowerIndex) {
  EXPECT_EQ(fault(topk(1, {3, 3}), {0}), "");
  EXPECT_NE(fault(topk(1, {3, 3}), {1}), "");
  EXPECT_NE(fault(topk(2, {3, 3}), {1, 0}), "");
  EXPECT_EQ(fault(topk(1, {3, 3}, kError), {1}), ""); // rounding may have made the second larger
}

TEST(ReferenceSelect, CountAndMembersMustBeRight) {
  EXPECT_EQ(fault(topk(2, {3, 2, 1}), {0}), "1 members, expected 2");
  EXPECT_EQ(fault(topk(2, {3, 2, 1}), {0, 1, 2}), "3 members, expected 2");
  EXPECT_EQ(fault(topk(2, {3, 2, 1}), {0, 7}), "member 7 is absent or NaN");
  EXPECT_EQ(fault(topk(2, {3, 2, 1}), {0, 0}), "0 of score 3.000000 stands twice");
  EXPECT_EQ(fault(row("argmax", {3, 2}), {}), "0 members, expected 1");
}

TEST(ReferenceSelect, BoundsHaveAMarginToo) {
  SelectionRow above = row("above", {1, 2 + 4 * kError, 3}, Scalar::of(2.0), kError);
  EXPECT_EQ(fault(above, {2, 1}), "");
  EXPECT_EQ(fault(above, {2}), "");
  EXPECT_EQ(fault(above, {1}), "2 of score 3.000000 is missing");
  EXPECT_EQ(fault(above, {2, 1, 0}), "0 of score 1.000000 is not above the bound");
  SelectionRow exact = row("above", {1, 2, 3}, Scalar::of(2.0));
  EXPECT_NE(fault(exact, {2, 1}), "");
  SelectionRow mass = row("topp", {4, 2, 1, 1}, Scalar::of(0.5), kError);
  EXPECT_EQ(fault(mass, {0}), "");
  EXPECT_EQ(fault(mass, {0, 1}), ""); // one half may have come out as just less
  EXPECT_EQ(fault(mass, {0, 1, 2}), "2 members reach the bound already");
  EXPECT_EQ(fault(mass, {}), "0 members do not reach the bound");
}

class ReferenceSelections : public ReferenceTest {};

/// The oracle goes on from the kernel's own selection: with near ties its result is another one, and right.
TEST_F(ReferenceSelections, TheOracleGoesOnFromWhatTheKernelSelected) {
  KernelOp kernel = parse(R"(
    attn.kernel @k(%Q: $f32(e) {attn.name = "Q"}, %K: $f32(m, e) {attn.name = "K"}, %V: $f32(m) {attn.name = "V"})
        -> (tensor<!attn.set<1>, #attn.ranks<>> {attn.name = "Sel", attn.capacity = "one"}, $f32() {attn.name = "O"})
        attributes {ranks = [#attn.rank<e>, #attn.rank<m>, #attn.rank<one = 1>]} {
      %R = attn.einsum [m] = sum [e] ins(%q = %Q[e] : $f32(e), %k = %K[m, e] : $f32(m, e)) map {
        %x = arith.mulf %q, %k : f32
        attn.yield %x : f32
      } : $f32(m)
      %one = arith.constant 1 : index
      %Sel = attn.select "topk" ["m"] of (%R : $f32(m)) by %one : index {name = "Sel"} : tensor<!attn.set<1>, #attn.ranks<>>
      %O = attn.einsum [] = sum [m] ins(%s = %Sel[] : tensor<!attn.set<1>, #attn.ranks<>>, %v = %V[m] : $f32(m))
             points(%im = m) where {
        %in = attn.contains %s[%im] : <1>
        attn.yield %in : i1
      } map {
        attn.yield %v : f32
      } : $f32()
      attn.yield %Sel, %O : tensor<!attn.set<1>, #attn.ranks<>>, $f32()
    })");
  // Keys 1 and 2 have the scores 0.6 and 0.6 - 6e-8, key 0 is far off.
  auto query = [](llvm::ArrayRef<int64_t> i) { return i[0] ? 0.7 : 0.3; };
  auto keys = [](llvm::ArrayRef<int64_t> i) { return i[0] == 0 ? 0.1 : i[0] == 1 || i[1] ? 0.6 : 0.6 - 6e-8; };
  auto values = [](llvm::ArrayRef<int64_t> i) { return 1 + i[0]; };
  std::vector<Argument> arguments = {floats({2}, query), floats({3, 2}, keys), floats({3}, values)};
  std::vector<Tensor> own = run(kernel, arguments);
  ASSERT_EQ(own.size(), 2u);
  EXPECT_EQ(membersOf(own[0].integers[0]), llvm::ArrayRef<int64_t>({1}));
  EXPECT_EQ(own[1].reals[0], 2);
  auto withGiven = [&](int64_t member, GivenSelections &given) {
    Tensor sets(own[0].elementType, {});
    sets.integers[0] = internSet(member, 1);
    given.ofResult["Sel"] = sets;
    Options options;
    options.selections = &given;
    return run(kernel, arguments, options);
  };
  GivenSelections near, far;
  std::vector<Tensor> other = withGiven(2, near);
  EXPECT_TRUE(near.faults.empty());
  EXPECT_EQ(other[1].reals[0], 3);
  withGiven(0, far);
  ASSERT_EQ(far.faults.size(), 1u);
  EXPECT_TRUE(llvm::StringRef(far.faults[0]).starts_with("Sel[]: 0 of score 0.1")) << far.faults[0];
}

TEST(ReferenceSets, MembersAreOrderedAndDistinct) {
  int64_t set = internSet({3, 1, 3, -1, 2}, 1);
  EXPECT_EQ(membersOf(set), llvm::ArrayRef<int64_t>({3, 1, 2}));
  EXPECT_EQ(set, internSet({3, 1, 2}, 1));
  EXPECT_NE(set, internSet({1, 3, 2}, 1));
  EXPECT_EQ(placeOf(set, 2), 2);
  EXPECT_EQ(placeOf(set, 5), std::nullopt);
  EXPECT_EQ(internSet({-1, -1}, 1), 0);
  int64_t pairs = internSet({1, 2, 2, 1, 1, 2, -1, 4, 5}, 2);
  EXPECT_EQ(membersOf(pairs), llvm::ArrayRef<int64_t>({1, 2, 2, 1}));
  EXPECT_EQ(placeOf(pairs, {2, 1}), 1);
  EXPECT_EQ(placeOf(pairs, {2, 2}), std::nullopt);
}

TEST_F(ReferenceSelections, ListsArePaddedAndReadBack) {
  Tensor sets(IndexSetType::get(&context, 2), {2});
  sets.integers = {internSet({4, 5}, 2), 0};
  Tensor list = listOf(sets, 2);
  EXPECT_EQ(list.shape, (llvm::SmallVector<int64_t>{2, 2, 2}));
  EXPECT_EQ(list.integers, (Members{4, 5, -1, -1, -1, -1, -1, -1}));
  EXPECT_EQ(setsOf(list, sets.elementType).integers, sets.integers);
  EXPECT_EQ(largestSet(sets), 1);
}

/// Random sets have members of the extents that they index, and no more than fit; in every other case optional tensors
/// are not given, and ranks that only they have are empty.
TEST_F(ReferenceSelections, ArgumentsAreDrawn) {
  KernelOp kernel = parse(R"(
    attn.kernel @k(%S: tensor<?x!attn.set<2>, #attn.ranks<b>> {attn.name = "S", attn.capacity = "cap", attn.members = ["i", "j"]},
                   %X: $f32(i, j) {attn.name = "X"}, %H: $f32(n) {attn.name = "H", attn.optional}, %U: tensor<?xui8, #attn.ranks<b>> {attn.name = "U"}) -> ()
        attributes {ranks = [#attn.rank<b>, #attn.rank<i>, #attn.rank<j>, #attn.rank<n>, #attn.rank<cap = 5>]} {
      attn.yield
    })");
  int64_t members = 0;
  for (unsigned number = 0; number < numCases(kernel); ++number) {
    llvm::Expected<Case> drawn = makeCase(kernel, number, {});
    ASSERT_TRUE(bool(drawn)) << llvm::toString(drawn.takeError());
    const Tensor &sets = *drawn->arguments[0];
    EXPECT_LE(largestSet(sets), 5);
    for (int64_t set : sets.integers)
      for (auto [i, component] : llvm::enumerate(membersOf(set))) {
        ++members;
        EXPECT_LT(component, drawn->extents[i % 2 ? "j" : "i"]);
      }
    EXPECT_EQ(drawn->arguments[2].has_value(), number % 2 == 0);
    if (number % 2)
      EXPECT_EQ(drawn->extents["n"], 0);
    for (int64_t byte : drawn->arguments[3]->integers)
      EXPECT_TRUE(byte >= 0 && byte < 256);
  }
  EXPECT_GT(members, 20);
}

} // namespace

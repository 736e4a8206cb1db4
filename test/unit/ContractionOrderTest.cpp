// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/attn/algebra/ContractionOrder.h"
#include "gtest/gtest.h"

using namespace attn;

namespace {
enum : RankSet { P = 1, M = 2, E = 4, F = 8 };

/// x[p,e] y[m,e] z[m,f], reduced over e and m, for these extents.
ContractionOrder chain(double p, double m, double e, double f) {
  return *cheapestOrder({P | E, M | E, M | F}, P | F, {p, m, e, f});
}
} // namespace

TEST(ContractionOrder, ManyRowsContractTheOthersFirst) {
  ContractionOrder order = chain(1000, 1000, 8, 8);
  ASSERT_EQ(order.steps.size(), 2u);
  EXPECT_EQ(order.steps[0].result, RankSet(E | F));
  EXPECT_EQ(order.steps[0].reduced, RankSet(M));
  EXPECT_EQ(order.cost, 1000 * 8 * 8 + 1000 * 8 * 8);
}

TEST(ContractionOrder, FewRowsGoFirst) {
  ContractionOrder order = chain(1, 1000, 8, 8);
  ASSERT_EQ(order.steps.size(), 2u);
  EXPECT_EQ(order.steps[0].result, RankSet(P | M));
  EXPECT_EQ(order.cost, 1000 * 8 + 1000 * 8);
}

TEST(ContractionOrder, ARankThatOneFactorHasIsReducedAlone) {
  // sum[m] x[p,e] y[m]
  ContractionOrder order = *cheapestOrder({P | E, M}, P | E, {10, 100, 10, 1});
  EXPECT_FALSE(order.steps[0].right.has_value());
  EXPECT_EQ(order.steps[0].reduced, RankSet(M));
  EXPECT_EQ(order.cost, 100 + 10 * 10);
}

TEST(ContractionOrder, NothingIsChosenForOneFactorOrForTooMany) {
  EXPECT_FALSE(cheapestOrder({P | M}, P, {2, 2, 2, 2}).has_value());
  EXPECT_FALSE(cheapestOrder(std::vector<RankSet>(6, P), P, {2, 2, 2, 2}).has_value());
}

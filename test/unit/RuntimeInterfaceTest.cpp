// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "test/unit/RuntimeKernel.h"
#include "gtest/gtest.h"

extern "C" int callFromC(const attnc_artifact_descriptor *artifact, char *message, size_t size);

TEST(RuntimeInterface, usableFromC) {
  char message[100] = "";
  EXPECT_EQ(callFromC(&handmade::artifact, message, sizeof message), 0);
  EXPECT_STREQ(message, "argument 'Y' is missing");
}

TEST(RuntimeInterface, nullPointersAreAnErrorOrNothing) {
  attnc_destroy(nullptr);
  attnc_unload(nullptr);
  EXPECT_EQ(attnc_create(nullptr, nullptr), ATTNC_INVALID_USE);
  EXPECT_EQ(attnc_call(nullptr, nullptr, 0), ATTNC_INVALID_USE);
  EXPECT_EQ(attnc_find(nullptr, "x"), nullptr);
  EXPECT_EQ(attnc_describe(nullptr), nullptr);
  EXPECT_STREQ(attnc_message(nullptr), "no context");
  EXPECT_STREQ(attnc_status_text(ATTNC_DAMAGED), "damaged");
}

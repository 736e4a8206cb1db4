// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a call accepts, and the words in which it refuses the rest.
#include "test/unit/RuntimeKernel.h"
#include "gtest/gtest.h"
#include <numeric>

using attnc::Arg;
using attnc::Status;
using attnc::Tensor;

namespace {

class RuntimeArguments : public testing::Test {
protected:
  attnc::Result<attnc::Context> context = attnc::Context::create({2, nullptr, nullptr});
  attnc::Result<attnc::Module> module = context->link(handmade::artifact);
  attnc::Result<attnc::Kernel> kernel = module->find("rows");
  std::vector<float> x = std::vector<float>(3 * 8), y = {10, 20, 30, 40}, o = std::vector<float>(3 * 8, -1.0f);
  std::vector<float> z = {100, 200, 300, 400, 500, 600};
  Tensor X{x.data(), {3, 8}}, Y{y.data(), {4}}, Z{z.data(), {3, 2}}, O{o.data(), {3, 8}};

  void SetUp() override { std::iota(x.begin(), x.end(), 0.0f); }

  /// The call is refused with this text, and nothing is written.
  void refused(const std::vector<Arg> &args, const std::string &message, attnc_status code = ATTNC_BAD_ARGUMENT) {
    std::vector<float> before = o;
    Status status = kernel->call(args);
    EXPECT_EQ(status.message, message);
    EXPECT_EQ(status.code, code);
    EXPECT_EQ(o, before);
  }
  void computed(float alpha, bool hasZ = false) {
    for (int i = 0; i < 24; ++i)
      ASSERT_EQ(o[i], alpha * x[i] + y[i % 4] + (hasZ ? z[i / 8 * 2 + i % 2] : 0.0f)) << i;
  }
};

TEST_F(RuntimeArguments, defaultsAndOptionalTensors) {
  EXPECT_EQ(kernel->call({{"X", X}, {"Y", Y}, {"O", O}}).message, "");
  computed(2.0f);
  EXPECT_EQ(kernel->call({{"O", O}, {"alpha", 0.5}, {"Z", Z}, {"Y", Y}, {"X", X}}).message, "");
  computed(0.5f, true);
  EXPECT_EQ(kernel->call({{"O", O}, {"alpha", 3}, {"Y", Y}, {"X", X}, {"repeat", 1}}).message, "");
  computed(3.0f);
}

TEST_F(RuntimeArguments, names) {
  refused({{"X", X}, {"O", O}}, "argument 'Y' is missing");
  refused({{"X", X}, {"Y", Y}, {"Y", Y}, {"O", O}}, "argument 'Y' is given twice");
  refused({{"X", X}, {"Y", Y}, {"Q", Y}, {"O", O}},
          "kernel 'rows' has no argument 'Q', it has 'X', 'Y', 'alpha', 'repeat', 'Z', 'O'");
}

TEST_F(RuntimeArguments, kindsAndTypes) {
  refused({{"X", 1.0}, {"Y", Y}, {"O", O}}, "argument 'X' is a scalar, expected a tensor");
  refused({{"X", X}, {"Y", Y}, {"O", O}, {"alpha", Y}}, "argument 'alpha' is a tensor, expected a scalar");
  refused({{"X", X}, {"Y", Y}, {"O", O}, {"repeat", 1.5}}, "argument 'repeat' is a floating-point value, expected i8");
  refused({{"X", X}, {"Y", Y}, {"O", O}, {"repeat", 128}}, "argument 'repeat' is 128, which is outside i8");
  std::vector<double> wide(4);
  refused({{"X", X}, {"Y", Tensor(wide.data(), {4})}, {"O", O}}, "argument 'Y' has elements of type f64, expected f32");
  refused({{"X", X}, {"Y", Tensor(wide.data(), DLDataType{2, 32, 2}, {4})}, {"O", O}},
          "argument 'Y' has elements of type DLPack type code 2, 32 bits, 2 lanes, expected f32");
}

TEST_F(RuntimeArguments, shapes) {
  refused({{"X", X}, {"Y", Tensor(y.data(), {2, 2})}, {"O", O}}, "argument 'Y' has 2 dimensions, expected 1: [e]");
  refused({{"X", X}, {"Y", Tensor(y.data(), {-1})}, {"O", O}}, "rank 'e' of argument 'Y' has negative extent -1");
  refused({{"X", X}, {"Y", Tensor(y.data(), {3})}, {"O", O}},
          "dimension 'h*e' of argument 'X' has extent 8, which is not a multiple of 3 (e = 3 from 'Y')");
  refused({{"X", X}, {"Y", Y}, {"O", Tensor(o.data(), {2, 8})}},
          "rank 'b' of argument 'O' has extent 2, but 3 from 'X'");
  refused({{"X", X}, {"Y", Y}, {"O", Tensor(o.data(), {3, 4})}},
          "dimension 'h*e' of argument 'O' has extent 4, but 8 follows from h = 2 from 'X', e = 4 from 'Y'");
  refused({{"X", X}, {"Y", Y}, {"Z", Tensor(z.data(), {3, 1})}, {"O", O}},
          "rank 'c' of argument 'Z' has extent 1, but 2 as declared");
}

TEST_F(RuntimeArguments, memory) {
  refused({{"X", Tensor(static_cast<float *>(nullptr), {3, 8})}, {"Y", Y}, {"O", O}}, "argument 'X' has null data");
  DLTensor odd = Y.dl(), device = Y.dl();
  odd.byte_offset = 2;
  Status status = kernel->call({{"X", X}, {"Y", odd}, {"O", O}});
  EXPECT_NE(status.message.find("which is not a multiple of 4 bytes"), std::string::npos) << status.message;
  device.device.device_type = static_cast<DLDeviceType>(2);
  refused({{"X", X}, {"Y", device}, {"O", O}}, "argument 'Y' lies on DLPack device 2, expected the CPU (1)");
  refused({{"X", Tensor(x.data(), {int64_t(1) << 40, int64_t(1) << 40})}, {"Y", Y}, {"O", O}},
          "argument 'X' is too large");
  refused({{"X", Tensor(x.data(), {3, 8}, {int64_t(1) << 62, 1})}, {"Y", Y}, {"O", O}},
          "argument 'X' spans more memory than there is");
}

TEST_F(RuntimeArguments, memoryBelowTheFirstElement) {
  refused({{"X", Tensor(x.data(), {3, 8}, {-(int64_t(1) << 50), 1})}, {"Y", Y}, {"O", O}},
          "argument 'X' spans more memory than there is");
  refused({{"X", X}, {"Y", Tensor(o.data(), {4})}, {"O", Tensor(o.data() + 16, {3, 8}, {-8, 1})}},
          "result 'O' shares memory with argument 'Y'");
  DLTensor shapeless = Y.dl();
  shapeless.shape = nullptr;
  refused({{"X", X}, {"Y", shapeless}, {"O", O}}, "argument 'Y' has no shape");
}

TEST_F(RuntimeArguments, byteOffsetAndStrides) {
  std::vector<float> wide(5 + 8 * 3 * 2);
  for (int i = 0; i < 3; ++i)
    for (int j = 0; j < 8; ++j)
      wide[5 + 2 * (j * 3 + i)] = x[i * 8 + j];
  DLTensor transposed = Tensor(wide.data(), {3, 8}, {2, 6}).dl();
  int64_t sizes[] = {3, 8}, strides[] = {2, 6};
  transposed.shape = sizes;
  transposed.strides = strides;
  transposed.byte_offset = 20;
  EXPECT_EQ(kernel->call({{"X", transposed}, {"Y", Y}, {"O", O}}).message, "");
  computed(2.0f);
  std::vector<float> reversed(y.rbegin(), y.rend());
  EXPECT_EQ(kernel->call({{"X", X}, {"Y", Tensor(reversed.data() + 3, {4}, {-1})}, {"O", O}}).message, "");
  computed(2.0f);
}

TEST_F(RuntimeArguments, resultsShareNoMemory) {
  refused({{"X", X}, {"Y", Y}, {"O", X}}, "result 'O' shares memory with argument 'X'");
  refused({{"X", X}, {"Y", Tensor(o.data() + 20, {4})}, {"O", O}}, "result 'O' shares memory with argument 'Y'");
  refused({{"X", X}, {"Y", Y}, {"O", Tensor(o.data(), {3, 8}, {0, 1})}},
          "result 'O' has strides that let elements share memory");
  refused({{"X", X}, {"Y", Y}, {"O", Tensor(o.data(), {3, 8}, {7, 1})}},
          "result 'O' has strides that let elements share memory");
}

TEST_F(RuntimeArguments, interleavedViewsAreToldApart) {
  std::vector<float> packed(3 * 20 + 2); // rows of X (8), Y beside the first (4), O (8)
  for (int i = 0; i < 24; ++i)
    packed[i / 8 * 20 + i % 8] = x[i];
  std::copy(y.begin(), y.end(), packed.begin() + 8);
  Tensor px(packed.data(), {3, 8}, {20, 1}), po(packed.data() + 12, {3, 8}, {20, 1});
  EXPECT_EQ(kernel->call({{"X", px}, {"Y", Tensor(packed.data() + 8, {4})}, {"O", po}}).message, "");
  for (int i = 0; i < 24; ++i)
    ASSERT_EQ(packed[i / 8 * 20 + 12 + i % 8], 2.0f * x[i] + y[i % 4]);
  refused({{"X", px}, {"Y", Y}, {"O", Tensor(packed.data() + 7, {3, 8}, {20, 1})}},
          "result 'O' shares memory with argument 'X'");
  refused({{"X", px}, {"Y", Y}, {"O", Tensor(packed.data() + 14, {3, 8}, {20, 1})}}, // its end runs into the next row
          "result 'O' shares memory with argument 'X'");
  refused({{"X", Tensor(packed.data(), {3, 8}, {24, 1})}, {"Y", Y}, {"O", Tensor(packed.data() + 8, {3, 8}, {16, 1})}},
          "result 'O' shares memory with argument 'X'"); // 16 is a period of O alone
  Tensor even(packed.data(), {3, 8}, {16, 2}), odd(packed.data() + 1, {3, 8}, {16, 2});
  EXPECT_EQ(kernel->call({{"X", even}, {"Y", Y}, {"O", odd}}).message, "");
}

TEST_F(RuntimeArguments, emptyTensors) {
  float *none = nullptr;
  EXPECT_EQ(kernel->call({{"X", Tensor(none, {0, 8})}, {"Y", Y}, {"O", Tensor(none, {0, 8})}}).message, "");
  EXPECT_EQ(kernel->call({{"X", Tensor(none, {3, 0})}, {"Y", Y}, {"O", Tensor(none, {3, 0})}}).message, "");
  EXPECT_EQ(kernel->call({{"X", Tensor(none, {3, 0})}, {"Y", Tensor(none, {0})}, {"O", Tensor(none, {3, 0})}}).message,
            "");
  refused({{"X", X}, {"Y", Tensor(none, {0})}, {"O", O}},
          "dimension 'h*e' of argument 'X' has extent 8, but 0 follows from e = 0 from 'Y'");
}

TEST_F(RuntimeArguments, failedRequirement) {
  std::vector<float> many(101 * 4), result(101 * 4);
  refused({{"X", Tensor(many.data(), {101, 4})}, {"Y", Y}, {"O", Tensor(result.data(), {101, 4})}},
          "rows.attn:7: 'b <= 100' does not hold", ATTNC_CHECK_FAILED);
}

TEST_F(RuntimeArguments, shapeOfResults) {
  attnc::Result<std::vector<int64_t>> shape = kernel->shape("O", {{"X", X}, {"Y", Y}});
  ASSERT_TRUE(shape) << shape.status().message;
  EXPECT_EQ(*shape, (std::vector<int64_t>{3, 8}));
  shape = kernel->shape("Z", {{"X", X}, {"Y", Y}}); // c is declared: prepare tells it
  ASSERT_TRUE(shape) << shape.status().message;
  EXPECT_EQ(*shape, (std::vector<int64_t>{3, 2}));
  EXPECT_EQ(kernel->shape("Z", {{"Y", Y}}).status().message,
            "extent of 'b' in 'Z' does not follow from the arguments given");
  EXPECT_EQ(kernel->shape("alpha", {{"Y", Y}}).status().message, "kernel 'rows' has no tensor 'alpha'");
}

TEST_F(RuntimeArguments, kernelsByName) {
  EXPECT_EQ(kernel->describe().features, 0u); // the other version needs a feature that no CPU has
  EXPECT_EQ(module->find("row").status().message,
            "linked artifact: no kernel 'row', there is 'rows', 'rows', 'future'");
  EXPECT_EQ(
      module->find("future").status().message,
      "linked artifact: kernel 'future' is made for CPU features that this runtime does not know (bits 0x80000000)");
  EXPECT_EQ(attnc_find(module->get(), "rows"), attnc_kernel_at(module->get(), 0));
  EXPECT_EQ(attnc_kernel_at(module->get(), 1), nullptr);
}

TEST_F(RuntimeArguments, largeCallAfterSmallOne) {
  EXPECT_EQ(kernel->call({{"X", X}, {"Y", Y}, {"O", O}}).message, "");
  std::vector<float> wide(5000, 1.0f), result(5000); // scratch of more than a page
  EXPECT_EQ(kernel
                ->call({{"X", Tensor(wide.data(), {1, 5000})},
                        {"Y", Tensor(wide.data(), {5000})},
                        {"O", Tensor(result.data(), {1, 5000})}})
                .message,
            "");
  EXPECT_EQ(result, std::vector<float>(5000, 3.0f));
}

TEST_F(RuntimeArguments, bestVersionIsTaken) {
  if (!__builtin_cpu_supports("avx2"))
    GTEST_SKIP() << "no CPU of x86-64-v3";
  attnc_kernel_descriptor versions[] = {handmade::kernels[0], handmade::kernels[0], handmade::kernels[0]};
  versions[1].features = ATTNC_CPU_X86_64_V3;
  attnc_artifact_descriptor three = {ATTNC_ABI_MAGIC, ATTNC_ABI_VERSION, 3, versions, nullptr};
  attnc::Result<attnc::Module> linked = context->link(three);
  EXPECT_EQ(&linked->find("rows")->describe(), &versions[1]);
}

/// A kernel whose only dimension is a product of two unknowns.
TEST_F(RuntimeArguments, productsThatNothingTellsApart) {
  attnc_arg_descriptor args[] = {handmade::args[1], handmade::args[5]};
  args[0].dims = args[1].dims = &handmade::xDims[1];
  args[1].num_dims = 1;
  attnc_kernel_descriptor product = handmade::kernels[0];
  product.args = args;
  product.num_args = 2;
  product.num_launches = 0;
  product.prepare = [](attnc_frame *call) { return call->symbols[1] == 0 && call->symbols[2] == 0 ? -1 : 0; };
  attnc_artifact_descriptor artifact = {ATTNC_ABI_MAGIC, ATTNC_ABI_VERSION, 1, &product, nullptr};
  attnc::Result<attnc::Module> linked = context->link(artifact);
  attnc::Kernel k = *linked->find("rows");
  EXPECT_EQ(k.call({{"Y", Y}, {"O", Tensor(o.data(), {4})}}).message,
            "dimension 'h*e' of argument 'Y' has extent 4, and no argument tells its factors apart");
  EXPECT_EQ(k.call({{"Y", Tensor(y.data(), {0})}, {"O", Tensor(o.data(), {0})}}).message, "");
}

TEST_F(RuntimeArguments, whatPrepareSaysIsChecked) {
  attnc_kernel_descriptor wrong = handmade::kernels[0];
  attnc_artifact_descriptor artifact = {ATTNC_ABI_MAGIC, ATTNC_ABI_VERSION, 1, &wrong, nullptr};
  auto messageWith = [&](int32_t (*prepare)(attnc_frame *)) {
    wrong.prepare = prepare;
    attnc::Result<attnc::Module> linked = context->link(artifact);
    return linked->find("rows")->call({{"X", X}, {"Y", Y}, {"O", O}}).message;
  };
  EXPECT_EQ(messageWith([](attnc_frame *) { return 1; }), "kernel 'rows' reports check 1 of 1");
  EXPECT_EQ(messageWith([](attnc_frame *) { return -2; }), "kernel 'rows' reports check -2 of 1");
  EXPECT_EQ(messageWith([](attnc_frame *call) {
              call->tasks[1] = -3;
              return -1;
            }),
            "kernel 'rows' asks for -3 tasks in launch 1");
  EXPECT_EQ(messageWith([](attnc_frame *call) {
              call->workspace_bytes = -8;
              return -1;
            }),
            "kernel 'rows' asks for -8 bytes of workspace, 0 of scratch");
  EXPECT_EQ(messageWith([](attnc_frame *call) {
              call->scratch_bytes = INT64_MAX / 2;
              return -1;
            }),
            "kernel 'rows': no memory for 0 bytes of workspace and 2 times 4611686018427387903 of scratch");
}

TEST_F(RuntimeArguments, descriptorsAreChecked) {
  attnc_artifact_descriptor other = handmade::artifact;
  other.version = 2;
  EXPECT_EQ(context->link(other).status().code, ATTNC_WRONG_VERSION);
  other.magic = 0;
  EXPECT_EQ(context->link(other).status().code, ATTNC_NOT_AN_ARTIFACT);
  attnc_kernel_descriptor few = handmade::kernels[0];
  few.num_symbols = 2; // dimensions name symbol 2
  attnc_artifact_descriptor malformed = {ATTNC_ABI_MAGIC, ATTNC_ABI_VERSION, 1, &few, nullptr};
  EXPECT_EQ(context->link(malformed).status().message, "linked artifact: the description of kernel 0 is malformed");
  std::vector<attnc_arg_descriptor> scalars(65, handmade::args[2]); // one more than bits in `given`
  few = handmade::kernels[0];
  few.args = scalars.data();
  few.num_args = 65;
  EXPECT_EQ(context->link(malformed).status().code, ATTNC_DAMAGED);
  few.num_args = 64;
  EXPECT_TRUE(context->link(malformed));
}

} // namespace

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Compiled kernels on special values and layouts. What a kernel computes is `attnc check`'s business; here it is
// compared with itself: which elements change when an input does, and that nothing else of a call matters.
#include "compiler/driver/HostTensor.h"
#include "compiler/driver/Spec.h"
#include "llvm/Support/raw_ostream.h"
#include "gtest/gtest.h"
#include <atomic>
#include <cmath>
#include <cstring>
#include <functional>
#include <random>
#include <thread>

using namespace attn;
using namespace attn::driver;
using llvm::ArrayRef;
using llvm::StringRef;

namespace {

constexpr StringRef kWindow = R"(
kernel k<T>(Q: T[h,p,e], K: T[h,m,e], V: T[h,m,f], window: i32) -> O: T[h,p,f], L: f32[h,p] {
  S[h,p,m] = Q[h,p,e] * K[h,m,e] * 0.25    if m <= p + M - P and p + M - P - m < window
  O[h,p,f] = softmax[m](S)[h,p,m] * V[h,m,f]
  L[h,p] = logsumexp[m](S)
})";

/// A tensor in some layout; elements in row-major order of `sizes`.
struct Laid {
  attnc_element element;
  std::vector<int64_t> sizes, strides;
  std::vector<char> bytes;
  int64_t offset; ///< of the first element, in bytes

  /// `order`: dimensions from the slowest to the fastest. Each line of the fastest has `gap` more elements than it
  /// needs, and the whole begins `shift` elements behind an address of 64 bytes.
  Laid(attnc_element element, std::vector<int64_t> sizes, std::vector<int> order = {}, int64_t gap = 0,
       int64_t shift = 0)
      : element(element), sizes(sizes), strides(sizes.size()) {
    if (order.empty())
      for (size_t i = 0; i < sizes.size(); ++i)
        order.push_back(i);
    int64_t count = 1;
    for (size_t k = order.size(); k-- > 0;) {
      strides[order[k]] = count;
      count = count * sizes[order[k]] + (k + 1 == order.size() ? gap : 0);
    }
    bytes.assign((count + shift) * size() + 64, 0x7b);
    offset = (64 - int64_t(reinterpret_cast<uintptr_t>(bytes.data()) % 64)) % 64 + shift * size();
  }
  Laid(Laid &&) = default;

  int64_t size() const { return attnc_element_size(element); }
  int64_t count() const {
    int64_t n = 1;
    for (int64_t s : sizes)
      n *= s;
    return n;
  }
  char *at(int64_t i) {
    int64_t place = 0;
    for (size_t d = sizes.size(); d-- > 0; i /= sizes[d])
      place += i % sizes[d] * strides[d];
    return bytes.data() + offset + place * size();
  }
  void copy(Laid &from) {
    for (int64_t i = 0; i < count(); ++i)
      std::memcpy(at(i), from.at(i), size());
  }
  float get(int64_t i) {
    float value;
    std::memcpy(&value, at(i), sizeof value);
    return value;
  }
  void set(int64_t i, float value) { std::memcpy(at(i), &value, sizeof value); }
  bool equals(Laid &other, int64_t i) { return std::memcmp(at(i), other.at(i), size()) == 0; }
  attnc::Tensor tensor() { return attnc::Tensor(bytes.data() + offset, dlType(element), sizes, strides); }
};

/// Normal numbers in any float type.
void fill(Laid &tensor, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  for (int64_t i = 0; i < tensor.count(); ++i) {
    float value = normal(random);
    llvm::APFloat number(value);
    bool lost;
    const llvm::fltSemantics &semantics = tensor.element == ATTNC_F16    ? llvm::APFloat::IEEEhalf()
                                          : tensor.element == ATTNC_BF16 ? llvm::APFloat::BFloat()
                                          : tensor.element == ATTNC_F64  ? llvm::APFloat::IEEEdouble()
                                                                         : llvm::APFloat::IEEEsingle();
    number.convert(semantics, llvm::APFloat::rmNearestTiesToEven, &lost);
    uint64_t bits = number.bitcastToAPInt().getZExtValue();
    std::memcpy(tensor.at(i), &bits, tensor.size());
  }
}

struct Compiled {
  std::optional<Spec> spec;
  std::optional<attnc::Context> context;
  std::optional<LoadedKernel> kernel;

  Compiled(StringRef text, StringRef tile = "", int threads = 1, StringRef type = "f32") {
    if (llvm::Error error = compile(text, tile, threads, type))
      llvm::errs() << llvm::toString(std::move(error)) << '\n';
  }

private:
  llvm::Error compile(StringRef text, StringRef tile, int threads, StringRef type) {
    CompileOptions options;
    options.tile = tile.str();
    options.types = {{"T", type.str()}};
    options.bound = {{"E", 8}, {"F", 12}};
    auto compilation = parse("k.attn", text, options);
    if (!compilation)
      return compilation.takeError();
    spec.emplace(Spec{"k.attn", text.str(), options, std::move(*compilation), nullptr, {}});
    spec->kernel = &spec->compilation->interfaces.front();
    spec->options.kernel = spec->kernel->name;
    auto created = createContext(threads);
    if (!created)
      return created.takeError();
    context.emplace(std::move(*created));
    auto loaded = LoadedKernel::compile(*spec, spec->options, *context);
    if (!loaded)
      return loaded.takeError();
    kernel.emplace(std::move(*loaded));
    return llvm::Error::success();
  }
};

/// Arguments and results of one call of kWindow.
struct Call {
  static constexpr int64_t H = 2, E = 8, F = 12;
  int64_t P, M;
  Laid Q, K, V, O, L;
  int64_t window = 9;

  explicit Call(int64_t P = 70, int64_t M = 70, attnc_element t = ATTNC_F32, std::vector<int> order = {0, 1, 2},
                int64_t gap = 0, int64_t shift = 0)
      : P(P), M(M), Q(t, {H, P, E}, order, gap, shift), K(t, {H, M, E}, order, gap, shift),
        V(t, {H, M, F}, order, gap, shift), O(t, {H, P, F}, order, gap, shift), L(ATTNC_F32, {H, P}, {}, 0, shift) {
    fill(Q, 1);
    fill(K, 2);
    fill(V, 3);
  }
  std::string run(const Compiled &compiled) {
    attnc::Tensor q = Q.tensor(), k = K.tensor(), v = V.tensor(), o = O.tensor(), l = L.tensor();
    return (*compiled.kernel)->call({{"Q", q}, {"K", k}, {"V", v}, {"window", window}, {"O", o}, {"L", l}}).message;
  }
  bool sees(int64_t p, int64_t m) const { return m <= p + M - P && p + M - P - m < window; }
};

/// Poisons elements of an input and says which results must be NaN; all others must keep their bits.
class KernelValues : public testing::Test {
protected:
  static const Compiled &compiled() {
    static Compiled whole(kWindow, "p=8,m=8");
    return whole;
  }
  void SetUp() override { ASSERT_TRUE(compiled().kernel); }

  using Reaches = std::function<bool(int64_t h, int64_t p, int64_t f)>; ///< f = -1: L
  void expectNaN(Call &clean, Call &poisoned, Reaches reaches, Reaches mayReach = nullptr) {
    ASSERT_EQ(clean.run(compiled()), "");
    ASSERT_EQ(poisoned.run(compiled()), "");
    auto expect = [&](Laid &want, Laid &got, int64_t i, int64_t h, int64_t p, int64_t f) {
      if (reaches(h, p, f))
        EXPECT_TRUE(std::isnan(got.get(i))) << h << ' ' << p << ' ' << f;
      else if (!mayReach || !mayReach(h, p, f))
        EXPECT_TRUE(want.equals(got, i)) << h << ' ' << p << ' ' << f << ": " << want.get(i) << " != " << got.get(i);
    };
    for (int64_t h = 0; h < Call::H; ++h)
      for (int64_t p = 0; p < clean.P; ++p) {
        expect(clean.L, poisoned.L, h * clean.P + p, h, p, -1);
        for (int64_t f = 0; f < Call::F; ++f)
          expect(clean.O, poisoned.O, (h * clean.P + p) * Call::F + f, h, p, f);
      }
  }
};

TEST_F(KernelValues, NaNInAKeyReachesTheRowsThatSeeIt) {
  Call clean, poisoned;
  poisoned.K.set((1 * 70 + 20) * Call::E + 3, NAN);
  expectNaN(clean, poisoned, [&](int64_t h, int64_t p, int64_t) { return h == 1 && clean.sees(p, 20); });
}

TEST_F(KernelValues, NaNInAQueryReachesItsRow) {
  Call clean, poisoned;
  poisoned.Q.set((0 * 70 + 41) * Call::E + 7, NAN);
  expectNaN(clean, poisoned, [&](int64_t h, int64_t p, int64_t) { return h == 0 && p == 41; });
}

TEST_F(KernelValues, NaNInAValueReachesItsColumn) {
  Call clean, poisoned;
  poisoned.V.set((1 * 70 + 20) * Call::F + 5, NAN);
  // Rows of a block of which some row sees the key may get 0 * NaN: 16 to 31 see keys of the block of 20.
  expectNaN(
      clean, poisoned, [&](int64_t h, int64_t p, int64_t f) { return h == 1 && f == 5 && clean.sees(p, 20); },
      [&](int64_t h, int64_t p, int64_t f) { return h == 1 && f == 5 && p >= 16 && p < 32; });
}

TEST_F(KernelValues, WhatNoQuerySeesNeverMatters) {
  // Queries stand at 65 to 69, with a window of 9: keys below 57 are seen by none. 56 shares a block with 57.
  Call clean(5), poisoned(5);
  for (int64_t h = 0; h < Call::H; ++h)
    for (int64_t m = 0; m < 57; ++m) {
      for (int64_t e = 0; e < Call::E; ++e)
        poisoned.K.set((h * 70 + m) * Call::E + e, m % 2 ? NAN : INFINITY);
      for (int64_t f = 0; f < Call::F; ++f)
        poisoned.V.set((h * 70 + m) * Call::F + f, m % 2 ? NAN : INFINITY);
    }
  expectNaN(clean, poisoned, [](int64_t, int64_t, int64_t) { return false; });
}

TEST_F(KernelValues, WhatNoQuerySeesThroughAUnionNeverMatters) {
  // A window of 9 or the first 3 keys: 3 to 56 are seen by none of the queries, which stand at 65 to 69. 56 shares a
  // block with 57, 3 with 2.
  for (StringRef tile : {"p=8,m=8", "p=1,m=8", "p=2,m=16"}) {
    Compiled united(R"(
kernel k<T>(Q: T[h,p,e], K: T[h,m,e], V: T[h,m,f], window: i32) -> O: T[h,p,f] {
  S[h,p,m] = Q[h,p,e] * K[h,m,e] * 0.25    if m <= p + M - P and (p + M - P - m < window or m < 3)
  O[h,p,f] = softmax[m](S)[h,p,m] * V[h,m,f]
})",
                    tile);
    ASSERT_TRUE(united.kernel);
    Call clean(5), poisoned(5);
    for (int64_t h = 0; h < Call::H; ++h)
      for (int64_t m = 3; m < 57; ++m) {
        for (int64_t e = 0; e < Call::E; ++e)
          poisoned.K.set((h * 70 + m) * Call::E + e, m % 2 ? NAN : INFINITY);
        for (int64_t f = 0; f < Call::F; ++f)
          poisoned.V.set((h * 70 + m) * Call::F + f, m % 2 ? NAN : INFINITY);
      }
    for (Call *call : {&clean, &poisoned}) {
      attnc::Tensor q = call->Q.tensor(), k = call->K.tensor(), v = call->V.tensor(), o = call->O.tensor();
      EXPECT_EQ((*united.kernel)->call({{"Q", q}, {"K", k}, {"V", v}, {"window", call->window}, {"O", o}}).message, "");
    }
    for (int64_t i = 0; i < clean.O.count(); ++i)
      ASSERT_TRUE(clean.O.equals(poisoned.O, i) && std::isfinite(clean.O.get(i))) << tile.str() << ' ' << i;
  }
}

TEST_F(KernelValues, RowsWithoutKeysHaveTheValuesOfEmptyReductions) {
  for (auto [P, M, window] : {std::array<int64_t, 3>{70, 70, 0}, {20, 5, 9}, {7, 0, 9}}) {
    Call call(P, M);
    call.window = window;
    ASSERT_EQ(call.run(compiled()), "");
    for (int64_t h = 0; h < Call::H; ++h)
      for (int64_t p = 0; p < P; ++p) {
        bool isEmpty = window == 0 || p + M - P < 0;
        float l = call.L.get(h * P + p), o = call.O.get((h * P + p) * Call::F);
        EXPECT_EQ(isEmpty, l == -INFINITY) << P << ' ' << M << ' ' << p << ": " << l;
        EXPECT_EQ(isEmpty, o == 0) << P << ' ' << M << ' ' << p << ": " << o;
      }
  }
}

TEST_F(KernelValues, LengthsHideWhatIsBeyondThem) {
  Compiled padded(R"(
kernel k<T>(Q: T[b,p,e], K: T[b,m,e], V: T[b,m,f], len: i32[b]) -> O: T[b,p,f] {
  S[b,p,m] = Q[b,p,e] * K[b,m,e]    if m < len[b]
  O[b,p,f] = softmax[m](S)[b,p,m] * V[b,m,f]
})");
  ASSERT_TRUE(padded.kernel);
  int32_t lengths[] = {13, 0};
  Call clean, poisoned;
  for (int64_t b = 0; b < 2; ++b)
    for (int64_t m = lengths[b]; m < 70; ++m) {
      for (int64_t e = 0; e < Call::E; ++e)
        poisoned.K.set((b * 70 + m) * Call::E + e, NAN);
      for (int64_t f = 0; f < Call::F; ++f)
        poisoned.V.set((b * 70 + m) * Call::F + f, NAN);
    }
  attnc::Tensor len(lengths, {2});
  for (Call *call : {&clean, &poisoned}) {
    attnc::Tensor q = call->Q.tensor(), k = call->K.tensor(), v = call->V.tensor(), o = call->O.tensor();
    EXPECT_EQ((*padded.kernel)->call({{"Q", q}, {"K", k}, {"V", v}, {"len", len}, {"O", o}}).message, "");
  }
  for (int64_t i = 0; i < clean.O.count(); ++i) {
    EXPECT_TRUE(clean.O.equals(poisoned.O, i)) << i;
    EXPECT_EQ(i >= clean.O.count() / 2, clean.O.get(i) == 0) << i;
  }
}

/// One query a sequence: the lengths are known before the loop, so nothing beyond them is read at all.
TEST_F(KernelValues, LengthsHideWhatIsBeyondThemFromSingleQueries) {
  Compiled decode(R"(
kernel k<T>(Q: T[b,e], K: T[b,m,e], V: T[b,m,f], len: i32[b]) -> O: T[b,f] {
  S[b,m] = Q[b,e] * K[b,m,e]    if m < len[b]
  O[b,f] = softmax[m](S)[b,m] * V[b,m,f]
})",
                  "m=16");
  ASSERT_TRUE(decode.kernel);
  int32_t lengths[] = {0, 5, 16, 1000}; // none, part of a block, one block, more than there is
  constexpr int64_t B = 4, M = 40, E = Call::E, F = Call::F;
  std::vector<float> q(B * E, 0.25f), k(B * M * E), v(B * M * F), clean(B * F), poisoned(B * F);
  for (size_t i = 0; i < k.size(); ++i)
    k[i] = float(i % 7) - 3;
  for (size_t i = 0; i < v.size(); ++i)
    v[i] = float(i % 5) - 2;
  for (std::vector<float> *o : {&clean, &poisoned}) {
    ASSERT_EQ((*decode.kernel)
                  ->call({{"Q", attnc::Tensor(q.data(), {B, E})},
                          {"K", attnc::Tensor(k.data(), {B, M, E})},
                          {"V", attnc::Tensor(v.data(), {B, M, F})},
                          {"len", attnc::Tensor(lengths, {B})},
                          {"O", attnc::Tensor(o->data(), {B, F})}})
                  .message,
              "");
    for (int64_t b = 0; b < B; ++b)
      for (int64_t m = lengths[b]; m < M; ++m) {
        std::fill_n(k.begin() + (b * M + m) * E, E, NAN);
        std::fill_n(v.begin() + (b * M + m) * F, F, NAN);
      }
  }
  EXPECT_EQ(clean, poisoned);
  EXPECT_EQ(std::count(clean.begin(), clean.begin() + F, 0.0f), F);
  EXPECT_NE(clean[3 * F], 0.0f);
}

TEST(KernelLayouts, StridesAndAddressesDoNotMatter) {
  for (auto [name, type] :
       {std::pair("f32", ATTNC_F32), {"f16", ATTNC_F16}, {"bf16", ATTNC_BF16}, {"f64", ATTNC_F64}}) {
    Compiled compiled(kWindow, "", 1, name);
    ASSERT_TRUE(compiled.kernel);
    Call plain(37, 70, type);
    ASSERT_EQ(plain.run(compiled), "");
    for (std::vector<int> order : {std::vector<int>{0, 1, 2}, {1, 0, 2}, {0, 2, 1}, {2, 1, 0}, {1, 2, 0}})
      for (int64_t gap : {0, 5})
        for (int64_t shift : {0, 1, 3}) {
          Call call(37, 70, type, order, gap, shift);
          std::vector<char> before = call.O.bytes;
          ASSERT_EQ(call.run(compiled), "");
          int64_t wrong = 0;
          for (int64_t i = 0; i < call.O.count(); ++i)
            wrong += !call.O.equals(plain.O, i);
          for (int64_t i = 0; i < call.L.count(); ++i)
            wrong += !call.L.equals(plain.L, i);
          EXPECT_EQ(wrong, 0) << name << " order " << order[0] << order[1] << order[2] << " gap " << gap << " shift "
                              << shift;
          for (int64_t i = 0; i < call.O.count(); ++i)
            std::memset(call.O.at(i), 0x7b, call.O.size());
          EXPECT_EQ(call.O.bytes, before) << "something between the elements was written";
        }
  }
}

TEST(KernelThreads, ResultsAreTheSameForAnyNumberAndAnyCallers) {
  Call want;
  for (int threads : {1, 2, 3}) {
    Compiled compiled(kWindow, "p=8", threads);
    ASSERT_TRUE(compiled.kernel);
    Call first;
    ASSERT_EQ((threads == 1 ? want : first).run(compiled), "");
    if (threads > 1) {
      EXPECT_EQ(first.O.bytes.size(), want.O.bytes.size());
      for (int64_t i = 0; i < want.O.count(); ++i)
        ASSERT_TRUE(want.O.equals(first.O, i)) << threads << " threads, element " << i;
    }
    std::atomic<int64_t> wrong = 0;
    std::vector<std::thread> callers;
    for (int caller = 0; caller < 8; ++caller)
      callers.emplace_back([&] {
        Call call;
        for (int n = 0; n < 100; ++n) {
          wrong += !call.run(compiled).empty();
          for (int64_t i = 0; i < want.O.count(); ++i)
            wrong += !want.O.equals(call.O, i);
        }
      });
    for (std::thread &caller : callers)
      caller.join();
    EXPECT_EQ(wrong, 0) << threads << " threads";
  }
}

} // namespace

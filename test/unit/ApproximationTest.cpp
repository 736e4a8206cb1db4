// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The accuracy of every function that target-expand-approximations expands, as one table of bounds; compiled vector
// code is compared with the C library's long double functions.
#include "test/unit/CompiledMath.h"
#include "llvm/ADT/APFloat.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/ADT/bit.h"
#include "llvm/Object/ObjectFile.h"
#include "llvm/Support/FormatVariadic.h"
#include "gtest/gtest.h"
#include <cmath>
#include <random>
#include <vector>

using namespace llvm;

namespace {

using Wide = long double;
constexpr int64_t kChunk = 4096;
constexpr double kInf = std::numeric_limits<double>::infinity(), kNaN = std::numeric_limits<double>::quiet_NaN();

Wide exp2W(Wide x, Wide) { return exp2l(x); }
Wide expW(Wide x, Wide) { return expl(x); }
Wide expm1W(Wide x, Wide) { return expm1l(x); }
Wide tanhW(Wide x, Wide) { return tanhl(x); }
Wide erfW(Wide x, Wide) { return erfl(x); }
Wide log2W(Wide x, Wide) { return log2l(x); }
Wide logW(Wide x, Wide) { return logl(x); }
Wide log1pW(Wide x, Wide) { return log1pl(x); }
Wide sinW(Wide x, Wide) { return sinl(x); }
Wide cosW(Wide x, Wide) { return cosl(x); }
Wide rsqrtW(Wide x, Wide) { return 1 / sqrtl(x); }
Wide roundW(Wide x, Wide) { return roundl(x); }
Wide powW(Wide x, Wide y) { return powl(x, y); }

/// A function on a range of its argument, and the largest error that it may have there, in units of the last place of
/// the exact result. Outside, results must be right where they are 0, infinite or NaN.
struct Bound {
  const char *op;
  Wide (*exact)(Wide, Wide);
  double ulpF32, ulpF64;
  double fromF32, toF32, fromF64, toF64;
};

const Bound kBounds[] = {
    // op      exact     ulp f32  f64   range f32            range f64
    {"exp2", exp2W, 2.1, 1.5, -125.5, 128, -1021.5, 1024},
    {"exp", expW, 1.5, 1.5, -86.9, 88.73, -708, 709.8},
    {"expm1", expm1W, 2.0, 2.0, -kInf, 88.73, -kInf, 709.8},
    {"tanh", tanhW, 3.0, 3.0, -kInf, kInf, -kInf, kInf},
    {"erf", erfW, 2.0, 2.0, -kInf, kInf, -kInf, kInf},
    {"log2", log2W, 1.5, 1.5, 0, kInf, 0, kInf},
    {"log", logW, 1.5, 1.5, 0, kInf, 0, kInf},
    {"log1p", log1pW, 1.5, 1.5, -1, kInf, -1, kInf},
    {"sin", sinW, 1.7, 1.7, -1e5, 1e5, -1e9, 1e9},
    {"cos", cosW, 1.7, 1.7, -1e5, 1e5, -1e9, 1e9},
    {"sin", sinW, 6.0, 6.0, -0x1p22, 0x1p22, -0x1p50, 0x1p50},
    {"cos", cosW, 6.0, 6.0, -0x1p22, 0x1p22, -0x1p50, 0x1p50},
    {"rsqrt", rsqrtW, 1.5, 1.5, 0, kInf, 0, kInf},
    {"round", roundW, 0, 0, -kInf, kInf, -kInf, kInf},
    {"powf", powW, 0.6, 2.0, -kInf, kInf, -kInf, kInf},
};

template <typename T> const char *typeName() { return sizeof(T) == 4 ? "f32" : "f64"; }
template <typename T> using BitsOf = std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t>;

bool isBinary(StringRef op) { return op == "powf"; }

/// A function over kChunk elements, `lanes` at a time (1: scalars).
std::string loopOver(StringRef name, StringRef operation, StringRef in, StringRef out, int lanes) {
  auto vector = [&](StringRef element) { return formatv("vector<{0}x{1}>", lanes, element).str(); };
  std::string head = formatv(R"(
func.func @{0}(%x: memref<{1}x{2}>, %y: memref<{1}x{2}>, %r: memref<{1}x{3}>) {{
  %c0 = arith.constant 0 : index
  %n = arith.constant {1} : index
  %step = arith.constant {4} : index
  scf.for %i = %c0 to %n step %step {{)",
                             name, kChunk, in, out, lanes);
  if (lanes == 1)
    return head + formatv(R"(
    %a = memref.load %x[%i] : memref<{0}x{1}>
    %b = memref.load %y[%i] : memref<{0}x{1}>
    {2}
    memref.store %v, %r[%i] : memref<{0}x{3}>
  }
  return
})",
                          kChunk, in, operation, out)
                      .str();
  return head + formatv(R"(
    %a = vector.load %x[%i] : memref<{0}x{1}>, {2}
    %b = vector.load %y[%i] : memref<{0}x{1}>, {2}
    {3}
    vector.store %v, %r[%i] : memref<{0}x{4}>, {5}
  }
  return
})",
                        kChunk, in, vector(in), operation, out, vector(out))
                    .str();
}

std::string mathLoop(StringRef op, StringRef element, int lanes) {
  std::string type = lanes == 1 ? element.str() : formatv("vector<{0}x{1}>", lanes, element).str();
  std::string operation = formatv("%v = math.{0} %a{1} : {2}", op, isBinary(op) ? ", %b" : "", type);
  return loopOver(formatv("{0}_{1}_{2}", op, element, lanes).str(), operation, element, element, lanes);
}

std::string narrowLoop(StringRef from, StringRef to, int lanes) {
  auto type = [&](StringRef t) { return lanes == 1 ? t.str() : formatv("vector<{0}x{1}>", lanes, t).str(); };
  std::string operation = formatv("%v = arith.truncf %a : {0} to {1}", type(from), type(to));
  return loopOver(formatv("{0}_{1}_{2}", from, to, lanes).str(), operation, from, to, lanes);
}

std::string wholeModule() {
  std::string text;
  StringSet<> seen; // a function may have bounds for several ranges
  for (const Bound &bound : kBounds)
    for (int lanes : {1, 8})
      for (StringRef element : {"f32", "f64"})
        if (std::string loop = mathLoop(bound.op, element, lanes); seen.insert(loop).second)
          text += loop;
  for (StringRef op : {"sqrt", "floor", "ceil", "roundeven", "trunc", "absf", "copysign", "fma"})
    for (int lanes : {1, 8})
      for (StringRef element : {"f32", "f64"}) {
        std::string type = lanes == 1 ? element.str() : formatv("vector<{0}x{1}>", lanes, element).str();
        StringRef more = op == "fma" ? ", %b, %a" : op == "copysign" ? ", %b" : "";
        std::string operation = formatv("%v = math.{0} %a{1} : {2}", op, more, type);
        text += loopOver(formatv("{0}_{1}_{2}", op, element, lanes).str(), operation, element, element, lanes);
      }
  for (int lanes : {1, 8})
    for (auto [from, to] : {std::pair("f32", "bf16"), {"f32", "f16"}, {"f64", "bf16"}, {"f64", "f16"}})
      text += narrowLoop(from, to, lanes);
  return text;
}

class Approximation : public testing::Test {
protected:
  static void SetUpTestSuite() {
    if (!attn::test::hostRunsIt())
      return;
    jit = cantFail(attn::test::compile(wholeModule())).release();
  }
  static void TearDownTestSuite() { delete jit; }
  void SetUp() override {
    if (!jit)
      GTEST_SKIP() << "this processor is below x86-64-v3";
  }

  template <typename In, typename Out>
  std::vector<Out> run(const std::string &name, std::vector<In> x, std::vector<In> y = {}) {
    size_t count = x.size();
    x.resize(alignTo(count, kChunk), In(1));
    y.resize(x.size(), In(1));
    std::vector<Out> result(x.size());
    auto function = cantFail(jit->lookup(name)).toPtr<void(const In *, const In *, Out *)>();
    for (size_t i = 0; i < x.size(); i += kChunk)
      function(&x[i], &y[i], &result[i]);
    result.resize(count);
    return result;
  }

  template <typename T>
  std::vector<T> apply(StringRef op, int lanes, const std::vector<T> &x, const std::vector<T> &y = {}) {
    return run<T, T>(formatv("{0}_{1}_{2}", op, typeName<T>(), lanes), x, y);
  }

  static orc::LLJIT *jit;
};
orc::LLJIT *Approximation::jit = nullptr;

/// Zeros, infinities, NaNs with and without low payload bits, ends of the range, small integers and halves.
template <typename T> std::vector<T> specials() {
  using Limits = std::numeric_limits<T>;
  std::vector<T> all = {0, T(kInf), Limits::min(), Limits::denorm_min(), Limits::max(), Limits::epsilon()};
  for (T x : {0.25, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 23.0, 126.0, 127.0, 127.5, 128.0, 1023.0, 1024.0, 8388609.0, 1e30})
    llvm::append_values(all, x, std::nextafter(x, T(0)), std::nextafter(x, T(kInf)));
  BitsOf<T> quiet = llvm::bit_cast<BitsOf<T>>(T(kNaN));
  for (BitsOf<T> payload : {0, 1, 2, 0x55, 0x1ff, 0x123456})
    all.push_back(llvm::bit_cast<T>(BitsOf<T>(quiet | payload)));
  all.push_back(llvm::bit_cast<T>(BitsOf<T>(~BitsOf<T>(0)))); // all ones
  for (size_t i = 0, count = all.size(); i < count; ++i)
    all.push_back(-all[i]);
  return all;
}

/// Specials, evenly spread bit patterns, and evenly spread values of the finite part of a range.
template <typename T> std::vector<T> samples(double from, double to) {
  std::vector<T> all = specials<T>();
  int64_t count = sizeof(T) == 4 ? 1 << 19 : 1 << 16;
  BitsOf<T> stride = ~BitsOf<T>(0) / count | 1;
  for (int64_t i = 0; i < count; ++i)
    all.push_back(llvm::bit_cast<T>(BitsOf<T>(stride * i)));
  for (int64_t i = 1; to > 1e4 && std::isfinite(to) && i < count / 4; ++i) // next to zeros of sine and cosine
    all.push_back(T(std::ceil(i * (to / (count / 4)) / M_PI_2) * M_PI_2));
  from = std::max(from, -20.0), to = std::min(to, 20.0);
  for (int64_t i = 0; i <= count / 4; ++i)
    all.push_back(T(from + (to - from) * i / (count / 4)));
  return all;
}

template <typename T> double ulpError(T found, Wide exact) {
  int exponent = std::max(std::ilogb(exact), std::numeric_limits<T>::min_exponent - 1);
  Wide ulp = std::ldexp(Wide(1), exponent - (std::numeric_limits<T>::digits - 1));
  return exact == 0 ? (found == 0 ? 0 : kInf) : double(std::abs(Wide(found) - exact) / ulp);
}

struct Worst {
  double ulp = 0, x = 0, y = 0;
  int wrong = 0; ///< results of another kind than the exact one
};

/// The kinds of results without a relative error: NaN, infinite, or so small that they may be flushed to zero.
template <typename T> bool hasRightKind(const Bound &bound, T x, Wide exact, T found, bool &isNormal) {
  bool periodic = bound.exact == sinW || bound.exact == cosW;
  bool beyondDomain = std::abs(x) > (sizeof(T) == 4 ? 0x1p22 : 0x1p50);
  bool flushed = std::abs(exact) < 3 * std::numeric_limits<T>::min() && (std::abs(x) >= 1 || bound.exact == powW);
  isNormal = false;
  if (std::isnan(exact) || (periodic && beyondDomain))
    return std::isnan(found);
  if (std::isinf(T(exact)))
    return found == T(exact);
  if (flushed)
    return std::abs(found - exact) < 3 * std::numeric_limits<T>::min();
  isNormal = true;
  return true;
}

template <typename T> void compare(const Bound &bound, T x, T y, T found, Worst &worst) {
  bool f32 = sizeof(T) == 4;
  Wide exact = bound.exact(x, y);
  bool inside = x >= (f32 ? bound.fromF32 : bound.fromF64) && x <= (f32 ? bound.toF32 : bound.toF64);
  bool isNormal;
  if (!hasRightKind(bound, x, exact, found, isNormal)) {
    ++worst.wrong;
    ADD_FAILURE() << bound.op << "(" << x << ", " << y << ") = " << found << ", expected " << double(exact);
  }
  double ulp = isNormal && inside ? ulpError(found, exact) : 0;
  if (!(ulp <= worst.ulp)) // NaN too
    worst.ulp = ulp, worst.x = x, worst.y = y;
}

template <typename T> void report(const Bound &bound, const Worst &worst) {
  bool f32 = sizeof(T) == 4;
  printf("%-6s %s  [%g, %g]: %.3f ulp at %.9g %.9g\n", bound.op, typeName<T>(), f32 ? bound.fromF32 : bound.fromF64,
         f32 ? bound.toF32 : bound.toF64, worst.ulp, worst.x, worst.y);
  EXPECT_LE(worst.ulp, f32 ? bound.ulpF32 : bound.ulpF64) << bound.op << " at " << worst.x << ", " << worst.y;
}

/// Exponents that bring the result of a power anywhere, and whole ones.
template <typename T> std::vector<T> exponentsFor(const std::vector<T> &x) {
  std::mt19937_64 random(1);
  std::uniform_real_distribution<double> spread(-1, 1);
  std::vector<T> y;
  for (T base : x) {
    double log = std::log2(std::abs(double(base)));
    double reach = spread(random) * std::numeric_limits<T>::max_exponent * 1.05;
    double exponent = std::isfinite(log) && log != 0 ? reach / log : reach;
    y.push_back(T(base < 0 || random() % 4 == 0 ? std::round(exponent) : exponent));
  }
  return y;
}

template <typename T, typename Apply> void checkBound(const Bound &bound, Apply apply) {
  bool f32 = sizeof(T) == 4;
  auto x = samples<T>(f32 ? bound.fromF32 : bound.fromF64, f32 ? bound.toF32 : bound.toF64);
  auto y = isBinary(bound.op) ? exponentsFor(x) : std::vector<T>(x.size(), T(1));
  std::vector<T> found = apply(bound.op, 8, x, y);
  Worst worst;
  for (size_t i = 0; i < x.size() && worst.wrong < 5; ++i)
    compare(bound, x[i], y[i], found[i], worst);
  report<T>(bound, worst);
}

TEST_F(Approximation, ErrorsStayWithinTheTable) {
  for (const Bound &bound : kBounds) {
    checkBound<float>(bound, [&](auto... args) { return apply<float>(args...); });
    checkBound<double>(bound, [&](auto... args) { return apply<double>(args...); });
  }
}

template <typename T, typename Apply> void checkScalarsEqualVectors(Apply apply) {
  auto x = specials<T>();
  for (int i = 0; i < 1000; ++i)
    x.push_back(T(0.37 * i - 150));
  auto y = exponentsFor(x);
  for (const Bound &bound : kBounds) {
    std::vector<T> scalar = apply(bound.op, 1, x, y), vector = apply(bound.op, 8, x, y);
    for (size_t i = 0; i < x.size(); ++i)
      EXPECT_TRUE(scalar[i] == vector[i] || (std::isnan(scalar[i]) && std::isnan(vector[i])))
          << bound.op << " " << x[i];
  }
}

TEST_F(Approximation, ScalarsEqualVectors) {
  checkScalarsEqualVectors<float>([&](auto... args) { return apply<float>(args...); });
  checkScalarsEqualVectors<double>([&](auto... args) { return apply<double>(args...); });
}

// exp2 of masked scores must be 0 and of the largest score 1, exactly; the rest is what C defines.
TEST_F(Approximation, ExactResults) {
  struct Case {
    const char *op;
    double x, expected;
  };
  const Case cases[] = {{"exp2", -kInf, 0},
                        {"exp2", 0, 1},
                        {"exp2", kInf, kInf},
                        {"exp2", 3e38, kInf},
                        {"exp2", -3e38, 0},
                        {"exp2", 10, 1024},
                        {"exp2", -120, 0x1p-120},
                        {"exp", 0, 1},
                        {"exp", -kInf, 0},
                        {"exp", kInf, kInf},
                        {"expm1", 0, 0},
                        {"expm1", -kInf, -1},
                        {"tanh", kInf, 1},
                        {"tanh", -kInf, -1},
                        {"erf", kInf, 1},
                        {"erf", -kInf, -1},
                        {"log2", 0, -kInf},
                        {"log2", -0.0, -kInf},
                        {"log2", 1, 0},
                        {"log2", 0x1p-126, -126},
                        {"log2", 0x1p-149, -149},
                        {"log2", 0x1p100, 100},
                        {"log2", kInf, kInf},
                        {"log", 1, 0},
                        {"log", 0, -kInf},
                        {"log1p", -1, -kInf},
                        {"log1p", kInf, kInf},
                        {"sin", 0, 0},
                        {"cos", 0, 1},
                        {"round", -2.5, -3},
                        {"round", 2.5, 3},
                        {"round", 0.49999997, 0}};
  for (const Case &c : cases) {
    EXPECT_EQ(apply<float>(c.op, 8, {float(c.x)})[0], float(c.expected)) << c.op << " of f32 " << c.x;
    EXPECT_EQ(apply<double>(c.op, 8, {c.x})[0], c.expected) << c.op << " of f64 " << c.x;
  }
}

template <typename T, typename Apply> void checkPowersOfSpecials(Apply apply) {
  std::vector<T> x, y, all = specials<T>();
  for (T a : all)
    for (T b : all)
      x.push_back(a), y.push_back(b);
  std::vector<T> found = apply("powf", 8, x, y);
  for (size_t i = 0; i < x.size(); ++i) {
    Wide exact = powl(x[i], y[i]);
    if (std::isnan(exact) || std::isinf(exact) || exact == 0 || exact == 1)
      EXPECT_TRUE(std::isnan(exact) ? std::isnan(found[i]) : found[i] == T(exact))
          << "pow(" << x[i] << ", " << y[i] << ") = " << found[i] << ", expected " << double(exact);
  }
}

TEST_F(Approximation, PowersOfSpecialValues) {
  checkPowersOfSpecials<float>([&](auto... args) { return apply<float>(args...); });
  checkPowersOfSpecials<double>([&](auto... args) { return apply<double>(args...); });
}

template <typename T> uint16_t narrowed(T x, const fltSemantics &semantics) {
  APFloat value(x);
  bool loses;
  value.convert(semantics, APFloat::rmNearestTiesToEven, &loses);
  return value.bitcastToAPInt().getZExtValue();
}

/// Specials, spread patterns, and neighbours of every tie of the narrow format.
template <typename T> std::vector<T> narrowingSamples(const fltSemantics &semantics) {
  std::vector<T> all = samples<T>(-20, 20);
  for (uint32_t bits = 0; bits < 0x7fff; ++bits) {
    APFloat low(semantics, APInt(16, bits)), high(semantics, APInt(16, bits + 1));
    if (!low.isFinite() || !high.isFinite())
      continue;
    T tie = T((low.convertToDouble() + high.convertToDouble()) / 2);
    llvm::append_values(all, tie, std::nextafter(tie, T(0)), std::nextafter(tie, T(kInf)), -tie);
  }
  return all;
}

template <typename T, typename Run> void checkNarrowing(const char *to, const fltSemantics &semantics, Run run) {
  std::vector<T> x = narrowingSamples<T>(semantics);
  for (int lanes : {1, 8}) {
    std::vector<uint16_t> found = run(formatv("{0}_{1}_{2}", typeName<T>(), to, lanes), x);
    int wrong = 0;
    for (size_t i = 0; i < x.size() && wrong < 5; ++i) {
      APFloat value(semantics, APInt(16, found[i]));
      bool right = std::isnan(x[i]) ? value.isNaN() && !value.isSignaling() : found[i] == narrowed(x[i], semantics);
      EXPECT_TRUE(right) << x[i] << " to " << to << ": " << found[i] << ", " << ++wrong;
    }
  }
}

TEST_F(Approximation, NarrowingRoundsOnce) {
  auto f32 = [&](std::string name, const std::vector<float> &x) { return run<float, uint16_t>(name, x); };
  auto f64 = [&](std::string name, const std::vector<double> &x) { return run<double, uint16_t>(name, x); };
  checkNarrowing<float>("bf16", APFloat::BFloat(), f32);
  checkNarrowing<float>("f16", APFloat::IEEEhalf(), f32);
  checkNarrowing<double>("bf16", APFloat::BFloat(), f64);
  checkNarrowing<double>("f16", APFloat::IEEEhalf(), f64);
}

TEST(ApproximationObject, HasNoUndefinedSymbol) {
  auto buffer = cantFail(attn::test::compileToObject(wholeModule()));
  auto object = cantFail(object::ObjectFile::createObjectFile(*buffer));
  int defined = 0;
  for (const object::SymbolRef &symbol : object->symbols()) {
    StringRef name = cantFail(symbol.getName());
    bool undefined = cantFail(symbol.getFlags()) & object::SymbolRef::SF_Undefined;
    EXPECT_FALSE(undefined && !name.empty()) << name.str();
    defined += !undefined;
  }
  EXPECT_GT(defined, 80);
}

} // namespace

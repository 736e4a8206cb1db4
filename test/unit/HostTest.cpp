// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/driver/Extents.h"
#include "compiler/driver/Literal.h"
#include "compiler/driver/Npy.h"
#include "compiler/driver/Output.h"
#include "compiler/driver/Probes.h"
#include "compiler/driver/Quiet.h"
#include "compiler/driver/Request.h"
#include "compiler/driver/Text.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "gtest/gtest.h"
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace attn;
using namespace attn::driver;
using llvm::StringRef;

namespace {

std::string file(StringRef header, StringRef data, char version = 1) {
  std::string bytes = "\x93NUMPY";
  bytes += version;
  bytes += '\0';
  size_t length = header.size();
  for (int i = 0; i < (version == 1 ? 2 : 4); ++i)
    bytes += static_cast<char>(length >> 8 * i);
  return bytes + header.str() + data.str();
}

std::string errorOf(llvm::Error error) { return llvm::toString(std::move(error)); }
std::string npyError(StringRef bytes) {
  auto tensor = parseNpy(bytes, "x.npy");
  return tensor ? "no error" : errorOf(tensor.takeError());
}

const std::string kEight(8, '\x01');

TEST(Npy, ReadsAllVersions) {
  for (char version : {1, 2, 3}) {
    auto tensor =
        parseNpy(file("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 1), }  \n", kEight, version), "x");
    ASSERT_TRUE(bool(tensor)) << errorOf(tensor.takeError());
    EXPECT_EQ(tensor->getElement(), ATTNC_F32);
    EXPECT_EQ(tensor->getSizes().vec(), (std::vector<int64_t>{2, 1}));
    EXPECT_EQ(std::memcmp(tensor->data(), kEight.data(), 8), 0);
  }
}

TEST(Npy, KnowsElementTypes) {
  struct {
    const char *descr;
    attnc_element element;
  } rows[] = {{"<f2", ATTNC_F16}, {"<u2", ATTNC_BF16}, {"<f4", ATTNC_F32}, {"<f8", ATTNC_F64}, {"|i1", ATTNC_I8},
              {"|u1", ATTNC_U8},  {"<i4", ATTNC_I32},  {"<i8", ATTNC_I64}, {"|b1", ATTNC_BOOL}};
  for (auto &row : rows) {
    std::string data(attnc_element_size(row.element), '\0');
    auto tensor =
        parseNpy(file("{\"shape\": (), 'fortran_order': False, 'descr': '" + std::string(row.descr) + "'}", data), "x");
    ASSERT_TRUE(bool(tensor)) << errorOf(tensor.takeError());
    EXPECT_EQ(tensor->getElement(), row.element);
    EXPECT_TRUE(tensor->getSizes().empty());
  }
}

TEST(Npy, FortranOrderBecomesStrides) {
  auto tensor = parseNpy(file("{'descr': '|u1', 'fortran_order': True, 'shape': (2, 2, 2)}", kEight), "x");
  ASSERT_TRUE(bool(tensor));
  EXPECT_EQ(tensor->getStrides().vec(), (std::vector<int64_t>{1, 2, 4}));
}

TEST(Npy, SaysWhatIsWrong) {
  StringRef good = "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }";
  EXPECT_EQ(npyError(""), "x.npy: not a .npy file");
  EXPECT_EQ(npyError("PK\x03\x04 garbage"), "x.npy: not a .npy file");
  EXPECT_EQ(npyError("\x93NUMPY"), "x.npy: the file ends in its header");
  EXPECT_EQ(npyError(file(good, kEight, 9)), "x.npy: version 9 of .npy; expected 1, 2 or 3");
  EXPECT_EQ(npyError(StringRef(file(good, kEight)).take_front(20)),
            "x.npy: the file ends in its header: expected 57 bytes, found 10");
  EXPECT_EQ(npyError(file(good, "1234567")), "x.npy: expected 8 bytes of data, found 7");
  EXPECT_EQ(npyError(file(good, "123456789")), "x.npy: expected 8 bytes of data, found 9");
  EXPECT_EQ(npyError(file("{'descr': '>f4', 'fortran_order': False, 'shape': (2,)}", kEight)),
            "x.npy: elements of type '>f4' are big-endian; expected little-endian");
  EXPECT_EQ(npyError(file("{'descr': '<c8', 'fortran_order': False, 'shape': (1,)}", kEight)),
            "x.npy: element type '<c8' is not supported; known: float16, uint16, float32, float64, int8, uint8, int32, "
            "int64, bool");
  EXPECT_EQ(
      npyError(file("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)}", kEight)),
      "x.npy: element type 'a structure' is not supported; known: float16, uint16, float32, float64, int8, uint8, "
      "int32, int64, bool");
  EXPECT_EQ(npyError(file("{'descr': '<f4', 'shape': (2,)}", kEight)), "x.npy: the header lacks 'fortran_order'");
  EXPECT_EQ(npyError(file("{'descr': '<f4', 'fortran_order': False, 'shape': (-2,)}", kEight)),
            "x.npy: the header is damaged: expected the value of 'shape', found '-2,)}'");
  EXPECT_EQ(npyError(file("{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904, 4)}", kEight)),
            "x.npy: the shape is too large for this machine");
  EXPECT_EQ(npyError(file("{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,1)}", "")),
            "x.npy: 9 dimensions; at most 8 are supported");
  EXPECT_EQ(npyError(file("\x01\x02\x03", kEight)), "x.npy: the header is damaged: expected '{', found '"
                                                    "???"
                                                    "'");
}

TEST(Npy, TruncatedFilesNeverCrash) {
  std::string whole = file("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }\n", kEight);
  for (size_t size = 0; size < whole.size(); ++size) {
    auto tensor = parseNpy(StringRef(whole).take_front(size), "x");
    EXPECT_FALSE(bool(tensor));
    llvm::consumeError(tensor.takeError());
  }
}

TEST(Npy, ReadsWhatItWrites) {
  llvm::SmallString<64> path;
  ASSERT_FALSE(llvm::sys::fs::createTemporaryFile("attnc", "npy", path));
  for (std::vector<int64_t> sizes : {std::vector<int64_t>{}, {3}, {2, 0}, {2, 3, 4}}) {
    HostTensor tensor(ATTNC_BF16, sizes);
    for (int64_t i = 0; i < tensor.getNumBytes(); ++i)
      tensor.data()[i] = static_cast<char>(i);
    ASSERT_FALSE(bool(writeNpy(tensor, path)));
    auto again = readNpy(path);
    ASSERT_TRUE(bool(again)) << errorOf(again.takeError());
    EXPECT_EQ(again->getSizes().vec(), sizes);
    EXPECT_EQ(std::memcmp(again->data(), tensor.data(), tensor.getNumBytes()), 0);
    auto buffer = llvm::MemoryBuffer::getFile(path);
    EXPECT_EQ(((*buffer)->getBufferSize() - tensor.getNumBytes()) % 64, 0u);
  }
  llvm::sys::fs::remove(path);
  auto gone = readNpy(path);
  ASSERT_FALSE(bool(gone));
  EXPECT_NE(errorOf(gone.takeError()).find("No such file"), std::string::npos);
}

llvm::Error writeHello(StringRef path) {
  return writeOutput(path, [](llvm::raw_ostream &out) {
    out << "hello";
    return llvm::Error::success();
  });
}

std::string contentOf(StringRef path) {
  auto buffer = llvm::MemoryBuffer::getFile(path);
  return buffer ? (*buffer)->getBuffer().str() : "no file";
}

/// A folder that goes with its files.
struct Folder {
  Folder() { EXPECT_FALSE(llvm::sys::fs::createUniqueDirectory("attnc-host", path)); }
  ~Folder() { llvm::sys::fs::remove_directories(path); }
  std::string at(StringRef name) const { return (path + "/" + name).str(); }
  llvm::SmallString<128> path;
};

TEST(Output, ALinkStaysALink) {
  Folder folder;
  std::string file = folder.at("file"), link = folder.at("link");
  ASSERT_EQ(errorOf(writeHello(file)), "");
  ASSERT_EQ(::truncate(file.c_str(), 0), 0);
  ASSERT_EQ(::symlink("file", link.c_str()), 0);
  EXPECT_EQ(errorOf(writeHello(link)), "");
  EXPECT_TRUE(llvm::sys::fs::is_symlink_file(link));
  EXPECT_EQ(contentOf(file), "hello");
}

TEST(Output, APipeIsWrittenInto) {
  Folder folder;
  std::string pipe = folder.at("pipe");
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  int reader = ::open(pipe.c_str(), O_RDWR | O_NONBLOCK);
  ASSERT_GE(reader, 0);
  EXPECT_EQ(errorOf(writeHello(pipe)), "");
  char text[8] = {};
  EXPECT_EQ(::read(reader, text, sizeof(text)), 5);
  EXPECT_STREQ(text, "hello");
  ::close(reader);
  struct stat status;
  ASSERT_EQ(::stat(pipe.c_str(), &status), 0);
  EXPECT_TRUE(S_ISFIFO(status.st_mode));
}

TEST(Output, ErrorsNameThePath) {
  Folder folder;
  EXPECT_NE(errorOf(writeHello(folder.path)).find(std::string(folder.path)), std::string::npos); // it is no file
  EXPECT_NE(errorOf(writeHello(folder.at("none/file"))).find("none/file"), std::string::npos);
}

TEST(Text, DigitsAreNeverAPowerOfTen) {
  EXPECT_EQ(digits(100, 2), "100");
  EXPECT_EQ(digits(24999.6, 3), "25000");
  EXPECT_EQ(digits(56.25, 2), "56");
  EXPECT_EQ(digits(4.923, 2), "4.9");
  EXPECT_EQ(digits(2, 3), "2");
  EXPECT_EQ(digits(0.00062, 2), "0.00062");
  EXPECT_EQ(digits(0, 2), "0");
}

TEST(Sizes, ParsesLists) {
  Sizes sizes;
  ASSERT_FALSE(bool(parseSizes("B=1, H=8", "--size", 0, sizes)));
  ASSERT_FALSE(bool(parseSizes("B=1", "--size", 0, sizes)));
  EXPECT_EQ(printSizes({"H", "X", "B"}, sizes), "H=8 B=1");
  EXPECT_EQ(errorOf(parseSizes("B=2", "--size", 0, sizes)), "--size gives 'B' two values");
  EXPECT_EQ(errorOf(parseSizes("P", "--size", 0, sizes)), "--size expects NAME=VALUE, found 'P'");
  EXPECT_EQ(errorOf(parseSizes("P=1,", "--size", 0, sizes)), "--size expects NAME=VALUE, found ''");
  for (StringRef bad : {"P=x", "P=-1", "P=1.5", "P=99999999999999999999"})
    EXPECT_NE(errorOf(parseSizes(bad, "--size", 0, sizes)).find("expects an integer of at least 0 for 'P'"),
              std::string::npos);
}

codegen::KernelArgument tensor(StringRef name, llvm::ArrayRef<StringRef> dims) {
  codegen::KernelArgument argument;
  argument.name = name.str();
  for (StringRef dim : dims)
    argument.dims.push_back({dim.str(), 1, {}});
  return argument;
}

codegen::KernelInterface attention() {
  codegen::KernelInterface kernel;
  for (const char *rank : {"b", "p", "h", "m", "e", "f"})
    kernel.symbols.push_back({rank, -1, false});
  kernel.symbols.push_back({"c", -1, true});
  kernel.args = {tensor("Q", {"b", "p", "h*e"}), tensor("K", {"m", "e"}), tensor("V", {"m", "f"}),
                 tensor("D", {"b", "p"}), tensor("O", {"b", "p", "f"})};
  return kernel;
}

TEST(Extents, InnerRanksAreLastEverywhere) { EXPECT_EQ(innerRanks(attention()), (std::vector<std::string>{"e", "f"})); }

TEST(Extents, BindsSmallInnerRanks) {
  codegen::KernelInterface kernel = attention();
  Extents extents(kernel);
  ASSERT_FALSE(bool(extents.addSizes({{"E", 64}, {"F", 1024}, {"M", 7}})));
  EXPECT_EQ(withInnerRanks({{"block", 4}}, kernel, extents), (Sizes{{"block", 4}, {"E", 64}}));
}

TEST(Extents, SolvesProducts) {
  codegen::KernelInterface kernel = attention();
  Extents extents(kernel);
  ASSERT_FALSE(bool(extents.addShape(kernel.args[0], {1, 5, 24}, "q.npy")));
  ASSERT_FALSE(bool(extents.addShape(kernel.args[1], {9, 8}, "k.npy")));
  ASSERT_FALSE(bool(extents.solve()));
  EXPECT_EQ(extents.print(), "B=1 P=5 H=3 M=9 E=8");
  EXPECT_EQ(errorOf(extents.requireAll()), "--size is needed for F");
}

TEST(Extents, ErrorsNameBothSources) {
  codegen::KernelInterface kernel = attention();
  Extents extents(kernel);
  ASSERT_FALSE(bool(extents.addSizes({{"M", 7}})));
  EXPECT_EQ(errorOf(extents.addShape(kernel.args[1], {9, 8}, "k.npy")),
            "k.npy: rank 'm' of argument 'K' has extent 9, but 7 from --size");
  EXPECT_EQ(errorOf(extents.addShape(kernel.args[1], {9}, "k.npy")), "k.npy: argument 'K' has 2 dimensions, found 1");
  EXPECT_EQ(errorOf(extents.addSizes({{"C", 1}})),
            "'C' is not an extent that --size can give; known: B, P, H, M, E, F");

  Extents product(kernel);
  ASSERT_FALSE(bool(product.addSizes({{"E", 7}})));
  ASSERT_FALSE(bool(product.addShape(kernel.args[0], {1, 5, 24}, "q.npy")));
  EXPECT_EQ(errorOf(product.solve()),
            "q.npy: dimension 'h*e' of argument 'Q' has extent 24, which is no multiple of 7");
}

Sample sample(double seconds, double integers, double fma, double share) {
  return {seconds, share, {integers, integers}, {fma, fma}};
}

TEST(Quiet, DropsDisturbedSamples) {
  std::vector<Sample> samples = {sample(3, 10, 100, 1), sample(1, 10, 100, 0.9), sample(2, 9.7, 98, 0.98),
                                 sample(9, 5, 100, 1), sample(9, 10, 90, 1)};
  EXPECT_EQ(keepQuiet(samples, true), (std::vector<double>{2, 3}));
  EXPECT_EQ(keepQuiet(samples, false), (std::vector<double>{1, 2, 3}));
  samples[0].integers[1] = 8;
  EXPECT_EQ(keepQuiet(samples, true), (std::vector<double>{2}));
}

TEST(Quiet, MediansOfFewSamples) {
  QuietTimes times;
  EXPECT_FALSE(times.median() || times.best());
  times.quiet = {1, 2, 4};
  EXPECT_EQ(times.median(), 2);
  times.quiet = {1, 2, 4, 9};
  EXPECT_EQ(times.median(), 3);
  EXPECT_EQ(times.best(), 1);
}

TEST(Quiet, TakesTheSamplesAskedFor) {
  unsigned calls = 0;
  QuietOptions options;
  options.mostSamples = 3;
  QuietTimes times = measureQuietly([&] { return ++calls, true; }, options);
  EXPECT_EQ(times.taken, 3u);
  EXPECT_GT(calls, 3u);
  EXPECT_GT(times.bestFma, 0);
}

TEST(Probes, WiderVectorsAreNotSlower) {
  EXPECT_GT(probeIntegers(), 1e8);
  EXPECT_GT(probeFmaOf(1, false, 8), 1.2 * probeFmaOf(1, true, 8));
}

/// What the text holds, printed again.
std::string roundTrip(StringRef text, attnc_element element, size_t numDims) {
  llvm::Expected<HostTensor> tensor = parseLiteral(text, element, numDims);
  return tensor ? printLiteral(*tensor) : "error: " + errorOf(tensor.takeError());
}

TEST(Literal, ElementsAreRoundedToTheTypeAndPrintedShort) {
  EXPECT_EQ(roundTrip("[[0.1,-2],[inf,nan]]", ATTNC_F32, 2), "[[0.1, -2], [inf, nan]]");
  EXPECT_EQ(roundTrip("[ 0.1 , 16777217 ]", ATTNC_F32, 1), "[0.1, 16777216]");
  EXPECT_EQ(roundTrip("[16777217, 1e-300]", ATTNC_F64, 1), "[16777217, 1e-300]");
  EXPECT_EQ(roundTrip("[2049, 65504, 1e6]", ATTNC_F16, 1), "[2048, 65504, inf]");
  EXPECT_EQ(roundTrip("[true, 0, 1]", ATTNC_BOOL, 1), "[true, false, true]");
  EXPECT_EQ(roundTrip("[-128, 127]", ATTNC_I8, 1), "[-128, 127]");
  EXPECT_EQ(roundTrip("[0, 255]", ATTNC_U8, 1), "[0, 255]");
  EXPECT_EQ(roundTrip("-3", ATTNC_I64, 0), "-3");
}

TEST(Literal, EmptyListsHaveExtentZero) {
  EXPECT_EQ(roundTrip("[]", ATTNC_F32, 2), "[]");
  EXPECT_EQ(roundTrip("[[], []]", ATTNC_F32, 2), "[[], []]");
}

TEST(Literal, WrongTextIsNamed) {
  EXPECT_EQ(roundTrip("[128]", ATTNC_I8, 1), "error: expected an integer of type i8, found '128]'");
  EXPECT_EQ(roundTrip("[-1]", ATTNC_U8, 1), "error: expected an integer of type u8, found '-1]'");
  EXPECT_EQ(roundTrip("[1, 2", ATTNC_F32, 1), "error: expected ',' or ']', found the end");
  EXPECT_EQ(roundTrip("[1] 2", ATTNC_F32, 1), "error: expected the end, found '2'");
  EXPECT_EQ(roundTrip("[[1], 2]", ATTNC_F32, 2), "error: expected '[': the tensor has 2 dimensions, found '2]'");
}

TEST(HostTensor, RowMajorCopyOfAColumnMajorTensor) {
  HostTensor columns(ATTNC_I8, {2, 3});
  columns.setColumnMajor();
  for (int i = 0; i < 6; ++i)
    columns.data()[i] = static_cast<char>(i);
  EXPECT_EQ(printLiteral(columns.rowMajor()), "[[0, 2, 4], [1, 3, 5]]");
}

} // namespace

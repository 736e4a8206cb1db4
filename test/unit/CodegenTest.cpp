// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// From the llvm dialect to a file, back through the runtime's loader, and called. Then what must be refused: code that
// needs other libraries, interfaces without code, and damaged files of every kind.
#include "compiler/codegen/Codegen.h"
#include "lld/Common/Driver.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include "runtime/attnc.hpp"
#include "runtime/note.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "gtest/gtest.h"
#include <cstddef>
#include <dlfcn.h>

LLD_HAS_DRIVER(elf)

using namespace attn::codegen;
using llvm::StringRef;

namespace {

llvm::Error writeArtifact(llvm::ArrayRef<char> object, llvm::StringRef path) {
  llvm::Expected<std::string> bytes = linkArtifact(object);
  if (!bytes)
    return bytes.takeError();
  return llvm::writeToOutput(path, [&](llvm::raw_ostream &out) {
    out << *bytes;
    return llvm::Error::success();
  });
}

// O[n] = a * X[n] + Y[n] in tasks of 16, for n <= 1000; offsets are those of attnc_frame and attnc_view.
constexpr const char *axpy = R"mlir(
llvm.func @axpy.prepare(%frame: !llvm.ptr) -> i32 {
  %most = llvm.mlir.constant(1000 : i64) : i64
  %c4 = llvm.mlir.constant(4 : i64) : i64
  %c15 = llvm.mlir.constant(15 : i64) : i64
  %0 = llvm.getelementptr %frame[24] : (!llvm.ptr) -> !llvm.ptr, i8
  %symbols = llvm.load %0 : !llvm.ptr -> !llvm.ptr
  %n = llvm.load %symbols : !llvm.ptr -> i64
  %large = llvm.icmp "sgt" %n, %most : i64
  llvm.cond_br %large, ^failed, ^good
^failed:
  %zero = llvm.mlir.constant(0 : i32) : i32
  llvm.return %zero : i32
^good:
  %1 = llvm.getelementptr %frame[32] : (!llvm.ptr) -> !llvm.ptr, i8
  %tasks = llvm.load %1 : !llvm.ptr -> !llvm.ptr
  %2 = llvm.add %n, %c15 : i64
  %3 = llvm.lshr %2, %c4 : i64
  llvm.store %3, %tasks : i64, !llvm.ptr
  %none = llvm.mlir.constant(-1 : i32) : i32
  llvm.return %none : i32
}
llvm.func @axpy.launch0(%frame: !llvm.ptr, %task: i64, %worker: i32) {
  %c1 = llvm.mlir.constant(1 : i64) : i64
  %c4 = llvm.mlir.constant(4 : i64) : i64
  %c16 = llvm.mlir.constant(16 : i64) : i64
  %tensors = llvm.load %frame : !llvm.ptr -> !llvm.ptr
  %xAt = llvm.load %tensors : !llvm.ptr -> !llvm.ptr
  %0 = llvm.getelementptr %tensors[136] : (!llvm.ptr) -> !llvm.ptr, i8
  %yAt = llvm.load %0 : !llvm.ptr -> !llvm.ptr
  %1 = llvm.getelementptr %tensors[272] : (!llvm.ptr) -> !llvm.ptr, i8
  %oAt = llvm.load %1 : !llvm.ptr -> !llvm.ptr
  %2 = llvm.getelementptr %tensors[8] : (!llvm.ptr) -> !llvm.ptr, i8
  %n = llvm.load %2 : !llvm.ptr -> i64
  %3 = llvm.getelementptr %frame[8] : (!llvm.ptr) -> !llvm.ptr, i8
  %scalars = llvm.load %3 : !llvm.ptr -> !llvm.ptr
  %a64 = llvm.load %scalars : !llvm.ptr -> f64
  %a = llvm.fptrunc %a64 : f64 to f32
  %begin = llvm.shl %task, %c4 : i64
  %4 = llvm.add %begin, %c16 : i64
  %end = llvm.intr.smin(%4, %n) : (i64, i64) -> i64
  llvm.br ^loop(%begin : i64)
^loop(%i: i64):
  %more = llvm.icmp "slt" %i, %end : i64
  llvm.cond_br %more, ^body, ^done
^body:
  %xi = llvm.getelementptr %xAt[%i] : (!llvm.ptr, i64) -> !llvm.ptr, f32
  %yi = llvm.getelementptr %yAt[%i] : (!llvm.ptr, i64) -> !llvm.ptr, f32
  %oi = llvm.getelementptr %oAt[%i] : (!llvm.ptr, i64) -> !llvm.ptr, f32
  %x = llvm.load %xi : !llvm.ptr -> f32
  %y = llvm.load %yi : !llvm.ptr -> f32
  %o = llvm.intr.fma(%a, %x, %y) : (f32, f32, f32) -> f32
  llvm.store %o, %oi : f32, !llvm.ptr
  %next = llvm.add %i, %c1 : i64
  llvm.br ^loop(%next : i64)
^done:
  llvm.return
}
)mlir";

KernelInterface axpyInterface() {
  KernelInterface kernel;
  kernel.name = "axpy";
  KernelDim n{"n", 1, {0}};
  kernel.args = {{"X", ATTNC_ARG_TENSOR, ATTNC_F32, ATTNC_IN, false, {n}},
                 {"a", ATTNC_ARG_SCALAR, ATTNC_F32, ATTNC_IN, false, {}},
                 {"Y", ATTNC_ARG_TENSOR, ATTNC_F32, ATTNC_IN, false, {n}},
                 {"O", ATTNC_ARG_TENSOR, ATTNC_F32, ATTNC_OUT, false, {n}}};
  kernel.symbols = {{"n", -1, false}};
  kernel.checks = {{"N <= 1000", "axpy.attn", 3}};
  kernel.numLaunches = 1;
  return kernel;
}

const TargetMachineRow v3 = {"x86-64-v3", "", ATTNC_CPU_X86_64_V3};

class Codegen : public testing::Test {
protected:
  void SetUp() override {
    mlir::DialectRegistry registry;
    registerTranslations(registry);
    registry.insert<mlir::LLVM::LLVMDialect>();
    mlirContext.appendDialectRegistry(registry);
    ASSERT_FALSE(llvm::sys::fs::createUniqueDirectory("attnc-codegen", folder));
  }
  void TearDown() override { llvm::sys::fs::remove_directories(folder); }

  std::string file(StringRef name) const { return (folder + "/" + name).str(); }

  llvm::Expected<std::unique_ptr<llvm::Module>> translateText(StringRef text, const KernelInterface &kernel,
                                                              StringRef stem = "") {
    mlir::OwningOpRef<mlir::ModuleOp> module = mlir::parseSourceString<mlir::ModuleOp>(text, &mlirContext);
    if (!module)
      return llvm::createStringError(llvm::inconvertibleErrorCode(), "does not parse");
    return translate(*module, kernel, v3, llvmContext, stem);
  }
  /// The error of translating, or "".
  std::string translationError(StringRef text, const KernelInterface &kernel, StringRef stem = "") {
    return message(translateText(text, kernel, stem).takeError());
  }
  llvm::SmallVector<char, 0> objectOf(StringRef text, unsigned level = 0, StringRef stem = "") {
    std::unique_ptr<llvm::Module> module = llvm::cantFail(translateText(text, axpyInterface(), stem));
    if (level)
      llvm::cantFail(optimize(*module, v3, level));
    return llvm::cantFail(emitObject(*module, v3));
  }
  static std::string message(llvm::Error error) { return llvm::toString(std::move(error)); }

  std::string readFile(StringRef path) {
    return (*llvm::MemoryBuffer::getFile(path, false, /*RequiresNullTerminator=*/false))->getBuffer().str();
  }
  void writeFile(StringRef path, StringRef bytes) {
    std::error_code ec;
    llvm::raw_fd_ostream(path, ec) << bytes;
    ASSERT_FALSE(ec);
  }
  /// The bytes with a note that fits them, after `change` was made to it.
  static std::string withNote(std::string bytes, llvm::function_ref<void(attnc_note &)> change) {
    auto *data = reinterpret_cast<unsigned char *>(bytes.data());
    uint64_t at = attnc_find_note(data, bytes.size());
    attnc_note note;
    memcpy(&note, data + at, sizeof note);
    change(note);
    memcpy(data + at, &note, sizeof note);
    note.hash = attnc_hash(data, bytes.size(), at + offsetof(attnc_note, hash));
    memcpy(data + at, &note, sizeof note);
    return bytes;
  }

  static void linkShared(const std::vector<std::string> &objects, const std::string &path) {
    std::vector<const char *> args = {"ld.lld", "-shared", "-o", path.c_str()};
    for (const std::string &object : objects)
      args.push_back(object.c_str());
    ASSERT_EQ(lld::lldMain(args, llvm::outs(), llvm::errs(), {{lld::Gnu, &lld::elf::link}}).retCode, 0);
  }

  /// What is wrong with a call for n elements, or "".
  std::string callAxpy(attnc::Kernel kernel, int64_t n) {
    std::vector<float> x(n), y(n), o(n, -1.0f);
    for (int64_t i = 0; i < n; ++i) {
      x[i] = static_cast<float>(i);
      y[i] = static_cast<float>(n - i);
    }
    attnc::Status status = kernel.call({{"X", attnc::Tensor(x.data(), {n})},
                                        {"Y", attnc::Tensor(y.data(), {n})},
                                        {"a", 3.0},
                                        {"O", attnc::Tensor(o.data(), {n})}});
    if (!status.ok())
      return status.message;
    for (int64_t i = 0; i < n; ++i)
      if (o[i] != 3.0f * x[i] + y[i])
        return "wrong element " + std::to_string(i);
    return "";
  }

  mlir::MLIRContext mlirContext;
  llvm::LLVMContext llvmContext;
  llvm::SmallString<128> folder;
  attnc::Result<attnc::Context> context = attnc::Context::create({2, nullptr, nullptr});
};

TEST_F(Codegen, writtenLoadedCalled) {
  for (unsigned level : {0, 1, 3}) {
    std::string path = file("axpy" + std::to_string(level) + ".so");
    EXPECT_EQ(message(writeArtifact(objectOf(axpy, level), path)), "");
    attnc::Result<attnc::Module> module = context->load(path);
    ASSERT_TRUE(module) << module.status().message;
    attnc::Result<attnc::Kernel> kernel = module->find("axpy");
    ASSERT_TRUE(kernel) << kernel.status().message;
    for (int64_t n : {0, 1, 16, 17, 1000})
      EXPECT_EQ(callAxpy(*kernel, n), "") << n;
    EXPECT_EQ(callAxpy(*kernel, 1001), "axpy.attn:3: 'N <= 1000' does not hold");
    EXPECT_EQ(module->find("axpz").status().message, path + ": no kernel 'axpz', there is 'axpy'");
  }
}

TEST_F(Codegen, descriptorSaysWhatTheInterfaceSays) {
  KernelInterface kernel = axpyInterface();
  kernel.args[0].dims.push_back({"h*e", 64, {1, 0}});
  kernel.args[0].optional = true;
  kernel.args[3].direction = ATTNC_INOUT;
  kernel.symbols.push_back({"h", 12, true});
  std::unique_ptr<llvm::Module> module = llvm::cantFail(translateText(axpy, kernel));
  llvm::cantFail(writeArtifact(llvm::cantFail(emitObject(*module, v3)), file("a.so")));
  attnc::Result<attnc::Module> loaded = context->load(file("a.so"));
  ASSERT_TRUE(loaded) << loaded.status().message;
  const attnc_kernel_descriptor &d = loaded->find("axpy")->describe();
  EXPECT_EQ(d.features, uint32_t(ATTNC_CPU_X86_64_V3));
  EXPECT_EQ(d.num_args, 4);
  EXPECT_EQ(d.num_checks, 1);
  EXPECT_EQ(d.num_launches, 1);
  EXPECT_STREQ(d.args[0].name, "X");
  EXPECT_EQ(d.args[0].optional, 1u);
  EXPECT_EQ(d.args[0].num_dims, 2);
  EXPECT_STREQ(d.args[0].dims[1].name, "h*e");
  EXPECT_EQ(d.args[0].dims[1].factor, 64);
  EXPECT_EQ(d.args[0].dims[1].symbols[0], 1);
  EXPECT_EQ(d.args[1].kind, uint32_t(ATTNC_ARG_SCALAR));
  EXPECT_EQ(d.args[1].dims, nullptr);
  EXPECT_EQ(d.args[3].direction, uint32_t(ATTNC_INOUT));
  EXPECT_EQ(d.symbols[0].extent, -1);
  EXPECT_EQ(d.symbols[1].extent, 12);
  EXPECT_EQ(d.symbols[1].declared, 1u);
  EXPECT_STREQ(d.checks[0].file, "axpy.attn");
  EXPECT_EQ(d.checks[0].line, 3);
}

TEST_F(Codegen, sameInputSameBytes) {
  llvm::cantFail(writeArtifact(objectOf(axpy), file("a.so")));
  llvm::cantFail(writeArtifact(objectOf(axpy), file("b.so")));
  EXPECT_EQ(readFile(file("a.so")), readFile(file("b.so")));
}

TEST_F(Codegen, assemblyIsForTheTarget) {
  std::unique_ptr<llvm::Module> module = llvm::cantFail(translateText(axpy, axpyInterface()));
  std::string text = llvm::cantFail(emitAssembly(*module, v3));
  EXPECT_NE(text.find("vfmadd"), std::string::npos); // FMA is of x86-64-v3
  EXPECT_NE(text.find(".note.attnc"), std::string::npos);
}

TEST_F(Codegen, wideVectorsStayWide) {
  constexpr const char *text = R"mlir(
llvm.func @axpy.prepare(%frame: !llvm.ptr) -> i32 {
  %x = llvm.load %frame : !llvm.ptr -> vector<16xf32>
  %y = llvm.fadd %x, %x : vector<16xf32>
  llvm.store %y, %frame : vector<16xf32>, !llvm.ptr
  %none = llvm.mlir.constant(-1 : i32) : i32
  llvm.return %none : i32
}
)mlir";
  mlir::OwningOpRef<mlir::ModuleOp> module = mlir::parseSourceString<mlir::ModuleOp>(text, &mlirContext);
  KernelInterface kernel;
  kernel.name = "axpy";
  TargetMachineRow v4 = {"x86-64-v4", "", ATTNC_CPU_X86_64_V3 | ATTNC_CPU_X86_64_V4};
  auto translated = llvm::cantFail(translate(*module, kernel, v4, llvmContext));
  EXPECT_NE(llvm::cantFail(emitAssembly(*translated, v4)).find("zmm"), std::string::npos);
}

TEST_F(Codegen, memcpyComesFromTheProgram) {
  std::string text = axpy;
  text.replace(text.find("  llvm.br ^loop"), 0, R"mlir(
  %bytes = llvm.mul %n, %c4 : i64
  "llvm.intr.memcpy"(%oAt, %xAt, %bytes) <{isVolatile = false}> : (!llvm.ptr, !llvm.ptr, i64) -> ()
)mlir");
  llvm::SmallVector<char, 0> object = objectOf(text);
  EXPECT_NE(StringRef(object.data(), object.size()).find("memcpy"), StringRef::npos);
  EXPECT_EQ(message(writeArtifact(object, file("a.so"))), "");
  attnc::Result<attnc::Module> module = context->load(file("a.so"));
  ASSERT_TRUE(module) << module.status().message;
  EXPECT_EQ(callAxpy(*module->find("axpy"), 10), "");
}

static void writeObject(llvm::ArrayRef<char> object, const std::string &path) {
  llvm::cantFail(checkObject(object));
  std::error_code code;
  llvm::raw_fd_ostream(path, code).write(object.data(), object.size());
  ASSERT_FALSE(code);
}

TEST_F(Codegen, staticLinking) {
  llvm::SmallVector<char, 0> object = objectOf(axpy, 0, "my_axpy");
  writeObject(object, file("my_axpy.o"));
  EXPECT_EQ(message(writeArtifact(object, file("a.so"))), "the linked file has no attnc note");
  // A shared object stands for the program that is linked with two of them.
  writeObject(objectOf(axpy, 0, "other"), file("other.o"));
  linkShared({file("my_axpy.o"), file("other.o")}, file("program.so"));
  void *program = dlopen(file("program.so").c_str(), RTLD_NOW | RTLD_LOCAL);
  ASSERT_NE(program, nullptr) << dlerror();
  for (const char *symbol : {"attnc_artifact_my_axpy", "attnc_artifact_other"}) {
    auto *artifact = static_cast<const attnc_artifact_descriptor *>(dlsym(program, symbol));
    ASSERT_NE(artifact, nullptr);
    attnc::Result<attnc::Module> module = context->link(*artifact);
    ASSERT_TRUE(module) << module.status().message;
    EXPECT_EQ(callAxpy(*module->find("axpy"), 33), "");
  }
  dlclose(program);
}

TEST_F(Codegen, headerForStaticLinking) {
  EXPECT_EQ(headerText(axpyInterface(), "my_axpy"),
            R"(/* Written by attnc: attnc_link(context, &attnc_artifact_my_axpy, &module).
 *
 * axpy
 *   X[n] : f32, in
 *   a : f32, scalar
 *   Y[n] : f32, in
 *   O[n] : f32, out
 *   requires N <= 1000
 */
#ifndef ATTNC_ARTIFACT_MY_AXPY_H
#define ATTNC_ARTIFACT_MY_AXPY_H
#include <attnc/attnc_abi.h>

#ifdef __cplusplus
extern "C" {
#endif
extern const attnc_artifact_descriptor attnc_artifact_my_axpy;
#ifdef __cplusplus
}
#endif
#endif
)");
}

TEST_F(Codegen, interfacesWithoutCodeAreRefused) {
  KernelInterface kernel = axpyInterface();
  kernel.numLaunches = 2;
  EXPECT_EQ(translationError(axpy, kernel), "kernel 'axpy' has no function 'axpy.launch1'");
  kernel.name = "other";
  EXPECT_EQ(translationError(axpy, kernel), "kernel 'other' has no function 'other.prepare'");
  EXPECT_EQ(translationError("llvm.func @axpy.prepare(%a: i64) -> i32 { llvm.unreachable }", axpyInterface()),
            "function 'axpy.prepare' has type i32 (i64), expected i32 (ptr)");
  EXPECT_EQ(translationError(axpy, axpyInterface(), "a-b"), "'a-b' cannot be part of a C identifier");
  kernel = axpyInterface();
  kernel.args[0].dims.resize(9);
  EXPECT_EQ(translationError(axpy, kernel), "argument 'X' has 9 dimensions, at most 8 are supported");
}

constexpr const char *callsOut = R"mlir(
llvm.func @expf(f32) -> f32
llvm.func @unused(f32) -> f32
llvm.func @axpy.prepare(%frame: !llvm.ptr) -> i32 {
  %bytes = llvm.load %frame : !llvm.ptr -> i64
  %zero = llvm.mlir.constant(0 : i8) : i8
  "llvm.intr.memset"(%frame, %zero, %bytes) <{isVolatile = false}> : (!llvm.ptr, i8, i64) -> ()
  %none = llvm.mlir.constant(-1 : i32) : i32
  llvm.return %none : i32
}
llvm.func @axpy.launch0(%frame: !llvm.ptr, %task: i64, %worker: i32) {
  %x = llvm.load %frame : !llvm.ptr -> f32
  %y = llvm.call @expf(%x) : (f32) -> f32
  %z = llvm.intr.sin(%y) : (f32) -> f32
  llvm.store %z, %frame : f32, !llvm.ptr
  llvm.return
}
)mlir";

TEST_F(Codegen, otherLibrariesAreRefused) {
  std::string error = message(writeArtifact(objectOf(callsOut), file("a.so")));
  EXPECT_EQ(error, "the code needs 'expf', 'sinf', an artifact may need only memcpy, memmove and memset");
  EXPECT_FALSE(llvm::sys::fs::exists(file("a.so")));
}

TEST_F(Codegen, damagedFilesAreRefused) {
  llvm::cantFail(writeArtifact(objectOf(axpy), file("good.so")));
  std::string good = readFile(file("good.so"));
  auto refused = [&](StringRef bytes, const llvm::Twine &what) {
    std::string path = file("damaged.so");
    writeFile(path, bytes);
    EXPECT_FALSE(context->load(path)) << what.str();
  };
  for (size_t size : {size_t(0), size_t(1), size_t(63), size_t(64), size_t(200), good.size() / 2, good.size() - 1})
    refused(StringRef(good).take_front(size), "cut at " + llvm::Twine(size));
  refused(good + '\0', "one byte more");
  refused("hello\n", "text");
  for (size_t at = 0; at < good.size(); at += 7) {
    std::string bytes = good;
    bytes[at] = static_cast<char>(bytes[at] ^ 1 << at % 8);
    refused(bytes, "bit " + llvm::Twine(at % 8) + " of byte " + llvm::Twine(at));
  }
  writeFile(file("damaged.so"), good);
  EXPECT_TRUE(context->load(file("damaged.so")));
}

TEST_F(Codegen, otherVersionsAndCpusAreRefused) {
  llvm::cantFail(writeArtifact(objectOf(axpy), file("good.so")));
  std::string good = readFile(file("good.so")), path = file("other.so");
  writeFile(path, withNote(good, [](attnc_note &note) { note.version = 7; }));
  attnc::Status status = context->load(path).status();
  EXPECT_EQ(status.message, path + ": has ABI version 7, this runtime reads 1");
  EXPECT_EQ(status.code, ATTNC_WRONG_VERSION);
  writeFile(path, withNote(good, [](attnc_note &note) { note.features |= 1u << 30; }));
  status = context->load(path).status();
  EXPECT_EQ(status.message, path + ": made for CPU features that this runtime does not know (bits 0x40000000)");
  EXPECT_EQ(status.code, ATTNC_WRONG_CPU);
  writeFile(path, withNote(good, [](attnc_note &note) { note.file_size += 1; }));
  EXPECT_EQ(context->load(path).status().code, ATTNC_DAMAGED);
  if (!__builtin_cpu_supports("avx512f")) {
    writeFile(path, withNote(good, [](attnc_note &note) { note.features |= ATTNC_CPU_X86_64_V4; }));
    EXPECT_EQ(context->load(path).status().message, path + ": made for x86-64-v4, this CPU has no avx512f");
  }
}

TEST_F(Codegen, replacedWhileLoaded) {
  std::string path = file("a.so");
  llvm::cantFail(writeArtifact(objectOf(axpy), path));
  std::string other = std::string(axpy);
  other.replace(other.find("1000"), 4, "2000");
  {
    attnc::Result<attnc::Module> first = context->load(path);
    ASSERT_TRUE(first);
    llvm::cantFail(writeArtifact(objectOf(other), path));
    attnc::Status status = context->load(path).status();
    EXPECT_EQ(status.message, path + ": was replaced while its predecessor is loaded");
    EXPECT_EQ(status.code, ATTNC_OTHER_LOADED);
    EXPECT_EQ(callAxpy(*first->find("axpy"), 100), ""); // the old mapping is whole
  }
  attnc::Result<attnc::Module> second = context->load(path);
  ASSERT_TRUE(second) << second.status().message;
  EXPECT_EQ(callAxpy(*second->find("axpy"), 1001), "");
}

} // namespace

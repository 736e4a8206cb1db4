// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Reference.h"
#include "compiler/reference/Philox.h"

using namespace mlir;
using namespace attn;
using namespace attn::reference;

/// `$f32(p, m)` -> `tensor<?x?xf32, #attn.ranks<p, m>>`
static std::string expandTypes(StringRef text) {
  std::string result;
  while (true) {
    auto [before, rest] = text.split('$');
    result += before;
    if (rest.empty())
      return result;
    auto [element, names] = rest.split('(');
    StringRef list = names.take_until([](char c) { return c == ')'; });
    unsigned rank = list.trim().empty() ? 0 : list.count(',') + 1;
    result += "tensor<";
    for (unsigned i = 0; i < rank; ++i)
      result += "?x";
    result += (element + ", #attn.ranks<" + list + ">>").str();
    text = names.drop_front(list.size() + 1);
  }
}

KernelOp ReferenceTest::parse(const std::string &text) {
  modules.push_back(parseSourceString<ModuleOp>(expandTypes(text), ParserConfig(&context), "test.mlir"));
  if (!modules.back()) {
    ADD_FAILURE() << "does not parse: " << expandTypes(text);
    return KernelOp();
  }
  return *modules.back()->getOps<KernelOp>().begin();
}

Tensor ReferenceTest::floats(ArrayRef<int64_t> shape, llvm::function_ref<double(ArrayRef<int64_t>)> element) {
  Tensor tensor(Float32Type::get(&context), shape);
  SmallVector<int64_t> index(shape.size());
  for (int64_t i = 0; i < tensor.size(); ++i) {
    int64_t rest = i;
    for (size_t d = shape.size(); d-- > 0; rest /= shape[d])
      index[d] = rest % shape[d];
    tensor.reals[i] = static_cast<float>(element(index));
  }
  return tensor;
}

Tensor ReferenceTest::integers(ArrayRef<int64_t> shape, ArrayRef<int64_t> elements, unsigned width) {
  Tensor tensor(IntegerType::get(&context, width), shape);
  tensor.integers.assign(elements.begin(), elements.end());
  EXPECT_EQ(tensor.size(), int64_t(elements.size()));
  return tensor;
}

std::vector<Tensor> ReferenceTest::run(KernelOp kernel, ArrayRef<Argument> arguments, const Options &options) {
  llvm::Expected<std::vector<Tensor>> results = evaluate(kernel, arguments, options);
  if (results)
    return std::move(*results);
  ADD_FAILURE() << llvm::toString(results.takeError());
  return {};
}

std::string ReferenceTest::errorOf(KernelOp kernel, ArrayRef<Argument> arguments, const Options &options) {
  llvm::Expected<std::vector<Tensor>> results = evaluate(kernel, arguments, options);
  return results ? "" : llvm::toString(results.takeError());
}

double attn::reference::noise(int64_t i, int64_t j, int64_t k) {
  return philox({uint32_t(i), uint32_t(j), uint32_t(k), 0}, {1, 2})[0] * 0x1p-31 - 1;
}

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The structs of runtime/attnc_abi.h as LLVM constants. A struct type of LLVM that is not packed is laid out as C does
// it; `structure` asserts that the sizes agree, so a field added to one side only does not go unnoticed.
#include "compiler/codegen/Descriptor.h"
#include "runtime/note.h"
#include "llvm/IR/Constants.h"
#include "llvm/IR/Module.h"

using namespace llvm;
using namespace attn::codegen;

std::string attn::codegen::prepareName(const KernelInterface &kernel) { return kernel.name + ".prepare"; }
std::string attn::codegen::launchName(const KernelInterface &kernel, int32_t launch) {
  return kernel.name + ".launch" + std::to_string(launch);
}

namespace {

class DescriptorBuilder {
public:
  explicit DescriptorBuilder(Module &module) : module(module), context(module.getContext()) {}

  Constant *artifact(ArrayRef<KernelInterface> kernels, uint32_t features, Constant *note) {
    SmallVector<Constant *> list;
    for (const KernelInterface &kernel : kernels)
      list.push_back(describe(kernel, features));
    return structure<attnc_artifact_descriptor>(
        {i64(ATTNC_ABI_MAGIC), i32(ATTNC_ABI_VERSION), i32(kernels.size()), array(list), note});
  }

  /// A constant in a section called .note.* becomes an SHT_NOTE section, and lld makes a PT_NOTE segment of it.
  Constant *note(uint32_t features) {
    char name[8] = ATTNC_NOTE_NAME;
    static_assert(ATTNC_NOTE_HEADER_SIZE == 3 * sizeof(uint32_t) + sizeof name);
    // The file's size and hash are known after linking.
    Constant *init =
        ConstantStruct::getAnon({i32(sizeof ATTNC_NOTE_NAME), i32(sizeof(attnc_note)), i32(ATTNC_NOTE_TYPE),
                                 ConstantDataArray::getString(context, StringRef(name, sizeof name), /*AddNull=*/false),
                                 i32(ATTNC_ABI_VERSION), i32(features), i64(0), i64(0)},
                                /*Packed=*/true);
    GlobalVariable *global = constant(init, "attnc.note");
    global->setSection(".note.attnc");
    global->setAlignment(Align(4));
    return global;
  }

  Constant *null() { return ConstantPointerNull::get(PointerType::getUnqual(context)); }

private:
  Constant *i32(int64_t value) { return ConstantInt::get(Type::getInt32Ty(context), value, /*IsSigned=*/true); }
  Constant *i64(int64_t value) { return ConstantInt::get(Type::getInt64Ty(context), value, /*IsSigned=*/true); }

  template <typename T> Constant *structure(ArrayRef<Constant *> fields) {
    Constant *value = ConstantStruct::getAnon(fields);
    assert(module.getDataLayout().getTypeAllocSize(value->getType()) == sizeof(T) &&
           "the ABI's struct has other fields");
    return value;
  }

  GlobalVariable *constant(Constant *init, StringRef name) {
    return new GlobalVariable(module, init->getType(), /*isConstant=*/true, GlobalValue::InternalLinkage, init, name);
  }

  Constant *array(ArrayRef<Constant *> elements) {
    if (elements.empty())
      return null();
    return constant(ConstantArray::get(ArrayType::get(elements[0]->getType(), elements.size()), elements),
                    "attnc.list");
  }

  Constant *text(StringRef value) { return constant(ConstantDataArray::getString(context, value), "attnc.text"); }

  Constant *describe(const KernelDim &dim) {
    SmallVector<Constant *> symbols;
    for (int32_t symbol : dim.symbols)
      symbols.push_back(i32(symbol));
    return structure<attnc_dim_descriptor>({text(dim.name), i64(dim.factor), array(symbols), i32(symbols.size())});
  }

  Constant *describe(const KernelArgument &arg) {
    return structure<attnc_arg_descriptor>({text(arg.name), i32(arg.kind), i32(arg.element), i32(arg.direction),
                                            i32(arg.optional), list(arg.dims), i32(arg.dims.size())});
  }

  Constant *describe(const KernelSymbol &symbol) {
    return structure<attnc_symbol_descriptor>({text(symbol.name), i64(symbol.extent), i32(symbol.declared)});
  }

  Constant *describe(const KernelCheck &check) {
    return structure<attnc_check_descriptor>({text(check.text), text(check.file), i32(check.line)});
  }

  template <typename T> Constant *list(const std::vector<T> &items) {
    SmallVector<Constant *> constants;
    for (const T &item : items)
      constants.push_back(describe(item));
    return array(constants);
  }

  Constant *describe(const KernelInterface &kernel, uint32_t features) {
    SmallVector<Constant *> launches;
    for (int32_t k = 0; k < kernel.numLaunches; ++k)
      launches.push_back(module.getFunction(launchName(kernel, k)));
    return structure<attnc_kernel_descriptor>(
        {text(kernel.name), i32(features), i32(kernel.args.size()), i32(kernel.symbols.size()),
         i32(kernel.checks.size()), i32(kernel.numLaunches), list(kernel.args), list(kernel.symbols),
         list(kernel.checks), module.getFunction(prepareName(kernel)), array(launches)});
  }

  Module &module;
  LLVMContext &context;
};

} // namespace

void attn::codegen::addDescriptor(Module &module, ArrayRef<KernelInterface> kernels, const TargetMachineRow &target,
                                  StringRef stem) {
  DescriptorBuilder build(module);
  Constant *note = stem.empty() ? build.note(target.required) : build.null();
  Constant *artifact = build.artifact(kernels, target.required, note);
  std::string name = stem.empty() ? "attnc_artifact" : ("attnc_artifact_" + stem).str();
  new GlobalVariable(module, artifact->getType(), /*isConstant=*/true, GlobalValue::ExternalLinkage, artifact, name);
}

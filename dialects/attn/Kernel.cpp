// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// attn.kernel and the ops directly below it.
#include "dialects/attn/Attn.h"
#include "mlir/IR/Builders.h"
#include "mlir/Interfaces/FunctionImplementation.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;
using namespace attn;

//===-- attn.kernel --------------------------------------------------------------------------------------------------

ParseResult KernelOp::parse(OpAsmParser &parser, OperationState &result) {
  auto functionType = [](Builder &b, ArrayRef<Type> inputs, ArrayRef<Type> results,
                         function_interface_impl::VariadicFlag,
                         std::string &) { return b.getFunctionType(inputs, results); };
  return function_interface_impl::parseFunctionOp(parser, result, /*allowVariadic=*/false,
                                                  getFunctionTypeAttrName(result.name), functionType,
                                                  getArgAttrsAttrName(result.name), getResAttrsAttrName(result.name));
}

void KernelOp::print(OpAsmPrinter &p) {
  function_interface_impl::printFunctionOp(p, *this, /*isVariadic=*/false, getFunctionTypeAttrName(),
                                           getArgAttrsAttrName(), getResAttrsAttrName());
}

void KernelOp::getAsmBlockArgumentNames(Region &region, OpAsmSetValueNameFn setName) {
  for (BlockArgument argument : region.getArguments())
    setName(argument, getArgName(argument.getArgNumber()));
}

StringRef KernelOp::getArgName(unsigned i) {
  auto name = getArgAttrOfType<StringAttr>(i, kNameAttr);
  return name ? name.getValue() : StringRef();
}
StringRef KernelOp::getResultName(unsigned i) {
  auto name = getResultAttrOfType<StringAttr>(i, kNameAttr);
  return name ? name.getValue() : StringRef();
}
TypedAttr KernelOp::getResultPad(unsigned i) { return dyn_cast_or_null<TypedAttr>(getResultAttr(i, kPadAttr)); }

std::optional<unsigned> KernelOp::getRankIndex(StringRef name) {
  for (auto [i, rank] : llvm::enumerate(getRanks().getAsRange<RankAttr>()))
    if (rank.getName() == name)
      return i;
  return std::nullopt;
}

RankAttr KernelOp::findRank(StringRef name) {
  std::optional<unsigned> index = getRankIndex(name);
  return index ? cast<RankAttr>(getRanks()[*index]) : RankAttr();
}

YieldOp KernelOp::getYield() { return cast<YieldOp>(getBody().front().getTerminator()); }

/// Each dimension is a product of listed ranks, and static exactly if all of them are bound (kernel_c3).
static LogicalResult verifyDimensions(KernelOp kernel, RankedTensorType type, const Twine &what) {
  for (auto [name, extent] : llvm::zip(rankNames(type), type.getShape())) {
    int64_t expected = 1;
    for (StringRef factor : factorsOf(name.getValue())) {
      RankAttr rank = kernel.findRank(factor);
      if (!rank)
        return kernel.emitOpError() << what << " has rank '" << factor << "', which is not listed in `ranks`";
      std::optional<int64_t> bound = rank.getConstantExtent();
      expected = bound && expected != ShapedType::kDynamic ? expected * *bound : ShapedType::kDynamic;
    }
    if (extent != expected) {
      auto text = [](int64_t e) { return ShapedType::isDynamic(e) ? std::string("?") : std::to_string(e); };
      return kernel.emitOpError() << what << " has extent " << text(extent) << " in rank '" << name.getValue()
                                  << "', expected " << text(expected);
    }
  }
  return success();
}

static LogicalResult verifyCapacity(KernelOp kernel, Type type, StringAttr capacity, const Twine &what) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  bool holdsSets = tensor && isa<IndexSetType>(tensor.getElementType());
  if (holdsSets != bool(capacity)) // kernel_c6
    return kernel.emitOpError() << what << (capacity ? " has a capacity but no sets: " : " has no attn.capacity: ")
                                << type;
  if (capacity && !kernel.findRank(capacity)) // kernel_c6
    return kernel.emitOpError() << what << " has capacity '" << capacity.getValue()
                                << "', which is not listed in `ranks`";
  return success();
}

static LogicalResult verifyTensor(KernelOp kernel, Type type, StringRef name, const Twine &what) {
  if (name.empty()) // kernel_c5
    return kernel.emitOpError() << what << " has no " << KernelOp::kNameAttr;
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (!tensor)
    return success();
  if (!isa_and_nonnull<RanksAttr>(tensor.getEncoding())) // kernel_c1
    return kernel.emitOpError() << what << " has no #attn.ranks: " << type;
  return verifyDimensions(kernel, tensor, what);
}

LogicalResult KernelOp::verify() {
  llvm::StringSet<> seen;
  for (RankAttr rank : getRanks().getAsRange<RankAttr>())
    if (!seen.insert(rank.getName()).second) // kernel_c2
      return emitOpError() << "lists rank '" << rank.getName().getValue() << "' twice";
  for (auto [i, type] : llvm::enumerate(getArgumentTypes()))
    if (failed(verifyTensor(*this, type, getArgName(i), "argument " + Twine(i))) ||
        failed(verifyCapacity(*this, type, getArgAttrOfType<StringAttr>(i, kCapacityAttr), "argument " + Twine(i))))
      return failure();
  for (auto [i, type] : llvm::enumerate(getResultTypes()))
    if (failed(verifyTensor(*this, type, getResultName(i), "result " + Twine(i))) ||
        failed(verifyCapacity(*this, type, getResultAttrOfType<StringAttr>(i, kCapacityAttr), "result " + Twine(i))))
      return failure();
  for (auto [i, type] : llvm::enumerate(getArgumentTypes())) {
    auto results = llvm::seq(getResultTypes().size());
    auto isUpdate = [&, i = i, type = type](size_t r) {
      return getResultTypes()[r] == type && getResultName(r) == getArgName(i);
    };
    if (isInout(i) && (!isa<RankedTensorType>(type) || llvm::none_of(results, isUpdate))) // kernel_c7
      return emitOpError() << "no result updates the inout argument '" << getArgName(i) << '\'';
  }
  return success();
}

static LogicalResult verifyYields(Operation *op, Region &region, TypeRange expected) {
  TypeRange yielded = region.front().getTerminator()->getOperandTypes();
  if (yielded == expected)
    return success();
  return op->emitOpError() << "yields (" << yielded << ") != (" << expected << ')';
}

/// The ranks of a stored type: those of its products one by one.
static SmallVector<StringRef> ranksOf(RankedTensorType type) {
  SmallVector<StringRef> ranks;
  for (StringAttr dimension : rankNames(type))
    llvm::append_range(ranks, factorsOf(dimension.getValue()));
  return ranks;
}

LogicalResult KernelOp::verifyRegions() { // kernel_c4
  TypeRange yielded = getBody().front().getTerminator()->getOperandTypes();
  auto fits = [](Type from, Type to) {
    auto a = dyn_cast<RankedTensorType>(from), b = dyn_cast<RankedTensorType>(to);
    return from == to || (a && b && a.getElementType() == b.getElementType() && ranksOf(a) == ranksOf(b));
  };
  if (yielded.size() == getResultTypes().size() && llvm::all_of_zip(yielded, getResultTypes(), fits))
    return success();
  return verifyYields(*this, getBody(), getResultTypes());
}

//===-- attn.extent, attn.default, attn.require, attn.group ----------------------------------------------------------

void ExtentOp::getAsmResultNames(OpAsmSetValueNameFn setName) { setName(getResult(), getRank().upper()); }

LogicalResult ExtentOp::verify() {
  auto kernel = (*this)->getParentOfType<KernelOp>();
  if (kernel && !kernel.findRank(getRank())) // extent_c1
    return emitOpError() << "the kernel has no rank '" << getRank() << '\'';
  return success();
}

LogicalResult DefaultOp::verify() {
  auto argument = dyn_cast<BlockArgument>(getArgument());
  if (!argument || !isa<KernelOp>(argument.getOwner()->getParentOp())) // default_c1
    return emitOpError() << "operand is not a scalar argument of the kernel";
  return success();
}
LogicalResult DefaultOp::verifyRegions() { return verifyYields(*this, getBody(), getResult().getType()); }

LogicalResult RequireOp::verifyRegions() { // require_c1
  return verifyYields(*this, getBody(), Builder(getContext()).getI1Type());
}

LogicalResult GroupOp::verifyRegions() { return verifyYields(*this, getBody(), getResultTypes()); } // group_c1

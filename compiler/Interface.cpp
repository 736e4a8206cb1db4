// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A kernel's arguments, symbols and checks as the artifact's descriptor lists them.
#include "compiler/Compiler.h"
#include "dialects/attn/Attn.h"

using namespace mlir;
using namespace attn;
using codegen::KernelArgument;
using codegen::KernelDim;
using codegen::KernelInterface;

static attnc_element elementOf(Type type) {
  if (type.isF16())
    return ATTNC_F16;
  if (type.isBF16())
    return ATTNC_BF16;
  if (type.isF32())
    return ATTNC_F32;
  if (type.isF64())
    return ATTNC_F64;
  if (isa<IndexSetType>(type))
    return ATTNC_I32;
  if (type.isUnsignedInteger(8))
    return ATTNC_U8;
  switch (type.getIntOrFloatBitWidth()) {
  case 1:
    return ATTNC_BOOL;
  case 8:
    return ATTNC_I8;
  case 32:
    return ATTNC_I32;
  default:
    return ATTNC_I64;
  }
}

/// Bound extents multiply into the factor, the others are symbols.
static KernelDim dimOf(KernelOp kernel, StringRef name) {
  KernelDim dim;
  dim.name = name.str();
  for (StringRef factor : factorsOf(name)) {
    if (std::optional<int64_t> bound = kernel.findRank(factor).getConstantExtent())
      dim.factor *= *bound;
    else
      dim.symbols.push_back(*kernel.getRankIndex(factor));
  }
  return dim;
}

static KernelArgument argumentOf(KernelOp kernel, Type type, StringRef name, Attribute capacity,
                                 attnc_direction direction) {
  KernelArgument argument;
  argument.name = name.str();
  argument.direction = direction;
  auto tensor = dyn_cast<RankedTensorType>(type);
  argument.kind = tensor ? ATTNC_ARG_TENSOR : ATTNC_ARG_SCALAR;
  argument.element = elementOf(tensor ? tensor.getElementType() : type);
  if (tensor)
    for (StringAttr rank : rankNames(tensor))
      argument.dims.push_back(dimOf(kernel, rank.getValue()));
  if (capacity) {
    argument.dims.push_back(dimOf(kernel, cast<StringAttr>(capacity).getValue()));
    argument.components = cast<IndexSetType>(tensor.getElementType()).getArity();
  }
  return argument;
}

KernelInterface attn::kernelInterface(Operation *op) {
  auto kernel = cast<KernelOp>(op);
  KernelInterface interface;
  interface.name = kernel.getName().str();
  for (BlockArgument argument : kernel.getBody().getArguments()) {
    unsigned i = argument.getArgNumber();
    interface.args.push_back(argumentOf(kernel, argument.getType(), kernel.getArgName(i),
                                        kernel.getArgAttr(i, KernelOp::kCapacityAttr), ATTNC_IN));
    interface.args.back().optional =
        kernel.isOptional(i) || llvm::any_of(argument.getUsers(), [](Operation *user) { return isa<DefaultOp>(user); });
  }
  for (auto [i, type] : llvm::enumerate(kernel.getResultTypes()))
    interface.args.push_back(
        argumentOf(kernel, type, kernel.getResultName(i), kernel.getResultAttr(i, KernelOp::kCapacityAttr), ATTNC_OUT));
  for (RankAttr rank : kernel.getRanks().getAsRange<RankAttr>())
    interface.symbols.push_back({rank.getName().str(), rank.getConstantExtent().value_or(-1), rank.isDeclared()});
  for (auto require : kernel.getBody().getOps<RequireOp>()) {
    codegen::KernelCheck check{require.getText().str(), "", 0};
    if (auto at = require.getLoc()->findInstanceOf<FileLineColLoc>()) {
      check.file = at.getFilename().str();
      check.line = at.getLine();
    }
    interface.checks.push_back(check);
  }
  return interface;
}

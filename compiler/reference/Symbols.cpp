// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/reference/Symbols.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace attn;
using namespace attn::reference;

int64_t attn::reference::evaluateIndex(AffineExpr expr, ArrayRef<int64_t> dims, ArrayRef<int64_t> symbols) {
  if (auto dim = dyn_cast<AffineDimExpr>(expr))
    return dims[dim.getPosition()];
  if (auto symbol = dyn_cast<AffineSymbolExpr>(expr))
    return symbols[symbol.getPosition()];
  if (auto constant = dyn_cast<AffineConstantExpr>(expr))
    return constant.getValue();
  auto binary = cast<AffineBinaryOpExpr>(expr);
  int64_t a = evaluateIndex(binary.getLHS(), dims, symbols), b = evaluateIndex(binary.getRHS(), dims, symbols);
  switch (binary.getKind()) {
  case AffineExprKind::Add:
    return a + b;
  case AffineExprKind::Mul:
    return a * b;
  case AffineExprKind::Mod:
    return floorModulo(a, b);
  case AffineExprKind::FloorDiv:
    return floorDivide(a, b);
  default:
    return -floorDivide(-a, b);
  }
}

//===-- from shapes to extents ---------------------------------------------------------------------------------------

namespace {

/// Extents from the dimensions of arguments; declared ranks and bound ones are not solved.
struct Solver {
  KernelOp kernel;
  ArrayRef<Argument> arguments;
  Symbols::Extents extents = {};

  bool isSolved(StringRef rank) { return !kernel.findRank(rank).getExtent(); }
  std::optional<int64_t> find(StringRef rank) {
    if (std::optional<int64_t> bound = kernel.findRank(rank).getConstantExtent())
      return bound;
    auto known = extents.find(rank);
    return known == extents.end() ? std::nullopt : std::optional(known->second);
  }

  /// Solves the dimension if all but one of its ranks are known; true if that is news.
  bool solve(StringRef dimension, int64_t extent) {
    StringRef unknown;
    int64_t rest = 1;
    for (StringRef factor : factorsOf(dimension)) {
      if (std::optional<int64_t> known = find(factor))
        rest *= *known;
      else if (unknown.empty() && isSolved(factor))
        unknown = factor;
      else
        return false;
    }
    if (unknown.empty())
      return false;
    extents[unknown] = rest == 0 ? 0 : extent / rest;
    return true;
  }

  void solveAll() {
    for (bool isNew = true; isNew;) {
      isNew = false;
      for (auto [type, argument] : llvm::zip(kernel.getArgumentTypes(), arguments))
        if (argument && isa<RankedTensorType>(type))
          for (auto [name, extent] : llvm::zip(rankNames(type), argument->shape))
            isNew |= solve(name.getValue(), extent);
    }
  }

  /// A rank that only tensors have which are not given has no points (R5).
  void assumeEmpty() {
    for (auto [type, argument] : llvm::zip(kernel.getArgumentTypes(), arguments))
      if (!argument && isa<RankedTensorType>(type))
        for (StringAttr name : rankNames(type))
          for (StringRef factor : factorsOf(name))
            if (isSolved(factor))
              extents.try_emplace(factor, 0);
  }
};

} // namespace

llvm::Expected<Symbols> Symbols::solve(KernelOp kernel, ArrayRef<Argument> arguments) {
  if (arguments.size() != kernel.getArgumentTypes().size())
    return errorAt(kernel.getLoc(), llvm::formatv("kernel '{0}' takes {1} arguments, found {2}", kernel.getSymName(),
                                                  kernel.getArgumentTypes().size(), arguments.size()));
  llvm::DenseMap<unsigned, Scalar> scalars;
  for (auto [i, type, argument] : llvm::enumerate(kernel.getArgumentTypes(), arguments)) {
    auto tensor = dyn_cast<RankedTensorType>(type);
    Type element = tensor ? tensor.getElementType() : type;
    if (!argument && tensor && !kernel.isOptional(i))
      return errorAt(kernel.getLoc(), "argument '" + kernel.getArgName(i) + "' is not given");
    if (!argument)
      continue;
    if (argument->elementType != element || int64_t(argument->shape.size()) != (tensor ? tensor.getRank() : 0))
      return errorAt(kernel.getLoc(), llvm::formatv("argument '{0}' has {1} dimensions of {2}, expected {3} of {4}",
                                                    kernel.getArgName(i), argument->shape.size(), argument->elementType,
                                                    tensor ? tensor.getRank() : 0, element));
    if (!tensor)
      scalars[i] = argument->get(0);
  }
  Solver solver{kernel, arguments};
  solver.solveAll();
  solver.assumeEmpty();
  Symbols symbols(kernel, std::move(solver.extents), std::move(scalars));
  for (auto [i, argument] : llvm::enumerate(arguments))
    if (argument && isa<RankedTensorType>(kernel.getArgumentTypes()[i]))
      if (llvm::Error error = symbols.checkShape(i, *argument))
        return error;
  return symbols;
}

llvm::Error Symbols::checkShape(unsigned number, const Tensor &tensor) {
  for (auto [name, extent] : llvm::zip(rankNames(kernel.getArgumentTypes()[number]), tensor.shape)) {
    llvm::Expected<int64_t> expected = dimension(name.getValue());
    if (!expected)
      return expected.takeError();
    if (*expected != extent)
      return errorAt(kernel.getLoc(), llvm::formatv("argument '{0}' has extent {1} in rank '{2}', expected {3}",
                                                    kernel.getArgName(number), extent, name.getValue(), *expected));
  }
  return llvm::Error::success();
}

//===-- on demand ----------------------------------------------------------------------------------------------------

Symbols::Symbols(KernelOp kernel, Extents extents, llvm::DenseMap<unsigned, Scalar> scalars)
    : kernel(kernel), extents(std::move(extents)), scalars(std::move(scalars)) {}

llvm::Expected<int64_t> Symbols::extent(StringRef name) {
  RankAttr rank = kernel.findRank(name);
  if (!rank)
    return errorAt(kernel.getLoc(), "the kernel has no rank '" + name + "'");
  if (std::optional<int64_t> bound = rank.getConstantExtent())
    return *bound;
  if (auto solved = extents.find(name); solved != extents.end())
    return solved->second;
  if (!rank.isDeclared())
    return errorAt(kernel.getLoc(), "nothing gives the extent of rank '" + name + "'");
  llvm::Expected<int64_t> result = declared(rank);
  if (result)
    extents[name] = *result;
  return result;
}

llvm::Expected<int64_t> Symbols::dimension(StringRef product) {
  int64_t result = 1;
  for (StringRef factor : factorsOf(product)) {
    llvm::Expected<int64_t> each = extent(factor);
    if (!each)
      return each.takeError();
    result *= *each;
  }
  return result;
}

llvm::Error Symbols::enter(StringRef name) {
  if (llvm::is_contained(pending, name))
    return errorAt(kernel.getLoc(), "'" + name + "' depends on itself");
  pending.push_back(name);
  return llvm::Error::success();
}

llvm::Expected<int64_t> Symbols::declared(RankAttr rank) {
  if (llvm::Error error = enter(rank.getName()))
    return error;
  auto leave = llvm::scope_exit([&] { pending.pop_back(); });
  SmallVector<int64_t> values;
  for (StringAttr name : rank.getRanks()) {
    llvm::Expected<int64_t> value = extent(name);
    if (!value)
      return value.takeError();
    values.push_back(*value);
  }
  for (StringAttr name : rank.getScalars()) {
    llvm::Expected<Scalar> value = named(name);
    if (!value)
      return value.takeError();
    values.push_back(value->integer);
  }
  int64_t result = evaluateIndex(rank.getExtent().getResult(0), {}, values);
  if (result < 0)
    return errorAt(kernel.getLoc(), llvm::formatv("rank '{0}' has the extent {1}", rank.getName().getValue(), result));
  return result;
}

llvm::Expected<Scalar> Symbols::named(StringRef scalar) {
  for (unsigned i = 0; i < kernel.getArgumentTypes().size(); ++i) {
    if (kernel.getArgName(i) != scalar)
      continue;
    for (Operation *user : kernel.getBody().getArgument(i).getUsers())
      if (auto withDefault = dyn_cast<DefaultOp>(user))
        return captured(withDefault.getResult());
    return argument(i);
  }
  return errorAt(kernel.getLoc(), "the kernel has no scalar '" + scalar + "'");
}

llvm::Expected<Scalar> Symbols::argument(unsigned number) {
  auto given = scalars.find(number);
  if (given != scalars.end())
    return given->second;
  return errorAt(kernel.getLoc(), "argument '" + kernel.getArgName(number) + "' is not given");
}

llvm::Expected<Scalar> Symbols::captured(Value value) {
  if (auto before = known.find(value); before != known.end())
    return before->second;
  auto evaluate = [&]() -> llvm::Expected<Scalar> {
    if (auto number = dyn_cast<BlockArgument>(value)) {
      if (number.getOwner() == &kernel.getBody().front() && !isa<ShapedType>(value.getType()))
        return argument(number.getArgNumber());
      return errorAt(value.getLoc(), "a region captures what is no scalar");
    }
    if (auto op = value.getDefiningOp<ExtentOp>()) {
      llvm::Expected<int64_t> result = extent(op.getRank());
      return result ? llvm::Expected<Scalar>(Scalar::of(*result)) : result.takeError();
    }
    auto withDefault = value.getDefiningOp<DefaultOp>();
    if (!withDefault)
      return evaluateScalar(value, *this);
    unsigned number = cast<BlockArgument>(withDefault.getArgument()).getArgNumber();
    if (scalars.contains(number))
      return argument(number);
    if (llvm::Error error = enter(kernel.getArgName(number)))
      return error;
    auto leave = llvm::scope_exit([&] { pending.pop_back(); });
    return evaluateScalar(withDefault.getBody().front().getTerminator()->getOperand(0), *this);
  };
  llvm::Expected<Scalar> result = evaluate();
  if (result)
    known[value] = *result;
  return result;
}

llvm::Error Symbols::check(RequireOp require) {
  llvm::Expected<Scalar> holds = captured(require.getBody().front().getTerminator()->getOperand(0));
  if (!holds)
    return holds.takeError();
  if (holds->integer)
    return llvm::Error::success();
  return errorAt(require.getLoc(), "requirement not met: " + require.getText());
}

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/reference/Data.h"
#include "compiler/reference/Philox.h"
#include "compiler/reference/Sets.h"
#include "compiler/reference/Tables.h"
#include <cmath>

using namespace mlir;
using namespace attn;
using namespace attn::reference;

static constexpr unsigned kTries = 1000;
/// None is a multiple of 16; 33 and 130 leave tails of one and two.
static constexpr int64_t kSizes[] = {1, 7, 33, 130};
/// What else a requirement may ask for: even numbers, powers of two.
static constexpr int64_t kRedrawn[] = {1, 2, 4, 7, 8, 16, 32, 33, 64, 96, 130};
/// An evaluation takes a tenth of a second or so.
static constexpr double kMaxPoints = 1 << 19;

SmallVector<StringRef> attn::reference::freeRanks(KernelOp kernel) {
  SmallVector<StringRef> names;
  for (RankAttr rank : kernel.getRanks().getAsRange<RankAttr>())
    if (!rank.getExtent())
      names.push_back(rank.getName().getValue());
  return names;
}

//===-- tensors ------------------------------------------------------------------------------------------------------

static void fillFloats(Tensor &tensor, double scale, Random &random) {
  auto type = cast<FloatType>(tensor.elementType);
  for (double &element : tensor.reals)
    element = roundTo(type, scale * random.normal());
}

/// Each line along the last dimension is full, empty or mixed, so that some rows of a mask have no key.
static void fillBools(Tensor &tensor, Random &random) {
  int64_t line = tensor.shape.empty() ? 1 : std::max<int64_t>(1, tensor.shape.back());
  double density = 0.5;
  for (int64_t i = 0; i < tensor.size(); ++i) {
    if (i % line == 0)
      density = std::array{0.0, 0.5, 0.5, 0.9, 1.0}[random.below(5)];
    tensor.integers[i] = random.uniform() < density;
  }
}

static void fillIntegers(Tensor &tensor, TableUse use, Random &random) {
  int64_t largest = widthOf(tensor.elementType) == 8 ? 127 : 8;
  if (use.kind == TableUse::Value)
    use = {use.kind, tensor.elementType.isUnsignedInteger() ? 0 : -largest, largest};
  // A table of bytes over a long rank cannot name all of its points.
  unsigned width = widthOf(tensor.elementType);
  bool isUnsigned = tensor.elementType.isUnsignedInteger();
  int64_t least = isUnsigned ? 0 : llvm::minIntN(width);
  int64_t most = isUnsigned ? int64_t(llvm::maxUIntN(std::min(width, 63u))) : llvm::maxIntN(width);
  use.low = std::clamp(use.low, least, most);
  use.high = std::clamp(use.high, use.low, most);
  for (int64_t &element : tensor.integers)
    element = use.low + random.below(use.high - use.low + 1);
}

/// Sets of any size up to the capacity, of different members in any order.
static llvm::Error fillSets(Tensor &sets, BlockArgument argument, Symbols &symbols, Random &random) {
  auto kernel = cast<KernelOp>(argument.getOwner()->getParentOp());
  unsigned number = argument.getArgNumber();
  SmallVector<int64_t> extents;
  auto capacity = kernel.getArgAttrOfType<StringAttr>(number, KernelOp::kCapacityAttr);
  llvm::Expected<int64_t> most = symbols.extent(capacity);
  if (!most)
    return most.takeError();
  for (StringRef rank :
       kernel.getArgAttrOfType<ArrayAttr>(number, KernelOp::kMembersAttr).getAsValueRange<StringAttr>()) {
    // A name that is no rank of the kernel: any small number is a member.
    llvm::Expected<int64_t> extent = kernel.findRank(rank) ? symbols.extent(rank) : llvm::Expected<int64_t>(8);
    if (!extent)
      return extent.takeError();
    extents.push_back(*extent);
  }
  bool isEmpty = llvm::is_contained(extents, 0);
  for (int64_t &set : sets.integers) {
    SmallVector<int64_t> members;
    for (int64_t i = 0, n = isEmpty ? 0 : random.below(*most + 1); i < n; ++i)
      for (int64_t extent : extents)
        members.push_back(random.below(extent));
    set = internSet(members, extents.size());
  }
  return llvm::Error::success();
}

static llvm::Expected<Tensor> makeTensor(BlockArgument argument, Symbols &symbols, const DataOptions &options) {
  auto type = cast<RankedTensorType>(argument.getType());
  SmallVector<int64_t> shape;
  for (StringAttr name : rankNames(type)) {
    llvm::Expected<int64_t> extent = symbols.dimension(name.getValue());
    if (!extent)
      return extent.takeError();
    shape.push_back(*extent);
  }
  Tensor tensor(type.getElementType(), shape);
  tensor.ranks = SmallVector<StringAttr>(rankNames(type));
  Random random(options.seed, argument.getArgNumber() + 1);
  if (tensor.isFloat()) {
    fillFloats(tensor, options.scale, random);
  } else if (type.getElementType().isInteger(1)) {
    fillBools(tensor, random);
  } else if (isa<IndexSetType>(type.getElementType())) {
    if (llvm::Error error = fillSets(tensor, argument, symbols, random))
      return error;
  } else {
    llvm::Expected<TableUse> use = findUse(argument, symbols);
    if (!use)
      return use.takeError();
    fillIntegers(tensor, *use, random);
  }
  return tensor;
}

//===-- scalars ------------------------------------------------------------------------------------------------------

static bool hasDefault(BlockArgument argument) { return llvm::any_of(argument.getUsers(), llvm::IsaPred<DefaultOp>); }

static Scalar drawScalar(Type type, const Symbols::Extents &extents, Random &random) {
  SmallVector<int64_t> values = {0, 1, 7};
  int64_t skip = random.below(extents.size());
  for (const auto &[name, extent] : extents)
    if (skip-- == 0)
      values.push_back(extent);
  int64_t value = values[random.below(values.size())];
  return isa<FloatType>(type) ? Scalar::of(double(value)) : Scalar::of(wrap(value, widthOf(type)));
}

static llvm::DenseMap<unsigned, Scalar> drawScalars(KernelOp kernel, const Symbols::Extents &extents,
                                                    const DataOptions &options, Random &random) {
  llvm::DenseMap<unsigned, Scalar> scalars;
  for (BlockArgument argument : kernel.getBody().getArguments()) {
    if (isa<RankedTensorType>(argument.getType()))
      continue;
    unsigned number = argument.getArgNumber();
    if (auto given = options.scalars.find(kernel.getArgName(number)); given != options.scalars.end())
      scalars[number] = given->second;
    else if (!hasDefault(argument))
      scalars[number] = drawScalar(argument.getType(), extents, random);
  }
  return scalars;
}

/// A table whose entries are positions can be filled.
static llvm::Error checkTable(BlockArgument argument, Symbols &symbols) {
  auto type = dyn_cast<RankedTensorType>(argument.getType());
  if (!type || !type.getElementType().isInteger() || type.getElementType().isInteger(1))
    return llvm::Error::success();
  llvm::Expected<TableUse> use = findUse(argument, symbols);
  if (!use)
    return use.takeError();
  int64_t size = 1;
  for (StringAttr name : rankNames(type)) {
    llvm::Expected<int64_t> extent = symbols.dimension(name.getValue());
    if (!extent)
      return extent.takeError();
    size *= *extent;
  }
  if (use->kind != TableUse::Position || use->low <= use->high || size == 0)
    return llvm::Error::success();
  auto kernel = cast<KernelOp>(argument.getOwner()->getParentOp());
  return errorAt(kernel.getLoc(), "no value of '" + kernel.getArgName(argument.getArgNumber()) + "' is a position");
}

/// Every requirement holds, every declared rank has an extent, and every table has something to point at.
static llvm::Error checkAll(KernelOp kernel, Symbols &symbols) {
  for (RankAttr rank : kernel.getRanks().getAsRange<RankAttr>())
    if (llvm::Expected<int64_t> extent = symbols.extent(rank.getName()); !extent)
      return extent.takeError();
  for (auto require : kernel.getBody().getOps<RequireOp>())
    if (llvm::Error error = symbols.check(require))
      return error;
  for (BlockArgument argument : kernel.getBody().getArguments())
    if (llvm::Error error = checkTable(argument, symbols))
      return error;
  return llvm::Error::success();
}

static llvm::Expected<std::vector<Argument>> assemble(KernelOp kernel, Symbols &symbols,
                                                      const llvm::DenseMap<unsigned, Scalar> &scalars,
                                                      const DataOptions &options) {
  std::vector<Argument> arguments;
  for (BlockArgument argument : kernel.getBody().getArguments()) {
    if (kernel.isOptional(argument.getArgNumber()) && !options.givesOptional) {
      arguments.push_back(std::nullopt);
    } else if (isa<RankedTensorType>(argument.getType())) {
      llvm::Expected<Tensor> tensor = makeTensor(argument, symbols, options);
      if (!tensor)
        return tensor.takeError();
      arguments.push_back(std::move(*tensor));
    } else if (auto scalar = scalars.find(argument.getArgNumber()); scalar != scalars.end()) {
      arguments.push_back(Tensor::scalar(argument.getType(), scalar->second));
    } else {
      arguments.push_back(std::nullopt);
    }
  }
  return arguments;
}

/// Draws with `extentsOf(try)` until the requirements hold.
static llvm::Expected<Case> drawUntilMet(KernelOp kernel, const DataOptions &options,
                                         llvm::function_ref<Symbols::Extents(unsigned attempt)> extentsOf) {
  Random random(options.seed, 0);
  std::string reason;
  for (unsigned attempt = 0; attempt < kTries; ++attempt) {
    Case drawn{extentsOf(attempt), {}};
    llvm::DenseMap<unsigned, Scalar> scalars = drawScalars(kernel, drawn.extents, options, random);
    Symbols symbols(kernel, drawn.extents, scalars);
    if (llvm::Error error = checkAll(kernel, symbols)) {
      reason = llvm::toString(std::move(error));
      continue;
    }
    llvm::Expected<std::vector<Argument>> arguments = assemble(kernel, symbols, scalars, options);
    if (!arguments)
      return arguments.takeError();
    drawn.arguments = std::move(*arguments);
    return drawn;
  }
  return llvm::createStringError(reason + " (in each of " + llvm::Twine(kTries).str() + " tries)");
}

llvm::Expected<std::vector<Argument>> attn::reference::makeArguments(KernelOp kernel, const Symbols::Extents &extents,
                                                                     const DataOptions &options) {
  llvm::Expected<Case> drawn = drawUntilMet(kernel, options, [&](unsigned) { return extents; });
  if (!drawn)
    return drawn.takeError();
  return std::move(drawn->arguments);
}

//===-- sizes --------------------------------------------------------------------------------------------------------

static double productOf(KernelOp kernel, const Symbols::Extents &extents, ArrayRef<StringRef> names) {
  double points = 1;
  auto take = [&](StringRef name) {
    if (auto extent = extents.find(name); extent != extents.end())
      points *= std::max<int64_t>(1, extent->second); // an empty rank empties some tensors, not all
  };
  for (StringRef name : names) {
    take(name);
    RankAttr rank = kernel.findRank(name);
    // A declared rank is about as large as the ranks it is made of.
    for (StringAttr source : rank.getRanks())
      take(source.getValue());
    points *= rank.getConstantExtent().value_or(1);
  }
  return points;
}

/// Points that the kernel's Einsums have in all, and elements of its arguments.
static double countPoints(KernelOp kernel, const Symbols::Extents &extents) {
  double count = 0;
  kernel.walk([&](EinsumOp op) { count += productOf(kernel, extents, op.getIteratorNames()); });
  for (Type type : kernel.getArgumentTypes())
    if (isa<RankedTensorType>(type)) {
      SmallVector<StringRef> names;
      for (StringAttr product : rankNames(type))
        product.getValue().split(names, '*');
      count += productOf(kernel, extents, names);
    }
  return count;
}

/// Ranks of tensors that are not given, and of no other.
static SmallVector<StringRef> absentRanks(KernelOp kernel, const DataOptions &options) {
  SmallVector<StringRef> given, absent;
  for (BlockArgument argument : kernel.getBody().getArguments())
    if (isa<RankedTensorType>(argument.getType())) {
      bool isGiven = options.givesOptional || !kernel.isOptional(argument.getArgNumber());
      for (StringAttr product : rankNames(argument.getType()))
        product.getValue().split(isGiven ? given : absent, '*');
    }
  llvm::erase_if(absent, [&](StringRef rank) { return llvm::is_contained(given, rank); });
  return absent;
}

/// The next smaller size: of the planned ones after a planned one, so that none becomes a multiple of 16.
static int64_t nextSmaller(int64_t size) {
  ArrayRef<int64_t> sizes = llvm::is_contained(kSizes, size) ? ArrayRef<int64_t>(kSizes) : ArrayRef<int64_t>(kRedrawn);
  const int64_t *at = llvm::find(sizes, size);
  return at == sizes.begin() || at == sizes.end() ? size : at[-1];
}

/// Lowers the largest sizes, but for `anchor`, until the work is bearable.
static void shrink(KernelOp kernel, Symbols::Extents &extents, StringRef anchor) {
  while (countPoints(kernel, extents) > kMaxPoints) {
    StringRef largest;
    for (StringRef name : freeRanks(kernel))
      if (name != anchor && (largest.empty() || extents[name] > extents[largest]))
        largest = name;
    if (largest.empty() || nextSmaller(extents[largest]) == extents[largest])
      return;
    extents[largest] = nextSmaller(extents[largest]);
  }
}

unsigned attn::reference::numCases(KernelOp kernel) { return 3 + 2 * freeRanks(kernel).size(); }

llvm::Expected<Case> attn::reference::makeCase(KernelOp kernel, unsigned number, const DataOptions &options) {
  SmallVector<StringRef> ranks = freeRanks(kernel);
  assert(number < numCases(kernel) && "no such case");
  DataOptions own = options;
  own.seed = options.seed * 1000003 + number;
  own.givesOptional = number % 2 == 0;
  Random random(own.seed, ~0u);
  bool isEven = number < 3 || ranks.empty();
  StringRef anchor = isEven ? StringRef() : ranks[(number - 3) % ranks.size()];
  bool isEmpty = number >= 3 + ranks.size();
  return drawUntilMet(kernel, own, [&](unsigned attempt) {
    Symbols::Extents extents;
    for (auto [i, name] : llvm::enumerate(ranks)) {
      int64_t planned = isEven ? kSizes[number] : kSizes[(number + i * (1 + number % 3)) % std::size(kSizes)];
      extents[name] = attempt == 0 ? planned : kRedrawn[random.below(std::size(kRedrawn))];
    }
    // A requirement that the anchor's size cannot meet gives way to it in the second half of the tries.
    if (!isEven && attempt < kTries / 2)
      extents[anchor] = isEmpty ? 0 : kSizes[std::size(kSizes) - 1];
    shrink(kernel, extents, anchor);
    for (StringRef rank : absentRanks(kernel, own))
      if (extents.contains(rank))
        extents[rank] = 0;
    return extents;
  });
}

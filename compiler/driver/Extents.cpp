// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/driver/Extents.h"
#include "compiler/driver/Request.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallVector.h"

using namespace llvm;
using namespace attn;
using namespace attn::driver;
using codegen::KernelArgument;
using codegen::KernelDim;
using codegen::KernelInterface;
using codegen::KernelSymbol;

std::string attn::driver::extentName(StringRef rank) { return rank.upper(); }

static SmallVector<StringRef, 2> ranksOf(const KernelDim &dim) {
  SmallVector<StringRef, 2> ranks;
  StringRef(dim.name).split(ranks, '*');
  return ranks;
}

Extents::Extents(const KernelInterface &kernel) : kernel(kernel) {
  for (const KernelSymbol &symbol : kernel.symbols)
    if (symbol.extent >= 0)
      extents[symbol.name] = {symbol.extent, "--bind"};
}

std::optional<int64_t> Extents::get(StringRef rank) const {
  auto at = extents.find(rank.str());
  return at == extents.end() ? std::nullopt : std::optional<int64_t>(at->second.extent);
}

Error Extents::set(StringRef rank, int64_t extent, const std::string &source, StringRef argument, StringRef path) {
  auto [at, isNew] = extents.try_emplace(rank.str(), Given{extent, source});
  if (isNew || at->second.extent == extent)
    return Error::success();
  const Given &other = at->second;
  if (path.empty())
    return usageError(source + " gives '" + extentName(rank) + "' " + Twine(extent) + ", but " + other.source +
                      " gives " + Twine(other.extent));
  return inputError(path + ": rank '" + rank + "' of argument '" + argument + "' has extent " + Twine(extent) +
                    ", but " + Twine(other.extent) + " from " + other.source);
}

Error Extents::addSizes(const Sizes &sizes) {
  for (const auto &[name, extent] : sizes) {
    auto symbol =
        find_if(kernel.symbols, [&, &name = name](const KernelSymbol &s) { return extentName(s.name) == name; });
    if (symbol == kernel.symbols.end() || symbol->declared) {
      std::vector<std::string> known;
      for (const KernelSymbol &each : kernel.symbols)
        if (!each.declared)
          known.push_back(extentName(each.name));
      return usageError("'" + name + "' is not an extent that --size can give; known: " + listOf(known));
    }
    if (Error error = set(symbol->name, extent, "--size", "", ""))
      return error;
  }
  return Error::success();
}

Error Extents::addShape(const KernelArgument &argument, ArrayRef<int64_t> shape, StringRef path) {
  if (shape.size() != argument.dims.size() + (argument.components > 1))
    return inputError(path + ": argument '" + argument.name + "' has " +
                      Twine(argument.dims.size() + (argument.components > 1)) + " dimensions, found " +
                      Twine(shape.size()));
  if (argument.components > 1 && shape.back() != argument.components)
    return inputError(path + ": members of '" + argument.name + "' have " + Twine(argument.components) +
                      " components, found " + Twine(shape.back()));
  shape = shape.take_front(argument.dims.size());
  if (argument.components) // no extent: the evaluator and the launch compare the capacity
    shape = shape.drop_back();
  shapes.push_back({&argument, shape.vec(), path.str()});
  for (auto [dim, size] : zip(argument.dims, shape))
    if (SmallVector<StringRef, 2> ranks = ranksOf(dim); ranks.size() == 1)
      if (Error error = set(ranks[0], size, "'" + argument.name + "' in " + path.str(), argument.name, path))
        return error;
  return Error::success();
}

/// Whether something new is known.
Expected<bool> Extents::solveDim(const Shape &shape, size_t i) {
  int64_t product = 1, size = shape.sizes[i];
  StringRef unknown;
  unsigned numUnknown = 0;
  for (StringRef rank : ranksOf(shape.argument->dims[i])) {
    if (std::optional<int64_t> extent = get(rank))
      product *= *extent;
    else
      unknown = rank, ++numUnknown;
  }
  if (numUnknown > 1 || (numUnknown == 1 && product == 0))
    return false;
  if (numUnknown == 0 ? product != size : size % product != 0)
    return inputError(shape.path + ": dimension '" + shape.argument->dims[i].name + "' of argument '" +
                      shape.argument->name + "' has extent " + Twine(size) +
                      (numUnknown ? ", which is no multiple of " : ", expected ") + Twine(product));
  if (numUnknown == 0)
    return false;
  extents[unknown.str()] = {size / product, "'" + shape.argument->name + "' in " + shape.path};
  return true;
}

Error Extents::solve() {
  for (bool isNew = true; isNew;) {
    isNew = false;
    for (const Shape &shape : shapes)
      for (size_t i = 0; i < shape.sizes.size(); ++i) {
        Expected<bool> found = solveDim(shape, i);
        if (!found)
          return found.takeError();
        isNew |= *found;
      }
  }
  return Error::success();
}

void Extents::assumeEmpty() {
  for (const KernelSymbol &symbol : kernel.symbols) {
    if (symbol.declared || get(symbol.name))
      continue;
    std::string absent;
    bool isNeeded = false;
    for (const KernelArgument &argument : kernel.args) {
      bool has = any_of(argument.dims, [&](const KernelDim &dim) { return is_contained(ranksOf(dim), symbol.name); });
      if (argument.kind != ATTNC_ARG_TENSOR || argument.direction == ATTNC_OUT || !has)
        continue;
      isNeeded |= !argument.optional;
      absent = argument.name;
    }
    if (!isNeeded && !absent.empty())
      extents[symbol.name] = {0, "'" + absent + "', which is not given"};
  }
}

Error Extents::requireAll() const {
  std::vector<std::string> missing;
  for (const KernelSymbol &symbol : kernel.symbols)
    if (!symbol.declared && !get(symbol.name))
      missing.push_back(extentName(symbol.name));
  if (missing.empty())
    return Error::success();
  return usageError("--size is needed for " + listOf(missing));
}

Sizes Extents::known() const {
  Sizes sizes;
  for (const auto &[rank, given] : extents)
    sizes[extentName(rank)] = given.extent;
  return sizes;
}

std::string Extents::print() const {
  std::vector<std::string> names;
  for (const KernelSymbol &symbol : kernel.symbols)
    names.push_back(extentName(symbol.name));
  return printSizes(names, known());
}

std::vector<std::string> attn::driver::innerRanks(const KernelInterface &kernel) {
  std::vector<std::string> inner, outer;
  for (const KernelArgument &argument : kernel.args)
    for (const KernelDim &dim : argument.dims)
      for (auto [i, rank] : enumerate(ranksOf(dim))) {
        bool isLast = &dim == &argument.dims.back() && i + 1 == ranksOf(dim).size();
        std::vector<std::string> &list = isLast ? inner : outer;
        if (!is_contained(list, rank))
          list.push_back(rank.str());
      }
  erase_if(inner, [&](const std::string &rank) { return is_contained(outer, rank); });
  return inner;
}

Sizes attn::driver::withInnerRanks(Sizes bound, const KernelInterface &kernel, const Extents &extents) {
  for (const std::string &rank : innerRanks(kernel))
    if (std::optional<int64_t> extent = extents.get(rank); extent && *extent <= kMostBound)
      bound.try_emplace(extentName(rank), *extent);
  return bound;
}

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/driver/Literal.h"
#include "compiler/driver/Request.h"
#include "compiler/driver/Text.h"
#include "llvm/ADT/APFloat.h"
#include "llvm/ADT/StringExtras.h"
#include <cmath>
#include <cstring>

using namespace llvm;
using namespace attn::driver;

static const fltSemantics *semanticsOf(attnc_element element) {
  switch (element) {
  case ATTNC_F16:
    return &APFloat::IEEEhalf();
  case ATTNC_BF16:
    return &APFloat::BFloat();
  case ATTNC_F32:
    return &APFloat::IEEEsingle();
  case ATTNC_F64:
    return &APFloat::IEEEdouble();
  default:
    return nullptr;
  }
}

/// The bits of `value` rounded to the type.
static uint64_t roundedBits(double value, const fltSemantics &semantics) {
  APFloat exact(value);
  bool losesInfo;
  exact.convert(semantics, APFloat::rmNearestTiesToEven, &losesInfo);
  return exact.bitcastToAPInt().getZExtValue();
}

//===-- reading ------------------------------------------------------------------------------------------------------

namespace {

class LiteralParser {
public:
  LiteralParser(StringRef text, attnc_element element, size_t numDims)
      : rest(text), element(element), sizes(numDims, -1) {}

  Expected<HostTensor> run() {
    if (Error error = value(0))
      return std::move(error);
    if (!rest.ltrim().empty())
      return wrong("the end");
    for (int64_t &size : sizes)
      size = std::max<int64_t>(size, 0);
    HostTensor tensor(element, sizes);
    unsigned width = attnc_element_size(element);
    for (auto [i, each] : enumerate(bits))
      std::memcpy(tensor.data() + i * width, &each, width); // little endian, as every target is
    return tensor;
  }

private:
  Error wrong(const Twine &expected) {
    StringRef found = rest.ltrim().take_front(12);
    return inputError("expected " + expected + ", found " + (found.empty() ? "the end" : "'" + found + "'"));
  }

  bool take(char c) {
    rest = rest.ltrim();
    return rest.consume_front(StringRef(&c, 1));
  }

  Error value(size_t depth) { return depth == sizes.size() ? number() : list(depth); }

  Error list(size_t depth) {
    if (!take('['))
      return wrong("'[': the tensor has " + Twine(sizes.size()) + " dimensions");
    int64_t length = 0;
    while (!take(']')) {
      if (length && !take(','))
        return wrong("',' or ']'");
      if (Error error = value(depth + 1))
        return error;
      ++length;
    }
    if (sizes[depth] >= 0 && sizes[depth] != length)
      return inputError("a list of " + Twine(length) + " elements beside one of " + Twine(sizes[depth]));
    sizes[depth] = length;
    return Error::success();
  }

  Error number() {
    StringRef before = rest;
    rest = rest.ltrim();
    StringRef word = rest.take_while([](char c) { return isAlnum(c) || StringRef("+-._").contains(c); });
    rest = rest.drop_front(word.size());
    uint64_t each;
    if (!read(word, each)) {
      rest = before;
      return wrong(Twine(semanticsOf(element) ? "a number" : "an integer") + " of type " + attnc_element_name(element));
    }
    bits.push_back(each);
    return Error::success();
  }

  bool read(StringRef word, uint64_t &each) {
    if (const fltSemantics *semantics = semanticsOf(element)) {
      double value;
      if (word.getAsDouble(value))
        return false;
      each = roundedBits(value, *semantics);
      return true;
    }
    if (element == ATTNC_BOOL && (word == "true" || word == "false"))
      return each = word == "true", true;
    int64_t value;
    if (word.getAsInteger(10, value))
      return false;
    unsigned width = 8 * attnc_element_size(element);
    each = value;
    if (element == ATTNC_BOOL)
      return value == 0 || value == 1;
    return element == ATTNC_U8 ? value >= 0 && value < 256 : isIntN(width, value);
  }

  StringRef rest;
  attnc_element element;
  SmallVector<int64_t> sizes; ///< -1 where no list of the dimension was met
  std::vector<uint64_t> bits;
};

} // namespace

bool attn::driver::isLiteral(StringRef text, size_t numDims) {
  double number;
  text = text.ltrim();
  return text.starts_with("[") || (numDims == 0 && (text == "true" || text == "false" || !text.getAsDouble(number)));
}

Expected<HostTensor> attn::driver::parseLiteral(StringRef text, attnc_element element, size_t numDims) {
  return LiteralParser(text, element, numDims).run();
}

//===-- printing -----------------------------------------------------------------------------------------------------

static std::string printFloat(uint64_t bits, const fltSemantics &semantics) {
  APFloat value(semantics, APInt(APFloat::semanticsSizeInBits(semantics), bits));
  bool losesInfo;
  value.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven, &losesInfo);
  double exact = value.convertToDouble();
  bool isInteger = std::fabs(exact) < 1e9 && exact == std::floor(exact); // digit for digit, also where fewer would do
  for (int digits = isInteger ? 10 : 1;; ++digits) {
    std::string text = number(exact, digits);
    double back;
    if (digits == 17 || std::isnan(exact) ||
        (!StringRef(text).getAsDouble(back) && roundedBits(back, semantics) == bits))
      return text;
  }
}

static std::string printElement(const HostTensor &tensor, int64_t i) {
  unsigned width = attnc_element_size(tensor.getElement());
  uint64_t bits = 0;
  std::memcpy(&bits, tensor.data() + i * width, width);
  if (const fltSemantics *semantics = semanticsOf(tensor.getElement()))
    return printFloat(bits, *semantics);
  if (tensor.getElement() == ATTNC_BOOL)
    return bits ? "true" : "false";
  return std::to_string(tensor.getElement() == ATTNC_U8 ? int64_t(bits) : SignExtend64(bits, 8 * width));
}

std::string attn::driver::printLiteral(const HostTensor &tensor) {
  ArrayRef<int64_t> sizes = tensor.getSizes();
  int64_t next = 0;
  auto print = [&](auto &&self, size_t depth) -> std::string {
    if (depth == sizes.size())
      return printElement(tensor, next++);
    std::vector<std::string> elements;
    for (int64_t i = 0; i < sizes[depth]; ++i)
      elements.push_back(self(self, depth + 1));
    return "[" + join(elements, ", ") + "]";
  };
  return print(print, 0);
}

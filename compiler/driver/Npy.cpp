// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The format is in NumPy's NEP 1: the magic bytes, a version, the length of the header, and the header: a Python
// dictionary
//   {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }
// padded with blanks; then the elements.
#include "compiler/driver/Npy.h"
#include "compiler/driver/Output.h"
#include "compiler/driver/Request.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/FileUtilities.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"
#include <cstring>

using namespace llvm;
using namespace attn::driver;

namespace {
constexpr StringLiteral kMagic = "\x93NUMPY";

struct ElementRow {
  attnc_element element;
  StringLiteral code, name;
};
constexpr ElementRow kElements[] = {
    {ATTNC_F16, "f2", "float16"}, {ATTNC_BF16, "u2", "uint16"}, {ATTNC_F32, "f4", "float32"},
    {ATTNC_F64, "f8", "float64"}, {ATTNC_I8, "i1", "int8"},     {ATTNC_U8, "u1", "uint8"},
    {ATTNC_I32, "i4", "int32"},   {ATTNC_I64, "i8", "int64"},   {ATTNC_BOOL, "b1", "bool"}};

struct Header {
  std::string descr;
  bool isColumnMajor = false;
  SmallVector<int64_t> shape;
};

/// Reads the dictionary: the few Python literals that NumPy writes there.
class HeaderParser {
public:
  HeaderParser(StringRef text) : rest(text) {}

  Error parse(Header &header) {
    bool hasDescr = false, hasOrder = false, hasShape = false;
    if (!take("{"))
      return wrong("'{'");
    while (!take("}")) {
      std::string key;
      if (!string(key) || !take(":"))
        return wrong("a key");
      bool ok = key == "descr"           ? hasDescr = descr(header.descr)
                : key == "fortran_order" ? hasOrder = boolean(header.isColumnMajor)
                : key == "shape"         ? hasShape = tuple(header.shape)
                                         : false;
      if (!ok)
        return wrong("the value of '" + key + "'");
      if (!take(",") && !rest.ltrim().starts_with("}"))
        return wrong("','");
    }
    if (!rest.trim().empty())
      return wrong("the end");
    if (!hasDescr || !hasOrder || !hasShape)
      return inputError("the header lacks " + Twine(!hasDescr ? "'descr'" : !hasOrder ? "'fortran_order'" : "'shape'"));
    return Error::success();
  }

private:
  bool take(StringRef token) {
    rest = rest.ltrim();
    return rest.consume_front(token);
  }
  bool string(std::string &value) {
    rest = rest.ltrim();
    if (rest.empty() || (rest[0] != '\'' && rest[0] != '"'))
      return false;
    size_t end = rest.find(rest[0], 1);
    if (end == StringRef::npos)
      return false;
    value = rest.slice(1, end).str();
    rest = rest.substr(end + 1);
    return true;
  }
  /// A list stands for a structure: kept as it is, for the message.
  bool descr(std::string &value) {
    if (!rest.ltrim().starts_with("["))
      return string(value);
    value = "a structure";
    size_t end = rest.find(']');
    rest = rest.substr(end == StringRef::npos ? rest.size() : end + 1);
    return true;
  }
  bool boolean(bool &value) {
    value = take("True");
    return value || take("False");
  }
  bool tuple(SmallVector<int64_t> &values) {
    if (!take("("))
      return false;
    while (!take(")")) {
      uint64_t value;
      rest = rest.ltrim();
      if (rest.consumeInteger(10, value) || value > uint64_t(INT64_MAX))
        return false;
      rest.consume_front("L"); // of Python 2
      values.push_back(static_cast<int64_t>(value));
      if (!take(",") && !rest.ltrim().starts_with(")"))
        return false;
    }
    return true;
  }
  Error wrong(const Twine &expected) {
    StringRef found = rest.ltrim().take_front(20);
    return inputError("the header is damaged: expected " + expected + ", found '" +
                      (found.empty() ? "nothing" : sanitize(found)) + "'");
  }
  static std::string sanitize(StringRef text) {
    std::string clean;
    for (char c : text)
      clean += isPrint(c) ? c : '?';
    return clean;
  }

  StringRef rest;
};
} // namespace

StringRef attn::driver::numpyName(attnc_element element) {
  for (const ElementRow &row : kElements)
    if (row.element == element)
      return row.name;
  return "?";
}

/// "<f4" -> ATTNC_F32.
static Expected<attnc_element> elementOf(StringRef descr) {
  if (descr.starts_with(">") && !descr.ends_with("1"))
    return inputError("elements of type '" + descr + "' are big-endian; expected little-endian");
  for (const ElementRow &row : kElements)
    if (descr.size() == 3 && StringRef("<|=>").contains(descr[0]) && descr.drop_front() == row.code)
      return row.element;
  SmallVector<StringRef> known;
  for (const ElementRow &row : kElements)
    known.push_back(row.name);
  return inputError("element type '" + descr + "' is not supported; known: " + join(known, ", "));
}

/// Cuts the header off `bytes`, which keep the elements.
static Expected<Header> takeHeader(StringRef &bytes) {
  if (!bytes.consume_front(kMagic))
    return inputError("not a .npy file");
  if (bytes.size() < 2)
    return inputError("the file ends in its header");
  unsigned version = static_cast<uint8_t>(bytes[0]);
  if (version < 1 || version > 3)
    return inputError("version " + Twine(version) + " of .npy; expected 1, 2 or 3");
  bytes = bytes.drop_front(2);
  size_t width = version == 1 ? 2 : 4;
  if (bytes.size() < width)
    return inputError("the file ends in its header");
  size_t length = version == 1 ? support::endian::read16le(bytes.data()) : support::endian::read32le(bytes.data());
  bytes = bytes.drop_front(width);
  if (bytes.size() < length)
    return inputError("the file ends in its header: expected " + Twine(length) + " bytes, found " +
                      Twine(bytes.size()));
  Header header;
  if (Error error = HeaderParser(bytes.take_front(length)).parse(header))
    return std::move(error);
  bytes = bytes.drop_front(length);
  return header;
}

static Expected<HostTensor> parse(StringRef bytes) {
  Expected<Header> header = takeHeader(bytes);
  if (!header)
    return header.takeError();
  Expected<attnc_element> element = elementOf(header->descr);
  if (!element)
    return element.takeError();
  if (header->shape.size() > ATTNC_MAX_DIMS)
    return inputError(Twine(header->shape.size()) + " dimensions; at most " + Twine(ATTNC_MAX_DIMS) + " are supported");
  int64_t count, size;
  if (!multiplyExtents(header->shape, count) || MulOverflow<int64_t>(count, attnc_element_size(*element), size))
    return inputError("the shape is too large for this machine");
  if (bytes.size() != static_cast<uint64_t>(size))
    return inputError("expected " + Twine(size) + " bytes of data, found " + Twine(bytes.size()));
  HostTensor tensor(*element, header->shape);
  if (header->isColumnMajor)
    tensor.setColumnMajor();
  if (size)
    std::memcpy(tensor.data(), bytes.data(), size);
  return tensor;
}

Expected<HostTensor> attn::driver::parseNpy(StringRef bytes, StringRef path) {
  Expected<HostTensor> tensor = parse(bytes);
  if (!tensor)
    return inputError(path + ": " + toString(tensor.takeError()));
  return tensor;
}

Expected<HostTensor> attn::driver::readNpy(StringRef path) {
  ErrorOr<std::unique_ptr<MemoryBuffer>> buffer =
      MemoryBuffer::getFile(path, /*IsText=*/false, /*RequiresNullTerminator=*/false);
  if (!buffer)
    return inputError(path + ": " + buffer.getError().message());
  return parseNpy((*buffer)->getBuffer(), path);
}

/// The header as NumPy writes it: the elements start at a multiple of 64.
static std::string headerFor(const HostTensor &tensor) {
  std::string shape;
  for (int64_t size : tensor.getSizes())
    shape += std::to_string(size) + (shape.empty() || tensor.getSizes().size() > 1 ? ", " : "");
  if (tensor.getSizes().size() > 1)
    shape.resize(shape.size() - 2);
  else if (!shape.empty())
    shape.pop_back();
  const ElementRow *row = find_if(kElements, [&](const ElementRow &r) { return r.element == tensor.getElement(); });
  StringRef order = attnc_element_size(tensor.getElement()) == 1 ? "|" : "<";
  std::string text = formatv("{{'descr': '{0}{1}', 'fortran_order': False, 'shape': ({2}), }", order, row->code, shape);
  size_t used = kMagic.size() + 4 + text.size() + 1;
  text.append(alignTo(used, 64) - used, ' ');
  return text + '\n';
}

Error attn::driver::writeNpy(const HostTensor &tensor, StringRef path) {
  std::string header = headerFor(tensor);
  char version[] = {1, 0};
  char length[2];
  support::endian::write16le(length, static_cast<uint16_t>(header.size()));
  Error error = writeOutput(path, [&](raw_ostream &out) {
    out << kMagic << StringRef(version, 2) << StringRef(length, 2) << header;
    out.write(tensor.data(), tensor.getNumBytes());
    return Error::success();
  });
  if (error)
    return inputError(path + ": " + toString(std::move(error)));
  return Error::success();
}

// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "compiler/spec/Diagnostics.h"
#include <optional>

namespace attn::spec {

/// The text of a source already added to `diagnostics`, formatted: the same lexemes and comments, other blanks and line
/// ends. Nothing if it does not parse, which is reported. Formatting what is formatted changes nothing.
///
/// A statement has a line of its own; a body that was written on one line stays on one. Line breaks inside a statement
/// or a header stay where they are, empty lines too, but one in a row. Neighbouring equations have their '=' and the
/// 'if' at their end in one column each, unless that would push one far to the right.
std::optional<std::string> format(uint32_t file, Diagnostics &diagnostics);

} // namespace attn::spec

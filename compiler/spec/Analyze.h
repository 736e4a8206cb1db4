// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The front end's entry: the text of a spec to the model of its kernels.
#pragma once
#include "compiler/spec/Ast.h"
#include "compiler/spec/Model.h"

namespace attn::spec {

/// Parses and analyses a spec; `name` is its path as messages give it. Reports everything that the rules R1-R24 forbid
/// and that needs no evaluation. The program is complete where `diagnostics` has no errors, and refers to the texts
/// that `diagnostics` owns.
std::unique_ptr<Program> analyze(std::string name, std::string text, Diagnostics &diagnostics);

/// What the name of the prelude is in locations.
inline constexpr llvm::StringLiteral preludeName = "prelude";
llvm::StringRef preludeText();

} // namespace attn::spec

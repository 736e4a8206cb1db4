// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Tensors in files of NumPy's format .npy.
#pragma once
#include "compiler/driver/HostTensor.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

namespace attn::driver {

/// Reads a file of version 1, 2 or 3. A file of uint16 is one of bf16, for which NumPy has no type. In Fortran's order
/// the tensor is column-major. An error names the file.
llvm::Expected<HostTensor> readNpy(llvm::StringRef path);
/// The same for the bytes of a file.
llvm::Expected<HostTensor> parseNpy(llvm::StringRef bytes, llvm::StringRef path);

/// Writes a row-major tensor, in one step: a file that is there is complete.
llvm::Error writeNpy(const HostTensor &tensor, llvm::StringRef path);

/// "uint16" for bf16, else NumPy's own name.
llvm::StringRef numpyName(attnc_element element);

} // namespace attn::driver

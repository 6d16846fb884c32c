// The two languages that device C is compiled as. They differ in a header of macros, nothing else.
#pragma once

#include "llvm/ADT/StringRef.h"

#include <optional>
#include <string>

namespace weft::gpu {

enum class Dialect { opencl, cuda };

/// The dialect of a name, "opencl" or "cuda".
std::optional<Dialect> dialectNamed(llvm::StringRef name);

/// What a source begins with: types and the WEFT_ macros.
llvm::StringRef headerOf(Dialect dialect);

/// The device functions that a text calls, in an order in which each stands before its uses.
std::string functionsFor(llvm::StringRef text);

} // namespace weft::gpu

// Asks the compiler what it would make of a collected program on another processor.
#pragma once

#include "runtime/program/collection.h"

#include <string>

namespace weft::tools {

/// Compiles every collected program anew for a processor that LLVM knows by this name, with all
/// stages kept. Nothing is run or cached. Throws weft::Error where the name is unknown.
void compile_for(std::vector<Collected>& all, const std::string& cpu);

} // namespace weft::tools

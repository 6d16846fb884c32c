// Registers what the tools and the pipeline work with: our dialects, and every pass under its
// command-line name.
#pragma once

#include "passes/passes.h"

namespace mlir {
class DialectRegistry;
}

namespace weft {

/// Adds the dialects of the compiler to `registry`.
void registerDialects(mlir::DialectRegistry& registry);

/// Registers the passes, once a process, for tools that take pass names. `expand` is what decompose
/// asks.
void registerPasses(const Expand& expand = {});

} // namespace weft

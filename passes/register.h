// Registers what the tools and the pipeline work with: our dialects, and every pass under its
// command-line name.
#pragma once

namespace mlir {
class DialectRegistry;
}

namespace weft {

/// Adds the dialects of the compiler to `registry`.
void registerDialects(mlir::DialectRegistry& registry);

/// Registers the passes, once a process, for tools that take pass names.
void registerPasses();

} // namespace weft

// The pipeline: from an imported segment to scheduled loom kernels and a memory plan.
#pragma once

#include "passes/passes.h"

#include <string>
#include <vector>

namespace weft {

struct PipelineOptions {
  std::string disable; // names of passes to leave out, separated by commas; without `fuse` each op
                       // is a kernel
  std::string print;   // names of passes, or "all": the IR after each goes to stderr
  bool keep_stages = false; // keep the IR as text
  int vector_bits = 512;    // of the target
  bool tiles = true;        // it runs functions for tiles of a result: it is a CPU
};

/// The IR of a whole segment as text: "weft" as imported, "fused", "loom", and "remarks".
struct PipelineStage {
  std::string name, text;
};

/// Runs every pass, and the verifier after each. On failure `error` is one line that names the
/// pass.
bool runPipeline(mlir::ModuleOp module, const PipelineOptions& options,
                 std::vector<PipelineStage>& stages, std::string& error);

/// Registers each pass under its name with a leading "weft-", for tools. `expand` is what decompose
/// asks.
void registerWeftPasses(const Expand& expand);

} // namespace weft

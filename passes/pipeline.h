// The pipeline: from an imported segment to scheduled loom kernels and a memory plan.
#pragma once

#include "passes/passes.h"
#include "passes/stage_text.h"
#include "passes/step_clock.h"

#include <string>
#include <vector>

namespace weft {

struct PipelineOptions {
  std::string disable; // names of passes to leave out, separated by commas; without `fuse` each op
                       // is a kernel
  std::string print;   // names of passes, or "all": the IR after each goes to stderr
  bool keep_stages = false;  // keep the IR as text
  int vector_bits = 512;     // of the target
  bool tiles = true;         // it runs functions for tiles of a result: it is a CPU
  int64_t memory_budget = 0; // bytes of workspace for which more is computed again; 0: none
};

/// The IR of a whole segment as text: "weft" as imported, "fused", "loom".
struct PipelineStage {
  std::string name;
  StageText print;
};

/// What a run tells beside the module that it leaves.
struct PipelineReport {
  std::vector<PipelineStage> stages; // where they are kept
  Remarks remarks;
  StepClock clock; // a step for each pass, by its name, and "verify", "schedule", "stages"
  std::string error;
};

/// Runs every pass, and the verifier after each. On failure `report.error` is one line that names
/// the pass.
bool runPipeline(mlir::ModuleOp module, const PipelineOptions& options, PipelineReport& report);

/// Registers each pass under its name with a leading "weft-", for tools. `expand` is what decompose
/// asks.
void registerWeftPasses(const Expand& expand);

} // namespace weft

// The last step of a compilation: launches, the memory plan and size expressions as a Program.
#pragma once

#include "passes/pipeline.h"
#include "runtime/program/program.h"

namespace weft {

/// Makes the program of a module that the pipeline and the emitter have run over: every loom.kernel
/// holds its loom.chunks, loom.scratch, loom.bytes and loom.flops. `code` and `target` are the
/// caller's to fill. Locations are op positions in the segment.
Program build_program(mlir::ModuleOp module, const Segment& segment,
                      const std::vector<PipelineStage>& stages);

} // namespace weft

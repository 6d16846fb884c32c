// The last step of a compilation: launches, the memory plan and size expressions as a Program.
#pragma once

#include "codegen/gpu/emit.h"
#include "passes/pipeline.h"
#include "runtime/program/program.h"

#include "llvm/ADT/StringMap.h"

namespace weft {

/// A kernel's phases on a device, by the symbol of its loom.kernel.
using DeviceKernels = llvm::StringMap<std::vector<gpu::DeviceKernel>>;

/// Makes the program of a module that the pipeline and the emitter have run over: every loom.kernel
/// holds its loom.chunks, loom.scratch, loom.bytes and loom.flops. `code` and `target` are the
/// caller's to fill. Locations are op positions in the segment.
Program build_program(mlir::ModuleOp module, const Segment& segment, const PipelineReport& report);

/// The same for a device: each phase is a launch, and needs none of those attributes.
Program build_program(mlir::ModuleOp module, const Segment& segment, const PipelineReport& report,
                      const DeviceKernels& kernels);

/// Returns a stage's print as a program holds it.
ProgramStage program_stage(int32_t kernel, llvm::StringRef name, const StageText& print);

} // namespace weft

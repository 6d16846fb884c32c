// The CPU emitter's door: scheduled loom kernels in, one object with all of them out, and a linker
// in process.
#pragma once

#include "codegen/cpu/target.h"
#include "ir/loom/loom.h"
#include "passes/step_clock.h"

#include "mlir/IR/BuiltinOps.h"

#include <string>
#include <vector>

namespace weft::cpu {

struct EmitOptions {
  bool keep_llvm = false; // fill EmittedKernel::llvm_text, after LLVM's passes
  bool keep_asm = false;  // fill EmittedKernel::asm_text
  // Hears of "emit", "optimize" and, where texts are kept, "generate" of each kernel.
  StepClock* clock = nullptr;
};

struct EmittedKernel {
  std::string symbol; // of the C function of runtime/program/kernel_abi.h
  std::string llvm_text, asm_text;
  // Expressions of the kernel's sizes: pieces of work of each phase, bytes of private memory of
  // each thread, and estimates for each phase: memory traffic in bytes and scalar operations.
  mlir::AffineMap chunks, scratch_bytes, bytes, flops;
};

struct EmittedModule {
  std::string object; // relocatable, without undefined symbols
  std::vector<EmittedKernel> kernels;
};

/// Emits every loom.kernel of the module, which `--loom-schedule` has run over, into one object.
/// Also attaches loom.chunks, loom.scratch, loom.bytes and loom.flops to the kernels. Fails with
/// "loom.kernel @name: what must hold, got what" for a kernel that this target cannot run.
llvm::Expected<EmittedModule> emitKernels(mlir::ModuleOp module, const CpuTarget& target,
                                          const EmitOptions& options = {});

/// Links an object without undefined symbols into a shared object, both as bytes.
llvm::Expected<std::string> linkSharedObject(const std::string& object);

} // namespace weft::cpu

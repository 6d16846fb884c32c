// The CPU emitter's door: scheduled loom kernels in, objects with all of them out, and a linker in
// process.
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
  // Hears of "emit" of each kernel and, where texts are kept, of its "optimize" and "generate".
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
  std::vector<std::string> objects; // relocatable; together they lack no symbol
  std::vector<EmittedKernel> kernels;
};

/// Emits every loom.kernel of the module, which `--loom-schedule` has run over. Large modules
/// become several objects, which are compiled on all cores; where texts are kept, one after the
/// other. Also attaches loom.chunks, loom.scratch, loom.bytes and loom.flops to the kernels. Fails
/// with "loom.kernel @name: what must hold, got what" for a kernel that this target cannot run.
llvm::Expected<EmittedModule> emitKernels(mlir::ModuleOp module, const CpuTarget& target,
                                          const EmitOptions& options = {});

/// Links objects that together lack no symbol into a shared object, all as bytes.
llvm::Expected<std::string> linkSharedObject(llvm::ArrayRef<std::string> objects);

} // namespace weft::cpu

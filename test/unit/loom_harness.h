// Runs loom kernels by the interpreter and as emitted code, over equal memory, and compares what
// they leave.
#pragma once

#include "codegen/cpu/target.h"
#include "ir/loom/loom.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

#include <functional>
#include <map>
#include <string>
#include <vector>

namespace weft::test {

/// Memory of one buffer argument, filled with a fixed sequence that holds special values.
struct Memory {
  std::string element; // f32 f64 bf16 i64 i1
  int64_t count;
  int64_t modulus = 0; // i64: entries lie in [0, modulus) where it is not 0
  bool special = true; // floating point: NaN, infinities, zeros and subnormal numbers among them
};

struct LoomRun {
  std::string text; // one loom.kernel; $NAME is replaced from `sizes`
  std::vector<Memory> buffers;
  std::vector<int64_t> arguments;
  std::map<std::string, int64_t> sizes = {};
  double tolerance =
      0; // relative to the largest entry of the buffer; 0: equal bits, any NaN for any NaN
  bool scheduled = true; // run the schedule; false: the text has its own
  std::string cpu = "native";
  int64_t pieces = 3; // the launch's chunks are handed out in this many calls, last first
};

struct LoomOutcome {
  std::string difference; // empty: equal
  uint32_t interpreted_error = 0, emitted_error = 0;
  int64_t chunks = 0;
  std::vector<std::vector<char>> emitted; // the buffers' bytes after the emitted code
};

/// Schedules, emits and runs a kernel over `memory`, one entry for each buffer. Returns what went
/// wrong.
using Runner =
    std::function<std::string(const LoomRun& run, mlir::ModuleOp module, loom::KernelOp kernel,
                              std::vector<std::vector<char>>& memory, LoomOutcome& outcome)>;

/// Parses and interprets, and compares with what the runner leaves in memory.
LoomOutcome runAgainst(const LoomRun& run, const Runner& runner);

/// Parses, verifies, schedules, interprets, emits and runs: on the processor (loom_cpu_runner.cpp)
/// or as device C (device_*_runner.cpp), whichever is linked. Errors come back as `difference`.
LoomOutcome runBoth(const LoomRun& run);

/// An `f64` argument as the bits in which kernels receive scalars.
int64_t bitsOf(double value);

} // namespace weft::test

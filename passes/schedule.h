// The schedule pass: loom to loom, attributes only.
#pragma once

#include "mlir/Pass/Pass.h"

#include <memory>

namespace weft::loom {

class KernelOp;

/// What the schedule is chosen for.
struct ScheduleTarget {
  int vector_bits = 512;
  int64_t cache_bytes = 32 << 20; // the last level's share of one program
  bool inner_lanes = true;        // lanes may run along loops inside of serial ones
};

/// Chooses lanes, unrolling, chunks and nontemporal stores for every part of the kernel.
void scheduleKernel(KernelOp kernel, const ScheduleTarget& target = {});

std::unique_ptr<mlir::Pass> createSchedulePass(const ScheduleTarget& target = {});

} // namespace weft::loom

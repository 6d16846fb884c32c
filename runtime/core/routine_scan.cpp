// Scans: a kernel walks the lines along the dim, each thread some neighbours.

#include "kernels/scan.h"
#include "runtime/core/columns.h"
#include "runtime/core/routine.h"

#include <algorithm>

namespace weft {

namespace {

constexpr int64_t kUnit = 16;  // lines: a tile of the kernel's, a cache line of f32
constexpr int64_t kWide = 512; // lines side by side, of which memory delivers rows quickly

// `views` are the result and the operands; a reversed scan begins at the end of each line.
void scan(kernels::ScanKernel kernel, std::span<const View> views, int dim, bool is_reversed) {
  const int64_t steps = views[0].meta->sizes[dim];
  const Columns columns(views, dim, steps);
  auto walk = [&](const ColumnRun& run) {
    kernels::ScanLines lines{{}, {}, steps, run.count};
    for (size_t a = 0; a < views.size(); a++) {
      auto& array = a == 0 ? lines.to : lines.from[a - 1];
      array = {run.base[a], run.along[a], run.across[a]};
      if (!is_reversed) continue;
      array.at += (steps - 1) * array.step;
      array.step = -array.step;
    }
    kernel(lines);
  };
  const int64_t share = columns.lines() / num_threads();
  columns.each(walk, share >= kUnit ? kUnit : 1,
               columns.lie_in_rows() ? std::min(kWide, share) : 1);
}

} // namespace

bool routine_scan(const RoutineCall& call) {
  if (call.result.meta->numel() == 0) return true;
  const View views[] = {call.result, call.operands[0]};
  const auto fold = static_cast<kernels::ScanFold>(call.structure[1]);
  const auto kernel = kernels::scan_kernel(fold, call.result.meta->dtype);
  scan(kernel, views, static_cast<int>(call.structure[0]), call.structure[2]);
  return true;
}

bool routine_scan_position(const RoutineCall& call) {
  if (call.result.meta->numel() == 0) return true;
  const View views[] = {call.result, call.operands[0]};
  const auto kernel =
      kernels::scan_position_kernel(call.structure[1], call.operands[0].meta->dtype);
  scan(kernel, views, static_cast<int>(call.structure[0]), false);
  return true;
}

bool routine_recurrence(const RoutineCall& call) {
  if (call.result.meta->numel() == 0) return true;
  const View views[] = {call.result, call.operands[0], call.operands[1]};
  const auto kernel = kernels::recurrence_kernel(call.result.meta->dtype);
  scan(kernel, views, static_cast<int>(call.structure[0]), call.structure[1]);
  return true;
}

} // namespace weft

#include "runtime/program/workspace.h"

#include "runtime/program/size_expression.h"

#include <algorithm>

namespace weft {

std::optional<WorkspaceUse> workspace_of(const Program& program) {
  if (!program.symbols.empty()) return std::nullopt;
  std::vector<int64_t> values(program.exprs.size());
  evaluate_expressions(program.exprs, {}, values.data());
  auto value = [&](int32_t e) { return e < 0 ? 0 : values[static_cast<size_t>(e)]; };
  WorkspaceUse use;
  use.bytes = value(program.arena_bytes);
  const size_t count = program.launches.size();
  std::vector<int64_t> arena(count + 1), results(count + 1); // change of what lives, by launch
  for (size_t b = 0; b < program.buffers.size(); b++) {
    const ProgramBuffer& buffer = program.buffers[b];
    if (buffer.kind != ProgramBuffer::Kind::temporary) continue;
    size_t first = count, last = 0;
    for (size_t k = 0; k < count; k++) {
      const std::vector<int32_t>& used = program.launches[k].buffers;
      if (std::find(used.begin(), used.end(), static_cast<int32_t>(b)) == used.end()) continue;
      first = std::min(first, k);
      last = k;
    }
    if (first == count) continue;
    std::vector<int64_t>& change = buffer.host < 0 ? arena : results;
    change[first] += value(buffer.bytes);
    change[last + 1] -= value(buffer.bytes);
  }
  int64_t in_arena = 0, in_results = 0;
  for (size_t k = 0; k < count; k++) {
    use.at_once = std::max(use.at_once, in_arena += arena[k]);
    use.in_results = std::max(use.in_results, in_results += results[k]);
  }
  for (const ProgramRemark& m : program.remarks) {
    if (m.kind == ProgramRemark::Kind::recomputed) {
      use.recomputed++;
      use.recomputed_bytes += m.bytes;
    } else if (m.kind == ProgramRemark::Kind::left_out) {
      use.left_out++;
      use.left_out_bytes += m.bytes;
    }
  }
  for (const ProgramLaunch& l : program.launches)
    for (const ProgramPanels& p : program.kernels[static_cast<size_t>(l.kernel)].panels) {
      use.kept++;
      use.kept_bytes += p.bytes;
    }
  return use;
}

} // namespace weft

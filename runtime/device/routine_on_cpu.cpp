#include "runtime/device/routine_on_cpu.h"

namespace weft::device {

namespace {

/// The bytes of a buffer that a view touches.
struct Reach {
  int64_t begin;
  size_t nbytes;
};

Reach reach_of(const ProgramView& v, const int64_t* values) {
  const auto item = static_cast<int64_t>(size_of(v.dtype));
  int64_t low = values[v.offset] * item, high = low + item;
  bool is_empty = false;
  for (size_t d = 0; d < v.sizes.size(); d++) {
    const int64_t span = (values[v.sizes[d]] - 1) * values[v.strides[d]] * item;
    (span < 0 ? low : high) += span;
    is_empty |= values[v.sizes[d]] == 0;
  }
  return {low, is_empty ? 0 : static_cast<size_t>(high - low)};
}

} // namespace

bool call_on_cpu(Context& context, Routine routine, const ProgramRoutine& called,
                 const int64_t* values, const std::vector<Address>& buffers,
                 const int64_t* arguments, const Loc& loc) {
  context.count_cpu_op(called.op + ": it has no kernel for devices");
  const size_t n = called.views.size(), result = n - 1;
  std::vector<std::vector<char>> memory(n);
  std::vector<void*> hosts(n);
  std::vector<Reach> reaches(n);
  for (size_t k = 0; k < n; k++) {
    reaches[k] = reach_of(called.views[k], values);
    memory[k].resize(std::max<size_t>(reaches[k].nbytes, 1));
    hosts[k] = memory[k].data() - reaches[k].begin;
    if (k != result)
      context.copy_out(memory[k].data(), buffers[k] + reaches[k].begin, reaches[k].nbytes);
  }
  if (!call_routine(routine, called, values, hosts.data(), arguments, loc)) return false;
  context.copy_in(buffers[result] + reaches[result].begin, memory[result].data(),
                  reaches[result].nbytes);
  return true;
}

} // namespace weft::device

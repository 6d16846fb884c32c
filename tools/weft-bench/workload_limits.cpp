#include "tools/weft-bench/limits.h"
#include "tools/weft-bench/workloads.h"

namespace weft::bench {

Limit limit_of(const Workload& w, Device device) {
  const auto bytes = static_cast<size_t>(w.bytes);
  if (device != Device::cpu())
    return w.limit == LimitClass::copy ? device_copy_limit(device, bytes) : nullptr;
  switch (w.limit) {
  case LimitClass::copy:
    return copy_limit(bytes);
  case LimitClass::read:
    return read_limit(bytes);
  case LimitClass::flops:
    return flop_limit(w.flops);
  case LimitClass::none:
    return nullptr;
  }
  return nullptr;
}

} // namespace weft::bench

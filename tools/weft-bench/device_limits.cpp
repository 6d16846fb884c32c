#include "tools/weft-bench/limits.h"
#include "tools/weft-bench/sampling.h"

#include "runtime/core/tensor_impl.h"
#include "runtime/device/context.h"
#include "weft/ops.h"

namespace weft::bench {

Limit device_copy_limit(Device device, size_t bytes) {
  const size_t half = bytes / 2;
  const Shape shape{static_cast<int64_t>(half)};
  Tensor from = zeros(shape, u8, device), to = zeros(shape, u8, device);
  auto copy = [device, from, to, half] {
    device::Context::of(device, Loc::current())
        .copy_within(to.impl()->data(), from.impl()->data(), half);
  };
  auto timed = std::make_shared<Timed>(copy, 0.02, [device] { synchronize(device); });
  return [timed] { return timed->sample(); };
}

} // namespace weft::bench

// The device that tests run on.
#pragma once

#include "weft/device.h"
#include "weft/ops.h"
#include "weft/random.h"

namespace weft::test {

/// Returns the device that WEFT_TEST_DEVICE names, OpenCL's first without it. Where it is not there
/// the process ends with a line that tells CTest and the reader why its tests are skipped.
Device test_device();

/// Returns 0, 1, ... below `count`, over and over, `n` of them.
inline Tensor classes(int64_t n, int64_t count) {
  std::vector<int64_t> v;
  for (int64_t k = 0; k < n; k++)
    v.push_back(k % count);
  return tensor(v, Shape{n});
}

} // namespace weft::test

// Devices: whether they are there, what they are, waiting for them.
#pragma once

#include "weft/dtype.h"
#include "weft/error.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weft {

/// Returns what options and messages call a kind of device: "cpu", "opencl", "cuda".
const char* name_of(DeviceType type);
/// Returns what messages call a device: "cpu", "opencl(0)".
std::string name_of(Device device);
/// Returns the device that an option names: "cpu", "opencl", "cuda:1" the second of CUDA's. Throws
/// Error (value), which says what there is. Whether the device is there is another question.
Device device_named(std::string_view name, Loc loc = Loc::current());

/// What a device says of itself.
struct DeviceInfo {
  std::string name;           // of the hardware
  std::string driver;         // platform and versions
  bool has_f64 = true;        // doubles exist; without them f64 and ops that need it run on the CPU
  bool exact_division = true; // f32 quotients and roots have the CPU's bits
  bool has_denormals = true;  // f32 results below 2^-126 are not flushed to zero
  size_t memory = 0;          // bytes
  size_t argument_bytes = 0;  // most that a kernel takes
  int threads = 0;            // most that a block has
};

/// Says whether a device can be used in this process. Opens it if need be; never throws.
bool is_available(Device device);
/// Returns what a device says of itself. Throws Error (unsupported), which says what is missing.
DeviceInfo device_info(Device device, Loc loc = Loc::current());

/// Waits until all ops of a device are done. Throws what one of them has refused, with its line.
void synchronize(Device device, Loc loc = Loc::current());

/// Where zeros, arange, randn and the like make their tensors in this thread while it lives, unless
/// they are told a device. The innermost scope counts; without one it is the CPU.
class DeviceScope {
public:
  explicit DeviceScope(Device device) : previous_(current_) { current_ = device; }
  ~DeviceScope() { current_ = previous_; }
  DeviceScope(const DeviceScope&) = delete;
  DeviceScope& operator=(const DeviceScope&) = delete;
  /// Returns the device that this thread's tensors are made on now.
  static Device current() { return current_; }

private:
  Device previous_;
  static constinit thread_local Device current_;
};

/// What happened on a device since the process began.
struct DeviceStats {
  int64_t launches = 0;      // of kernels
  int64_t programs = 0;      // of ops and regions, made ready to run
  int64_t driver_builds = 0; // sources that the driver compiled, several programs each
  int64_t driver_loads = 0;  // binaries taken from the cache instead
  int64_t copies_in = 0, copies_out = 0;
  int64_t cpu_ops = 0; // ops that ran on the CPU, their operands copied, for want of a kernel
  std::vector<std::pair<std::string, int64_t>>
      cpu_ops_by_name; // and why: "sort f32: no kernel ..."
};
/// Returns the counts of a device, zeros where it was not used.
DeviceStats device_stats(Device device);

} // namespace weft

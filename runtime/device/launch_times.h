// LaunchTimes: what a device's launches took, for a profiler: they are known only once they ran.
#pragma once

#include "runtime/core/profile.h"
#include "runtime/device/driver_code.h"

#include <deque>

namespace weft::device {

/// Not safe for concurrent calls.
class LaunchTimes {
public:
  explicit LaunchTimes(const std::string& device) : track_(device) {}

  /// Keeps a launch of kernel `kernel` of `code` until it is done. `enqueued`: when it was.
  void watch(std::unique_ptr<LaunchClock> clock, std::shared_ptr<DriverCode> code, size_t kernel,
             profile::Place place, uint64_t enqueued);

  /// Makes events of the launches that are done.
  void collect();
  bool is_empty() const { return watched_.empty(); }

private:
  struct Watched {
    std::unique_ptr<LaunchClock> clock;
    std::shared_ptr<DriverCode> code;
    size_t kernel;
    profile::Place place;
    uint64_t enqueued;
  };
  profile::Track track_;
  std::deque<Watched> watched_;
};

} // namespace weft::device

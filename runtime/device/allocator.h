// The caching allocator of one device: the size classes of the CPU's, one store without
// thread-local bins. A block that is freed while kernels use it may be taken again at once, since
// what is enqueued runs in order.
#pragma once

#include "runtime/core/size_classes.h"
#include "runtime/device/backend.h"
#include "weft/memory.h"

#include <array>
#include <functional>
#include <mutex>
#include <vector>

namespace weft::device {

class Allocator {
public:
  /// `mutex` guards the backend; `settle` is called with it before blocks go back to the driver,
  /// and hands over what still waits on the host.
  Allocator(Device device, Backend& backend, std::mutex& mutex, std::function<void()> settle);

  /// Returns at least `nbytes` bytes; throws out_of_memory with the sizes involved.
  Address allocate(size_t nbytes, const Loc& loc);
  /// Takes a block back; `nbytes` is what it was asked for with.
  void free(Address block, size_t nbytes) noexcept;

  memory::Stats stats() const;
  void reset_peak();
  /// Gives cached blocks back to the driver.
  void trim();
  /// Limits live + cached bytes; 0 restores the default, the device's memory.
  void set_cap(size_t bytes);

private:
  Address take(int c, size_t nbytes);
  void release_all();

  Device device_;
  Backend& backend_;
  std::mutex& mutex_;
  std::function<void()> settle_;
  std::array<std::vector<Address>, kSizeClasses> bins_;
  size_t live_ = 0, peak_ = 0, held_ = 0, cap_;
};

} // namespace weft::device

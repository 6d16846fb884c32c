// OpenCL by dlopen: finds a device, compiles device C with its driver, runs kernels over host
// memory.
#pragma once

#include "codegen/gpu/launch.h"

#include <cstddef>
#include <memory>
#include <span>
#include <string>

namespace weft::gpu::opencl {

struct DeviceState; // context and queue
struct ProgramState;

class ClDevice {
public:
  /// Returns the device that the constructor finds, opened once.
  static ClDevice& get();

  /// Opens the first GPU, or else the first device of any kind. Throws Error (unsupported) where
  /// the loader, a driver or a device is missing.
  explicit ClDevice(const std::string& loader = "libOpenCL.so.1");

  const std::string& name() const { return name_; }
  /// Doubles exist.
  bool has_f64() const { return has_f64_; }
  /// f32 division and square root are correctly rounded, so that they have the same bits as on a
  /// CPU.
  bool exact_division() const { return exact_division_; }
  /// f32 denormal numbers are not flushed to zero.
  bool has_denormals() const { return has_denormals_; }

private:
  friend class ClProgram;
  std::shared_ptr<DeviceState> state_;
  std::string name_;
  bool has_f64_ = false, exact_division_ = false, has_denormals_ = false;
};

class ClProgram {
public:
  /// Compiles a source. Throws Error (unsupported) with the driver's log.
  ClProgram(ClDevice& device, const std::string& source);

  /// Copies the buffers to the device, launches, copies them back. `arguments` hold the scalars and
  /// sizes in order, 8 bytes each (launch.h). Returns the error word.
  uint32_t run(const Launch& launch, std::span<const std::span<std::byte>> buffers,
               std::span<const int64_t> arguments);

private:
  std::shared_ptr<ProgramState> state_;
};

} // namespace weft::gpu::opencl

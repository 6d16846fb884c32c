// DeviceBackend: what a device must do for the runtime: memory, copies, driver programs, launches,
// events. One implementation a driver (opencl_backend.cpp, cuda_backend.cpp); nothing above it
// knows which.
#pragma once

#include "weft/device.h"

#include <memory>
#include <optional>
#include <span>
#include <string>

namespace weft::device {

/// Where memory of a device begins, as a number: the host never reads through it, but counts with
/// it as with a pointer. Of a driver without addresses the backend hands out numbers of its own.
using Address = char*;

/// An argument of a kernel, in the order of its parameters.
struct Argument {
  /// buffer: an address, as a kernel's view of memory; pointer: an address where an allocation
  /// begins, or none; word, half_word: 8 and 4 bytes.
  enum class Kind : uint8_t { buffer, pointer, word, half_word };
  Kind kind = Kind::word;
  uint64_t bits = 0;

  static Argument buffer(Address a) { return {Kind::buffer, reinterpret_cast<uint64_t>(a)}; }
  static Argument pointer(Address a) { return {Kind::pointer, reinterpret_cast<uint64_t>(a)}; }
  static Argument word(uint64_t bits) { return {Kind::word, bits}; }
  static Argument half_word(uint32_t bits) { return {Kind::half_word, bits}; }
};

/// A function of a module, as its driver knows it.
class Kernel {
public:
  virtual ~Kernel() = default;
};

/// A driver program: the kernels of one source.
class Module {
public:
  virtual ~Module() = default;
  /// Returns a kernel, which lives as long as the module. Throws Error (io) where there is none.
  virtual Kernel& kernel(const std::string& name) = 0;
  /// Returns what load() makes the module from again, or nothing where the driver has no such form.
  virtual std::string binary() = 0;
};

/// A point in the queue.
class Event {
public:
  virtual ~Event() = default;
  /// Waits until everything that was enqueued before it is done.
  virtual void wait() = 0;
  virtual bool is_done() = 0;
};

/// Tells when a launch ran.
class LaunchClock {
public:
  struct Times {
    uint64_t start, end; // nanoseconds of profile::now(), as near as the driver tells
  };
  virtual ~LaunchClock() = default;
  virtual bool is_done() = 0;
  /// Returns the times of a launch that is done; nothing where it failed.
  virtual std::optional<Times> times() = 0;
};

/// One device. Everything that is enqueued runs in order; only events and copies out make the host
/// wait. Calls must not overlap, but for waiting and Module::binary(). What the driver refuses is
/// an Error (out_of_memory, unsupported or internal) without a line.
class Backend {
public:
  virtual ~Backend() = default;
  virtual const DeviceInfo& info() const = 0;
  /// The language of its sources: "opencl" or "cuda", as the compiler's option `device` names it.
  virtual const char* language() const = 0;

  /// Returns memory, or none where there is too little. The driver may find out only at its use.
  virtual Address allocate(size_t nbytes) = 0;
  /// Gives memory back once all that is enqueued is done.
  virtual void free(Address memory) noexcept = 0;

  /// Enqueues a copy from the host, which may overwrite `from` at once.
  virtual void copy_in(Address to, const void* from, size_t nbytes) = 0;
  /// Enqueues a copy to the host: `to` is written once the event was waited for or said that it is
  /// done; until then it must live.
  virtual std::unique_ptr<Event> copy_out(void* to, Address from, size_t nbytes) = 0;
  virtual void copy_within(Address to, const char* from, size_t nbytes) = 0;

  /// Compiles a source. Throws Error (internal) with the driver's log.
  virtual std::shared_ptr<Module> build(const std::string& source) = 0;
  /// Makes a module of a binary; null where the driver does not take it.
  virtual std::shared_ptr<Module> load(const std::string& binary) = 0;
  /// Enqueues a kernel over `blocks` blocks of `threads` threads.
  virtual void launch(Kernel& kernel, int64_t blocks, int threads,
                      std::span<const Argument> arguments) = 0;
  /// The same, with a clock.
  virtual std::unique_ptr<LaunchClock> launch_timed(Kernel& kernel, int64_t blocks, int threads,
                                                    std::span<const Argument> arguments) = 0;

  virtual std::unique_ptr<Event> record() = 0;
};

/// Opens a device of OpenCL. Throws Error (unsupported) where the loader, a driver or the device is
/// missing.
std::unique_ptr<Backend> open_opencl(int index, const std::string& loader = "libOpenCL.so.1");

/// Opens a GPU by NVIDIA's driver API. Throws Error (unsupported) where the driver, the GPU or
/// NVRTC, which compiles its kernels, is missing.
std::unique_ptr<Backend> open_cuda(int index, const std::string& driver = "libcuda.so.1");

} // namespace weft::device

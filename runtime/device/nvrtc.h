// NVIDIA's run-time compiler: CUDA C to the machine code of one architecture. Found by dlopen, so
// that nothing depends on a CUDA installation; compiling needs no GPU.
#pragma once

#include <memory>
#include <string>
#include <vector>

namespace weft::device {

class Nvrtc {
public:
  /// Returns the library, loaded once from where toolkits put it. Throws as the constructor does.
  static const Nvrtc& get();

  /// Loads the first library of some paths that has what is needed. Throws Error (unsupported) that
  /// says where it was looked for.
  explicit Nvrtc(const std::vector<std::string>& paths);

  /// Compiles a source and returns the cubin of an architecture such as "sm_80", or PTX where it is
  /// one of PTX, such as "compute_80". IEEE arithmetic: no contraction, denormal numbers, exact
  /// division and square root. Throws Error (internal) with the log.
  std::string compile(const std::string& source, const std::string& name,
                      const std::string& architecture) const;

  /// Returns what to compile for, given a device's compute capability as 90: its own machine code,
  /// or, where this library is older than the device, PTX, which the driver translates. Throws
  /// Error (unsupported) where the device is too old for this library.
  std::string architecture_for(int capability) const;

  /// The library's version, "13.0".
  const std::string& version() const { return version_; }

private:
  struct Functions;
  std::shared_ptr<const Functions> functions_;
  std::string version_;
};

} // namespace weft::device

// NVIDIA's run-time compiler: CUDA C to the machine code of one architecture. Found by dlopen, so
// that nothing depends on a CUDA installation; compiling needs no GPU.
#pragma once

#include <memory>
#include <string>
#include <vector>

namespace weft::gpu::cuda {

class Nvrtc {
public:
  /// Returns the library, loaded once from where toolkits put it. Throws as the constructor does.
  static const Nvrtc& get();

  /// Loads the first library of some paths that has what is needed. Throws Error (unsupported) that
  /// says where it was looked for.
  explicit Nvrtc(const std::vector<std::string>& paths);

  /// Compiles a source for an architecture such as "sm_80" and returns the cubin. IEEE arithmetic:
  /// no contraction, denormal numbers, exact division and square root. Throws Error with the log.
  std::string compile(const std::string& source, const std::string& name,
                      const std::string& architecture) const;

  /// The library's version, "13.0".
  const std::string& version() const { return version_; }

private:
  struct Functions;
  std::shared_ptr<const Functions> functions_;
  std::string version_;
};

} // namespace weft::gpu::cuda

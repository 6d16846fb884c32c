#include "test/unit/device_util.h"

#include <cstdio>
#include <cstdlib>
#include <filesystem>

// What drivers never free is not for the leak sanitizer to report.
extern "C" __attribute__((visibility("default"))) const char* __lsan_default_suppressions() {
  return "leak:libpocl\nleak:libLLVM\nleak:libOpenCL\n";
}

namespace weft::test {

Device test_device() {
  const char* named = std::getenv("WEFT_TEST_DEVICE");
  static const Device device = device_named(named ? named : "opencl");
  static const bool is_there = [] {
    // PoCL finds no device where the folder for its cache cannot be made in one step.
    std::error_code ignored;
    if (const char* cache = std::getenv("XDG_CACHE_HOME"))
      std::filesystem::create_directories(cache, ignored);
    try {
      device_info(device);
      return true;
    } catch (const Error& e) {
      std::printf("SKIPPED: %s\n", e.what());
      return false;
    }
  }();
  if (!is_there) std::exit(0);
  return device;
}

} // namespace weft::test

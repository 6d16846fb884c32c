// NVRTC's door: what it says about a broken source and an unknown architecture.
#include "runtime/device/nvrtc.h"
#include "weft/error.h"

#include <catch2/catch.hpp>

#include <cstdio>

using namespace weft;

namespace {

/// Returns the library, or null after a line that tells CTest why the test is skipped.
const device::Nvrtc* library() {
  try {
    const device::Nvrtc& nvrtc = device::Nvrtc::get();
    std::printf("nvrtc %s\n", nvrtc.version().c_str());
    return &nvrtc;
  } catch (const Error& error) {
    std::printf("SKIPPED: %s\n", error.what());
    REQUIRE(error.kind() == ErrorKind::unsupported);
    REQUIRE(std::string(error.what())
                .starts_with("cuda: libnvrtc of the CUDA toolkit must be installed"));
    return nullptr;
  }
}

} // namespace

TEST_CASE("a missing NVRTC is one clear error that says where it was looked for", "[device]") {
  try {
    device::Nvrtc nvrtc({"/nowhere/libnvrtc.so", "libc.so.6"});
    FAIL("loaded");
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::unsupported);
    CHECK(std::string(error.what()) == "cuda: libnvrtc of the CUDA toolkit must be installed, or "
                                       "CUDA_HOME name its folder, got none of "
                                       "/nowhere/libnvrtc.so, libc.so.6 without nvrtcVersion");
  }
}

TEST_CASE("a CUDA source that does not compile gives the compiler's log", "[device]") {
  const device::Nvrtc* nvrtc = library();
  if (!nvrtc) return;
  auto fails = [&](const char* source, const char* architecture) -> std::string {
    try {
      nvrtc->compile(source, "broken.cu", architecture);
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  };
  CHECK_THAT(fails("__global__ void k() { no_such_name(); }", "sm_80"),
             Catch::StartsWith("cuda: broken.cu must compile for sm_80, got ") &&
                 Catch::Contains("no_such_name"));
  CHECK_THAT(fails("__global__ void k() {}", "sm_1"),
             Catch::StartsWith("cuda: broken.cu must compile for sm_1, got "));
}

TEST_CASE("a device that is newer than NVRTC gets PTX, one that is too old an error", "[device]") {
  const device::Nvrtc* nvrtc = library();
  if (!nvrtc) return;
  CHECK(nvrtc->architecture_for(90) == "sm_90");
  const std::string newer = nvrtc->architecture_for(9999);
  CHECK(newer.starts_with("compute_"));
  const std::string ptx = nvrtc->compile("extern \"C\" __global__ void k() {}", "k.cu", newer);
  CHECK(ptx.find(".version") != std::string::npos);
  CHECK(ptx.find(".entry k") != std::string::npos);
  CHECK_THROWS_WITH(nvrtc->architecture_for(13),
                    Catch::StartsWith("cuda: a CUDA toolkit must be installed that compiles for "
                                      "sm_13, got NVRTC "));
}

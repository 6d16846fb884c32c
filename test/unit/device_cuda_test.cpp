// NVRTC's door: what it says about a broken source and an unknown architecture.
#include "codegen/gpu/cuda/nvrtc.h"
#include "weft/error.h"

#include <catch2/catch.hpp>

#include <cstdio>

using namespace weft;

TEST_CASE("a missing NVRTC is one clear error that says where it was looked for", "[device]") {
  try {
    gpu::cuda::Nvrtc nvrtc({"/nowhere/libnvrtc.so", "libc.so.6"});
    FAIL("loaded");
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::unsupported);
    CHECK(std::string(error.what()) == "cuda: libnvrtc of the CUDA toolkit must be installed, or "
                                       "CUDA_HOME name its folder, got none of "
                                       "/nowhere/libnvrtc.so, libc.so.6 without nvrtcVersion");
  }
}

TEST_CASE("a CUDA source that does not compile gives the compiler's log", "[device]") {
  const gpu::cuda::Nvrtc* nvrtc = nullptr;
  try {
    nvrtc = &gpu::cuda::Nvrtc::get();
  } catch (const Error& error) {
    std::printf("SKIPPED: %s\n", error.what());
    REQUIRE(error.kind() == ErrorKind::unsupported);
    REQUIRE(std::string(error.what())
                .starts_with("cuda: libnvrtc of the CUDA toolkit must be installed"));
    return;
  }
  std::printf("nvrtc %s\n", nvrtc->version().c_str());
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

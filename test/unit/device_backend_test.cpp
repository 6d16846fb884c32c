// A device's door: what is missing, what a broken source says, and what its arithmetic is.
#include "test/unit/device_runner.h"
#include "test/unit/loom_harness.h"
#include "weft/error.h"

#include <catch2/catch.hpp>

#include <cstdio>

using namespace weft;
using namespace weft::test;

TEST_CASE("a missing OpenCL loader is one clear error", "[device]") {
  try {
    device::open_opencl(0, "libOpenCL-not-there.so.1");
    FAIL("opened");
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::unsupported);
    CHECK_THAT(error.what(),
               Catch::StartsWith("opencl: the loader must be installed (ocl-icd-libopencl1), got "
                                 "libOpenCL-not-there.so.1"));
  }
}

// Runs on its own, in an environment that names no driver: the loader reads it once.
TEST_CASE("a loader without drivers is one clear error", "[.no-driver]") {
  try {
    device::open_opencl(0);
    FAIL("opened");
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::unsupported);
    CHECK_THAT(error.what(), Catch::StartsWith("opencl: ") && Catch::Contains("must be installed"));
  }
}

TEST_CASE("a missing driver of NVIDIA is one clear error", "[device]") {
  auto refusal = [](const char* library) -> std::string {
    try {
      device::open_cuda(0, library);
    } catch (const Error& error) {
      CHECK(error.kind() == ErrorKind::unsupported);
      return error.what();
    }
    return "opened";
  };
  CHECK_THAT(refusal("libcuda-not-there.so.1"),
             Catch::StartsWith("cuda: NVIDIA's driver must be installed, which brings "
                               "libcuda.so.1, got libcuda-not-there.so.1"));
  CHECK(refusal("libc.so.6") == "cuda: libc.so.6 must be of CUDA 11 or later, got none of cuInit");
}

TEST_CASE("a source that does not compile gives the compiler's log", "[device]") {
  auto* device = kernelDevice();
  if (!device) return;
  try {
    device->build("int no kernel();");
    FAIL("compiled");
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::internal);
    CHECK_THAT(error.what(),
               Catch::StartsWith(std::string(device->language()) + ": a kernel must compile "));
    CHECK_THAT(error.what(), Catch::Contains("error"));
  }
}

TEST_CASE("a device that claims IEEE arithmetic has it, and PoCL does", "[device]") {
  auto* device = kernelDevice();
  if (!device) return;
  const DeviceInfo& info = device->info();
  std::printf("%s %s\n", device->language(), info.name.c_str());
  const char* text =
      R"(loom.kernel @k(%x: !loom.buffer<T>, %d: !loom.buffer<T>, %r: !loom.buffer<T>, %p: !loom.buffer<T>, %f: !loom.buffer<T>, %s: !loom.buffer<T>) {
    loom.part [#loom.axis<"i", 61>, #loom.axis<"j", 61>] {
    ^bb0(%i: index, %j: index):
      %a = loom.load %x[affine_map<(i) -> (i)>](%i) : !loom.buffer<T>
      %b = loom.load %x[affine_map<(j) -> (j)>](%j) : !loom.buffer<T>
      %quotient = arith.divf %a, %b : T
      %root = math.sqrt %a : T
      %tiny = arith.constant $SMALL : T
      %down = arith.mulf %quotient, %tiny : T
      %fused = math.fma %a, %b, %quotient : T
      %product = arith.mulf %a, %b : T
      %plain = arith.addf %product, %quotient : T
      loom.store %quotient, %d[affine_map<(i, j) -> (i * 61 + j)>](%i, %j) : !loom.buffer<T>
      loom.store %root, %r[affine_map<(i, j) -> (i * 61 + j)>](%i, %j) : !loom.buffer<T>
      loom.store %down, %s[affine_map<(i, j) -> (i * 61 + j)>](%i, %j) : !loom.buffer<T>
      loom.store %fused, %f[affine_map<(i, j) -> (i * 61 + j)>](%i, %j) : !loom.buffer<T>
      loom.store %plain, %p[affine_map<(i, j) -> (i * 61 + j)>](%i, %j) : !loom.buffer<T>
    }
  })";
  for (std::string type : {"f32", "f64"}) {
    if (type == "f64" && !info.has_f64) continue;
    std::string typed = text;
    auto replace = [&](const std::string& from, const std::string& to) {
      for (size_t at; (at = typed.find(from)) != std::string::npos;)
        typed.replace(at, from.size(), to);
    };
    replace("<T>", "<" + type + ">");
    replace(": T\n", ": " + type + "\n");
    // Products with it are denormal.
    replace("$SMALL", type == "f32" ? "1.0e-38" : "1.0e-308");
    LoomOutcome outcome =
        runBoth({typed,
                 {{type, 61}, {type, 3721}, {type, 3721}, {type, 3721}, {type, 3721}, {type, 3721}},
                 {}});
    if (info.exact_division && info.has_denormals) CHECK(outcome.difference == "");
  }
  if (info.driver.find("Portable") != std::string::npos) {
    CHECK(info.exact_division);
    CHECK(info.has_denormals);
  }
}

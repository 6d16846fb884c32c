// What a profiler sees of a device: when its kernels ran, in a row of the trace of its own.
#include "test/unit/device_util.h"

#include "weft/compile.h"
#include "weft/profiler.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace weft;
using namespace weft::test;
using Catch::Matchers::Contains;
using Json = nlohmann::json;

namespace {

/// The kernels in the row of the device, in the trace's order.
std::vector<Json> kernels_of(const Json& trace, Device device) {
  int64_t row = -1;
  for (const Json& e : trace.at("traceEvents"))
    if (e["name"] == "thread_name" && e["args"]["name"] == name_of(device)) row = e["tid"];
  std::vector<Json> found;
  for (const Json& e : trace.at("traceEvents"))
    if (e.value("cat", "") == "kernel" && e["tid"] == row) found.push_back(e);
  return found;
}

double end_of(const Json& event) { return event["ts"].get<double>() + event["dur"].get<double>(); }

} // namespace

TEST_CASE("a device's kernels are events of its own row", "[device][profiler]") {
  Device device = test_device();
  Tensor x = ones({1 << 16}).to(device);
  Profiler profiler;
  Tensor y = exp(x);
  int at = __LINE__ - 1;
  Tensor z = y.sum();
  const float sum = z.item<float>();
  CHECK(sum > 0);
  Tensor unseen = x * 2; // nobody waits for it
  Json trace = Json::parse(profiler.chrome_trace());
  std::vector<Json> kernels = kernels_of(trace, device);
  REQUIRE(kernels.size() >= 3);
  CHECK_THAT(kernels.front()["args"]["ops"].get<std::string>(), Contains("exp"));
  CHECK(kernels.front()["args"]["line"] == std::string(__FILE__) + ":" + std::to_string(at));
  CHECK_THAT(kernels.back()["args"]["ops"].get<std::string>(), Contains("mul"));
  const double rounding = 0.002; // of two times in a file of nanoseconds
  for (size_t k = 0; k < kernels.size(); k++) {
    CHECK(kernels[k]["dur"].get<double>() > 0);
    if (k) CHECK(kernels[k]["ts"].get<double>() + rounding >= end_of(kernels[k - 1]));
  }
  // A kernel runs after its op was called.
  for (const Json& e : trace["traceEvents"])
    if (e["name"] == "exp" && e["cat"] == "cpu_op")
      CHECK(kernels.front()["ts"].get<double>() >= e["ts"].get<double>());
}

TEST_CASE("kernels of a compiled function on a device are events", "[device][profiler]") {
  Device device = test_device();
  Tensor x = ones({64, 32}).to(device);
  auto f = compile([&] { return (exp(x) * 2).sum({1}); });
  for (int k = 0; k < 2; k++)
    f();
  synchronize(device);
  Profiler profiler;
  Tensor y = f();
  Json trace = Json::parse(profiler.chrome_trace());
  std::vector<Json> kernels = kernels_of(trace, device);
  REQUIRE(kernels.size() == 1);
  CHECK_THAT(kernels[0]["args"]["ops"].get<std::string>(), Contains("exp") && Contains("sum"));
  std::vector<ProfilerRow> rows = profiler.key_averages();
  CHECK(std::any_of(rows.begin(), rows.end(), [](const ProfilerRow& r) {
    return r.kind == "kernel" && r.calls == 1 && r.total_ms > 0;
  }));
}

TEST_CASE("a profiler within another sees its own kernels", "[device][profiler]") {
  Device device = test_device();
  Tensor x = ones({1024}).to(device);
  Profiler outer;
  Tensor a = exp(x);
  std::vector<Json> inside;
  synchronize(device);
  {
    Profiler inner;
    Tensor b = log(a);
    inside = kernels_of(Json::parse(inner.chrome_trace()), device);
  }
  REQUIRE(inside.size() == 1);
  CHECK_THAT(inside[0]["args"]["ops"].get<std::string>(), Contains("log"));
  CHECK(kernels_of(Json::parse(outer.chrome_trace()), device).size() == 2);
}

// Compiled regions over tensors of a device: followed, launched and flushed as on the CPU.
#include "region_util.h"

#include "test/unit/device_util.h"

using namespace region_test;
using weft::test::test_device;
namespace test = weft::test;

namespace {

/// Runs a body over tensors of the CPU eagerly and over the same on a device through one compiled
/// object; sizes and values change from call to call.
template <class Body> RegionStats compare_devices(Body body, int calls, double tolerance) {
  Device device = test_device();
  auto compiled = compile(body);
  for (int k = 0; k < calls; k++) {
    INFO("call " << k);
    Tensor x = ramp({3 + k / 3, 8}, k), y = ramp({8, 5}, -k);
    Tensor got = compiled(x.to(device), y.to(device));
    CHECK(got.device() == device);
    require_equal(got, body(x, y), tolerance);
  }
  INFO(compiled.explain());
  return compiled.stats();
}

} // namespace

TEST_CASE("a region on a device is one program of fused kernels", "[device]") {
  RegionStats s = compare_devices(
      [](const Tensor& x, const Tensor& y) {
        return exp(x * 2 - 1).sum(0) + y.permute({1, 0}).sum(0);
      },
      6, 1e-6);
  CHECK(s.divergences == 0);
  CHECK(s.eager_segments == 0);
  CHECK(s.programs == 2); // for the recorded sizes, and for any
}

TEST_CASE("matrix products, softmax and views on a device", "[device]") {
  RegionStats s = compare_devices(
      [](const Tensor& x, const Tensor& y) {
        Tensor p = softmax(matmul(gelu(x), y), 1);
        return concatenate({p.slice(1, 0, 2), layer_norm(p, {5})}, 1);
      },
      4, 1e-5);
  CHECK(s.eager_segments == 0);
}

TEST_CASE("products whose tiles are large, with an end, on a device", "[device]") {
  Device device = test_device();
  auto body = [](const Tensor& x, const Tensor& y) { return gelu(matmul(x, y) / 8 + 1); };
  for (auto [batch, m, n] : {std::tuple(256, 128, 128), std::tuple(128, 128, 64),
                             std::tuple(128, 64, 128), std::tuple(256, 60, 50)})
    for (DType dtype : m == 60 ? std::vector{f32, f16} : std::vector{f32}) {
      INFO("batch " << batch << " m " << m << " n " << n << " " << name_of(dtype));
      manual_seed(7);
      Tensor x = randn({batch, m, 12}).to(dtype), y = randn({batch, 12, n}).to(dtype);
      auto compiled = compile(body);
      Tensor got = compiled(x.to(device), y.to(device)).to(Device::cpu());
      double off = abs(got.to(f32) - body(x, y).to(f32)).max().item<double>();
      CHECK(off <= (dtype == f32 ? 1e-5 : 4e-3));
      CHECK(compiled.stats().eager_segments == 0);
    }
}

namespace {

/// Runs a body of a device's tensors that must be cut in pieces, which a second kernel joins.
void check_pieces(auto body, const auto&... inputs) {
  Device device = test_device();
  auto compiled = compile(body);
  for (int k = 0; k < 3; k++) {
    Tensor got = compiled(inputs.to(device)...).to(Device::cpu()), want = body(inputs...);
    CHECK(abs(got - want).max().template item<double>() <=
          2e-5 * abs(want).max().template item<double>());
  }
  CHECK(compiled.explain().find("finish_reduce") != std::string::npos);
}

} // namespace

TEST_CASE("products with few tiles and a long inner axis are cut in pieces on a device",
          "[device]") {
  manual_seed(11);
  check_pieces([](const Tensor& x, const Tensor& y) { return relu(matmul(x, y) + 1); },
               randn({33, 4096}), randn({4096, 20}));
  check_pieces(
      [](const Tensor& x, const Tensor& y) {
        return matmul(x.permute({1, 0}), y) * 2;
      },
      randn({6000, 17}), randn({2, 6000, 24}));
  check_pieces([](const Tensor& x, const Tensor& y) { return relu(conv2d(x, y, {}, 2, 1)) + 1; },
               randn({2, 192, 14, 14}), randn({64, 192, 3, 3}));
  check_pieces([](const Tensor& x, const Tensor& y) { return conv1d(x, y); }, randn({1, 256, 40}),
               randn({48, 256, 5}));
}

TEST_CASE("columns, and few rows, are folded in pieces on a device", "[device]") {
  manual_seed(12);
  auto folds = [](int64_t dim) {
    return [=](const Tensor& x) { return sum(exp(x), dim) + amax(x, dim) - mean(x * 2, dim); };
  };
  check_pieces(folds(0), randn({4096, 48}));
  check_pieces(folds(0), randn({3000, 200})); // 64 pieces would not do
  check_pieces(folds(0), randn({700, 3, 40}));
  check_pieces(folds(1), randn({12, 50000}));
}

TEST_CASE("products and sums of no elements are 0 on a device", "[device]") {
  Device device = test_device();
  for (DType dtype : {f32, i64}) {
    INFO(name_of(dtype));
    auto compiled = compile([](const Tensor& x) { return dot(x, x) + sum(x * 2); });
    Tensor x = zeros({0}, dtype, device);
    for (int k = 0; k < 3; k++)
      CHECK(compiled(x).to(f32).item<float>() == 0);
  }
}

TEST_CASE("the host may read and branch on a device's values", "[device]") {
  RegionStats s = compare_devices(
      [](const Tensor& x, const Tensor& y) {
        Tensor total = x.sum();
        return total.item<float>() > 30 ? y * total : y - total;
      },
      6, 1e-5);
  CHECK(s.calls == 6);
}

TEST_CASE("pointwise chains have the bits of the CPU", "[device]") {
  compare_devices(
      [](const Tensor& x, const Tensor& y) {
        return (tanh(x) * sigmoid(x) + sqrt(abs(x)) / 3).slice(1, 0, 5) * y.slice(0, 0, 1);
      },
      4, 0);
}

TEST_CASE("ops in place on what a region is given", "[device]") {
  Device device = test_device();
  Tensor a = zeros({4}, f32, device), b = zeros({4});
  auto body = [](Tensor& t, float by) {
    t.add_(by);
    t.slice(0, 0, 4, 2).mul_(2);
  };
  auto compiled = compile(body);
  for (int k = 1; k < 5; k++) {
    compiled(a, static_cast<float>(k));
    body(b, static_cast<float>(k));
    require_equal(a, b);
  }
  CHECK(compiled.stats().programs == 1);
}

TEST_CASE("a device is part of a path: other operands are another one", "[device]") {
  Device device = test_device();
  auto f = compile([](const Tensor& x) { return x * 2 + 1; });
  Tensor host = tensor({1.f, 2.f});
  for (int k = 0; k < 3; k++) {
    require_equal(f(host), host * 2 + 1);
    require_equal(f(host.to(device)), host * 2 + 1);
  }
  CHECK(f(host.to(device)).device() == device);
  CHECK(f.stats().segments == 2);
}

TEST_CASE("a region over several devices runs op by op", "[device]") {
  Device device = test_device();
  auto f = compile([&](const Tensor& x, const Tensor& y) {
    Tensor a = x * 2, b = y * 3;
    return a.sum() * b; // without dims: it may join
  });
  Tensor x = tensor({1.f, 2.f}), y = tensor({3.f, 4.f}).to(device);
  for (int k = 0; k < 3; k++)
    CHECK(f(x, y).to_vector<float>() == std::vector<float>{54, 72});
  CHECK_THAT(f.explain(), Catch::Contains("its tensors lie on more than one device"));
}

TEST_CASE("moves inside a region", "[device]") {
  Device device = test_device();
  auto f = compile([&](const Tensor& x) {
    Tensor there = (x + 1).to(device);
    return (there * there).to(Device::cpu()) - 1;
  });
  Tensor x = tensor({1.f, 2.f});
  for (int k = 0; k < 3; k++)
    CHECK(f(x).to_vector<float>() == std::vector<float>{3, 8});
}

namespace {

struct Net : nn::Module {
  nn::Linear up = child("up", nn::Linear(6, 16)), down = child("down", nn::Linear(16, 3));
  Tensor forward(const Tensor& x) override { return down(gelu(up(x))); }
};

std::vector<double> losses(Device device, bool compiled, bool whole_step) {
  manual_seed(11);
  Net net;
  net.to(device);
  optim::AdamW opt(net.parameters(), {.lr = 1e-2});
  auto body = [&](const Tensor& x, const Tensor& y) {
    opt.zero_grad();
    Tensor loss = cross_entropy(net(x), y);
    loss.backward();
    opt.step();
    return loss;
  };
  auto step = compile(body);
  if (compiled && !whole_step) net.compile();
  std::vector<double> out;
  for (int k = 0; k < 6; k++) {
    Tensor x = ramp({9, 6}, 0.1 * k).to(device), y = test::classes(9, 3).to(device);
    Tensor loss = compiled && whole_step ? step(x, y) : body(x, y);
    out.push_back(loss.item<double>());
  }
  if (compiled && whole_step) {
    INFO(step.explain());
    CHECK(step.stats().divergences <= 1);
    CHECK(step.stats().programs >= 1);
  }
  for (const Tensor& p : net.parameters())
    for (double v : p.to_vector<double>())
      out.push_back(v);
  return out;
}

} // namespace

TEST_CASE("a compiled train step on a device is that of the CPU", "[device]") {
  std::vector<double> want = losses(Device::cpu(), false, false);
  for (bool whole_step : {true, false}) {
    std::vector<double> got = losses(test_device(), true, whole_step);
    REQUIRE(got.size() == want.size());
    for (size_t k = 0; k < got.size(); k++) {
      INFO("value " << k << " whole " << whole_step);
      CHECK(std::abs(got[k] - want[k]) <= 1e-4 * (1 + std::abs(want[k])));
    }
  }
}

TEST_CASE("pure functions on a device", "[device]") {
  const Device device = test_device();
  CompileOptions options;
  options.pure = true;
  options.pure_check = 0;
  auto scale = [](const Tensor& x, const Tensor& by) { return x * by + 1; };
  auto f = compile(scale, options);
  for (int k = 0; k < 6; k++) { // a number of the CPU joins
    Tensor x = ramp({4}, k), by = tensor(2.0f + static_cast<float>(k));
    Tensor got = f(x.to(device), by);
    CHECK(got.device() == device);
    require_equal(got, scale(x, by), 1e-6);
    require_equal(f(x, by), scale(x, by));
  }
  CHECK(f.stats().pure_calls > 4);
  auto fresh = compile([] { return zeros({3}) + 1; }, options);
  for (int k = 0; k < 4; k++) {
    CHECK(fresh().device() == Device::cpu());
    DeviceScope scope(device);
    CHECK(fresh().device() == device);
  }
  CHECK(fresh.stats().pure_calls == 4);
}

// What a device walks through itself instead of asking the host: scatters of known sizes, and sums
// and products so far. Scatters have the processor's bits, whatever positions are equal.
#include "region_util.h"

#include "test/unit/device_util.h"

using namespace region_test;
using weft::test::classes;
using weft::test::test_device;

namespace {

Tensor on_cpu(const Tensor& t) { return t.to(Device::cpu()); }

void require_close(const Tensor& got, const Tensor& want, double tolerance) {
  REQUIRE(got.shape() == want.shape());
  REQUIRE(got.dtype() == want.dtype());
  const Tensor a = got.to(f64), b = want.to(f64);
  REQUIRE(abs(a - b).max().item<double>() <= tolerance * abs(b).max().item<double>());
}

/// Runs a body on the processor eagerly and on a device compiled, where no routine may be left.
void check_walks(auto body, double tolerance, const auto&... inputs) {
  Device device = test_device();
  auto compiled = compile(body);
  const Tensor want = body(inputs...);
  for (int k = 0; k < 3; k++) {
    Tensor got = on_cpu(compiled(inputs.to(device)...));
    require_close(got, want, tolerance);
  }
  INFO(compiled.explain());
  CHECK(compiled.stats().eager_segments == 0);
  CHECK(compiled.explain().find("on the CPU") == std::string::npos);
}

} // namespace

TEST_CASE("scatters on a device meet equal positions in their order", "[device]") {
  manual_seed(11);
  for (DType dtype : {f32, bf16, i32, DType::boolean}) {
    INFO(name_of(dtype));
    Tensor x = randn({40, 17}).to(dtype), src = (randn({300, 17}) * 3).to(dtype);
    Tensor rows = classes(300, 23) * 7 % 40; // many of each, some of none
    check_walks(
        [](const Tensor& a, const Tensor& i, const Tensor& s) { return index_add(a, 0, i, s); }, 0,
        x, rows, src);
    if (dtype != f32) continue;
    auto expanded = [](const Tensor& index) { return index.unsqueeze(1).expand({300, 17}); };
    check_walks([&](const Tensor& a, const Tensor& i,
                    const Tensor& s) { return scatter(a, 0, expanded(i), s); },
                0, x, rows, src);
    for (const char* reduce : {"prod", "amax", "amin"})
      check_walks([&](const Tensor& a, const Tensor& i,
                      const Tensor& s) { return scatter_reduce(a, 0, expanded(i), s, reduce); },
                  0, x, rows, src);
  }
}

TEST_CASE("lines with positions of their own, along the last dim", "[device]") {
  manual_seed(12);
  Tensor x = zeros({9, 31}), src = randn({9, 12});
  Tensor places = (uniform({9, 12}) * 31).to(i64);
  check_walks(
      [](const Tensor& a, const Tensor& i, const Tensor& s) { return scatter_add(a, 1, i, s); }, 0,
      x, places, src);
  check_walks(
      [](const Tensor& a, const Tensor& i, const Tensor& s) { return scatter(a, 1, i, s) + 1; }, 0,
      x, places, src);
  // A window of the target, and one position.
  check_walks(
      [](const Tensor& a, const Tensor& i, const Tensor& s) {
        return scatter(a, 1, i.slice(0, 2, 5).slice(1, 0, 1), s.slice(0, 0, 3).slice(1, 0, 1));
      },
      0, x, places, src);
}

TEST_CASE("gradients of an embedding on a device", "[device]") {
  manual_seed(13);
  Tensor table = randn({50, 24}), tokens = classes(200, 13) * 3;
  check_walks(
      [](const Tensor& t, const Tensor& i) {
        Tensor w = t.detach().requires_grad_();
        (embedding(i, w) * embedding(i, w)).sum().backward();
        return w.grad();
      },
      1e-5, table, tokens);
}

TEST_CASE("a cache of a device is written where it lies", "[device]") {
  Device device = test_device();
  Tensor cache = zeros({2, 16, 8}).to(device), want = zeros({2, 16, 8});
  auto append = compile([](Tensor& c, const Tensor& at, const Tensor& line) {
    c.index_copy_(1, at, line);
    return c.sum(1);
  });
  for (int64_t k = 0; k < 6; k++) {
    Tensor line = full({2, 1, 8}, double(k + 1)), at = tensor({k * 2});
    Tensor got = append(cache, at.to(device), line.to(device));
    want.index_copy_(1, at, line);
    require_close(on_cpu(got), want.sum(1), 1e-6);
  }
  require_close(on_cpu(cache), want, 0);
  CHECK(append.stats().eager_segments == 0);
}

TEST_CASE("a position out of range on a device is refused and leaves the target", "[device]") {
  Device device = test_device();
  Tensor x = zeros({4}).to(device);
  auto put = compile([](Tensor& a, const Tensor& i, const Tensor& s) {
    a.index_add_(0, i, s);
    return a * 2;
  });
  auto call = [&](int64_t at) {
    return on_cpu(put(x, tensor({int64_t{1}, at}).to(device), ones({2}).to(device)));
  };
  for (int k = 0; k < 3; k++)
    call(2);
  CHECK_THROWS_AS(call(4), Error);
  require_close(on_cpu(x), tensor({0.f, 3.f, 3.f, 0.f}), 0);
}

TEST_CASE("sums and products so far on a device", "[device]") {
  manual_seed(14);
  Tensor x = randn({5, 700}) * 0.1 + 1;
  auto sums = [](int dim) { return [dim](const Tensor& a) { return cumsum(a, dim); }; };
  check_walks(sums(1), 1e-6, x);
  check_walks(sums(0), 1e-6, x);
  check_walks(sums(0), 1e-6, randn({1000, 64}));
  check_walks(sums(0), 1e-5, randn({100000})); // one line in many pieces
  check_walks(sums(1), 1e-6, randn({6, 3}));
  check_walks(sums(2), 0, classes(2 * 3 * 130, 90).reshape({2, 3, 130}));
  check_walks(sums(1), 1e-2, x.to(bf16));
  check_walks([](const Tensor& a) { return cumsum(a.permute({1, 0}), 1); }, 1e-6, randn({300, 7}));
  check_walks([](const Tensor& a) { return cumprod(a, 1); }, 1e-5, x);
  check_walks(
      [](const Tensor& a) { // a scan from the end
        Tensor w = a.detach().requires_grad_();
        (cumsum(w, 1) * 2).sum().backward();
        return w.grad();
      },
      1e-6, x);
}

TEST_CASE("an eager sum so far runs on the device, whatever its sizes", "[device]") {
  Device device = test_device();
  for (int64_t n : {1, 2, 33, 129, 5000})
    for (int64_t lines : {1, 3, 200}) {
      INFO(lines << " lines of " << n);
      Tensor x = randn({lines, n});
      require_close(on_cpu(cumsum(x.to(device), 1)), cumsum(x, 1), 2e-6);
      require_close(on_cpu(cumsum(x.to(device), 0)), cumsum(x, 0), 2e-6);
    }
}

// Random numbers: the stream is a function of seed, op number and element.

#include "kernels/philox.h"
#include "weft/weft.h"

#include <catch2/catch.hpp>

#include <cmath>
#include <thread>

using namespace weft;

TEST_CASE("the same seed gives the same stream") {
  manual_seed(42);
  Tensor a = rand({100}), b = randn({50});
  manual_seed(42);
  CHECK(rand({100}).to_vector<float>() == a.to_vector<float>());
  CHECK(randn({50}).to_vector<float>() == b.to_vector<float>());
  CHECK(rand({100}).to_vector<float>() != a.to_vector<float>());
  manual_seed(43);
  CHECK(rand({100}).to_vector<float>() != a.to_vector<float>());
}

TEST_CASE("elements are those of the documented mapping") {
  Generator g(0x123456789);
  g.set_counter(7);
  std::vector<float> v = uniform(g, {5}, 2, 4).to_vector<float>();
  for (uint64_t k = 0; k < 5; k++) {
    float u = static_cast<float>(kernels::philox(0x123456789, 7, k)[0] >> 8) * 0x1p-24f;
    CHECK(v[k] == 2.0f + 2.0f * u);
  }
  CHECK(g.counter() == 8);
}

TEST_CASE("a prefix of a longer tensor has the same numbers, on any number of threads") {
  Generator a(1), b(1);
  std::vector<float> longer = normal(a, {100000}).to_vector<float>();
  set_num_threads(1);
  std::vector<float> shorter = normal(b, {1000}).to_vector<float>();
  set_num_threads(0);
  longer.resize(1000);
  CHECK(longer == shorter);
}

TEST_CASE("moments are right") {
  Generator g(5);
  constexpr int64_t n = 200000;
  for (DType dtype : {f32, f64}) {
    Tensor u = uniform(g, {n}, -1, 3, dtype).to(f64), z = normal(g, {n}, 2, 3, dtype).to(f64);
    CHECK(mean(u).item<double>() == Approx(1).margin(0.02));
    CHECK(mean((u - 1) * (u - 1)).item<double>() == Approx(16.0 / 12).margin(0.02));
    CHECK(min(u).item<double>() >= -1);
    CHECK(max(u).item<double>() < 3);
    CHECK(mean(z).item<double>() == Approx(2).margin(0.03));
    CHECK(mean((z - 2) * (z - 2)).item<double>() == Approx(9).margin(0.15));
    double beyond = sum(((z - 2) > 3 * 1.959964).to(f64)).item<double>() / n;
    CHECK(beyond == Approx(0.025).margin(0.002));
    CHECK(std::isfinite(max(z).item<double>()));
  }
}

TEST_CASE("threads have streams of their own") {
  float a = 0, b = 0;
  std::thread([&] { a = rand({1}).item<float>(); }).join();
  std::thread([&] { b = rand({1}).item<float>(); }).join();
  CHECK(a != b);
}

TEST_CASE("a dtype that is not floating is refused") {
  CHECK_THROWS_WITH(rand({2}, i64),
                    Catch::StartsWith("uniform: the dtype must be one that the op has, got i64"));
}

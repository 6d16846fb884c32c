// Random numbers: the stream is a function of seed, op number and element.

#include "kernels/philox.h"
#include "weft/weft.h"

#include <catch2/catch.hpp>

#include <algorithm>
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

TEST_CASE("integers are spread evenly over their range") {
  manual_seed(3);
  constexpr int64_t n = 60000;
  Tensor x = randint(-2, 4, {n});
  CHECK(min(x).item<int64_t>() == -2);
  CHECK(max(x).item<int64_t>() == 3);
  for (double count : bincount(x + 2).to_vector<double>())
    CHECK(count / n == Approx(1.0 / 6).margin(0.01));
  CHECK(randint(int64_t{1} << 40, {8}, i64).to_vector<int64_t>()[0] > 1 << 20);
  CHECK(randint(3, {2, 0}, bf16).dtype() == bf16);
  CHECK_THROWS_WITH(randint(3, 3, {2}), Catch::StartsWith("randint: high must be above low"));
  CHECK_THROWS_WITH(randint(-1, std::numeric_limits<int64_t>::max(), {2}),
                    Catch::StartsWith("randint: high must be above low, by at most 2^53"));
  CHECK(sum(randint(2, {4000}, boolean)).item<double>() == Approx(2000).margin(150));
  CHECK_THROWS_WITH(randint(-1, 9, {2}, u8),
                    Catch::StartsWith("randint: the integers must be ones of u8, got -1 .. 8"));
}

TEST_CASE("a permutation has each number once, and each order is as likely") {
  manual_seed(4);
  std::vector<int64_t> p = randperm(1000).to_vector<int64_t>(), sorted = p;
  std::sort(sorted.begin(), sorted.end());
  for (int64_t k = 0; k < 1000; k++)
    CHECK(sorted[static_cast<size_t>(k)] == k);
  CHECK(p != sorted);
  int ascending = 0;
  for (int k = 0; k < 3000; k++)
    ascending += randperm(2)[0].item<int64_t>() == 0;
  CHECK(ascending / 3000.0 == Approx(0.5).margin(0.03));
  CHECK(randperm(0).numel() == 0);
  CHECK_THROWS_WITH(randperm(-1), Catch::StartsWith("randperm: n must not be negative"));
}

TEST_CASE("bernoulli has the probabilities given") {
  manual_seed(5);
  constexpr int64_t n = 40000;
  Tensor p = expand(tensor({0.f, 0.25f, 1.f}), {n, 3});
  std::vector<double> shares = mean(bernoulli(p), 0).to_vector<double>();
  CHECK(shares[0] == 0);
  CHECK(shares[1] == Approx(0.25).margin(0.01));
  CHECK(shares[2] == 1);
  CHECK(bernoulli(zeros({n}, i64), 0.75).dtype() == i64);
  CHECK(mean(bernoulli(zeros({n}), 0.75)).item<double>() == Approx(0.75).margin(0.01));
  Tensor x = zeros({2, 3}, u8);
  x.bernoulli_(tensor({0.f, 1.f, 0.f}));
  CHECK(x.to_vector<int64_t>() == std::vector<int64_t>{0, 1, 0, 0, 1, 0});
  CHECK_THROWS_WITH(bernoulli(tensor({1.5f})), Catch::StartsWith("bernoulli: probabilities must"));
  CHECK_THROWS_WITH(bernoulli(tensor({NAN})), Catch::StartsWith("bernoulli: probabilities must"));
  CHECK_THROWS_WITH(bernoulli(ones({2}), -0.5), Catch::StartsWith("bernoulli: probabilities must"));
  CHECK_THROWS_WITH(bernoulli(arange(2)), Catch::StartsWith("bernoulli: the operand must be"));
}

TEST_CASE("normal numbers have each their mean and deviation") {
  manual_seed(6);
  constexpr int64_t n = 40000;
  Tensor x = normal(expand(tensor({{1.f}, {-5.f}}), {2, n}), tensor({{0.5f}, {2.f}}));
  std::vector<double> m = mean(x, 1).to_vector<double>(), s = x.std(1).to_vector<double>();
  CHECK(m[0] == Approx(1).margin(0.02));
  CHECK(m[1] == Approx(-5).margin(0.05));
  CHECK(s[0] == Approx(0.5).margin(0.01));
  CHECK(s[1] == Approx(2).margin(0.04));
  CHECK(normal(tensor({1.f, 2.f}), 0.0).to_vector<float>() == std::vector<float>{1, 2});
  CHECK_THROWS_WITH(normal(zeros({2}), -1.0),
                    Catch::StartsWith("normal: std must not be negative"));
}

TEST_CASE("multinomial draws in proportion to the weights") {
  manual_seed(7);
  Tensor w = tensor({1.f, 0.f, 3.f});
  std::vector<double> counts = bincount(multinomial(w, 40000, true), {}, 3).to_vector<double>();
  CHECK(counts[0] / 40000 == Approx(0.25).margin(0.01));
  CHECK(counts[1] == 0);
  double first = 0;
  for (int k = 0; k < 4000; k++) {
    std::vector<int64_t> drawn = multinomial(w, 2).to_vector<int64_t>();
    CHECK(drawn[0] + drawn[1] == 2);
    first += drawn[0] == 0;
  }
  CHECK(first / 4000 == Approx(0.25).margin(0.03));
  CHECK(multinomial(ones({2, 3}), 3).shape() == Shape{2, 3});
  CHECK_THROWS_WITH(multinomial(w, 4), Catch::StartsWith("multinomial: num_samples must be"));
  CHECK_THROWS_WITH(multinomial(-w, 1), Catch::StartsWith("multinomial: weights must be finite"));
  CHECK_THROWS_WITH(multinomial(w * 0, 1),
                    Catch::StartsWith("multinomial: the sum of the weights"));
}

TEST_CASE("fills in place are of the same stream as what they are made of") {
  Tensor x = zeros({3, 4});
  manual_seed(8);
  x.uniform_(2, 3);
  manual_seed(8);
  CHECK(equal(x, uniform({3, 4}, 2, 3)));
  manual_seed(8);
  zeros({4, 3}).transpose(0, 1).copy_(x);
  x.transpose(0, 1).normal_(1, 2);
  manual_seed(8);
  CHECK(equal(x.transpose(0, 1), normal({4, 3}, 1, 2)));
  Tensor e = zeros({50000}).exponential_(4);
  CHECK(min(e).item<double>() > 0);
  CHECK(mean(e).item<double>() == Approx(0.25).margin(0.01));
  CHECK(max(zeros({4000}, i8).random_()).item<int64_t>() > 100);
  CHECK(min(zeros({4000}, i8).random_()).item<int64_t>() >= 0);
  CHECK(sum(zeros({4000}, boolean).random_()).item<double>() == Approx(2000).margin(150));
  CHECK_THROWS_WITH(arange(3).uniform_(), Catch::StartsWith("uniform_: the operand must be"));
  CHECK_THROWS_WITH(zeros({3}).normal_(0, -1), Catch::StartsWith("normal_: std must not be"));
  CHECK_THROWS_WITH(zeros({3}).exponential_(0), Catch::StartsWith("exponential_: lambd must be"));
  CHECK_THROWS_WITH(ones({2}).requires_grad_().uniform_(), Catch::Contains("requires"));
}

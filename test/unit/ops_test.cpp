// Promotion, reductions of any dims, products of any operands, composites.

#include "weft/weft.h"

#include <catch2/catch.hpp>

#include <cmath>

using namespace weft;

namespace {

constexpr DType kAll[] = {f32, f64, bf16, i64, boolean};

// The largest difference of two tensors.
double distance(const Tensor& a, const Tensor& b) {
  REQUIRE(a.shape() == b.shape());
  std::vector<double> x = a.to_vector<double>(), y = b.to_vector<double>();
  double most = 0;
  for (size_t k = 0; k < x.size(); k++)
    most = std::max(most, std::abs(x[k] - y[k]));
  return most;
}

// c[m, n] in double, the plain way.
Tensor product(const Tensor& a, const Tensor& b) {
  int64_t m = a.size(0), k = a.size(1), n = b.size(1);
  std::vector<double> x = a.to_vector<double>(), y = b.to_vector<double>(),
                      c(static_cast<size_t>(m * n));
  for (int64_t i = 0; i < m; i++)
    for (int64_t p = 0; p < k; p++)
      for (int64_t j = 0; j < n; j++)
        c[static_cast<size_t>(i * n + j)] +=
            x[static_cast<size_t>(i * k + p)] * y[static_cast<size_t>(p * n + j)];
  return tensor(c, {m, n});
}

} // namespace

TEST_CASE("tensors promote to the dtype that holds both") {
  auto joined = [](DType a, DType b) { return (ones({2}, a) + ones({2}, b)).dtype(); };
  for (DType t : kAll) {
    CHECK(joined(t, t) == t);
    CHECK(joined(t, boolean) == t);
    CHECK(joined(f64, t) == f64);
  }
  CHECK(joined(i64, f32) == f32);
  CHECK(joined(i64, bf16) == bf16);
  CHECK(joined(bf16, f32) == f32);
}

TEST_CASE("numbers and 0-d tensors only raise the kind") {
  Tensor half = ones({2}, bf16), whole = ones({2}, i64), truth = ones({2}, boolean);
  CHECK((half * 2.5).dtype() == bf16);
  CHECK((whole * 2).dtype() == i64);
  CHECK((whole * 2.5).dtype() == f32);
  CHECK((truth + 1).dtype() == i64);
  CHECK((truth + 1.5).dtype() == f32);
  CHECK((whole == 1.5).to_vector<bool>() == std::vector<bool>{false, false});
  Tensor wide = full({}, 2.0, f64);
  CHECK((half * wide).dtype() == bf16);
  CHECK((whole * wide).dtype() == f64);
  CHECK((wide * 2.f).dtype() == f64);
  CHECK((wide + full({}, 1, i64)).dtype() == f64);
  CHECK((whole / 2).dtype() == f32);
  CHECK(where(truth, 1.0, 0.0).dtype() == f32);
  CHECK(where(truth, 1, 0).dtype() == i64);
  CHECK(clamp(whole, 0.5, 3).dtype() == f32);
  CHECK(clamp(whole, 0).dtype() == i64);
  CHECK(add(1, 2.0).dtype() == f64);
  CHECK((half * add(1, 2.0)).dtype() == bf16);
}

TEST_CASE("a 0-d bfloat16 tensor is not rounded twice, a number not at all") {
  Tensor x = full({1}, 1.0, bf16);
  // 2^-9 is below half a unit of 1: alone it would vanish, times 3 it must not.
  CHECK((x * 1.003).item<float>() == 1.0f);
  CHECK((x * 1.0118).item<float>() == 1.015625f);
}

TEST_CASE("reductions over any dims agree with a copy laid out for them") {
  Generator g(3);
  Tensor x = normal(g, {3, 4, 5, 6}, 0, 1, f64);
  for (const Dims& dims : {Dims{0}, Dims{1}, Dims{3}, Dims{0, 1}, Dims{1, 3}, Dims{0, 2},
                           Dims{0, 3}, Dims{1, 2, 3}, Dims{}}) {
    Tensor s = sum(x, dims);
    // The same by one dim at a time.
    Tensor one = x;
    Dims list = dims.empty() ? Dims{0, 1, 2, 3} : dims;
    for (int k = list.size() - 1; k >= 0; k--)
      one = sum(one, list[k]);
    CHECK(distance(s, one) < 1e-12);
    CHECK(distance(mean(x, dims) * static_cast<double>(x.numel() / s.numel()), s) < 1e-12);
    CHECK(sum(x, dims, true).rank() == 4);
    CHECK(distance(max(x.transpose(0, 3), list), max(x.transpose(0, 3).contiguous(), list)) == 0);
  }
  CHECK(sum(x.expand({2, 3, 4, 5, 6}), 0).to_vector<double>() == (x + x).to_vector<double>());
  CHECK_THROWS_WITH(sum(x, {0, -4}), Catch::StartsWith("sum: dims must differ, got [0, -4]"));
}

TEST_CASE("long sums are the same on any number of threads") {
  Generator g(9);
  Tensor x = normal(g, {1000003}), m = normal(g, {700, 1500});
  std::vector<std::vector<float>> seen;
  for (int threads : {1, 2, 5}) {
    set_num_threads(threads);
    std::vector<float> v = sum(m, 0).to_vector<float>();
    for (const Tensor& t : {sum(x), mean(x), max(x), sum(m), argmax(x).to(f32)})
      v.push_back(t.item<float>());
    for (float f : sum(m, 1).to_vector<float>())
      v.push_back(f);
    seen.push_back(v);
  }
  set_num_threads(0);
  CHECK(seen[0] == seen[1]);
  CHECK(seen[0] == seen[2]);
  double exact = 0;
  for (double v : x.to_vector<double>())
    exact += v;
  CHECK(sum(x).item<double>() == Approx(exact).margin(0.01));
}

TEST_CASE("products of transposed, sliced and expanded operands") {
  Generator g(4);
  for (DType dtype : {f32, f64, bf16}) {
    double tolerance = dtype == f32 ? 1e-4 : dtype == f64 ? 1e-12 : 0.04;
    for (auto [m, k, n] : {std::tuple{3, 4, 5},
                           {1, 40, 33},
                           {37, 1, 20},
                           {4, 65, 1100},
                           {130, 71, 150},
                           {300, 200, 260}}) {
      Tensor a = normal(g, {m, k}, 0, 1, dtype), b = normal(g, {k, n}, 0, 1, dtype);
      Tensor expected = product(a, b).to(dtype);
      Tensor at = a.transpose(0, 1).contiguous().transpose(0, 1),
             bt = b.transpose(0, 1).contiguous().transpose(0, 1);
      Tensor gaps = zeros({m, 2 * k}, dtype).slice(1, 0, 2 * k, 2);
      gaps.copy_(a);
      Tensor window = zeros({m + 1, k + 3}, dtype).slice(0, 1).slice(1, 2, 2 + k);
      window.copy_(a);
      for (const Tensor& left : {a, at, gaps, window})
        for (const Tensor& right : {b, bt})
          CHECK(distance(matmul(left, right), expected) < tolerance * std::sqrt(k));
      CHECK(distance(matmul(a.select(0, 0), b), expected.select(0, 0)) < tolerance * std::sqrt(k));
      CHECK(distance(matmul(a, b.select(1, n - 1)), expected.select(1, n - 1)) <
            tolerance * std::sqrt(k));
    }
  }
  Tensor a = normal(g, {2, 3, 4}), w = normal(g, {5, 4});
  Tensor folded = matmul(a, w.transpose(0, 1));
  CHECK(distance(folded.select(0, 1), product(a.select(0, 1), w.transpose(0, 1))) < 1e-5);
  Tensor turned = matmul(a.transpose(0, 1), w.transpose(0, 1));
  CHECK(distance(turned, folded.transpose(0, 1)) < 1e-5);
  Tensor repeated = matmul(a.select(0, 0).expand({6, 3, 4}), w.transpose(0, 1));
  CHECK(distance(repeated.select(0, 5), folded.select(0, 0)) < 1e-5);
}

TEST_CASE("integer products wrap, bfloat16 products round once") {
  Tensor a = tensor({int64_t{1} << 62, int64_t{3}}).reshape({1, 2});
  CHECK(matmul(a, tensor({4, 5}).reshape({2, 1})).item<int64_t>() == 15);
  Tensor x = ones({1, 300}, bf16), y = full({300, 1}, 1.0078125, bf16);
  CHECK(matmul(x, y).item<float>() == full({}, 300 * 1.0078125, f64).to(bf16).item<float>());
}

TEST_CASE("softmax and log_softmax") {
  Tensor x = tensor({1.f, 2.f, 3.f, 1000.f, 1000.f, -INFINITY}).reshape({2, 3});
  std::vector<float> s = softmax(x, 1).to_vector<float>();
  double total = std::exp(1) + std::exp(2) + std::exp(3);
  CHECK(s[0] == Approx(std::exp(1) / total));
  CHECK(s[3] == 0.5f);
  CHECK(s[5] == 0.f);
  CHECK(log_softmax(x, -1).to_vector<float>()[2] == Approx(3 - std::log(total)));
  CHECK(softmax(ones({2, 0}), 1).numel() == 0);
  CHECK(softmax(full({}, 3.0), 0).item<float>() == 1);
  Tensor narrow = softmax(x.to(bf16), 1);
  CHECK(narrow.dtype() == bf16);
}

TEST_CASE("layer_norm, linear, mse_loss") {
  Tensor x = tensor({1.f, 2.f, 3.f, 4.f, 4.f, 4.f}).reshape({2, 3});
  std::vector<float> y =
      layer_norm(x, {3}, tensor({1.f, 2.f, 1.f}), tensor({0.f, 0.f, 1.f})).to_vector<float>();
  double r = 1 / std::sqrt(2.0 / 3 + 1e-5);
  CHECK(y[0] == Approx(-r));
  CHECK(y[2] == Approx(r + 1));
  CHECK(y[3] == 0);
  CHECK_THROWS_WITH(layer_norm(x, {3}, ones({2})),
                    Catch::StartsWith("layer_norm: weight must have the shape [3], got f32[2]"));
  Tensor w = tensor({1.f, 0.f, 0.f, 1.f, 1.f, 1.f}).reshape({2, 3});
  CHECK(linear(x, w, tensor({10.f, 0.f})).to_vector<float>() == std::vector<float>{11, 6, 14, 12});
  CHECK_THROWS_WITH(linear(x, ones({2, 4})),
                    Catch::StartsWith("linear: x must have a last dim of weight's last and "
                                      "weight's dtype, got f32[2, 3] and f32[2, 4]"));
  CHECK(mse_loss(x, zeros({2, 3})).item<float>() == Approx(62.0 / 6));
  CHECK(mse_loss(x, zeros({2, 3}), Reduce::sum).item<float>() == 62);
  CHECK(mse_loss(x, zeros({2, 3}), Reduce::none).shape() == Shape{2, 3});
}

TEST_CASE("cross_entropy with classes, weights, ignored and soft targets") {
  Tensor x = tensor({1.0, 2.0, 3.0, 0.0, 0.0, 0.0, 5.0, -1.0, 2.0}).reshape({3, 3});
  std::vector<double> p = log_softmax(x, 1).to_vector<double>();
  Tensor target = tensor({2, -100, 0});
  CHECK(cross_entropy(x, target).item<double>() == Approx(-(p[2] + p[6]) / 2));
  CHECK(cross_entropy(x, target, {}, -100, Reduce::sum).item<double>() == Approx(-(p[2] + p[6])));
  std::vector<double> each = cross_entropy(x, target, {}, -100, Reduce::none).to_vector<double>();
  CHECK(each[1] == 0);
  CHECK(each[2] == Approx(-p[6]));
  CHECK(cross_entropy(x, tensor({2, 1, 0}), {}, 1).item<double>() == Approx(-(p[2] + p[6]) / 2));
  Tensor weight = tensor({1.0, 2.0, 4.0});
  CHECK(cross_entropy(x, target, weight).item<double>() == Approx(-(4 * p[2] + p[6]) / 5));
  CHECK(cross_entropy(x.select(0, 0), full({}, 1, i64)).item<double>() == Approx(-p[1]));
  CHECK(cross_entropy(x, softmax(x, 1)).item<double>() ==
        Approx(-sum(softmax(x, 1) * log_softmax(x, 1)).item<double>() / 3));
  Tensor images = concatenate({x.unsqueeze(2), x.unsqueeze(2)}, 2); // [3, 3, 2]
  Tensor classes = concatenate({target.unsqueeze(1), target.unsqueeze(1)}, 1);
  CHECK(cross_entropy(images, classes).item<double>() == Approx(-(p[2] + p[6]) / 2));
  CHECK(std::isnan(cross_entropy(x, tensor({-100, -100, -100})).item<double>()));
  Tensor smooth = cross_entropy(x, target, weight, -100, Reduce::none, 0.3);
  CHECK(smooth.to_vector<double>()[1] == 0);
  CHECK(smooth.to_vector<double>()[2] ==
        Approx(-(0.7 * p[6] + 0.1 * (p[6] + 2 * p[7] + 4 * p[8]))));
  CHECK(cross_entropy(x, target, weight, -100, Reduce::mean, 0.3).item<double>() ==
        Approx(sum(smooth).item<double>() / 5));
  CHECK(cross_entropy(x, softmax(x, 1), {}, -100, Reduce::sum, 0.3).item<double>() ==
        Approx(-sum((softmax(x, 1) * 0.7 + 0.1) * log_softmax(x, 1)).item<double>()));
  CHECK_THROWS_WITH(cross_entropy(x, target, {}, -100, Reduce::mean, 1.5),
                    Catch::StartsWith("cross_entropy: label_smoothing must be in 0 .. 1, got 1.5"));
  CHECK_THROWS_AS(cross_entropy(x, tensor({0, 1})), Error);
  CHECK_THROWS_AS(cross_entropy(x, tensor({true, false, true})), Error);
}

TEST_CASE("adamw_step is algorithm 2 of the paper") {
  double p = 1, m = 0, v = 0;
  Tensor param = tensor({1.0}), exp_avg = tensor({0.0}), exp_avg_sq = tensor({0.0});
  for (int64_t step = 1; step <= 5; step++) {
    double g = 0.3 * static_cast<double>(step);
    p *= 1 - 1e-2 * 0.1;
    m = 0.9 * m + 0.1 * g;
    v = 0.99 * v + 0.01 * g * g;
    double t = static_cast<double>(step);
    p -= 1e-2 / (1 - std::pow(0.9, t)) * m / (std::sqrt(v / (1 - std::pow(0.99, t))) + 1e-8);
    adamw_step(param, tensor({g}), exp_avg, exp_avg_sq, 1e-2, 0.9, 0.99, 1e-8, 0.1, step);
    CHECK(param.item<double>() == Approx(p).epsilon(1e-12));
  }
}

TEST_CASE("PyTorch's other forms of ops") {
  Tensor x = tensor({1.f, -2.f, 3.f, 0.5f}).reshape({2, 2});
  CHECK(gelu(x, "none").to_vector<float>() == gelu(x).to_vector<float>());
  CHECK(x.gelu("tanh").to_vector<float>() == gelu_tanh(x).to_vector<float>());
  CHECK_THROWS_WITH(gelu(x, "erf"),
                    Catch::StartsWith("gelu: approximate must be none or tanh, got erf"));
  CHECK(amax(x, 0).to_vector<float>() == std::vector<float>{3, 0.5f});
  CHECK(x.amin(-1, true).shape() == Shape{2, 1});
}

TEST_CASE("sums and means in another dtype") {
  Tensor counts = tensor({1, 2, 4});
  CHECK(mean(counts, {}, false, f64).item<double>() == Approx(7.0 / 3));
  CHECK(counts.sum(0, true, f32).dtype() == f32);
  Tensor small = full({3000}, 1.0, bf16); // above 256 bf16 cannot count
  CHECK(sum(small, {}, false, f32).item<float>() == 3000);
  CHECK(sum(tensor({1e8f, 1.f}), {}, false, f64).item<double>() == 1e8 + 1);
}

TEST_CASE("arange and full") {
  CHECK(arange(0, 5).to_vector<int64_t>() == std::vector<int64_t>{0, 1, 2, 3, 4});
  CHECK(arange(5, 0, -2).to_vector<int64_t>() == std::vector<int64_t>{5, 3, 1});
  CHECK(arange(0.0, 1.0, 0.25).to_vector<float>() == std::vector<float>{0, 0.25f, 0.5f, 0.75f});
  CHECK(arange(0, 3, 1, f64).dtype() == f64);
  CHECK(arange(3).to_vector<int64_t>() == std::vector<int64_t>{0, 1, 2});
  CHECK(arange(2.5).to_vector<float>() == std::vector<float>{0, 1, 2});
  CHECK(arange(2, f64).dtype() == f64);
  CHECK(zeros_like(ones({2}, f64)).dtype() == f64);
  CHECK(ones_like(zeros({2, 1}), i64).to_vector<int64_t>() == std::vector<int64_t>{1, 1});
  CHECK(arange(3, 3).numel() == 0);
  CHECK_THROWS_WITH(arange(0, 5, 0),
                    Catch::StartsWith("arange: start and end must be finite and step not 0"));
  CHECK_THROWS_WITH(arange(0, 5, -1),
                    Catch::StartsWith("arange: step must lead from start to end"));
  CHECK(full({2}, 3).dtype() == i64);
  CHECK(full({2}, true).dtype() == boolean);
  CHECK(full({2}, 3, f32).to_vector<float>() == std::vector<float>{3, 3});
  CHECK_THROWS_AS(full({-1}, 0), Error);
}

TEST_CASE("temporaries are let go inside the op that takes them") {
  Tensor a = ones({1 << 18});
  memory::reset_peak();
  size_t before = memory::stats().live;
  Tensor b = exp(exp(exp(exp(a + 1) * 0) + 1) - 2);
  // The result and the operand of the last op at most; all at once would be eight.
  CHECK(memory::stats().peak <= before + 2 * (size_t{1} << 20));
}

TEST_CASE("the sign of NaN, which each gear may choose, shows nowhere") {
  for (double nan : {std::nan(""), -std::nan("")}) {
    const Tensor n = full({3}, nan), x = tensor({-2.f, 0.f, 3.f});
    CHECK(copysign(x, n).to_vector<double>() == std::vector<double>{2, 0, 3});
    CHECK_FALSE(any(signbit(n)).item<bool>());
  }
}

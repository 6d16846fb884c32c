// Composites that eager calls compute part by part or by kernels of rows, against the ops that a
// gradient makes of them: to the bit.

#include "weft/weft.h"

#include "test/unit/kernel_targets.h"

#include <catch2/catch.hpp>

#include <cmath>
#include <limits>

using namespace weft;

namespace {

std::vector<double> read(const Tensor& t) { return t.to(f64).to_vector<double>(); }

// A gradient keeps a call in one piece, made of ops.
Tensor whole(const Tensor& t) {
  Tensor r = t.detach().clone();
  r.requires_grad_();
  return r;
}

} // namespace

TEST_CASE("composites of large operands have the bits of small ones", "[rows]") {
  manual_seed(3);
  const Tensor x = normal({300, 700}), weight = normal({700}), bias = normal({700});
  auto check = [&](auto f) {
    CHECK(f(x).template to_vector<float>() == f(whole(x)).detach().template to_vector<float>());
    const Tensor turned = x.transpose(0, 1);
    CHECK(f(turned.contiguous()).template to_vector<float>() ==
          f(whole(turned.contiguous())).detach().template to_vector<float>());
  };
  for (int64_t dim : {0, 1}) {
    CAPTURE(dim);
    check([&](const Tensor& t) { return softmax(t, dim); });
    check([&](const Tensor& t) { return log_softmax(t, dim); });
    check([&](const Tensor& t) { return logsumexp(t, dim); });
    check([&](const Tensor& t) { return var(t, dim); });
    check([&](const Tensor& t) { return weft::std(t, dim, 1, true); });
  }
  check([&](const Tensor& t) {
    const int64_t n = t.size(1);
    return layer_norm(t, {n}, n == 700 ? weight : Tensor(), n == 700 ? bias : Tensor());
  });
  check([&](const Tensor& t) { return rms_norm(t, {t.size(1)}); });
  check([&](const Tensor& t) { return group_norm(reshape(t, {100, 10, -1}), 5); });
  check([&](const Tensor& t) {
    const int64_t n = t.size(1);
    return batch_norm(t, bias.slice(0, 0, n, 1), abs(weight).slice(0, 0, n, 1));
  });
  const Tensor points = normal({90, 30});
  check([&](const Tensor& t) {
    return cdist(t.size(1) == 700 ? t.slice(1, 0, 30, 1) : t.slice(0, 0, 30, 1).transpose(0, 1),
                 points);
  });
  CHECK_THROWS_WITH(logsumexp(x, 5), Catch::Contains("dim"));
}

TEST_CASE("rows that a kernel takes have the bits of ops", "[rows]") {
  const DType dtype = GENERATE(f32, f64, f16, bf16);
  // Around vectors, blocks and pieces of the tree of sums, one long row among them.
  const auto [rows, n] = GENERATE(table<int64_t, int64_t>(
      {{3, 1}, {5, 4}, {2, 16}, {7, 33}, {3, 300}, {2, 4100}, {1, 70000}, {1, 200000}}));
  CAPTURE(name_of(dtype), rows, n);
  manual_seed(3);
  const Tensor x = (normal({rows, n}) * 3.0 + 1.0).to(dtype);
  const Tensor weight = normal({n}).to(dtype), bias = normal({n}).to(dtype);
  auto check = [&](auto f) {
    kernels::on_each_target([&] { CHECK(read(f(x)) == read(f(whole(x)).detach())); });
  };
  for (const bool is_scaled : {false, true}) {
    const Tensor w = is_scaled ? weight : Tensor(), b = is_scaled ? bias : Tensor();
    check([&](const Tensor& t) { return layer_norm(t, {n}, w, b); });
    check([&](const Tensor& t) { return rms_norm(t, {n}, w); });
  }
  check([&](const Tensor& t) { return layer_norm(t, {n}, weight.to(f32), bias.to(f32)); });
  check([&](const Tensor& t) { return layer_norm(t, {n}, weight.to(f64)); });
  check([&](const Tensor& t) { return softmax(t, 1); });
  check([&](const Tensor& t) { return log_softmax(t, -1); });
  check([&](const Tensor& t) { return normalize(t); });
  check([&](const Tensor& t) { return norm(t); });
  check([&](const Tensor& t) { return norm(t, 2, {1}, true); });
  check([&](const Tensor& t) { return norm(t, 2, {0, -1}); });
  const Tensor target = remainder(arange(rows), n);
  for (Reduce reduction : {Reduce::none, Reduce::sum, Reduce::mean})
    for (int64_t ignored : {int64_t{-100}, int64_t{1}})
      check(
          [&](const Tensor& t) { return cross_entropy(t, target, Tensor(), ignored, reduction); });
}

TEST_CASE("rows of channels that a kernel takes have the bits of ops", "[rows]") {
  const DType dtype = GENERATE(f32, bf16);
  const auto [channels, inner] =
      GENERATE(table<int64_t, int64_t>({{4, 2}, {6, 17}, {8, 100}, {4, 5000}}));
  CAPTURE(name_of(dtype), channels, inner);
  manual_seed(4);
  const Tensor x = (normal({3, channels, inner}) * 2.0 - 1.0).to(dtype);
  const Tensor weight = normal({channels}).to(dtype), bias = normal({channels}).to(dtype);
  auto check = [&](auto f) {
    kernels::on_each_target([&] { CHECK(read(f(x)) == read(f(whole(x)).detach())); });
  };
  for (const bool is_scaled : {false, true}) {
    const Tensor w = is_scaled ? weight : Tensor(), b = is_scaled ? bias : Tensor();
    for (int64_t groups : {int64_t{1}, int64_t{2}, channels})
      check([&](const Tensor& t) { return group_norm(t, groups, w, b); });
    check([&](const Tensor& t) { return instance_norm(t, {}, {}, w, b); });
    check([&](const Tensor& t) { return batch_norm(t, bias, abs(weight), w, b); });
  }
}

TEST_CASE("rows of special numbers have the bits of ops", "[rows]") {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  for (double special : {std::nan(""), kInfinity, -kInfinity, 0.0, -0.0, 1e30}) {
    CAPTURE(special);
    const Tensor x =
        where(remainder(arange(60).reshape({3, 20}), 7) == 0, special, full({3, 20}, 0.5));
    auto check = [&](auto f) {
      const Tensor got = f(x), want = f(whole(x)).detach();
      const Tensor numbers = logical_not(isnan(got));
      CHECK(read(isnan(got)) == read(isnan(want)));
      CHECK(read(where(numbers, got, 0.0)) == read(where(numbers, want, 0.0)));
      CHECK(read(logical_and(signbit(got), numbers)) == read(logical_and(signbit(want), numbers)));
    };
    check([](const Tensor& t) { return softmax(t, 1); });
    check([](const Tensor& t) { return log_softmax(t, 1); });
    check([](const Tensor& t) { return layer_norm(t, {20}); });
    check([](const Tensor& t) { return rms_norm(t, {20}); });
    check([](const Tensor& t) { return normalize(t); });
    check([](const Tensor& t) { return norm(t, 2, {1}); });
    const Tensor target = tensor({0, 7, 19});
    check([&](const Tensor& t) { return cross_entropy(t, target, {}, -100, Reduce::none); });
  }
}

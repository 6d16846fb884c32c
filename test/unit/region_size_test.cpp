// Calls whose sizes change, in every order: programs for any sizes, and paths that were recorded in
// parts.

#include "region_util.h"

#include <array>

using namespace region_test;
using Catch::Contains;

TEST_CASE("a start or step of 1 is no constant of a program for any sizes", "[region]") {
  auto body = [](const Tensor& x, int64_t start, int64_t step) {
    return slice(x, 1, start, start + 4 * step, step) * 2.0;
  };
  using Call = std::pair<int64_t, int64_t>; // start, step
  const std::vector<Call> orders[] = {
      {{0, 1}, {0, 1}, {3, 1}, {1, 1}, {2, 1}, {5, 2}, {7, 3}, {1, 1}, {1, 2}},
      {{1, 1}, {1, 1}, {1, 2}, {2, 1}, {4, 2}, {3, 3}, {1, 1}},
      {{4, 3}, {4, 3}, {4, 1}, {1, 1}, {5, 1}, {1, 4}, {6, 2}}};
  const Tensor x = ramp({3, 40});
  for (const auto& calls : orders) {
    auto f = compile(body);
    for (auto [start, step] : calls) {
      INFO("start " << start << ", step " << step);
      require_equal(f(x, start, step), body(x, start, step));
    }
  }
}

TEST_CASE("a path that calls of different sizes recorded serves all sizes", "[region]") {
  auto body = [](const Tensor& x, int extra) {
    Tensor y = x * 2.0;
    y = y + 1.0;
    if (extra > 0) y = exp(y);
    if (extra > 1) y = tanh(y).reshape({-1, 1}) * 3.0;
    return y;
  };
  using Call = std::pair<int64_t, int>; // size, extra
  const std::vector<Call> orders[] = {
      {{4, 0}, {4, 0}, {5, 1}, {4, 1}, {4, 1}, {6, 2}, {4, 2}, {5, 2}, {4, 2}, {5, 1}, {6, 2}},
      {{3, 0}, {7, 2}, {3, 2}, {3, 1}, {7, 1}, {9, 1}, {9, 2}, {0, 2}, {0, 1}, {3, 2}}};
  for (const auto& calls : orders) {
    auto f = compile(body);
    for (auto [n, extra] : calls) {
      INFO("size " << n << ", extra " << extra);
      require_equal(f(ramp({n}), extra), body(ramp({n}), extra));
    }
  }
}

TEST_CASE("in-place updates through views of changing sizes", "[region]") {
  auto body = [](const Tensor& x, int64_t from, int64_t to) {
    Tensor window = slice(x, 0, from, to);
    window.mul_(0.5);
    select(x, 1, 2).add_(1.0);
    x.transpose(0, 1).add_(window.sum(Dims(0)).reshape({-1, 1}));
    return window * 2.0;
  };
  auto f = compile(body);
  for (auto [n, from, to] : std::vector<std::array<int64_t, 3>>{{8, 0, 4},
                                                                {8, 0, 4},
                                                                {8, 1, 4},
                                                                {6, 2, 6},
                                                                {9, 1, 2},
                                                                {9, 3, 4},
                                                                {5, 0, 5},
                                                                {8, 2, 2}}) {
    INFO("n " << n << ", from " << from << ", to " << to);
    Tensor eager = ramp({n, 5}), compiled = ramp({n, 5});
    const Tensor want = body(eager, from, to);
    require_equal(f(compiled, from, to), want, 1e-6);
    require_equal(compiled, eager, 1e-6);
  }
}

TEST_CASE("slices and expansions of one dim keep their own sizes", "[region]") {
  auto body = [](const Tensor& x, const Tensor& y, int64_t length) {
    Tensor part = slice(x, 0, 0, length) * 2.0;
    Tensor wide = y.expand({length}) + part;
    return wide.sum() + x.sum() + (x * 3.0).reshape({-1, 1}).sum(Dims(0));
  };
  auto f = compile(body);
  for (auto [n, length] :
       {std::pair<int64_t, int64_t>{8, 3}, {8, 3}, {9, 4}, {10, 0}, {7, 5}, {8, 3}}) {
    INFO("n " << n << ", length " << length);
    require_equal(f(ramp({n}), ramp({1}), length), body(ramp({n}), ramp({1}), length), 1e-6);
  }
}

TEST_CASE("sizes that come back often get a program of their own", "[region]") {
  auto body = [](const Tensor& x) { return sum(exp(x) * 2.0, 1); };
  auto f = compile(body);
  for (int k = 0; k < 60; k++) {
    for (int64_t n : {3, 5})
      require_equal(f(ramp({n, n + 1})), body(ramp({n, n + 1})), 1e-6);
    if (k == 20) CHECK(f.stats().programs == 2); // one of them for any sizes
  }
  CHECK(f.stats().programs == 3);
  for (int64_t n = 10; n < 300; n++) // each once
    f(ramp({n, 2}));
  CHECK(f.stats().programs == 3);
  CHECK(f.stats().eager_segments == 0);
}

TEST_CASE("sizes are specialised, generic, or both, as the options say", "[region]") {
  auto body = [](const Tensor& x) { return sum(exp(x) * 2.0, 1); };
  auto programs = [&](CompileOptions::Sizes sizes, int most) {
    CompileOptions options;
    options.sizes = sizes;
    options.max_specialised = most;
    auto f = compile(body, options);
    for (int64_t n : {3, 5, 7, 3, 5, 9, 3, 7, 7})
      require_equal(f(ramp({n, n + 1})), body(ramp({n, n + 1})), 1e-6);
    CHECK(f.stats().eager_segments == 0);
    return f.stats().programs;
  };
  CHECK(programs(CompileOptions::Sizes::automatic, 32) == 2);
  CHECK(programs(CompileOptions::Sizes::specialise, 32) == 4);
  CHECK(programs(CompileOptions::Sizes::specialise, 2) == 3);
  CHECK(programs(CompileOptions::Sizes::generic, 32) == 1);
}

TEST_CASE("a program for other sizes takes as constants what has stayed", "[region]") {
  auto body = [](const Tensor& x, const Tensor& w) {
    Tensor y = matmul(x, w).reshape({x.size(0) * x.size(1), w.size(1)});
    return softmax(y + x.reshape({y.size(0), x.size(2)}).sum(Dims(1), true), -1);
  };
  auto f = compile(body);
  auto call = [&](int64_t batch, int64_t rows, int64_t inner, int64_t columns) {
    INFO(batch << " " << rows << " " << inner << " " << columns);
    Tensor x = ramp({batch, rows, inner}), w = ramp({inner, columns});
    require_equal(f(x, w), body(x, w), 1e-5);
    return f.stats().programs;
  };
  CHECK(call(2, 3, 4, 5) == 0); // recorded
  CHECK(call(2, 3, 4, 5) == 1);
  CHECK(call(2, 7, 4, 5) == 2); // rows change alone
  CHECK(call(2, 9, 4, 5) == 2);
  CHECK(call(2, 0, 4, 5) == 2);
  CHECK_THAT(f.explain(), Contains("program (sizes like these)"));
  CHECK(call(6, 9, 4, 5) == 3); // the batch as well
  CHECK(call(8, 7, 4, 5) == 3);
  CHECK(call(8, 7, 6, 5) == 4);
  CHECK(call(8, 7, 6, 3) == 5); // and now nothing is assumed any more
  CHECK(call(3, 2, 9, 11) == 5);
  CHECK_THAT(f.explain(), Contains("program (any sizes)"));
}

TEST_CASE("sizes that were equal by chance get another program when they are not", "[region]") {
  auto body = [](const Tensor& x, const Tensor& y) {
    return concatenate({exp(x).sum(Dims(1)), exp(y).sum(Dims(1))}, 0);
  };
  auto f = compile(body);
  using Sizes = std::array<int64_t, 4>;
  for (auto [a, b, c, d] : {Sizes{3, 4, 3, 4}, Sizes{3, 4, 3, 4}, Sizes{5, 8, 5, 8},
                            Sizes{5, 6, 5, 7}, Sizes{2, 6, 4, 5}, Sizes{7, 7, 7, 7}}) {
    INFO(a << " " << b << " " << c << " " << d);
    Tensor x = ramp({a, b}) * 0.1, y = ramp({c, d}) * 0.1;
    require_equal(f(x, y), body(x, y), 1e-6);
  }
}

TEST_CASE("strides that stay are constants, those that follow from sizes are computed",
          "[region]") {
  auto body = [](const Tensor& x) { return exp(x * 0.125).sum(Dims(1)); };
  auto f = compile(body);
  for (int64_t n : {4, 4, 6, 9, 0, 5}) {
    INFO("n " << n);
    Tensor whole = ramp({n, 12}) * 0.01;
    require_equal(f(slice(whole, 1, 3, 9)), body(slice(whole, 1, 3, 9)), 1e-6);
    Tensor turned = transpose(ramp({6, n}) * 0.01, 0, 1);
    require_equal(f(turned), body(turned), 1e-6);
  }
}

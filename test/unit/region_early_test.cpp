// Long segments, whose first launches run while the ops behind them are followed.

#include "region_util.h"

#include "test/unit/threads.h"

#include <chrono>

using namespace region_test;

namespace {

constexpr int kOps = 2000; // in several kernels, each of which one thread runs

Tensor chain(Tensor x, const Tensor& b, int ops = kOps) {
  for (int k = 0; k < ops / 2; k++) {
    x = x * 0.99;
    x = k % 2 ? x + b : x - b;
  }
  return x;
}

/// Calls until some launch was early. Where other processes take the cores that may not happen;
/// what is computed is checked all the same. Returns whether it did.
template <class F, class Check> bool call_until_early(F& f, Check check) {
  const auto start = std::chrono::steady_clock::now();
  while (f.stats().early_kernels == 0 &&
         std::chrono::steady_clock::now() - start < std::chrono::seconds(5))
    check();
  for (int k = 0; k < 20; k++)
    check();
  const bool was_early = f.stats().early_kernels > 0;
  if (!was_early) WARN("no launch was early: the cores are busy");
  return was_early;
}

} // namespace

TEST_CASE("a long segment starts before its end is followed", "[region]") {
  const weft::test::Threads threads(2);
  const Tensor b = ramp({300}) * 0.01;
  auto f = compile([&](const Tensor& x) { return chain(x, b); });
  int call = 0;
  const bool was_early = call_until_early(f, [&] {
    const Tensor x = ramp({300}, 0.1 * (++call % 7));
    require_equal(f(x), chain(x, b));
  });
  if (was_early)
    CHECK(f.explain().find("while the ops behind them were followed") != std::string::npos);
}

TEST_CASE("a segment that ends otherwise drops what has started", "[region]") {
  const weft::test::Threads threads(2);
  const Tensor b = ramp({300}) * 0.01;
  int turn = 0;
  auto body = [&](const Tensor& x) {
    Tensor y = chain(x, b);
    if (turn == 1) return exp(y * 0.01); // another op than the one expected
    if (turn == 2) return chain(y, b, 20) * sum(y).item<float>(); // a read in the middle
    if (turn == 3) throw std::runtime_error("given up");
    return relu(chain(y, b, 100));
  };
  auto f = compile(body);
  int call = 0;
  call_until_early(f, [&] {
    turn = ++call % 23 == 0 ? 1 : call % 29 == 0 ? 2 : call % 31 == 0 ? 3 : 0;
    const Tensor x = ramp({300}, 0.1 * (call % 5));
    if (turn == 3)
      REQUIRE_THROWS_AS(f(x), std::runtime_error);
    else
      require_equal(f(x), body(x), 1e-6);
  });
}

TEST_CASE("what a long segment writes in place is written at its end", "[region]") {
  const weft::test::Threads threads(2);
  auto body = [](const Tensor& x, Tensor& w) {
    Tensor y = chain(x, w);
    w.mul_(0.5);
    y = chain(y, w, 600);
    w.add_(y * 0.001);
    return y;
  };
  auto f = compile(body);
  Tensor eager = ramp({300}) * 0.01, compiled = eager.clone();
  call_until_early(f, [&] {
    const Tensor want = body(ramp({300}), eager);
    require_equal(f(ramp({300}), compiled), want);
    require_equal(compiled, eager);
  });
}

TEST_CASE("an element that is refused early is the error of the op", "[region]") {
  const weft::test::Threads threads(2);
  const Tensor b = ramp({300}) * 0.01;
  auto body = [&](const Tensor& x, const Tensor& index) {
    return chain(x + checked_index(index, 300).to(f32), b);
  };
  auto f = compile(body);
  const Tensor x = ramp({300}), good = arange(300), bad = good + 1;
  int call = 0;
  call_until_early(f, [&] {
    if (++call > 8 && call % 5 == 0)
      REQUIRE_THROWS_WITH(f(x, bad), Catch::Contains("300"));
    else
      require_equal(f(x, good), body(x, good));
  });
}

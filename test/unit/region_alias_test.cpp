// Mutation and aliasing: in-place ops through views, version counters, the alias guard.

#include "region_util.h"

using namespace region_test;

TEST_CASE("in-place ops on inputs are visible after the call", "[region]") {
  Tensor a = ramp({4, 3}), b = ramp({4, 3});
  auto body = [](Tensor& p, const Tensor& g) {
    p.mul_(0.5);
    p.add_(g);
    return p.sum();
  };
  auto f = compile(body);
  for (int k = 0; k < 5; k++) {
    const Tensor g = ramp({4, 3}, 0.1 * k);
    const Tensor want = body(a, g);
    require_equal(f(b, g), want, 1e-6);
    require_equal(b, a);
  }
}

TEST_CASE("writes through views reach the base, in program order", "[region]") {
  auto body = [](const Tensor& x0) {
    Tensor x = x0 * 1.0;
    Tensor row = slice(x, 0, 1, 3), col = transpose(x, 0, 1);
    Tensor before = x * 2.0;
    row.add_(10.0);
    Tensor between = x + 0.0;
    slice(col, 0, 0, 1).mul_(-1.0);
    Tensor flat = reshape(x, {-1});
    slice(flat, 0, 5, 9).copy_(tensor({1.0f, 2.0f, 3.0f, 4.0f}));
    return concatenate({before, between, x, row}, 0);
  };
  auto f = compile(body);
  for (int k = 0; k < 4; k++)
    require_equal(f(ramp({4, 3}, 0.1 * k)), body(ramp({4, 3}, 0.1 * k)));
}

TEST_CASE("writes through views of inputs", "[region]") {
  Tensor a = ramp({6, 4}), b = ramp({6, 4});
  auto body = [](Tensor& p, double v) {
    slice(p, 0, 2, 4).add_(v);
    return slice(p, 1, 0, 2) * 1.0;
  };
  auto f = compile(body);
  for (int k = 0; k < 4; k++) {
    const Tensor want = body(a, k);
    require_equal(f(b, k), want);
    require_equal(b, a);
  }
}

TEST_CASE("version counters bump once, at the call", "[region]") {
  Tensor p = ramp({3});
  auto f = compile([&](const Tensor& g) {
    const uint32_t v = p.version();
    p.add_(g);
    CHECK(p.version() == v + 1);
    p.mul_(2.0);
    CHECK(p.version() == v + 2);
    return p * 1.0;
  });
  for (int k = 0; k < 4; k++) {
    const uint32_t v = p.version();
    f(ramp({3}));
    CHECK(p.version() == v + 2);
  }
}

TEST_CASE("inputs that begin to alias run eagerly and right", "[region]") {
  auto body = [](Tensor& p, const Tensor& q) {
    p.add_(1.0);
    return p * q;
  };
  auto f = compile(body);
  auto check = [&](auto make) {
    auto [p, q] = make();
    auto [r, s] = make();
    const Tensor want = body(p, q);
    require_equal(f(r, s), want);
    require_equal(r, p);
    require_equal(s, q);
  };
  auto apart = [] { return std::pair(ramp({6}), ramp({6}, 0.2)); };
  auto same = [] {
    Tensor t = ramp({6});
    return std::pair(t, t);
  };
  auto shifted = [](int64_t by) {
    return [by] {
      Tensor t = ramp({12});
      return std::pair(slice(t, 0, 0, 6), slice(t, 0, by, by + 6));
    };
  };
  for (int round = 0; round < 2; round++) {
    check(apart);
    check(apart);
    check(same);
    check(shifted(2));
    check(shifted(3)); // the overlap changed
    check(shifted(6)); // one storage, no overlap
    check(apart);
  }
  CHECK(f.stats().alias_fallbacks > 0);
}

TEST_CASE("a region recorded with equal inputs is right for equal and for other ones", "[region]") {
  auto body = [](Tensor& p, const Tensor& q) {
    p.mul_(3.0);
    return q + p;
  };
  auto f = compile(body);
  for (int k = 0; k < 4; k++) {
    Tensor a = ramp({5}), b = ramp({5});
    const Tensor want = body(a, a);
    require_equal(f(b, b), want);
    require_equal(b, a);
  }
  Tensor a = ramp({5}), b = ramp({5}), c = ramp({5}, 0.4);
  require_equal(f(a, c), body(b, c));
}

TEST_CASE("an input returned, a view of an input returned", "[region]") {
  const Tensor x = ramp({4, 4});
  auto f = compile([](const Tensor& t) { return std::pair(t, slice(t, 0, 1, 3)); });
  for (int k = 0; k < 3; k++) {
    auto [same, part] = f(x);
    CHECK(same.is_same(x));
    CHECK(part.shares_storage(x));
    require_equal(part, slice(x, 0, 1, 3));
  }
}

TEST_CASE("views returned alias each other as in eager", "[region]") {
  auto f = compile([](const Tensor& t) {
    Tensor y = t * 2.0;
    return std::pair(transpose(y, 0, 1), slice(y, 0, 0, 1));
  });
  for (int k = 0; k < 4; k++) {
    auto [a, b] = f(ramp({3, 2}, 0.1 * k));
    CHECK(a.shares_storage(b));
    b.add_(100.0);
    CHECK(a.to_vector<float>()[0] > 90);
  }
}

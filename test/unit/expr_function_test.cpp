// The functions of the language against the C library in long double: errors in ulp over their
// whole ranges, and IEEE 754's results at the edges.
#include "test/unit/function_sweep.h"

using namespace weft::expr;

TEMPLATE_TEST_CASE("functions are accurate over their range", "", float, double) {
  const bool single = sizeof(TestType) == 4;
  const double largest = single ? 88.7 : 709.7, least = single ? -103.9 : -745.1;
  Reference exp = [](long double x) { return std::exp(x); };
  Reference logistic = [](long double x) { return 1 + std::exp(-x); };
  Reference log = [](long double x) { return x < 0 ? std::nanl("") : std::log(x); };
  Reference tanh = [](long double x) { return std::tanh(x); };
  Reference erf = [](long double x) { return std::erf(x); };
  sweep<TestType>("exp", exp, -1, 1, false, 1.05);
  sweep<TestType>("exp", exp, least, largest, false, 1.05);
  sweep<TestType>("exp", exp, least, single ? -87 : -708, false, 1.05); // subnormal results
  // Over the range in which the denominators are finite.
  sweep<TestType>("logistic_denominator", logistic, -largest, 40, false, 1.4);
  sweep<TestType>("logistic_denominator", logistic, -4, 4, false, 1.4);
  Reference gelu = [](long double x) { return x * std::erfc(-x * std::sqrt(0.5L)) / 2; };
  const double gelu_limit = single ? 3.3 : 4.2;
  sweep<TestType>("gelu", gelu, -4, 4, false, gelu_limit);
  sweep<TestType>("gelu", gelu, single ? -14.4 : -38.5, 40, false, gelu_limit); // subnormal results
  sweep<TestType>("gelu", gelu, least, largest, true, gelu_limit);
  sweep<TestType>("log", log, 0.5, 2, false, 1.05);
  sweep<TestType>("log", log, least, largest, true, 1.05);
  sweep<TestType>("tanh", tanh, -10, 10, false, 1.4);
  sweep<TestType>("tanh", tanh, -1, 1, false, 1.4);
  sweep<TestType>("tanh", tanh, least, 3, true, 1.4);
  sweep<TestType>("erf", erf, -7, 7, false, 1.4);
  sweep<TestType>("erf", erf, -1.5, 1.5, false, 1.4);
  sweep<TestType>("erf", erf, least, 3, true, 1.4);
}

TEMPLATE_TEST_CASE("logistic quotients are accurate to their least result", "", float, double) {
  const bool single = sizeof(TestType) == 4;
  std::mt19937_64 random(5);
  std::uniform_real_distribution<double> uniform(single ? -115 : -760, 40);
  for (int k = 0; k < 60000; k++) {
    const TestType x = TestType(uniform(random)), y = TestType(uniform(random) / std::log(2.0));
    INFO(x << " " << y);
    const long double d = 1 + std::exp(-(long double)x), e = 1 + std::exp2(-(long double)y);
    CHECK(static_cast<double>(ulps(call<TestType>("logistic", {1, x}), 1 / d)) <= 2.6);
    CHECK(static_cast<double>(ulps(call<TestType>("logistic", {x, x}), x / d)) <= 2.6);
    CHECK(static_cast<double>(ulps(call<TestType>("logistic2", {y, y}), y / e)) <= 2.6);
  }
  for (TestType far : {std::numeric_limits<TestType>::lowest(), TestType(-1e10), TestType(-1e4)}) {
    CHECK(same(call<TestType>("logistic", {1, far}), TestType(0)));
    CHECK(same(call<TestType>("logistic", {far, far}), TestType(-0.0)));
    CHECK(same(call<TestType>("logistic2", {far, far}), TestType(-0.0)));
  }
}

TEMPLATE_TEST_CASE("pow is accurate over its range", "", float, double) {
  const bool single = sizeof(TestType) == 4;
  std::mt19937_64 random(11);
  auto uniform = [&](double a, double b) {
    return std::uniform_real_distribution<double>(a, b)(random);
  };
  for (int k = 0; k < 60000; k++) {
    TestType a = 0, b = 0;
    switch (k % 4) {
    case 0:
      a = TestType(uniform(0, 4)), b = TestType(uniform(-4, 4));
      break;
    case 1: // the whole range of a
      a = TestType(std::exp(uniform(single ? -100 : -740, single ? 88 : 709)));
      b = TestType(uniform(-1.3, 1.3));
      break;
    case 2: // a near 1, where the logarithm cancels
      a = TestType(uniform(0.9, 1.1));
      b = TestType(uniform(single ? -1000 : -8000, single ? 1000 : 8000));
      break;
    default:
      a = TestType(-std::floor(uniform(0, 20))), b = TestType(std::floor(uniform(-20, 20)));
    }
    long double want = std::pow(static_cast<long double>(a), static_cast<long double>(b));
    long double error = ulps(call<TestType>("pow", {a, b}), want);
    if (error <= 1.4L) continue;
    INFO("pow(" << a << ", " << b << ")");
    CHECK(static_cast<double>(error) <= 1.4);
  }
}

TEMPLATE_TEST_CASE("edges are those of IEEE 754", "", float, double) {
  using Function = TestType (*)(TestType);
  const std::pair<const char*, Function> unary[] = {
      {"exp", [](TestType x) { return std::exp(x); }},
      {"logistic_denominator", [](TestType x) { return 1 + std::exp(-x); }},
      {"log", [](TestType x) { return std::log(x); }},
      {"tanh", [](TestType x) { return std::tanh(x); }},
      {"erf", [](TestType x) { return std::erf(x); }}};
  for (TestType a : specials<TestType>()) {
    for (auto [name, want] : unary) {
      INFO(name << "(" << a << ")");
      TestType got = call<TestType>(name, {a}), w = want(a);
      bool special = std::isnan(w) || std::isinf(w) || w == 0 || std::abs(w) == 1;
      CHECK((special ? same(got, w) : ulps(got, w) <= 1.5L));
    }
    for (TestType b : specials<TestType>()) {
      INFO("pow(" << a << ", " << b << ")");
      TestType got = call<TestType>("pow", {a, b}), w = std::pow(a, b);
      bool special = std::isnan(w) || std::isinf(w) || w == 0 || w == 1;
      CHECK(
          (special ? same(got, w) : ulps(got, w) <= 1.5L && std::signbit(got) == std::signbit(w)));
    }
  }
}

TEMPLATE_TEST_CASE("max and min hand NaN on", "", float, double) {
  const TestType nan = std::numeric_limits<TestType>::quiet_NaN();
  for (auto name : {"max", "min"}) {
    CHECK(std::isnan(call<TestType>(name, {nan, 1})));
    CHECK(std::isnan(call<TestType>(name, {1, nan})));
  }
  CHECK(call<TestType>("max", {2, 3}) == 3);
  CHECK(call<TestType>("min", {2, 3}) == 2);
}

TEST_CASE("integer powers wrap, negative exponents round towards 0") {
  for (int64_t a = -12; a <= 12; a++)
    for (int64_t b = 0; b < 80; b++) {
      uint64_t want = 1;
      for (int64_t k = 0; k < b; k++)
        want *= static_cast<uint64_t>(a);
      CHECK(call<int64_t>("pow", {a, b}) == static_cast<int64_t>(want));
    }
  uint64_t squared = 3;
  for (int k = 0; k < 40; k++)
    squared *= squared;
  CHECK(call<int64_t>("pow", {3, int64_t{1} << 40}) == static_cast<int64_t>(squared));
  CHECK(call<int64_t>("pow", {1, -5}) == 1);
  CHECK(call<int64_t>("pow", {-1, -5}) == -1);
  CHECK(call<int64_t>("pow", {-1, -4}) == 1);
  CHECK(call<int64_t>("pow", {2, -1}) == 0);
  CHECK(call<int64_t>("pow", {0, -1}) == 0);
}

TEMPLATE_TEST_CASE("the normal quantile is odd, finite and close", "", float, double) {
  const TestType cell = sizeof(TestType) == 4 ? TestType(0x1p-24) : TestType(0x1p-53);
  const double tolerance = sizeof(TestType) == 4 ? 3e-6 : 1e-9;
  // The points' probabilities to 16 digits.
  const std::pair<double, double> points[] = {
      {1.0, 0.8413447460685429}, {2.0, 0.9772498680518208},  {3.0, 0.9986501019683699},
      {0.1, 0.5398278372770290}, {-1.5, 0.0668072012688581}, {-4.0, 0.0000316712418331}};
  for (auto [x, p] : points)
    CHECK(call<TestType>("normal_quantile", {TestType(p)}) ==
          Approx(x).epsilon(sizeof(TestType) == 4 ? 4e-3 * (std::abs(x) > 2.5) + 1e-5 : tolerance));
  for (int k = 0; k < 1000; k++) {
    TestType u = TestType(std::floor(k * 0.001 / cell)) * cell, mirror = 1 - u - cell;
    CHECK(call<TestType>("normal_quantile", {u}) == -call<TestType>("normal_quantile", {mirror}));
  }
  CHECK(std::isfinite(call<TestType>("normal_quantile", {0})));
  CHECK(std::isfinite(call<TestType>("normal_quantile", {1 - cell})));
}

TEST_CASE("scale2 rounds once, and saturates") {
  CHECK(scale2(1.0f, 127.0f) == 0x1p127f);
  CHECK(scale2(1.5f, 128.0f) == std::numeric_limits<float>::infinity());
  CHECK(scale2(1.0f, -149.0f) == 0x1p-149f);
  CHECK(scale2(0x1.000002p0f, -150.0f) == 0x1p-149f); // above the tie: up
  CHECK(scale2(1.0f, -150.0f) == 0.0f);               // the tie: to even
  CHECK(scale2(1.5f, -149.0f) == 0x1p-148f);
  CHECK(scale2(0x1p-149f, 254.0f) == 0x1p105f);
  CHECK(scale2(1.0f, 1e9f) == std::numeric_limits<float>::infinity());
  CHECK(scale2(1.0f, std::numeric_limits<float>::quiet_NaN()) == 0.0f);
  CHECK(scale2(1.0, -1074.0) == 0x1p-1074);
  for (int n = -300; n <= 300; n++)
    for (float x : {1.0f, 1.9999999f, 0x1p-149f, 0x1p127f, 0x1.234566p-60f}) {
      int limited = std::clamp(n, -252, 254);
      CHECK(scale2(x, static_cast<float>(n)) == std::ldexp(x, limited));
    }
}

TEMPLATE_TEST_CASE("powers of two are exact", "", float, double) {
  using L = std::numeric_limits<TestType>;
  for (int n = L::min_exponent - 1; n < L::max_exponent; n++)
    CHECK(power_of_two(TestType(n)) == std::ldexp(TestType(1), n));
}

TEST_CASE("integer division rounds down and is defined everywhere") {
  bool failed = false;
  CHECK(floordiv(7, 2, &failed) == 3);
  CHECK(floordiv(-7, 2, &failed) == -4);
  CHECK(floordiv(7, -2, &failed) == -4);
  CHECK(floordiv(std::numeric_limits<int64_t>::min(), -1, &failed) ==
        std::numeric_limits<int64_t>::min());
  CHECK(!failed);
  CHECK(floordiv(7, 0, &failed) == 0);
  CHECK(failed);
}

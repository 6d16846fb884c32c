// The elementary and special functions against the C library's long double.
#include "test/unit/function_sweep.h"

using namespace weft::expr;

TEMPLATE_TEST_CASE("trigonometric functions are accurate for every number", "", float, double) {
  const bool single = sizeof(TestType) == 4;
  const double largest = single ? 88.7 : 709.7, least = single ? -80 : -600;
  const std::pair<const char*, Reference> functions[] = {
      {"sin", [](long double x) { return std::sin(x); }},
      {"cos", [](long double x) { return std::cos(x); }},
      {"tan", [](long double x) { return std::tan(x); }},
      {"atan", [](long double x) { return std::atan(x); }}};
  for (const auto& [name, want] : functions) {
    sweep<TestType>(name, want, -4, 4, false, 1.5);
    sweep<TestType>(name, want, -1000, 1000, false, 1.5);
    sweep<TestType>(name, want, least, largest, true, 1.5);
    // Where the long reduction begins.
    const double limit = single ? 0x1p17 : 0x1p30;
    sweep<TestType>(name, want, limit - 1000, limit + 1000, false, 1.5);
    sweep<TestType>(name, want, -limit - 1000, -limit + 1000, false, 1.5);
  }
  for (const auto& [name, want] :
       {std::pair<const char*, Reference>{"asin", [](long double x) { return std::asin(x); }},
        {"acos", [](long double x) { return std::acos(x); }}}) {
    sweep<TestType>(name, want, -1, 1, false, 2);
    sweep<TestType>(name, want, 0.9999, 1, false, 2);
    sweep<TestType>(name, want, -1, -0.9999, false, 2);
    sweep<TestType>(name, want, least, 0, true, 2);
  }
}

// Multiples of pi / 2 come closest to numbers of the format at these (Muller, "Elementary
// Functions", ch. 11).
TEST_CASE("arguments close to multiples of pi / 2 lose nothing") {
  for (float x :
       {16367173.0f * 0x1p+72f, 0x1.45f306p-1f * 0x1p30f, 3.14159274f, 1.57079637f, 355.0f, 710.0f,
        103993.0f, 131071.992f, 131072.0f, 131072.016f, 312689.0f, 5.3193726483265414e16f})
    for (const char* name : {"sin", "cos", "tan"}) {
      long double want = name[0] == 's'   ? std::sin((long double)x)
                         : name[0] == 'c' ? std::cos((long double)x)
                                          : std::tan((long double)x);
      INFO(name << " " << x);
      CHECK(static_cast<double>(ulps(call<float>(name, {x}), want)) <= 1.5);
    }
  for (double x :
       {6381956970095103.0 * 0x1p797, 3.141592653589793, 1.5707963267948966, 1e22, 5e300, 103993.0,
        411557987.0, 1068966896.0, 0x1p30, std::nextafter(0x1p30, 0x1p31), 2549491779.0})
    for (const char* name : {"sin", "cos", "tan"}) {
      long double want = name[0] == 's'   ? std::sin((long double)x)
                         : name[0] == 'c' ? std::cos((long double)x)
                                          : std::tan((long double)x);
      INFO(name << " " << x);
      CHECK(static_cast<double>(ulps(call<double>(name, {x}), want)) <= 1.5);
    }
}

TEMPLATE_TEST_CASE("exponentials, logarithms and hyperbolic functions are accurate", "", float,
                   double) {
  const bool single = sizeof(TestType) == 4;
  const double largest = single ? 88.7 : 709.7, least = single ? -86 : -700;
  auto all = [&](const char* name, Reference want, double low, double high, double limit) {
    sweep<TestType>(name, want, low, high, false, limit);
    sweep<TestType>(name, want, least, std::log(std::min(high, std::exp(largest))), true, limit);
  };
  sweep<TestType>(
      "exp2", [](long double x) { return std::exp2(x); }, single ? -149 : -1074,
      single ? 127.9 : 1023.9, false, 1.05);
  sweep<TestType>(
      "expm1", [](long double x) { return std::expm1(x); }, -40, largest, false, 2);
  sweep<TestType>(
      "expm1", [](long double x) { return std::expm1(x); }, -2, 2, false, 2);
  sweep<TestType>(
      "expm1", [](long double x) { return std::expm1(x); }, least, 2, true, 2);
  Reference log1p = [](long double x) { return x < -1 ? std::nanl("") : std::log1p(x); };
  sweep<TestType>("log1p", log1p, -1, 2, false, 1.5);
  sweep<TestType>("log1p", log1p, least, largest, true, 1.5);
  for (const auto& [name, want] :
       {std::pair<const char*, Reference>{
            "log2", [](long double x) { return x < 0 ? std::nanl("") : std::log2(x); }},
        {"log10", [](long double x) { return x < 0 ? std::nanl("") : std::log10(x); }}}) {
    sweep<TestType>(name, want, 0.5, 2, false, 1.5);
    sweep<TestType>(name, want, least, largest, true, 1.5);
  }
  all(
      "sinh", [](long double x) { return std::sinh(x); }, -largest, largest, 2);
  all(
      "cosh", [](long double x) { return std::cosh(x); }, -largest, largest, 2);
  all(
      "asinh", [](long double x) { return std::asinh(x); }, -100, 100, 2);
  sweep<TestType>(
      "asinh", [](long double x) { return std::asinh(x); }, 0, largest, true, 2);
  Reference acosh = [](long double x) { return x < 1 ? std::nanl("") : std::acosh(x); };
  sweep<TestType>("acosh", acosh, 1, 2, false, 2);
  sweep<TestType>("acosh", acosh, 0, largest, true, 2);
  all(
      "atanh", [](long double x) { return std::atanh(x); }, -1, 1, 2);
}

TEMPLATE_TEST_CASE("special functions are accurate", "", float, double) {
  const bool single = sizeof(TestType) == 4;
  sweep<TestType>(
      "erfc", [](long double x) { return std::erfc(x); }, -6, single ? 9.1 : 26.5, false, 4);
  Reference lgamma = [](long double x) { return std::lgamma(x); };
  sweep<TestType>("lgamma", lgamma, 0, 3, false, 4);
  sweep<TestType>("lgamma", lgamma, 2.9, 20, false, 4);
  sweep<TestType>("lgamma", lgamma, 2, single ? 80 : 690, true,
                  1e30); // both signs: finite or infinite together
  Reference i0 = [](long double x) { return std::cyl_bessel_i(0.0L, std::abs(x)); };
  Reference i1 = [](long double x) {
    return std::copysign(std::cyl_bessel_i(1.0L, std::abs(x)), x);
  };
  sweep<TestType>("i0", i0, -20, 20, false, 10);
  sweep<TestType>("i1", i1, -20, 20, false, 10);
  Reference i0e = [&](long double x) { return i0(x) * std::exp(-std::abs(x)); };
  Reference i1e = [&](long double x) { return i1(x) * std::exp(-std::abs(x)); };
  sweep<TestType>("i0e", i0e, -300, 300, false, 10);
  sweep<TestType>("i1e", i1e, -300, 300, false, 10);
  std::mt19937_64 random(13);
  for (int k = 0; k < 20000; k++) {
    TestType x = static_cast<TestType>(std::uniform_real_distribution<double>(-5, 5)(random));
    if (x < -3.7)
      x = TestType(1) - static_cast<TestType>(std::exp(x * 3));
    else
      x = std::erf(x * TestType(0.7));
    TestType y = call<TestType>("erfinv", {x});
    if (std::abs(x) >= 1) continue;
    // erf at y, with its slope: the distance to the inverse.
    long double slope = 2 / std::sqrt(std::acos(-1.0L)) * std::exp(-(long double)y * y);
    long double error = (x > 0.5 ? (1 - (long double)x) - std::erfc((long double)y)
                                 : std::erf((long double)y) - x) /
                        slope;
    INFO("erfinv(" << x << ")");
    CHECK(static_cast<double>(std::abs(error)) <=
          4 * std::numeric_limits<TestType>::epsilon() * std::abs(y));
  }
  const double tolerance = single ? 2e-6 : 1e-12;
  const std::pair<double, double> digamma[] = {
      {1, -0.5772156649015329},    {0.5, -1.9635100260214235}, {10, 2.2517525890667211},
      {-0.5, 0.03648997397857652}, {-2.25, 4.15858356465797},  {100, 4.600161852738087},
      {1e-3, -1000.5755719318103}};
  for (auto [x, want] : digamma) {
    INFO("digamma " << x);
    CHECK(call<TestType>("digamma", {TestType(x)}) == Approx(want).epsilon(single ? 1e-5 : 1e-12));
  }
  const std::pair<double, double> trigamma[] = {{1, 1.6449340668482264},
                                                {0.5, 4.934802200544679},
                                                {10, 0.10516633568168575},
                                                {-0.5, 8.934802200544679}};
  for (auto [x, want] : trigamma)
    CHECK(call<TestType>("trigamma", {TestType(x)}) == Approx(want).epsilon(tolerance));
  const std::pair<double, double> ndtri[] = {{0.975, 1.959963984540054},
                                             {0.5, 0},
                                             {1e-3, -3.090232306167813},
                                             {1e-10, -6.361340902404056},
                                             {1e-30, -11.464024688443615}};
  for (auto [p, want] : ndtri)
    CHECK(call<TestType>("ndtri", {TestType(p)}) ==
          Approx(want).epsilon(single ? 2e-6 : 1e-12).margin(1e-9));
}

TEMPLATE_TEST_CASE("the functions' edges are those of the C library", "", float, double) {
  using Function = TestType (*)(TestType);
#define WEFT_SAME(name)                                                                            \
  {                                                                                                \
#name, [](TestType x) { return std::name(x); }                                                 \
  }
  const std::pair<const char*, Function> unary[] = {
      WEFT_SAME(sin),   WEFT_SAME(cos),  WEFT_SAME(tan),   WEFT_SAME(asin),  WEFT_SAME(acos),
      WEFT_SAME(atan),  WEFT_SAME(sinh), WEFT_SAME(cosh),  WEFT_SAME(asinh), WEFT_SAME(acosh),
      WEFT_SAME(atanh), WEFT_SAME(exp2), WEFT_SAME(expm1), WEFT_SAME(log1p), WEFT_SAME(log2),
      WEFT_SAME(log10), WEFT_SAME(erfc), WEFT_SAME(lgamma)};
#undef WEFT_SAME
  for (TestType a : specials<TestType>()) {
    for (auto [name, function] : unary) {
      TestType got = call<TestType>(name, {a}), want = function(a);
      INFO(name << "(" << a << ") is " << got << ", wanted " << want);
      bool special = std::isnan(want) || std::isinf(want) || want == 0;
      bool tested_elsewhere = std::string_view(name) == "lgamma" && std::isfinite(want) && a < 0;
      CHECK((special ? same(got, want) : tested_elsewhere || ulps(got, want) <= 4));
    }
    for (TestType b : specials<TestType>()) {
      TestType got = call<TestType>("atan2", {a, b}), want = std::atan2(a, b);
      INFO("atan2(" << a << ", " << b << ") is " << got << ", wanted " << want);
      CHECK((want == 0 || std::isnan(want) ? same(got, want) : ulps(got, want) <= 2));
      got = call<TestType>("hypot", {a, b}), want = std::hypot(a, b);
      INFO("hypot(" << a << ", " << b << ") is " << got << ", wanted " << want);
      CHECK(ulps(got, want) <= 2);
    }
  }
}

TEMPLATE_TEST_CASE("quotients and remainders are Python's", "", float, double) {
  for (TestType a : specials<TestType>())
    for (TestType b : specials<TestType>()) {
      INFO(a << " by " << b);
      TestType m = std::fmod(a, b);
      CHECK(same(call<TestType>("truncated_remainder", {a, b}), m));
      if (m != 0 && (b < 0) != (m < 0)) m += b;
      CHECK(same(call<TestType>("remainder", {a, b}), m));
    }
  CHECK(call<TestType>("floor_quotient", {TestType(1), TestType(0.1)}) ==
        (sizeof(TestType) == 4 ? 9 : 9));
  CHECK(call<TestType>("floor_quotient", {-7, 2}) == -4);
  CHECK(call<int64_t>("floor_quotient", {-7, 2}) == -4);
  CHECK(call<int64_t>("truncated_quotient", {-7, 2}) == -3);
  CHECK(call<int64_t>("remainder", {-7, 2}) == 1);
  CHECK(call<int64_t>("truncated_remainder", {-7, 2}) == -1);
  constexpr int64_t least = std::numeric_limits<int64_t>::min();
  CHECK(call<int64_t>("truncated_remainder", {least, -1}) == 0);
  CHECK(call<int64_t>("remainder", {least, -1}) == 0);
  CHECK(call<int64_t>("floor_quotient", {least, -1}) == least);
}

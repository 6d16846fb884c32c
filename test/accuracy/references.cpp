#include "test/accuracy/references.h"

#include <algorithm>
#include <cmath>

namespace weft::test {

namespace {

double from_log1p(double x) {
  return x < 0 ? std::log1p(std::exp(x)) : x + std::log1p(std::exp(-x));
}

double logit(double x) {
  return x > 0.25 && x < 0.75 ? 2 * std::atanh(2 * x - 1) : std::log(x / (1 - x));
}

// |x| less its nearest whole number is exact, and the sine of pi times it has the sign of that
// number's parity.
double sinc(double x) {
  if (x == 0) return 1;
  const double whole = std::rint(x), s = std::sin(M_PI * (x - whole));
  return (std::fmod(whole, 2) == 0 ? s : -s) / (M_PI * x);
}

// std::lgamma writes a global number, and threads share the work.
double lgamma(double x) {
  int sign;
  return ::lgamma_r(x, &sign);
}

double gelu_tanh(double x) {
  const double u = 1.5957691216057308 * (x + 0.044715 * x * x * x);
  return x / (1 + std::exp(-u));
}

constexpr double kAlpha = kAttributes[0], kThreshold = kAttributes[1];

#define WEFT_LIBM(name)                                                                            \
  {                                                                                                \
#name, [](double x) { return std::name(x); }                                                   \
  }
const Reference kReferences[] = {
    WEFT_LIBM(exp),
    WEFT_LIBM(exp2),
    WEFT_LIBM(expm1),
    WEFT_LIBM(log),
    WEFT_LIBM(log1p),
    WEFT_LIBM(log2),
    WEFT_LIBM(log10),
    WEFT_LIBM(sqrt),
    WEFT_LIBM(sin),
    WEFT_LIBM(cos),
    WEFT_LIBM(tan),
    WEFT_LIBM(asin),
    WEFT_LIBM(acos),
    WEFT_LIBM(atan),
    WEFT_LIBM(sinh),
    WEFT_LIBM(cosh),
    WEFT_LIBM(tanh),
    WEFT_LIBM(asinh),
    WEFT_LIBM(acosh),
    WEFT_LIBM(atanh),
    WEFT_LIBM(erf),
    {"erfc", [](double x) { return std::erfc(x); }, 4.5},
    {"lgamma", lgamma, 4, [](double x) { return x < 0 ? 1 + std::abs(lgamma(1 - x)) : 0; }},
    {"digamma", nullptr, 8,
     [](double x) { return x < 10 ? 2.3 + std::log1p(std::max(-x, 0.0)) : 0; }},
    {"trigamma", nullptr, 7},
    {"ndtri", nullptr, 4},
    {"erfinv", nullptr, 2.5},
    {"log_ndtr", nullptr, 4},
    {"i0", nullptr, 6},
    {"i1", nullptr, 6},
    {"i0e", nullptr, 3.3},
    {"i1e", nullptr, 3.3},
    {"rsqrt", [](double x) { return 1 / std::sqrt(x); }},
    {"reciprocal", [](double x) { return 1 / x; }},
    {"sigmoid", [](double x) { return 1 / (1 + std::exp(-x)); }, 2.6},
    {"silu", [](double x) { return x / (1 + std::exp(-x)); }, 2.6},
    {"gelu", [](double x) { return 0.5 * x * std::erfc(-x * M_SQRT1_2); }, 3.3},
    // exp(-u) has the error of u, which is 90 where the result vanishes.
    {"gelu_tanh", gelu_tanh, 200},
    {"logit", logit, 3.5},
    {"sinc", sinc, 3.5},
    {"ndtr", [](double x) { return 0.5 * std::erfc(-x * M_SQRT1_2); }, 3.5},
    {"entr",
     [](double x) {
       return x > 0 ? -x * std::log(x) : x == 0 ? 0 : x < 0 ? -INFINITY : x;
     }},
    {"logsigmoid", [](double x) { return std::min(x, 0.0) - std::log1p(std::exp(-std::abs(x))); }},
    {"softplus",
     [](double x) {
       const double z = kAlpha * x;
       return z > kThreshold ? x : from_log1p(z) / kAlpha;
     }},
    // Below -87 exp(x) is subnormal before it is multiplied by x.
    {"mish", [](double x) { return x * std::tanh(from_log1p(x)); }, 60},
    {"elu", [](double x) { return x > 0 ? x : kAlpha * std::expm1(x); }},
    {"celu_value", [](double x) { return x > 0 ? x : kAlpha * std::expm1(x / kAlpha); }},
    {"selu",
     [](double x) {
       return 1.0507009873554805 * (x > 0 ? x : 1.6732632423543772 * std::expm1(x));
     }},
};
#undef WEFT_LIBM

} // namespace

const Reference& reference_of(std::string_view op) {
  static const Reference none{"", nullptr};
  for (const Reference& r : kReferences)
    if (op == r.op) return r;
  return none;
}

} // namespace weft::test

// Functions of the language against references in long double: errors in ulp over intervals, and
// the edges.
#pragma once

#include "ir/ops/op_graphs.h"

#include <catch2/catch.hpp>
#include <functional>
#include <random>

namespace weft::expr {

inline const CallableGraphs& function(std::string_view name) {
  for (const CallableGraphs& c : kCallables)
    if (c.name == name) return c;
  throw std::runtime_error("no such function");
}

template <class T> T call(std::string_view name, std::initializer_list<T> operands) {
  std::vector<ScalarValue<T>> inputs;
  for (T v : operands)
    inputs.push_back({v, 0});
  const Graph& g = function(name).graphs[static_cast<size_t>(compute_of<T>)];
  return evaluate_element<T>(g, inputs.data()).x;
}

// The distance to the exact value in units of the last place at that value.
template <class T> long double ulps(T got, long double want) {
  T rounded = static_cast<T>(want);
  if (std::isnan(got) || std::isnan(rounded))
    return std::isnan(got) == std::isnan(rounded) ? 0 : 1e30L;
  if (std::isinf(got) || std::isinf(rounded)) return got == rounded ? 0 : 1e30L;
  T size = std::abs(rounded),
    step = std::nextafter(size, std::numeric_limits<T>::infinity()) - size;
  return std::abs(static_cast<long double>(got) - want) / step;
}

using Reference = std::function<long double(long double)>;

template <class T>
void sweep(std::string_view name, const Reference& want, double low, double high, bool logarithmic,
           double limit) {
  std::mt19937_64 random(7);
  std::uniform_real_distribution<double> uniform(low, high);
  long double worst = 0;
  T at = 0;
  for (int k = 0; k < 40000; k++) {
    T x = static_cast<T>(logarithmic ? std::exp(uniform(random)) : uniform(random));
    if (logarithmic && (k & 1)) x = -x;
    long double error = ulps(call<T>(name, {x}), want(x));
    if (error > worst) worst = error, at = x;
  }
  INFO(name << " at " << at << " from " << low << " to " << high);
  CHECK(static_cast<double>(worst) <= limit);
}

template <class T> bool same(T a, T b) {
  return std::isnan(a) || std::isnan(b) ? std::isnan(a) && std::isnan(b)
                                        : a == b && std::signbit(a) == std::signbit(b);
}

template <class T> std::vector<T> specials() {
  using L = std::numeric_limits<T>;
  return {0,
          T(-0.0),
          1,
          -1,
          T(0.5),
          T(-0.5),
          2,
          -2,
          3,
          -3,
          T(2.5),
          T(-2.5),
          L::infinity(),
          -L::infinity(),
          L::max(),
          L::lowest(),
          L::min(),
          -L::min(),
          L::denorm_min(),
          -L::denorm_min(),
          T(1e10),
          T(-1e10),
          T(16777217),
          L::quiet_NaN()};
}

} // namespace weft::expr

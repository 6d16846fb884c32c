// Elements as they lie in memory, by dtype, and conversions of single ones.
#pragma once

#include "weft/dtype.h"

#include <array>
#include <bit>
#include <cmath>
#include <cstdint>

namespace weft::kernels {

struct Bf16 {
  uint16_t bits;
};
struct Bool {
  uint8_t byte;
};

/// Storage and compute type of a dtype.
template <DType dtype> struct Element;
template <> struct Element<DType::f32> {
  using Storage = float;
  using Compute = float;
};
template <> struct Element<DType::f64> {
  using Storage = double;
  using Compute = double;
};
template <> struct Element<DType::bf16> {
  using Storage = Bf16;
  using Compute = float;
};
template <> struct Element<DType::i64> {
  using Storage = int64_t;
  using Compute = int64_t;
};
template <> struct Element<DType::boolean> {
  using Storage = Bool;
  using Compute = int64_t;
};

constexpr float widen(float x) { return x; }
constexpr double widen(double x) { return x; }
constexpr int64_t widen(int64_t x) { return x; }
constexpr int64_t widen(Bool x) { return x.byte != 0; }
constexpr float widen(Bf16 x) { return std::bit_cast<float>(uint32_t{x.bits} << 16); }

/// Rounds to nearest even; a NaN stays a quiet NaN.
constexpr Bf16 to_bf16(float x) {
  auto bits = std::bit_cast<uint32_t>(x);
  if (x != x) return {static_cast<uint16_t>(bits >> 16 | 0x40)};
  return {static_cast<uint16_t>((bits + 0x7FFF + (bits >> 16 & 1)) >> 16)};
}

/// Truncates and saturates; NaN gives 0.
constexpr int64_t to_int(double x) {
  if (x != x) return 0;
  if (x >= 9223372036854775808.0) return INT64_MAX;
  if (x < -9223372036854775808.0) return INT64_MIN;
  return static_cast<int64_t>(x);
}

/// Converts a compute value to storage of another dtype.
template <class To, class From> constexpr To convert(From x) {
  if constexpr (std::is_same_v<To, Bool>)
    return {static_cast<uint8_t>(x != 0)};
  else if constexpr (std::is_same_v<To, Bf16>)
    return to_bf16(static_cast<float>(x));
  else if constexpr (std::is_same_v<To, int64_t> && std::is_floating_point_v<From>)
    return to_int(x);
  else
    return static_cast<To>(x);
}

} // namespace weft::kernels

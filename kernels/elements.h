// Elements as they lie in memory, by dtype, and conversions of single ones.
#pragma once

#include "weft/dtype.h"

#include <array>
#include <bit>
#include <cmath>
#include <concepts>
#include <cstdint>

namespace weft::kernels {

struct Bf16 {
  uint16_t bits;
};
struct F16 {
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
template <> struct Element<DType::f16> {
  using Storage = F16;
  using Compute = float;
};
template <class Integer> struct IntegerElement {
  using Storage = Integer;
  using Compute = int64_t;
};
template <> struct Element<DType::i64> : IntegerElement<int64_t> {};
template <> struct Element<DType::i32> : IntegerElement<int32_t> {};
template <> struct Element<DType::i16> : IntegerElement<int16_t> {};
template <> struct Element<DType::i8> : IntegerElement<int8_t> {};
template <> struct Element<DType::u8> : IntegerElement<uint8_t> {};
template <> struct Element<DType::boolean> {
  using Storage = Bool;
  using Compute = int64_t;
};

/// Calls f with std::integral_constant of the dtype.
template <class F> constexpr decltype(auto) visit_element(DType t, F&& f) {
  return visit_dtype(t, [&]<class T>(std::type_identity<T>) -> decltype(auto) {
    return f(std::integral_constant<DType, DTypeOf<T>::value>());
  });
}

constexpr float widen(float x) { return x; }
constexpr double widen(double x) { return x; }
template <std::integral T> constexpr int64_t widen(T x) { return x; }
constexpr int64_t widen(Bool x) { return x.byte != 0; }
constexpr float widen(Bf16 x) { return std::bit_cast<float>(uint32_t{x.bits} << 16); }

/// A product by 2^112 brings the exponent's bias to that of f32, subnormal numbers included. A NaN
/// becomes quiet.
constexpr float widen(F16 x) {
  uint32_t magnitude = uint32_t{x.bits & 0x7FFFu} << 13;
  float scaled = std::bit_cast<float>(magnitude) * 0x1p112f;
  auto bits = std::bit_cast<uint32_t>(scaled);
  if (magnitude >= 0x0F800000u) bits = magnitude | 0x7F800000u; // infinity and NaN
  if (magnitude > 0x0F800000u) bits |= 0x00400000u;
  return std::bit_cast<float>(bits | uint32_t{x.bits & 0x8000u} << 16);
}

/// Rounds to nearest even; a NaN stays a quiet NaN with the upper bits of its payload.
constexpr F16 to_f16(float x) {
  auto bits = std::bit_cast<uint32_t>(x);
  uint32_t magnitude = bits & 0x7FFFFFFFu;
  // Normal results: the exponent's bias goes from 127 to 15, then 13 bits are rounded away.
  uint32_t normal = (magnitude - 0x38000000u + 0xFFFu + (magnitude >> 13 & 1)) >> 13;
  // Subnormal ones: adding 1/2 leaves multiples of 2^-24 in the low bits, rounded.
  uint32_t small = std::bit_cast<uint32_t>(std::bit_cast<float>(magnitude) + 0.5f) - 0x3F000000u;
  uint32_t result = magnitude < 0x38800000u ? small : normal;
  if (magnitude >= 0x477FF000u) result = 0x7C00u; // 65520 and more
  if (magnitude > 0x7F800000u) result = 0x7E00u | (magnitude >> 13 & 0x3FFu);
  return {static_cast<uint16_t>(result | (bits >> 16 & 0x8000u))};
}

/// Rounds to nearest even; a NaN stays a quiet NaN.
constexpr Bf16 to_bf16(float x) {
  auto bits = std::bit_cast<uint32_t>(x);
  if (x != x) return {static_cast<uint16_t>(bits >> 16 | 0x40)};
  return {static_cast<uint16_t>((bits + 0x7FFF + (bits >> 16 & 1)) >> 16)};
}

/// Truncates and saturates; NaN gives 0. Narrower integers are those of i64, wrapped.
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
  else if constexpr (std::is_same_v<To, F16>)
    return to_f16(static_cast<float>(x));
  else if constexpr (std::is_integral_v<To> && std::is_floating_point_v<From>)
    return static_cast<To>(to_int(x));
  else
    return static_cast<To>(x);
}

} // namespace weft::kernels

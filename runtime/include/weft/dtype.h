// Element types, devices and scalars: the plain vocabulary that every layer shares.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <string_view>
#include <type_traits>

namespace weft {

enum class DType : uint8_t { f32, f64, bf16, i64, boolean };
inline constexpr int kDTypeCount = 5;

inline constexpr DType f32 = DType::f32;
inline constexpr DType f64 = DType::f64;
inline constexpr DType bf16 = DType::bf16;
inline constexpr DType i64 = DType::i64;
inline constexpr DType boolean = DType::boolean;

/// Returns the bytes one element takes in memory.
constexpr size_t size_of(DType t) {
  constexpr size_t sizes[] = {4, 8, 2, 8, 1};
  return sizes[static_cast<int>(t)];
}
constexpr bool is_floating(DType t) {
  return t == DType::f32 || t == DType::f64 || t == DType::bf16;
}
/// Returns the name used in messages, in the IR and in files, such as "f32".
constexpr std::string_view name_of(DType t) {
  constexpr std::string_view names[] = {"f32", "f64", "bf16", "i64", "bool"};
  return names[static_cast<int>(t)];
}

/// Prints the name.
std::ostream& operator<<(std::ostream& out, DType t);

/// A bfloat16 element as stored: the upper half of an IEEE binary32.
struct BFloat16 {
  uint16_t bits = 0;
};

template <class T> struct DTypeOf;
template <> struct DTypeOf<float> { static constexpr DType value = DType::f32; };
template <> struct DTypeOf<double> { static constexpr DType value = DType::f64; };
template <> struct DTypeOf<BFloat16> { static constexpr DType value = DType::bf16; };
template <> struct DTypeOf<int64_t> { static constexpr DType value = DType::i64; };
template <> struct DTypeOf<bool> { static constexpr DType value = DType::boolean; };

enum class DeviceType : uint8_t { cpu, opencl, cuda };

/// Where a tensor's memory lies.
struct Device {
  DeviceType type = DeviceType::cpu;
  uint8_t index = 0;

  static constexpr Device cpu() { return {}; }
  static constexpr Device opencl(uint8_t index = 0) { return {DeviceType::opencl, index}; }
  static constexpr Device cuda(uint8_t index = 0) { return {DeviceType::cuda, index}; }
  friend constexpr bool operator==(Device, Device) = default;
};

/// A host number with the kind that type promotion looks at: bool < integer < floating.
struct Scalar {
  enum class Kind : uint8_t { boolean, integer, floating };
  Kind kind = Kind::floating;
  union {
    double f = 0;
    int64_t i; // also holds a bool, as 0 or 1
  };

  constexpr Scalar() = default;
  template <class T>
  requires std::is_arithmetic_v<T>
  constexpr Scalar(T v) {
    if constexpr (std::is_floating_point_v<T>) {
      kind = Kind::floating;
      f = static_cast<double>(v);
    } else {
      kind = std::is_same_v<T, bool> ? Kind::boolean : Kind::integer;
      i = static_cast<int64_t>(v);
    }
  }
  constexpr double to_double() const { return kind == Kind::floating ? f : static_cast<double>(i); }
  constexpr int64_t to_int() const { return kind == Kind::floating ? static_cast<int64_t>(f) : i; }
};

} // namespace weft

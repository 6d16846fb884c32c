// Element types, devices and scalars: the plain vocabulary that every layer shares.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <limits>
#include <string_view>
#include <type_traits>

namespace weft {

/// The type of a tensor's elements. Programs on disk and op structure hold the numbers: new ones go
/// to the end.
enum class DType : uint8_t { f32, f64, bf16, i64, boolean, f16, i32, i16, i8, u8 };
inline constexpr int kDTypeCount = 10;

// The same without DType:: in front, for calls: x.to(bf16).
inline constexpr DType f32 = DType::f32;
inline constexpr DType f64 = DType::f64;
inline constexpr DType bf16 = DType::bf16;
inline constexpr DType f16 = DType::f16;
inline constexpr DType i64 = DType::i64;
inline constexpr DType i32 = DType::i32;
inline constexpr DType i16 = DType::i16;
inline constexpr DType i8 = DType::i8;
inline constexpr DType u8 = DType::u8;
inline constexpr DType boolean = DType::boolean;

/// Returns the bytes one element takes in memory.
constexpr size_t size_of(DType t) {
  constexpr size_t sizes[] = {4, 8, 2, 8, 1, 2, 4, 2, 1, 1};
  return sizes[static_cast<int>(t)];
}
/// Says whether elements are floats of any width.
constexpr bool is_floating(DType t) { return t <= DType::bf16 || t == DType::f16; }
/// Says whether elements are integers: not floating and not bool.
constexpr bool is_integer(DType t) { return !is_floating(t) && t != DType::boolean; }
/// Says whether elements are floats of 16 bits, which compute in f32 and are rounded at the end.
constexpr bool is_half(DType t) { return t == DType::bf16 || t == DType::f16; }
/// Returns the dtype that elements are computed in: f32 for halves, i64 for integers (which wrap to
/// their own width at the end) and for bool, else the dtype itself.
constexpr DType compute_dtype(DType t) {
  return is_half(t) ? DType::f32 : is_floating(t) ? t : DType::i64;
}
/// Returns the name used in messages, in the IR and in files, such as "f32".
constexpr std::string_view name_of(DType t) {
  constexpr std::string_view names[] = {"f32", "f64", "bf16", "i64", "bool",
                                        "f16", "i32", "i16",  "i8",  "u8"};
  return names[static_cast<int>(t)];
}

/// Prints the name.
std::ostream& operator<<(std::ostream& out, DType t);

/// A bfloat16 element as stored: the upper half of an IEEE binary32.
struct BFloat16 {
  uint16_t bits = 0;
};

/// A float16 element as stored: the bits of an IEEE binary16.
struct Float16 {
  uint16_t bits = 0;
};

/// The dtype that stores a host type: DTypeOf<float>::value is f32.
template <class T> struct DTypeOf;
template <> struct DTypeOf<float> { static constexpr DType value = DType::f32; };
template <> struct DTypeOf<double> { static constexpr DType value = DType::f64; };
template <> struct DTypeOf<BFloat16> { static constexpr DType value = DType::bf16; };
template <> struct DTypeOf<Float16> { static constexpr DType value = DType::f16; };
template <> struct DTypeOf<int64_t> { static constexpr DType value = DType::i64; };
template <> struct DTypeOf<int32_t> { static constexpr DType value = DType::i32; };
template <> struct DTypeOf<int16_t> { static constexpr DType value = DType::i16; };
template <> struct DTypeOf<int8_t> { static constexpr DType value = DType::i8; };
template <> struct DTypeOf<uint8_t> { static constexpr DType value = DType::u8; };
template <> struct DTypeOf<bool> { static constexpr DType value = DType::boolean; };

/// Calls f with std::type_identity of the host type that elements of a dtype have.
template <class F> constexpr decltype(auto) visit_dtype(DType t, F&& f) {
  switch (t) {
  case DType::f32:
    return f(std::type_identity<float>());
  case DType::f64:
    return f(std::type_identity<double>());
  case DType::bf16:
    return f(std::type_identity<BFloat16>());
  case DType::f16:
    return f(std::type_identity<Float16>());
  case DType::i64:
    return f(std::type_identity<int64_t>());
  case DType::i32:
    return f(std::type_identity<int32_t>());
  case DType::i16:
    return f(std::type_identity<int16_t>());
  case DType::i8:
    return f(std::type_identity<int8_t>());
  case DType::u8:
    return f(std::type_identity<uint8_t>());
  default:
    return f(std::type_identity<bool>());
  }
}

/// Whose memory and kernels a device has.
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

namespace detail {
/// Throws: a number that no int64_t holds would become another one.
[[noreturn]] void refuse_unsigned(uint64_t value);
} // namespace detail

/// A host number with the kind that type promotion looks at: bool < integer < floating.
struct Scalar {
  enum class Kind : uint8_t { boolean, integer, floating };
  Kind kind = Kind::floating;
  union {
    double f = 0;
    int64_t i; // also holds a bool, as 0 or 1
  };

  constexpr Scalar() = default;
  /// Holds a host number. Throws Error (value) for an unsigned one of 2^63 or more.
  template <class T>
  requires std::is_arithmetic_v<T>
  constexpr Scalar(T v) {
    if constexpr (std::is_floating_point_v<T>) {
      kind = Kind::floating;
      f = static_cast<double>(v);
    } else {
      kind = std::is_same_v<T, bool> ? Kind::boolean : Kind::integer;
      if constexpr (std::is_unsigned_v<T> && sizeof(T) >= sizeof(int64_t))
        if (v > static_cast<T>(std::numeric_limits<int64_t>::max())) detail::refuse_unsigned(v);
      i = static_cast<int64_t>(v);
    }
  }
  /// Returns the number as a double; integers beyond 2^53 are rounded.
  constexpr double to_double() const { return kind == Kind::floating ? f : static_cast<double>(i); }
  /// Returns the number cut towards 0. What no int64_t holds becomes the nearest one that there is,
  /// NaN 0.
  constexpr int64_t to_int() const {
    using Limits = std::numeric_limits<int64_t>;
    if (kind != Kind::floating) return i;
    if (!(f == f)) return 0;
    if (f >= 0x1p63) return Limits::max();
    return f < -0x1p63 ? Limits::min() : static_cast<int64_t>(f);
  }
};

} // namespace weft

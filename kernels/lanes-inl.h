// The primitives of the expression language (ir/expr/primitives.h) as Highway vectors, and how
// elements are loaded and stored. Per target: included once for each by foreach_target.
#if defined(WEFT_KERNELS_LANES_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef WEFT_KERNELS_LANES_INL_H_
#undef WEFT_KERNELS_LANES_INL_H_
#else
#define WEFT_KERNELS_LANES_INL_H_
#endif

#include "kernels/elements.h"

#include <cmath>
#include <cstdint>
#include <cstring>
#include <hwy/highway.h>
#include <limits>
#include <type_traits>

HWY_BEFORE_NAMESPACE();
namespace weft::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;
using hn::Mask;
using hn::TFromD;
using hn::Vec;

/// What a kernel has met; `error` is set by require and by integer division by zero.
struct Flags {
  uint32_t error = 0;
};

template <class D> using UnsignedTag = hn::RebindToUnsigned<D>;
template <class D> using IndexTag = hn::Rebind<int64_t, D>; // of 8-byte compute types only
template <class D> using IndexVec = Vec<IndexTag<D>>;

/// The accumulators of a reduction; the second one follows a position.
template <class D> struct PlainState { Vec<D> v; };
template <class D> struct IndexedState {
  Vec<D> v;
  IndexVec<D> i;
};

template <class D> inline constexpr bool is_float = std::is_floating_point_v<TFromD<D>>;

namespace prim {

// What no vector form computes with one rounding or in integers: lane by lane.
template <class D, class F> HWY_INLINE Vec<D> each_lane(D tag, Vec<D> a, Vec<D> b, Vec<D> c, F f) {
  HWY_ALIGN TFromD<D> x[hn::MaxLanes(tag)], y[hn::MaxLanes(tag)], z[hn::MaxLanes(tag)];
  hn::Store(a, tag, x);
  hn::Store(b, tag, y);
  hn::Store(c, tag, z);
  for (size_t k = 0; k < hn::Lanes(tag); k++)
    x[k] = f(x[k], y[k], z[k]);
  return hn::Load(tag, x);
}

template <class D> HWY_INLINE Vec<D> literal(D tag, double v) {
  using Wide = std::conditional_t<is_float<D>, TFromD<D>, int64_t>; // narrow integers wrap
  return hn::Set(tag, static_cast<TFromD<D>>(static_cast<Wide>(v)));
}
template <class D> HWY_INLINE Vec<D> lowest(D tag) {
  using Limits = std::numeric_limits<TFromD<D>>;
  return hn::Set(tag, Limits::has_infinity ? -Limits::infinity() : Limits::min());
}
template <class D> HWY_INLINE Vec<D> highest(D tag) {
  using Limits = std::numeric_limits<TFromD<D>>;
  return hn::Set(tag, Limits::has_infinity ? Limits::infinity() : Limits::max());
}

// Ne is ordered on some targets, so that NaN != NaN would be false there.
template <class D> HWY_INLINE Mask<D> eq(D, Vec<D> a, Vec<D> b) { return hn::Eq(a, b); }
template <class D> HWY_INLINE Mask<D> ne(D, Vec<D> a, Vec<D> b) { return hn::Not(hn::Eq(a, b)); }
template <class D> HWY_INLINE Mask<D> lt(D, Vec<D> a, Vec<D> b) { return hn::Lt(a, b); }
template <class D> HWY_INLINE Mask<D> gt(D, Vec<D> a, Vec<D> b) { return hn::Gt(a, b); }
template <class D> HWY_INLINE Mask<D> le(D, Vec<D> a, Vec<D> b) {
  if constexpr (is_float<D>)
    return hn::Le(a, b);
  else
    return hn::Not(hn::Gt(a, b));
}
template <class D> HWY_INLINE Mask<D> ge(D, Vec<D> a, Vec<D> b) {
  if constexpr (is_float<D>)
    return hn::Ge(a, b);
  else
    return hn::Not(hn::Lt(a, b));
}
template <class D> HWY_INLINE Mask<D> logical_and(D, Mask<D> a, Mask<D> b) { return hn::And(a, b); }
template <class D> HWY_INLINE Mask<D> logical_or(D, Mask<D> a, Mask<D> b) { return hn::Or(a, b); }
template <class D> HWY_INLINE Mask<D> logical_xor(D, Mask<D> a, Mask<D> b) { return hn::Xor(a, b); }
template <class D> HWY_INLINE Mask<D> logical_not(D, Mask<D> a) { return hn::Not(a); }
template <class D> HWY_INLINE Vec<D> where(D, Mask<D> c, Vec<D> a, Vec<D> b) {
  return hn::IfThenElse(c, a, b);
}
template <class D> HWY_INLINE Vec<D> rarely(D, Mask<D> c, Vec<D> a, Vec<D> b) {
  return hn::IfThenElse(c, a, b);
}
/// Says whether a condition that seldom holds does so in some lane.
template <class D> HWY_INLINE bool any(D tag, Mask<D> c) {
  return HWY_UNLIKELY(!hn::AllFalse(tag, c));
}

template <class D> HWY_INLINE Vec<D> add(D, Vec<D> a, Vec<D> b) { return hn::Add(a, b); }
template <class D> HWY_INLINE Vec<D> sub(D, Vec<D> a, Vec<D> b) { return hn::Sub(a, b); }
template <class D> HWY_INLINE Vec<D> div(D, Vec<D> a, Vec<D> b) { return hn::Div(a, b); }
template <class D> HWY_INLINE Vec<D> sqrt(D, Vec<D> a) { return hn::Sqrt(a); }
template <class D> HWY_INLINE Vec<D> copysign(D, Vec<D> a, Vec<D> b) { return hn::CopySign(a, b); }
template <class D> HWY_INLINE Vec<D> mul(D tag, Vec<D> a, Vec<D> b) {
  if constexpr (is_float<D>) {
    return hn::Mul(a, b);
#if HWY_TARGET == HWY_SCALAR
  } else {
    return each_lane(tag, a, b, b, [](int64_t x, int64_t y, int64_t) {
      return static_cast<TFromD<D>>(static_cast<uint64_t>(x) * static_cast<uint64_t>(y));
    });
#else
  } else if constexpr (sizeof(TFromD<D>) == 1) { // two in each lane of 16 bits
    const hn::Repartition<uint16_t, D> pairs;
    const auto a16 = hn::BitCast(pairs, a), b16 = hn::BitCast(pairs, b);
    const auto even = hn::And(hn::Mul(a16, b16), hn::Set(pairs, 0xFF));
    const auto odd = hn::Mul(hn::ShiftRight<8>(a16), hn::ShiftRight<8>(b16));
    return hn::BitCast(tag, hn::Or(even, hn::ShiftLeft<8>(odd)));
  } else if constexpr (sizeof(TFromD<D>) < 8) {
    return hn::Mul(a, b);
  } else {
    // The low 64 bits: low * low + 2^32 (low * high + high * low).
    const hn::Repartition<uint32_t, D> half;
    const UnsignedTag<D> whole;
    const auto a32 = hn::BitCast(half, a), b32 = hn::BitCast(half, b);
    const auto cross = hn::BitCast(whole, hn::Mul(a32, hn::Shuffle2301(b32)));
    const auto high = hn::ShiftLeft<32>(hn::Add(cross, hn::ShiftRight<32>(cross)));
    return hn::BitCast(tag, hn::Add(hn::MulEven(a32, b32), high));
#endif
  }
}
template <class D> HWY_INLINE Vec<D> neg(D tag, Vec<D> a) {
  if constexpr (is_float<D>)
    return hn::Neg(a);
  else
    return hn::Sub(hn::Zero(tag), a);
}
template <class D> HWY_INLINE Vec<D> abs(D tag, Vec<D> a) {
  if constexpr (is_float<D>)
    return hn::Abs(a);
  else
    return hn::IfThenElse(hn::Lt(a, hn::Zero(tag)), hn::Sub(hn::Zero(tag), a), a);
}

#if HWY_ARCH_X86 && HWY_TARGET > HWY_SSE4
template <class D> HWY_INLINE Vec<D> floor(D tag, Vec<D> a) {
  return each_lane(tag, a, a, a, [](auto x, auto, auto) { return std::floor(x); });
}
template <class D> HWY_INLINE Vec<D> rint(D tag, Vec<D> a) {
  return each_lane(tag, a, a, a, [](auto x, auto, auto) { return std::nearbyint(x); });
}
#else
template <class D> HWY_INLINE Vec<D> floor(D, Vec<D> a) { return hn::Floor(a); }
template <class D> HWY_INLINE Vec<D> rint(D, Vec<D> a) { return hn::Round(a); }
#endif

#if HWY_ARCH_X86 && HWY_TARGET > HWY_AVX2
template <class D> HWY_INLINE Vec<D> fma(D tag, Vec<D> a, Vec<D> b, Vec<D> c) {
  return each_lane(tag, a, b, c, [](auto x, auto y, auto z) { return std::fma(x, y, z); });
}
#else
template <class D> HWY_INLINE Vec<D> fma(D, Vec<D> a, Vec<D> b, Vec<D> c) {
  return hn::MulAdd(a, b, c);
}
#endif

/// The layout of a format, and 1.5 * 2^mantissa: adding it leaves an integer in the low bits.
template <class T> struct Format;
template <> struct Format<float> {
  static constexpr int mantissa = 23, bias = 127, low = -252, high = 254;
  static constexpr uint32_t field = 0xFF, one = 0x3F800000, whole = 0x4B000000;
  static constexpr float shifter = 12582912.0f, offset = 8388608.0f + 127.0f;
};
template <> struct Format<double> {
  static constexpr int mantissa = 52, bias = 1023, low = -2044, high = 2046;
  static constexpr uint64_t field = 0x7FF, one = 0x3FF0000000000000, whole = 0x4330000000000000;
  static constexpr double shifter = 6755399441055744.0, offset = 4503599627370496.0 + 1023.0;
};

template <class D> HWY_INLINE Vec<D> power_of_two(D tag, Vec<D> n) {
  using F = Format<TFromD<D>>;
  const auto sum = hn::Add(n, hn::Set(tag, F::shifter + F::bias));
  return hn::BitCast(tag, hn::ShiftLeft<F::mantissa>(hn::BitCast(UnsignedTag<D>(), sum)));
}
// n between two limits; NaN counts as the lower one.
template <class D> HWY_INLINE Vec<D> limited(D tag, Vec<D> n, int low, int high) {
  const auto least = hn::Set(tag, TFromD<D>(low)), most = hn::Set(tag, TFromD<D>(high));
#if HWY_ARCH_X86 && HWY_TARGET != HWY_SCALAR
  return hn::Min(hn::Max(n, least), most); // the instructions give the second one for NaN
#else
  const auto above = hn::IfThenElse(hn::Gt(n, least), n, least);
  return hn::IfThenElse(hn::Lt(above, most), above, most);
#endif
}
template <class D> HWY_INLINE Vec<D> scale2(D tag, Vec<D> x, Vec<D> n) {
  using F = Format<TFromD<D>>;
#if HWY_TARGET == HWY_AVX3
  if constexpr (sizeof(x.raw) == 64) { // one instruction, with one rounding too
    const auto m = limited(tag, n, F::low, F::high);
    if constexpr (std::is_same_v<TFromD<D>, float>)
      return Vec<D>{_mm512_scalef_ps(x.raw, m.raw)};
    else
      return Vec<D>{_mm512_scalef_pd(x.raw, m.raw)};
  }
#endif
  const auto last = limited(tag, n, F::low / 2, F::high / 2);
  const auto first = limited(tag, hn::Sub(n, last), F::low / 2, F::high / 2);
  return hn::Mul(hn::Mul(x, power_of_two(tag, first)), power_of_two(tag, last));
}
template <class D> HWY_INLINE Vec<D> exponent(D tag, Vec<D> x) {
  using F = Format<TFromD<D>>;
  const UnsignedTag<D> bits;
  const auto field =
      hn::And(hn::ShiftRight<F::mantissa>(hn::BitCast(bits, x)), hn::Set(bits, F::field));
  return hn::Sub(hn::BitCast(tag, hn::Or(field, hn::Set(bits, F::whole))), hn::Set(tag, F::offset));
}
template <class D> HWY_INLINE Vec<D> mantissa(D tag, Vec<D> x) {
  using F = Format<TFromD<D>>;
  const UnsignedTag<D> bits;
  const auto fraction = hn::Set(bits, (hwy::MakeUnsigned<TFromD<D>>{1} << F::mantissa) - 1);
  const auto one = hn::Set(bits, F::one);
  return hn::BitCast(tag, hn::Or(hn::And(hn::BitCast(bits, x), fraction), one));
}

template <class D> HWY_INLINE Vec<D> fmod(D tag, Vec<D> a, Vec<D> b) {
  return each_lane(tag, a, b, b, [](auto x, auto y, auto) { return std::fmod(x, y); });
}
template <class D> HWY_INLINE Vec<D> bit_and(D, Vec<D> a, Vec<D> b) { return hn::And(a, b); }
template <class D> HWY_INLINE Vec<D> bit_or(D, Vec<D> a, Vec<D> b) { return hn::Or(a, b); }
template <class D> HWY_INLINE Vec<D> bit_xor(D, Vec<D> a, Vec<D> b) { return hn::Xor(a, b); }
template <class D> HWY_INLINE Vec<D> shift_left(D tag, Vec<D> a, Vec<D> b) {
  return each_lane(tag, a, b, b, [](int64_t x, int64_t y, int64_t) -> int64_t {
    return y < 0 || y > 63 ? 0 : static_cast<int64_t>(static_cast<uint64_t>(x) << y);
  });
}
template <class D> HWY_INLINE Vec<D> shift_right(D tag, Vec<D> a, Vec<D> b) {
  return each_lane(tag, a, b, b, [](int64_t x, int64_t y, int64_t) -> int64_t {
    return x >> (y < 0 || y > 63 ? 63 : y);
  });
}
template <class D> HWY_INLINE Vec<D> floordiv(D tag, Flags& flags, Vec<D> a, Vec<D> b) {
  flags.error |= !hn::AllFalse(tag, hn::Eq(b, hn::Zero(tag)));
  return each_lane(tag, a, b, b, [](int64_t x, int64_t y, int64_t) -> int64_t {
    if (y == 0) return 0;
    if (y == -1) return static_cast<int64_t>(-static_cast<uint64_t>(x));
    return x / y - (x % y != 0 && (x < 0) != (y < 0));
  });
}
/// floordiv by 2^k.
template <int k, class D> HWY_INLINE Vec<D> floordiv_shift(D, Vec<D> a) {
  if constexpr (k == 0)
    return a;
  else
    return hn::ShiftRight<k>(a);
}
template <class D> HWY_INLINE Vec<D> require(D tag, Flags& flags, Mask<D> c, Vec<D> x) {
  flags.error |= !hn::AllTrue(tag, c);
  return x;
}

// Positions.
template <class D> HWY_INLINE IndexVec<D> literal_index(D, double v) {
  return hn::Set(IndexTag<D>(), static_cast<int64_t>(v));
}
template <class D> HWY_INLINE IndexVec<D> lowest_index(D) {
  return hn::Set(IndexTag<D>(), std::numeric_limits<int64_t>::min());
}
template <class D> HWY_INLINE IndexVec<D> highest_index(D) {
  return hn::Set(IndexTag<D>(), std::numeric_limits<int64_t>::max());
}
template <class D> HWY_INLINE Mask<D> eq_index(D tag, IndexVec<D> a, IndexVec<D> b) {
  return hn::RebindMask(tag, hn::Eq(a, b));
}
template <class D> HWY_INLINE Mask<D> ne_index(D tag, IndexVec<D> a, IndexVec<D> b) {
  return hn::Not(eq_index(tag, a, b));
}
template <class D> HWY_INLINE Mask<D> lt_index(D tag, IndexVec<D> a, IndexVec<D> b) {
  return hn::RebindMask(tag, hn::Lt(a, b));
}
template <class D> HWY_INLINE Mask<D> gt_index(D tag, IndexVec<D> a, IndexVec<D> b) {
  return lt_index(tag, b, a);
}
template <class D> HWY_INLINE Mask<D> le_index(D tag, IndexVec<D> a, IndexVec<D> b) {
  return hn::Not(lt_index(tag, b, a));
}
template <class D> HWY_INLINE Mask<D> ge_index(D tag, IndexVec<D> a, IndexVec<D> b) {
  return hn::Not(lt_index(tag, a, b));
}
template <class D> HWY_INLINE IndexVec<D> where_index(D, Mask<D> c, IndexVec<D> a, IndexVec<D> b) {
  return hn::IfThenElse(hn::RebindMask(IndexTag<D>(), c), a, b);
}
template <class D>
HWY_INLINE IndexVec<D> rarely_index(D tag, Mask<D> c, IndexVec<D> a, IndexVec<D> b) {
  return where_index(tag, c, a, b);
}

} // namespace prim

//===--- Memory -------------------------------------------------------------------------------===//

/// Bytes as unsigned numbers as wide as D's.
template <class D> HWY_INLINE Vec<UnsignedTag<D>> load_bytes(D, const uint8_t* p) {
  const UnsignedTag<D> wide;
  const auto bytes = hn::LoadU(hn::Rebind<uint8_t, D>(), p);
  if constexpr (sizeof(TFromD<D>) == 1)
    return bytes;
  else if constexpr (sizeof(TFromD<D>) < 8)
    return hn::PromoteTo(wide, bytes);
  else
    return hn::PromoteTo(wide, hn::PromoteTo(hn::Rebind<uint32_t, D>(), bytes));
}
template <class D> HWY_INLINE Mask<D> load_mask(D tag, const uint8_t* p) {
  const UnsignedTag<D> wide;
  return hn::RebindMask(tag, hn::Not(hn::Eq(load_bytes(tag, p), hn::Zero(wide))));
}
template <class D> HWY_INLINE void store_mask(D, Mask<D> m, uint8_t* p) {
  const hn::Rebind<uint8_t, D> bytes;
  const hn::RebindToSigned<D> wide;
  const auto ones = hn::IfThenElseZero(hn::RebindMask(wide, m), hn::Set(wide, 1));
  if constexpr (sizeof(TFromD<D>) == 1)
    hn::StoreU(hn::BitCast(bytes, ones), bytes, p);
  else if constexpr (sizeof(TFromD<D>) < 8)
    hn::StoreU(hn::DemoteTo(bytes, ones), bytes, p);
  else
    hn::StoreU(hn::TruncateTo(bytes, hn::BitCast(UnsignedTag<D>(), ones)), bytes, p);
}

/// Elements in memory (bf16, bool: of Bf16 and Bool) as vectors of the compute type, and back.
template <class S, class D> HWY_INLINE Vec<D> load(D tag, const S* p) {
  if constexpr (std::is_same_v<S, TFromD<D>>) {
    return hn::LoadU(tag, p);
  } else if constexpr (std::is_same_v<S, Bool>) {
    return hn::BitCast(tag, load_bytes(tag, reinterpret_cast<const uint8_t*>(p)));
  } else {
    static_assert(std::is_same_v<S, Bf16>);
    const UnsignedTag<D> wide;
    const auto bits = hn::LoadU(hn::Rebind<uint16_t, D>(), reinterpret_cast<const uint16_t*>(p));
    return hn::BitCast(tag, hn::ShiftLeft<16>(hn::PromoteTo(wide, bits)));
  }
}
template <class S, class D> HWY_INLINE void store(D tag, Vec<D> v, S* p) {
  if constexpr (std::is_same_v<S, TFromD<D>>) {
    hn::StoreU(v, tag, p);
  } else if constexpr (std::is_same_v<S, Bool>) {
    store_mask(tag, prim::ne(tag, v, hn::Zero(tag)), reinterpret_cast<uint8_t*>(p));
  } else {
    static_assert(std::is_same_v<S, Bf16>);
    // To nearest even in integers; a NaN keeps its upper bits and stays quiet.
    const UnsignedTag<D> wide;
    const hn::RebindToSigned<D> narrowing;
    const auto bits = hn::BitCast(wide, v);
    const auto odd = hn::And(hn::ShiftRight<16>(bits), hn::Set(wide, 1));
    const auto rounded = hn::ShiftRight<16>(hn::Add(bits, hn::Add(odd, hn::Set(wide, 0x7FFF))));
    const auto quiet = hn::Or(hn::ShiftRight<16>(bits), hn::Set(wide, 0x40));
    const auto is_nan = hn::RebindMask(wide, prim::ne(tag, v, v));
    const auto result = hn::IfThenElse(is_nan, quiet, rounded);
    const hn::Rebind<uint16_t, D> half;
    hn::StoreU(hn::DemoteTo(half, hn::BitCast(narrowing, result)), half,
               reinterpret_cast<uint16_t*>(p));
  }
}

} // namespace weft::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif

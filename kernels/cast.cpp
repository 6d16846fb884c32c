// Conversions between dtypes: plain loops, which the compiler turns into vectors of each target,
// but for those between f16 and f32 where processors have an instruction that no compiler finds.
#include "kernels/elements.h"
#include "kernels/kernel_table.h"

#include <algorithm>
#include <utility>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cast.cpp"
// clang-format off
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace weft::kernels::casts::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// From F16C on. Both directions do what widen() and to_f16() do.
#if HWY_TARGET <= HWY_AVX2
template <DType from, DType to>
constexpr bool has_instruction = (from == DType::f16 && to == DType::f32) ||
                                 (from == DType::f32 && to == DType::f16);

// Converts whole vectors. Returns how many elements that are.
template <class From, class To> int64_t convert_vectors(const From* in, To* out, int64_t n) {
  const hn::ScalableTag<float> wide;
  const hn::Rebind<hwy::float16_t, decltype(wide)> half;
  const auto lanes = static_cast<int64_t>(hn::Lanes(wide));
  int64_t k = 0;
  for (; k + lanes <= n; k += lanes) {
    if constexpr (std::is_same_v<To, float>) {
      const auto x = hn::LoadU(half, reinterpret_cast<const hwy::float16_t*>(in + k));
      hn::StoreU(hn::PromoteTo(wide, x), wide, out + k);
    } else {
      const auto x = hn::LoadU(wide, in + k);
      hn::StoreU(hn::DemoteTo(half, x), half, reinterpret_cast<hwy::float16_t*>(out + k));
    }
  }
  return k;
}
#else
template <DType from, DType to> constexpr bool has_instruction = false;
#endif

template <DType from, DType to> void cast(const void* in, uint8_t form, void* out, int64_t n) {
  using From = typename Element<from>::Storage;
  using To = typename Element<to>::Storage;
  const auto* p = static_cast<const From*>(in);
  auto* q = static_cast<To*>(out);
  if constexpr (from == to) { // bits, of NaN as well
    if (form == kArray)
      std::copy_n(p, n, q);
    else
      std::fill_n(q, n, *p);
    return;
  }
  if (form != kArray) {
    std::fill_n(q, n, convert<To>(widen(*p)));
    return;
  }
  int64_t done = 0;
  if constexpr (has_instruction<from, to>) done = convert_vectors(p, q, n);
  for (int64_t k = done; k < n; k++)
    q[k] = convert<To>(widen(p[k]));
}

template <int... pairs> constexpr auto make_table(std::integer_sequence<int, pairs...>) {
  return std::array<CastKernel, sizeof...(pairs)>{
      &cast<DType(pairs / kDTypeCount), DType(pairs % kDTypeCount)>...};
}

CastKernel find(DType from, DType to) {
  static constexpr auto table =
      make_table(std::make_integer_sequence<int, kDTypeCount * kDTypeCount>());
  return table[static_cast<size_t>(from) * kDTypeCount + static_cast<size_t>(to)];
}

} // namespace weft::kernels::casts::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace weft::kernels {

namespace casts {
HWY_EXPORT(find);
static CastKernel chosen(DType from, DType to) { return HWY_DYNAMIC_DISPATCH(find)(from, to); }
} // namespace casts

CastKernel cast_kernel(DType from, DType to) { return casts::chosen(from, to); }

} // namespace weft::kernels
#endif

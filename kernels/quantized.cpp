#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/quantized.cpp"
// clang-format off
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
// clang-format on
#include "kernels/quantized.h"

HWY_BEFORE_NAMESPACE();
namespace weft::kernels::quantized::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

template <class T> void dequantize(const QuantizedRow<T>& row, T* HWY_RESTRICT to) {
  const int64_t half = row.block / 2;
  for (int64_t b = 0; b < row.blocks; b++, to += row.block) {
    const T scale = row.scales[b];
    if (row.is_packed) {
      const uint8_t* HWY_RESTRICT bytes = static_cast<const uint8_t*>(row.codes) + b * half;
      for (int64_t k = 0; k < half; k++)
        to[k] = static_cast<T>((bytes[k] & 15) - 8) * scale;
      for (int64_t k = 0; k < half; k++)
        to[half + k] = static_cast<T>((bytes[k] >> 4) - 8) * scale;
    } else {
      const int8_t* HWY_RESTRICT codes = static_cast<const int8_t*>(row.codes) + b * row.block;
      for (int64_t k = 0; k < row.block; k++)
        to[k] = static_cast<T>(codes[k]) * scale;
    }
  }
}

template <class T> T sum_of_products(const T* a, const T* b, int64_t count) {
  const hn::ScalableTag<T> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  auto s0 = hn::Zero(d), s1 = s0, s2 = s0, s3 = s0;
  auto add = [&](auto sum, int64_t k)
                 HWY_ATTR { return hn::MulAdd(hn::LoadU(d, a + k), hn::LoadU(d, b + k), sum); };
  int64_t k = 0;
  for (; k + 4 * lanes <= count; k += 4 * lanes) {
    s0 = add(s0, k);
    s1 = add(s1, k + lanes);
    s2 = add(s2, k + 2 * lanes);
    s3 = add(s3, k + 3 * lanes);
  }
  for (; k + lanes <= count; k += lanes)
    s0 = add(s0, k);
  T sum = hn::GetLane(hn::SumOfLanes(d, hn::Add(hn::Add(s0, s1), hn::Add(s2, s3))));
  for (; k < count; k++)
    sum += a[k] * b[k];
  return sum;
}

void dequantize_f32(const QuantizedRow<float>& row, float* to) { dequantize(row, to); }
void dequantize_f64(const QuantizedRow<double>& row, double* to) { dequantize(row, to); }
float dot_f32(const float* a, const float* b, int64_t n) { return sum_of_products(a, b, n); }
double dot_f64(const double* a, const double* b, int64_t n) { return sum_of_products(a, b, n); }

} // namespace weft::kernels::quantized::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace weft::kernels {

namespace quantized {
HWY_EXPORT(dequantize_f32);
HWY_EXPORT(dequantize_f64);
HWY_EXPORT(dot_f32);
HWY_EXPORT(dot_f64);
static void dequantize(const QuantizedRow<float>& row, float* to) {
  HWY_DYNAMIC_DISPATCH(dequantize_f32)(row, to);
}
static void dequantize(const QuantizedRow<double>& row, double* to) {
  HWY_DYNAMIC_DISPATCH(dequantize_f64)(row, to);
}
static float product(const float* a, const float* b, int64_t count) {
  return HWY_DYNAMIC_DISPATCH(dot_f32)(a, b, count);
}
static double product(const double* a, const double* b, int64_t count) {
  return HWY_DYNAMIC_DISPATCH(dot_f64)(a, b, count);
}
} // namespace quantized

void dequantize_row(const QuantizedRow<float>& row, float* to) { quantized::dequantize(row, to); }
void dequantize_row(const QuantizedRow<double>& row, double* to) { quantized::dequantize(row, to); }
float dot(const float* a, const float* b, int64_t count) { return quantized::product(a, b, count); }
double dot(const double* a, const double* b, int64_t count) {
  return quantized::product(a, b, count);
}

} // namespace weft::kernels
#endif

// Products of integers in tiles of registers: a tile of the result takes all of a slab of k before
// it goes back to memory, from panels of both operands that are packed in the order of its steps.
// What a tile has beyond the edges of the result is computed on zeros and dropped.
#include "kernels/gemm_integer.h"

#include <algorithm>
#include <memory>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/gemm_integer.cpp"
// clang-format off
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace weft::kernels::integer_products::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

constexpr int kRows = 6, kVectors = 2; // of a tile: with operands, what 16 registers hold
constexpr int64_t kSlab = 256;         // of k
constexpr int64_t kBand = 16 * kRows;  // rows whose packed panels stay in the caches

template <class T> struct Product {
  using D = hn::ScalableTag<T>;
  static int64_t width() { return kVectors * static_cast<int64_t>(hn::Lanes(D())); }

  const T *a, *b;
  int64_t a_row, a_step, b_step, b_column; // in elements
  T* c;
  int64_t c_stride;

  // Packs `count` lines of `steps` elements side by side, filled up with zeros to `lines`.
  static void pack(const T* from, int64_t line, int64_t step, int64_t count, int64_t lines,
                   int64_t steps, T* to) {
    for (int64_t p = 0; p < steps; p++, to += lines) {
      for (int64_t k = 0; k < count; k++)
        to[k] = from[p * step + k * line];
      std::fill(to + count, to + lines, T(0));
    }
  }

  // out[r][...] (+)= the product of two panels.
  static HWY_NOINLINE void tile(const T* left, const T* right, int64_t steps, T* out,
                                int64_t stride, bool adds) {
    const D d;
    const size_t lanes = hn::Lanes(d);
    hn::Vec<D> sums[kRows][kVectors];
#pragma GCC unroll 6
    for (int r = 0; r < kRows; r++)
      for (int v = 0; v < kVectors; v++)
        sums[r][v] = hn::Zero(d);
    for (int64_t p = 0; p < steps; p++, left += kRows, right += kVectors * lanes) {
      const auto b0 = hn::LoadU(d, right), b1 = hn::LoadU(d, right + lanes);
#pragma GCC unroll 6
      for (int r = 0; r < kRows; r++) {
        const auto scale = hn::Set(d, left[r]);
        sums[r][0] = hn::Add(sums[r][0], hn::Mul(scale, b0));
        sums[r][1] = hn::Add(sums[r][1], hn::Mul(scale, b1));
      }
    }
#pragma GCC unroll 6
    for (int r = 0; r < kRows; r++)
      for (int v = 0; v < kVectors; v++) {
        T* to = out + r * stride + v * lanes;
        hn::StoreU(adds ? hn::Add(sums[r][v], hn::LoadU(d, to)) : sums[r][v], d, to);
      }
  }

  // A tile at the edge: through a whole one beside the result.
  static void edge_tile(const T* left, const T* right, int64_t steps, T* out, int64_t stride,
                        int64_t rows, int64_t columns, bool adds) {
    HWY_ALIGN T whole[kRows * kVectors * hn::MaxLanes(D())];
    tile(left, right, steps, whole, width(), false);
    for (int64_t r = 0; r < rows; r++)
      for (int64_t j = 0; j < columns; j++) {
        auto sum = static_cast<std::make_unsigned_t<T>>(whole[r * width() + j]);
        if (adds) sum += static_cast<std::make_unsigned_t<T>>(out[r * stride + j]);
        out[r * stride + j] = static_cast<T>(sum);
      }
  }

  void run(int64_t m, int64_t n, int64_t k) const {
    const int64_t steps = std::min(k, kSlab),
                  band = std::min(kBand, (m + kRows - 1) / kRows * kRows);
    const auto left = std::make_unique_for_overwrite<T[]>(static_cast<size_t>(band * steps));
    const int64_t panels = (n + width() - 1) / width();
    const auto right =
        std::make_unique_for_overwrite<T[]>(static_cast<size_t>(panels * width() * steps));
    for (int64_t p = 0; p < k; p += kSlab)
      slab(m, n, p, std::min(kSlab, k - p), left.get(), right.get());
  }

  void slab(int64_t m, int64_t n, int64_t first, int64_t steps, T* left, T* right) const {
    for (int64_t j = 0; j < n; j += width())
      pack(b + first * b_step + j * b_column, b_column, b_step, std::min(width(), n - j), width(),
           steps, right + j * steps);
    for (int64_t top = 0; top < m; top += kBand) {
      const int64_t rows = std::min(kBand, m - top);
      for (int64_t i = 0; i < rows; i += kRows)
        pack(a + (top + i) * a_row + first * a_step, a_row, a_step,
             std::min<int64_t>(kRows, rows - i), kRows, steps, left + i * steps);
      for (int64_t j = 0; j < n; j += width())
        for (int64_t i = 0; i < rows; i += kRows) {
          T* out = c + (top + i) * c_stride + j;
          if (i + kRows <= rows && j + width() <= n)
            tile(left + i * steps, right + j * steps, steps, out, c_stride, first > 0);
          else
            edge_tile(left + i * steps, right + j * steps, steps, out, c_stride,
                      std::min<int64_t>(kRows, rows - i), std::min(width(), n - j), first > 0);
        }
    }
  }
};

template <class T>
void multiply(int64_t m, int64_t n, int64_t k, const Matrix& a, const Matrix& b, void* c,
              int64_t c_stride) {
  const Product<T> product{static_cast<const T*>(a.data),
                           static_cast<const T*>(b.data),
                           a.transposed ? 1 : a.stride,
                           a.transposed ? a.stride : 1,
                           b.transposed ? 1 : b.stride,
                           b.transposed ? b.stride : 1,
                           static_cast<T*>(c),
                           c_stride};
  product.run(m, n, k);
}

void multiply_i32(int64_t m, int64_t n, int64_t k, const Matrix& a, const Matrix& b, void* c,
                  int64_t c_stride) {
  multiply<int32_t>(m, n, k, a, b, c, c_stride);
}
void multiply_i64(int64_t m, int64_t n, int64_t k, const Matrix& a, const Matrix& b, void* c,
                  int64_t c_stride) {
  multiply<int64_t>(m, n, k, a, b, c, c_stride);
}

} // namespace weft::kernels::integer_products::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace weft::kernels {

namespace integer_products {
HWY_EXPORT(multiply_i32);
HWY_EXPORT(multiply_i64);
} // namespace integer_products

void gemm_integer(DType dtype, int64_t m, int64_t n, int64_t k, const Matrix& a, const Matrix& b,
                  void* c, int64_t c_stride) {
  using namespace integer_products;
  if (dtype == DType::i32)
    HWY_DYNAMIC_DISPATCH(multiply_i32)(m, n, k, a, b, c, c_stride);
  else
    HWY_DYNAMIC_DISPATCH(multiply_i64)(m, n, k, a, b, c, c_stride);
}

} // namespace weft::kernels
#endif

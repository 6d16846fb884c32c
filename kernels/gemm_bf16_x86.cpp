// Products of bf16 by AVX-512's vdpbf16ps, which adds the products of a pair of steps to a sum of
// f32. Panels hold pairs: A [tile][pair][kRows], B [pair][kColumns], 4 bytes each; a step that an
// odd k lacks is 0. Few rows read B as it lies.
#include "kernels/gemm_bf16.h"

#include <algorithm>
#include <array>
#include <immintrin.h>
#include <utility>

#define WEFT_PAIRS __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16")))

namespace weft::kernels {

namespace {

constexpr int64_t kRows = 14,
                  kColumns = 32;           // of a tile: 28 accumulators, two vectors of B, one of A
constexpr int64_t kFewRows = 4;            // up to which B is read where it lies
constexpr int64_t kRun = 1024, kSteps = 8; // columns and steps that few rows take at a time
constexpr int64_t kAhead = 256;            // elements of a row of B that are fetched before use

// Elements of a matrix by row and column.
struct Elements {
  const uint16_t* data;
  int64_t row, column;
  Elements(const Matrix& m)
      : data(static_cast<const uint16_t*>(m.data)), row(m.transposed ? 1 : m.stride),
        column(m.transposed ? m.stride : 1) {}
  const uint16_t* at(int64_t i, int64_t j) const { return data + i * row + j * column; }
};

struct Pair {
  __m512i low, high; // of 16 columns each
};

// The mask of the first of 32 columns.
uint32_t first_columns(int64_t count) {
  return count >= 32 ? ~0u : count <= 0 ? 0u : (1u << count) - 1;
}

// 0 32 1 33 ...: which elements of two vectors stand side by side.
alignas(64) constexpr auto kOrder = [] {
  std::array<uint16_t, 64> order{};
  for (size_t i = 0; i < 32; i++) {
    order[2 * i] = static_cast<uint16_t>(i);
    order[2 * i + 1] = static_cast<uint16_t>(32 + i);
  }
  return order;
}();

// Rows 2p and 2p + 1 of B side by side, 32 columns from `from` on.
WEFT_PAIRS inline Pair interleave(const uint16_t* from, int64_t stride, bool has_second,
                                  uint32_t columns) {
  const __m512i first = _mm512_maskz_loadu_epi16(columns, from);
  const __m512i second =
      has_second ? _mm512_maskz_loadu_epi16(columns, from + stride) : _mm512_setzero_si512();
  const __m512i low = _mm512_load_si512(kOrder.data()), high = _mm512_load_si512(&kOrder[32]);
  return {_mm512_permutex2var_epi16(first, low, second),
          _mm512_permutex2var_epi16(first, high, second)};
}

WEFT_PAIRS inline __m512 add_pairs(__m512 sum, __m512i x, __m512i y) {
  return _mm512_dpbf16_ps(sum, reinterpret_cast<__m512bh>(x), reinterpret_cast<__m512bh>(y));
}

uint32_t pair_at(const Elements& e, int64_t i, int64_t j, int64_t i_step, int64_t j_step,
                 bool has_second) {
  uint32_t first = *e.at(i, j);
  return has_second ? first | static_cast<uint32_t>(*e.at(i + i_step, j + j_step)) << 16 : first;
}

void pack_rows(const Elements& a, int64_t m, int64_t k, uint32_t* to) {
  const int64_t pairs = (k + 1) / 2;
  for (int64_t tile = 0; tile < m; tile += kRows)
    for (int64_t p = 0; p < pairs; p++)
      for (int64_t r = 0; r < kRows; r++)
        *to++ = tile + r < m ? pair_at(a, tile + r, 2 * p, 0, 1, 2 * p + 1 < k) : 0;
}

WEFT_PAIRS void pack_columns(const Elements& b, int64_t column, int64_t count, int64_t k,
                             uint32_t* to) {
  const int64_t pairs = (k + 1) / 2;
  if (b.column != 1) {
    for (int64_t j = 0; j < kColumns; j++)
      for (int64_t p = 0; p < pairs; p++)
        to[p * kColumns + j] = j < count ? pair_at(b, 2 * p, column + j, 1, 0, 2 * p + 1 < k) : 0;
    return;
  }
  for (int64_t p = 0; p < pairs; p++) {
    const Pair pair = interleave(b.at(2 * p, column), b.row, 2 * p + 1 < k, first_columns(count));
    _mm512_store_si512(to + p * kColumns, pair.low);
    _mm512_store_si512(to + p * kColumns + 16, pair.high);
  }
}

WEFT_PAIRS inline void store_rounded(__m512 low, __m512 high, uint16_t* to, int64_t count) {
  const uint32_t columns = first_columns(count);
  _mm256_mask_storeu_epi16(to, static_cast<__mmask16>(columns),
                           reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(low)));
  _mm256_mask_storeu_epi16(to + 16, static_cast<__mmask16>(columns >> 16),
                           reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(high)));
}

// c[rows, count] = a * b over whole panels.
template <int rows>
WEFT_PAIRS void multiply_tile(const uint32_t* a, const uint32_t* b, int64_t pairs, uint16_t* c,
                              int64_t stride, int64_t count) {
  __m512 sums[rows][2];
#pragma GCC unroll 14
  for (int r = 0; r < rows; r++)
    sums[r][0] = sums[r][1] = _mm512_setzero_ps();
  for (int64_t p = 0; p < pairs; p++) {
    const __m512i low = _mm512_load_si512(b + p * kColumns);
    const __m512i high = _mm512_load_si512(b + p * kColumns + 16);
#pragma GCC unroll 14
    for (int r = 0; r < rows; r++) {
      const __m512i factor = _mm512_set1_epi32(static_cast<int>(a[p * kRows + r]));
      sums[r][0] = add_pairs(sums[r][0], low, factor);
      sums[r][1] = add_pairs(sums[r][1], high, factor);
    }
  }
#pragma GCC unroll 14
  for (int r = 0; r < rows; r++)
    store_rounded(sums[r][0], sums[r][1], c + r * stride, count);
}

using Tile = void (*)(const uint32_t*, const uint32_t*, int64_t, uint16_t*, int64_t, int64_t);
template <int... rows> constexpr auto make_tiles(std::integer_sequence<int, rows...>) {
  return std::array<Tile, sizeof...(rows)>{&multiply_tile<rows + 1>...};
}
constexpr auto kTiles = make_tiles(std::make_integer_sequence<int, kRows>());

// Scratch: the panel of B, then those of A.
void multiply_panels(int64_t m, int64_t n, int64_t k, const Elements& a, const Elements& b,
                     uint16_t* c, int64_t stride, uint32_t* columns) {
  const int64_t pairs = (k + 1) / 2;
  uint32_t* rows = columns + pairs * kColumns;
  pack_rows(a, m, k, rows);
  for (int64_t j = 0; j < n; j += kColumns) {
    pack_columns(b, j, n - j, k, columns);
    for (int64_t i = 0; i < m; i += kRows)
      kTiles[static_cast<size_t>(std::min(kRows, m - i) - 1)](rows + i * pairs, columns, pairs,
                                                              c + i * stride + j, stride, n - j);
  }
}

// Few rows over columns that lie side by side: a few steps at a time of long runs.
WEFT_PAIRS void multiply_runs(int64_t m, int64_t n, int64_t k, const Elements& a, const Elements& b,
                              uint16_t* c, int64_t stride, float* sums) {
  for (int64_t run = 0; run < n; run += kRun) {
    const int64_t count = std::min(kRun, n - run);
    std::fill_n(sums, kFewRows * kRun, 0.0f);
    for (int64_t first = 0; first < k; first += kSteps)
      for (int64_t j = 0; j < count; j += kColumns)
        for (int64_t s = first; s < std::min(first + kSteps, k); s += 2) {
          const bool has_second = s + 1 < k;
          // Short pieces of several rows: no prefetcher of the processor follows them.
          for (int64_t row = s; row < s + 2; row++)
            _mm_prefetch(reinterpret_cast<const char*>(b.at(row, run + j + kAhead)), _MM_HINT_T0);
          const Pair pair =
              interleave(b.at(s, run + j), b.row, has_second, first_columns(count - j));
          for (int64_t i = 0; i < m; i++) {
            float* at = sums + i * kRun + j;
            const __m512i factor =
                _mm512_set1_epi32(static_cast<int>(pair_at(a, i, s, 0, 1, has_second)));
            _mm512_store_ps(at, add_pairs(_mm512_load_ps(at), pair.low, factor));
            _mm512_store_ps(at + 16, add_pairs(_mm512_load_ps(at + 16), pair.high, factor));
          }
        }
    for (int64_t i = 0; i < m; i++)
      for (int64_t j = 0; j < count; j += kColumns) {
        const float* at = sums + i * kRun + j;
        store_rounded(_mm512_load_ps(at), _mm512_load_ps(at + 16), c + i * stride + run + j,
                      count - j);
      }
  }
}

} // namespace

bool has_bf16_gemm() {
  static const bool has = __builtin_cpu_supports("avx512bf16") &&
                          __builtin_cpu_supports("avx512bw") &&
                          __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
  return has;
}

int64_t gemm_bf16_scratch_bytes(int64_t m, int64_t k) {
  const int64_t panels = (k + 1) / 2 * (kColumns + (m + kRows - 1) / kRows * kRows);
  return 4 * std::max(panels, kFewRows * kRun);
}

void gemm_bf16(int64_t m, int64_t n, int64_t k, const Matrix& a, const Matrix& b, void* c,
               int64_t c_stride, void* scratch) {
  auto* to = static_cast<uint16_t*>(c);
  if (m <= kFewRows && !b.transposed)
    multiply_runs(m, n, k, a, b, to, c_stride, static_cast<float*>(scratch));
  else
    multiply_panels(m, n, k, a, b, to, c_stride, static_cast<uint32_t*>(scratch));
}

} // namespace weft::kernels

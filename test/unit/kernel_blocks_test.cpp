// Kernels of blocks and of many elements: transposes, products of integers, conversions of halves
// and the random stream, against the plain text of each.

#include "kernels/elements.h"
#include "kernels/gemm_integer.h"
#include "kernels/philox.h"
#include "kernels/random_numbers.h"
#include "kernels/transpose.h"
#include "test/unit/kernel_targets.h"

#include <cstring>
#include <numeric>

using namespace weft;
using namespace weft::kernels;

namespace {

template <class T> std::vector<T> numbers(int64_t n, uint64_t factor) {
  std::vector<T> v(static_cast<size_t>(n));
  for (size_t k = 0; k < v.size(); k++)
    v[k] = static_cast<T>((k + 1) * factor >> 7);
  return v;
}

template <class T> void check_transpose(int64_t rows, int64_t columns, int64_t gap) {
  const auto from = numbers<T>(rows * (columns + gap), 0x9E3779B97F4A7C15);
  std::vector<T> to(static_cast<size_t>(columns * (rows + gap)), T(1)), want = to;
  for (int64_t r = 0; r < rows; r++)
    for (int64_t c = 0; c < columns; c++)
      want[static_cast<size_t>(c * (rows + gap) + r)] =
          from[static_cast<size_t>(r * (columns + gap) + c)];
  const int64_t item = sizeof(T);
  transpose(reinterpret_cast<const char*>(from.data()), (columns + gap) * item,
            reinterpret_cast<char*>(to.data()), (rows + gap) * item, rows, columns, item);
  CAPTURE(rows, columns, item);
  CHECK(to == want);
}

template <class T>
void check_product(DType dtype, int64_t m, int64_t n, int64_t k, bool turn_a, bool turn_b) {
  using U = std::make_unsigned_t<T>;
  const auto a = numbers<T>(m * k, 0x9E3779B97F4A7C15), b = numbers<T>(k * n, 0xC2B2AE3D27D4EB4F);
  std::vector<T> c(static_cast<size_t>(m * n)), want(c);
  for (int64_t i = 0; i < m; i++)
    for (int64_t j = 0; j < n; j++) {
      U sum = 0;
      for (int64_t p = 0; p < k; p++)
        sum += static_cast<U>(a[static_cast<size_t>(turn_a ? p * m + i : i * k + p)]) *
               static_cast<U>(b[static_cast<size_t>(turn_b ? j * k + p : p * n + j)]);
      want[static_cast<size_t>(i * n + j)] = static_cast<T>(sum);
    }
  gemm_integer(dtype, m, n, k, {a.data(), turn_a ? m : k, turn_a},
               {b.data(), turn_b ? k : n, turn_b}, c.data(), n);
  CAPTURE(name_of(dtype), m, n, k, turn_a, turn_b);
  CHECK(c == want);
}

} // namespace

TEST_CASE("a block of elements of any width is transposed") {
  for (int64_t rows : {1, 2, 5, 16, 31, 48})
    for (int64_t columns : {1, 3, 8, 17, 64})
      for (int64_t gap : {0, 3}) {
        check_transpose<uint8_t>(rows, columns, gap);
        check_transpose<uint16_t>(rows, columns, gap);
        check_transpose<uint32_t>(rows, columns, gap);
        check_transpose<uint64_t>(rows, columns, gap);
      }
}

TEST_CASE("a line of elements of any width is reversed") {
  for (int64_t item : {1, 2, 4, 8})
    for (int64_t n : {0, 1, 3, 16, 37}) {
      std::vector<char> from(static_cast<size_t>(n * item)), to(from.size()), want(from.size());
      std::iota(from.begin(), from.end(), char{1});
      for (int64_t k = 0; k < n; k++)
        std::copy_n(from.begin() + k * item, item, want.begin() + (n - 1 - k) * item);
      reverse(from.data(), to.data(), n, item);
      CHECK(to == want);
    }
}

TEST_CASE("products of integers wrap") {
  on_each_target([] {
    for (int64_t m : {1, 6, 13, 100})
      for (int64_t n : {1, 7, 32, 65})
        for (int64_t k : {1, 3, 256, 300})
          for (int turned = 0; turned < 4; turned++) {
            check_product<int32_t>(DType::i32, m, n, k, turned & 1, turned & 2);
            check_product<int64_t>(DType::i64, m, n, k, turned & 1, turned & 2);
          }
  });
}

TEST_CASE("conversions of all halves have the bits of single ones on each target") {
  std::vector<uint16_t> halves(1 << 16), back(halves.size());
  std::iota(halves.begin(), halves.end(), uint16_t{0});
  std::vector<float> wide(halves.size());
  on_each_target([&] {
    for (DType half : {DType::f16, DType::bf16}) {
      cast_kernel(half, DType::f32)(halves.data(), kArray, wide.data(), 1 << 16);
      cast_kernel(DType::f32, half)(wide.data(), kArray, back.data(), 1 << 16);
      bool is_same = true;
      for (size_t k = 0; k < halves.size(); k++) {
        const float one = half == DType::f16 ? widen(F16{halves[k]}) : widen(Bf16{halves[k]});
        const uint16_t rounded = half == DType::f16 ? to_f16(one).bits : to_bf16(one).bits;
        is_same &= std::memcmp(&one, &wide[k], sizeof one) == 0 && rounded == back[k];
      }
      CHECK(is_same);
    }
  });
}

TEST_CASE("the random stream in lanes is that of single elements") {
  const uint64_t seed = 0xDEADBEEF12345678, counter = 0x100000007, first = 0xFFFFFFF0;
  on_each_target([&] {
    for (int64_t n : {1, 100, 1000}) {
      std::vector<float> floats(static_cast<size_t>(n));
      std::vector<double> doubles(floats.size());
      unit_numbers(seed, counter, first, n, floats.data());
      unit_numbers(seed, counter, first, n, doubles.data());
      bool is_same = true;
      for (size_t k = 0; k < floats.size(); k++) {
        const auto words = philox(seed, counter, first + k);
        is_same &=
            floats[k] == unit_float(words[0]) && doubles[k] == unit_double(words[0], words[1]);
      }
      CHECK(is_same);
    }
  });
}

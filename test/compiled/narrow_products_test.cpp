// Compiled products of bf16 and of narrow integers, also where casts stand before them.
#include "test/compiled/compiled_util.h"

#include <functional>

using namespace weft;
using namespace weft::test;

namespace {

// Every value of i8, its ends among them.
Tensor bytes(const Shape& shape, DType dtype = i8) {
  int64_t n = 1;
  for (int64_t s : shape)
    n *= s;
  return reshape((arange(n) * 37 % 256 - 128).to(dtype), shape);
}

struct Extents {
  int64_t m, k, n;
};
constexpr Extents kExtents[] = {{1, 1, 1},   {1, 64, 40},  {3, 7, 17},   {17, 33, 50},
                                {40, 0, 16}, {64, 64, 64}, {65, 130, 99}};

} // namespace

TEST_CASE("compiled products of bf16 accumulate in f32 and round once", "[compiled]") {
  for (const Extents& e : kExtents)
    for (bool transposed : {false, true}) {
      INFO(e.m << " x " << e.k << " x " << e.n << (transposed ? ", transposed" : ""));
      Shape right = transposed ? Shape{e.n, e.k} : Shape{e.k, e.n};
      compare(
          [&](const Inputs& x) -> std::vector<Tensor> {
            Tensor w = transposed ? transpose(x[1], 0, 1) : x[1];
            return {relu(matmul(x[0], w) + x[2])};
          },
          [&]() -> Inputs {
            return {ramp({e.m, e.k}, 1, bf16), ramp(right, 1, bf16), ramp({e.n}, 1, bf16)};
          },
          kSumBf16);
    }
}

TEST_CASE("what is not finite stays so in compiled products of bf16", "[compiled]") {
  compare([](const Inputs& x) -> std::vector<Tensor> { return {matmul(x[0], x[1])}; },
          []() -> Inputs {
            Tensor a = ones({4, 5}, bf16);
            a[0][4] = INFINITY;
            a[1][2] = NAN;
            a[2][4] = -INFINITY;
            return {a, ones({5, 20}, bf16)};
          });
}

TEST_CASE("compiled products of narrow integers are exact", "[compiled]") {
  for (DType narrow : {i8, u8, i16})
    for (DType wide : {i32, i64})
      for (const Extents& e : kExtents) {
        INFO(narrow << " to " << wide << ", " << e.m << " x " << e.k << " x " << e.n);
        compare(
            [&](const Inputs& x) -> std::vector<Tensor> {
              return {matmul(x[0].to(wide), x[1].to(wide)) * 2 + x[2].to(wide)};
            },
            [&]() -> Inputs {
              return {bytes({e.m, e.k}, narrow), bytes({e.k, e.n}, narrow), bytes({e.n}, narrow)};
            });
      }
  // The largest sums of i8.
  compare(
      [](const Inputs& x) -> std::vector<Tensor> {
        return {matmul(x[0].to(i32), transpose(x[1], 0, 1).to(i32))};
      },
      []() -> Inputs {
        return {full({3, 4000}, -128, i8), full({20, 4000}, -128, i8)};
      });
}

TEST_CASE("casts before a compiled product are done by its loads", "[compiled]") {
  for (auto [narrow, wide] : {std::pair{i8, i32}, std::pair{bf16, f32}}) {
    INFO(narrow << " to " << wide);
    compare(
        [w = wide](const Inputs& x) -> std::vector<Tensor> {
          return {matmul(x[0].to(w), transpose(x[1].to(w), 0, 1))};
        },
        [n = narrow]() -> Inputs {
          return {bytes({20, 30}, n), bytes({40, 30}, n)};
        },
        kSum, 1);
  }
}

TEST_CASE("a cast that others read too is a tensor of its own", "[compiled]") {
  compare(
      [](const Inputs& x) -> std::vector<Tensor> {
        Tensor a = x[0].to(f32), b = x[1].to(f32), c = x[2].to(f32);
        return {matmul(a, b), matmul(b, c), matmul(c, x[3]), exp(a)};
      },
      []() -> Inputs {
        return {ramp({20, 20}, 1, bf16), ramp({20, 20}, 1, bf16), ramp({20, 20}, 1, bf16),
                ramp({20, 20})};
      },
      kSum);
}

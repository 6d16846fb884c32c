// Compiled products with quantised matrices, and updates of a cache in place.
#include "test/compiled/compiled_util.h"

using namespace weft;
using namespace weft::test;
using Catch::Matchers::Contains;

namespace {

struct Extents {
  int64_t m, k, n, block;
};
// One row, few and many; columns and steps that fill no tile; blocks that call the routine.
constexpr Extents kExtents[] = {{1, 32, 1, 32},     {1, 768, 50, 32},   {1, 96, 33, 32},
                                {2, 64, 40, 32},    {5, 160, 37, 32},   {16, 64, 16, 64},
                                {33, 1056, 99, 32}, {70, 576, 130, 64}, {3, 24, 10, 8}};

} // namespace

TEST_CASE("compiled products with quantised matrices", "[compiled]") {
  for (DType dtype : {f32, bf16})
    for (int64_t bits : {8, 4})
      for (const Extents& e : kExtents) {
        INFO(dtype << ", " << bits << " bits, " << e.m << " x " << e.k << " x " << e.n);
        compare(
            [&](const Inputs& x) -> std::vector<Tensor> {
              return {gelu_tanh(quantized_matmul(x[0], x[1], x[2]) + x[3])};
            },
            [&]() -> Inputs {
              auto [codes, scales] = quantize(ramp({e.n, e.k}), bits, e.block);
              return {ramp({e.m, e.k}, 1, dtype), codes, scales, ramp({e.n}, 1, dtype)};
            },
            dtype == bf16 ? kSumBf16 : kSum);
      }
}

TEST_CASE("a quantised product is one kernel with what follows", "[compiled]") {
  for (int64_t rows : {1, 40}) {
    std::string text = compare(
        [](const Inputs& x) -> std::vector<Tensor> {
          return {x[3] + quantized_matmul(x[0], x[1], x[2])};
        },
        [&]() -> Inputs {
          auto [codes, scales] = quantize(ramp({96, 64}), 4);
          return {ramp({rows, 64}), codes, scales, ramp({rows, 96})};
        },
        kSum, 1);
    CHECK_THAT(text, Contains("quantized_matmul add"));
  }
}

TEST_CASE("a quantised product of any batch, and of a vector", "[compiled]") {
  compare(
      [](const Inputs& x) -> std::vector<Tensor> {
        return {quantized_matmul(x[0], x[1], x[2]), quantized_matmul(x[3], x[1], x[2])};
      },
      []() -> Inputs {
        auto [codes, scales] = quantize(ramp({48, 64}), 8);
        return {ramp({2, 3, 64}), codes, scales, ramp({64})};
      },
      kSum);
  auto f = compile([](const Tensor& x, const Tensor& codes, const Tensor& scales) {
    return quantized_matmul(x, codes, scales);
  });
  auto [codes, scales] = quantize(ramp({48, 64}), 8);
  for (int64_t rows : {4, 4, 4, 7, 7, 2, 19, 1, 1})
    CHECK(difference(quantized_matmul(ramp({rows, 64}), codes, scales),
                     f(ramp({rows, 64}), codes, scales)) <= kSum);
}

TEST_CASE("gradients of a quantised product in a region", "[compiled]") {
  compare(
      [](const Inputs& x) -> std::vector<Tensor> {
        Tensor a = x[0].detach().requires_grad_();
        sum(tanh(quantized_matmul(a, x[1], x[2]))).backward();
        return {a.grad()};
      },
      []() -> Inputs {
        auto [codes, scales] = quantize(ramp({40, 64}, 0.1), 4);
        return {ramp({6, 64}), codes, scales};
      },
      kSum);
}

TEST_CASE("a factor that one row reads is widened where it is read", "[compiled]") {
  std::string text = compare(
      [](const Inputs& x) -> std::vector<Tensor> {
        return {matmul(softmax(x[0], -1), x[1].to(f32))};
      },
      []() -> Inputs {
        return {ramp({12, 1, 70}), ramp({12, 70, 40}, 1, bf16)};
      },
      kSum, 2);
  CHECK_THAT(text, Contains("cast matmul"));
}

TEST_CASE("a cache is updated in place", "[compiled]") {
  std::string text = compare(
      [](const Inputs& x) -> std::vector<Tensor> {
        x[0].index_copy_(1, x[2], x[3]);
        Tensor seen = sum(x[0], {1});
        x[1].index_copy_(1, x[2], unsqueeze(seen, 1));
        return {sum(x[1])};
      },
      []() -> Inputs {
        return {ramp({3, 20, 8}), ramp({3, 20, 8}), tensor({17}), ramp({3, 1, 8})};
      },
      kSum);
  CHECK_THAT(text, !Contains("copy"));
}

TEST_CASE("an index that is refused leaves the caches as they were", "[compiled]") {
  auto f = compile([](const Tensor& keys, const Tensor& values, const Tensor& at, const Tensor& x) {
    keys.index_copy_(0, at, x);
    values.index_copy_(0, at, x * 2.0 + sum(keys));
    return sum(values);
  });
  Tensor keys = zeros({8, 4}), values = zeros({8, 4}), x = ones({1, 4});
  for (int64_t k = 0; k < 3; k++)
    f(keys, values, tensor({k}), x);
  Tensor before = keys.clone(), sums = values.clone();
  for (int64_t bad : {8, -1}) {
    CHECK_THROWS_WITH(f(keys, values, tensor({bad}), x),
                      Contains("index_copy_: every index must be a position"));
    CHECK(difference(before, keys) == 0);
    CHECK(difference(sums, values) == 0);
  }
  f(keys, values, tensor({7}), x);
  CHECK(keys[7][0].item<float>() == 1);
}

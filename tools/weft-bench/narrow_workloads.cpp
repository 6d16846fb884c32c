// Workloads with narrow elements: products of bf16 and of i8.

#include "tools/weft-bench/workloads.h"

namespace weft::bench {

namespace {

constexpr int64_t kSize = 1024;
constexpr double kCube = 2.0 * kSize * kSize * kSize;

void make_product(Params&, Tensors& x) {
  x = {normal({kSize, kSize}), normal({kSize, kSize}, 0, 1.0 / 32)};
}

void make_linear(Params& p, Tensors& x) {
  p = {{"l_w", normal({768, 3072}, 0, 0.036)}, {"l_b", normal({3072}, 0, 0.1)}};
  x = {normal({512, 768})};
}

// i8 by i8, summed exactly.
Tensor integer_product(const Tensor& a, const Tensor& b) { return matmul(a.to(i32), b.to(i32)); }
void make_integers(Params&, Tensors& x) {
  auto draw = [] { return randint(-127, 128, {kSize, kSize}, i8); };
  x = {draw(), draw()};
}

} // namespace

std::vector<Workload> narrow_workloads() {
  std::vector<Workload> all;
  all.push_back({.name = "gemm1024_bf16",
                 .about = "matmul 1024 x 1024 x 1024 of bf16",
                 WEFT_BENCH_EXPRESSION(matmul(x[0], x[1])),
                 .make = make_product,
                 .flops = kCube,
                 .dtype = bf16});
  all.push_back({.name = "linear_gelu_bf16",
                 .about = "gelu(x W + b) of bf16, 512 x 768 x 3072",
                 WEFT_BENCH_EXPRESSION(gelu_tanh(affine(x[0], p, "l"))),
                 .make = make_linear,
                 .flops = 2.0 * 512 * 768 * 3072,
                 .dtype = bf16});
  all.push_back({.name = "gemm1024_int8",
                 .about = "matmul 1024 x 1024 x 1024 of i8, with sums of i32",
                 WEFT_BENCH_EXPRESSION(integer_product(x[0], x[1])),
                 .make = make_integers,
                 .flops = kCube});
  return all;
}

} // namespace weft::bench

// Workloads with narrow elements: products of bf16 and of i8, and layers whose weights are bf16 or
// quantised.

#include "tools/weft-bench/workloads.h"

namespace weft::bench {

namespace {

constexpr int64_t kSize = 1024;
constexpr double kCube = 2.0 * kSize * kSize * kSize;

void make_product(Params&, Tensors& x) {
  x = {random({kSize, kSize}), random({kSize, kSize}, 1.0 / 32)};
}

// i8 by i8, summed exactly.
Tensor integer_product(const Tensor& a, const Tensor& b) { return matmul(a.to(i32), b.to(i32)); }
void make_integers(Params&, Tensors& x) {
  auto draw = [] { return randint(-127, 128, {kSize, kSize}, i8); };
  x = {draw(), draw()};
}

std::vector<Workload> products() {
  std::vector<Workload> all = {{.name = "gemm1024_bf16",
                                .about = "matmul 1024 x 1024 x 1024 of bf16",
                                WEFT_BENCH_EXPRESSION(matmul(x[0], x[1])),
                                .make = make_product,
                                .dtype = bf16},
                               {.name = "gemm1024_int8",
                                .about = "matmul 1024 x 1024 x 1024 of i8, with sums of i32",
                                WEFT_BENCH_EXPRESSION(integer_product(x[0], x[1])),
                                .make = make_integers}};
  for (Workload& w : all) {
    w.flops = kCube;
    w.reach = 1.05;
  }
  return all;
}

/// A layer in bf16, and in f32 by weights of 8 and of 4 bits.
std::vector<Workload> narrowed(Workload layer) {
  layer.reach = 1.15;
  Workload half = layer;
  half.name += "_bf16";
  half.about = layer.about + ", of bf16";
  half.dtype = bf16;
  std::vector<Workload> all = {half};
  for (int bits : {8, 4}) {
    Workload quantized = layer;
    quantized.name += "_q" + std::to_string(bits) + "_0";
    quantized.about += ", by weights of " + std::to_string(bits) + " bits in blocks of 32";
    quantized.weight_bits = bits;
    quantized.limit = LimitClass::flops; // of f32, which these compute in
    all.push_back(quantized);
  }
  return all;
}

void make_linear(Params& p, Tensors& x) {
  p = {{"l_w", random({768, 3072}, 0.036)}, {"l_b", random({3072}, 0.1)}};
  x = {random({512, 768})};
}

void make_residual(Params& p, Tensors& x) {
  p = {{"l_w", random({768, 768}, 0.036)},
       {"ng", random({768}, 0.1) + 1.0},
       {"nb", random({768}, 0.1)}};
  x = {random({1024, 768}), random({1024, 768})};
}

} // namespace

std::vector<Workload> narrow_workloads() {
  std::vector<Workload> all = products();
  for (const Workload& layer : {Workload{.name = "linear_gelu",
                               .about = "gelu(x W + b), 512 x 768 x 3072",
                               WEFT_BENCH_EXPRESSION(gelu_tanh(affine(x[0], p, "l"))),
                               .make = make_linear,
                               .flops = 2.0 * 512 * 768 * 3072},
                                Workload{.name = "matmul_layernorm",
                                .about = "layer_norm(x W + residual), 1024 x 768 x 768",
                                WEFT_BENCH_EXPRESSION(norm(product(x[0], p, "l") + x[1], p, "n")),
                                .make = make_residual,
                                .flops = 2.0 * 1024 * 768 * 768}})
    for (Workload& w : narrowed(layer))
      all.push_back(std::move(w));
  return all;
}

} // namespace weft::bench

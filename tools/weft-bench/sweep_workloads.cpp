// Workloads of one expression: sweeps over pointwise chains, reductions and products, and the ops
// that products and convolutions are followed by.

#include "tools/weft-bench/workloads.h"

#include <fmt/core.h>

#include <cmath>

namespace weft::bench {

namespace {

//===--- Pointwise chains ---------------------------------------------------------------------===//

void make_chain(Params&, Tensors& x) {
  x = {random({2048, 1024}), random({2048, 1024}), random({1024}),
       uniform({2048, 1024}, 0.1, 1)}; // two tensors, a row, and one above zero
}

/// Returns how many of the tensors of 2 Mi floats an expression reads.
int read_whole(const std::string& expression) {
  int count = 0;
  for (const char* input : {"x[0]", "x[1]", "x[3]"})
    count += expression.find(input) != std::string::npos;
  return count;
}

std::vector<Workload> chains() {
  std::vector<Workload> all = {
      {.name = "chain_affine_relu", WEFT_BENCH_EXPRESSION(relu(x[0] * x[1] + x[2]))},
      {.name = "chain_bias_gelu", WEFT_BENCH_EXPRESSION(gelu(x[0] + x[2]))},
      {.name = "chain_swiglu", WEFT_BENCH_EXPRESSION(silu(x[0]) * x[1])},
      {.name = "chain_gate", WEFT_BENCH_EXPRESSION(tanh(x[0]) * sigmoid(x[1]))},
      {.name = "chain_leaky", WEFT_BENCH_EXPRESSION(where(x[0] > 0, x[0], x[0] * 0.01) + x[1])},
      {.name = "chain_softplus", WEFT_BENCH_EXPRESSION(log(1 + exp(x[0])) - x[1])},
      {.name = "chain_hypot", WEFT_BENCH_EXPRESSION(sqrt(x[0] * x[0] + x[1] * x[1]))},
      {.name = "chain_gaussian", WEFT_BENCH_EXPRESSION(exp(x[0] * x[0] * -0.5) * cos(x[1]))},
      {.name = "chain_clamp", WEFT_BENCH_EXPRESSION(clamp(x[0] * 0.5 + 0.5, 0.0, 1.0) * x[1])},
      {.name = "chain_update", WEFT_BENCH_EXPRESSION(x[0] - x[1] * 0.001 / (sqrt(x[3]) + 1e-8))},
      {.name = "chain_dropout", WEFT_BENCH_EXPRESSION(where(x[3] > 0.2, x[0] * 1.125, 0.0) + x[1])},
      {.name = "chain_polynomial",
       WEFT_BENCH_EXPRESSION(((x[0] * 0.1 + 0.2) * x[0] + 0.3) * x[0] + erf(x[1]))}};
  for (Workload& w : all) {
    w.about = w.expression + " over 2 Mi floats";
    w.make = make_chain;
    w.limit = LimitClass::copy;
    w.bytes = 4.0 * 2048 * 1024 * (1 + read_whole(w.expression));
    w.row = "12 pointwise chains";
    w.reach = 1.3;
  }
  return all;
}

//===--- Reductions and scans along each axis -------------------------------------------------===//

std::vector<Workload> reductions() {
  std::vector<Workload> all = {{.name = "sum_0", WEFT_BENCH_EXPRESSION(sum(x[0], 0))},
                               {.name = "sum_1", WEFT_BENCH_EXPRESSION(sum(x[0], 1))},
                               {.name = "max_0", WEFT_BENCH_EXPRESSION(amax(x[0], 0))},
                               {.name = "max_1", WEFT_BENCH_EXPRESSION(amax(x[0], 1))},
                               {.name = "argmax_0", WEFT_BENCH_EXPRESSION(argmax(x[0], 0))},
                               {.name = "argmax_1", WEFT_BENCH_EXPRESSION(argmax(x[0], 1))},
                               {.name = "cumsum_0", WEFT_BENCH_EXPRESSION(cumsum(x[0], 0))},
                               {.name = "cumsum_1", WEFT_BENCH_EXPRESSION(cumsum(x[0], 1))}};
  for (Workload& w : all) {
    w.about = w.expression + " of [4096, 1024]";
    w.make = [](Params&, Tensors& x) { x = {random({4096, 1024})}; };
    w.limit = w.name.starts_with("cumsum") ? LimitClass::copy : LimitClass::read;
    w.bytes = (w.limit == LimitClass::copy ? 8.0 : 4.0) * 4096 * 1024;
    w.reach = 1.2;
  }
  return all;
}

//===--- Products -----------------------------------------------------------------------------===//

struct Product {
  int64_t m, k, n;
  int64_t batch = 0; // 0: two dims
};
constexpr Product kProducts[] = {
    {1, 768, 768},    {1, 768, 3072},   {1, 4096, 4096},  {1, 2048, 768},     {2, 1024, 1024},
    {4, 768, 3072},   {8, 1024, 4096},  {16, 512, 2048},  {32, 768, 768},     {4096, 1024, 1},
    {2048, 768, 2},   {1024, 1024, 8},  {8192, 64, 16},   {127, 255, 511},    {65, 129, 257},
    {333, 777, 555},  {1000, 1000, 10}, {100, 300, 500},  {513, 513, 513},    {31, 1000, 1000},
    {64, 8192, 64},   {16, 16384, 16},  {128, 4096, 128}, {64, 64, 64},       {128, 128, 128},
    {256, 256, 256},  {512, 512, 512},  {768, 768, 768},  {128, 64, 128, 12}, {128, 128, 64, 12},
    {64, 32, 64, 96}, {16, 16, 16, 64}, {1, 64, 256, 32}, {512, 512, 512, 4}};
// The right factor lies transposed, or the left one.
constexpr Product kRightTransposed[] = {{512, 512, 512}, {128, 768, 768}, {1, 768, 3072}};
constexpr Product kLeftTransposed[] = {{512, 512, 512}, {768, 128, 768}, {64, 1000, 64}};

Workload product(const Product& p, const std::string& suffix, Workload w, bool left, bool right) {
  const auto sizes = [&](int64_t a, int64_t b) {
    return p.batch ? Shape{p.batch, a, b} : Shape{a, b};
  };
  const Shape a = left ? sizes(p.k, p.m) : sizes(p.m, p.k);
  const Shape b = right ? sizes(p.n, p.k) : sizes(p.k, p.n);
  const double scale = 1 / std::sqrt(static_cast<double>(p.k));
  w.name = fmt::format("gemm_{}{}x{}x{}{}", p.batch ? fmt::format("{}x", p.batch) : "", p.m, p.k,
                       p.n, suffix);
  w.about = w.expression + " of " + a.str() + " and " + b.str();
  w.make = [=](Params&, Tensors& x) { x = {random(a), random(b, scale)}; };
  w.limit = LimitClass::flops;
  w.flops = 2.0 * static_cast<double>(std::max<int64_t>(p.batch, 1) * p.m * p.k * p.n);
  w.row = "40 products";
  w.reach = 1.05;
  return w;
}

std::vector<Workload> products() {
  std::vector<Workload> all;
  const auto add = [&](const auto& list, const std::string& suffix, const Workload& w, bool left,
                       bool right) {
    for (const Product& p : list)
      all.push_back(product(p, suffix, w, left, right));
  };
  add(kProducts, "", {WEFT_BENCH_EXPRESSION(matmul(x[0], x[1]))}, false, false);
  add(kRightTransposed, "_nt", {WEFT_BENCH_EXPRESSION(matmul(x[0], transpose(x[1], 0, 1)))}, false,
      true);
  add(kLeftTransposed, "_tn", {WEFT_BENCH_EXPRESSION(matmul(transpose(x[0], 0, 1), x[1]))}, true,
      false);
  all.push_back({.name = "matmul_layernorm",
                 .about = "layer_norm(x W + residual), 1024 x 768 x 768",
                 WEFT_BENCH_EXPRESSION(norm(matmul(x[0], p.at("l")) + x[1], p, "n")),
                 .make =
                     [](Params& p, Tensors& x) {
                       p = {{"l", random({768, 768}, 0.036)},
                            {"ng", random({768}, 0.1) + 1.0},
                            {"nb", random({768}, 0.1)}};
                       x = {random({1024, 768}), random({1024, 768})};
                     },
                 .limit = LimitClass::flops,
                 .flops = 2.0 * 1024 * 768 * 768,
                 .reach = 1.15});
  return all;
}

//===--- Convolutions -------------------------------------------------------------------------===//

std::vector<Workload> convolutions() {
  const auto make = [](Shape image, Shape weight) {
    return [=](Params& p, Tensors& x) {
      p["c_cw"] =
          random(weight, std::sqrt(2.0 / static_cast<double>(weight[1] * weight[2] * weight[3])));
      x = {random(image)};
    };
  };
  std::vector<Workload> all = {
      {.name = "depthwise",
       .about = "conv 3x3 of 96 channels by themselves, 56 x 56",
       WEFT_BENCH_EXPRESSION(conv2d(x[0], p.at("c_cw"), none, 1, 1, 1, 96)),
       .make = make({1, 96, 56, 56}, {96, 1, 3, 3}),
       .flops = 2.0 * 96 * 9 * 56 * 56},
      {.name = "depthwise_stride2",
       .about = "the same with a stride of 2",
       WEFT_BENCH_EXPRESSION(conv2d(x[0], p.at("c_cw"), none, 2, 1, 1, 96)),
       .make = make({1, 96, 56, 56}, {96, 1, 3, 3}),
       .flops = 2.0 * 96 * 9 * 28 * 28},
      {.name = "conv_1x1",
       .about = "conv 1x1 of 96 into 192 channels, 28 x 28",
       WEFT_BENCH_EXPRESSION(conv2d(x[0], p.at("c_cw"))),
       .make = make({1, 96, 28, 28}, {192, 96, 1, 1}),
       .flops = 2.0 * 96 * 192 * 28 * 28}};
  for (Workload& w : all) {
    w.limit = LimitClass::flops;
    w.reach = 1.05;
  }
  return all;
}

} // namespace

std::vector<Workload> sweep_workloads() {
  std::vector<Workload> all;
  for (auto part : {chains, reductions, products, convolutions})
    for (Workload& w : part())
      all.push_back(std::move(w));
  return all;
}

} // namespace weft::bench

// Composites of networks at special values, and what they refuse.

#include "weft/ops.h"

#include <catch2/catch.hpp>

#include <cmath>

using namespace weft;
using Catch::Matchers::Contains;

namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

void check_close(const Tensor& a, const std::vector<double>& wanted) {
  auto got = a.to_vector<double>();
  REQUIRE(got.size() == wanted.size());
  for (size_t k = 0; k < got.size(); k++) {
    INFO(k << ": " << got[k] << " for " << wanted[k]);
    CHECK(((std::isnan(got[k]) && std::isnan(wanted[k])) || got[k] == wanted[k] ||
           std::abs(got[k] - wanted[k]) <= 1e-6 * std::max(1.0, std::abs(wanted[k]))));
  }
}

bool is_nan(const Tensor& t) { return std::isnan(t.item<float>()); }

} // namespace

TEST_CASE("activations keep their relative accuracy and the dtype of x") {
  Tensor x = tensor({-1e-10, -1e-4, -30.0}).to(f32);
  auto relative = [](const Tensor& y, std::vector<double> wanted) {
    auto got = y.to_vector<double>();
    for (size_t k = 0; k < wanted.size(); k++)
      CHECK(got[k] == Approx(wanted[k]).epsilon(1e-6).margin(0));
  };
  std::vector<double> minus_one{std::expm1(-1e-10), std::expm1(-1e-4), std::expm1(-30.0)};
  relative(elu(x), minus_one);
  relative(celu(x, 2), {2 * std::expm1(-5e-11), 2 * std::expm1(-5e-5), 2 * std::expm1(-15.0)});
  relative(softplus(x * 1), {std::log1p(std::exp(-1e-10)), std::log1p(std::exp(-1e-4)),
                             std::log1p(std::exp(-30.0))});
  relative(logsigmoid(-x), {-std::log1p(std::exp(-1e-10)), -std::log1p(std::exp(-1e-4)),
                            -std::log1p(std::exp(-30.0))});
  check_close(elu(tensor({kNan, kInf, -kInf})), {kNan, kInf, -1});
  check_close(mish(tensor({kNan, kInf, -kInf})), {kNan, kInf, kNan});
  check_close(softplus(tensor({kNan, kInf, -kInf, 25.f})), {kNan, kInf, 0, 25});
  check_close(softshrink(tensor({kNan, kInf, -kInf, 0.5f})), {kNan, kInf, -kInf, 0});
  CHECK(hardtanh(tensor({-5, 0, 5}), -1.7, 2.5).to_vector<int64_t>() ==
        std::vector<int64_t>{-1, 0, 2});
  check_close(celu(tensor({-kInf, -1.f, kInf}), -0.5), {-kInf, -0.5 * std::expm1(2.0), kInf});
  CHECK_THROWS_WITH(leaky_relu(arange(3)), Contains("operands must be floating"));
  CHECK_THROWS_WITH(relu6(tensor({true})), Contains("x must be of numbers"));
  CHECK_THROWS_WITH(tanhshrink(tensor({true})), Contains("x must be of numbers"));
  check_close(hardswish(tensor({kNan, kInf, 3.f})), {kNan, kInf, 3});
}

TEST_CASE("moments of too few elements are not finite") {
  CHECK(is_nan(var(tensor({1.f}))));
  CHECK(var(tensor({1.f, 2.f}), {}, 2).item<float>() == kInf);
  CHECK(is_nan(tensor({1.f}).std()));
  CHECK(var(tensor({1.f}), {}, 0).item<float>() == 0);
  check_close(var(zeros({0, 2}), 0), {kNan, kNan});
  auto [variance, mean] = var_mean(tensor({{1.f, 3.f}, {2.f, 6.f}}), 1, 1, true);
  CHECK(variance.shape() == Shape{2, 1});
  check_close(mean, {2, 4});
  CHECK_THROWS_WITH(var(arange(3)), Contains("var: the operand must be floating"));
}

TEST_CASE("logsumexp takes infinities and integers") {
  check_close(logsumexp(tensor({{-kInf, -kInf}, {kInf, 0.f}, {-kInf, 0.f}}), 1), {-kInf, kInf, 0});
  check_close(logsumexp(tensor({0, 0}), 0), {std::log(2.0)});
  check_close(logsumexp(zeros({0, 2}), 0), {-kInf, -kInf});
}

TEST_CASE("norms of every order") {
  Tensor x = tensor({3.f, 0.f, -4.f});
  double orders[] = {2, 1, 0, kInf, -kInf, 3, 0.5, -1};
  double wanted[] = {5, 7, 2, 4, 0, std::cbrt(91), std::pow(std::sqrt(3.0) + 2, 2), 0};
  for (size_t k = 0; k < 8; k++)
    check_close(vector_norm(x, orders[k]), {wanted[k]});
  CHECK(vector_norm(zeros({0})).item<float>() == 0);
  CHECK_THROWS_WITH(vector_norm(zeros({0}), kInf), Contains("there must be elements"));
  CHECK_THROWS_WITH(vector_norm(arange(3)), Contains("must be floating"));
  check_close(normalize(zeros({1, 2})), {0, 0});
  check_close(cosine_similarity(zeros({1, 2}), ones({1, 2})), {0});
  CHECK_THROWS_WITH(cosine_similarity(ones({2}), ones({3}), 0), Contains("must broadcast"));
  CHECK_THROWS_WITH(cdist(ones({2, 3}), ones({2, 1})), Contains("rows of one length"));
}

TEST_CASE("losses at the ends of their range") {
  Tensor p = tensor({0.f, 1.f, 0.f, 1.f}), t = tensor({0.f, 1.f, 1.f, 0.f});
  check_close(binary_cross_entropy(p, t, {}, Reduce::none), {0, 0, 100, 100});
  check_close(binary_cross_entropy_with_logits(tensor({100.f, -100.f}), tensor({0.f, 0.f}), {},
                                               Reduce::none),
              {100, 0});
  check_close(kl_div(tensor({-1.f, -2.f}), tensor({0.f, 1.f}), Reduce::none), {0, 2});
  check_close(gaussian_nll_loss(zeros({1}), ones({1}), zeros({1})), {0.5 * (std::log(1e-6) + 1e6)});
  check_close(smooth_l1_loss(zeros({2}), tensor({1.f, 3.f}), Reduce::none, 0), {1, 3});
  CHECK_THROWS_WITH(binary_cross_entropy(tensor({1.5f}), ones({1})),
                    Contains("binary_cross_entropy: x and target must be probabilities in 0 .. 1"));
  CHECK_THROWS_WITH(binary_cross_entropy(ones({1}), tensor({1.5f})),
                    Contains("binary_cross_entropy: x and target must be probabilities in 0 .. 1"));
  CHECK_THROWS_WITH(binary_cross_entropy(ones({2}), ones({1})),
                    Contains("must have the shape of x"));
  CHECK_THROWS_WITH(gaussian_nll_loss(zeros({1}), ones({1}), full({1}, -1.f)),
                    Contains("var must not be negative"));
  CHECK_THROWS_WITH(huber_loss(ones({2}), ones({2}), Reduce::mean, 0),
                    Contains("delta must be positive"));
  CHECK_THROWS_WITH(smooth_l1_loss(ones({2}), ones({2}), Reduce::mean, -1),
                    Contains("beta must not be"));
  const Tensor x = tensor({1.f, 4.f}), w = tensor({1.f, 3.f}); // means: over weights, elements
  check_close(l1_loss(x, zeros({2}), Reduce::mean, w), {13.0 / 4});
  check_close(mse_loss(x, zeros({2}), Reduce::mean, w), {49.0 / 4});
  check_close(mse_loss(x, zeros({2}), Reduce::none, w), {1, 48});
  check_close(huber_loss(x, zeros({2}), Reduce::mean, 1, w), {(0.5 + 10.5) / 2});
  check_close(huber_loss(x, zeros({2}), Reduce::sum, 1, w), {0.5 + 10.5});
  CHECK_THROWS_WITH(mse_loss(x, zeros({2}), Reduce::mean, ones({1})),
                    Contains("mse_loss: weight must have the shape [2], got f32[1]"));
  CHECK_THROWS_WITH(l1_loss(ones({2}), ones({2}), Reduce::batchmean),
                    Contains("none, mean or sum"));
  CHECK_THROWS_WITH(cross_entropy(ones({2, 2}), tensor({0, 1}), {}, -100, Reduce::batchmean),
                    Contains("none, mean or sum"));
}

TEST_CASE("attention masks") {
  Tensor q = ones({2, 3}), v = tensor({{1.f}, {3.f}});
  Tensor none = tensor({{true, true}, {false, false}}); // the second query sees nothing
  check_close(scaled_dot_product_attention(q, q, v, none), {2, 0});
  Tensor low = tensor({{0.f, -kInf}, {-kInf, -kInf}});
  check_close(scaled_dot_product_attention(q, q, v, low), {1, 0});
  check_close(scaled_dot_product_attention(q, q, v, {}, 0, true), {1, 2});
  check_close(scaled_dot_product_attention(q, zeros({0, 3}), zeros({0, 1})), {0, 0});
  CHECK_THROWS_WITH(scaled_dot_product_attention(q, q, v, none, 0, true),
                    Contains("attn_mask must not be given with is_causal"));
  CHECK_THROWS_WITH(scaled_dot_product_attention(q, q.to(f64), v), Contains("must have one dtype"));
  CHECK_THROWS_WITH(scaled_dot_product_attention(q, q, v, arange(2)), Contains("bool or floating"));
  CHECK_THROWS_WITH(scaled_dot_product_attention(ones({3, 2, 3}), ones({2, 2, 3}), ones({2, 2, 3}),
                                                 {}, 0, false, std::nullopt, true),
                    Contains("heads of query must be a multiple"));
}

TEST_CASE("einsum reads its equation") {
  Tensor a = arange(6).reshape({2, 3}), b = arange(12).reshape({3, 4});
  CHECK(einsum("ij,jk", {a, b}).to_vector<int64_t>() == matmul(a, b).to_vector<int64_t>());
  CHECK(einsum(" b a ", {a}).shape() == Shape{3, 2}); // alphabetical
  CHECK(einsum("ij->", {a}).item<int64_t>() == 15);
  CHECK(einsum("...", {a}).to_vector<int64_t>() == a.to_vector<int64_t>());
  CHECK(einsum("ii", {arange(9).reshape({3, 3})}).item<int64_t>() == 12);
  CHECK(einsum("ij,j->i", {a, ones({1}, i64)}).to_vector<int64_t>() == std::vector<int64_t>{3, 12});
  CHECK(einsum("i,j,k->kji", {arange(2), arange(3), arange(4)}).shape() == Shape{4, 3, 2});
  CHECK(einsum("Ba,a...->B...", {ones({2, 3}), ones({3, 4, 5})}).shape() == Shape{2, 4, 5});
  CHECK(einsum("ij,jk->ik", {zeros({2, 0}), zeros({0, 3})}).to_vector<float>() ==
        std::vector<float>(6, 0.f));
  CHECK_THROWS_WITH(einsum("ij,jk->ik", {a}), Contains("as many terms as there are operands, 1"));
  CHECK_THROWS_WITH(einsum("ij", {arange(3)}), Contains("a letter for each dim"));
  CHECK_THROWS_WITH(einsum("i", {a}), Contains("a letter for each dim"));
  CHECK_THROWS_WITH(einsum("i$", {a}), Contains("the equation must be of letters"));
  CHECK_THROWS_WITH(einsum("ij->ik", {a}), Contains("the result's letters"));
  CHECK_THROWS_WITH(einsum("ij->ii", {a}), Contains("the result's letters"));
  CHECK_THROWS_WITH(einsum("ii", {a}), Contains("dims of one letter must be equal"));
  CHECK_THROWS_WITH(einsum("ij,jk", {a, a}), Contains("dims of one letter must be equal"));
}

TEST_CASE("forms of the product take their ranks alone") {
  Tensor m = ones({2, 2}), v = ones({2});
  CHECK_THROWS_WITH(mm(m, v), Contains("mm: operands must have 2 and 2 dims"));
  CHECK_THROWS_WITH(bmm(ones({1, 2, 2}), ones({3, 2, 2})), Contains("equal batches"));
  CHECK_THROWS_WITH(dot(v, v.to(f64)), Contains("one dtype"));
  CHECK_THROWS_WITH(outer(m, v), Contains("operands must have 1 dim"));
  check_close(addmm(full({2, 2}, kNan), m, m, 0), {2, 2, 2, 2});
  CHECK(addmm(ones({1}, i64), m.to(i64), m.to(i64), 1, 2.5).to_vector<int64_t>() ==
        std::vector<int64_t>(4, 5));
  CHECK(kron(ones({2, 3}), ones({4})).shape() == Shape{2, 12});
  CHECK_THROWS_WITH(bilinear(ones({2, 3}), ones({2, 4}), ones({5, 3, 3})), Contains("must fit"));
}

TEST_CASE("what halves or groups must divide") {
  CHECK_THROWS_WITH(glu(ones({3})), Contains("must be even"));
  CHECK_THROWS_WITH(group_norm(ones({1, 4, 2}), 3), Contains("num_groups must divide"));
  CHECK_THROWS_WITH(group_norm(ones({1, 4}), 4), Contains("more than one value a group"));
  CHECK_THROWS_WITH(batch_norm(ones({2, 4}), {}, {}), Contains("running_mean must be given"));
  CHECK_THROWS_WITH(batch_norm(ones({2, 4}), ones({3}), ones({3})),
                    Contains("must have the shape [4]"));
  CHECK_THROWS_WITH(instance_norm(ones({1, 4, 1})), Contains("more than one value a sample"));
  CHECK_THROWS_WITH(celu(ones({2}), 0), Contains("alpha must not be 0"));
  CHECK_THROWS_WITH(softshrink(ones({2}), -1), Contains("lambd must not be negative"));
  CHECK_THROWS_WITH(prelu(ones({2, 3}), ones({2})), Contains("one a channel"));
}

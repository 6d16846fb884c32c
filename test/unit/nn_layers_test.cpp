// Layers: names of what they hold, first values, training and use.

#include "weft/nn_activations.h"
#include "weft/nn_layers.h"
#include "weft/nn_shapes.h"
#include "weft/ops.h"

#include <catch2/catch.hpp>

using namespace weft;
using Catch::Matchers::Contains;

namespace {

std::vector<std::string> state_names(const nn::Module& m) {
  std::vector<std::string> names;
  for (auto& [name, t] : m.state_dict())
    names.push_back(name);
  return names;
}

using Names = std::vector<std::string>;

void check_close(const Tensor& a, const Tensor& b) {
  REQUIRE(a.shape() == b.shape());
  auto x = a.to_vector<double>(), y = b.to_vector<double>();
  for (size_t k = 0; k < x.size(); k++)
    CHECK(x[k] == Approx(y[k]).margin(1e-5));
}

} // namespace

TEST_CASE("layers hold what PyTorch's hold, under its names", "[nn]") {
  CHECK(state_names(nn::Conv2d(4, 6, 3, {.groups = 2})) == Names{"bias", "weight"});
  CHECK(nn::Conv2d(4, 6, {3, 5}, {.groups = 2}).weight.shape() == Shape{6, 2, 3, 5});
  CHECK(nn::ConvTranspose1d(4, 6, 3, {.groups = 2}).weight.shape() == Shape{4, 3, 3});
  CHECK(state_names(nn::Conv1d(4, 6, 3, {.bias = false})) == Names{"weight"});
  Names all{"bias", "num_batches_tracked", "running_mean", "running_var", "weight"};
  CHECK(state_names(nn::BatchNorm2d(4)) == all);
  CHECK(state_names(nn::BatchNorm1d(4, {.affine = false, .track_running_stats = false})).empty());
  CHECK(state_names(nn::InstanceNorm2d(4)).empty());
  CHECK(state_names(nn::InstanceNorm2d(4, {.affine = true, .track_running_stats = true})) == all);
  CHECK(state_names(nn::GroupNorm(2, 4)) == Names{"bias", "weight"});
  CHECK(state_names(nn::RMSNorm({4})) == Names{"weight"});
  CHECK(state_names(nn::PReLU(3)) == Names{"weight"});
  CHECK(state_names(nn::MultiheadAttention(8, 2)) ==
        Names{"in_proj_bias", "in_proj_weight", "out_proj.bias", "out_proj.weight"});
  CHECK(state_names(nn::MultiheadAttention(8, 2, {.bias = false})) ==
        Names{"in_proj_weight", "out_proj.weight"});
}

TEST_CASE("a convolution starts within PyTorch's bounds", "[nn]") {
  manual_seed(1);
  nn::Conv2d layer(16, 32, 3, {.groups = 2});
  double bound = 1 / std::sqrt(8 * 9.0);
  for (const Tensor& t : {layer.weight, layer.bias}) {
    std::vector<float> v = t.to_vector<float>();
    auto [least, most] = std::minmax_element(v.begin(), v.end());
    CHECK((*least >= -bound && *most <= bound && *most > 0.8 * bound));
  }
}

TEST_CASE("batch norm follows the batches in training and uses what it saw otherwise", "[nn]") {
  nn::BatchNorm1d norm(2);
  Tensor x = tensor({{1.f, 10.f}, {3.f, 30.f}});
  check_close(norm(x), tensor({{-1.f, -1.f}, {1.f, 1.f}}));
  check_close(norm.running_mean, tensor({0.2f, 2.f}));
  check_close(norm.running_var, tensor({0.9f + 0.2f, 0.9f + 20.f}));
  CHECK(norm.num_batches_tracked.item<int64_t>() == 1);
  norm.eval();
  check_close(norm(x), (x - norm.running_mean) / sqrt(norm.running_var + 1e-5));
  CHECK(norm.num_batches_tracked.item<int64_t>() == 1);

  nn::BatchNorm1d mean_of_all(2, {.momentum = std::nullopt});
  mean_of_all(x);
  mean_of_all(x * 3);
  check_close(mean_of_all.running_mean, tensor({4.f, 40.f}));
  CHECK_THROWS_WITH(nn::BatchNorm2d(2)(x), Contains("BatchNorm2d: x must have 4"));
  CHECK_THROWS_WITH(nn::BatchNorm1d(2)(slice(x, 0, 0, 1)),
                    Contains("more than one value a channel"));
}

TEST_CASE("an instance norm that tracks moves by the mean of the samples", "[nn]") {
  nn::InstanceNorm1d norm(1, {.track_running_stats = true});
  Tensor x = tensor({1.f, 3.f, 5.f, 9.f}).reshape({2, 1, 2});
  check_close(norm(x), tensor({-1.f, 1.f, -1.f, 1.f}).reshape({2, 1, 2}));
  check_close(norm.running_mean, tensor({0.45f}));
  check_close(norm.running_var, tensor({0.9f + 0.1f * 5}));
  check_close(norm(select(x, 0, 0)), tensor({-1.f, 1.f}).reshape({1, 2}));
}

TEST_CASE("dropout drops in training only", "[nn]") {
  manual_seed(3);
  nn::Dropout layer(0.25);
  Tensor x = ones({4000}), y = layer(x);
  double kept = sum((y != 0).to(f32)).item<double>() / 4000;
  CHECK(kept == Approx(0.75).margin(0.03));
  CHECK(max(y).item<float>() == Approx(1 / 0.75));
  layer.eval();
  CHECK(layer(x).to_vector<float>() == x.to_vector<float>());
  CHECK(sum(dropout(x, 1)).item<float>() == 0);
  CHECK(dropout(x, 0).to_vector<float>() == x.to_vector<float>());
  CHECK_THROWS_WITH(dropout(x, 1.5), Contains("dropout: p must be in 0 .. 1"));
  nn::Dropout2d channels(0.5);
  Tensor c = channels(ones({8, 16, 3, 3}));
  CHECK(max(c, {2, 3}).to_vector<float>() == min(c, {2, 3}).to_vector<float>());
}

TEST_CASE("attention of several heads is attention of parts of its projection", "[nn]") {
  manual_seed(4);
  nn::MultiheadAttention attention(6, 2, {.batch_first = true});
  CHECK(attention.out_proj.bias.to_vector<float>() == std::vector<float>(6, 0.f));
  Tensor x = normal({2, 5, 6});
  auto part = [&](int64_t k) {
    Tensor y = linear(x, slice(attention.in_proj_weight, 0, 6 * k, 6 * k + 6));
    return transpose(reshape(y, {2, 5, 2, 3}), 1, 2);
  };
  Tensor scores = softmax(matmul(part(0), transpose(part(1), -2, -1)) / std::sqrt(3.0), -1);
  Tensor joined = reshape(transpose(matmul(scores, part(2)), 1, 2), {2, 5, 6});
  Tensor wanted = linear(joined, attention.out_proj.weight);
  check_close(attention(x, x, x), wanted);

  nn::MultiheadAttention in_front(6, 2);
  in_front.load_state_dict(attention.state_dict());
  Tensor t = transpose(x, 0, 1);
  check_close(in_front(t, t, t), transpose(wanted, 0, 1));
  Tensor one = select(x, 0, 0);
  check_close(attention(one, one, one), select(wanted, 0, 0));

  auto [y, weights] = attention.with_weights(x, x, x, {}, false);
  check_close(y, wanted);
  check_close(weights, scores);
  check_close(attention.with_weights(one, one, one).second, mean(select(scores, 0, 0), 0));

  // A key that does not count is as good as one that is not there.
  Tensor padding = arange(5).reshape({1, 5}) >= tensor({5, 3}).reshape({2, 1});
  Tensor masked = attention(x, x, x, nn::AttentionMasks{.key_padding_mask = padding});
  Tensor fewer = slice(select(x, 0, 1), 0, 0, 3);
  check_close(select(masked, 0, 1), attention(select(x, 0, 1), fewer, fewer));
  Tensor causal = attention(x, x, x, nn::AttentionMasks{.is_causal = true});
  Tensor later = arange(5) > arange(5).reshape({5, 1});
  check_close(causal, attention(x, x, x, nn::AttentionMasks{.attn_mask = later}));
  check_close(select(causal, 1, 0),
              select(attention(slice(x, 1, 0, 1), slice(x, 1, 0, 1), slice(x, 1, 0, 1)), 1, 0));
}

TEST_CASE("an embedding looks rows up, but for the one that pads", "[nn]") {
  manual_seed(6);
  nn::Embedding table(5, 3, -1);
  CHECK(select(table.weight, 0, 4).to_vector<float>() == std::vector<float>(3, 0.f));
  Tensor y = table(tensor({{0, 4}, {2, 2}}));
  CHECK(y.shape() == Shape{2, 2, 3});
  sum(y).backward();
  CHECK(sum(table.weight.grad(), 1).to_vector<float>() == std::vector<float>{3, 0, 6, 0, 0});
  CHECK_THROWS_WITH(nn::Embedding(5, 3, 5), Contains("padding_idx a row"));
}

TEST_CASE("a small convolutional network runs and trains", "[nn]") {
  manual_seed(9);
  nn::Sequential net(nn::Conv2d(1, 4, 3, {.padding = 1, .bias = false}), nn::BatchNorm2d(4),
                     nn::LeakyReLU(0.1), nn::MaxPool2d(2), nn::Conv2d(4, 8, 3), nn::GELU(),
                     nn::AdaptiveAvgPool2d(1), nn::Flatten(), nn::Dropout(0.1), nn::Linear(8, 3));
  Tensor x = normal({5, 1, 10, 8});
  Tensor y = net(x);
  CHECK(y.shape() == Shape{5, 3});
  sum(y * y).backward();
  for (const Tensor& p : net.parameters())
    CHECK(p.grad().defined());
  net.eval();
  CHECK(net(x).to_vector<float>() == net(x).to_vector<float>());
}

TEST_CASE("layers refuse sizes that make none", "[nn]") {
  CHECK_THROWS_WITH(nn::Conv2d(3, 4, 3, {.groups = 2}), Contains("multiples of groups"));
  CHECK_THROWS_WITH(nn::Conv2d(3, 4, {3, 3, 3}), Contains("kernel_size, one number or 2"));
  CHECK_THROWS_WITH(nn::GroupNorm(3, 4), Contains("num_groups must divide"));
  CHECK_THROWS_WITH(nn::MultiheadAttention(5, 2), Contains("embed_dim must be a multiple"));
  CHECK_THROWS_WITH(nn::BatchNorm1d(0), Contains("channels must be positive"));
}

// Initialisers: bounds and moments, exact patterns, errors.

#include "weft/nn_init.h"
#include "weft/ops.h"

#include <catch2/catch.hpp>

#include <cmath>

using namespace weft;
namespace init = weft::nn::init;
using Catch::Matchers::Contains;

namespace {

struct Moments {
  double mean, std, least, most;
};

Moments moments(const Tensor& t) {
  return {mean(t).item<double>(), std::sqrt(var(t).item<double>()), min(t).item<double>(),
          max(t).item<double>()};
}

// Of 200 * 300 numbers, so that moments are known to a percent.
Tensor matrix() {
  Tensor t = full({200, 300}, 7.0);
  return t.requires_grad_();
}

void check_uniform(const Tensor& t, double bound) {
  Moments m = moments(t.detach());
  CHECK(m.least >= -bound);
  CHECK(m.most <= bound);
  CHECK(m.std == Approx(bound / std::sqrt(3.0)).epsilon(0.02));
}

void check_normal(const Tensor& t, double mean, double std) {
  Moments m = moments(t.detach());
  CHECK(m.mean == Approx(mean).margin(0.02 * std));
  CHECK(m.std == Approx(std).epsilon(0.02));
}

} // namespace

TEST_CASE("random first values have the bounds and moments of their rules", "[nn]") {
  manual_seed(1);
  Tensor t = matrix();
  CHECK(init::uniform_(t, -0.5, 0.5).is_same(t));
  check_uniform(t, 0.5);
  check_normal(init::normal_(t, 2, 0.5), 2, 0.5);
  check_uniform(init::xavier_uniform_(t, 2), 2 * std::sqrt(6.0 / 500));
  check_normal(init::xavier_normal_(t), 0, std::sqrt(2.0 / 500));
  check_uniform(init::kaiming_uniform_(t, {.a = std::sqrt(5.0)}), 1 / std::sqrt(300.0));
  check_normal(init::kaiming_normal_(t, {.mode = "fan_out", .nonlinearity = "relu"}), 0,
               std::sqrt(2.0 / 200));
  Tensor kernel = empty({30, 20, 5, 5}); // fan_in 500, fan_out 750
  check_normal(init::xavier_normal_(kernel), 0, std::sqrt(2.0 / 1250));
  CHECK(t.requires_grad());
  CHECK(t.is_leaf());
  CHECK(t.grad().defined() == false);
}

TEST_CASE("a truncated normal distribution keeps its shape within the bounds", "[nn]") {
  manual_seed(2);
  Tensor t = matrix();
  Moments m = moments(init::trunc_normal_(t, 0.5, 1, -1, 2).detach());
  CHECK(m.least >= -1);
  CHECK(m.most <= 2);
  CHECK(m.mean == Approx(0.5).margin(0.01));
  // Of the standard normal distribution within +-1.5.
  CHECK(m.std ==
        Approx(std::sqrt(1 - 2 * 1.5 * 0.12951759566589174 / 0.8663855974622838)).epsilon(0.01));
  CHECK_THROWS_WITH(init::trunc_normal_(t, 0, 1, 2, 1), Contains("a must be <= b, got 2 and 1"));
}

TEST_CASE("a generator of one's own is used", "[nn]") {
  Generator generator(3);
  Tensor a = init::normal_(empty({4}), 0, 1, &generator).clone();
  generator.manual_seed(3);
  CHECK(init::normal_(empty({4}), 0, 1, &generator).to_vector<float>() == a.to_vector<float>());
  CHECK(generator.counter() == 1);
}

TEST_CASE("first values that are no random ones", "[nn]") {
  using V = std::vector<float>;
  CHECK(init::constant_(empty({2}), 1.5).to_vector<float>() == V{1.5, 1.5});
  CHECK(init::ones_(empty({2})).to_vector<float>() == V{1, 1});
  CHECK(init::zeros_(empty({2})).to_vector<float>() == V{0, 0});
  CHECK(init::eye_(empty({2, 3})).to_vector<float>() == V{1, 0, 0, 0, 1, 0});
  Tensor x = tensor({1.f, 2.f, 3.f, 4.f, 5.f, 6.f}).reshape({1, 2, 3});
  CHECK(conv1d(x, init::dirac_(empty({2, 2, 3})), {}, 1, 1).to_vector<float>() ==
        x.to_vector<float>());
  Tensor grouped = init::dirac_(empty({4, 2, 1}), 2);
  CHECK(grouped.to_vector<float>() == V{1, 0, 0, 1, 1, 0, 0, 1});
  CHECK_THROWS_WITH(init::eye_(empty({2})),
                    Contains("eye_: the tensor must have two dims, got [2]"));
  CHECK_THROWS_WITH(init::dirac_(empty({3, 2, 1}), 2), Contains("groups must divide dim 0, got 2"));
}

TEST_CASE("orthogonal rows or columns", "[nn]") {
  manual_seed(4);
  for (const Shape& shape : {Shape{5, 8}, Shape{8, 5}, Shape{6, 2, 3}, Shape{40, 40}}) {
    Tensor q = reshape(init::orthogonal_(empty(shape), 2), {shape[0], -1});
    if (q.size(0) > q.size(1)) q = transpose(q, 0, 1);
    Tensor difference = matmul(q, transpose(q, 0, 1)) - 4 * eye(q.size(0));
    CHECK(max(abs(difference)).item<float>() < 1e-5f);
  }
  CHECK_THROWS_WITH(init::orthogonal_(empty({3})), Contains("at least two dims, got [3]"));
}

TEST_CASE("sparse matrices have as many zeros in each column", "[nn]") {
  manual_seed(5);
  Tensor t = init::sparse_(empty({10, 6}), 0.25);
  CHECK(sum((t == 0).to(i64), 0).to_vector<int64_t>() == std::vector<int64_t>(6, 3));
}

TEST_CASE("gains", "[nn]") {
  CHECK(init::calculate_gain("linear") == 1);
  CHECK(init::calculate_gain("conv_transpose2d") == 1);
  CHECK(init::calculate_gain("tanh") == Approx(5.0 / 3));
  CHECK(init::calculate_gain("relu") == Approx(std::sqrt(2.0)));
  CHECK(init::calculate_gain("leaky_relu", 0.5) == Approx(std::sqrt(2 / 1.25)));
  CHECK(init::calculate_gain("selu") == 0.75);
  CHECK_THROWS_WITH(init::calculate_gain("gelu"),
                    Contains("calculate_gain: nonlinearity must be the name of a layer or an "
                             "activation, got \"gelu\""));
  CHECK_THROWS_WITH(
      init::kaiming_normal_(empty({2, 2}), {.mode = "fan"}),
      Contains("kaiming_normal_: mode must be \"fan_in\" or \"fan_out\", got \"fan\""));
  CHECK_THROWS_WITH(init::xavier_normal_(empty({2})), Contains("at least two dims, got [2]"));
  CHECK_THROWS_WITH(init::ones_(Tensor()), Contains("ones_: the tensor must be defined"));
}

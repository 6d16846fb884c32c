// Gradients of further composites against differences: of shapes, numbers, statistics, products and
// networks.

#include "cases.h"

#include "weft/ops.h"

#include <catch2/catch.hpp>

#include <limits>

using namespace weft;
using gradient_check::Case;
using gradient_check::check_all;
using gradient_check::Inputs;

namespace {

Tensor grid_of(const Tensor& x) { return tanh(x) * 1.3; }

const Case kShapes[] = {
    {"stacks",
     {{2, 3}, {2, 3}},
     [](const Inputs& x) {
       return hstack(x) + vstack(x).reshape({2, 6}) + dstack(x)[0].sum();
     }},
    {"column_stack", {{3}, {3}}, [](const Inputs& x) { return column_stack(x); }},
    {"tensor_split", {{5, 2}}, [](const Inputs& x) { return tensor_split(x[0], 3)[0] * 2; }},
    {"unflatten",
     {{4, 2}},
     [](const Inputs& x) {
       return unflatten(x[0], 0, {2, -1});
     }},
    {"diagflat", {{2, 2}}, [](const Inputs& x) { return diagflat(x[0], -1); }},
    {"trace", {{3, 4}}, [](const Inputs& x) { return trace(x[0]) * trace(x[0]); }},
    {"meshgrid", {{2}, {3}}, [](const Inputs& x) { return meshgrid(x)[0] * meshgrid(x)[1]; }},
    {"cartesian_prod", {{2}, {3}}, [](const Inputs& x) { return cartesian_prod(x); }},
    {"combinations", {{4}}, [](const Inputs& x) { return combinations(x[0], 3); }},
    {"block_diag", {{2, 1}, {2}}, [](const Inputs& x) { return block_diag(x); }},
};

const Case kNumbers[] = {
    {"float_power", {{3, 2}, {2}}, [](const Inputs& x) { return float_power(x[0], x[1]); }, 0.5},
    {"ldexp", {{3}, {3}}, [](const Inputs& x) { return ldexp(x[0], x[1]); }},
    {"frexp", {{4}}, [](const Inputs& x) { return frexp(x[0]).first; }, 1.1, 1.9},
    {"mvlgamma", {{3}}, [](const Inputs& x) { return mvlgamma(x[0], 3); }, 2, 5},
    {"clip", {{3, 4}}, [](const Inputs& x) { return clip(x[0], -1.1, 0.7); }},
    {"masked_scatter",
     {{2, 3}, {4}},
     [](const Inputs& x) {
       return masked_scatter(x[0], tensor({{true, false, true}, {false, true, false}}), x[1]);
     }},
};

const Case kStatistics[] = {
    {"quantile", {{3, 5}}, [](const Inputs& x) { return quantile(x[0], 0.3, 1); }},
    {"quantiles",
     {{3, 5}},
     [](const Inputs& x) {
       return quantile(x[0], tensor(std::vector<double>{0.1, 0.9}, {2}), 0, true);
     }},
    {"nanmedian", {{3, 5}}, [](const Inputs& x) { return nanmedian(x[0], 1).values; }},
    {"mode", {{3, 5}}, [](const Inputs& x) { return mode(x[0], 1).values; }},
    {"msort", {{3, 5}}, [](const Inputs& x) { return msort(x[0]); }},
    {"unique", {{5}}, [](const Inputs& x) { return unique(x[0]); }},
    {"aminmax",
     {{3, 5}},
     [](const Inputs& x) { return aminmax(x[0], 1).first * aminmax(x[0], 1).second; }},
    {"gradient", {{4, 5}}, [](const Inputs& x) { return gradient(x[0], 0.5, 1, 2)[0]; }},
    {"gradient at places",
     {{4, 5}, {4}},
     [](const Inputs& x) {
       return gradient(x[0], std::vector<Tensor>{cumsum(exp(x[1]), 0)}, 0)[0];
     }},
    {"trapezoid", {{3, 5}, {5}}, [](const Inputs& x) { return trapezoid(x[0], x[1]); }},
    {"cumulative_trapezoid",
     {{3, 5}},
     [](const Inputs& x) { return cumulative_trapezoid(x[0], 0.5, 0); }},
    {"dist", {{3, 2}, {2}}, [](const Inputs& x) { return dist(x[0], x[1], 3); }},
    {"pdist", {{4, 3}}, [](const Inputs& x) { return pdist(x[0]); }},
    {"renorm", {{3, 4}}, [](const Inputs& x) { return renorm(x[0], 2, 0, 1.5); }},
};

const Case kProducts[] = {
    {"inner", {{2, 3}, {4, 3}}, [](const Inputs& x) { return inner(x[0], x[1]); }},
    {"tensordot",
     {{2, 3, 4}, {4, 2, 5}},
     [](const Inputs& x) {
       return tensordot(x[0], x[1], {2, 0}, {0, 1});
     }},
    {"addbmm",
     {{2, 4}, {3, 2, 3}, {3, 3, 4}},
     [](const Inputs& x) { return addbmm(x[0], x[1], x[2], 0.5, 2); }},
    {"multi_dot", {{4}, {4, 3}, {3, 2}}, [](const Inputs& x) { return multi_dot(x); }},
    {"cross", {{2, 3}, {1, 3}}, [](const Inputs& x) { return cross(x[0], x[1], 1); }},
    {"matrix_power", {{2, 3, 3}}, [](const Inputs& x) { return matrix_power(x[0], 3); }},
};

const Case kNetworks[] = {
    {"rrelu",
     {{3, 4}},
     [](const Inputs& x) {
       manual_seed(5);
       return rrelu(x[0], 0.1, 0.4, true);
     }},
    {"gumbel_softmax",
     {{3, 4}},
     [](const Inputs& x) {
       manual_seed(5);
       return gumbel_softmax(x[0], 0.7);
     }},
    {"alpha_dropout",
     {{3, 4}},
     [](const Inputs& x) {
       manual_seed(5);
       return alpha_dropout(x[0], 0.4, true);
     }},
    {"feature_dropout",
     {{3, 4, 2}},
     [](const Inputs& x) {
       manual_seed(5);
       return feature_dropout(x[0], 0.4);
     }},
    {"multi_margin_loss",
     {{3, 4}},
     [](const Inputs& x) {
       return multi_margin_loss(x[0], tensor({3, 0, 1}), 2, 0.7);
     }},
    {"multilabel_margin_loss",
     {{2, 3}},
     [](const Inputs& x) {
       return multilabel_margin_loss(x[0], tensor({{2, 0, -1}, {1, -1, 2}}));
     }},
    {"multilabel_soft_margin_loss",
     {{2, 3}, {2, 3}},
     [](const Inputs& x) { return multilabel_soft_margin_loss(x[0], sigmoid(x[1])); }},
    {"embedding_bag of means",
     {{5, 3}},
     [](const Inputs& x) {
       return embedding_bag(tensor({0, 2, 2, 4, 1}), x[0], tensor({0, 3, 3}));
     }},
    {"embedding_bag of weights",
     {{5, 3}, {2, 2}},
     [](const Inputs& x) {
       return embedding_bag(tensor({{0, 2}, {2, 4}}), x[0], {}, "sum", x[1]);
     }},
    {"embedding_bag of maxima",
     {{5, 3}},
     [](const Inputs& x) {
       return embedding_bag(tensor({{0, 2}, {3, 4}}), x[0], {}, "max");
     }},
    {"lp_pool2d", {{1, 4, 5}}, [](const Inputs& x) { return lp_pool2d(x[0], 3, 2, 1); }, 0.5},
    {"max_unpool1d",
     {{1, 2, 3}},
     [](const Inputs& x) {
       return max_unpool1d(x[0], tensor({0, 3, 4, 1, 2, 5}).reshape({1, 2, 3}), 2);
     }},
    {"affine_grid",
     {{2, 2, 3}},
     [](const Inputs& x) {
       return affine_grid(x[0], {2, 1, 2, 3});
     }},
    {"grid_sample",
     {{1, 2, 3, 4}, {1, 2, 3, 2}},
     [](const Inputs& x) { return grid_sample(x[0], grid_of(x[1])); }},
    {"grid_sample of reflections",
     {{1, 2, 3, 4}, {1, 2, 3, 2}},
     [](const Inputs& x) {
       return grid_sample(x[0], grid_of(x[1]), "bilinear", "reflection", true);
     }},
    {"grid_sample in space",
     {{1, 1, 2, 3, 2}, {1, 1, 2, 2, 3}},
     [](const Inputs& x) { return grid_sample(x[0], grid_of(x[1]), "bilinear", "border"); }},
    {"grid_sample by cubes",
     {{1, 1, 4, 4}, {1, 2, 2, 2}},
     [](const Inputs& x) { return grid_sample(x[0], grid_of(x[1]), "bicubic"); }},
};

} // namespace

TEST_CASE("gradients of forms of shapes agree with differences", "[gradients]") {
  check_all(kShapes, 31);
}
TEST_CASE("gradients of forms of numbers agree with differences", "[gradients]") {
  check_all(kNumbers, 32);
}
TEST_CASE("gradients of quantiles, integrals and distances agree with differences", "[gradients]") {
  check_all(kStatistics, 33);
}
TEST_CASE("gradients of further products agree with differences", "[gradients]") {
  check_all(kProducts, 34);
}
TEST_CASE("gradients of bags, margins and samples of images agree with differences",
          "[gradients]") {
  check_all(kNetworks, 35);
}

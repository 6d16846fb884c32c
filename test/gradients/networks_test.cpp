// Gradients of the composites of networks against differences, first and second order.

#include "cases.h"

#include "weft/ops.h"

#include <catch2/catch.hpp>

using namespace weft;
using gradient_check::Case;
using gradient_check::check_all;
using gradient_check::Inputs;

namespace {

Tensor signs() { return tensor(std::vector<double>{1, -1, 1, -1}, {4}); }
Tensor shares(const Inputs& x) { return softmax(x[1], -1); }
Tensor mask() { return arange(4).reshape({1, 4}) <= arange(3).reshape({3, 1}) + 1; }

const Case kLosses[] = {
    {"l1_loss", {{3, 2}, {3, 2}}, [](const Inputs& x) { return l1_loss(x[0], x[1]); }},
    {"smooth_l1_loss",
     {{3, 4}, {3, 4}},
     [](const Inputs& x) { return smooth_l1_loss(x[0], x[1]); }},
    {"l1_loss with weights",
     {{3, 2}, {3, 2}, {3, 2}},
     [](const Inputs& x) { return l1_loss(x[0], x[1], Reduce::mean, 4 + x[2]); }},
    {"mse_loss with weights",
     {{3, 2}, {3, 2}, {3, 2}},
     [](const Inputs& x) { return mse_loss(x[0], x[1], Reduce::mean, 4 + x[2]); }},
    {"huber_loss with weights",
     {{3, 4}, {3, 4}, {3, 4}},
     [](const Inputs& x) { return huber_loss(x[0], x[1], Reduce::mean, 0.7, x[2]); }},
    {"huber_loss",
     {{3, 4}, {3, 4}},
     [](const Inputs& x) { return huber_loss(x[0], x[1], Reduce::sum, 0.7); }},
    {"kl_div",
     {{3, 4}, {3, 4}},
     [](const Inputs& x) { return kl_div(log_softmax(x[0], -1), shares(x), Reduce::batchmean); }},
    {"kl_div of logarithms",
     {{3, 4}, {3, 4}},
     [](const Inputs& x) { return kl_div(x[0], x[1], Reduce::mean, true); }},
    {"binary_cross_entropy",
     {{3, 2}, {3, 2}, {2}},
     [](const Inputs& x) { return binary_cross_entropy(sigmoid(x[0]), sigmoid(x[1]), x[2]); }},
    {"binary_cross_entropy_with_logits",
     {{3, 2}, {3, 2}, {2}, {2}},
     [](const Inputs& x) {
       return binary_cross_entropy_with_logits(x[0], x[1], x[2], Reduce::mean, x[3]);
     }},
    {"poisson_nll_loss",
     {{3, 2}, {3, 2}},
     [](const Inputs& x) { return poisson_nll_loss(x[0], x[1] + 4, true, true); }},
    {"poisson_nll_loss of rates",
     {{3, 2}, {3, 2}},
     [](const Inputs& x) { return poisson_nll_loss(exp(x[0]), x[1], false); }},
    {"gaussian_nll_loss",
     {{3, 2}, {3, 2}, {3, 2}},
     [](const Inputs& x) { return gaussian_nll_loss(x[0], x[1], exp(x[2]), true); }},
    {"triplet_margin_with_distance_loss",
     {{3, 4}, {3, 4}, {3, 4}},
     [](const Inputs& x) {
       const auto distance = [](const Tensor& a, const Tensor& b) {
         return 1.0 - cosine_similarity(a, b);
       };
       return triplet_margin_with_distance_loss(x[0], x[1], x[2], distance, 3, true, Reduce::sum);
     }},
    {"triplet_margin_loss",
     {{4, 3}, {4, 3}, {4, 3}},
     [](const Inputs& x) { return triplet_margin_loss(x[0], x[1], x[2], 3, 2, 1e-6, true); }},
    {"cosine_embedding_loss",
     {{4, 3}, {4, 3}},
     [](const Inputs& x) { return cosine_embedding_loss(x[0], x[1], signs()); }},
    {"margin_ranking_loss",
     {{4}, {4}},
     [](const Inputs& x) { return margin_ranking_loss(x[0], x[1], signs(), 0.5); }},
    {"hinge_embedding_loss",
     {{4}},
     [](const Inputs& x) { return hinge_embedding_loss(x[0], signs()); }},
    {"soft_margin_loss", {{4}}, [](const Inputs& x) { return soft_margin_loss(x[0], signs()); }},
};

const Case kActivations[] = {
    {"relu6", {{3, 5}}, [](const Inputs& x) { return relu6(x[0] * 4); }},
    {"softshrink", {{3, 5}}, [](const Inputs& x) { return softshrink(x[0]); }},
    {"softsign", {{3, 5}}, [](const Inputs& x) { return softsign(x[0]); }},
    {"tanhshrink", {{3, 5}}, [](const Inputs& x) { return tanhshrink(x[0]); }},
    {"softmin", {{3, 5}}, [](const Inputs& x) { return softmin(x[0], 1); }},
    {"prelu", {{2, 3, 2}, {3}}, [](const Inputs& x) { return prelu(x[0], x[1]); }},
    {"prelu of one weight", {{3}, {1}}, [](const Inputs& x) { return prelu(x[0], x[1]); }},
    {"glu", {{3, 4}}, [](const Inputs& x) { return glu(x[0]); }},
};

const Case kStatistics[] = {
    {"var", {{3, 4}}, [](const Inputs& x) { return var(x[0], 1); }},
    {"std", {{3, 4}}, [](const Inputs& x) { return x[0].std({0}, 0, true); }},
    {"var_mean",
     {{3, 4}},
     [](const Inputs& x) {
       auto [variance, mean] = var_mean(x[0], -1);
       return variance * mean;
     }},
    {"logsumexp",
     {{3, 4}},
     [](const Inputs& x) {
       return logsumexp(x[0], {0, 1});
     }},
    {"vector_norm", {{3, 4}}, [](const Inputs& x) { return vector_norm(x[0]); }},
    {"vector_norm of order 3", {{3, 4}}, [](const Inputs& x) { return vector_norm(x[0], 3, 1); }},
    {"vector_norm of order 0.5",
     {{3, 4}},
     [](const Inputs& x) { return vector_norm(x[0], 0.5, 1, true); },
     0.5,
     2},
    {"vector_norm of order -1", {{3, 4}}, [](const Inputs& x) { return vector_norm(x[0], -1, 1); }},
    {"greatest magnitude",
     {{3, 4}},
     [](const Inputs& x) { return vector_norm(x[0], std::numeric_limits<double>::infinity(), 1); }},
    {"normalize", {{3, 4}}, [](const Inputs& x) { return normalize(x[0]); }},
    {"cosine_similarity",
     {{3, 4}, {1, 4}},
     [](const Inputs& x) { return cosine_similarity(x[0], x[1]); }},
    {"pairwise_distance",
     {{3, 4}, {3, 4}},
     [](const Inputs& x) { return pairwise_distance(x[0], x[1], 3); }},
    {"cdist", {{2, 3, 4}, {1, 2, 4}}, [](const Inputs& x) { return cdist(x[0], x[1]); }},
};

const Case kProducts[] = {
    {"outer", {{3}, {2}}, [](const Inputs& x) { return outer(x[0], x[1]); }},
    {"kron", {{2, 3}, {2}}, [](const Inputs& x) { return kron(x[0], x[1]); }},
    {"addmm",
     {{4}, {2, 3}, {3, 4}},
     [](const Inputs& x) { return addmm(x[0], x[1], x[2], 0.5, 2); }},
    {"baddbmm",
     {{2, 1, 4}, {2, 2, 3}, {2, 3, 4}},
     [](const Inputs& x) { return baddbmm(x[0], x[1], x[2], 0.5, 2); }},
    {"addmv", {{2}, {2, 3}, {3}}, [](const Inputs& x) { return addmv(x[0], x[1], x[2]); }},
    {"addr", {{2, 3}, {2}, {3}}, [](const Inputs& x) { return addr(x[0], x[1], x[2]); }},
    {"bilinear",
     {{3, 4}, {3, 2}, {5, 4, 2}, {5}},
     [](const Inputs& x) { return bilinear(x[0], x[1], x[2], x[3]); }},
    {"einsum of a batch",
     {{2, 3, 4}, {2, 4, 2}},
     [](const Inputs& x) { return einsum("bij,bjk->bik", x); }},
    {"einsum of a diagonal", {{3, 3}}, [](const Inputs& x) { return einsum("ii->i", x); }},
    {"einsum of a trace", {{2, 3, 3}}, [](const Inputs& x) { return einsum("...ii->...", x); }},
    {"einsum of three",
     {{2, 3, 4}, {4, 3}, {3, 3, 2}},
     [](const Inputs& x) { return einsum("abc,cd,bde->ae", x); }},
    {"einsum of further dims",
     {{2, 2, 3}, {1, 3, 2}},
     [](const Inputs& x) { return einsum("...ij,...jk", x); }},
    {"einsum of elements", {{3, 4}, {3, 4}}, [](const Inputs& x) { return einsum("ij,ij->i", x); }},
};

const Case kNetworks[] = {
    {"batch_norm",
     {{4, 3, 2}, {3}, {3}},
     [](const Inputs& x) { return batch_norm(x[0], {}, {}, x[1], x[2], true); }},
    {"batch_norm in use",
     {{4, 3}, {3}, {3}, {3}, {3}},
     [](const Inputs& x) { return batch_norm(x[0], x[1], exp(x[2]), x[3], x[4]); }},
    {"instance_norm",
     {{2, 3, 4}, {3}, {3}},
     [](const Inputs& x) { return instance_norm(x[0], {}, {}, x[1], x[2]); }},
    {"group_norm",
     {{2, 4, 3}, {4}, {4}},
     [](const Inputs& x) { return group_norm(x[0], 2, x[1], x[2]); }},
    {"rms_norm", {{3, 4}, {4}}, [](const Inputs& x) { return rms_norm(x[0], {4}, x[1]); }},
    {"dropout",
     {{3, 4}},
     [](const Inputs& x) {
       manual_seed(5);
       return dropout(x[0], 0.4);
     }},
    {"dropout of channels",
     {{2, 3, 2, 2}},
     [](const Inputs& x) {
       manual_seed(5);
       return dropout2d(x[0], 0.4);
     }},
    {"attention",
     {{2, 3, 4}, {2, 4, 4}, {2, 4, 2}},
     [](const Inputs& x) { return scaled_dot_product_attention(x[0], x[1], x[2], mask()); }},
    {"attention with a bias",
     {{3, 4}, {4, 4}, {4, 2}, {3, 4}},
     [](const Inputs& x) { return scaled_dot_product_attention(x[0], x[1], x[2], x[3]); }},
    {"causal attention of shared heads",
     {{4, 3, 2}, {2, 3, 2}, {2, 3, 2}},
     [](const Inputs& x) {
       return scaled_dot_product_attention(x[0], x[1], x[2], {}, 0, true, 0.3, true);
     }},
    {"rnn_tanh_cell",
     {{2, 3}, {2, 4}, {4, 3}, {4, 4}, {4}, {4}},
     [](const Inputs& x) { return rnn_tanh_cell(x[0], x[1], x[2], x[3], x[4], x[5]); }},
    {"rnn_relu_cell",
     {{2, 3}, {2, 4}, {4, 3}, {4, 4}},
     [](const Inputs& x) { return rnn_relu_cell(x[0], x[1], x[2], x[3]); }},
    {"gru_cell",
     {{2, 3}, {2, 2}, {6, 3}, {6, 2}, {6}, {6}},
     [](const Inputs& x) { return gru_cell(x[0], x[1], x[2], x[3], x[4], x[5]); }},
    {"lstm_cell",
     {{2, 3}, {2, 2}, {2, 2}, {8, 3}, {8, 2}, {8}, {8}},
     [](const Inputs& x) {
       auto [y, cell] = lstm_cell(x[0], {x[1], x[2]}, x[3], x[4], x[5], x[6]);
       return y * cell;
     }},
};

} // namespace

TEST_CASE("gradients of losses agree with differences", "[gradients]") { check_all(kLosses, 21); }
TEST_CASE("gradients of activations agree with differences", "[gradients]") {
  check_all(kActivations, 22);
}
TEST_CASE("gradients of norms and moments agree with differences", "[gradients]") {
  check_all(kStatistics, 23);
}
TEST_CASE("gradients of forms of products agree with differences", "[gradients]") {
  check_all(kProducts, 24);
}
TEST_CASE("gradients of normalisation, attention and cells agree with differences", "[gradients]") {
  check_all(kNetworks, 25);
}
TEST_CASE("gradients at places without a slope are finite", "[gradients]") {
  auto gradient = [](const Tensor& at, auto f) {
    Tensor x = at.clone().requires_grad_();
    f(x).backward();
    return x.grad().template to_vector<double>();
  };
  Tensor zero = zeros({2}, f64), same = ones({2}, f64);
  std::vector<double> none{0, 0};
  CHECK(gradient(zero, [](const Tensor& x) { return vector_norm(x); }) == none);
  CHECK(gradient(zero, [](const Tensor& x) { return vector_norm(x, 0.5); }) == none);
  CHECK(gradient(zero, [](const Tensor& x) { return vector_norm(x, 0); }) == none);
  CHECK(gradient(same, [](const Tensor& x) { return x.std(); }) == none);
  CHECK(gradient(zero, [](const Tensor& x) {
          return cdist(x.reshape({1, 2}), x.detach().reshape({1, 2})).sum();
        }) == none);
}

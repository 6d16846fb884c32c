// Views, structured ops and composites against differences. Every differentiable op that is neither
// pointwise nor a reduction must be among the names here.

#include "cases.h"

#include "runtime/core/call.h"
#include "weft/ops.h"

#include <catch2/catch.hpp>

#include <set>

using namespace weft;
using gradient_check::Case;
using gradient_check::Inputs;
using gradient_check::Samples;

namespace {

Tensor classes() { return tensor(std::vector<int64_t>{2, 0, -100, 1}, {4}); }

// Of a convolution in two groups with stride 2, padding 1 and kernel 3.
Tensor weight_gradient(const Inputs& x) {
  Arg dy(x[0]), image(x[1]);
  const int64_t structure[] = {2, 2, 1, 1, 1}, kernel[] = {3};
  return primitive(Op::convolution_weight, {&dy, &image}, {}, structure, kernel, dy.loc());
}

// Every fifth byte, as codes of 8 bits or pairs of codes of 4.
Tensor codes(const Shape& shape, DType dtype) {
  return reshape(arange(shape[0] * shape[1]) * 51 % 256, shape).to(dtype);
}

const Case kCases[] = {
    {"view",
     {{2, 6}},
     [](const Inputs& x) {
       return x[0].view({3, 4});
     }},
    {"view",
     {{2, 6}},
     [](const Inputs& x) {
       return reshape(transpose(x[0], 0, 1), {3, 4});
     }},
    {"view",
     {{2, 3, 1}},
     [](const Inputs& x) { return squeeze(flatten(unsqueeze(x[0], 1), 0, 2)); }},
    {"permute",
     {{2, 3, 4}},
     [](const Inputs& x) {
       return permute(x[0], {2, 0, 1});
     }},
    {"permute", {{2, 3}}, [](const Inputs& x) { return transpose(x[0], -1, 0); }},
    {"slice", {{7, 2}}, [](const Inputs& x) { return slice(x[0], 0, 2, 5); }},
    {"slice", {{7, 2}}, [](const Inputs& x) { return slice(x[0], 0, 1, 7, 2); }},
    {"slice", {{2, 7}}, [](const Inputs& x) { return slice(x[0], 1, 0, 7, 3); }},
    {"slice", {{2, 7}}, [](const Inputs& x) { return slice(x[0], 1, 0, 6, 4); }},
    {"slice", {{2, 7}}, [](const Inputs& x) { return slice(x[0], 1, 3, 3); }},
    {"slice", {{2, 0}}, [](const Inputs& x) { return slice(x[0], 1, 0, 0); }},
    {"slice", {{2, 3, 2}}, [](const Inputs& x) { return select(x[0], 1, -1); }},
    {"slice", {{2, 0}}, [](const Inputs& x) { return slice(x[0], 1, 0, 0); }},
    {"expand",
     {{3, 1}},
     [](const Inputs& x) {
       return expand(x[0], {2, 3, 4});
     }},
    {"expand",
     {{}},
     [](const Inputs& x) {
       return expand(x[0], {2, 2});
     }},
    {"concatenate", {{2, 2}, {2, 1}, {2, 3}}, [](const Inputs& x) { return concatenate(x, 1); }},
    {"concatenate",
     {{2, 2}, {1, 2}, {0, 2}, {3, 2}},
     [](const Inputs& x) { return concatenate(x, 0); }},
    {"matmul", {{3, 4}, {4, 2}}, [](const Inputs& x) { return matmul(x[0], x[1]); }},
    {"matmul", {{4}, {4}}, [](const Inputs& x) { return matmul(x[0], x[1]); }},
    {"matmul", {{4}, {4, 3}}, [](const Inputs& x) { return matmul(x[0], x[1]); }},
    {"matmul", {{3, 4}, {4}}, [](const Inputs& x) { return matmul(x[0], x[1]); }},
    {"matmul", {{2, 3, 4}, {4}}, [](const Inputs& x) { return matmul(x[0], x[1]); }},
    {"matmul", {{4}, {2, 4, 3}}, [](const Inputs& x) { return matmul(x[0], x[1]); }},
    {"matmul", {{2, 3, 4}, {4, 5}}, [](const Inputs& x) { return matmul(x[0], x[1]); }},
    {"matmul", {{3, 4}, {2, 4, 5}}, [](const Inputs& x) { return matmul(x[0], x[1]); }},
    {"matmul", {{2, 1, 3, 4}, {5, 4, 2}}, [](const Inputs& x) { return matmul(x[0], x[1]); }},
    {"matmul",
     {{3, 4}, {5, 4}},
     [](const Inputs& x) { return matmul(x[0], transpose(x[1], 0, 1)); }},
    {"matmul",
     {{4, 3}, {4, 2}},
     [](const Inputs& x) { return matmul(transpose(x[0], 0, 1), x[1]); }},
    {"matmul",
     {{2, 3, 4}, {2, 5, 4}},
     [](const Inputs& x) { return matmul(x[0], transpose(x[1], 1, 2)); }},
    {"matmul", {{3, 0}, {0, 2}}, [](const Inputs& x) { return matmul(x[0], x[1]); }},
    {"quantized_matmul",
     {{2, 3, 8}, {5, 2}},
     [](const Inputs& x) {
       return quantized_matmul(x[0], codes({5, 8}, i8), x[1]);
     }},
    {"quantized_matmul",
     {{8}, {3, 2}},
     [](const Inputs& x) {
       return quantized_matmul(x[0], codes({3, 4}, u8), x[1]);
     }},
    {"dequantize",
     {{3, 2}},
     [](const Inputs& x) {
       return dequantize(codes({3, 4}, u8), x[0]);
     }},
    {"convolution",
     {{2, 4, 5}, {6, 2, 3}},
     [](const Inputs& x) { return conv1d(x[0], x[1], {}, 2, 1, 1, 2); }},
    {"convolution_input",
     {{2, 6, 3}, {6, 2, 3}},
     [](const Inputs& x) { return conv_transpose1d(x[0], x[1], {}, 2, 1, 0, 2); }},
    {"convolution_weight", {{2, 6, 3}, {2, 4, 5}}, weight_gradient},
    {"softmax", {{3, 4}}, [](const Inputs& x) { return softmax(x[0], 1); }},
    {"log_softmax", {{3, 4}}, [](const Inputs& x) { return log_softmax(x[0], 0); }},
    {"layer_norm",
     {{3, 4}, {4}, {4}},
     [](const Inputs& x) { return layer_norm(x[0], {4}, x[1], x[2]); }},
    {"layer_norm",
     {{2, 3, 4}},
     [](const Inputs& x) {
       return layer_norm(x[0], {3, 4});
     }},
    {"linear", {{2, 3, 4}, {5, 4}, {5}}, [](const Inputs& x) { return linear(x[0], x[1], x[2]); }},
    {"cross_entropy", {{4, 3}}, [](const Inputs& x) { return cross_entropy(x[0], classes()); }},
    {"cross_entropy",
     {{4, 3}},
     [](const Inputs& x) { return cross_entropy(x[0], classes(), {}, -100, Reduce::mean, 0.2); }},
    {"conv1d",
     {{2, 3, 7}, {4, 3, 3}, {4}},
     [](const Inputs& x) { return conv1d(x[0], x[1], x[2], 2, 1); }},
    {"conv1d that keeps sizes",
     {{2, 6}, {3, 2, 4}},
     [](const Inputs& x) { return conv1d(x[0], x[1], {}, 1, "same", 2); }},
    {"conv2d in groups",
     {{2, 4, 5, 6}, {6, 2, 3, 2}, {6}},
     [](const Inputs& x) {
       return conv2d(x[0], x[1], x[2], {2, 1}, {1, 2}, {1, 2}, 2);
     }},
    {"conv2d of each channel",
     {{1, 3, 5, 5}, {3, 1, 3, 3}},
     [](const Inputs& x) { return conv2d(x[0], x[1], {}, 1, 1, 1, 3); }},
    {"conv3d",
     {{1, 2, 3, 4, 4}, {3, 2, 2, 3, 1}},
     [](const Inputs& x) {
       return conv3d(x[0], x[1], {}, {1, 2, 2}, {1, 0, 0});
     }},
    {"conv_transpose1d",
     {{2, 4, 3}, {4, 3, 3}, {6}},
     [](const Inputs& x) { return conv_transpose1d(x[0], x[1], x[2], 2, 1, 1, 2); }},
    {"conv_transpose2d",
     {{1, 4, 3, 3}, {4, 3, 2, 3}, {3}},
     [](const Inputs& x) {
       return conv_transpose2d(x[0], x[1], x[2], {3, 1}, {0, 1}, 0, 1, 2);
     }},
    {"avg_pool1d", {{2, 3, 7}}, [](const Inputs& x) { return avg_pool1d(x[0], 3, 2, 1); }},
    {"avg_pool2d",
     {{2, 2, 5, 6}},
     [](const Inputs& x) {
       return avg_pool2d(x[0], {2, 3}, 2, 1, true, false);
     }},
    {"adaptive_avg_pool2d",
     {{1, 2, 5, 6}},
     [](const Inputs& x) {
       return adaptive_avg_pool2d(x[0], {2, 3});
     }},
    {"max_pool2d",
     {{2, 2, 5, 6}},
     [](const Inputs& x) {
       return max_pool2d(x[0], {2, 3}, 2, 1, {1, 2}, true);
     }},
    {"adaptive_max_pool1d",
     {{2, 3, 7}},
     [](const Inputs& x) { return adaptive_max_pool1d(x[0], 3); }},
    {"interpolate",
     {{1, 2, 3, 4}},
     [](const Inputs& x) {
       return interpolate(x[0], {5, 3}, {}, "bicubic");
     }},
    {"interpolate",
     {{2, 2, 3}},
     [](const Inputs& x) { return interpolate(x[0], {}, {1.7}, "linear", true); }},
    {"local_response_norm",
     {{2, 4, 3}},
     [](const Inputs& x) { return local_response_norm(x[0], 3, 0.5, 0.75, 2); }},
    {"unfold",
     {{2, 2, 4, 5}},
     [](const Inputs& x) {
       return unfold(x[0], {2, 3}, {1, 2}, {1, 1}, {2, 1});
     }},
    {"fold",
     {{2, 12, 8}},
     [](const Inputs& x) {
       return fold(x[0], {3, 5}, {2, 3}, 1, {1, 0}, {1, 2});
     }},
    {"pixel_shuffle", {{2, 8, 2, 3}}, [](const Inputs& x) { return pixel_shuffle(x[0], 2); }},
    {"mse_loss", {{3, 2}, {3, 2}}, [](const Inputs& x) { return mse_loss(x[0], x[1]); }},
};

std::vector<Case> all_cases() {
  std::vector<Case> all(std::begin(kCases), std::end(kCases));
  for (Case& c : gradient_check::indexing_cases())
    all.push_back(std::move(c));
  for (Case& c : gradient_check::linalg_cases())
    all.push_back(std::move(c));
  for (Case& c : gradient_check::decomposition_cases())
    all.push_back(std::move(c));
  for (Case& c : gradient_check::factor_cases())
    all.push_back(std::move(c));
  return all;
}

} // namespace

TEST_CASE("gradients of views, products and composites agree with differences", "[gradients]") {
  gradient_check::check_all(all_cases(), 11);
}

TEST_CASE("no differentiable op lacks a gradient test", "[gradients]") {
  std::set<std::string> tested;
  for (const Case& c : all_cases())
    tested.insert(c.name);
  for (int k = 0; k < kOpCount; k++) {
    const OpInfo& op = info(static_cast<Op>(k));
    if (!op.vjp || op.kind == OpKind::pointwise || op.kind == OpKind::reduction) continue;
    INFO(op.name);
    CHECK(tested.count(op.name) == 1);
  }
}

TEST_CASE("a weight that was transposed for the product gets a row-major gradient", "[gradients]") {
  Samples samples(13);
  Tensor x = samples.leaf({5, 4}, -1, 1), w = samples.leaf({3, 4}, -1, 1);
  Tensor y = matmul(x, transpose(w, 0, 1));
  sum(y * y).backward();
  CHECK(w.grad().is_contiguous());
  CHECK(x.grad().is_contiguous());
}

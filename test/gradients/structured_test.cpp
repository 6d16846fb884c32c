// Views, structured ops and composites against differences. Every differentiable op that is neither
// pointwise nor a reduction must be among the names here.

#include "cases.h"

#include "runtime/core/op_info.h"
#include "weft/ops.h"

#include <catch2/catch.hpp>

#include <set>

using namespace weft;
using gradient_check::Samples;

namespace {

using Inputs = std::vector<Tensor>;

using gradient_check::Case;

Tensor classes() { return tensor(std::vector<int64_t>{2, 0, -100, 1}, {4}); }

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
    {"mse_loss", {{3, 2}, {3, 2}}, [](const Inputs& x) { return mse_loss(x[0], x[1]); }},
};

std::vector<Case> all_cases() {
  std::vector<Case> all(std::begin(kCases), std::end(kCases));
  for (Case& c : gradient_check::indexing_cases())
    all.push_back(std::move(c));
  return all;
}

} // namespace

TEST_CASE("gradients of views, products and composites agree with differences", "[gradients]") {
  Samples samples(11);
  for (const Case& c : all_cases()) {
    std::string name = c.name;
    Inputs inputs;
    for (const Shape& shape : c.shapes) {
      inputs.push_back(samples.leaf(shape, -2, 2));
      name += " " + shape.str();
    }
    gradient_check::check(name, c.f, inputs);
  }
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

// Ops in place: versions, overlap, broadcasting into the target, dtypes.

#include "weft/replay.h"
#include "weft/weft.h"

#include <catch2/catch.hpp>

using namespace weft;

TEST_CASE("an op in place writes the storage and counts a version") {
  Tensor t = ones({3});
  const float* before = t.data<float>();
  t.add_(2).mul_(t).exp_();
  CHECK(t.data<float>() == before);
  CHECK(t.version() == 3);
  CHECK(t.to_vector<double>()[0] == Approx(std::exp(9.0)));
}

TEST_CASE("a source that overlaps the target is read before it is written") {
  Tensor t = arange(0, 6).to(f32);
  t.slice(0, 1).add_(t.slice(0, 0, -1)); // shifted by one: each sum is of old values
  CHECK(t.to_vector<float>() == std::vector<float>{0, 1, 3, 5, 7, 9});
  Tensor m = arange(0, 4).reshape({2, 2});
  m.copy_(m.transpose(0, 1));
  CHECK(m.to_vector<int64_t>() == std::vector<int64_t>{0, 2, 1, 3});
  Tensor big = arange(0, 40000).to(f32).reshape({200, 200});
  Tensor expected = big + big.transpose(0, 1);
  big.add_(big.transpose(0, 1));
  CHECK(big.to_vector<float>() == expected.to_vector<float>());
}

TEST_CASE("a source that is read backwards overlaps the target as well") {
  Tensor t = arange(0, 8).to(f32);
  Tensor target = t.slice(0, 2, 6), source = replay::view(t, {4}, {-1}, 3); // 3 2 1 0
  target.add_(source);
  CHECK(t.to_vector<float>() == std::vector<float>{0, 1, 5, 5, 5, 5, 6, 7});
}

TEST_CASE("the target's shape is the result's") {
  Tensor t = zeros({2, 3});
  t.add_(tensor({1.f, 2.f, 3.f}));
  CHECK(t.to_vector<float>() == std::vector<float>{1, 2, 3, 1, 2, 3});
  CHECK_THROWS_WITH(tensor({1.f, 2.f, 3.f}).add_(t),
                    Catch::StartsWith("add_: the result must have the shape of the tensor it is "
                                      "written to, got f32[3] and f32[2, 3]"));
  CHECK_THROWS_WITH(zeros({3}).expand({2, 3}).add_(1),
                    Catch::StartsWith("add_: the tensor written to must not repeat elements, got "
                                      "f32[2, 3] with strides [0, 1]; clone() it first"));
  CHECK_THROWS_AS(zeros({3}).copy_(t), Error);
}

TEST_CASE("results are cast back to the target where that loses no kind") {
  Tensor t = tensor({1.f, 2.f});
  t.add_(tensor({0.5, 0.5})); // f64 is of the same kind
  CHECK(t.dtype() == f32);
  CHECK(t.to_vector<float>() == std::vector<float>{1.5f, 2.5f});
  t.add_(tensor({1, 2}));
  CHECK(t.to_vector<float>() == std::vector<float>{2.5f, 4.5f});
  Tensor whole = tensor({1, 2});
  CHECK_THROWS_WITH(whole.add_(0.5),
                    Catch::StartsWith("add_: the result must be castable to the tensor that it is "
                                      "written to, got f32 and i64[2]"));
  CHECK_THROWS_AS(whole.div_(2), Error);
  whole.copy_(tensor({2.9, -2.9})); // assignment converts
  CHECK(whole.to_vector<int64_t>() == std::vector<int64_t>{2, -2});
}

TEST_CASE("strided targets keep what lies between") {
  Tensor t = zeros({4, 6});
  t.slice(1, 1, 6, 2).fill_(7);
  t.slice(0, 0, 4, 3).transpose(0, 1).mul_(2);
  std::vector<float> v = t.to_vector<float>();
  CHECK(std::vector<float>(v.begin(), v.begin() + 6) == std::vector<float>{0, 14, 0, 14, 0, 14});
  CHECK(std::vector<float>(v.begin() + 6, v.begin() + 12) == std::vector<float>{0, 7, 0, 7, 0, 7});
  t.zero_();
  CHECK(t.to_vector<float>() == std::vector<float>(24, 0.f));
}

TEST_CASE("a leaf that requires a gradient is not written in place") {
  Tensor t = ones({2}).requires_grad_();
  CHECK_THROWS_AS(t.add_(1), Error);
  NoGrad no_grad;
  t.add_(1);
  CHECK(t.to_vector<float>() == std::vector<float>{2, 2});
}

TEST_CASE("an op in place that refuses an element has written none") {
  const Tensor x = tensor({6, 7, 8, 9}), rows = x.clone().reshape({2, 2});
  CHECK_THROWS(x.trunc_divide_(tensor({2, 2, 2, 0})));
  CHECK_THROWS(x.remainder_(tensor({4, 0, 4, 4})));
  CHECK(x.to_vector<int64_t>() == std::vector<int64_t>{6, 7, 8, 9});
  CHECK_THROWS(rows.transpose(0, 1).floor_divide_(tensor({1, 0})));
  CHECK(rows.to_vector<int64_t>() == std::vector<int64_t>{6, 7, 8, 9});
  rows.transpose(0, 1).floor_divide_(tensor({3, 2}));
  CHECK(rows.to_vector<int64_t>() == std::vector<int64_t>{2, 2, 4, 4});
}

TEST_CASE("comparisons and logic in place give 0 and 1 of the target's dtype") {
  CHECK(tensor({1.f, 2.f, NAN}).eq_(2).to_vector<float>() == std::vector<float>{0, 1, 0});
  CHECK(tensor({1, 2}).ne_(tensor({1, 3})).to_vector<int64_t>() == std::vector<int64_t>{0, 1});
  CHECK(tensor({1, 2}).less_(2).to_vector<int64_t>() == std::vector<int64_t>{1, 0});
  CHECK(tensor({0.5f, 0.f}).logical_not_().to_vector<float>() == std::vector<float>{0, 1});
  const Tensor mask = tensor({true, false});
  mask.logical_or_(tensor({false, true})).logical_xor_(tensor({true, false}));
  CHECK(mask.dtype() == boolean);
  CHECK(mask.to_vector<bool>() == std::vector<bool>{false, true});
  Tensor w = ones({2}).requires_grad_(), y = w * 3.0; // a comparison has no gradient
  y.gt_(1);
  (y * w).sum().backward();
  CHECK(w.grad().to_vector<float>() == std::vector<float>{1, 1});
}

TEST_CASE("second names do what the first do") {
  const Tensor x = tensor({1.f, 2.f}), y = tensor({3.f, 4.f});
  CHECK(multiply(x, y).to_vector<float>() == std::vector<float>{3, 8});
  CHECK(x.subtract(y).to_vector<float>() == std::vector<float>{-2, -2});
  CHECK(x.clone().multiply_(y).to_vector<float>() == std::vector<float>{3, 8});
  CHECK(x.clone().divide_(y, "floor").to_vector<float>() == std::vector<float>{0, 0});
  CHECK(cat({x, y}, 0).size(0) == 4);
  CHECK_THROWS_WITH(x.multiply_(tensor({1.f, 2.f, 3.f})), Catch::Contains("inplace_test.cpp"));
}

TEST_CASE("views in place make the handle one of the view") {
  Tensor x = arange(6).reshape({2, 3}), same = x, base = x;
  CHECK(x.transpose_(0, 1).shape() == Shape({3, 2}));
  CHECK(x.shares_storage(base));
  CHECK(same.shape() == Shape({2, 3})); // other handles keep their shape
  x.unsqueeze_(0).squeeze_(0).t_().swapaxes_(0, 1).swapdims_(0, 1);
  CHECK(x.shape() == Shape({2, 3}));
  x.mul_(10);
  CHECK(base.to_vector<int64_t>() == std::vector<int64_t>{0, 10, 20, 30, 40, 50});
  x.as_strided_({2}, {1}, 1);
  CHECK(x.to_vector<int64_t>() == std::vector<int64_t>{10, 20});
  Tensor w = ones({2, 3}).requires_grad_();
  CHECK_THROWS_WITH(w.t_(), Catch::StartsWith("t_: f32[2, 3] must not be a leaf that requires a "
                                              "gradient; use t"));
  Tensor y = w * 2.0;
  y.transpose_(0, 1);
  y.sum().backward();
  CHECK(w.grad().to_vector<float>() == std::vector<float>(6, 2.f));
}

TEST_CASE("diagonals are filled as PyTorch fills them") {
  auto filled = [](const Shape& shape, bool wrap) {
    return zeros(shape, i64).fill_diagonal_(1, wrap).to_vector<int64_t>();
  };
  CHECK(filled({2, 3}, false) == std::vector<int64_t>{1, 0, 0, 0, 1, 0});
  CHECK(filled({5, 1}, false) == std::vector<int64_t>{1, 0, 0, 0, 0});
  CHECK(filled({5, 1}, true) == std::vector<int64_t>{1, 0, 1, 0, 1});
  CHECK(filled({7, 2}, true) == std::vector<int64_t>{1, 0, 0, 1, 0, 0, 1, 0, 0, 1, 0, 0, 1, 0});
  CHECK(filled({2, 2, 2}, false) == std::vector<int64_t>{1, 0, 0, 0, 0, 0, 0, 1});
  CHECK(filled({0, 3}, true).empty());
  CHECK_THROWS_WITH(zeros({2, 3, 2}).fill_diagonal_(1),
                    Catch::StartsWith("fill_diagonal_: x must be a matrix, or have at least three "
                                      "dims of one size, got f32[2, 3, 2]"));
  CHECK_THROWS_AS(zeros({3}).fill_diagonal_(1), Error);
}

TEST_CASE("put writes by row-major numbers") {
  const Tensor x = zeros({2, 2});
  x.t().put_(tensor({1, -1}), tensor({5.f, 6.f}));
  CHECK(x.to_vector<float>() == std::vector<float>{0, 0, 5, 6});
  x.put_(tensor({0, 0}), tensor({1.f, 2.f}), true);
  CHECK(x.to_vector<float>() == std::vector<float>{3, 0, 5, 6});
  CHECK_THROWS_AS(x.put_(tensor({4}), tensor({1.f})), Error);
  CHECK_THROWS_AS(x.put_(tensor({0, 1}), tensor({1.f})), Error);
  CHECK_THROWS_AS(x.put_(tensor({0}), tensor({1})), Error);
}

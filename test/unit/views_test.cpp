// Views: they alias, and their bounds, strides and refusals are those of PyTorch and Python.

#include "weft/weft.h"

#include <catch2/catch.hpp>

using namespace weft;

namespace {

Tensor counted(const Shape& shape) {
  int64_t n = 1;
  for (int64_t s : shape)
    n *= s;
  return arange(0, n).reshape(shape);
}

std::vector<int64_t> values(const Tensor& t) { return t.to_vector<int64_t>(); }

} // namespace

TEST_CASE("views alias the storage they came from") {
  Tensor t = zeros({2, 3});
  t.transpose(0, 1).select(0, 1).fill_(5);
  t.slice(1, 2).add_(1);
  t.reshape({6}).slice(0, 0, 1).fill_(9);
  CHECK(t.to_vector<float>() == std::vector<float>{9, 5, 1, 0, 5, 1});
  CHECK(t.view({3, 2}).shares_storage(t));
  CHECK(t.version() == 3);
}

TEST_CASE("an index is a view of one position of the first dim") {
  Tensor t = counted({2, 3});
  CHECK(values(t[1]) == std::vector<int64_t>{3, 4, 5});
  CHECK(t[-1][size_t{2}].item<int64_t>() == 5);
  CHECK(t[0].shares_storage(t));
  uint32_t line = 0;
  auto caught = [&](auto f) -> std::string {
    try {
      f();
    } catch (const Error& e) {
      line = e.location().line();
      return e.what();
    }
    return "no error";
  };
  uint32_t here = __LINE__ + 1;
  std::string said = caught([&] { t[2]; });
  CHECK_THAT(said,
             Catch::StartsWith("select: index must be in [-2, 1], got 2 for dim 0 of i64[2, 3]"));
  CHECK(line == here);
  CHECK_THAT(caught([&] { t[0][0][0]; }),
             Catch::StartsWith("select: the tensor must have dims, got i64[]"));
}

TEST_CASE("assigning to an index writes into the tensor") {
  Tensor t = zeros({2, 3}), row = ones({3});
  t[0] = row;
  t[1] = 2;
  t[1][0] = t[0][0] * 5;
  t[0] += 1;
  CHECK(t.to_vector<float>() == std::vector<float>{2, 2, 2, 5, 2, 2});
  CHECK(row.to_vector<float>() == std::vector<float>{1, 1, 1});
  CHECK(t.version() == 4);
  Tensor named = t[0];
  named = row; // another handle from now on
  CHECK(t.version() == 4);
  CHECK_THROWS_WITH(t[0] = ones({4}), Catch::StartsWith("assign"));
}

TEST_CASE("reshape is a view where strides allow it, else a copy") {
  Tensor t = counted({2, 3, 4});
  CHECK(t.reshape({6, 4}).shares_storage(t));
  CHECK(t.slice(2, 0, 2).reshape({6, 2}).shares_storage(t));
  CHECK(t.slice(0, 1).reshape({12}).shares_storage(t));
  Tensor permuted = t.permute({1, 0, 2});
  CHECK(permuted.reshape({3, 8}).shares_storage(t) == false);
  CHECK(values(permuted.reshape({3, 8})) == values(permuted));
  CHECK(permuted.reshape({3, 2, 2, 2}).shares_storage(t)); // splits a dim, merges none
  CHECK(t.reshape({-1, 4}).shape() == Shape{6, 4});
  CHECK(t.reshape({-1}).shape() == Shape{24});
  CHECK_THROWS_WITH(t.reshape({5, 5}),
                    Catch::StartsWith("reshape: the shape must have 24 elements, and one size may "
                                      "be -1, got [5, 5] for i64[2, 3, 4]"));
  CHECK_THROWS_AS(t.reshape({-1, -1}), Error);
  CHECK_THROWS_AS(t.reshape({-1, 5}), Error);
  CHECK_THROWS_AS(empty({0, 2}).reshape({-1, 0}), Error);
  CHECK_THROWS_WITH(permuted.view({3, 8}),
                    Catch::Contains("strides must allow the shape without a copy") &&
                        Catch::Contains("use reshape"));
}

TEST_CASE("expanded tensors repeat without memory") {
  Tensor t = tensor({1, 2, 3}).reshape({3, 1});
  Tensor e = t.expand({2, -1, 4});
  CHECK(e.shape() == Shape{2, 3, 4});
  CHECK(e.strides() == Ints{0, 1, 0});
  CHECK(values(e.select(0, 1).select(1, 3)) == std::vector<int64_t>{1, 2, 3});
  CHECK(values(e + 0) == values(e));
  CHECK(e.reshape({2, 12}).shares_storage(t) == false);
  CHECK_THROWS_WITH(
      t.expand({2, 2}),
      Catch::StartsWith(
          "expand: the shape must extend dims of size 1 only, got [2, 2] for i64[3, 1]"));
  CHECK_THROWS_AS(t.expand({3}), Error);
}

TEST_CASE("slices take Python's bounds") {
  Tensor t = arange(0, 10);
  constexpr int64_t kEnd = std::numeric_limits<int64_t>::max();
  CHECK(values(t.slice(0, 2, 5)) == std::vector<int64_t>{2, 3, 4});
  CHECK(values(t.slice(0, -3)) == std::vector<int64_t>{7, 8, 9});
  CHECK(values(t.slice(0, 0, -7)) == std::vector<int64_t>{0, 1, 2});
  CHECK(values(t.slice(0, 1, kEnd, 4)) == std::vector<int64_t>{1, 5, 9});
  CHECK(values(t.slice(0, -100, 100, 9)) == std::vector<int64_t>{0, 9});
  CHECK(t.slice(0, 5, 2).numel() == 0);
  CHECK(t.slice(0, 20).numel() == 0);
  CHECK(values(t.slice(0, 3, 9, kEnd)) == std::vector<int64_t>{3});
  CHECK_THROWS_WITH(t.slice(0, 0, 5, 0), Catch::StartsWith("slice: step must not be 0, got 0"));
  CHECK_THROWS_WITH(t.slice(1), Catch::StartsWith("slice: dim must be in [-1, 0], got 1"));
}

TEST_CASE("select, squeeze, unsqueeze, flatten") {
  Tensor t = counted({2, 1, 3});
  CHECK(values(t.select(-1, -1)) == std::vector<int64_t>{2, 5});
  CHECK_THROWS_WITH(
      t.select(0, 2),
      Catch::StartsWith("select: index must be in [-2, 1], got 2 for dim 0 of i64[2, 1, 3]"));
  CHECK(t.squeeze().shape() == Shape{2, 3});
  CHECK(t.squeeze(0).shape() == Shape{2, 1, 3});
  CHECK(t.squeeze({1, 0}).shape() == Shape{2, 3});
  CHECK(t.unsqueeze(-1).shape() == Shape{2, 1, 3, 1});
  CHECK(t.unsqueeze(0).shape() == Shape{1, 2, 1, 3});
  CHECK_THROWS_AS(t.unsqueeze(4), Error);
  CHECK(t.flatten(1).shape() == Shape{2, 3});
  CHECK(full({}, 1).flatten().shape() == Shape{1});
  CHECK(t.transpose(0, 2).select(0, 1).shares_storage(t));
  Tensor column = counted({3, 4}).select(1, 2); // not contiguous: still a view
  CHECK(values(column) == std::vector<int64_t>{2, 6, 10});
  CHECK_FALSE(column.is_contiguous());
}

TEST_CASE("permute and transpose check their dims") {
  Tensor t = counted({2, 3, 4});
  CHECK(t.permute({2, 0, -2}).shape() == Shape{4, 2, 3});
  CHECK_THROWS_WITH(
      t.permute({0, 1}),
      Catch::StartsWith("permute: dims must name each dim of i64[2, 3, 4] once, got [0, 1]"));
  CHECK_THROWS_AS(t.permute({0, 0, 1}), Error);
  CHECK_THROWS_WITH(t.transpose(0, 3),
                    Catch::StartsWith("transpose: dim must be in [-3, 2], got 3"));
  CHECK(t.transpose(0, 1).contiguous().is_contiguous());
  CHECK(values(t.transpose(0, 1).contiguous()) == values(t.transpose(0, 1)));
}

TEST_CASE("detach shares memory and drops the history") {
  Tensor t = ones({2}).requires_grad_();
  Tensor y = t * 2;
  Tensor d = y.detach();
  CHECK(d.shares_storage(y));
  CHECK_FALSE(d.requires_grad());
}

TEST_CASE("concatenate promotes and joins") {
  Tensor a = counted({2, 2}), b = ones({2, 1});
  Tensor c = concatenate({a, b}, 1);
  CHECK(c.dtype() == f32);
  CHECK(c.to_vector<float>() == std::vector<float>{0, 1, 1, 2, 3, 1});
  CHECK(values(concatenate({a.transpose(0, 1), a}, -2)) ==
        std::vector<int64_t>{0, 2, 1, 3, 0, 1, 2, 3});
  CHECK(concatenate({empty({0}, i64), a}, 1).shape() == Shape{2, 2});
  CHECK_THROWS_WITH(concatenate({a, ones({3, 3})}, 1),
                    Catch::StartsWith("concatenate: operands must agree in dtype and in every dim "
                                      "but 1, got f32[2, 2] and f32[3, 3]"));
  CHECK_THROWS_AS(concatenate({}), Error);
  CHECK_THROWS_AS(concatenate({full({}, 1)}), Error);
}

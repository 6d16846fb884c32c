// Sizes and numbers at the ends of their range: refused or right, never wrapped.

#include "weft/weft.h"

#include <catch2/catch.hpp>

#include <cmath>
#include <functional>
#include <limits>

using namespace weft;

namespace {

constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
constexpr int64_t kLeast = std::numeric_limits<int64_t>::min();
constexpr int64_t kLarge = int64_t{1} << 40;

Tensor repeated(const Shape& shape, DType dtype = f32) {
  return full(Ints::filled(shape.size(), 1), 1, dtype).expand(shape);
}

// In either gear: a region that has seen the ops with small operands meets the large ones.
template <class Body> void refuses(Body body, const Tensor& a, const Tensor& b, const char* op) {
  const auto refusal = Catch::StartsWith(std::string(op) + ": the result must have less than 2^62");
  CHECK_THROWS_WITH(body(a, b), refusal);
  auto f = compile(body);
  const Tensor x = repeated(Ints::filled(a.rank(), 2), a.dtype()),
               y = repeated(Ints::filled(b.rank(), 2), b.dtype());
  for (int k = 0; k < 3; k++)
    f(x, y);
  CHECK_THROWS_WITH(f(a, b), refusal);
  f(x, y);
}

} // namespace

TEST_CASE("results whose bytes overflow are refused by every kind of op") {
  const Tensor column = repeated({kLarge, 1}), row = repeated({1, kLarge});
  const Tensor mask = repeated({int64_t{1} << 61}, boolean);
  auto add = [](const Tensor& a, const Tensor& b) { return a + b; };
  auto compare = [](const Tensor& a, const Tensor& b) { return a < b; };
  auto product = [](const Tensor& a, const Tensor& b) { return matmul(a, b); };
  auto wide = [](const Tensor& a, const Tensor&) { return a.to(f64); };
  auto count = [](const Tensor& a, const Tensor&) { return sum(a.reshape({-1, 1}), 1); };
  auto join = [](const Tensor& a, const Tensor& b) { return concatenate({a, b, a, b}, 0); };
  refuses(add, column.transpose(0, 1).transpose(0, 1), row, "add");
  refuses(compare, column, row, "lt");
  refuses(product, column, row, "matmul");
  refuses(wide, mask, mask, "cast");
  refuses(count, mask, mask, "sum");
  refuses(join, repeated({int64_t{1} << 59}), repeated({int64_t{1} << 59}), "concatenate");
  CHECK_THROWS_WITH(matmul(zeros({kLarge, 0}), zeros({0, kLarge})),
                    Catch::StartsWith("matmul: the result must have less than 2^62 bytes"));
}

TEST_CASE("factories and views refuse sizes that are negative or overflow") {
  for (const Shape& shape :
       {Shape{-2}, Shape{kLeast}, Shape{2, -3}, Shape{0, -2}, Shape{kMost}, Shape{kMost, kMost},
        Shape{kLarge, kLarge}, Shape{0, kLarge, kLarge}}) {
    INFO(shape.str());
    bool negative = false;
    for (int64_t size : shape)
      negative |= size < 0;
    const auto refusal = Catch::Contains(negative ? "must not be negative" : "2^62 bytes");
    CHECK_THROWS_WITH(empty(shape), refusal);
    CHECK_THROWS_WITH(zeros(shape), refusal);
    CHECK_THROWS_WITH(ones(shape, bf16), refusal);
    CHECK_THROWS_WITH(full(shape, 3, i64), refusal);
    CHECK_THROWS_WITH(rand(shape), refusal);
    CHECK_THROWS_WITH(randn(shape), refusal);
    CHECK_THROWS_AS(ones({2, 3}).reshape(shape), Error);
    CHECK_THROWS_AS(ones({2, 3}).view(shape), Error);
    CHECK_THROWS_AS(zeros({0, 3}).reshape(shape), Error);
    CHECK_THROWS_AS(ones({1, 1}).expand(shape), Error);
  }
  CHECK_THROWS_WITH(zeros(Shape(std::vector<int64_t>(9, 1))),
                    Catch::Contains("at most 8 dims, got 9"));
  CHECK_THROWS_WITH(ones(Ints::filled(8, 1)).unsqueeze(0),
                    Catch::Contains("at most 8 dims, got 9"));
  CHECK_THROWS_AS(ones({5}).slice(kMost), Error);
  CHECK(ones({5}).slice(0, 4, 1, kLeast).numel() == 1);
  CHECK_THROWS_AS(ones({5}).select(kLeast, 0), Error);
  CHECK_THROWS_AS(ones({5}).select(0, kLeast), Error);
  CHECK_THROWS_AS(ones({5}).transpose(0, kMost), Error);
  CHECK(ones({5}).slice(0, kLeast, kMost, kMost).numel() == 1);
  CHECK(ones({5}).slice(0, kMost, kLeast).numel() == 0);
}

TEST_CASE("what is too large is refused before anything is made for its elements") {
  const Tensor wide = repeated({int64_t{1} << 31}), image = zeros({1, 1, 4});
  struct Row {
    const char* says;
    std::function<void()> call;
  };
  const Row rows[] = {
      {"repeat_interleave: repeats must add up to less than 2^63",
       [] {
         repeat_interleave(arange(3), tensor({kMost, kMost, int64_t{5}}));
       }},
      {"repeat_interleave: repeats must add up to less than 2^63",
       [] {
         repeat_interleave(arange(4), tensor({kMost, int64_t{1}, int64_t{1}, int64_t{1}}));
       }},
      {"repeat_interleave: repeats must add up to less than 2^63",
       [] { repeat_interleave(arange(2), tensor(kMost)); }},
      {"repeat_interleave: i64[1099511627776] of 8.0 TiB must fit in memory",
       [] {
         repeat_interleave(arange(2), tensor({kLarge, int64_t{0}}));
       }},
      {"repeat_interleave: repeats must not be negative, got -1",
       [] {
         repeat_interleave(arange(2), tensor({1, -1}));
       }},
      {"repeat: the result must have less than 2^62 bytes", [] { arange(3).repeat(kMost); }},
      {"interpolate: f32[1, 1, 35184372088832] of 128.0 TiB must fit in memory",
       [&] { interpolate(image, int64_t{1} << 45); }},
      {"interpolate: the result must have less than 2^62", [&] { interpolate(image, kMost); }},
      {"upsample: f32[1, 1, 1099511627776] of 4.0 TiB", [&] { upsample(image, kLarge); }},
      {"adaptive_avg_pool1d: f32[1, 1, 1099511627776] of 4.0 TiB must fit in memory",
       [&] { adaptive_avg_pool1d(image, kLarge); }},
      {"adaptive_max_pool2d: the result must have less than 2^62",
       [&] {
         adaptive_max_pool2d(ones({1, 1, 2, 2}), kLarge);
       }},
      {"combinations: f32[499999500000, 2] of 3.6 TiB must fit in memory",
       [] { combinations(zeros({1000000}), 2); }},
      {"combinations: the result must have less than 2^62",
       [] { combinations(zeros({1000}), 500); }},
      {"combinations: the result must have less than 2^62",
       [] { combinations(zeros({2}), kMost, true); }},
      {"unbind: there must be at most 2^24 pieces, got 2147483648", [&] { unbind(wide); }},
      {"chunk: there must be at most 2^24 pieces", [&] { chunk(wide, kMost); }},
      {"chunk: there must be at most 2^24 pieces", [] { chunk(zeros({0}), kMost); }},
      {"split: there must be at most 2^24 pieces", [&] { split(wide, 2); }},
      {"tensor_split: sections must be in 1 .. 2^24", [&] { tensor_split(wide, kMost); }},
      {"conv2d: x must have as many channels as weight in",
       [] {
         conv2d(zeros({1, 2, 4, 4}), ones({2, 2, 1, 1}), {}, 1, 0, 1, kLarge << 22);
       }},
      {"conv_transpose2d: groups must be at most 2^63 over",
       [] {
         conv_transpose2d(zeros({1, 2, 4, 4}), ones({2, 4, 1, 1}), ones({2}), 1, 0, 0,
                          kLarge << 22);
       }},
      {"max_pool1d: kernel_size must be at most 2147483648", [&] { max_pool1d(image, kMost); }},
  };
  for (const Row& r : rows) {
    INFO(r.says);
    CHECK_THROWS_WITH(r.call(), Catch::StartsWith(r.says));
  }
  CHECK(combinations(arange(4), 3).to_vector<int64_t>() ==
        std::vector<int64_t>{0, 1, 2, 0, 1, 3, 0, 2, 3, 1, 2, 3});
  CHECK(adaptive_avg_pool1d(arange(3).to(f32).reshape({1, 3}), 5).to_vector<double>() ==
        std::vector<double>{0, 0.5, 1, 1.5, 2});
}

TEST_CASE("arange counts to the ends of 64 bits") {
  CHECK(arange(kLeast, kMost, int64_t{1} << 62).to_vector<int64_t>() ==
        std::vector<int64_t>{kLeast, -(int64_t{1} << 62), 0, int64_t{1} << 62});
  CHECK(arange(kMost, kLeast, kLeast).to_vector<int64_t>() == std::vector<int64_t>{kMost, -1});
  CHECK(arange(-1, kLeast, kLeast).numel() == 1);
  CHECK_THROWS_AS(arange(kLeast, kMost), Error);
  CHECK_THROWS_AS(arange(0.0, std::nan("")), Error);
  CHECK_THROWS_AS(arange(0.0, 1.0, 1e-300), Error);
  CHECK_THROWS_AS(arange(0, 5, 0), Error);
}

TEST_CASE("an enumerator that is no dtype is refused") {
  const auto wrong = static_cast<DType>(77);
  CHECK_THROWS_WITH(zeros({2}, wrong), Catch::StartsWith("zeros: the dtype must be one of"));
  CHECK_THROWS_WITH(empty({2}, wrong), Catch::StartsWith("empty: the dtype must be one of"));
  CHECK_THROWS_WITH(ones({2}).to(wrong), Catch::StartsWith("cast: the dtype must be one of"));
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) // they abort instead
TEST_CASE("elements that fit no memory of the host are one error") {
  CHECK_THROWS_WITH(repeated({int64_t{1} << 50}).to_vector<float>(),
                    Catch::StartsWith("to_vector: the elements must fit in memory, got f32["));
  CHECK_THROWS_WITH(repeated({int64_t{1} << 59}).to_vector<int>(),
                    Catch::StartsWith("to_vector: the elements must fit in memory"));
}
#endif

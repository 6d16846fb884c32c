// Further composites at special values and sizes, and what they refuse.

#include "weft/ops.h"

#include <catch2/catch.hpp>

#include <cmath>
#include <functional>
#include <tuple>

using namespace weft;
using Catch::Matchers::Contains;

namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

using Integers = std::vector<int64_t>;

Integers integers(const Tensor& t) { return t.to_vector<int64_t>(); }

} // namespace

TEST_CASE("indices of triangles reach beyond the matrix at both ends") {
  CHECK(tril_indices(2, 3, -9).shape() == Shape{2, 0});
  CHECK(tril_indices(2, 3, std::numeric_limits<int64_t>::max()).shape() == Shape{2, 6});
  CHECK(triu_indices(2, 3, std::numeric_limits<int64_t>::min()).shape() == Shape{2, 6});
  CHECK(triu_indices(2, 3, 9, i32).dtype() == i32);
  CHECK_THROWS_WITH(tril_indices(-1, 3), Contains("row and col must not be negative"));
  CHECK_THROWS_WITH(tril_indices(1, 3, 0, f32), Contains("dtype must be i64 or i32, got f32"));
}

TEST_CASE("combinations and grids of few elements") {
  CHECK(combinations(arange(3), 4).shape() == Shape{0, 4});
  CHECK(combinations(arange(0), 2, true).shape() == Shape{0, 2});
  CHECK(integers(combinations(arange(2), 2, true)) == Integers{0, 0, 0, 1, 1, 1});
  CHECK_THROWS_WITH(combinations(arange(3), -1), Contains("combinations: x must have one dim"));
  CHECK(meshgrid({tensor(1), arange(2)}, "xy")[1].shape() == Shape{2, 1});
  CHECK_THROWS_WITH(meshgrid({}), Contains("meshgrid: there must be at least one tensor"));
  CHECK_THROWS_WITH(meshgrid({arange(2)}, "yx"), Contains("indexing must be ij or xy, got yx"));
  CHECK(block_diag({}).shape() == Shape{1, 0});
  CHECK_THROWS_WITH(eye(-1), Contains("eye: n and m must not be negative"));
}

TEST_CASE("pieces are views") {
  Tensor x = zeros({5, 2});
  tensor_split(x, 2)[1].add_(1);
  vsplit(x, Integers{1})[0].add_(2);
  t(x)[0].add_(4);
  CHECK(integers(x) == Integers{6, 2, 4, 0, 4, 0, 5, 1, 5, 1});
  CHECK_THROWS_WITH(hsplit(x, 3), Contains("hsplit: sections must divide the size of dim 1"));
  CHECK_THROWS_WITH(vsplit(arange(3), 1), Contains("vsplit: the tensor must have at least 2 dims"));
  CHECK_THROWS_WITH(unflatten(x, 0, {2, -1}), Contains("unflatten: sizes must have the product"));
}

TEST_CASE("strided views look at the memory of a tensor") {
  Tensor x = arange(12).reshape({3, 4});
  CHECK(integers(as_strided(x, {2, 3}, {5, 2}, 1)) == Integers{1, 3, 5, 6, 8, 10});
  CHECK(integers(as_strided(x.t(), {3}, {4})) == Integers{0, 4, 8}); // whatever the order of dims
  CHECK(integers(as_strided(x[1], {2, 2}, {1, 1}, 5)) == Integers{5, 6, 6, 7});
  CHECK(as_strided(x, {}, {}).item<int64_t>() == 0);
  CHECK(as_strided(x, {0, 9}, {99, 99}).numel() == 0);
  CHECK(integers(as_strided(x, {4}, {0}, 7)) == Integers{7, 7, 7, 7});
  as_strided(x, {3}, {4}, 1).add_(100);
  CHECK(integers(x[2]) == Integers{8, 109, 10, 11});
  x[0][0] = -5;
  CHECK(as_strided(x, {2}, {1}).to_vector<int64_t>()[0] == -5);
}

TEST_CASE("strided views end at the memory of their tensor") {
  const int64_t most = std::numeric_limits<int64_t>::max();
  const Tensor x = arange(12).reshape({3, 4});
  CHECK_THROWS_WITH(as_strided(x, {3, 4}, {4, 1}, 1),
                    Contains("elements must lie in the tensor's memory, which has 12, got offset "
                             "1, shape [3, 4] and strides [4, 1]"));
  CHECK_THROWS_WITH(as_strided(x, {2}, {most}), Contains("must lie in the tensor's memory"));
  CHECK_THROWS_WITH(as_strided(x, {5, 5, 5}, {most, most, most}), Contains("must lie in"));
  CHECK_THROWS_WITH(as_strided(x, {1}, {1}, most), Contains("must lie in"));
  CHECK_THROWS_WITH(as_strided(x, {1}, {1}, -most - 1), Contains("must lie in"));
  CHECK_THROWS_WITH(as_strided(x[1], {1}, {1}, 0), Contains("must lie in"));
  CHECK_THROWS_WITH(as_strided(x, {2}, {-1}, 5), Contains("must lie in"));
  CHECK_THROWS_WITH(as_strided(x, {2}, {1, 1}),
                    Contains("as_strided: there must be a stride for each size, got [2] and "));
  CHECK_THROWS_WITH(as_strided(x.slice(1, 0, 2), {2}, {1}),
                    Contains("as_strided: x must fill its memory without gaps, got i64[3, 2]"));
  CHECK_THROWS_WITH(as_strided(x, {-1}, {1}), Contains("must not be negative"));
  CHECK_THROWS_WITH(as_strided(x, {4, 3}, {1, 1}).add_(1),
                    Contains("the tensor written to must not repeat elements"));
}

TEST_CASE("unique takes NaN for different, and positions of a dim for rows") {
  std::vector<Tensor> u = unique(tensor({kNan, 1.f, kNan, 1.f}), true, true, true);
  CHECK(integers(u[1]) == Integers{1, 0, 2, 0});
  CHECK(integers(u[2]) == Integers{2, 1, 1});
  std::vector<Tensor> rows = unique(tensor({{2, 1}, {1, 9}, {2, 1}, {1, 8}}), true, true, true, 0);
  CHECK(integers(rows[0]) == Integers{1, 8, 1, 9, 2, 1});
  CHECK(integers(rows[1]) == Integers{2, 1, 2, 0});
  CHECK(unique(zeros({0})).numel() == 0);
  CHECK(unique(tensor(3)).shape() == Shape{1});
  CHECK_THROWS_WITH(unique(zeros({2, 0}), true, false, false, 0),
                    Contains("positions of a dim must have elements"));
}

TEST_CASE("masked_scatter needs an element for each place") {
  Tensor mask = tensor({true, false, true});
  CHECK(integers(masked_scatter(arange(3), mask, tensor({7, 8, 9}))) == Integers{7, 1, 8});
  CHECK_THROWS_WITH(masked_scatter(arange(3), mask, tensor({7})), Contains("got fewer"));
  CHECK(integers(masked_scatter(arange(3), zeros({3}, boolean), zeros({0}, i64))) ==
        Integers{0, 1, 2});
}

TEST_CASE("comparisons with a tolerance at infinities and NaN") {
  Tensor a = tensor({kInf, kInf, kNan, 0.f}), b = tensor({kInf, -kInf, kNan, 1e-9f});
  CHECK(integers(isclose(a, b)) == Integers{1, 0, 0, 1});
  CHECK(integers(isclose(a, b, 1e-5, 1e-8, true)) == Integers{1, 0, 1, 1});
  CHECK(allclose(zeros({0}), zeros({0})));
  CHECK_FALSE(equal(zeros({2}), zeros({2, 1})));
  CHECK(equal(arange(2), tensor({0.f, 1.f})));
  CHECK_THROWS_WITH(isclose(a, b, -1), Contains("rtol and atol must not be negative"));
  CHECK_THROWS_WITH(isclose(a, arange(4)), Contains("operands must have one dtype"));
}

TEST_CASE("divisors of extreme integers end") {
  constexpr int64_t least = std::numeric_limits<int64_t>::min();
  CHECK(integers(gcd(tensor({least, least, int64_t{0}}),
                     tensor({int64_t{6}, least, int64_t{0}}))) == Integers{2, least, 0});
  CHECK(integers(gcd(full({1}, -128, i8), 96)) == Integers{32});
  CHECK(integers(lcm(tensor({21, -4}), tensor({6, 0}))) == Integers{42, 0});
  // Neighbours among Fibonacci's numbers take the most steps.
  CHECK(gcd(tensor(int64_t{7540113804746346429}), tensor(int64_t{4660046610375530309}))
            .item<int64_t>() == 1);
  CHECK(gcd(full({2}, 6, i8), tensor({true, false})).dtype() == i8);
  CHECK_THROWS_WITH(gcd(ones({2}), 3), Contains("gcd: operands must be integers, got f32"));
  CHECK_THROWS_WITH(lcm(tensor({true}), true),
                    Contains("lcm: operands must be integers, got bool"));
}

TEST_CASE("parts of numbers put together are the numbers") {
  Tensor x = tensor({1e-45f, -3e-42f, 6.f, -0.75f, 3e38f, 0.f});
  auto [mantissa, exponent] = frexp(x);
  CHECK(exponent.dtype() == i32);
  CHECK(equal(mantissa.to(f64) * pow(full({}, 2.0, f64), exponent.to(f64)), x.to(f64)));
  CHECK(integers(exponent) == Integers{-148, -137, 3, 0, 128, 0});
}

TEST_CASE("special functions far out") {
  Tensor x = tensor(std::vector<double>{-1e5, -40, -10.000001, -9.999999, 40}, {5});
  std::vector<double> y = log_ndtr(x).to_vector<double>();
  CHECK(y[0] == Approx(-5000000012.4318637).epsilon(1e-14));
  CHECK(y[1] == Approx(-804.608442013754).epsilon(1e-13));
  CHECK(y[2] - y[3] == Approx(-2.0196186e-05).epsilon(1e-6));
  CHECK(y[4] == 0);
  CHECK(i0e(tensor({1e30f})).item<float>() == Approx(3.9894228e-16));
  CHECK(std::isnan(entr(tensor({kNan})).item<float>()));
}

TEST_CASE("counts of numbers and intervals") {
  CHECK(integers(bincount(zeros({0}, i64), {}, 2)) == Integers{0, 0});
  CHECK(bincount(tensor({1}), tensor({2}), 0).dtype() == f64);
  CHECK_THROWS_WITH(bincount(tensor({1, -3})),
                    Contains("elements must not be negative and at most 2^62, got -3"));
  CHECK(integers(histc(tensor({2.f, 2.f}), 2)) == Integers{0, 2});
  CHECK(integers(histc(tensor({kNan, kInf, 0.f, 1.f}), 2, 0, 1)) == Integers{1, 1});
  CHECK_THROWS_WITH(histc(tensor({kNan, 1.f})), Contains("elements that are not finite"));
  auto [values, at] = mode(tensor({{5, 5, 2, 2, 7}}), 1);
  CHECK(integers(values) == Integers{2});
  CHECK(integers(at) == Integers{3});
}

TEST_CASE("quantiles with NaN") {
  Tensor x = tensor({{1.f, kNan, 3.f}, {1.f, 2.f, 3.f}, {kNan, kNan, kNan}});
  std::vector<float> all = quantile(x, 0.5, 1).to_vector<float>();
  CHECK((std::isnan(all[0]) && all[1] == 2 && std::isnan(all[2])));
  std::vector<float> some = nanquantile(x, 0.5, 1, true).to_vector<float>();
  CHECK((some[0] == 2 && some[1] == 2 && std::isnan(some[2])));
  CHECK(nanmedian(x, 1).values.to_vector<float>()[0] == 1);
  CHECK_THROWS_WITH(quantile(x, 1.5), Contains("quantile: q must be in 0 .. 1, got 1.5"));
  CHECK_THROWS_WITH(quantile(x, tensor({2.f})), Contains("quantile: q must be in 0 .. 1"));
  CHECK_THROWS_WITH(quantile(arange(3), 0.5), Contains("x must be f32 or f64"));
  CHECK_THROWS_WITH(quantile(x, 0.5, {}, false, "next"), Contains("interpolation must be linear"));
}

TEST_CASE("products of several matrices") {
  Tensor thin = ones({30, 1}), flat = ones({1, 30});
  CHECK(multi_dot({thin, flat, thin}).shape() == Shape{30, 1});
  CHECK(tensordot(ones({2}), ones({3}), 0).shape() == Shape{2, 3});
  CHECK(integers(matrix_power(full({2, 2}, 2), 0)) == Integers{1, 0, 0, 1});
  CHECK_THROWS_WITH(multi_dot({thin}), Contains("there must be at least two tensors"));
  CHECK_THROWS_WITH(multi_dot({thin, thin}), Contains("neighbours must be [A, B] and [B, C]"));
  CHECK_THROWS_WITH(cross(ones({2}), ones({2})), Contains("size 3 in the dim"));
  CHECK_THROWS_WITH(tensordot(thin, thin, {0, 0}, {0, 1}), Contains("dims must differ"));
}

TEST_CASE("bags may be empty, and offsets are checked") {
  Tensor w = tensor({{1.f}, {2.f}, {4.f}});
  for (const char* mode : {"sum", "mean", "max"}) {
    INFO(mode);
    CHECK(embedding_bag(tensor({2, 2}), w, tensor({0, 0, 2}), mode).to_vector<float>()[0] == 0);
    CHECK(embedding_bag(tensor({{1, 1}}), w, {}, mode, {}, false, 1).item<float>() == 0);
  }
  CHECK(embedding_bag(zeros({0}, i64), w, tensor({0, 0})).shape() == Shape{2, 1});
  CHECK_THROWS_WITH(embedding_bag(tensor({1}), w, tensor({1})),
                    Contains("offsets must start with 0"));
  CHECK_THROWS_WITH(embedding_bag(tensor({1}), w, tensor({0, 2})), Contains("lie in the list"));
  CHECK_THROWS_WITH(embedding_bag(tensor({1}), w), Contains("offsets must be defined"));
  CHECK_THROWS_WITH(embedding_bag(tensor({{1}}), w, {}, "mean", ones({1, 1})),
                    Contains("per_sample_weights are for mode sum"));
}

TEST_CASE("what max pooling took goes back to its place") {
  Tensor x = arange(20).to(f32).reshape({1, 4, 5});
  auto [values, at] = max_pool2d_with_indices(x, 2);
  Tensor y = max_unpool2d(values, at, 2, {}, 0, {4, 5});
  CHECK(equal(y, where(logical_or(isin(x, values), x < 0), x, 0.0)));
  CHECK_THROWS_WITH(max_unpool2d(values, at, 2, {}, 0, {4, 9}), Contains("pool to those of x"));
  CHECK_THROWS_WITH(
      max_unpool2d(values, at + 99, 2),
      Contains("max_unpool2d: every index must be a position of the result, got 105"));
}

TEST_CASE("samples of images beyond their edges") {
  Tensor x = tensor({1.f, 2.f, 3.f}).reshape({1, 1, 1, 3});
  auto at = [&](float place, const char* beyond, const char* mode = "bilinear") {
    return grid_sample(x, tensor({place, 0.f}).reshape({1, 1, 1, 2}), mode, beyond).item<float>();
  };
  CHECK(at(9, "zeros") == 0);
  CHECK(at(9, "border") == 3);
  CHECK(at(5.f / 3, "reflection") == Approx(2.5));
  CHECK(at(kNan, "border") == 1);
  CHECK(at(kInf, "zeros", "nearest") == 0);
  CHECK_THROWS_WITH(at(0, "mirror"), Contains("padding_mode must be zeros, border or reflection"));
}

TEST_CASE("results that only rearrange elements lie in memory of their own") {
  using Function = std::function<Tensor(const Tensor&)>;
  const std::tuple<const char*, Shape, Function> rows[] = {
      {"repeat",
       {1, 4},
       [](const Tensor& x) {
         return repeat(x, {2, 1});
       }},
      {"repeat of a number", {}, [](const Tensor& x) { return repeat(x, 4); }},
      {"tile",
       {1, 4},
       [](const Tensor& x) {
         return tile(x, {2, 1, 1});
       }},
      {"repeat_interleave", {}, [](const Tensor& x) { return repeat_interleave(x, 3); }},
      {"diag", {3, 3}, [](const Tensor& x) { return diag(x); }},
      {"pad",
       {1, 4},
       [](const Tensor& x) {
         return pad(x, {-1, 0});
       }},
      {"channel_shuffle", {1, 4, 2}, [](const Tensor& x) { return channel_shuffle(x, 1); }},
      {"pixel_shuffle", {4, 2, 2}, [](const Tensor& x) { return pixel_shuffle(x, 1); }},
      {"pixel_unshuffle", {4, 2, 2}, [](const Tensor& x) { return pixel_unshuffle(x, 1); }},
      {"chain_matmul", {2, 2}, [](const Tensor& x) { return chain_matmul({x}); }},
  };
  for (const auto& [name, shape, function] : rows) {
    INFO(name);
    const Tensor x = full(shape, 2.f), y = function(x);
    const std::vector<float> before = y.to_vector<float>();
    x.zero_();
    CHECK(y.to_vector<float>() == before);
    y.add_(1); // its elements do not lie upon one another
    CHECK(x.to_vector<float>() == std::vector<float>(static_cast<size_t>(x.numel())));
  }
}

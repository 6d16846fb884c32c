// Errors name the op, what must hold, what was got, and the user's own line.

#include "weft/weft.h"

#include <catch2/catch.hpp>

#include <cmath>
#include <functional>
#include <limits>

using namespace weft;

namespace {

Error caught(const std::function<void()>& f) {
  try {
    f();
  } catch (const Error& e) {
    return e;
  }
  FAIL("no error");
  return Error(ErrorKind::internal, "");
}

} // namespace

TEST_CASE("an op's error names the line that called it") {
  Tensor a = ones({2, 3}), b = ones({4});
  uint32_t line = 0;
  Error e = caught([&] {
    line = __LINE__ + 1;
    (void)(a + b);
  });
  CHECK(e.kind() == ErrorKind::shape);
  CHECK(e.location().line() == line);
  CHECK(std::string(e.what()) == "add: shapes must broadcast, got f32[2, 3] and f32[4] (at " +
                                     std::string(__FILE__) + ":" + std::to_string(line) + ")");
}

TEST_CASE("an op inside a composite reports the user's line") {
  Tensor x = ones({2, 3});
  for (auto& call : std::vector<std::function<void()>>{[&] { softmax(x, 5); },
                                                       [&] {
                                                         linear(x, ones({4, 2}));
                                                       },
                                                       [&] { layer_norm(x, {2}); },
                                                       [&] {
                                                         cross_entropy(x, tensor({0, 3}));
                                                       },
                                                       [&] { mse_loss(x, ones({5})); },
                                                       [&] { x.reshape({4}); }}) {
    Error e = caught(call);
    CHECK(std::string(e.location().file_name()) == __FILE__);
  }
}

TEST_CASE("methods and operators in place report their line") {
  Tensor x = ones({2, 3});
  uint32_t line = 0;
  std::vector<std::function<void()>> calls = {
      [&] {
        line = __LINE__ + 1;
        x.exp().matmul(x);
      },
      [&] {
        line = __LINE__ + 1;
        x += ones({7});
      },
      [&] {
        line = __LINE__ + 1;
        x.sum(7);
      },
  };
  for (auto& call : calls) {
    Error e = caught(call);
    CHECK(e.location().line() == line);
  }
}

TEST_CASE("accessors report their line") {
  const Tensor none, x = ones({2, 3}), scalar = ones({});
  uint32_t line = 0;
  const std::vector<std::function<void()>> calls = {
      [&] {
        line = __LINE__ + 1;
        x.size(2);
      },
      [&] {
        line = __LINE__ + 1;
        scalar.size(0);
      },
      [&] { line = __LINE__, none.size(0); },
      [&] { line = __LINE__, none.rank(); },
      [&] { line = __LINE__, none.dim(); },
      [&] { line = __LINE__, none.shape(); },
      [&] { line = __LINE__, none.strides(); },
      [&] { line = __LINE__, none.numel(); },
      [&] { line = __LINE__, none.dtype(); },
      [&] { line = __LINE__, none.device(); },
      [&] { line = __LINE__, none.is_contiguous(); },
      [&] { line = __LINE__, none.version(); },
      [&] { line = __LINE__, none.contiguous(); },
      [&] { line = __LINE__, none.is_leaf(); },
      [&] { line = __LINE__, none.retains_grad(); },
      [&] { line = __LINE__, none.grad(); },
      [&] { line = __LINE__, none.set_grad(x); },
      [&] { line = __LINE__, Tensor().requires_grad_(); },
      [&] { line = __LINE__, x.set_grad(scalar); },
  };
  for (const auto& call : calls) {
    const Error e = caught(call);
    INFO(e.what());
    CHECK(e.location().line() == line);
    CHECK(std::string(e.location().file_name()) == __FILE__);
  }
  CHECK_THROWS_WITH(none.grad(), Catch::StartsWith("grad: the tensor must be defined (at "));
  CHECK_THROWS_WITH(none.contiguous(), Catch::StartsWith("contiguous: the tensor must be"));
}

TEST_CASE("a module without a forward is refused at the line of the call") {
  nn::Module empty;
  const uint32_t line = __LINE__ + 1;
  const Error e = caught([&] { empty(ones({1})); });
  CHECK(e.kind() == ErrorKind::unsupported);
  CHECK(e.location().line() == line);
}

TEST_CASE("undefined operands are refused") {
  Tensor none;
  CHECK_THROWS_WITH(ones({2}) + none,
                    Catch::StartsWith("add: operand 2 must be defined, got none"));
  CHECK_THROWS_WITH(exp(none), Catch::StartsWith("exp: operand 1 must be defined, got none"));
  CHECK_THROWS_WITH(sum(none), Catch::StartsWith("sum: operand 1 must be defined, got none"));
  CHECK_THROWS_WITH(none.reshape({2}),
                    Catch::StartsWith("reshape: the operand must be a tensor, got none"));
  CHECK_THROWS_AS(none.add_(1), Error);
  CHECK_THROWS_AS(none.shape(), Error);
}

TEST_CASE("a number is refused where an op takes tensors alone") {
  const Error e = caught([] { matmul(ones({2}), 2.0); });
  CHECK(e.kind() == ErrorKind::value);
  CHECK(std::string(caught([] { cast(2.5, i64); }).what())
            .starts_with("cast: operand 1 must be a tensor, got a number (at "));
  CHECK(std::string(e.what()).starts_with("matmul: operand 2 must be a tensor, got a number (at "));
}

TEST_CASE("targets out of range are one clear error") {
  Error e = caught([] { cross_entropy(ones({2, 3}), tensor({0, 3})); });
  CHECK(e.kind() == ErrorKind::index);
  CHECK_THAT(e.what(), Catch::StartsWith("cross_entropy: targets must be classes below 3 or "
                                         "ignore_index -100, got 3"));
}

TEST_CASE("dtypes an op does not take are refused") {
  CHECK_THROWS_WITH(-tensor({true}), Catch::StartsWith("neg: operands must be numbers, got bool"));
  CHECK_THROWS_WITH(mean(tensor({1, 2})),
                    Catch::StartsWith("mean: operands must be floating, got i64"));
  CHECK_THROWS_WITH(softmax(tensor({1, 2}), 0),
                    Catch::StartsWith("softmax: the operand must be floating, got i64[2]"));
  CHECK_THROWS_WITH(
      matmul(ones({2, 2}), ones({2, 2}, f64)),
      Catch::StartsWith(
          "matmul: operands must be numbers of one dtype, got f32[2, 2] and f64[2, 2]"));
}

namespace {

std::string said(const std::function<void()>& call) {
  const std::string text = caught(call).what();
  return text.substr(0, text.find(" (at "));
}

} // namespace

TEST_CASE("refusals by value name the value and the bound") {
  const Tensor x = arange(12).reshape({3, 4});
  CHECK(said([&] {
          gather(x, 1, tensor({{0, 4}}));
        }) == "gather: every index must be a position of the dim, got 4 for a dim of 4");
  CHECK(said([&] {
          scatter(x, 0, tensor({{0}, {-3}}), tensor({{7}, {7}}));
        }).ends_with(", got -3 for a dim of 3"));
  CHECK(said([&] {
          Tensor(x[{tensor({0, 5})}]);
        }) == "index: every index must be in -3 .. 3 - 1 for its dim, got 5");
  CHECK(said([&] {
          embedding(tensor({{1, 9}}), ones({3, 2}));
        }).ends_with(", got 9 for a dim of 3"));
  CHECK(said([&] { cross_entropy(ones({2, 3}), tensor({0, 3})); }).ends_with(", got 3"));
  CHECK(said([&] {
          bernoulli(tensor({0.5f, 1.5f}));
        }) == "bernoulli: probabilities must be in 0 .. 1, got 1.5");
  CHECK(said([&] { checked_index(x, 5); }) ==
        "checked_index: every element must be in range, got 5 at [1, 1] for limit 5, ignore -1");
  CHECK(said([&] { checked_index(x.transpose(0, 1), 5); }).find("got 8 at [0, 2] for") !=
        std::string::npos);
}

TEST_CASE("an integer division by zero says so, and where") {
  const Tensor x = tensor({{7, 8}, {9, 10}}), by = tensor({1, 0});
  for (auto [name, call] :
       {std::pair<const char*, Tensor (*)(const Tensor&, const Tensor&)>{
            "floor_divide", [](const Tensor&a, const Tensor&b) { return floor_divide(a, b); }},
        {"remainder", [](const Tensor&a, const Tensor&b) { return remainder(a, b); }},
        {"fmod", [](const Tensor&a, const Tensor&b) { return fmod(a, b); }}}) {
    INFO(name);
    const std::string text =
        name + std::string(": integers must not be divided by 0, got 8 and 0 at [0, 1]");
    CHECK(said([&, c = call] { c(x, by); }) == text);
    CHECK(said([&, c = call] { c(x.to(i8), by.to(i8)); }) == text);
    CHECK(caught([&, c = call] { c(x, by); }).kind() == ErrorKind::index);
  }
  CHECK(said([&] { floor_divide(x, 0); }).ends_with("got 7 and 0 at [0, 0]"));
  CHECK(said([&] { tensor(1).floor_divide_(tensor(0)); }).ends_with("got 1 and 0"));
}

TEST_CASE("what a function is made of fails under its name") {
  const Tensor x = arange(12).reshape({3, 4});
  const int64_t most = std::numeric_limits<int64_t>::max();
  auto starts = [](const std::string& text, const char* name) {
    return text.starts_with(std::string(name) + ": ");
  };
  CHECK(starts(said([&] { swapaxes(x, 0, 5); }), "swapaxes"));
  CHECK(starts(said([&] { eye(most); }), "eye"));
  CHECK(starts(said([&] { as_strided(x, {9}, {9}); }), "as_strided"));
  CHECK(starts(said([&] { diag(arange(3), most); }), "diag"));
  CHECK(starts(said([&] { x.index_put_({tensor({5})}, 1); }), "index_put_"));
  CHECK(starts(said([&] { conv2d(ones({1, 1, 4, 4}), ones({1, 1, 2, 2}), {}, most); }), "conv2d"));
  CHECK(starts(said([&] {
                 max_unpool2d(ones({1, 1, 1}), full({1, 1, 1}, 9, i64), 2);
               }),
               "max_unpool2d"));
  CHECK(starts(said([&] { weft::std(ones({2}), 3); }), "std"));
  CHECK(said([&] { one_hot(tensor({most})); }) ==
        "one_hot: classes must be in 0 .. 2^62 where num_classes is not given, got "
        "9223372036854775807");
  CHECK(said([&] { one_hot(tensor({-1})); }).ends_with(", got -1"));
  CHECK(said([&] {
          concatenate({x, Tensor()}, 0);
        }) == "concatenate: tensor 2 must be defined, got none");
}

TEST_CASE("out of memory names the op and the shape") {
  memory::trim();
  const size_t cap = memory::stats().cap;
  memory::set_cap(memory::stats().live + (size_t{4} << 20));
  const Tensor row = ones({1024}), column = ones({1024, 1});
  const std::string sum = said([&] { column + row; }), like = said([&] { zeros({1 << 20}, f64); }),
                    made = said([&] {
                      tril(expand(row, {1024, 1024}));
                    });
  memory::set_cap(cap);
  CHECK(sum.starts_with("add: f32[1024, 1024] of 4.0 MiB must fit in memory, got "));
  CHECK(like.starts_with("zeros: f64[1048576] of 8.0 MiB must fit in memory, got "));
  CHECK(made.starts_with("tril: "));
}

TEST_CASE("numbers that the elements cannot be are refused") {
  const Tensor x = arange(4), mask = x > 1;
  const double inf = std::numeric_limits<double>::infinity();
  for (double value : {inf, -inf, std::nan(""), 1e30, -1e30}) {
    INFO(value);
    CHECK(said([&] {
            masked_fill(x, mask, value);
          }).starts_with("masked_fill: value must be a number of i64, got "));
    CHECK(said([&] { pad(x, {1, 1}, "constant", value); }).starts_with("pad: value must be"));
    CHECK(said([&] { index_fill(x, 0, tensor({0}), value); }).starts_with("index_fill: value"));
    CHECK(said([&] { x.fill_(value); }).starts_with("fill_: value must be a number of i64"));
    CHECK(said([&] { full({2}, value, i64); }).starts_with("full: value must be"));
  }
  CHECK(said([&] { masked_fill(x.to(u8), mask, 300); }) ==
        "masked_fill: value must be a number of u8, got 300");
  CHECK(said([&] { x + 0xFFFF'FFFF'FFFF'FFFFu; }) ==
        "number: an integer must be at most 2^63 - 1, got 18446744073709551615");
  CHECK(Scalar(0x7FFF'FFFF'FFFF'FFFFu).i == std::numeric_limits<int64_t>::max());
  CHECK(Scalar(1e30).to_int() == std::numeric_limits<int64_t>::max());
  CHECK(Scalar(-inf).to_int() == std::numeric_limits<int64_t>::min());
  CHECK(Scalar(std::nan("")).to_int() == 0);
}

TEST_CASE("an int of the host holds 32 bits") {
  const Tensor x = tensor(std::vector<int64_t>{1, int64_t{1} << 32}, {2});
  CHECK(said([&] { (void)x[1].item<int>(); }) ==
        "item: the value must fit in an int, got 4294967296; ask for int64_t");
  CHECK(said([&] {
          (void)x.to_vector<int>();
        }).starts_with("to_vector: the value must fit in an int"));
  CHECK(x[0].item<int>() == 1);
  CHECK(tensor({-5, 7}).to_vector<int>() == std::vector<int>{-5, 7});
}

// Errors name the op, what must hold, what was got, and the user's own line.

#include "weft/weft.h"

#include <catch2/catch.hpp>

#include <functional>

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
                                         "ignore_index -100, got one that is neither"));
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

// Every dtype in compiled programs: equal to eager ops to the bit, also where ops are fused.
#include "test/compiled/compiled_util.h"

#include <functional>

using namespace weft;
using namespace weft::test;

namespace {

using Inputs = std::vector<Tensor>;
using Body = std::function<Tensor(const Inputs&)>;

void compare(const char* what, const Body& body, const Inputs& inputs, double tolerance = 0) {
  auto f = compile([&](const Inputs& x) { return body(x); });
  for (int call = 0; call < 3; call++) {
    INFO(what << ", call " << call);
    Tensor want = body(inputs), have = f(inputs);
    CHECK(difference(want, have) <= tolerance);
  }
  INFO(what << f.explain());
  CHECK(f.stats().programs == 1);
  CHECK(f.stats().eager_segments == 0);
}

// Numbers over the whole range of a dtype, its edges among them.
Tensor spread_out(DType t, int64_t n, int64_t step) {
  Tensor i = arange(n) * step;
  if (is_integer(t)) return i.to(t);
  return (i.to(f64) / 77.0 - 500.0).to(t);
}

} // namespace

TEST_CASE("fused ops of every dtype round and wrap after each op", "[compiled][dtype]") {
  for (DType t : {f16, bf16, f32, f64, i64, i32, i16, i8, u8}) {
    INFO(t);
    Inputs in = {spread_out(t, 777, 7919), spread_out(t, 777, 104729), tensor({3, 5, 7}).to(t)};
    compare(
        "arithmetic", [](const Inputs& x) { return (x[0] + x[1]) * x[0] - x[1] * 3; }, in);
    compare(
        "comparison of what wrapped",
        [](const Inputs& x) { return where(x[0] + x[1] > x[0] * 2, x[0] - 100, x[1] + 100); }, in);
    compare(
        "extremes", [](const Inputs& x) { return maximum(abs(x[0]), -x[1]) + clamp(x[0], 3, 90); },
        in);
    compare(
        "numbers", [](const Inputs& x) { return (x[0] + 1000) * 77 + relu(x[1]); }, in);
    compare(
        "quotients",
        [](const Inputs& x) {
          return floor_divide(x[0], where(x[1] == 0, 1, x[1])) + x[1] % x[2][1] + fmod(x[0], 7);
        },
        in);
    compare(
        "true division", [](const Inputs& x) { return x[0] / 3 + x[1]; }, in);
    compare(
        "max", [](const Inputs& x) { return max(x[0] + x[1]); }, in);
    compare(
        "argmin", [](const Inputs& x) { return argmin(x[0] * 2); }, in);
    compare(
        "any", [](const Inputs& x) { return any(x[0] > x[1], 0) | all(x[0] == x[0]); }, in);
    bool is_exact = !is_floating(t);
    compare(
        "sum", [](const Inputs& x) { return sum(where(x[0] > 0, 1, x[1] % 2 * 0)); }, in);
    compare(
        "prod", [](const Inputs& x) { return prod(x[2] + x[0][1] * 0); }, in, is_exact ? 0 : 1e-2);
    compare(
        "matmul",
        [](const Inputs& x) {
          return matmul(x[0].slice(0, 0, 768, 1).reshape({32, 24}) % 5,
                        x[1].slice(0, 0, 768, 1).reshape({24, 32}) % 3);
        },
        in, is_exact ? 0 : 0.02);
    compare(
        "concatenate",
        [](const Inputs& x) {
          return concatenate({x[0] * 2, x[1]}) + 1;
        },
        in);
    for (DType to : {f16, bf16, f32, f64, i64, i32, i16, i8, u8, boolean}) {
      INFO("to " << to);
      compare(
          "cast", [to](const Inputs& x) { return (x[0] + x[1]).to(to); }, in);
      compare(
          "cast there and back", [to, t](const Inputs& x) { return x[0].to(to).to(t) + x[1]; }, in);
    }
  }
}

TEST_CASE("a number that becomes a bool is true unless it is 0", "[compiled][dtype]") {
  const Inputs in = {tensor({1.f, 2.f, 3.f}), tensor({0})};
  const auto full_of = [](const Inputs& x) {
    return logical_and(full({3}, 0.5, boolean), x[0] > 1);
  };
  compare("full", full_of, in);
  CHECK(full_of(in).to_vector<bool>() == std::vector<bool>{false, true, true});
  compare(
      "fill", [](const Inputs& x) { return index_fill(x[0] > 2, 0, x[1], 0.25); }, in);
}

TEST_CASE("bits and shifts, fused", "[compiled][dtype]") {
  for (DType t : {i64, i32, i16, i8, u8}) {
    INFO(t);
    Inputs in = {spread_out(t, 300, 7919), arange(300).to(t) - 20};
    compare(
        "bits", [](const Inputs& x) { return ((x[0] & x[1]) | (x[0] ^ 85)) + ~x[1]; }, in);
    compare(
        "shifts", [](const Inputs& x) { return (x[0] << x[1]) + (x[0] >> x[1]); }, in);
  }
  Inputs masks = {arange(12) % 2 == 0, arange(12) % 3 == 0};
  compare(
      "masks", [](const Inputs& x) { return ((x[0] & x[1]) | ~x[0]) ^ x[1]; }, masks);
}

TEST_CASE("special values of f16 pass through fused ops", "[compiled][dtype]") {
  Tensor x = tensor({0.f, -0.f, 1.f, 65504.f, -65504.f, 6e-8f, -6e-8f, 6.1e-5f, 5.9e-5f, INFINITY,
                     -INFINITY, NAN, 0.333f})
                 .to(f16);
  compare("f16", [](const Inputs& in) { return in[0] * 1.5 + 1e-7; }, {x});
  compare("f16 to f32", [](const Inputs& in) { return in[0].to(f32) * 2 - in[0].to(f32); }, {x});
  compare("overflow", [](const Inputs& in) { return (in[0] + in[0]) * 0.25; }, {x});
}

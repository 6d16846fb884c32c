// Ops made at run time: values, gradients, promotion, fusion, errors.
#include "region_util.h"

#include "test/gradients/gradient_check.h"

using namespace region_test;

namespace {

custom::Pointwise make_swish() {
  return custom::pointwise("swish", "x * sigmoid(beta * x)",
                           {.operands = {"x"}, .numbers = {"beta"}});
}

Tensor f64_ramp(const Shape& shape, double start = -1.0, double step = 0.37) {
  return ramp(shape, start, step).to(f64);
}

// Requires that the text of an error is `want`, up to the place in a file that ends it.
template <class F> void require_error(F f, ErrorKind kind, const std::string& want) {
  try {
    f();
  } catch (const Error& e) {
    std::string got = e.what();
    CHECK(got.substr(0, got.rfind(" (at ")) == want);
    CHECK(e.kind() == kind);
    CHECK(std::string(e.location().file_name()).find("custom_test") != std::string::npos);
    return;
  }
  FAIL("no error, wanted: " << want);
}

// Compares first and second derivatives of f with differences, in float64.
template <class F> void check_gradient(F f, const Shape& shape, double low = -1, double high = 1) {
  gradient_check::Samples samples(7);
  gradient_check::check("custom", [&](const std::vector<Tensor>& t) -> Tensor { return f(t[0]); },
                        {samples.leaf(shape, low, high)});
}

} // namespace

TEST_CASE("a custom op is its expression typed by hand", "[custom]") {
  auto swish = make_swish();
  for (DType t : {f32, f64, bf16, f16, i64, i32, u8, boolean}) {
    INFO(name_of(t));
    Tensor x = (ramp({3, 5}) * 4).to(t);
    require_equal(swish(x, 1.5), x * sigmoid(1.5 * x));
  }
  // Whole literals leave integers what they are, others do not.
  auto twice = custom::pointwise("twice", "2 * x + 1", {.operands = {"x"}});
  auto half = custom::pointwise("half", "0.5 * x", {.operands = {"x"}});
  CHECK(twice(arange(3)).dtype() == i64);
  CHECK(twice(arange(3)).to_vector<int64_t>() == std::vector<int64_t>{1, 3, 5});
  CHECK(half(arange(3)).dtype() == f32);
  auto quotient = custom::pointwise("quotient", "a / b", {.operands = {"a", "b"}});
  require_equal(quotient(arange(4), 2), arange(4) / 2);
  require_equal(quotient(1, ramp({4})), 1 / ramp({4}));
}

TEST_CASE("a lambda makes the same op as a text", "[custom]") {
  auto text = custom::pointwise(
      "soft", "s = sigmoid(x); where((x > lower) & !isnan(x), s * (1 - s), -max(x, y))",
      {.operands = {"x", "y"}, .numbers = {"lower"}});
  auto lambda = custom::pointwise("soft",
                                  [](custom::Value x, custom::Value y, custom::Value lower) {
                                    custom::Value s = sigmoid(x);
                                    return where((x > lower) & !isnan(x), s * (1 - s), -max(x, y));
                                  },
                                  {.numbers = {"lower"}});
  Tensor x = ramp({2, 7}), y = ramp({7}, 0.5);
  Tensor s = sigmoid(x);
  Tensor want = where(logical_and(x > 0.25, logical_not(isnan(x))), s * (1 - s), -maximum(x, y));
  require_equal(text(x, y, 0.25), want);
  require_equal(lambda(x, y, 0.25), want);
}

TEST_CASE("masks are operands and results of custom ops", "[custom]") {
  auto keep = custom::pointwise("keep", "where(m, x, 0)", {.operands = {"x", "m"}, .masks = {"m"}});
  auto same =
      custom::pointwise("keep", [](custom::Value x, custom::Mask m) { return where(m, x, 0); });
  auto inside = custom::pointwise("inside", [](custom::Value x) { return x > -1 & x < 1; });
  Tensor x = ramp({6}), m = inside(x);
  CHECK(m.dtype() == boolean);
  require_equal(m, logical_and(x > -1, x < 1));
  require_equal(keep(x, m), where(m, x, 0));
  auto rare = custom::pointwise("rare", "rarely(x > 1, sqrt(x), x)", {.operands = {"x"}});
  require_equal(rare(x), where(x > 1, sqrt(x), x));
  require_equal(same(x, m), where(m, x, 0));
}

TEST_CASE("attributes of ops are numbers of the call", "[custom]") {
  auto leaky = custom::pointwise("leaky", "leaky_relu(x, slope / 2) + clamp(x, -1, 1)",
                                 {.operands = {"x"}, .numbers = {"slope"}});
  Tensor x = ramp({6});
  require_equal(leaky(x, 0.5), leaky_relu(x, 0.25) + clamp(x, -1, 1));
  auto defaults = custom::pointwise("plus", [](custom::Value x) { return softplus(x); });
  require_equal(defaults(x), softplus(x));
}

TEST_CASE("custom ops broadcast, and take 0-d and empty tensors", "[custom]") {
  auto f = custom::pointwise("f", "exp(a) - b", {.operands = {"a", "b"}});
  require_equal(f(ramp({3, 1}), ramp({4})), exp(ramp({3, 1})) - ramp({4}));
  require_equal(f(tensor(0.5f), ramp({2})), exp(tensor(0.5f)) - ramp({2}));
  CHECK(f(tensor(0.5f), 1).rank() == 0);
  CHECK(f(ramp({0, 3}), ramp({3})).shape() == Shape{0, 3});
  // What is an operand as it is becomes a tensor of its own.
  auto itself = custom::pointwise("itself", "x", {.operands = {"x"}});
  Tensor x = ramp({3});
  CHECK_FALSE(itself(x).shares_storage(x));
  require_equal(itself(x), x);
}

TEST_CASE("gradients of a custom op are those of its expression, of any order", "[custom]") {
  auto swish = make_swish();
  check_gradient([&](const Tensor& x) { return swish(x, 1.5); }, {2, 3});
  auto f = custom::pointwise("f", "x * tanh(y)", {.operands = {"x", "y"}});
  Tensor y = f64_ramp({3}, 0.2);
  check_gradient([&](const Tensor& x) { return f(x, y); }, {2, 1});
  check_gradient([&](const Tensor& x) { return f(y, x); }, {2, 1});
}

TEST_CASE("gradients that are given replace those of the expression", "[custom]") {
  // A straight-through estimator: the gradient of rounding is that of the identity.
  auto ste = custom::pointwise("ste", "round(x)", {.operands = {"x"}, .gradients = {"dy"}});
  Tensor x = f64_ramp({4}).requires_grad_();
  (ste(x) * 3).sum().backward();
  require_equal(x.grad(), full({4}, 3, f64));

  auto power =
      custom::pointwise("power", "pow(abs(x), p)",
                        {.operands = {"x"}, .numbers = {"p"}, .gradients = {"dy * p * y / x"}});
  check_gradient([&](const Tensor& t) { return power(t, 3.0); }, {2, 3}, 0.3, 2);

  // Broadcast operands, a lambda, and an operand through which nothing flows.
  auto scaled = custom::pointwise("scaled", "s * x",
                                  {.operands = {"x", "s"},
                                   .gradients = {[](custom::Value, custom::Value s, custom::Value,
                                                    custom::Value dy) { return dy * s; },
                                                 ""}});
  Tensor s = f64_ramp({3, 1}, 0.5).requires_grad_();
  check_gradient([&](const Tensor& t) { return scaled(t, s); }, {4});
  Tensor t = f64_ramp({4}).requires_grad_();
  scaled(t, s).sum().backward();
  CHECK_FALSE(s.grad().defined());
}

TEST_CASE("a region fuses custom ops with what is around them", "[custom]") {
  auto swish = make_swish();
  for (DType t : {f32, f64, bf16}) {
    INFO(name_of(t));
    RegionStats s = compare(
        [&](int k) {
          return exp(swish(ramp({64, 33}, k).to(t), 1.0 + 0.25 * k) - 1) * 2;
        },
        5, 0, {.deterministic = true});
    CHECK(s.programs == 1);
    CHECK(s.kernels == s.calls);
    CHECK(s.divergences == 0);
  }
  auto norm = custom::reduction(
      "norm", {.map = "x * x", .combine = "a + b", .identity = 0.0, .finish = "sqrt(a)"});
  RegionStats s = compare(
      [&](int k) {
        Tensor x = ramp({64, 33}, k);
        return swish(x, 2.0) / norm(x, -1, true);
      },
      5, 1e-6, {.deterministic = true});
  CHECK(s.kernels == s.calls);
}

TEST_CASE("gradients of custom ops compile as well", "[custom]") {
  auto swish = make_swish();
  auto ste = custom::pointwise("ste", "floor(x)", {.operands = {"x"}, .gradients = {"dy * x"}});
  RegionStats s = compare(
      [&](int k) {
        Tensor x = ramp({16, 9}, k).requires_grad_();
        (swish(x, 1.5) * ste(x)).sum().backward();
        return x.grad();
      },
      5, 1e-6);
  CHECK(s.divergences == 0);
}

TEST_CASE("a module with a custom op trains", "[custom]") {
  struct Net : nn::Module {
    nn::Linear up = child("up", nn::Linear(2, 16)), down = child("down", nn::Linear(16, 1));
    custom::Pointwise act = make_swish();
    Tensor forward(const Tensor& x) override { return down(act(up(x), 1.0)); }
  };
  manual_seed(3);
  Net net;
  optim::AdamW opt(net.parameters(), {.lr = 0.02});
  auto step = compile([&](const Tensor& x, const Tensor& y) {
    opt.zero_grad();
    Tensor loss = mse_loss(net(x), y);
    loss.backward();
    opt.step();
    return loss;
  });
  Tensor x = randn({64, 2}), y = (x * x).sum(1, true);
  const float first = step(x, y).item<float>();
  float last = first;
  for (int k = 0; k < 60; k++)
    last = step(x, y).item<float>();
  CHECK(last < 0.5f * first);
  CHECK(step.stats().divergences == 0);
}

TEST_CASE("custom reductions are those of the library where combine is one", "[custom]") {
  auto total = custom::reduction("total", {.combine = "b + a", .identity = 0.0});
  auto lse = custom::reduction(
      "lse", {.map = "exp(x)", .combine = "a + b", .identity = 0.0, .finish = "log(a)"});
  auto mean_of = custom::reduction("mean_of", {.combine = "a + b", .finish = "a / n"});
  auto norm = custom::reduction("norm", {.map = "pow(abs(x), p)",
                                         .combine = "a + b",
                                         .identity = 0.0,
                                         .finish = "pow(a, 1 / p)",
                                         .numbers = {"p"}});
  auto biggest =
      custom::reduction("biggest", {.map = "abs(x)", .combine = "max(a, b)", .identity = 0.0});
  auto any_above = custom::reduction(
      "any_above", {.map = [](custom::Value x) { return x > 1; },
                    .combine = [](custom::Mask a, custom::Mask b) { return a | b; },
                    .identity = 0.0});
  for (const Dims& dims : {Dims{}, Dims{0}, Dims{-1}, Dims{0, 2}})
    for (bool keepdim : {false, true}) {
      Tensor x = f64_ramp({3, 4, 5});
      require_equal(total(x, dims, keepdim), sum(x, dims, keepdim));
      require_equal(lse(x, dims, keepdim), log(sum(exp(x), dims, keepdim)));
      require_equal(mean_of(x, dims, keepdim), mean(x, dims, keepdim), 1e-15);
      require_equal(norm(x, dims, keepdim, {3.0}),
                    pow(sum(pow(abs(x), 3.0), dims, keepdim), 1 / 3.0));
      require_equal(biggest(x, dims, keepdim), amax(abs(x), dims, keepdim));
      require_equal(any_above(x, dims, keepdim), any(x > 1, dims, keepdim));
    }
  CHECK(total(arange(5)).item<int64_t>() == 10);
  CHECK(lse(ramp({4}).to(bf16)).dtype() == bf16);
  check_gradient([&](const Tensor& x) { return lse(x, 0); }, {3, 2});
}

TEST_CASE("any other associative combine is a tree that keeps the order", "[custom]") {
  auto lse = custom::reduction(
      "lse", {.combine = "logaddexp(a, b)", .identity = -std::numeric_limits<double>::infinity()});
  auto first = custom::reduction("first", {.combine = "a"});
  auto last = custom::reduction("last", {.combine = "b"});
  auto union_of = custom::reduction("union", {.combine = "a + b - a * b", .identity = 0.0});
  for (int64_t n : {1, 2, 3, 5, 8, 13, 31}) {
    INFO(n);
    Tensor x = f64_ramp({2, n, 3});
    require_equal(lse(x, 1), logsumexp(x, 1), 1e-14);
    require_equal(first(x, 1, true), slice(x, 1, 0, 1));
    require_equal(last(x, 1, true), slice(x, 1, n - 1, n));
    require_equal(lse(x, {0, 1}), logsumexp(x, {0, 1}), 1e-14);
    require_equal(union_of(x * 0.2), 1 - prod(1 - x * 0.2), 1e-12);
  }
  // Integers stay integers where combine leaves them so, for any number of them.
  auto bits = custom::reduction("bits", {.combine = "bitwise_xor(a, b)", .identity = 0.0});
  auto length = custom::reduction("length", {.combine = "sqrt(a * a + b * b)", .identity = 0.0});
  for (int64_t n : {0, 1, 2, 5}) {
    int64_t want = 0;
    for (int64_t k = 0; k < n; k++)
      want ^= k;
    CHECK(bits(arange(n)).item<int64_t>() == want);
    CHECK(bits(arange(n)).dtype() == i64);
    CHECK(length(arange(n)).dtype() == f32);
  }
  CHECK_FALSE(first(ramp({1})).shares_storage(ramp({1})));
  check_gradient([&](const Tensor& x) { return lse(x, 0); }, {5, 2});
  compare([&](int k) { return lse(ramp({7, 21}, k), 1); }, 4, 1e-6);
}

TEST_CASE("reducing no elements gives the identity", "[custom]") {
  auto biggest = custom::reduction("biggest", {.combine = "max(a, b)", .identity = 0.0});
  auto bound = custom::reduction("bound", {.combine = "max(a, b)"});
  auto total = custom::reduction("total", {.combine = "a + b"});
  require_equal(biggest(ramp({3, 0}), 1), zeros({3}));
  CHECK(biggest(ramp({3, 0}), 1, true).shape() == Shape{3, 1});
  CHECK(biggest(ramp({0, 3}), 1).shape() == Shape{0});
  CHECK(total(ramp({0})).item<float>() == 0);
  CHECK(biggest(ramp({0}).to(i64)).item<int64_t>() == 0);
  require_error(
      [&] {
        bound(ramp({3, 0}), 1);
      },
      ErrorKind::shape,
      "bound: there must be elements where the op has no identity, got f32[3, 0]");
}

TEST_CASE("mistakes in an expression are one line and a caret", "[custom]") {
  auto make = [](const char* text) {
    return [text] { custom::pointwise("swish", text, {.operands = {"x", "y"}}); };
  };
  auto value = ErrorKind::value;
  require_error(make("x * lgo(y)"), value,
                "swish: no function or op is named 'lgo'\n  x * lgo(y)\n      ^");
  require_error(
      make("x * z"), value,
      "swish: 'z' is not an operand, a number or a name that is defined\n  x * z\n      ^");
  require_error(make("exp(x, y)"), value, "swish: 'exp' takes 1 operand, got 2\n  exp(x, y)\n  ^");
  require_error(make("where(x, y, 0)"), value,
                "swish: 'where' operand 1 must be a bool, got a number\n  where(x, y, 0)\n  ^");
  require_error(make("x + leaky_relu(x, y)"), value,
                "swish: 'leaky_relu' takes a number as its negative_slope, got what depends on an "
                "operand\n  x + leaky_relu(x, y)\n      ^");
  require_error(make("y + scale2(x, 2)"), value,
                "swish: 'scale2' is for the records of the library's own ops, a custom op calls "
                "those that docs/ops.md lists\n  y + scale2(x, 2)\n      ^");
  require_error(make("exp(x)"), value, "swish: 'y' must be used, got no use");
  require_error([] { custom::pointwise("f", "x", {}); }, value,
                "f: operands must be named, got none");
  require_error(
      [] {
        custom::pointwise("f", "x", {.operands = {"x", "x"}});
      },
      value, "f: names of operands and numbers must differ, got 'x' twice");
  require_error(
      [] { custom::pointwise("f", "exp(x)", {.operands = {"x"}, .gradients = {"dy * q"}}); }, value,
      "f: gradient of x: 'q' is not an operand, a number or a name that is defined\n  dy * q\n     "
      "  ^");
  require_error([] { custom::pointwise("f", "exp(x)", {.operands = {"x"}, .gradients = {"x"}}); },
                value, "f: gradient of x: must depend on dy, got one that does not");
  custom::Value stray = 0;
  custom::pointwise("keeps", [&](custom::Value x) { return stray = x; });
  require_error([&] { custom::pointwise("f", [&](custom::Value x) { return x + stray; }); }, value,
                "f: a parameter of another lambda must not be used");
}

TEST_CASE("mistakes in a reduction are found where it is made", "[custom]") {
  auto value = ErrorKind::value;
  require_error([] { custom::reduction("r", {}); }, value, "r: combine: must be given, got none");
  require_error([] { custom::reduction("r", {.combine = "a - b"}); }, value,
                "r: combine: must be associative, got -0.25 for (0.25, 0.25), 0.25 and 0.25 for "
                "0.25, (0.25, 0.25)");
  require_error([] { custom::reduction("r", {.combine = "a * b", .identity = 0.0}); }, value,
                "r: identity: must leave every number as it is, got 0, which makes 0 of 0.25");
  require_error([] { custom::reduction("r", {.combine = "a + x"}); }, value,
                "r: combine: 'x' is not an operand, a number or a name that is defined\n  a + x\n"
                "      ^");
  require_error([] { custom::reduction("r", {.map = "1", .combine = "a + b"}); }, value,
                "r: map: must depend on x, got one that does not");
}

TEST_CASE("a call's mistakes name the op and the user's line", "[custom]") {
  auto swish = make_swish();
  auto f = custom::pointwise("f", "a * floor_divide(a, b)", {.operands = {"a", "b"}});
  Tensor x = ramp({2, 3});
  require_error([&] { swish(x); }, ErrorKind::value,
                "swish: the op must be called with 2 arguments, got 1");
  require_error([&] { swish(x, x); }, ErrorKind::value,
                "swish: beta must be a number, got f32[2, 3]");
  require_error([&] { swish(1.0, 2.0); }, ErrorKind::value,
                "swish: an operand must be a tensor, got numbers alone");
  auto copy = std::move(swish); // leaves what it came from an op
  require_equal(swish(x, 1.0), copy(x, 1.0));
  require_error([] { custom::pointwise("f", "x + floor_divide(1, 0)", {.operands = {"x"}}); },
                ErrorKind::index,
                "f: floor_divide: integers must not be divided by 0, got 1 and 0");
  require_error([&] { f(Tensor(), x); }, ErrorKind::value, "f: a must be defined, got none");
  require_error([&] { f(arange(2), arange(2)); }, ErrorKind::index,
                "f: floor_divide: integers must not be divided by 0, got 0 and 0");
  CHECK_THROWS_WITH(f(x, ramp({4})), Catch::StartsWith("f: floor_divide: "));
  auto lse = custom::reduction("lse", {.combine = "logaddexp(a, b)"});
  CHECK_THROWS_WITH(lse(x, 2), Catch::StartsWith("lse: "));
  require_error([&] { lse(x, {0, 0}); }, ErrorKind::index, "lse: dims must differ, got [0, 0]");
  require_error([&] { lse(2.0); }, ErrorKind::value,
                "lse: the operand must be a tensor, got a number");
  require_error([&] { lse(x, 0, false, {1.0}); }, ErrorKind::value,
                "lse: the op must be called with 0 numbers, got 1");
}

// vjp, jvp, jacobian, hessian and checkpoint.

#include "test/unit/autograd_util.h"
#include "weft/memory.h"
#include "weft/weft.h"

using namespace weft;
using namespace weft::test;
using Catch::Matchers::Contains;

namespace {

using Tensors = std::vector<Tensor>;

Tensor numbers(std::initializer_list<double> v) {
  return tensor(std::vector<double>(v), {static_cast<int64_t>(v.size())});
}

/// x, y -> x y, sum(x^2)
Tensors pair(const Tensors& in) { return {in[0] * in[1], sum(in[0] * in[0])}; }

void check_close(const Tensor& got, const Values& want) {
  const Values v = values(got);
  REQUIRE(v.size() == want.size());
  for (size_t k = 0; k < v.size(); k++)
    CHECK(v[k] == Approx(want[k]).margin(1e-12));
}

} // namespace

TEST_CASE("vjp weights rows of the Jacobian", "[autograd]") {
  const Derivative d =
      vjp(pair, {numbers({1, 2}), numbers({3, 4})}, {numbers({1, 10}), tensor(100.0)});
  check_close(d.outputs[0], {3, 8});
  check_close(d.outputs[1], {5});
  check_close(d.values[0], {203, 440});
  check_close(d.values[1], {1, 20});
  CHECK_FALSE(d.values[0].requires_grad());
}

TEST_CASE("jvp moves the inputs along a vector", "[autograd]") {
  const Derivative d =
      jvp(pair, {numbers({1, 2}), numbers({3, 4})}, {numbers({1, 10}), numbers({100, 1000})});
  check_close(d.values[0], {103, 2040});
  check_close(d.values[1], {42});
  // Exact for a function with every kind of op.
  auto f = [](const Tensors& x) {
    return Tensors{softmax(matmul(x[0], transpose(x[0], 0, 1)), 1) / exp(mean(x[0], 0, true))};
  };
  const Tensor x = tensor(std::vector<double>{0.1, 0.7, -0.3, 0.4}, {2, 2});
  const Tensor v = tensor(std::vector<double>{1, -2, 0.5, 3}, {2, 2});
  const double h = 1e-6;
  const Tensor want = (f({x + v * h})[0] - f({x - v * h})[0]) / (2 * h);
  const Values got = values(jvp(f, {x}, {v}).values[0]);
  for (size_t k = 0; k < got.size(); k++)
    CHECK(got[k] == Approx(values(want)[k]).epsilon(1e-7).margin(1e-8));
}

TEST_CASE("outputs and inputs that do not depend on each other have zero derivatives",
          "[autograd]") {
  auto f = [](const Tensors& in) { return Tensors{in[0] * 2.0, ones({2}, f64)}; };
  const Tensors in = {numbers({1}), numbers({3, 4})};
  check_close(vjp(f, in, {numbers({5}), numbers({1, 1})}).values[1], {0, 0});
  check_close(jvp(f, in, {numbers({5}), numbers({1, 1})}).values[1], {0, 0});
  const auto j = jacobian(f, in);
  CHECK(j[1][0].shape() == Shape{2, 1});
  check_close(j[0][0], {2});
  check_close(j[0][1], {0, 0});
  check_close(j[1][1], {0, 0, 0, 0});
}

TEST_CASE("jacobian has the output's dims, then the input's", "[autograd]") {
  const Tensor x = tensor(std::vector<double>{1, 2, 3, 4}, {2, 2});
  const Tensor j = jacobian([](const Tensor& t) { return sum(t * t, 1); }, x);
  CHECK(j.shape() == Shape{2, 2, 2});
  check_close(j, {2, 4, 0, 0, 0, 0, 6, 8});
  CHECK(jacobian([](const Tensor& t) { return t * 2.0; }, zeros({0}, f64)).shape() == Shape{0, 0});
  const auto both = jacobian(pair, {numbers({1, 2}), numbers({3, 4})});
  check_close(both[0][0], {3, 0, 0, 4});
  check_close(both[0][1], {1, 0, 0, 2});
  check_close(both[1][0], {2, 4});
}

TEST_CASE("hessian is the jacobian of the gradient", "[autograd]") {
  const Tensor h =
      hessian([](const Tensor& x) { return sum(x * x * x) + x[0] * x[1]; }, numbers({1, 2}));
  CHECK(h.shape() == Shape{2, 2});
  check_close(h, {6, 1, 1, 12});
  const auto blocks = hessian([](const Tensors& in) { return sum(in[0] * in[0] * in[1]); },
                              Tensors{numbers({1, 2}), numbers({3, 4})});
  check_close(blocks[0][0], {6, 0, 0, 8});
  check_close(blocks[0][1], {2, 0, 0, 4});
  check_close(blocks[1][0], {2, 0, 0, 4});
  check_close(blocks[1][1], {0, 0, 0, 0});
}

TEST_CASE("with create_graph derivatives can be differentiated", "[autograd]") {
  Tensor x = numbers({1, 2}).requires_grad_();
  const Tensor h = hessian([](const Tensor& t) { return sum(t * t * t * t); }, x, true); // 12 x^2
  check_close(grad({sum(h)}, {x})[0], {24, 48});
  const Derivative d = jvp([](const Tensors& in) { return Tensors{in[0] * in[0] * in[0]}; }, {x},
                           {numbers({1, 1})}, true);
  check_close(grad({sum(d.values[0])}, {x})[0], {6, 12});
}

TEST_CASE("derivatives leave grad modes and grad() alone", "[autograd]") {
  Tensor x = numbers({1, 2}).requires_grad_();
  NoGrad scope;
  check_close(jacobian([](const Tensor& t) { return t * t; }, x), {2, 0, 0, 4});
  CHECK_FALSE(x.grad().defined());
  CHECK_FALSE(grad_enabled());
}

TEST_CASE("derivatives refuse what they cannot take", "[autograd]") {
  const Tensor x = numbers({1, 2}), i = tensor({1, 2});
  CHECK_THAT(message([&] { jacobian([](const Tensor& t) { return t; }, i); }),
             Contains("jacobian: input 0 must be floating, got i64[2]"));
  CHECK_THAT(message([&] {
               vjp(pair, {x, x}, {x});
             }),
             Contains("vjp: there must be a vector for each of the 2 outputs, got 1"));
  CHECK_THAT(message([&] {
               jvp(pair, {x, x}, {x, tensor(1.0)});
             }),
             Contains("jvp: vector 1 must have the dtype and shape f64[2], got f64[]"));
  CHECK_THAT(message([&] { hessian([](const Tensor& t) { return t * t; }, x); }),
             Contains("hessian: the function's result must have one element, got f64[2]"));
  CHECK_THAT(message([&] { vjp(pair, {x, x}, {x}); }), Contains("derivatives_test.cpp:"));
}

TEST_CASE("a checkpoint computes its part again, with the same random numbers", "[autograd]") {
  int runs = 0;
  Tensor w = numbers({2, 3}).requires_grad_();
  auto f = [&](const Tensor& x) {
    runs++;
    Tensor noise = rand({2}, f64);
    return exp(tanh(x * w) * noise) * x;
  };
  Tensor x = numbers({0.5, -1}).requires_grad_();
  Tensor h = x * 2.0;
  manual_seed(5);
  sum(f(h)).backward();
  const Values dx = values(x.grad()), dw = values(w.grad());
  x.set_grad({});
  w.set_grad({});
  manual_seed(5);
  h = x * 2.0;
  runs = 0;
  Tensor y = sum(checkpoint(f, h));
  const uint64_t counter = default_generator().counter();
  y.backward();
  CHECK(runs == 2);
  CHECK(values(x.grad()) == dx);
  CHECK(values(w.grad()) == dw);
  CHECK(default_generator().counter() == counter);
}

TEST_CASE("a checkpoint keeps nothing between the passes", "[autograd]") {
  Tensor x = ones({1 << 16}, f64).requires_grad_();
  auto deep = [](const Tensor& t) {
    Tensor y = t;
    for (int k = 0; k < 10; k++)
      y = tanh(y) * sigmoid(y);
    return y;
  };
  auto held = [&](auto&& run) {
    const size_t before = memory::stats().live;
    Tensor y = run();
    return memory::stats().live - before;
  };
  const size_t block = sizeof(double) << 16;
  CHECK(held([&] { return deep(x); }) >= 20 * block);
  CHECK(held([&] { return checkpoint(deep, x); }) < 2 * block);
  const size_t before = memory::stats().live;
  checkpoint(deep, x).backward(ones({1 << 16}, f64));
  x.set_grad({});
  CHECK(memory::stats().live == before);
}

TEST_CASE("checkpoints nest, and can be differentiated twice", "[autograd]") {
  Tensor x = numbers({0.5, -1}).requires_grad_();
  auto inner = [](const Tensor& t) { return exp(t * t); };
  auto outer = [&](const Tensor& t) { return tanh(checkpoint(inner, t * 2.0)) * t; };
  auto slopes = [&](auto&& f) {
    Tensor g = grad({sum(f(x))}, {x}, {}, {.create_graph = true})[0];
    return std::pair(values(g), values(grad({sum(g * g)}, {x})[0]));
  };
  const auto want = slopes([&](const Tensor& t) { return tanh(inner(t * 2.0)) * t; });
  CHECK(slopes(outer) == want);
  CHECK(slopes([&](const Tensor& t) { return checkpoint(outer, t); }) == want);
}

TEST_CASE("a checkpoint refuses a function that does something else, or changed inputs",
          "[autograd]") {
  Tensor x = numbers({0.5, -1}).requires_grad_();
  int runs = 0;
  auto moody = [&](const Tensor& t) { return runs++ ? exp(tanh(t)) : exp(t); };
  CHECK_THAT(message([&] { sum(checkpoint(moody, x)).backward(); }),
             Contains("checkpoint: the function must do the same when backward runs it again, got "
                      "2 recorded ops and 1 at first"));
  runs = 0;
  auto other = [&](const Tensor& t) { return runs++ ? tanh(t) : exp(t); };
  CHECK_THAT(message([&] { sum(checkpoint(other, x)).backward(); }),
             Contains("got tanh where it did exp at first"));
  Tensor h = x * 1.0;
  Tensor y = sum(checkpoint([](const Tensor& t) { return exp(t); }, h));
  h.add_(1.0);
  CHECK_THAT(message([&] { y.backward(); }),
             Contains("checkpoint: input 0, f64[2], must not be changed in place before backward"));
  CHECK_THAT(message([&] { checkpoint([](const Tensor& t) { return t.mul_(2.0); }, h); }),
             Contains("checkpoint: the function must not change its inputs in place"));
}

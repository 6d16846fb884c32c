// Hooks, kept gradients of results, anomaly mode, grad modes, detach_.

#include "test/unit/autograd_util.h"
#include "weft/memory.h"
#include "weft/weft.h"

#include <limits>

using namespace weft;
using namespace weft::test;
using Catch::Matchers::Contains;

namespace {

Tensor leaf(std::initializer_list<double> values) {
  return tensor(std::vector<double>(values), {static_cast<int64_t>(values.size())})
      .requires_grad_();
}

struct Bad : autograd::Function<Bad> {
  static constexpr const char* name = "bad";
  Tensor forward(autograd::Context&, const Tensor& x) { return x * 1.0; }
  std::vector<Tensor> backward(autograd::Context&, const std::vector<Tensor>& dy) {
    return {dy[0] * std::numeric_limits<double>::quiet_NaN()};
  }
};

} // namespace

TEST_CASE("hooks on results see the whole gradient and replace it", "[autograd]") {
  Tensor x = leaf({1, 2});
  Tensor h = x * 2.0;
  Tensor y = sum(h * 3.0 + h * h); // both uses come before the hooks
  std::vector<Values> seen;
  HookHandle watch = h.register_hook([&](const Tensor& g) { seen.push_back(values(g)); });
  HookHandle change = h.register_hook([](const Tensor& g) { return g * 10.0; });
  h.register_hook([&](const Tensor& g) { seen.push_back(values(g)); });
  y.backward({}, true);
  CHECK(seen == std::vector<Values>{{7, 11}, {70, 110}});
  CHECK(values(x.grad()) == Values{140, 220});
  watch.remove();
  watch.remove();
  change.remove();
  seen.clear();
  x.set_grad({});
  y.backward();
  CHECK(seen == std::vector<Values>{{7, 11}});
  CHECK(values(x.grad()) == Values{14, 22});
}

TEST_CASE("a hook on a leaf runs once, on the pass's gradient, before it is accumulated",
          "[autograd]") {
  Tensor x = leaf({1, 2}), w = leaf({3, 4});
  std::vector<Values> seen;
  x.register_hook([&](const Tensor& g) {
    seen.push_back(values(g));
    return g * 2.0;
  });
  for (int k = 0; k < 2; k++)
    sum(x * w + x * 2.0).backward();
  CHECK(seen == std::vector<Values>{{5, 6}, {5, 6}});
  CHECK(values(x.grad()) == Values{20, 24});
  CHECK(values(w.grad()) == Values{2, 4});
  x.set_grad({});
  CHECK(values(grad({sum(x * 5.0)}, {x})[0]) == Values{10, 10});
  CHECK_FALSE(x.grad().defined());
}

TEST_CASE("a leaf's hooks run as soon as no op is left that uses it", "[autograd]") {
  Tensor first = leaf({1}), last = leaf({2});
  std::string order;
  first.register_hook([&](const Tensor&) { order += "first "; });
  last.register_post_accumulate_grad_hook([&](const Tensor& t) {
    CHECK(t.is_same(last));
    CHECK(values(t.grad()) == Values{1});
    t.set_grad({});
    order += "last ";
  });
  Tensor h = first * 2.0;
  h.register_hook([&](const Tensor&) { order += "h "; });
  sum(h * 1.0 + last).backward();
  CHECK(order == "last h first ");
  CHECK_FALSE(last.grad().defined());
}

TEST_CASE("hooks are for tensors that require a gradient, and keep its shape", "[autograd]") {
  Tensor plain = tensor({1.0});
  Tensor x = leaf({1, 2});
  CHECK_THAT(message([&] { plain.register_hook([](const Tensor&) {}); }),
             Contains("register_hook: f64[1] must require a gradient (at "));
  CHECK_THAT(message([&] { Tensor().register_hook([](const Tensor&) {}); }),
             Contains("register_hook: the tensor must be defined"));
  CHECK_THAT(message([&] { (x * 2.0).register_post_accumulate_grad_hook([](const Tensor&) {}); }),
             Contains("register_post_accumulate_grad_hook: f64[2] must be a leaf that requires a "
                      "gradient"));
  x.register_hook([](const Tensor& g) { return sum(g); });
  std::string here = "autograd_hook_test.cpp:" + std::to_string(__LINE__ - 1);
  std::string text = message([&] { sum(x).backward(); });
  CHECK_THAT(text, Contains("register_hook: what a hook returns must have the gradient's dtype and "
                            "shape, f64[2], got f64[]"));
  CHECK_THAT(text, Contains(here));
}

TEST_CASE("a hook may throw, and may run a backward pass of its own", "[autograd]") {
  Tensor x = leaf({1, 2}), other = leaf({3});
  Tensor h = x * 2.0;
  bool fail = true;
  h.register_hook([&](const Tensor& g) {
    if (fail) throw std::runtime_error("stop");
    EnableGrad record; // a backward pass records nothing by itself
    Tensor inner = sum(other * other);
    inner.backward();
    return g * 1.0;
  });
  Tensor y = sum(h * h);
  CHECK_THROWS_WITH(y.backward({}, true), "stop");
  fail = false;
  y.backward();
  CHECK(values(x.grad()) == Values{8, 16});
  CHECK(values(other.grad()) == Values{6});
}

TEST_CASE("hooks see gradients that can be differentiated with create_graph", "[autograd]") {
  Tensor x = leaf({1, 2});
  Tensor h = x * x;
  HookHandle hook = h.register_hook([](const Tensor& g) { return g * g; });
  Tensor g = grad({sum(h * h)}, {x}, {}, {.create_graph = true})[0]; // (2 x^2)^2 2 x = 8 x^5
  hook.remove(); // or it would run in the second pass too
  CHECK(values(grad({sum(g)}, {x})[0]) == Values{40, 640});
}

TEST_CASE("retain_grad keeps the gradient of a result", "[autograd]") {
  Tensor x = leaf({1, 2});
  Tensor h = x * 2.0;
  CHECK_FALSE(h.retains_grad());
  h.retain_grad();
  CHECK(h.retains_grad());
  x.retain_grad(); // nothing to do
  CHECK_FALSE(x.retains_grad());
  Tensor y = sum(h * h);
  y.backward({}, true);
  CHECK(values(h.grad()) == Values{4, 8});
  y.backward();
  CHECK(values(h.grad()) == Values{8, 16}); // it accumulates
  h.set_grad({});
  CHECK_FALSE(h.grad().defined());
  CHECK_THAT(message([&] { tensor({1.0}).retain_grad(); }),
             Contains("retain_grad: f64[1] must require a gradient"));
  CHECK_THAT(message([&] { (x * 2.0).set_grad(x); }),
             Contains("set_grad: f64[2] must be a leaf, or a result that retain_grad() was called "
                      "on"));
}

TEST_CASE("a kept gradient follows its tensor through ops in place; hooks stay with the value",
          "[autograd]") {
  Tensor x = leaf({1, 2});
  Tensor h = x * 2.0;
  h.retain_grad();
  Values hooked;
  h.register_hook([&](const Tensor& g) { hooked = values(g); });
  h.mul_(3.0);
  sum(h * 5.0).backward();
  CHECK(values(h.grad()) == Values{5, 5});
  CHECK(hooked == Values{15, 15});
  CHECK(values(x.grad()) == Values{30, 30});
}

TEST_CASE("hooks and kept gradients leave no memory behind", "[autograd]") {
  auto work = [] {
    Tensor x = leaf({1, 2, 3});
    Tensor h = exp(x);
    h.retain_grad();
    x.register_hook([](const Tensor& g) { return g * 2.0; });
    h.register_hook([](const Tensor& g) { return g * 2.0; });
    sum(h * h).backward({}, false, true); // h.grad() leads back to h
    CHECK(h.grad().requires_grad());
    x.set_grad({});
  };
  work();
  const size_t before = memory::stats().live;
  for (int k = 0; k < 3; k++)
    work();
  CHECK(memory::stats().live == before);
}

TEST_CASE("anomaly mode names the op and the forward line that made a NaN", "[autograd]") {
  Tensor x = leaf({0, 1});
  Tensor y = sum(sqrt(x) * 0.0);
  y.backward({}, true);
  CHECK(std::isnan(values(x.grad())[0]));
  Tensor root = sqrt(x);
  std::string here = "autograd_hook_test.cpp:" + std::to_string(__LINE__ - 1);
  AnomalyMode anomaly;
  std::string text = message([&] { sum(root * 0.0).backward(); });
  CHECK_THAT(text, Contains("sqrt: in AnomalyMode the gradient of operand 1 must have no NaN, got "
                            "1 in f64[2]"));
  CHECK_THAT(text, Contains(here));
  {
    AnomalyMode off(false);
    sum(sqrt(x) * 0.0).backward();
  }
  x.set_grad({});
  sum(x * 2.0).backward();
  CHECK(values(x.grad()) == Values{2, 2});
}

TEST_CASE("anomaly mode names a user's function", "[autograd]") {
  Tensor x = leaf({0, 1});
  AnomalyMode anomaly;
  CHECK_THAT(message([&] { sum(Bad::apply(x)).backward(); }),
             Contains("bad: in AnomalyMode the gradient of operand 1 must have no NaN, got 2 in "
                      "f64[2]"));
}

TEST_CASE("grad modes nest, and wrap functions", "[autograd]") {
  Tensor x = leaf({1, 2});
  {
    GradMode off(false);
    CHECK_FALSE(grad_enabled());
    GradMode on(true);
    CHECK(grad_enabled());
  }
  CHECK(grad_enabled());
  {
    NoGrad scope;
    set_grad_enabled(true);
    CHECK((x * 2.0).requires_grad());
  }
  CHECK(grad_enabled());
  auto twice = [](const Tensor& t) { return t * 2.0; };
  CHECK_FALSE(no_grad(twice)(x).requires_grad());
  CHECK(enable_grad(twice)(x).requires_grad());
  NoGrad scope;
  CHECK(enable_grad(twice)(x).requires_grad());
}

TEST_CASE("detach_ makes a result a leaf", "[autograd]") {
  Tensor x = leaf({1, 2});
  Tensor h = x * 2.0;
  Tensor y = sum(h * x);
  h.detach_();
  CHECK(h.is_leaf());
  CHECK_FALSE(h.requires_grad());
  y.backward(); // recorded before
  CHECK(values(x.grad()) == Values{4, 8});
  CHECK_FALSE((h * 2.0).requires_grad());
  CHECK_THAT(message([&] {
               (x * 2.0).view({2, 1}).detach_();
             }),
             Contains("detach_: f64[2, 1] must not be a view, whose history is that of its base; "
                      "use detach()"));
  Tensor w = leaf({1});
  w.detach_();
  CHECK_FALSE(w.requires_grad());
}

TEST_CASE("grad gives zeros for unused inputs where asked to", "[autograd]") {
  Tensor x = leaf({1}), unused = leaf({2, 3});
  const auto g = grad({x * 2.0}, {x, unused}, {}, {.materialize_grads = true});
  CHECK(values(g[0]) == Values{2});
  CHECK(values(g[1]) == Values{0, 0});
}

TEST_CASE("grad needs an output", "[autograd]") {
  Tensor x = leaf({1});
  CHECK_THAT(message([&] { grad(std::vector<Tensor>(), {x}); }),
             Contains("grad: there must be an output, got none"));
}
